"""Asking a provider what became of messages, and bad days at the sandbox, through the real SDKs."""

import json
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from dunflow.clock import DatabaseClock, VirtualClock
from dunflow.remind import ask, dispatch, rates
from dunflow.remind.ask import MOST, ONE_BY_ONE
from dunflow.remind.dispatch import Dispatcher
from dunflow.remind.senders import twilio, twilio_ask
from dunflow.remind.senders.outcome import (
    Absent,
    Accepted,
    Busy,
    Down,
    Message,
    Question,
    Refused,
    Seen,
    Silent,
    Unclear,
    Unexplained,
    Unknown,
)
from dunflow.remind.senders.sendgrid import SendGridEmail
from dunflow.remind.senders.twilio import TwilioSms
from dunflow.sandbox.app import create_app
from dunflow.sandbox.credentials import VARIABLES, Credentials
from dunflow.sandbox.serve import serve
from tests.remind import contacts
from tests.remind.contacts import outbox_of
from tests.remind.senders.conftest import NOW

Make = Callable[..., Message]
LATER = timedelta(minutes=1)
CREDENTIALS = Credentials("AC" + "5" * 32, "the-auth-token", "SG.the.key", "the-inbox-token")


class Providers:
    """A sandbox whose time the test moves, and both senders on it."""

    def __init__(self, url: str, clock: VirtualClock) -> None:
        self.url, self.clock = url, clock
        self.sms = TwilioSms(
            account_sid=CREDENTIALS.account_sid,
            auth_token=CREDENTIALS.auth_token,
            sender="+15005550006",
            base_url=url,
        )
        self.email = SendGridEmail(
            api_key=CREDENTIALS.api_key, sender="a@b.example", base_url=url, has_activity=True
        )

    def of(self, message: Message) -> Any:
        return self.sms if message.channel == "sms" else self.email

    def order(self, channel: str, kind: str, **more: Any) -> None:
        fault = {"channel": channel, "kind": kind, "times": 1} | more
        request = urllib.request.Request(
            f"{self.url}/_sandbox/faults",
            json.dumps(fault).encode(),
            {"Authorization": f"Bearer {CREDENTIALS.inbox_token}"},
        )
        urllib.request.urlopen(request, timeout=5).close()

    def pass_time(self) -> None:
        self.clock.move_to(self.clock.now() + LATER)


class Ticking:
    """A clock that stands still, though time passes: as in production, but the same each time."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at


@pytest.fixture
def providers(tmp_path: Any) -> Iterator[Providers]:
    clock = VirtualClock(NOW)
    with serve(create_app(tmp_path, credentials=CREDENTIALS, clock=clock)) as url:
        yield Providers(url, clock)


@pytest.fixture(params=["sms", "email"])
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = request.getfixturevalue(request.param)
    return made


def question(message: Message, provider_id: str | None = None, number: int = 1) -> Question:
    return Question(number, message.reference, message.to, provider_id, NOW - LATER)


def test_a_lost_reply_is_found_and_what_never_arrived_is_not(
    providers: Providers, make: Make
) -> None:
    arrived, lost = make(), make(reference="Zz9Zz9", to=_other(make()))
    sender = providers.of(arrived)
    providers.order(arrived.channel, "timeout_after_accept")
    providers.order(arrived.channel, "timeout_before_accept")
    assert isinstance(sender.send(arrived, now=NOW), Unknown)
    assert isinstance(sender.send(lost, now=NOW), Unknown)
    seen, absent = sender.ask([question(arrived), question(lost, number=2)])
    assert isinstance(seen, Seen)
    assert (seen.created_at, seen.result, seen.twice) == (NOW, "accepted", False)
    assert absent == Absent()


def test_a_message_that_the_provider_has_twice_is_told_so(providers: Providers, make: Make) -> None:
    message = make()
    sender = providers.of(message)
    sender.send(message, now=NOW)
    sender.send(message, now=NOW)
    [seen] = sender.ask([question(message)])
    assert seen.twice


@pytest.mark.parametrize(
    ("kind", "result", "blames"),
    [
        ("webhooks_lost", "delivered", None),
        ("undelivered", "undelivered", "later"),
        ("bounced", "undelivered", "address"),
        ("filtered", "undelivered", "message"),
    ],
)
def test_what_became_of_it_is_told_when_it_is_known(
    providers: Providers, make: Make, kind: str, result: str, blames: str | None
) -> None:
    message = make()
    sender = providers.of(message)
    providers.order(message.channel, kind)
    accepted = sender.send(message, now=NOW)
    assert isinstance(accepted, Accepted)
    [early] = sender.ask([question(message, accepted.provider_id)])
    assert early.result == "accepted"
    if (kind, message.channel) == ("filtered", "sms"):
        blames = "text"  # carriers read texts; SendGrid drops a mail for many reasons
    providers.pass_time()
    [seen] = sender.ask([question(message, accepted.provider_id)])
    if isinstance(seen, Unexplained):
        assert (seen.seen.result, seen.seen.blames) == ("undelivered", "message")
        seen = sender.explain(seen)
    assert (seen.provider_id, seen.result, seen.blames) == (accepted.provider_id, result, blames)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("http_429", Busy),
        ("http_503", Unknown),
        ("http_503_after_accept", Unknown),
        ("bad_credentials", Down),
        ("invalid_number", Refused),
    ],
)
def test_a_bad_day_befalls_the_next_call_and_no_other(
    providers: Providers, make: Make, kind: str, outcome: type
) -> None:
    message = make()
    sender = providers.of(message)
    providers.order(message.channel, kind)
    assert isinstance(sender.send(message, now=NOW), outcome)
    assert isinstance(sender.send(message, now=NOW), Accepted)


def test_a_bad_day_may_be_for_one_person(providers: Providers, make: Make) -> None:
    message, other = make(), make(to=_other(make()))
    sender = providers.of(message)
    providers.order(message.channel, "http_503", recipient=other.to)
    assert isinstance(sender.send(message, now=NOW), Accepted)
    assert isinstance(sender.send(other, now=NOW), Unknown)


def test_a_share_of_the_calls_fails_the_same_ones_each_time(
    providers: Providers, sms: Make
) -> None:
    def failed() -> list[int]:
        providers.order("sms", "http_503", times=None, ratio=0.3, seed=7)
        outcomes = [providers.sms.send(sms(), now=NOW) for _ in range(40)]
        request = urllib.request.Request(
            f"{providers.url}/_sandbox/faults",
            headers={"Authorization": f"Bearer {CREDENTIALS.inbox_token}"},
            method="DELETE",
        )
        urllib.request.urlopen(request, timeout=5).close()
        return [n for n, outcome in enumerate(outcomes) if isinstance(outcome, Unknown)]

    first = failed()
    assert 5 <= len(first) <= 20
    assert failed() == first


def test_the_accounts_list_tells_many_results_page_by_page(
    providers: Providers, sms: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio_ask, "PAGE", 25)
    sent = []
    for number in range(60):
        if number == 7:
            providers.order("sms", "bounced")
        accepted = providers.sms.send(_numbered(sms, number), now=NOW)
        assert isinstance(accepted, Accepted)
        sent.append(accepted.provider_id)
    assert list(providers.sms.sent_since(NOW)) == [[]]  # nothing has left yet
    providers.pass_time()
    pages = [page for page in providers.sms.sent_since(NOW) if not isinstance(page, Unclear)]
    assert [len(page) for page in pages] == [25, 25, 10]
    told = [seen for page in pages for seen in page]
    assert [seen.provider_id for seen in told] == sent[::-1]
    assert [n for n, seen in enumerate(told[::-1]) if seen.result == "undelivered"] == [7]


def test_what_is_asked_about_many_never_holds_up_what_is_to_be_sent(
    providers: Providers, sms: Make, ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is read page by page while there is time. It begins with the newest each time, so
    those that are due the longest are asked for one by one, and all have their turn."""
    monkeypatch.setattr(twilio_ask, "PAGE", 25)
    monkeypatch.setitem(ask.MOST, "sms", 30)
    monkeypatch.setattr(dispatch, "ASK_FIRST_S", 0.0)
    pages: list[int] = []

    def read(client: Any, since: datetime) -> Iterator[list[Seen] | Unclear]:
        for page in twilio_ask.sent_since(client, since):
            assert not isinstance(page, Unclear)
            pages.append(len(page))
            yield page

    monkeypatch.setattr(twilio, "sent_since", read)
    box = outbox_of(ledger)
    sent = []
    for number in range(110):
        accepted = providers.sms.send(_numbered(sms, number), now=NOW)
        assert isinstance(accepted, Accepted)
        sent.append(
            box.put(
                "accepted", provider_id=accepted.provider_id, planned_at=NOW, ask_at=contacts.NOW
            )
        )
    providers.pass_time()
    due = box.put("planned", ask_at=None)
    clock = Ticking(contacts.NOW)
    environ = {
        VARIABLES["account_sid"]: CREDENTIALS.account_sid,
        VARIABLES["auth_token"]: CREDENTIALS.auth_token,
        "DUNFLOW_SANDBOX_URL": providers.url,
    }

    def delivered() -> int:
        return [box.state(each) for each in sent].count("delivered")

    with Dispatcher(ledger, box.book, box.portfolio_id, clock, environ) as dispatcher:
        dispatcher.drain(["sms"])
        # `due` had its turn: it is of an account that no snapshot has.
        assert (box.state(due), delivered(), pages) == ("cancelled", 25 + 30, [25])
        dispatcher.drain(["sms"])
        assert (delivered(), pages) == (25 + 30 + 30, [25, 25])
        dispatcher.asking.ask_on(["sms"], 60.0)
    assert delivered() == 110


def test_settings_that_are_missing_are_told_of_many_as_of_few(
    ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = outbox_of(ledger)
    for number in range(ONE_BY_ONE + 1):
        box.put("accepted", provider_id=f"SM{number:032x}", ask_at=contacts.NOW)
    clock = VirtualClock(contacts.NOW)
    with Dispatcher(ledger, box.book, box.portfolio_id, clock, {}) as dispatcher:
        assert "is not set" in dispatcher.drain(["sms"]).down["sms"]


def test_what_the_list_does_not_have_yet_is_asked_about_later(
    providers: Providers, ledger: Engine
) -> None:
    box = outbox_of(ledger)
    waiting = [
        box.put("accepted", provider_id=f"SM{number:032x}", ask_at=contacts.NOW)
        for number in range(ONE_BY_ONE + 1)
    ]
    environ = {
        VARIABLES["account_sid"]: CREDENTIALS.account_sid,
        VARIABLES["auth_token"]: CREDENTIALS.auth_token,
        "DUNFLOW_SANDBOX_URL": providers.url,
    }
    clock = VirtualClock(contacts.NOW)
    with Dispatcher(ledger, box.book, box.portfolio_id, clock, environ) as dispatcher:
        dispatcher.drain(["sms"])
    assert {(box.row(each).ask_at, box.row(each).asked) for each in waiting} == {
        (contacts.NOW + timedelta(seconds=30), 0)
    }


def test_a_provider_that_cannot_answer_does_not_say_that_it_has_nothing(
    closed_port: str, sms: Make, email: Make
) -> None:
    text = TwilioSms(account_sid="AC1", auth_token="t", sender="+1", base_url=closed_port)
    mail = SendGridEmail(api_key="k", sender="a@b.example", base_url=closed_port, has_activity=True)
    assert isinstance(text.ask([question(sms())])[0], Unclear)
    assert isinstance(mail.ask([question(email())])[0], Unclear)


def test_wrong_credentials_while_asking_say_nothing_about_the_message(
    providers: Providers, sms: Make, email: Make
) -> None:
    text = TwilioSms(
        account_sid=CREDENTIALS.account_sid, auth_token="x", sender="+1", base_url=providers.url
    )
    mail = SendGridEmail(
        api_key="x", sender="a@b.example", base_url=providers.url, has_activity=True
    )
    by_list = list(text.sent_since(NOW))
    told = [*text.ask([question(sms())]), *by_list, *mail.ask([question(email())])]
    assert all(isinstance(each, Unclear) and each.sender_at_fault for each in told)


def test_wrong_credentials_are_heard_of_though_all_that_is_left_is_in_doubt(
    providers: Providers, ledger: Engine
) -> None:
    box = outbox_of(ledger)
    doubtful = box.put("in_doubt", ask_at=contacts.NOW)
    environ = {
        VARIABLES["account_sid"]: CREDENTIALS.account_sid,
        VARIABLES["auth_token"]: "of another account",
        "DUNFLOW_SANDBOX_URL": providers.url,
    }
    clock = VirtualClock(contacts.NOW)
    with Dispatcher(ledger, box.book, box.portfolio_id, clock, environ) as dispatcher:
        drained = dispatcher.drain(["sms"])
    assert drained.down == {"sms": "Twilio does not accept the credentials"}
    assert box.state(doubtful) == "in_doubt"


def test_six_queries_a_minute_and_the_seventh_waits(providers: Providers, email: Make) -> None:
    answers = [providers.email.ask([question(email())])[0] for _ in range(7)]
    assert answers[:6] == [Absent()] * 6
    assert isinstance(answers[6], Unclear)
    providers.pass_time()
    assert providers.email.ask([question(email())]) == [Absent()]


@pytest.mark.parametrize(
    ("event", "code", "blames"),
    [
        ({"event_name": "bounced", "bounce_type": "hard"}, "bounced", "address"),
        ({"event_name": "bounced", "bounce_type": "soft"}, "blocked", "later"),
        ({"event_name": "bounced"}, "blocked", "later"),
        ({"event_name": "dropped", "reason": "Invalid"}, "dropped", "address"),
        ({"event_name": "deferred", "reason": "try again"}, "not_delivered", "message"),
    ],
)
def test_only_a_hard_bounce_says_that_nothing_arrives_there(
    provider: Callable[..., Any],
    reply: Callable[..., bytes],
    event: dict[str, str],
    code: str,
    blames: str,
) -> None:
    told = {"events": [{"event_name": "processed"}, event]}
    sendgrid = provider(lambda _: reply(200, json.dumps(told).encode()))
    mail = SendGridEmail(api_key="k", sender="a@b.example", base_url=sendgrid.url)
    seen = Seen("P1", None, "undelivered", "not_delivered", "message")
    explained = mail.explain(Unexplained(seen, "P1.recvd-1"))
    assert explained == Seen("P1", None, "undelivered", code, blames)  # type: ignore[arg-type]


def test_lists_and_single_mails_share_the_six(providers: Providers, email: Make) -> None:
    providers.order("email", "bounced")
    providers.email.send(email(), now=NOW)
    providers.pass_time()
    [found] = providers.email.ask([question(email())])
    assert isinstance(found, Unexplained)
    told = [providers.email.explain(found) for _ in range(6)]
    assert [isinstance(each, Seen) for each in told] == [True] * 5 + [False]
    assert told[5] == found


@pytest.mark.parametrize("bounced", [5, 12])
def test_what_a_list_tells_is_kept_however_many_mails_are_to_be_asked_about_apart(
    providers: Providers, email: Make, ledger: Engine, bounced: int
) -> None:
    """A mail that did not arrive takes a turn of its own, and the six of a minute may not do."""
    box = outbox_of(ledger)
    providers.clock.move_to(contacts.NOW)
    providers.order("email", "bounced", times=bounced)
    sent = []
    for number in range(MOST["email"]):
        message = email(reference=f"R{number:06}", to=f"p{number}@mail.example")
        accepted = providers.email.send(message, now=NOW)
        assert isinstance(accepted, Accepted)
        sent.append(
            box.put(
                "accepted",
                channel="email",
                provider_id=accepted.provider_id,
                accepted_at=contacts.NOW,
                ask_at=contacts.NOW + timedelta(minutes=10),
            )
        )
    doubtful = box.put("in_doubt", channel="email", ask_at=contacts.NOW + timedelta(minutes=10))
    environ = {
        VARIABLES["api_key"]: CREDENTIALS.api_key,
        "DUNFLOW_SANDBOX_URL": providers.url,
    }
    clock = providers.clock
    with Dispatcher(ledger, box.book, box.portfolio_id, clock, environ) as dispatcher:
        for minute in range(10, 40, 5):
            clock.move_to(contacts.NOW + timedelta(minutes=minute))
            assert dispatcher.drain(["email"]).down == {}
    codes = Counter((box.state(each), box.row(each).error_code) for each in sent)
    assert codes == {
        ("delivered", None): MOST["email"] - bounced,
        ("undelivered", "bounced"): bounced,
    }
    # Found absent in the end; and it is of an account that no snapshot has.
    assert box.state(doubtful) == "cancelled"


def test_what_nobody_explains_is_in_the_end_only_known_not_to_have_arrived(
    ledger: Engine,
) -> None:
    box = outbox_of(ledger)
    found = Unexplained(Seen("P1", None, "undelivered", "not_delivered", "message"), "P1.x")
    doubtful = box.put("in_doubt", channel="email", ask_at=contacts.NOW)

    def told(at: datetime) -> tuple[str, str | None]:
        with ledger.begin() as conn:
            taken = ask.take(conn, box.book, box.portfolio_id, "email", at)
            ask.record(conn, box.book, [(each, found) for each in taken], at)
        row = box.row(doubtful)
        return row.state, row.error_code

    assert told(contacts.NOW) == ("accepted", None)
    assert told(contacts.NOW + timedelta(hours=1)) == ("accepted", None)
    assert box.row(doubtful).ask_at == contacts.NOW + timedelta(hours=1, minutes=15)
    assert told(contacts.NOW + timedelta(hours=25)) == ("undelivered", "not_delivered")


def test_it_is_asked_on_until_nothing_is_due(
    providers: Providers, ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "QUERIES", 1)
    monkeypatch.setattr(rates, "QUERY_RESTS", timedelta(milliseconds=300))
    box = outbox_of(ledger)
    doubtful = [
        box.put("in_doubt", channel="email", ask_at=contacts.NOW)
        for _ in range(2 * MOST["email"] + 1)
    ]
    environ = {
        VARIABLES["api_key"]: CREDENTIALS.api_key,
        "DUNFLOW_SANDBOX_URL": providers.url,
    }

    def asked() -> int:
        return sum(box.row(contact_id).asked for contact_id in doubtful)

    clock = DatabaseClock(ledger)
    with Dispatcher(ledger, box.book, box.portfolio_id, clock, environ) as dispatcher:
        assert dispatcher.asking.ask_on(["email"], 0.0).down == {}  # one turn, and no time to wait
        assert asked() == MOST["email"]
        assert dispatcher.asking.ask_on(["email"], 60.0).down == {}
        assert asked() == len(doubtful)


def test_two_questions_about_one_address_are_never_mixed_up(
    providers: Providers, email: Make
) -> None:
    first, second = email(), email(reference="Zz9Zz9")
    providers.email.send(second, now=NOW)
    about_first, about_second = providers.email.ask([question(first), question(second, number=2)])
    assert (about_first, about_second) == (Absent(), Unclear("its turn comes"))


def test_without_the_add_on_nobody_is_asked(closed_port: str, email: Make) -> None:
    mail = SendGridEmail(api_key="k", sender="a@b.example", base_url=closed_port)
    assert mail.ask([question(email())]) == [Silent()]


def test_an_older_message_to_the_number_is_not_taken_for_this_one(
    providers: Providers, sms: Make
) -> None:
    providers.sms.send(sms(), now=NOW)
    late: datetime = NOW + timedelta(days=1)
    asked = Question(1, sms().reference, sms().to, None, late)
    assert providers.sms.ask([asked]) == [Absent()]


def _numbered(sms: Make, number: int) -> Message:
    return sms(reference=f"R{number:06}", to=f"+86138123{number:05}")


def _other(message: Message) -> str:
    return "+8613812345679" if message.channel == "sms" else "other@mail.example"
