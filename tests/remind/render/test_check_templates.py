"""What `dunflow check` finds in templates."""

from collections.abc import Callable
from pathlib import Path

from dunflow.config.portfolio import LANGUAGES
from dunflow.remind.render.check import check_templates

Write = Callable[[str, str], None]


def test_the_shipped_templates_have_no_fault(own_folder: Path) -> None:
    channels = ("sms", "email", "call", "letter", "visit")
    shipped = dict.fromkeys(("courtesy", "gentle", "firm", "final", "plan_offer"), channels)
    assert check_templates(LANGUAGES, shipped, own_folder) == []


def test_each_missing_part_is_told_once(own_folder: Path) -> None:
    faults = check_templates(["en"], {"own": ["email", "call", "letter"]}, own_folder)
    assert [fault.split(":")[0] for fault in faults] == [
        "template en/own/subject.txt",
        "template en/own/email.txt",
        "template en/own/email.html",
        "template en/own/call.txt",
    ]


def test_a_letter_without_its_wording_is_told(own_folder: Path, write: Write) -> None:
    [missing] = check_templates(["en"], {"own": ["letter"]}, own_folder)
    assert missing.startswith("template en/own/email.txt: there is no such file")
    write("en/bare/email.txt", "{% block opening %}Please pay.{% endblock %}")
    [lacking] = check_templates(["en"], {"bare": ["letter"]}, own_folder)
    assert lacking.startswith("template en/bare/email.txt: has no block 'closing'")


def test_an_unknown_variable_is_found_on_a_branch_that_is_never_taken(
    own_folder: Path, write: Write
) -> None:
    write("en/firm/sms.txt", "{% if account_count > 999 %}{{ discount }}{% endif %}")
    (fault,) = check_templates(["en"], {"firm": ["sms"]}, own_folder)
    assert "en/firm/sms.txt: unknown variable discount; there are account_count" in fault


def test_a_variable_that_only_many_accounts_fill_is_found(own_folder: Path, write: Write) -> None:
    write("en/firm/sms.txt", "and more: {{ more_total }}")
    (fault,) = check_templates(["en"], {"firm": ["sms"]}, own_folder)
    assert "empty" in fault


def test_a_fault_that_only_some_overdue_accounts_reach_is_found(
    own_folder: Path, write: Write
) -> None:
    some = "{% if any_overdue and not is_overdue %}{{ accounts[1].name }}{% endif %}"
    write("en/firm/sms.txt", f"{{{{ total }}}} {some}")
    (fault,) = check_templates(["en"], {"firm": ["sms"]}, own_folder)
    assert "has no attribute 'name'" in fault


def test_a_syntax_error_is_told_with_its_line(own_folder: Path, write: Write) -> None:
    write("zh/firm/sms.txt", "您好\n{% if is_overdue %}逾期")
    (fault,) = check_templates(["zh"], {"firm": ["sms"]}, own_folder)
    assert "zh/firm/sms.txt, line 2" in fault


def test_a_syntax_error_in_a_frame_names_the_frame(own_folder: Path, write: Write) -> None:
    write("zh/_base/call.txt", "{{")
    (fault,) = check_templates(["zh"], {"firm": ["call"]}, own_folder)
    assert "zh/_base/call.txt, line 1" in fault


def test_a_file_in_another_encoding_is_told(own_folder: Path) -> None:
    file = own_folder / "templates/zh/firm/sms.txt"
    file.parent.mkdir(parents=True)
    file.write_bytes("您好".encode("gbk"))
    (fault,) = check_templates(["zh"], {"firm": ["sms"]}, own_folder)
    assert "zh/firm/sms.txt: is not UTF-8" in fault
