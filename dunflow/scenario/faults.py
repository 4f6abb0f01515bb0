"""Orders bad days at the sandbox, in the way in which anybody does."""

import json
from collections.abc import Mapping
from urllib.request import Request, urlopen

from dunflow.errors import ConfigError
from dunflow.scenario.model import Fault
from dunflow.scenario.world import World


class BadDays:
    """The sandbox's faults, by its own URL and token."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._url = environ["DUNFLOW_SANDBOX_URL"] + "/_sandbox/faults"
        self._token = environ["DUNFLOW_SANDBOX_INBOX_TOKEN"]

    def order(self, fault: Fault, world: World) -> None:
        recipient = fault.customer and world.contact_point(fault.customer, fault.channel)
        if fault.customer and not recipient:
            raise ConfigError(f"fault: {fault.customer} cannot be reached by {fault.channel}")
        body = {
            "channel": fault.channel,
            "kind": fault.kind,
            "times": fault.times,
            "recipient": recipient,
        }
        request = Request(  # noqa: S310 - the sandbox's own address, on loopback
            self._url,
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        with urlopen(request, timeout=10):  # noqa: S310
            pass
