"""Runs the sandbox: in this process until it is stopped, or in a thread for tests and scenarios."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

HOST = "127.0.0.1"
IDLE_S = 75
"""How long an unused connection is kept, longer than clients keep theirs (20 s in our senders): a
connection that the server closes while a client writes leaves that client in doubt."""


def bind(port: int) -> socket.socket:
    """A listening socket on loopback; port 0 takes any free one."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(1024)
    return listener


def base_url(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"


def make_server(app: ASGIApp) -> uvicorn.Server:
    """A server without an access log: addresses and phone numbers stand in its lines."""
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=2,
        lifespan="on",
        server_header=False,
    )
    return uvicorn.Server(config)


@contextmanager
def serve(app: ASGIApp, *, port: int = 0) -> Iterator[str]:
    """Serve `app` in a thread; gives its base URL, and stops it in the end."""
    listener = bind(port)
    server = make_server(app)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True
    )
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the sandbox did not start; its log says why")
        time.sleep(0.005)
    try:
        yield base_url(listener)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
