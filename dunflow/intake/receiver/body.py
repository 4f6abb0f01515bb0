"""The body of a request, up to a limit: whoever sends is not known before all of it is read. And
its words, without the characters that no database holds."""

from starlette.requests import Request


async def read_body(request: Request, at_most: int) -> bytes | None:
    """None where it is longer, of which no more than so many bytes were held."""
    held = bytearray()
    async for chunk in request.stream():
        held += chunk
        if len(held) > at_most:
            return None
    return bytes(held)


def keepable(words: str) -> str:
    """Without zero bytes, and with a sign in the place of half a surrogate pair."""
    return words.replace("\0", "").encode(errors="replace").decode()
