"""The body of a request, up to a limit: whoever sends is not known before all of it is read."""

from starlette.requests import Request


async def read_body(request: Request, at_most: int) -> bytes | None:
    """None where it is longer, of which no more than so many bytes were held."""
    held = bytearray()
    async for chunk in request.stream():
        held += chunk
        if len(held) > at_most:
            return None
    return bytes(held)
