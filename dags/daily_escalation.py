"""One run is one business date of one portfolio; its partition key is that date.

| task | does |
|---|---|
| business_date | says which date the run is for; waits for its usual time, holding no worker |
| channels | reads from the policy by which channels people are reached |
| snapshot | pulls the date's overdue accounts, validates them row by row, loads them |
| gate | compares the snapshot with the one before it, and stops the run if it looks wrong |
| decide | writes one decision per account, and plans the contacts |
| remind | sends what may go out now; what falls due later is left to `dispatch_reminders` |
| reminded | a mark: every channel had its turn, also where a sender is down |
| lists | writes the call lists and the orders for visits, for the people who make them |
| letters | makes the PDF files for the printer |
| report | writes the day's page and the last few again; puts its figures on the decisions' asset |
| date_ended | a mark: the run is over, well or not; recalls and hand-offs (`placements`) begin |
| complete | a mark: all of it was done |

**A run by hand** without a partition key is for the newest date that has closed; the log and the
XCom of `business_date` show it. A date after the one that closes next is refused.

**When a task fails**, its log ends with what was wrong and how to repair it.

- `snapshot`: the source has not delivered, or not what `portfolio.yaml` declares. It is asked again
  for some hours. After that, repair it and clear the task.
- `gate`, or the volume breaker inside `decide`: somebody has to look at the figures. If they are
  right, run `dunflow accept PORTFOLIO DATE --reason "…"`, and clear `snapshot` and what follows; or
  after the breaker, `decide`. Phones and emails that were refused are taken when the date is loaded
  again.
- `snapshot` skipped, and `gate`, `decide` and `remind` with it: a source that keeps no history was
  asked too late. The date stays a gap; the next one decides from what was really sent.
- `remind`: a sender is down. Nothing is lost: clear the task, or leave it to `dispatch_reminders`.
  What comes after it runs all the same; `complete` then says that the run was not.

Clearing a task, or running a date again, contacts nobody twice.

**After an outage** the missed dates run by themselves, the oldest first, if the portfolio has
`starts_on`; else run `dunflow backfill PORTFOLIO FROM TO`. Late dates are recorded and contact
nobody.
"""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import (
    DAG,
    Asset,
    BaseOperator,
    CronPartitionTimetable,
    ExceptionRetryPolicy,
    RetryAction,
    RetryRule,
    task,
)
from airflow.sdk.exceptions import AirflowSkipException

from dunflow.config.head import Head, heads
from dunflow.errors import DunflowError, LedgerDown, SourceError

# A source may be late, and a server be restarted, so both are asked again. What else is raised on
# purpose waits for a person.
RETRY = ExceptionRetryPolicy(
    [
        RetryRule([SourceError, LedgerDown], RetryAction.RETRY),
        RetryRule(DunflowError, RetryAction.FAIL),
    ]
)


class BusinessDate(BaseOperator):
    """Gives the run's business date, at or after the usual time of that date's run."""

    template_fields = ("portfolio", "partition_key")

    def __init__(self, *, portfolio: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.portfolio = portfolio
        self.partition_key = "{{ dag_run.partition_key or '' }}"

    def execute(self, context: Any) -> str:  # noqa: ARG002  Airflow passes it
        from dunflow import day

        key = self.partition_key
        date = day.date_of(key) if key else day.newest_closed(self.portfolio)
        now = dt.datetime.now(dt.UTC)
        opens_at = day.opens_at(self.portfolio, date, now)
        self.log.info("The business date is %s; its run opens at %s", date, opens_at)
        if opens_at > now:
            self.defer(
                trigger=DateTimeTrigger(moment=opens_at),
                method_name="execute_complete",
                kwargs={"business_date": date.isoformat()},
            )
        return date.isoformat()

    def execute_complete(self, context: Any, event: Any, business_date: str) -> str:  # noqa: ARG002
        return business_date


@task
def channels(portfolio: str) -> list[str]:
    from dunflow import day

    return day.channels(day.open_day(portfolio, day.newest_closed(portfolio)))


@task(
    retries=6,
    retry_delay=dt.timedelta(minutes=2),
    retry_exponential_backoff=2,
    max_retry_delay=dt.timedelta(hours=2),
)
def snapshot(portfolio: str, business_date: str) -> dict[str, Any]:
    from dunflow import day

    loaded = day.snapshot(day.open_day(portfolio, dt.date.fromisoformat(business_date)))
    if loaded["snapshot"]["state"] == "gap":
        raise AirflowSkipException(f"The source kept nothing of {business_date}: nothing to decide")
    return loaded


@task
def gate(portfolio: str, business_date: str) -> dict[str, Any]:
    from dunflow import day

    return day.gate(day.open_day(portfolio, dt.date.fromisoformat(business_date)))


@task
def decide(portfolio: str, business_date: str) -> dict[str, Any]:
    from dunflow import day

    return day.decide(day.open_day(portfolio, dt.date.fromisoformat(business_date)))


@task(map_index_template="{{ task.op_kwargs['channel'] }}")
def remind(portfolio: str, business_date: str, channel: str) -> dict[str, Any]:
    from dunflow import day

    return day.remind(day.open_day(portfolio, dt.date.fromisoformat(business_date)), [channel])


@task
def lists(portfolio: str, business_date: str) -> list[str]:
    from dunflow import day
    from dunflow.worklists.make import hand_out_day

    made = hand_out_day(day.open_day(portfolio, dt.date.fromisoformat(business_date)))
    return [each["reference"] for each in made]


@task
def letters(portfolio: str, business_date: str) -> list[str]:
    from dunflow import day
    from dunflow.letters import print_day

    made = print_day(day.open_day(portfolio, dt.date.fromisoformat(business_date)))
    return [each["reference"] for each in made]


# A date without anything to decide, or a policy without channels, is reported all the same.
@task(trigger_rule="none_failed")
def report(portfolio: str, business_date: str, *, outlet_events: Any) -> dict[str, Any]:
    from dunflow import day

    opened = day.open_day(portfolio, dt.date.fromisoformat(business_date))
    figures = day.report(opened)
    told = outlet_events[decisions_of(portfolio)]
    told.extra = {"business_date": business_date, **figures}
    told.add_partitions(business_date)
    return figures


@task(trigger_rule="all_done")
def date_ended(portfolio: str, business_date: str | None, *, outlet_events: Any) -> None:
    if business_date is None:
        raise AirflowSkipException("The run has no business date")
    # A run by hand may have no key of its own, and what follows is started by one.
    outlet_events[end_of_date(portfolio)].add_partitions(business_date)


def end_of_date(portfolio: str) -> Asset:
    """The run of a date is over: who paid is taken back from an agency also where it failed."""
    return Asset(name=f"{portfolio}_date_ended", uri=f"dunflow://{portfolio}/date_ended")


def decisions_of(portfolio: str) -> Asset:
    """What other DAGs may be scheduled on: a day of this portfolio is complete."""
    return Asset(name=f"{portfolio}_decisions", uri=f"dunflow://{portfolio}/decisions")


def build(head: Head) -> DAG:
    # The run of a date starts at the midnight with which it ends.
    first = (head.starts_on or dt.date(2000, 1, 1)) + dt.timedelta(days=1)
    start = dt.datetime.combine(first, dt.time(0), tzinfo=ZoneInfo(head.zone))
    with DAG(
        dag_id=f"daily_escalation__{head.name}",
        description=head.description,
        doc_md=__doc__,
        schedule=CronPartitionTimetable(
            "0 0 * * *", timezone=head.zone, run_offset=-1, key_format="%Y-%m-%d"
        ),
        start_date=start,
        # History is replayed by backfills alone. Airflow refuses those where there is no schedule,
        # so there is one, which has ended.
        end_date=start if head.replay else None,
        is_paused_upon_creation=not head.replay,
        catchup=head.starts_on is not None and not head.replay,
        max_active_runs=1,
        default_args={
            "owner": head.owner,
            "retries": 4,  # in a quarter of an hour, as a server may take to come back
            "retry_delay": dt.timedelta(minutes=1),
            "retry_exponential_backoff": 2,
            "retry_policy": RETRY,
        },
        tags=["dunflow", head.name, *head.warnings],
    ) as dag:
        name = head.name
        date = BusinessDate(task_id="business_date", portfolio=name).output
        sent = remind.partial(portfolio=name, business_date=date).expand(channel=channels(name))
        reported = report.override(outlets=[decisions_of(name)])(name, date)
        handed_out, printed = lists(name, date), letters(name, date)
        decided = decide(name, date)
        snapshot(name, date) >> gate(name, date) >> decided >> sent
        # A sender that is down keeps nobody from their work, and keeps back no report; yet the run
        # has failed. The rule stands here and not at what follows, which would run without a
        # business date too.
        reminded = EmptyOperator(task_id="reminded", trigger_rule="all_done")
        sent >> reminded >> [handed_out, printed, reported]
        decided >> reported
        done = [sent, handed_out, printed, reported]
        done >> EmptyOperator(task_id="complete")
        done >> date_ended.override(outlets=[end_of_date(name)])(name, date)
    return dag


for _head in heads():
    globals()[f"daily_escalation__{_head.name}"] = build(_head)
