"""Every five minutes: takes in what happened since the last snapshot, each row once.

Payments, credits and their reversals, holds, promises, plans, consents, opt-outs, contact changes
and merged customers, from where `intake` in `portfolio.yaml` says they come. As `returned`: what
agencies and legal left where their destination's `returns` says. As `suppressed`: whom SendGrid
sends nothing to any more, in case that its event was lost. As `answers`: what people texted to the
portfolio's numbers, in case that the receiver did not hear it. One task per kind.
What was paid, held or refused is asked again at the moment of sending, so it counts from the next
message on, also for what is planned already.

**Delivered again**, out of order, or twice in one file: nothing changes. A file is read again only
if it changed; a query is asked from some days before the last time on.

**A bad row** stops no other. It is kept with its place and reason, without its value, until a good
row with its id comes: `dunflow take PORTFOLIO --rejected`, and for receivers
`dunflow placements PORTFOLIO rejects`.

**When a task fails**, a source can't be reached, or a file is not what the portfolio declares; the
log says which and how to repair it. The other files were taken in, and the next run tries again.

**Beside the daily run**: what is written waits for the portfolio's lock, so a day decides on facts
that stand still.
"""

import datetime as dt
from typing import Any

from airflow.sdk import DAG, task

from dunflow.config.head import Head, heads


@task
def kinds(portfolio: str) -> list[str]:
    from dunflow import day

    return day.feeds(day.open_day(portfolio, day.newest_closed(portfolio)))


@task(map_index_template="{{ task.op_kwargs['kind'] }}")
def take(portfolio: str, kind: str) -> dict[str, Any]:
    from dunflow import day

    return day.intake(day.open_day(portfolio, day.newest_closed(portfolio)), kind)


def build(head: Head) -> DAG:
    with DAG(
        dag_id=f"intake__{head.name}",
        description=head.description,
        doc_md=__doc__,
        schedule="*/5 * * * *",
        start_date=dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
        catchup=False,
        max_active_runs=1,
        # The next run comes soon enough.
        default_args={"owner": head.owner, "retries": 0},
        tags=["dunflow", head.name, *head.warnings],
    ) as dag:
        take.partial(portfolio=head.name).expand(kind=kinds(head.name))
    return dag


for _head in heads():
    # A replayed day takes in what had come by then, on its own clock. A portfolio that can't be
    # read may have feeds, and its run says what is wrong.
    if (_head.feeds or _head.warnings) and not _head.replay:
        globals()[f"intake__{_head.name}"] = build(_head)
