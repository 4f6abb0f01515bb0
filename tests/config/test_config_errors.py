"""A config that is wrong is refused by file, key, value and repair."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from dunflow.check import check
from dunflow.config.base import build, read_document
from dunflow.config.book import folders, read_book
from dunflow.config.facts import Test, check_when
from dunflow.config.pack import Pack
from dunflow.config.policy import Policy
from dunflow.config.portfolio import Portfolio
from dunflow.errors import ConfigError
from dunflow.intake.receiver.__main__ import books

STEP = "{step: a, at_dpd: 1, channel: sms, template: x}"
TIER = f"{{tier: one, from_dpd: 1, steps: [{STEP}]}}"

POLICY_FAULTS = [
    # An unknown key, wherever it stands
    (f"policy: p\ntiers: [{TIER}]\ngap: 2", ["gap", "unknown key", "2", "remove it"]),
    (
        "policy: p\ntiers: [{tier: one, from_dpd: 1, step: []}]",
        ["tiers.0.step", "unknown key", "[]"],
    ),
    # Missing, or of the wrong kind
    ("policy: p", ["tiers", "is missing", "add it"]),
    (f"policy: p\ntiers: [{TIER}]\ngap_days: 0", ["gap_days", "0", "greater than or equal to 1"]),
    (f"policy: p\ntiers: [{TIER}]\nattempts: many", ["attempts", "'many'", "integer"]),
    (f"policy: p\nper_customer: one\ntiers: [{TIER}]", ["per_customer", "'one'", "one_per_day"]),
    ("policy: p\ntiers: []", ["tiers", "[]", "at least 1"]),
    # Amounts are quoted and belong to a currency
    (
        f"policy: p\nsettle_below: {{CNY: 1.00}}\ntiers: [{TIER}]",
        ["settle_below.CNY", "1.0", "in quotes"],
    ),
    (
        f'policy: p\nsettle_below: {{RMB: "1.00"}}\ntiers: [{TIER}]',
        ["settle_below", "'RMB'", "ISO 4217", "CNY"],
    ),
    (
        f'policy: p\nsettle_below: {{CNY: "1,000"}}\ntiers: [{TIER}]',
        ["settle_below.CNY", "'1,000'", "'1300.00'"],
    ),
    # Order
    (
        f"policy: p\ntiers: [{TIER}, {{tier: two, from_dpd: 1}}]",
        ["'two'", "from_dpd is 1", "exceed", "'one'"],
    ),
    (
        (
            f"policy: p\ntiers: [{{tier: one, from_dpd: 1, steps: [{STEP}, "
            "{step: b, at_dpd: 1, channel: sms, template: x}]}]"
        ),
        ["tiers.0", "'b'", "at_dpd is 1", "exceed", "'a'"],
    ),
    (
        (
            "policy: p\ntiers: [{tier: one, from_dpd: 1, steps: "
            "[{step: ahead, at_dpd: -3, channel: sms, template: x}]}]"
        ),
        ["tiers.0", "'ahead'", "at_dpd is -3", "negative from_dpd"],
    ),
    # Names
    (
        f"policy: p\ntiers: [{TIER}, {{tier: two, from_dpd: 9, steps: [{STEP}]}}]",
        ["step 'a' stands twice", "name of its own"],
    ),
    (f"policy: p\ntiers: [{TIER}, {{tier: one, from_dpd: 9}}]", ["tier 'one' stands twice"]),
    (
        (
            f"policy: p\ntiers: [{TIER}]\n"
            "hand_off: [{to: agency, when: {dpd: {from: 90}}, after: {step: notice, days: 14}}]"
        ),
        ["'agency'", "after.step is 'notice'", "name one of the steps", "a"],
    ),
    # Channels
    (
        (
            "policy: p\ntiers: [{tier: one, from_dpd: 1, steps: "
            "[{step: a, at_dpd: 1, channel: [sms, sms], template: x}]}]"
        ),
        ["steps.0.channel", "['sms', 'sms']", "once"],
    ),
    (
        (
            "policy: p\ntiers: [{tier: one, from_dpd: 1, steps: "
            "[{step: a, at_dpd: 1, channel: fax, template: x}]}]"
        ),
        ["steps.0.channel.0", "'fax'", "'letter'"],
    ),
    # Conditions
    (
        "policy: p\ntiers: [{tier: one, from_dpd: 1, when: {dpd: {at_least: 3}}}]",
        ["when.dpd.at_least", "unknown key", "3"],
    ),
    (
        "policy: p\ntiers: [{tier: one, from_dpd: 1, when: {dpd: {}}}]",
        ["when.dpd", "tests nothing", "from, to, in, not_in or is"],
    ),
    # YAML itself
    (f"policy: p\npolicy: q\ntiers: [{TIER}]", ["line 2", "'policy'", "twice", "keep one"]),
    ("- a list", ["['a list']", "mapping"]),
    ("policy: [", ["not valid YAML"]),
    ("policy: p\n---\npolicy: q", ["2 documents", "must hold one"]),
    ("", ["0 documents", "must hold one"]),
]


@pytest.mark.parametrize(("text", "told"), POLICY_FAULTS)
def test_a_wrong_policy_is_refused(tmp_path: Path, text: str, told: list[str]) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        build(Policy, read_document(file), str(file))
    for part in [str(file), *told]:
        assert part in str(refused.value)


def test_every_fault_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(f"policy: p\ngap: 2\nattempts: 0\ntiers: [{TIER}]")
    with pytest.raises(ConfigError) as refused:
        build(Policy, read_document(file), "policy.yaml")
    assert len(str(refused.value).splitlines()) == 2


PACK = """
pack: {id: p, version: 1, jurisdiction: X, as_of: "2026-01-01", legal_review: none}
"""

PACK_FAULTS = [
    ("quiet_days: [sunday]", ["quiet_days", "'sunday'", "mon … sun", "holidays"]),
    # YAML reads an unquoted 10:00 as a number of base sixty
    (
        "windows: [{id: w, channels: [sms], days: [mon], open: 10:00, close: '18:00'}]",
        ["windows.0.open", "600", "in quotes"],
    ),
    (
        "windows: [{id: w, channels: [sms], days: [mon], open: '9 am', close: '18:00'}]",
        ["windows.0.open", "'9 am'", '"06:30"'],
    ),
    (
        "windows: [{id: w, channels: [sms], days: [mon], open: '20:00', close: '08:00'}]",
        ["windows.0", "'w'", "closes at 08:00", "before it opens"],
    ),
    (
        "windows: [{id: w, channels: [sms], days: [mo], open: '08:00', close: '20:00'}]",
        ["windows.0.days.0", "'mo'", "'mon'"],
    ),
    ("caps: [{id: c, channels: [sms], max: 2, per: P1W}]", ["caps.0.per", "'P1W'", "P7D"]),
    ("caps: [{id: c, channels: [sms], max: 2, per: P0D}]", ["caps.0.per", "'P0D'", "whole days"]),
    ("caps: [{id: c, channels: [sms], max: -1, per: P1D}]", ["caps.0.max", "-1"]),
    ("clock: {on_unknown: guess}", ["clock.on_unknown", "'guess'", "'deny'"]),
]


@pytest.mark.parametrize(("text", "told"), PACK_FAULTS)
def test_a_wrong_pack_is_refused(tmp_path: Path, text: str, told: list[str]) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(PACK + text)
    with pytest.raises(ConfigError) as refused:
        build(Pack, read_document(file), str(file))
    for part in [str(file), *told]:
        assert part in str(refused.value)


PORTFOLIO = """
portfolio: harbour
time_zone: Asia/Shanghai
region: CN
language: zh
currency: CNY
run_at: "06:30"
source: {kind: files, path: "in/{business_date}.csv"}
lender: {name: {zh: 海港}, phone: "1", pay_url: "https://u", complaints: "c"}
"""

PORTFOLIO_FAULTS = [
    ("time_zone: Asia/Shanghai", "time_zone: Beijing", ["time_zone", "'Beijing'", "IANA"]),
    # Norway's two letters are YAML's "no"
    ("region: CN", "region: NO", ["region", "False", "YAML reads NO", "in quotes"]),
    ("region: CN", "region: XX", ["region", "'XX'", "two-letter"]),
    ('run_at: "06:30"', "run_at: 16:30", ["run_at", "990", "in quotes"]),
    ("portfolio: harbour", "portfolio: Harbour", ["portfolio", "'Harbour'"]),
    # Airflow's database takes neither, and would then take no portfolio's DAGs
    ("currency: CNY", 'currency: CNY\nowner: "a\\0b"', ["owner", "'a\\x00b'", "no character"]),
    (
        "currency: CNY",
        f"currency: CNY\ndescription: {'x' * 501}",
        ["description", "501 characters", "500 at most"],
    ),
    ("currency: CNY", "currency: RMB", ["currency", "'RMB'", "ISO 4217"]),
    ('path: "in/{business_date}.csv"', "path: in.csv", ["source", "'in.csv'", "{business_date}"]),
    ("kind: files", "kind: sql", ["source", "connection"]),
    (
        "kind: files,",
        'kind: files, decimal: ",", grouping: ",",',
        ["source", "decimal and grouping", "differ"],
    ),
    (
        "kind: files,",
        "kind: files, attributes: {dpd: {column: d, kind: number}},",
        ["source.attributes", "'dpd'", "built-in", "another name"],
    ),
    (
        "currency: CNY",
        'currency: CNY\nsenders: {sms: {provider: sendgrid, from: "+1"}}',
        ["senders", "sms.provider", "'sendgrid'", "'twilio'"],
    ),
    (
        "currency: CNY",
        'currency: CNY\nclock: replay\nsenders: {sms: {provider: twilio, from: "+15005550006"}}',
        ["clock is replay", "sandbox"],
    ),
]


@pytest.mark.parametrize(("right", "wrong", "told"), PORTFOLIO_FAULTS)
def test_a_wrong_portfolio_is_refused(
    tmp_path: Path, right: str, wrong: str, told: list[str]
) -> None:
    assert right in PORTFOLIO
    file = tmp_path / "portfolio.yaml"
    file.write_text(PORTFOLIO.replace(right, wrong))
    with pytest.raises(ConfigError) as refused:
        build(Portfolio, read_document(file), str(file))
    for part in [str(file), *told]:
        assert part in str(refused.value)


@pytest.fixture
def harbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A portfolio folder that Dunflow finds, without its policy."""
    monkeypatch.setenv("DUNFLOW_PORTFOLIOS", str(tmp_path))
    folder = tmp_path / "harbour"
    folder.mkdir()
    (folder / "portfolio.yaml").write_text(PORTFOLIO)
    return folder


def refusal(name: str = "harbour") -> str:
    with pytest.raises(ConfigError) as refused:
        read_book(name)
    return str(refused.value)


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("{score: {from: 3}}", ["when.score", "no such fact", "overdue"]),
        ("{overdue: {from: 200}}", ["when.overdue", "per currency", 'CNY: "200.00"']),
        ('{overdue: {is: "200"}}', ["when.overdue.is", "'200'", "from and to per currency"]),
        ('{dpd: {from: {CNY: "3"}}}', ["when.dpd.from", "a number", "whole numbers"]),
        ("{dpd: {is: x}}", ["when.dpd.is", "'x'", "without quotes"]),
        ("{dpd: {in: [3, '4']}}", ["when.dpd.in", "[3, '4']", "without quotes"]),
        ("{dpd: {from: 9, to: 3}}", ["when.dpd", "from 9 lies above to 3", "swap"]),
        (
            '{overdue: {from: {CNY: "9.00"}, to: {CNY: "3.00"}}}',
            ["when.overdue", "from 9.00 lies above to 3.00"],
        ),
        ("{product: {from: 3}}", ["when.product.from", "3", "text", "in, not_in or is"]),
        ("{currency: {is: 5}}", ["when.currency.is", "5", "text"]),
    ],
)
def test_a_condition_that_does_not_fit_its_fact_is_refused(
    harbour: Path, when: str, told: list[str]
) -> None:
    file = harbour / "policy.yaml"
    file.write_text(f"policy: p\ntiers: [{{tier: one, from_dpd: 1, when: {when}}}]")
    found = refusal()
    for part in [str(file), "tier 'one'", *told]:
        assert part in found


def test_a_missing_policy_is_named(harbour: Path) -> None:
    assert str(harbour / "policy.yaml") in refusal()
    assert "create it" in refusal()


def test_a_pack_that_is_not_there_is_named(harbour: Path) -> None:
    (harbour / "policy.yaml").write_text(f"policy: p\npacks: [atlantis]\ntiers: [{TIER}]")
    assert "'atlantis'" in refusal()
    assert "jurisdictions" in refusal()


def test_a_folder_and_its_portfolio_have_one_name(harbour: Path) -> None:
    harbour.rename(harbour.parent / "bay")
    found = refusal("bay")
    for part in ("bay/portfolio.yaml", "'harbour'", "'bay'"):
        assert part in found


@pytest.mark.parametrize("name", ["book b", "Harbour", "x" * 41, "harbour\n"])
def test_a_folder_that_can_name_no_portfolio_is_told(harbour: Path, name: str) -> None:
    harbour.rename(harbour.parent / name)
    assert f"folder is called {name!r}, which can't name a portfolio; rename it" in refusal(name)


@pytest.mark.parametrize("starts_on", ["soon", "9999-12-31", "0001-01-01"])
def test_a_first_date_that_no_schedule_can_count_from_is_told(
    harbour: Path, starts_on: str
) -> None:
    (harbour / "portfolio.yaml").write_text(f'{PORTFOLIO}starts_on: "{starts_on}"\n')
    assert f"portfolio.yaml: starts_on: is '{starts_on}'; write" in refusal()


def test_a_name_in_two_places_is_refused_and_the_others_are_read(
    harbour: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (harbour / "policy.yaml").write_text(f"policy: p\ntiers: [{TIER}]")
    second = tmp_path / "second/bay"
    shutil.copytree(harbour, second)
    shutil.copytree(harbour, tmp_path / "bay")
    monkeypatch.setenv("DUNFLOW_PORTFOLIOS", f"{tmp_path}:{tmp_path}:{second.parent}")
    assert f"'bay' lies in {tmp_path}/bay and in {second}; rename" in refusal("bay")
    assert "harbour" in books()
    assert {"bay", "harbour"} <= set(folders())  # so that a check of all tells of it


def test_a_file_that_nobody_may_read_is_told(harbour: Path) -> None:
    (harbour / "portfolio.yaml").unlink()
    (harbour / "portfolio.yaml").mkdir()
    assert "portfolio.yaml: can't be read (Is a directory)" in refusal()


def test_an_unknown_portfolio_is_answered_with_those_there_are(harbour: Path) -> None:
    assert "'habour'" in refusal("habour")
    assert "harbour" in refusal("habour").split("there are:")[1]


def test_a_place_of_portfolios_that_is_none_is_told(
    harbour: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUNFLOW_PORTFOLIOS", f"{harbour}:{harbour}/nowhere")
    assert "harbour, which is a portfolio itself: name the folder that it lies in" in refusal()
    assert "nowhere, which is no folder" in refusal()


def test_a_real_sender_without_its_credentials_is_told(
    harbour: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    senders = 'mode: shadow\nsenders: {sms: {provider: twilio, from: "+15005550006"}}\n'
    (harbour / "portfolio.yaml").write_text(PORTFOLIO + senders)
    (harbour / "policy.yaml").write_text(f"policy: p\npacks: [strict]\ntiers: [{TIER}]")
    monkeypatch.delenv("TWILIO_ACCOUNT_SID", raising=False)
    monkeypatch.delenv("TWILIO_AUTH_TOKEN", raising=False)
    assert any("senders.sms: TWILIO_ACCOUNT_SID is not set" in told for told in warnings())
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC1")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "t")
    assert not any("senders.sms" in told for told in warnings())


def test_answers_to_mails_that_nobody_hears_are_told(harbour: Path) -> None:
    sender = "provider: sendgrid, from: a@harbour.example"
    (harbour / "policy.yaml").write_text(f"policy: p\npacks: [strict]\ntiers: [{TIER}]")
    told = []
    for more in ("", ", reply_to: b@replies.harbour.example"):
        senders = f"mode: shadow\nsenders: {{email: {{{sender}{more}}}}}\n"
        (harbour / "portfolio.yaml").write_text(PORTFOLIO + senders)
        told.append([each for each in warnings() if "answers go to a@harbour.example" in each])
    assert [len(each) for each in told] == [1, 0]


@pytest.mark.parametrize(
    ("sender", "why"),
    [
        (
            'sms: {provider: sandbox, from: "+15005550006", reply_to: "+1501"}',
            "sms.reply_to is '+1501'",
        ),
        ("email: {provider: sandbox, from: a@b.example, reply_to: b}", "email.reply_to is 'b'"),
    ],
)
def test_answers_go_where_they_can(harbour: Path, sender: str, why: str) -> None:
    (harbour / "portfolio.yaml").write_text(PORTFOLIO + f"senders: {{{sender}}}\n")
    assert why in refusal()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('senders: {sms: {provider: sandbox, from: "07400900900"}}', "sms.from is '07400900900'"),
        ("senders: {email: {provider: sandbox, from: hi}}", "email.from is 'hi'"),
        ("senders: {sms: {provider: sandbox, from: 447700900999}}", "YAML reads as no text"),
        ("starts_on: 2026-01-01", "write it in quotes"),
        ("settle_below: 3", "unknown key"),
    ],
)
def test_what_can_not_work_is_told_before_anything_is_sent(
    harbour: Path, said: str, why: str
) -> None:
    (harbour / "portfolio.yaml").write_text(f"{PORTFOLIO}{said}\n")
    assert why in refusal()


@pytest.mark.parametrize("sender", ["+15005550006", "12345", "MG" + "0" * 32, "Harbour Ln"])
def test_whatever_twilio_sends_as_may_send(harbour: Path, sender: str) -> None:
    senders = f'senders: {{sms: {{provider: sandbox, from: "{sender}"}}}}\n'
    (harbour / "portfolio.yaml").write_text(PORTFOLIO + senders)
    (harbour / "policy.yaml").write_text(f"policy: p\npacks: [strict]\ntiers: [{TIER}]")
    assert read_book("harbour").portfolio.senders.sms


def test_the_keys_of_a_fault_are_those_of_the_file(harbour: Path) -> None:
    tier = "tier: t, from_dpd: 1, when: {overdue: {from: {GBBP: '1.00'}}}"
    (harbour / "policy.yaml").write_text(f"policy: p\npacks: [strict]\ntiers: [{{{tier}}}]")
    assert "function" not in refusal()


def test_a_receiver_that_no_hand_off_names_is_told(harbour: Path) -> None:
    (harbour / "portfolio.yaml").write_text(PORTFOLIO + "destinations: {nrth: {kind: agency}}\n")
    (harbour / "policy.yaml").write_text(f"policy: p\npacks: [strict]\ntiers: [{TIER}]")
    assert any(each.startswith("destinations.nrth: no hand-off") for each in warnings())


def warnings() -> list[str]:
    return check("harbour").warnings


def test_a_policy_without_packs_stands_on_the_strict_one(harbour: Path) -> None:
    (harbour / "policy.yaml").write_text(f"policy: p\ntiers: [{TIER}]")
    assert [pack.pack.id for pack in read_book("harbour").floor.packs] == ["strict"]


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("dpd: {in: []}", ["when.dpd", "in is empty", "leave in out"]),
        ("dpd: {from: }", ["when.dpd", "from is empty", "leave from out"]),
        ("overdue: {from: {}}", ["when.overdue", "from is empty"]),
    ],
)
def test_a_condition_that_says_nothing_is_refused(when: str, told: list[str]) -> None:
    data = yaml.safe_load(f"policy: p\ntiers: [{{tier: one, from_dpd: 1, when: {{{when}}}}}]")
    with pytest.raises(ConfigError) as refused:
        build(Policy, data, "policy.yaml")
    for part in told:
        assert part in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "test", "told"),
    [
        ("number", {"is": "abc"}, "'abc'"),
        ("number", {"is": True}, "True"),
        ("text", {"from": 3}, "is text"),
        ("text", {"is": 3}, "is text"),
        ("flag", {"from": 1}, "is a flag"),
        ("flag", {"is": "yes"}, "'yes'"),
        ("flag", {"in": [True, False]}, "is a flag"),
    ],
)
def test_the_lenders_own_facts_are_compared_by_their_kind(
    kind: str, test: dict[str, Any], told: str
) -> None:
    (fault,) = check_when({"score": Test.model_validate(test)}, {"score": kind}, "here")
    assert fault.startswith("here: when.score.")
    assert told in fault


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        ("number", {"from": 3, "to": 3}),
        ("number", {"not_in": [1, 2]}),
        ("text", {"in": ["a", "b"]}),
        ("flag", {"is": False}),
    ],
)
def test_a_condition_that_fits_is_taken(kind: str, test: dict[str, Any]) -> None:
    assert check_when({"score": Test.model_validate(test)}, {"score": kind}, "here") == []
