"""Every five minutes: sends what has fallen due since the day's run.

A contact may have to wait for the customer's contact hours, for another try, or for the provider's
word on whether an earlier call arrived. One task per channel takes what is due by now; most of the
time there is nothing, and it ends at once. The task `lists` then writes the calls and visits whose
hours have begun onto lists for people, and `results` goes on asking what became of messages, for
three minutes at most: SendGrid takes six questions a minute, of 80 emails each, and Twilio's list
has a thousand SMS on a page. Where their callbacks come to the receiver, there is nothing to ask.

**When a task fails**, a sender is at fault, and its log says why. Nothing is lost and nothing is
sent twice: a later run tries again. A contact that nobody could send ends when the next business
date is decided, on fresh figures.

**To hold everything back**: `dunflow stop PORTFOLIO --reason "…"`, or with `--channel` one channel.
It takes effect at the next claim of any worker. Pausing this DAG alone leaves the `remind` task of
`daily_escalation` at work.

**Contacts in doubt** are settled here by asking the provider. Those that nobody can tell about wait
for a person: `dunflow resolve PORTFOLIO`.
"""

import datetime as dt
from typing import Any

from airflow.sdk import DAG, task

from dunflow.config.head import Head, heads


@task
def channels(portfolio: str) -> list[str]:
    from dunflow import day

    return day.channels(day.open_dispatch(portfolio))


@task(map_index_template="{{ task.op_kwargs['channel'] }}")
def dispatch(portfolio: str, channel: str) -> dict[str, Any]:
    from dunflow import day

    return day.remind(day.open_dispatch(portfolio), [channel])


@task(trigger_rule="all_done")
def lists(portfolio: str) -> list[str]:
    from dunflow import day
    from dunflow.worklists.make import hand_out_day

    made = hand_out_day(day.open_dispatch(portfolio))
    return [each["reference"] for each in made]


@task(trigger_rule="all_done")
def results(portfolio: str) -> dict[str, Any]:
    from dunflow import day

    return day.ask_on(day.open_dispatch(portfolio))


def build(head: Head) -> DAG:
    with DAG(
        dag_id=f"dispatch_reminders__{head.name}",
        description=head.description,
        doc_md=__doc__,
        schedule="*/5 * * * *",
        start_date=dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
        catchup=False,
        max_active_runs=1,
        # The outbox decides about another try, and the next run makes it.
        default_args={"owner": head.owner, "retries": 0},
        tags=["dunflow", head.name, *head.warnings],
    ) as dag:
        sent = dispatch.partial(portfolio=head.name).expand(channel=channels(head.name))
        sent >> [lists(head.name), results(head.name)]
    return dag


for _head in heads():
    # A replayed day plays its own dispatching, on its own clock.
    if not _head.replay:
        globals()[f"dispatch_reminders__{_head.name}"] = build(_head)
