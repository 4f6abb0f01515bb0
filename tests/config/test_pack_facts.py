"""What the shipped packs say of facts that no story can show: contents, retention, checks."""

from pathlib import Path

import pytest

from dunflow.config.book import PACKS, read_floor, root
from dunflow.config.duties import Slot
from dunflow.config.pack import Floor
from dunflow.config.policy import Channel
from dunflow.remind.render.lint import lint_templates


def floor(name: str) -> Floor:
    return read_floor([name], [root() / PACKS])


CONTENT: list[tuple[str, str, Channel, Slot]] = [
    ("CN-11", "cn-consumer", "sms", "institution_name"),
    ("CN-12", "cn-consumer", "letter", "how_to_object"),
    ("CN-12", "cn-consumer", "letter", "reason"),
    ("CN-14", "cn-consumer", "email", "official_contact"),
    ("CN-35", "cn-consumer", "sms", "opt_out_instruction"),
    ("US-09", "us-federal", "sms", "opt_out_instruction"),
    ("US-09", "us-federal", "email", "opt_out_instruction"),
    ("US-12", "us-federal", "letter", "institution_name"),
    ("US-25", "us-federal", "sms", "amount_due"),
    ("UK-03", "uk", "email", "reason"),
    ("UK-07", "uk", "letter", "amount_due"),
    ("DE-04", "de", "letter", "amount_due"),
    ("DE-04", "de", "email", "reason"),
    ("IN-02", "in", "sms", "institution_name"),
]
PARTS: dict[Channel, list[str]] = {
    "sms": ["sms.txt"],
    "email": ["subject.txt", "email.txt", "email.html"],
    "letter": ["email.txt"],
}
SAYS: dict[Slot, str] = {
    "institution_name": "{{ lender.name }}",
    "debtor_name": "{{ customer }}",
    "account_tail": "{% for account in accounts %}{{ account.tail }} {% endfor %}",
    "amount_due": "{{ total }}",
    "as_of": "{{ as_of }}",
    "reason": "{{ accounts[0].due_on }}",
    "how_to_pay": "{{ lender.pay_url }}",
    "official_contact": "{{ lender.phone }}",
    "how_to_object": "object: {{ lender.complaints }}",
    "opt_out_instruction": "reply STOP",
}


WORDED = "".join(f"{{% block {name} %}}{{% endblock %}}" for name in ("opening", "closing"))


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(("fact", "pack", "channel", "slot"), CONTENT)
def test_a_text_without_what_the_fact_asks_for_is_refused(
    fact: str,
    pack: str,
    channel: Channel,
    slot: Slot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = floor(pack)

    def missing(*left_out: Slot) -> list[str]:
        folder = tmp_path / ("whole" if not left_out else "lacking")
        said = [words for name, words in SAYS.items() if name not in left_out]
        for part in PARTS[channel]:
            write(folder / "templates/en/own" / part, WORDED + "; ".join(said))
        monkeypatch.setenv("DUNFLOW_ROOT", str(folder))  # the frame of letters is shipped
        write(folder / "include/templates/en/_base/letter.txt", "; ".join(said))
        return lint_templates(["en"], {"own": [channel]}, folder, asked)

    assert missing() == []
    assert any(f"does not say {slot}" in fault for fault in missing(slot)), fact


@pytest.mark.parametrize(
    ("facts", "pack", "years"),
    [
        ("CN-33 CN-34", "cn-consumer", "P5Y"),
        ("US-31", "us-federal", "P3Y"),
        ("UK-20", "uk", "P3Y"),
        ("DE-15", "de", "P6Y"),
        ("IN-07", "in", "P5Y"),
        ("CN-34 US-31", "strict", "P5Y"),
    ],
)
def test_records_are_kept_for_years(facts: str, pack: str, years: str) -> None:
    assert floor(pack).keep_at_least == years, facts


@pytest.mark.parametrize(("fact", "pack"), [("UK-02", "uk"), ("DE-01", "de"), ("IN-06", "in")])
def test_where_the_law_gives_no_number_those_of_strict_are_taken(fact: str, pack: str) -> None:
    def numbers(each: Floor) -> list[dict[str, object]]:
        rules = [*each.caps, *each.cooldowns]
        return [rule.model_dump(exclude={"src", "force"}) for rule in rules]

    assert numbers(floor(pack)) == numbers(floor("strict")), fact


@pytest.mark.parametrize(
    ("fact", "pack", "kind", "check"),
    [
        ("CN-19", "cn-consumer", "agency", "agency_listed_and_published"),
        ("CN-32", "cn-consumer", "agency", "claim_not_barred"),
        ("CN-32", "cn-consumer", "legal", "claim_not_barred"),
        ("CN-24", "cn-consumer", "sale", "separate_consent_or_exception"),
        ("UK-13", "uk", "legal", "default_notice_served"),
        ("UK-15", "uk", "legal", "reply_form_answered_30_days_ago"),
        ("DE-08", "de", "legal", "arrears_test"),
        ("DE-11", "de", "legal", "forbearance_offered"),
        ("IN-03", "in", "agency", "agents_trained_iibf"),
    ],
)
def test_who_approves_must_have_checked(fact: str, pack: str, kind: str, check: str) -> None:
    assert check in floor(pack).checks(kind), fact


def test_an_agreement_is_asked_of_the_portfolio_and_of_no_person() -> None:
    assert floor("cn-consumer").needs_agreement("agency")  # CN-23
    assert "processing_agreement" not in floor("cn-consumer").checks("agency")


@pytest.mark.parametrize(
    ("fact", "pack", "kind"),
    [
        ("CN-18", "cn-consumer", "agency"),
        ("CN-22", "cn-consumer", "sale"),
        ("CN-31", "cn-consumer", "bureau"),
        ("DE-10", "de", "sale"),
        ("IN-04", "in", "agency"),
    ],
)
def test_nobody_is_given_an_account_unannounced(fact: str, pack: str, kind: str) -> None:
    assert floor(pack).notice_days(kind) == 0, fact


@pytest.mark.parametrize("field", ["health", "employer", "contacts_third_party"])
def test_what_collecting_does_not_need_may_not_leave(field: str) -> None:
    assert not floor("cn-consumer").may_leave(field)  # CN-25
