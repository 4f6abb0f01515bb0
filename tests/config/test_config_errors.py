"""A config that is wrong is refused by file, key, value and repair."""

from pathlib import Path

import pytest

from dunflow.config.base import build, read_document
from dunflow.config.pack import Pack
from dunflow.config.policy import Policy
from dunflow.config.portfolio import Portfolio
from dunflow.errors import ConfigError
from tests.config.harbour import PORTFOLIO, STEP, TIER

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
        f"policy: p\ntiers: [{TIER}, {{tier: two, was: one, from_dpd: 9}}]",
        ["tier 'one' stands twice"],
    ),
    (
        (
            "policy: p\ntiers: [{tier: one, from_dpd: 1, steps: ["
            "{step: a, at_dpd: 1, channel: sms, template: x},"
            "{step: b, was: [c, a], at_dpd: 2, channel: sms, template: x}]}]"
        ),
        ["step 'a' stands twice"],
    ),
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
        "kind: files, encoding: win-polish,",
        ["source.encoding", "'win-polish'", "no encoding of text", "cp1250"],
    ),
    ("kind: files,", r"kind: files, delimiter: '\t',", ["source.delimiter", "double quotes"]),
    ("kind: files,", 'kind: files, delimiter: "||",', ["source.delimiter", "'||'", "one sign"]),
    ("kind: files,", "kind: files, dates: DD.MM.YYYY,", ["source.dates", "'DD.MM.YYYY'", "%d.%m"]),
    ("kind: files,", "kind: files, dates: '%d.%m',", ["source.dates", "no year"]),
    ("kind: files,", "kind: files, dates: '%Q',", ["source.dates", "'%Q'"]),
    (
        "currency: CNY",
        "currency: CNY\nintake: {payments: {kind: files, path: 'in/{business_date}.csv'}}",
        ["intake.payments.path", "{business_date}", "write *"],
    ),
    (
        "currency: CNY",
        "currency: CNY\nintake: {payments: {kind: files, path: 'in/*', instants: DD.MM.YYYY}}",
        ["intake.payments.instants", "DD.MM.YYYY"],
    ),
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
