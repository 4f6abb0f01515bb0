"""What follows a day's hand-offs: a person approves them, then they are delivered.

It starts by itself when a business date of the portfolio has had its run, also one that failed: who
paid is taken back from the agency all the same. Its partition key is that date.

| task | does |
|---|---|
| take_back | recalls what was paid or is held, tells changed balances, delivers what was approved |
| candidates | sums up what the date proposes; without proposals the run ends here |
| approval | waits for a person, holding no worker and no other run |
| carry_out | does what the person said |
| deliver | delivers what was approved now |

Where a receiver wants several `approvals`, the last four come again for the next person, as
`candidates_2` and so on, about what the first one approved.

**Approval** stands under *Required actions* in Airflow: approve all that is asked about, reject it,
or decide later. What a pack asks the approver to have checked is named in the question; *Approve*
says that it was, and is kept so. To take single accounts out first, use
`dunflow placements PORTFOLIO reject --account …`; what may no longer leave by then is withdrawn by
itself. The command line can do all of it, also after the wait here has ended:
`dunflow placements PORTFOLIO list`, `approve`, `reject`, `export`. What was proposed while this DAG
was paused is asked about together with the next date.

**When `take_back` or `deliver` fails**, a receiver's place can't be reached or its agreement has
ended; the log says which. Nothing is lost and nothing is delivered twice: mend it, and clear the
task.

**When `carry_out` fails** for what was not checked, packs ask for more by now than the question
named. Nothing was approved: clear `candidates`, and the question comes again.
"""

import datetime as dt
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import DAG, Asset, PartitionedAssetTimetable, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from dunflow.config.head import Head, heads

APPROVE, REJECT, LATER = "Approve", "Reject", "Decide later"


@task
def take_back(portfolio: str) -> dict[str, Any]:
    return _delivered(portfolio)


@task
def candidates(portfolio: str, turn: int) -> dict[str, Any]:
    """What a person is asked about: the name of the question, and its sums with their checks."""
    from dunflow import placements

    date = get_current_context()["dag_run"].partition_key
    on = dt.date.fromisoformat(date) if date else None
    question, sums = placements.ask(placements.open_desk(portfolio), on, turn)
    if not sums:
        raise AirflowSkipException("Nothing is proposed, so nobody needs to be asked")
    return {"question": question, "sums": sums}


@task
def carry_out(portfolio: str, asked: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    from dunflow import placements
    from dunflow.place.life import Chosen

    said = answer["chosen_options"]
    by = (answer.get("responded_by_user") or {}).get("name") or "airflow"
    chosen = Chosen(question=asked["question"])
    desk = placements.open_desk(portfolio)
    if said == [APPROVE]:
        # What the question named, and not what packs ask for by now.
        named = {check for each in asked["sums"] for check in each.get("checks", [])}
        moved = placements.approve(desk, chosen, by, named)
    elif said == [REJECT]:
        moved = placements.reject(desk, chosen, "rejected in Airflow", by)
    else:
        raise AirflowSkipException("Nobody has decided; the command line can, at any time")
    return vars(moved)


@task
def deliver(portfolio: str) -> dict[str, Any]:
    return _delivered(portfolio)


def _delivered(portfolio: str) -> dict[str, Any]:
    from dunflow import placements

    done = placements.deliver(placements.open_desk(portfolio))
    done.raise_if_failed()
    return vars(done)


BODY = """
| business date | destination | accounts | amount | who approves has checked |
|---|---|---|---|---|
{% for each in (ti.xcom_pull(task_ids='CANDIDATES') or {}).sums or [] -%}
| {{ each.business_date }} | {{ each.destination }} | {{ each.accounts }} | {{ each.amount }} \
{{ each.currency }} | {{ each.checks | join(', ') }} |
{% endfor %}
"""


def _ask(head: Head, turn: int, before: Any) -> Any:
    """The tasks of one question; the one that the next question follows."""
    name, suffix = head.name, f"_{turn}" if turn > 1 else ""
    # A receiver that can't be reached is no reason not to ask.
    rule = "all_done" if turn == 1 else "all_success"
    found = candidates.override(task_id=f"candidates{suffix}", trigger_rule=rule)(name, turn)
    asked = HITLOperator(
        task_id=f"approval{suffix}",
        subject=f"Hand over accounts of {name}?" + (f" Person {turn}" if suffix else ""),
        body=BODY.replace("CANDIDATES", f"candidates{suffix}"),
        options=[APPROVE, REJECT, LATER],
        defaults=LATER,
        response_timeout=dt.timedelta(days=14),
        retries=0,
    )
    said = carry_out.override(task_id=f"carry_out{suffix}")(name, found, asked.output)
    before >> found >> asked
    said >> deliver.override(task_id=f"deliver{suffix}")(name)
    return said


def build(head: Head) -> DAG:
    with DAG(
        dag_id=f"placements__{head.name}",
        description=head.description,
        doc_md=__doc__,
        # Of the daily run, which does not wait: a run that waits for a person delays no day.
        schedule=PartitionedAssetTimetable(
            assets=Asset(name=f"{head.name}_date_ended", uri=f"dunflow://{head.name}/date_ended")
        ),
        start_date=dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
        catchup=False,
        # Runs that wait for a person must not keep the next date's recalls waiting.
        max_active_runs=64,
        is_paused_upon_creation=not head.replay,
        default_args={"owner": head.owner, "retries": 2, "retry_delay": dt.timedelta(minutes=5)},
        tags=["dunflow", head.name, *head.warnings],
    ) as dag:
        before = take_back(head.name)
        for turn in range(1, head.approvals + 1):
            before = _ask(head, turn, before)
    return dag


for _head in heads():
    globals()[f"placements__{_head.name}"] = build(_head)
