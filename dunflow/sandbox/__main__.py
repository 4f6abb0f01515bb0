"""`python -m dunflow.sandbox --port 9801 --state DIR`: the sandbox as its own process."""

import argparse
import os
import sys
from pathlib import Path

import uvicorn

from dunflow.errors import ConfigError
from dunflow.intake.receiver.keys import WEBHOOK_SECRET
from dunflow.remind.senders.choose import RECEIVER_URL
from dunflow.sandbox.app import create_app
from dunflow.sandbox.credentials import read_credentials
from dunflow.sandbox.serve import HOST, base_url, bind, make_config


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dunflow.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=9801, help=f"on {HOST}; 0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="the folder that keeps it all")
    arguments = parser.parse_args()
    try:
        credentials = read_credentials(os.environ)
        listener = bind(arguments.port)
    except ConfigError as err:
        print(f"sandbox: {err}", file=sys.stderr)
        return 2
    except OSError as err:
        print(
            f"sandbox: port {arguments.port} of {HOST} cannot be taken ({err.strerror}); "
            "stop what uses it, or give another --port",
            file=sys.stderr,
        )
        return 2
    print(f"sandbox: {base_url(listener)}", flush=True)
    app = create_app(
        arguments.state,
        credentials=credentials,
        receiver_url=os.environ.get(RECEIVER_URL, "").rstrip("/") or None,
        webhook_secret=os.environ.get(WEBHOOK_SECRET) or None,
    )
    uvicorn.Server(make_config(app)).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
