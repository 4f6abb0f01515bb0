"""Runs the sandbox: in this process until it is stopped, or in a thread for tests and scenarios."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

HOST = "127.0.0.1"
IDLE_S = 75
"""How long an unused connection is kept, longer than clients keep theirs (20 s in our senders): a
connection that the server closes while a client writes leaves that client in doubt."""
STOP_S = 2
"""How long requests under way may take to end."""


def bind(port: int) -> socket.socket:
    """A listening socket on loopback; port 0 takes any free one."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(1024)
    return listener


def base_url(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"


def make_config(app: ASGIApp) -> uvicorn.Config:
    """Without an access log: addresses and phone numbers stand in its lines."""
    return uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=STOP_S,
        lifespan="on",
        server_header=False,
    )


class ThreadServer(uvicorn.Server):
    """Stops when it is told to. The original looks every tenth of a second and then waits as long
    for its connections: minutes, over the hundreds of short-lived sandboxes of a test run."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.running = threading.Event()

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()
        self.running.set()
        while not self._told.is_set():
            await self.on_tick(0)  # sets the replies' Date
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=STOP_S)
        await self.lifespan.shutdown()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._told.set)


@contextmanager
def serve(app: ASGIApp, *, port: int = 0) -> Iterator[str]:
    """Serve `app` in a thread; gives its base URL, and stops it in the end."""
    listener = bind(port)
    server = ThreadServer(make_config(app))
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True
    )
    thread.start()
    while not server.running.wait(0.05):
        if not thread.is_alive():
            raise RuntimeError("the sandbox did not start; its log says why")
    try:
        yield base_url(listener)
    finally:
        server.stop()
        thread.join()
        listener.close()
