"""The ladder once more, account by account, from the design's text.

Slow and plain on purpose: it shares nothing with the engine but the words, so that the two can
disagree. A policy is the mapping that its YAML would be.
"""

import datetime as dt
from decimal import Decimal
from typing import Any

from known import DONE, FAILED, Account, Contact, Day, Promise

Policy = dict[str, Any]
Step = dict[str, Any]


WRITTEN = ("sms", "email", "letter")
"""A pack takes nothing else for a notice."""


class Ladder:
    """One policy on one day: facts, tier, due step and hand-off of any account."""

    def __init__(self, policy: Policy, pack: dict[str, Any], day: Day) -> None:
        self.policy, self.pack, self.day = policy, pack, day
        self.tiers: list[str] = [tier["tier"] for tier in policy["tiers"]]
        self.steps: list[tuple[int, Step]] = [
            (rank, step)
            for rank, tier in enumerate(policy["tiers"])
            for step in tier.get("steps", [])
        ]

    # The facts

    def dpd(self, account: Account) -> int:
        return (self.day.business_date - account.due_on).days

    def overdue(self, account: Account) -> Decimal:
        paid = [amount for at, amount in account.payments if self.day.as_of < at <= self.day.now]
        return max(account.delivered - sum(paid, Decimal(0)), Decimal(0))

    def is_settled(self, account: Account) -> bool:
        limit = self.policy.get("settle_below", {}).get(account.currency, "0")
        return self.overdue(account) <= Decimal(limit)

    def fact(self, account: Account, name: str) -> Any:
        match name:
            case "dpd":
                return self.dpd(account)
            case "overdue":
                return self.overdue(account)
            case "broken_promises":
                return len(self._broken(account))
            case "days_since_payment":
                seen = [self.day.day_of(at) for at, _ in self.received(account)]
                seen += [account.last_payment_on] if account.last_payment_on else []
                return max((self.day.business_date - max(seen)).days, 0) if seen else None
            case "balance" | "currency" | "product" | "segment" | "instalments_overdue":
                return getattr(account, name)
            case _:
                return account.attributes.get(name)

    def holds(self, account: Account, when: dict[str, Any]) -> bool:
        return all(self._passes(account, name, test) for name, test in when.items())

    def _passes(self, account: Account, name: str, test: dict[str, Any]) -> bool:
        value = self.fact(account, name)
        if value is None:
            return False
        bounds = {}
        for end in ("from", "to"):
            bound = test.get(end)
            if isinstance(bound, dict):
                if account.currency not in bound:
                    return False
                bound = Decimal(bound[account.currency])
            bounds[end] = bound
        return (
            (bounds["from"] is None or value >= bounds["from"])
            and (bounds["to"] is None or value <= bounds["to"])
            and ("in" not in test or value in test["in"])
            and ("not_in" not in test or value not in test["not_in"])
            and ("is" not in test or value == test["is"])
        )

    def received(self, account: Account) -> list[tuple[dt.datetime, Decimal]]:
        """Payments with what was not taken back of them."""
        stayed: list[list[Any]] = []
        others: list[tuple[dt.datetime, Decimal]] = []
        for at, amount in sorted(account.payments, key=lambda paid: (paid[0], paid[1] < 0)):
            if at > self.day.now:
                continue
            equal = [paid for paid in stayed if paid[1] == -amount]
            if equal:
                stayed.remove(equal[-1])
            elif amount < 0:
                others.append((at, -amount))
            else:
                stayed.append([at, amount])
        for at, back in others:
            for paid in reversed([paid for paid in stayed if paid[0] <= at]):
                taken = min(paid[1], back)
                paid[1] -= taken
                back -= taken
        return [(at, amount) for at, amount in stayed if amount]

    def _deadline(self, promise: Promise) -> dt.datetime:
        over = promise.by + dt.timedelta(days=self.policy["broken_promise_grace_days"] + 1)
        return dt.datetime.combine(over, dt.time(0), tzinfo=self.day.zone)

    def _stands(self, promise: Promise) -> bool:
        return promise.made_at <= self.day.now and not promise.cancelled

    def _unpaid(self, account: Account) -> list[Promise]:
        """Promises that got less than was promised; the earliest day takes first."""
        left = [[at, amount] for at, amount in self.received(account)]
        unpaid = []
        standing = filter(self._stands, account.promises)
        for promise in sorted(standing, key=lambda each: (self._deadline(each), each.made_at)):
            wanted = promise.amount
            for paid in left:
                if promise.made_at < paid[0] < self._deadline(promise):
                    taken = min(paid[1], wanted)
                    paid[1] -= taken
                    wanted -= taken
            if wanted:
                unpaid.append(promise)
        return unpaid

    def _broken(self, account: Account) -> list[Promise]:
        unpaid = self._unpaid(account)
        return [promise for promise in unpaid if self._deadline(promise) <= self.day.now]

    def has_pending(self, account: Account) -> bool:
        return any(self.day.now < self._deadline(promise) for promise in self._unpaid(account))

    # The ladder

    def tier(self, account: Account) -> int | None:
        reached = [
            rank
            for rank, tier in enumerate(self.policy["tiers"])
            if self.dpd(account) >= tier["from_dpd"] and self.holds(account, tier.get("when", {}))
        ]
        if account.highest_tier and not self.policy.get("tier_may_fall"):
            reached.append(self.tiers.index(account.highest_tier))
        return max(reached, default=None)

    def seen(self, account: Account, step: str) -> list[Contact]:
        """Contacts of the step as they stood when the run looks."""
        return [contact for contact in account.contacts if contact.step == step]

    def is_done_by(self, contact: Contact) -> bool:
        if contact.accepted_at is None or contact.accepted_at > self.day.now:
            return False
        turned_out = contact.ended_at is not None and contact.ended_at <= self.day.now
        return contact.state in DONE or (self.day.late and not turned_out)

    def has_failed(self, contact: Contact) -> bool:
        ended = contact.ended_at is not None and contact.ended_at <= self.day.now
        return contact.state in FAILED and ended and not contact.blocked

    def done(self, account: Account, step: Step) -> list[Contact]:
        return [each for each in self.seen(account, step["step"]) if self.is_done_by(each)]

    def last_done(self, account: Account, step: Step) -> dt.date:
        done = self.done(account, step)
        return max(self.day.day_of(each.accepted_at) for each in done if each.accepted_at)

    def given_up(self, account: Account, step: Step) -> bool:
        repetition = len(self.done(account, step))
        failed = [
            each
            for each in self.seen(account, step["step"])
            if self.has_failed(each) and each.repetition == repetition
        ]
        attempts: int = self.policy["attempts"]
        return len(failed) >= attempts

    def waived_on(self, account: Account, step: Step) -> dt.date | None:
        if self.is_demanded(step):
            return None  # whatever a person said
        at = account.waived.get(step["step"])
        return self.day.day_of(at) if at and at <= self.day.now else None

    def is_demanded(self, step: Step) -> bool:
        """Whether a pack wants it done before a hand-off."""
        return any(
            rule["to"] in self.pack.get("handoff", {})
            and (rule.get("after") or {}).get("step") == step["step"]
            for rule in self.policy.get("hand_off", [])
        )

    def done_with(self, account: Account, rank: int, step: Step) -> bool:
        times = 1 + step.get("repeat", {}).get("times", 0)
        if len(self.done(account, step)) >= times or self.waived_on(account, step):
            return True
        if step.get("mandatory"):
            return False
        later = [s for r, s in self.steps if r == rank and s["at_dpd"] > step["at_dpd"]]
        passed_over = any(
            self.done(account, s) or self.given_up(account, s) or self.waived_on(account, s)
            for s in later
        )
        return passed_over or self.given_up(account, step)

    def eligible(self, account: Account, rank: int, step: Step) -> bool:
        tier = self.tier(account)
        if tier is None or self.done_with(account, rank, step):
            return False
        done = self.done(account, step)
        milder = bool(step.get("mandatory")) and rank < tier and not done
        if rank != tier and not milder:
            return False
        if done:
            waited = self.days_since(self.last_done(account, step))
            if waited < step["repeat"]["every_days"]:
                return False
        at_dpd: int = step["at_dpd"]
        return self.dpd(account) >= at_dpd and self.holds(account, step.get("when", {}))

    def days_since(self, day: dt.date) -> int:
        return (self.day.today - day).days

    def never_done(self, account: Account) -> list[Step]:
        """Eligible mandatory steps without which nothing goes on, mildest first."""
        return [
            step
            for rank, step in self.steps
            if step.get("mandatory")
            and self.eligible(account, rank, step)
            and not self.done(account, step)
        ]

    def due(self, account: Account) -> Step | None:
        if undone := self.never_done(account):
            return undone[0]
        eligible = [step for rank, step in self.steps if self.eligible(account, rank, step)]
        return max(eligible, key=lambda step: int(step["at_dpd"]), default=None)

    def lies_ahead(self, account: Account) -> bool:
        ahead = any(self.dpd(account) < step["at_dpd"] for _, step in self.steps)
        left = any(
            rank == self.tier(account)
            and self.done(account, step)
            and not self.done_with(account, rank, step)
            for rank, step in self.steps
        )
        return ahead or left

    def hand_off(self, account: Account) -> str | None:
        if self.never_done(account):
            return None
        for rule in reversed(self.policy.get("hand_off", [])):
            had_until = account.turned_down.get(rule["to"])
            if had_until and had_until <= self.day.now:
                continue
            if not self.holds(account, rule["when"]):
                continue
            if after := rule.get("after"):
                [step] = [s for _, s in self.steps if s["step"] == after["step"]]
                since = self.waived_on(account, step)
                if done := self.done(account, step):
                    told = [each for each in done if not each.to_former]
                    if rule["to"] in self.pack.get("handoff", {}):
                        told = [each for each in told if each.channel in WRITTEN]
                    since = self.last_done(account, step) if told else None
                if since is None or self.days_since(since) < after["days"]:
                    continue
            if all(self.is_out(contact, rule) for contact in self._before_hand_off(account)):
                return str(rule["to"])
        return None

    def _before_hand_off(self, account: Account) -> list[Contact]:
        """What did a step that must be out before any hand-off."""
        named = {
            rule["after"]["step"] for rule in self.policy.get("hand_off", []) if "after" in rule
        }
        return [
            contact
            for _, step in self.steps
            if step.get("mandatory") or step.get("purpose") == "notice" or step["step"] in named
            for contact in self.done(account, step)
        ]

    def is_out(self, contact: Contact, rule: dict[str, Any]) -> bool:
        """Whether it went out, and long enough ago for the rule if that waits for its step."""
        went_at = contact.printed_at if contact.channel == "letter" else contact.accepted_at
        if went_at is None or went_at > self.day.now:
            return False
        after = rule.get("after", {})
        days: int = after["days"] if after.get("step") == contact.step else 0
        return self.days_since(self.day.day_of(went_at)) >= days
