"""Replies, whole and broken, as they come off the wire."""

import http.client

import pytest

from dunflow.remind.senders import response
from dunflow.remind.senders.response import FAULTS, Response


class Wire:
    """Gives one piece for each time that somebody looks, and then hangs up."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = iter(pieces)

    def recv(self, _: int) -> bytes:
        return next(self._pieces, b"")


def read(*pieces: bytes) -> Response:
    made = Response(Wire(*pieces))  # type: ignore[arg-type]
    made.begin()
    return made


OK = b"HTTP/1.1 201 Created\r\n"
WHOLE = OK + b"X-Message-Id: a b\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = OK + b"x-message-id: a b\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [WHOLE],
        [WHOLE[:25], WHOLE[25:]],
        [bytes([byte]) for byte in WHOLE],
        [CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"],
        [b"HTTP/1.1 100 Continue\r\nX-Message-Id: none\r\n\r\n", WHOLE],
        [b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + WHOLE],
    ],
)
def test_a_reply_is_read_however_it_arrives(pieces):
    got = read(*pieces)
    assert got.reply.status == 201
    assert got.reply.reason == "Created"
    assert got.reply.headers["X-Message-Id"] == "a b"
    assert got.reply.body == b"hello"
    assert not got.will_close


@pytest.mark.parametrize("status", [200, 204, 304])
def test_a_reply_may_have_no_body(status):
    got = read(f"HTTP/1.1 {status} \r\nContent-Length: 0\r\n\r\n".encode())
    assert (got.reply.status, got.reply.body) == (status, b"")


def test_a_body_of_no_stated_length_ends_with_the_connection():
    got = read(OK + b"\r\nhel", b"lo")
    assert got.reply.body == b"hello"
    assert got.will_close


@pytest.mark.parametrize(
    "reply",
    [
        OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.0 201 Created\r\nContent-Length: 5\r\n\r\nhello",
        WHOLE + WHOLE,
        WHOLE + b"and what else came to mind",
    ],
)
def test_a_connection_that_is_of_no_more_use_is_closed(reply):
    got = read(reply)
    assert got.reply.body == b"hello"
    assert got.will_close


def test_a_reply_that_nobody_asked_for_does_not_take_the_place_of_the_first():
    got = read(WHOLE + b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno")
    assert (got.reply.status, got.reply.body) == (201, b"hello")


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (b"", http.client.RemoteDisconnected),
        (WHOLE[:10], http.client.RemoteDisconnected),
        (WHOLE[:30], http.client.RemoteDisconnected),
        (b"HTTP/1.1 100 Continue\r\n\r\n", http.client.RemoteDisconnected),
        (WHOLE[:-1], http.client.IncompleteRead),
        (CHUNKED + b"5\r\nhello\r\n", http.client.IncompleteRead),
    ],
)
def test_a_reply_that_breaks_off_is_none(broken, why):
    with pytest.raises(why):
        read(broken)


@pytest.mark.parametrize(
    "noise",
    [
        b"<html>not a word of HTTP",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        OK + b"Content-Length: five\r\n\r\nhello",
        CHUNKED + b"many\r\nhello\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    ],
)
def test_what_is_no_reply_is_none(noise):
    with pytest.raises(FAULTS):
        read(noise)


def test_a_reply_that_drips_is_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(response, "WHOLE_S", 0.0)
    with pytest.raises(TimeoutError):
        read(WHOLE[:30], WHOLE[30:])
