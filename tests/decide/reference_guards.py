"""The guards and the customer's turn once more, on top of the reference of the ladder."""

import datetime as dt
from decimal import Decimal
from typing import Any

from known import ACTUAL, IN_FLIGHT, Account, Contact, Customer, Day, Row
from reference import Ladder, Policy, Step

QUARTER = dt.timedelta(minutes=15)


class Judge(Ladder):
    """One policy, pack, day and book: `rows` by account, `lists` by leading account."""

    def __init__(self, policy: Policy, pack: dict[str, Any], day: Day, book: list[Account]) -> None:
        super().__init__(policy, pack, day)
        self.book = book
        self.rows: dict[str, Row] = {}
        self.lists: dict[str, set[str]] = {}
        self._decide()

    def quiet(self, account: Account) -> str | None:
        """Guards 1 to 5."""
        if self.is_settled(account):
            return "settled"
        if self._credit_covers(account):
            return "credit_covers"
        if account.placed:
            return "placement.active"
        if self._collected(account):
            return "placement.collected"
        if account.closed and not self._given_again(account):
            return "placement.closed"
        if kind := self._held(account):
            return f"hold.{kind}"
        if self.has_pending(account):
            return "promise.pending"
        return None

    def _credit_covers(self, account: Account) -> bool:
        credit = account.customer.credit.get(account.currency)
        # What falls due soon counts for those alone that do.
        least = 1 if self.dpd(account) >= 1 else self.policy["tiers"][0]["from_dpd"]
        owed = [
            self.overdue(other)
            for other in self.book
            if other.customer is account.customer
            and other.currency == account.currency
            and self.dpd(other) >= least
            and not self.is_settled(other)
        ]
        return credit is not None and credit >= sum(owed, Decimal(0))

    def _given_again(self, account: Account) -> bool:
        return account.given_again_at is not None and account.given_again_at <= self.day.now

    def _collected(self, account: Account) -> bool:
        if account.collected is None or self.dpd(account) < 1:
            return False
        first = self.day.business_date - dt.timedelta(days=1)
        booked = [
            amount
            for at, amount in account.payments
            if self.day.day_of(at) >= first and at <= self.day.now
        ]
        left = self.overdue(account) - (account.collected - sum(booked, Decimal(0)))
        return left <= Decimal(self.policy.get("settle_below", {}).get(account.currency, "0"))

    def _held(self, account: Account) -> str | None:
        active = [
            hold
            for hold in [*account.holds, *account.customer.holds]
            if hold.from_at <= self.day.now
            and (hold.until_at is None or self.day.now < hold.until_at)
        ]
        return min(active, key=lambda hold: hold.recorded_at).kind if active else None

    def verdict(self, account: Account) -> Row | None:
        """Guards 1 to 9; None where a step would go out."""
        tier = self.tier(account)
        if self.dpd(account) < 1 and tier is None:
            return Row("wait", "not_due", None, None)
        due, quiet = self.due(account), self.quiet(account)
        step = due["step"] if due else None
        named = self.tiers[tier] if tier is not None else None
        silent = "suppress" if due else "wait"
        if quiet == "settled":
            return Row("wait", "settled", None, None)
        if quiet:
            return Row(silent, quiet, step, named)
        to = self.hand_off(account)
        if self.day.late and (due or to):
            return Row("missed", "late_run", step, named)
        if to:
            return Row("hand_off", f"hand_off.{to}", step, named)
        if due is None:
            idle = "not_due" if self.lies_ahead(account) else "ladder_done"
            return Row("wait", idle, None, named)
        if held_back := self._ninth(account, due):
            return Row("suppress", held_back, step, named)
        return None

    def _ninth(self, account: Account, due: Step) -> str | None:
        if due.get("mandatory") and self.given_up(account, due):
            return "given_up"
        if any(contact.state in IN_FLIGHT for contact in account.contacts):
            return "contact.in_flight"
        actual = [
            self.days_since(self.day.day_of(c.accepted_at))
            for c in account.contacts
            if c.state in ACTUAL and c.accepted_at
        ]
        gap: int = due["gap_days"] if "gap_days" in due else self.policy["gap_days"]
        return "gap" if actual and min(actual) < gap else None

    def channel(self, account: Account, due: Step) -> tuple[str | None, str]:
        """Guard 10: the channel that will do, or the reason of the first one listed."""
        listed = due["channel"] if isinstance(due["channel"], list) else [due["channel"]]
        reasons = {channel: self._forbids(account, channel) for channel in listed}
        for channel, reason in reasons.items():
            if reason is None:
                return channel, ""
        return None, str(reasons[listed[0]])

    def _forbids(self, account: Account, channel: str) -> str | None:
        customer = account.customer
        if channel not in customer.reached_by:
            return "unreachable"
        if channel in customer.opted_out:
            return f"opt_out.{channel}"
        opens_at = self._opens_at(customer, channel)
        for cap in self.pack["caps"]:
            if channel in cap["channels"] and self._is_used_up(account, cap, opens_at):
                return f"cap.{cap['id']}"
        return None if opens_at < self.day.ends_at else "window"

    def _opens_at(self, customer: Customer, channel: str) -> dt.datetime:
        """Tries every quarter of an hour; a pack of these stories is never quiet for long."""
        at = self.day.now
        while channel != "letter" and not self._is_open(at.astimezone(customer.zone)):
            at += QUARTER
        return at

    def _is_open(self, wall: dt.datetime) -> bool:
        weekday = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[wall.weekday()]
        return weekday not in self.pack["quiet_days"] and 8 <= wall.hour < 20

    def _is_used_up(self, account: Account, cap: dict[str, Any], opens_at: dt.datetime) -> bool:
        out_on = opens_at.astimezone(account.customer.zone).date()
        first = out_on - dt.timedelta(days=int(cap["per"][1:-1]) - 1)
        counted = {
            contact.sent or id(contact)
            for other in self.book
            if (other is account if cap["by"] == "debt" else other.customer is account.customer)
            for contact in other.contacts
            if contact.channel in cap["channels"]
            and (cap["by"] == "debt" or not contact.to_former)
            and (at := self._counted_at(contact))
            and first <= at.astimezone(other.customer.zone).date() <= out_on
        }
        most: int = cap["max"]
        return len(counted) >= most

    def _counted_at(self, contact: Contact) -> dt.datetime | None:
        """In flight means counted, from the claim on."""
        if contact.state in IN_FLIGHT:
            return contact.claimed_at
        return contact.accepted_at if contact.state in ACTUAL else None

    # The customer's turn

    def _decide(self) -> None:
        ready: dict[str, list[Account]] = {}
        for account in self.book:
            row = self.verdict(account)
            due, tier = self.due(account), self.tier(account)
            if row is None:
                assert due is not None
                assert tier is not None
                channel, reason = self.channel(account, due)
                row = Row("suppress", reason, due["step"], self.tiers[tier])
                if channel:
                    row = Row("send", "step_due", due["step"], self.tiers[tier], channel)
                    ready.setdefault(account.customer.ref, []).append(account)
            self.rows[account.ref] = row
        for accounts in ready.values():
            if self.policy["per_customer"] == "one_per_day":
                self._take_turns(accounts)
            else:
                self.lists |= {account.ref: {account.ref} for account in accounts}

    def _take_turns(self, ready: list[Account]) -> None:
        leader = min(
            ready,
            key=lambda a: (-(self.tier(a) or 0), -self.dpd(a), -self.overdue(a), a.ref),
        )
        busy = self._is_busy(leader.customer)
        leads = self.due(leader) or {}
        covered = set()
        for account in ready:
            due, row = self.due(account) or {}, self.rows[account.ref]
            alone = due.get("mandatory") or due.get("purpose") == "notice"
            if busy:
                row.action, row.reason, row.channel = "suppress", "customer_turn", None
            elif account is leader:
                continue
            elif (
                account.currency == leader.currency
                and not alone
                and leads.get("purpose") != "notice"
            ):
                row.reason, row.channel = "covered", None
                covered.add(account.ref)
            else:
                row.action, row.reason, row.channel = "suppress", "customer_turn", None
        if not busy:
            self.lists[leader.ref] = {leader.ref} | covered | self._listed(leader, leads)

    def _listed(self, leader: Account, due: Step) -> set[str]:
        if due.get("purpose") == "notice":
            return set()
        return {
            other.ref
            for other in self.book
            if other.customer is leader.customer
            and other.currency == leader.currency
            and self.dpd(other) >= 1
            and self.quiet(other) is None
        }

    def _is_busy(self, customer: Customer) -> bool:
        """A living contact, or an actual one today."""
        return any(
            contact.state in IN_FLIGHT
            or (
                contact.state in ACTUAL
                and not contact.to_former
                and contact.accepted_at is not None
                and self.day.day_of(contact.accepted_at) == self.day.today
            )
            for account in self.book
            if account.customer is customer
            for contact in account.contacts
        )
