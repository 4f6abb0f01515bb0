"""Random policies, packs and books of accounts, near the edges where rules change."""

import datetime as dt
import random
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from known import ACTUAL, Account, Contact, Customer, Day, Hold, Promise

ZONE = ZoneInfo("Asia/Shanghai")
ZONES = (ZONE, ZoneInfo("America/New_York"), ZoneInfo("Europe/London"), ZoneInfo("Asia/Kathmandu"))
CHANNELS = ("sms", "email", "call", "letter", "visit")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ONE_DAY = dt.timedelta(days=1)

CONDITIONS: tuple[dict[str, Any], ...] = (
    {"overdue": {"from": {"CNY": "200.00"}}},
    {"overdue": {"to": {"CNY": "500.00", "USD": "200.00"}}},
    {"balance": {"from": {"CNY": "500.00"}}},
    {"currency": {"is": "USD"}},
    {"product": {"in": ["card", "loan"]}},
    {"segment": {"not_in": ["vip"]}},
    {"instalments_overdue": {"from": 2}},
    {"days_since_payment": {"from": 5, "to": 20}},
    {"broken_promises": {"from": 1}},
    {"score": {"from": 600}},
    {"insured": {"is": True}},
    {"branch": {"in": ["north"]}, "dpd": {"to": 30}},
)

conditions: st.SearchStrategy[dict[str, Any]] = st.one_of(st.just({}), st.sampled_from(CONDITIONS))


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    """As the YAML of a policy would be read."""
    tiers: list[dict[str, Any]] = []
    from_dpd = draw(st.sampled_from((-3, 1, 1, 5)))
    for rank in range(draw(st.integers(1, 4))):
        tier: dict[str, Any] = {"tier": f"tier{rank}", "from_dpd": from_dpd, "steps": []}
        if when := draw(conditions):
            tier["when"] = when
        at_dpd = from_dpd
        for number in range(draw(st.integers(0 if rank else 1, 3))):
            at_dpd += draw(st.integers(0 if number == 0 else 1, 8))
            tier["steps"].append(draw(steps(f"s{rank}{number}", at_dpd)))
        tiers.append(tier)
        from_dpd += draw(st.integers(1, 15))
    policy: dict[str, Any] = {
        "policy": "random",
        "packs": [],
        "settle_below": {"CNY": "1.00"},
        "gap_days": draw(st.integers(1, 4)),
        "per_customer": draw(st.sampled_from(("one_per_day", "per_account"))),
        "attempts": draw(st.integers(1, 2)),
        "broken_promise_grace_days": draw(st.integers(0, 2)),
        "tier_may_fall": draw(st.booleans()),
        "tiers": tiers,
    }
    rules: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
        hand_offs(tiers), max_size=2, unique_by=lambda rule: str(rule["to"])
    )
    policy["hand_off"] = draw(rules)
    return policy


@st.composite
def steps(draw: st.DrawFn, name: str, at_dpd: int) -> dict[str, Any]:
    step: dict[str, Any] = {"step": name, "at_dpd": at_dpd, "template": "firm"}
    ways: st.SearchStrategy[list[str]] = st.lists(
        st.sampled_from(CHANNELS), min_size=1, max_size=2, unique=True
    )
    step["channel"] = draw(ways)
    if draw(st.integers(0, 3)) == 0:
        step["mandatory"] = True
    if draw(st.integers(0, 4)) == 0:
        step["purpose"] = "notice"
    if draw(st.integers(0, 3)) == 0:
        step["gap_days"] = draw(st.integers(1, 6))
    if draw(st.integers(0, 2)) == 0:
        every, times = draw(st.integers(1, 6)), draw(st.integers(1, 3))
        step["repeat"] = {"every_days": every, "times": times}
    if when := draw(conditions):
        step["when"] = when
    return step


@st.composite
def hand_offs(draw: st.DrawFn, tiers: list[dict[str, Any]]) -> dict[str, Any]:
    when = {"dpd": {"from": draw(st.integers(10, 50))}} | draw(conditions)
    rule: dict[str, Any] = {"to": draw(st.sampled_from(("agency", "legal"))), "when": when}
    # Whether `after` counts from the first or the last repetition is left open, so none is named.
    once = [step["step"] for tier in tiers for step in tier["steps"] if "repeat" not in step]
    waits: bool = draw(st.booleans())
    if once and waits:
        rule["after"] = {"step": draw(st.sampled_from(once)), "days": draw(st.integers(0, 10))}
    return rule


@st.composite
def packs(draw: st.DrawFn) -> dict[str, Any]:
    """Hours from 8 to 20, some quiet days, a cap or two, perhaps a notice before a hand-off."""
    caps = []
    for number in range(draw(st.integers(0, 2))):
        by = draw(st.sampled_from(("debtor", "debt")))
        channels = draw(st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=3, unique=True))
        days = draw(st.integers(1, 7))
        caps.append(
            {
                "id": f"cap{number}",
                "channels": channels,
                "by": by,
                "max": draw(st.integers(0, 3)),
                "per": f"P{days}D",
            }
        )
    hours = {"id": "hours", "channels": ["sms", "email", "voice", "call", "visit"]}
    window = hours | {"days": list(WEEKDAYS), "open": "08:00", "close": "20:00"}
    head = {"id": "random", "version": 1, "jurisdiction": "TEST", "legal_review": "none"}
    notice = {"needs": [{"event": "notice", "min_age": "P0D"}]}
    demanding = draw(st.lists(st.sampled_from(("agency", "legal")), max_size=1))
    return {
        "pack": head | {"as_of": "2026-01-01"},
        "handoff": dict.fromkeys(demanding, notice),
        "clock": {"on_unknown": "portfolio"},
        "quiet_days": draw(st.lists(st.sampled_from(WEEKDAYS), max_size=2, unique=True)),
        "windows": [window],
        "caps": caps,
    }


def printed_at(
    channel: str, state: str, at: dt.datetime, dice: random.Random
) -> dt.datetime | None:
    """When the printer had what was accepted then: at once, some day, or not yet."""
    if channel != "letter" or state not in ACTUAL:
        return None
    after = dice.choice((dt.timedelta(minutes=10), ONE_DAY, 3 * ONE_DAY, None))
    return None if after is None else at + after


class Book:
    """Accounts drawn for one policy and day."""

    def __init__(self, policy: dict[str, Any], day: Day, seed: int, size: int) -> None:
        self._policy, self._day, self._rng = policy, day, random.Random(seed)
        self._steps = [
            (rank, step) for rank, tier in enumerate(policy["tiers"]) for step in tier["steps"]
        ]
        edges = {step["at_dpd"] for _, step in self._steps}
        edges |= {tier["from_dpd"] for tier in policy["tiers"]} | {0, 1, 30, 45}
        self._dpds = sorted({edge + near for edge in edges for near in (-1, 0, 1, 3)})
        self._ladder_from = min(1, policy["tiers"][0]["from_dpd"])
        customers = [self._customer(number) for number in range(size * 2 // 3 or 1)]
        self.accounts = [self._account(number, customers) for number in range(size)]

    def _perhaps(self, share: float) -> bool:
        return self._rng.random() < share

    def _instant(self, days_ago: int) -> dt.datetime:
        """In waking hours of that day; today it lies before the run."""
        if days_ago <= 0:
            return self._day.now - dt.timedelta(hours=1) - days_ago * ONE_DAY
        day = self._day.today - days_ago * ONE_DAY
        return dt.datetime.combine(day, dt.time(self._rng.randint(9, 18)), tzinfo=self._day.zone)

    def _customer(self, number: int) -> Customer:
        rng = self._rng
        reached = {channel for channel in CHANNELS if self._perhaps(0.85)}
        if "sms" not in reached:
            reached -= {"call"}
        if "letter" not in reached:
            reached -= {"visit"}
        credited = self._perhaps(0.1)
        return Customer(
            ref=f"C{number:04}",
            zone=rng.choice(ZONES) if self._perhaps(0.2) else ZONE,
            reached_by=reached,
            opted_out={channel for channel in CHANNELS if self._perhaps(0.06)},
            credit={"CNY": Decimal(rng.choice(("150.00", "300.00", "999.99")))} if credited else {},
            holds=self._holds(0.05),
        )

    def _holds(self, share: float) -> list[Hold]:
        found = []
        while self._perhaps(share):
            starts = self._instant(self._rng.randint(-2, 8))
            lasts = self._rng.choice((None, 1, 3, 10))
            found.append(
                Hold(
                    kind=self._rng.choice(("dispute", "hardship", "manual")),
                    from_at=starts,
                    until_at=starts + lasts * ONE_DAY if lasts else None,
                    recorded_at=self._instant(self._rng.randint(0, 12))
                    - dt.timedelta(seconds=self._rng.randint(1, 3000)),
                )
            )
        return found

    def _account(self, number: int, customers: list[Customer]) -> Account:
        rng = self._rng
        account = Account(
            ref=f"A{number:04}",
            customer=rng.choice(customers),
            due_on=self._day.business_date - rng.choice(self._dpds) * ONE_DAY,
            delivered=Decimal(rng.choice(("0.50", "1.00", "1.01", "150.00", "200.00", "700.00"))),
            balance=rng.choice((None, Decimal("499.99"), Decimal("900.00"))),
            currency="USD" if self._perhaps(0.2) else "CNY",
            product=rng.choice((None, "card", "loan", "lease")),
            segment=rng.choice((None, "vip", "mass")),
            instalments_overdue=rng.choice((None, 1, 2, 3)),
            last_payment_on=self._last_payment(),
            attributes={
                key: value
                for key, value in (
                    ("score", rng.choice((None, 599, 600))),
                    ("insured", rng.choice((None, True, False))),
                    ("branch", rng.choice((None, "north", "south"))),
                )
                if value is not None
            },
            holds=self._holds(0.05),
            placed=self._perhaps(0.04),
            closed=self._perhaps(0.04),
            given_again_at=self._lately() if self._perhaps(0.5) else None,
            collected=self._collected(),
            turned_down={to: self._lately() for to in ("agency", "legal") if self._perhaps(0.15)},
        )
        self._pay_and_promise(account)
        if self.is_on_ladder(account):
            self._climb(account)
        return account

    def _collected(self) -> Decimal | None:
        if self._perhaps(0.9):
            return None
        return Decimal(self._rng.choice(("149.00", "150.00", "199.00", "700.00")))

    def _last_payment(self) -> dt.date | None:
        if self._perhaps(0.4):
            return None
        return self._day.business_date - self._rng.choice((4, 5, 20, 21)) * ONE_DAY

    def is_on_ladder(self, account: Account) -> bool:
        dpd = (self._day.business_date - account.due_on).days
        limit = Decimal("1.00") if account.currency == "CNY" else Decimal(0)
        return dpd >= self._ladder_from and account.delivered > limit

    def _pay_and_promise(self, account: Account) -> None:
        rng = self._rng
        if self._perhaps(0.12):
            at = self._day.as_of + dt.timedelta(hours=rng.choice((-3, 1, 4)))
            account.payments.append((at, Decimal(rng.choice(("0.01", "150.00", "199.00")))))
        while self._perhaps(0.2):
            at, amount = self._instant(rng.randint(0, 13)), rng.choice(("50.00", "100.00"))
            account.payments.append((at, Decimal(amount)))
            if self._perhaps(0.4):
                back = at + dt.timedelta(hours=rng.choice((0, 5, 50, 120)))
                taken = rng.choice((amount, amount, "30.00"))
                account.payments.append((back, -Decimal(taken)))
        while self._perhaps(0.2):
            account.promises.append(
                Promise(
                    amount=Decimal(rng.choice(("100.00", "150.00", "200.00"))),
                    by=self._day.today + rng.choice((-9, -3, -2, -1, 0, 1)) * ONE_DAY,
                    made_at=self._instant(rng.randint(8, 12)),
                    cancelled=self._perhaps(0.2),
                )
            )

    def _climb(self, account: Account) -> None:
        """What was done before, on the tiers up to the highest one."""
        rng = self._rng
        tiers = self._policy["tiers"]
        highest = rng.randrange(-1, len(tiers))
        if highest >= 0:
            account.highest_tier = tiers[highest]["tier"]
        for rank, step in self._steps:
            if rank <= highest and self._perhaps(0.5):
                self._do(account, step)
            if step.get("mandatory") and self._perhaps(0.4):
                account.waived[step["step"]] = self._lately()
        if self._perhaps(0.15):
            listed = Contact(None, 0, rng.choice(CHANNELS), "accepted", self._lately())
            account.contacts.append(listed)
        if self._steps and self._perhaps(0.06):
            self._fly(account, rng.choice(self._steps)[1])

    def _lately(self) -> dt.datetime:
        earliest = -3 if self._day.late else 0
        return self._instant(self._rng.randint(earliest, 8))

    def _do(self, account: Account, step: dict[str, Any]) -> None:
        rng = self._rng
        times = 1 + step.get("repeat", {}).get("times", 0)
        earliest = -3 if self._day.late else 0
        days = sorted(rng.sample(range(earliest, 15), rng.randint(1, 4)), reverse=True)
        done = 0
        for days_ago in days:
            if done == times:
                return
            state = rng.choice(("delivered", "accepted", "undelivered", "failed", "expired"))
            to_former = self._perhaps(0.1)
            at = self._instant(days_ago)
            channel = rng.choice(step["channel"])
            account.contacts.append(
                Contact(
                    step=step["step"],
                    repetition=done,
                    channel=channel,
                    state=state,
                    accepted_at=at if state in ACTUAL else None,
                    ended_at=self._end_of(state, at),
                    to_former=to_former,
                    printed_at=printed_at(channel, state, at, rng),
                )
            )
            done += state in ("delivered", "accepted")

    def _end_of(self, state: str, at: dt.datetime) -> dt.datetime | None:
        if state == "undelivered":
            return at + dt.timedelta(minutes=30)
        return at if state in ("failed", "expired") else None

    def _fly(self, account: Account, step: dict[str, Any]) -> None:
        done = sum(c.step == step["step"] and c.state in ACTUAL[:2] for c in account.contacts)
        account.contacts.append(
            Contact(
                step=step["step"],
                repetition=done,
                channel=step["channel"][0],
                state=self._rng.choice(("claimed", "in_doubt", "parked")),
            )
        )
