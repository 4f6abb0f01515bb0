"""How long a provider asks us to wait, in each of the ways that it may say so."""

from email.message import Message

import pytest

from dunflow.remind.senders.retry import DEFAULT_S, MAX_S, retry_after_s

DATE = "Mon, 02 Mar 2026 09:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "12"}, 12.0),
        ({"Retry-After": "0"}, 1.0),
        ({"Retry-After": "999999999"}, MAX_S),
        ({"Retry-After": "Mon, 02 Mar 2026 09:00:30 GMT", "Date": DATE}, 30.0),
        ({"Retry-After": "Mon, 02 Mar 2026 08:00:00 GMT", "Date": DATE}, 1.0),
        ({"X-RateLimit-Reset": "1772442010", "Date": DATE}, 10.0),
        ({"X-RateLimit-Reset": "1772442010"}, DEFAULT_S),
        ({"Retry-After": "soon", "Date": DATE}, DEFAULT_S),
        ({"Retry-After": "-5"}, DEFAULT_S),
        ({}, DEFAULT_S),
    ],
)
def test_the_wait_is_what_the_reply_says_within_reason(headers, seconds):
    given = Message()
    for name, value in headers.items():
        given[name] = value
    assert retry_after_s(given) == seconds
