"""What a person decides, from the command line: written down with who and why, and shown again."""

import datetime as dt
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import URL, false, insert, make_url, select

from dunflow.cli import main
from dunflow.config.book import read_book
from dunflow.ledger import partitions, throwaway
from dunflow.ledger.engine import URL_VARIABLE, make_engine, portfolio_id_of
from dunflow.ledger.tables import account, customer, decision, episode, policy_version
from dunflow.ledger.tables import run as run_row

NOW = ["--now", "2026-03-01 12:00"]
WHY = ["--reason", "said so", "--by", "ann"]


@pytest.fixture
def run(
    server: URL, template: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Any]:
    monkeypatch.setenv("DUNFLOW_HOME", str(tmp_path))
    with throwaway.clone(server, template) as url:
        monkeypatch.setenv(URL_VARIABLE, url.render_as_string(hide_password=False))
        engine = make_engine(url)
        with engine.begin() as conn:
            number = portfolio_id_of(conn, "sunrise_instalment")
            conn.execute(account.insert().values(portfolio_id=number, account_ref="007"))
            conn.execute(
                customer.insert().values(
                    portfolio_id=number,
                    customer_ref="C7",
                    phone="+8613800138001",
                    seen_on="2026-02-28",
                )
            )
        engine.dispose()

        def command(*words: str, code: int = 0) -> Any:
            done = CliRunner().invoke(main, [*words, "--json"])
            assert done.exit_code == code, done.output
            return json.loads(done.stdout) if code == 0 else done.output

        yield command


def told(run: Any) -> Any:
    return run("customer", "sunrise_instalment", "C7", *NOW)


def test_a_hold_and_its_release_are_kept_with_who_and_why(run: Any) -> None:
    P = "sunrise_instalment"  # noqa: N806
    run("hold", P, "--customer", "C7", "--kind", "hardship", "--to", "2026-03-31", *WHY, *NOW)
    [hold] = told(run)["holds"]
    assert hold["active"]
    assert (hold["recorded_by"], hold["reason"]) == ("ann", "said so")
    assert hold["until_at"] == "2026-03-31T16:00:00+00:00"
    release = ["release", P, "--customer", "C7", "--kind", "hardship", *WHY, *NOW]
    assert run(*release) == {"released": 1, "kind": "hardship"}
    [hold] = told(run)["holds"]
    assert not hold["active"]
    assert hold["released_by"] == "ann"
    run(*release, code=1)


def test_a_last_day_that_ends_no_hold_of_its_kind_is_said_to_end_none(run: Any) -> None:
    about = ["sunrise_instalment", "--customer", "C7", "--to", "2026-03-31", *WHY, *NOW]
    said = [
        CliRunner().invoke(main, ["hold", *about, "--kind", kind]).stdout.replace("\n", " ")
        for kind in ("deceased", "hardship")
    ]
    assert "until it is released; by pack cn-consumer no day ends it" in said[0]
    assert "until 2026-03-31, included" in said[1]
    ends = {hold["kind"]: hold["until_at"] for hold in told(run)["holds"]}
    assert ends == {"deceased": None, "hardship": "2026-03-31T16:00:00+00:00"}
    after = ["--now", "2026-04-01 12:00"]
    assert run("release", *about[:3], "--kind", "deceased", *WHY, *after)["released"] == 1
    assert run("release", *about[:3], "--kind", "hardship", *WHY, *after, code=1)


def test_a_hold_to_the_end_of_time_stands_until_it_is_released(run: Any) -> None:
    P = "sunrise_instalment"  # noqa: N806
    run("hold", P, "--customer", "C7", "--kind", "hardship", "--to", "9999-12-31", *WHY, *NOW)
    [hold] = told(run)["holds"]
    assert (hold["active"], hold["until_at"]) == (True, None)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["hold", "sunrise_instalment", "7", "--kind", "dispute"], "'7' was never seen"),
        (["hold", "sunrise_instalment", "007", "--kind", "whim"], "kind is 'whim'; use one of"),
        (["hold", "sunrise_instalment", "--kind", "dispute"], "name an ACCOUNT"),
        (
            ["hold", "sunrise_instalment", "007", "--kind", "dispute", "--from", "0001-01-01"],
            "'0001-01-01' lies before 1900",
        ),
        (["promise", "sunrise_instalment", "007", "-5", "2026-03-20"], "No such option"),
        (
            ["promise", "sunrise_instalment", "007", "0", "2026-03-20"],
            "more than nothing",
        ),
        (["promise", "sunrise_instalment", "007", "5", "2026-02-20"], "is over"),
        (["promise", "sunrise_instalment", "007", "5", "2206-02-20"], "is over a year after"),
        (["opt-out", "sunrise_instalment", "C7", "fax"], "'fax'; use one of sms"),
        (["payment-plan", "sunrise_instalment", "007"], "give either --instalment"),
        (
            ["payment-plan", "sunrise_instalment", "007", "--instalment", "2025-03-31=5"],
            "the instalment of 2025-03-31 was over when it was agreed",
        ),
        (
            ["promise", "sunrise_instalment", "007", "5.001", "2026-03-20"],
            "CNY has 2 decimals",
        ),
        (
            ["promise", "sunrise_instalment", "007", "5", "2026-03-20", "--currency", "cny"],
            "currency is 'cny'; write a code",
        ),
        (
            ["payment-plan", "sunrise_instalment", "007", "--instalment", "31.3.=5"],
            "write it like 2026-03-31=100.00",
        ),
    ],
)
def test_a_mistake_is_told_with_its_repair(run: Any, words: list[str], says: str) -> None:
    command, portfolio, *rest = words
    code = 2 if says in ("No such option", "name an ACCOUNT") else None
    done = CliRunner().invoke(main, [command, portfolio, *WHY, *NOW, *rest])
    assert done.exit_code in ((code,) if code else (1, 2))
    assert says in done.output


def test_monthly_instalments_keep_to_the_month_end(run: Any) -> None:
    plan = run(
        "payment-plan", "sunrise_instalment", "007", "--total", "100.00", "--times", "3",
        "--first", "2026-10-31", *WHY, *NOW,
    )  # fmt: skip
    assert [(each["due"], each["amount"]) for each in plan["instalments"]] == [
        ("2026-10-31", "33.33"),
        ("2026-11-30", "33.33"),
        ("2026-12-31", "33.34"),
    ]


def test_a_reply_waits_for_a_person_who_confirms_it(run: Any) -> None:
    P = "sunrise_instalment"  # noqa: N806
    taken = run("reply", P, "C7", "--channel", "sms", "--text", "这不是我借的", *NOW)
    assert taken["kind"] == "dispute"
    [waiting] = run("reply", P, *NOW)
    assert "text" not in waiting
    assert waiting["proposed_hold"] == "dispute"
    run("reply", P, "--confirm", str(taken["reply"]), *WHY, *NOW)
    file = told(run)
    assert [hold["kind"] for hold in file["holds"]] == ["dispute"]
    assert file["replies"][0]["text"] == "这不是我借的"
    assert file["replies"][0]["state"] == "confirmed"
    assert run("reply", P, *NOW) == []


def test_an_opt_out_binds_customer_and_number_and_is_lifted_with_both(run: Any) -> None:
    P = "sunrise_instalment"  # noqa: N806
    run("reply", P, "C7", "--channel", "sms", "--text", "别再发了", *NOW)
    assert [each["address"] for each in told(run)["opt_outs"]] == [None, "+8613800138001"]
    run("opt-out", P, "C7", "sms", "--lift", *WHY, *NOW)
    assert all(each["lifted_at"] for each in told(run)["opt_outs"])
    assert {each["lifted_source"] for each in told(run)["opt_outs"]} == {"ann: said so"}
    again = run("opt-out", P, "C7", "sms", "--lift", *WHY, *NOW, code=1)
    assert "C7 has not said no to sms" in again


def test_who_took_a_consent_back_and_why_is_kept(run: Any) -> None:
    P = "sunrise_instalment"  # noqa: N806
    run("consent", P, "C7", "voice", *WHY, *NOW)
    run("consent", P, "C7", "voice", "--revoke", "--reason", "by letter", "--by", "bob", *NOW)
    assert [each["end_source"] for each in told(run)["consents"]] == ["bob: by letter"]


def block(step: str) -> None:
    """Account 007 is on the ladder, and cannot be reached for a mandatory step."""
    date = dt.date(2026, 2, 28)
    engine = make_engine(make_url(os.environ[URL_VARIABLE]))
    with engine.begin() as conn:
        number = portfolio_id_of(conn, "sunrise_instalment")
        of = {"portfolio_id": number}
        account_id = conn.execute(select(account.c.account_id)).scalar_one()
        version = insert(policy_version).values(
            **of,
            fingerprint="x",
            document=read_book("sunrise_instalment").document,
            first_used_at=dt.datetime.now(dt.UTC),
        )
        values = {
            "policy_version_id": conn.execute(version).inserted_primary_key[0],
            "business_date": date,
            "decided_at": dt.datetime.now(dt.UTC),
            "late": False,
            "decided": {},
            "planned": 0,
        }
        run_id = conn.execute(insert(run_row).values(**of, **values)).inserted_primary_key[0]
        conn.execute(insert(episode).values(**of, account_id=account_id, started_on=date))
        partitions.fill(conn, decision, number, date, select(*decision.columns).where(false()))
        partitions.attach(conn, decision, number, date)
        row = {"account_id": account_id, "run_id": run_id, "business_date": date, "step": step}
        why = {"action": "suppress", "reason": "unreachable", "tier": "firm", "dpd": 25}
        conn.execute(insert(decision).values(**of, **row, **why))
    engine.dispose()


def test_a_waiver_is_kept_with_who_and_why_and_only_once(run: Any) -> None:
    P = "sunrise_instalment"  # noqa: N806
    block("firm_letter")
    [listed] = run("waive", P)
    assert (listed["account"], listed["step"], listed["reason"]) == (
        "007",
        "firm_letter",
        "unreachable",
    )
    pass_it = ["waive", P, "007", "firm_letter", *WHY, *NOW]
    assert run(*pass_it)["waived"] is True
    assert run(*pass_it)["waived"] is False
    [waiver] = run("explain", P, "007")["waivers"]
    assert (waiver["step"], waiver["waived_by"], waiver["reason"]) == (
        "firm_letter",
        "ann",
        "said so",
    )


def test_a_waiver_of_what_a_pack_demands_is_refused(run: Any) -> None:
    block("final_notice")
    said = run("waive", "sunrise_instalment", "007", "final_notice", *WHY, *NOW, code=1)
    assert "cn-consumer asks for it before a hand-off to harbour_agency" in said


def test_an_export_is_a_new_file_for_its_owner_alone(run: Any, tmp_path: Path) -> None:
    P, file = "sunrise_instalment", tmp_path / "C7.json"  # noqa: N806
    run("reply", P, "C7", "--channel", "sms", "--text", "在吗", *NOW)
    run("customer", P, "C7", "--export", str(file), *NOW)
    assert file.stat().st_mode & 0o777 == 0o600
    assert "在吗" in file.read_text(encoding="utf-8")
    assert "is there already" in run("customer", P, "C7", "--export", str(file), *NOW, code=2)


def erased(run: Any, tmp_path: Path) -> list[tuple[str, str]]:
    """Who erased C7, and why, as the file on them says."""
    file = tmp_path / "C7.json"
    run("customer", "sunrise_instalment", "C7", "--export", str(file), *NOW)
    written = json.loads(file.read_text(encoding="utf-8"))
    assert written["person"]["phone"] is None
    return [(each["erased_by"], each["reason"]) for each in written["erasures"]]


def test_who_is_erased_leaves_a_trace_of_who_did_it_and_why(run: Any, tmp_path: Path) -> None:
    P = "sunrise_instalment"  # noqa: N806
    run("opt-out", P, "C7", "sms", *WHY, *NOW)
    assert run("erase", P, "C7", *WHY, "--now", "2026-03-01 12:01")["records_until"]
    assert erased(run, tmp_path) == [("ann", "said so")]


def test_why_somebody_was_erased_goes_with_the_records(run: Any, tmp_path: Path) -> None:
    done = run("erase", "sunrise_instalment", "C7", *WHY, *NOW)
    assert done == {"customer": "C7", "records_until": None}
    assert erased(run, tmp_path) == [("ann", "")]


def test_housekeeping_of_a_book_without_dates_lets_nothing_go(run: Any) -> None:
    done = run("housekeeping", "sunrise_instalment")
    assert (done["since"], done["people"], done["broken"]) == (None, 0, [])


def refused(args: list[str]) -> str:
    done = CliRunner().invoke(main, args)
    assert done.exit_code == 2, done.output
    return done.output


def test_words_that_mean_nothing_are_refused(run: Any) -> None:
    P = "sunrise_instalment"  # noqa: N806
    del run
    assert "use one of dispute" in refused(["release", P, "007", "--kind", "dispte", *WHY, *NOW])
    typo = ["consent", P, "C7", "voice", "--basis", "prior_expres", *WHY, *NOW]
    assert "use one of prior_express" in " ".join(refused(typo).split())


def test_a_promise_is_not_confirmed_when_its_day_is_over(run: Any) -> None:
    P = "sunrise_instalment"  # noqa: N806
    taken = run("reply", P, "C7", "--channel", "sms", "--text", "我明天还100元", *NOW)
    late = ["--confirm", str(taken["reply"]), *WHY, "--now", "2026-03-09 12:00"]
    done = CliRunner().invoke(main, ["reply", P, *late])
    assert done.exit_code != 0
    assert "2026-03-02 is over" in done.output


def test_what_follows_from_a_wrong_person_is_said(run: Any) -> None:
    P = "sunrise_instalment"  # noqa: N806
    del run
    said = ["reply", P, "C7", "--channel", "sms", "--text", "wrong number", *NOW]
    told_ = CliRunner().invoke(main, said).output
    assert "the contact point by sms is given up, and waits for a person" in " ".join(told_.split())
    done = CliRunner().invoke(main, ["reply", P, "--dismiss", "1", *WHY, *NOW]).output
    assert "is used again" in done


def test_square_brackets_and_colons_in_a_reason_are_told_as_they_are(run: Any) -> None:
    reason, P = "see [ticket 42], letter [/2026/17] received :phone:", "sunrise_instalment"  # noqa: N806
    block("firm_letter")
    run("waive", P, "007", "firm_letter", "--reason", reason, *NOW)
    run("stop", P, "--channel", "sms", "--reason", reason)
    for words in (["explain", P, "007"], ["stop", P]):
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, done.output
        assert reason in done.output
