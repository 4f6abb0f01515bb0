"""Which rung is due: the heart of the policy, as expressions over facts.

`f` has the columns of assess.facts and the account's `rank`. A step is named by its number in
`policy.ladder` (mild to severe, from 0), so that "which one" is a plain minimum or maximum.
"""

import datetime as dt
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import (
    ColumnElement,
    Date,
    FromClause,
    Integer,
    SmallInteger,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    true,
)
from sqlalchemy import type_coerce as coerce

from dunflow.assess.moment import Moment
from dunflow.config.book import Book
from dunflow.config.policy import Step
from dunflow.decide.conditions import holds

T = TypeVar("T")


def due_step(book: Book, f: FromClause, moment: Moment) -> ColumnElement[int]:
    """The number of the step that is due, or NULL."""
    steps = _rungs(book, f, moment)
    undone = [rung for rung in steps if rung.mandatory]
    # The mildest mandatory step that was never done, else the eligible one with the highest at_dpd.
    arms: list[tuple[ColumnElement[bool], int]] = [
        (rung.eligible & (rung.done == 0), rung.number) for rung in undone
    ]
    by_age = sorted(steps, key=lambda rung: -rung.step.at_dpd)
    arms += [(rung.eligible, rung.number) for rung in by_age]
    if not arms:
        return cast(null(), SmallInteger)
    return case(
        *[(condition, literal(number, SmallInteger)) for condition, number in arms], else_=null()
    )


@dataclass(frozen=True)
class Rungs:
    """What follows from the due step of an account.

    repetition: how often that step is done already. lies_ahead: a later day may bring a step.
    given_up: the due step is mandatory and was given up. blocked: it is mandatory and was never
    done.
    """

    repetition: ColumnElement[int]
    lies_ahead: ColumnElement[bool]
    given_up: ColumnElement[bool]
    blocked: ColumnElement[bool]


def rungs(book: Book, f: FromClause, moment: Moment) -> Rungs:
    """The ladder of `book` for facts `f` that have `due` among them."""
    steps = _rungs(book, f, moment)
    mandatory = [rung for rung in steps if rung.mandatory]
    # An eligible mandatory step that was never done is always the due one.
    blocked = _of_due(f, {rung.number: rung.done == 0 for rung in mandatory}, false())
    later_days = [f.c.dpd < max(rung.step.at_dpd for rung in steps)] if steps else []
    return Rungs(
        repetition=_of_due(
            f, {rung.number: rung.done for rung in steps}, cast(null(), SmallInteger)
        ),
        lies_ahead=or_(
            false(), *later_days, *[rung.repetition_left for rung in steps if rung.step.repeat]
        ),
        given_up=_of_due(f, {rung.number: rung.given_up for rung in mandatory}, false()),
        blocked=blocked,
    )


def _rungs(book: Book, f: FromClause, moment: Moment) -> list["_Rung"]:
    return [_Rung(book, f, moment, number) for number in range(len(book.policy.ladder))]


def _of_due(
    f: FromClause, answers: dict[int, ColumnElement[T]], otherwise: ColumnElement[T]
) -> ColumnElement[T]:
    """The answer of the step that is due."""
    return case(answers, value=f.c.due, else_=otherwise) if answers else otherwise


def done(step: str | ColumnElement[str], f: FromClause) -> ColumnElement[int]:
    """How often `step` is done in this episode."""
    return func.coalesce(cast(f.c.progress[step][0].astext, Integer), 0)


class _Rung:
    """One step, as conditions on one account."""

    def __init__(self, book: Book, f: FromClause, moment: Moment, number: int) -> None:
        policy = book.policy
        self.number = number
        self.step: Step = policy.ladder[number]
        self.mandatory = self.step.mandatory
        self._f, self._moment, self._attempts = f, moment, policy.attempts
        self._rank = policy.rank_of_step[self.step.step]
        self._own = f.c.rank == self._rank
        self._book = book
        self.done = done(self.step.step, f)

    @property
    def eligible(self) -> ColumnElement[bool]:
        f = self._f
        belongs = (
            or_(self._own, and_(f.c.rank > self._rank, self.done == 0))
            if self.mandatory
            else self._own
        )
        return and_(
            belongs,
            f.c.dpd >= self.step.at_dpd,
            holds(self._book, self.step.when, f),
            ~self._done_with(),
            self._is_its_turn(),
        )

    @property
    def repetition_left(self) -> ColumnElement[bool]:
        """Only a step that repeats can be done and not be done with."""
        return and_(self._own, self.done > 0, ~self._done_with())

    @property
    def given_up(self) -> ColumnElement[bool]:
        return self._given_up(self.step)

    def _waived(self, step: Step) -> ColumnElement[bool]:
        """Only a mandatory step is ever waived, and none that a pack demands by now."""
        may_be = step.mandatory and not self._book.demands(step.step)
        return self._f.c.progress[step.step][3].is_not(None) if may_be else false()

    def _given_up(self, step: Step) -> ColumnElement[bool]:
        failed = func.coalesce(cast(self._f.c.progress[step.step][1].astext, Integer), 0)
        return failed >= self._attempts

    def _done_with(self) -> ColumnElement[bool]:
        reasons = [self.done >= self.step.times, self._waived(self.step)]
        if not self.mandatory:
            reasons.append(self.given_up)
            later = self._book.policy.tiers[self._rank].steps
            for step in (step for step in later if step.at_dpd > self.step.at_dpd):
                reasons += [done(step.step, self._f) > 0, self._given_up(step), self._waived(step)]
        return or_(*reasons)

    def _is_its_turn(self) -> ColumnElement[bool]:
        """A repetition waits its days; the first time does not."""
        if self.step.repeat is None:
            return true()
        return or_(
            self.done == 0,
            days_since(self.step.step, self._f, self._moment) >= self.step.repeat.every_days,
        )


def days_since(step: str, f: FromClause, moment: Moment) -> ColumnElement[int]:
    """Calendar days of the portfolio's zone from the last time `step` was done to this run."""
    return days_from(last_on(step, f), moment)


def last_on(step: str, f: FromClause) -> ColumnElement[dt.date]:
    """The day on which `step` was last done, or NULL."""
    return cast(f.c.progress[step][2].astext, Date)


def waived_on(step: str, f: FromClause) -> ColumnElement[dt.date]:
    """The day on which a person passed `step`, or NULL."""
    return cast(f.c.progress[step][3].astext, Date)


def days_from(day: ColumnElement[dt.date], moment: Moment) -> ColumnElement[int]:
    """Calendar days from `day` to this run."""
    return coerce(literal(moment.day, Date) - day, Integer)
