"""Every week: lets go of what is kept long enough, then proves the promises on the ledger.

| task | does |
|---|---|
| let_go | erases what the packs and `keep_records` ask nobody to keep any longer |
| audit | looks for rows that break a promise, over all dates |

Both may be killed anywhere and run again.

**When `audit` fails**, its log names the promise. `dunflow audit PORTFOLIO` says which accounts it
is about, and `dunflow explain PORTFOLIO ACCOUNT` how it came to it.
"""

import datetime as dt
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, task

from dunflow.config.head import Head, heads
from dunflow.errors import DunflowError


@task
def let_go(portfolio: str) -> dict[str, Any]:
    from dunflow import day

    return day.let_go(portfolio)


# What is broken stays so until a person has looked.
@task(retries=0)
def audit(portfolio: str) -> None:
    from dunflow import day

    if broken := day.broken_promises(portfolio):
        raise DunflowError(f"{portfolio}: {'; '.join(broken)}; see: dunflow audit {portfolio}")


def build(head: Head) -> DAG:
    with DAG(
        dag_id=f"housekeeping__{head.name}",
        description=head.description,
        doc_md=__doc__,
        # Sunday's small hours, when neither a day's run nor a dispatch is at work.
        schedule=CronTriggerTimetable("0 3 * * 0", timezone=head.zone),
        start_date=dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
        catchup=False,
        max_active_runs=1,
        default_args={"owner": head.owner, "retries": 2, "retry_delay": dt.timedelta(minutes=5)},
        tags=["dunflow", head.name, *head.warnings],
    ) as dag:
        let_go(head.name) >> audit(head.name)
    return dag


for _head in heads():
    globals()[f"housekeeping__{_head.name}"] = build(_head)
