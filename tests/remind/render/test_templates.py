"""Which file is taken, and what a template at fault leads to."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dunflow.errors import ConfigError
from dunflow.remind.render.message import render
from dunflow.remind.render.slots import Slots
from dunflow.remind.render.templates import load

Write = Callable[[str, str], None]
Make = Callable[..., Slots]


def test_a_portfolio_overrides_one_part_and_keeps_the_rest(
    own_folder: Path, write: Write, slots: Make
) -> None:
    write("en/firm/subject.txt", "Our own {{ reference }}")
    text = render("email", "firm", slots(), own_folder)
    assert text.subject == "Our own K7Q2XH"
    assert "Starbridge Finance" in text.body


def test_a_portfolio_may_extend_a_shipped_frame(
    own_folder: Path, write: Write, slots: Make
) -> None:
    write(
        "en/hello/visit.txt",
        '{% extends "en/_base/visit.txt" %}{% block purpose %}Ours{% endblock %}',
    )
    assert render("visit", "hello", slots(), own_folder).body.startswith(
        "Ours\n\nReference: K7Q2XH"
    )


def test_a_template_is_compiled_once(own_folder: Path) -> None:
    assert load("en", "firm", "sms.txt", own_folder) is load("en", "firm", "sms.txt", own_folder)


def test_a_missing_part_is_named_with_its_repair(own_folder: Path, slots: Make) -> None:
    with pytest.raises(
        ConfigError, match=r"en/none/voice\.txt: there is no such file; write it as"
    ):
        render("voice", "none", slots(), own_folder)


def test_a_template_name_cannot_leave_the_folder(own_folder: Path, write: Write) -> None:
    write("../secret/sms.txt", "secret")
    with pytest.raises(ConfigError, match="no such file"):
        load("en", "../../secret", "sms.txt", own_folder)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("Dear {{ nobody }}", "'nobody' is undefined"),
        ("{{ lender.fax }}", "fax"),
        ("Dear {{ none }}", "empty"),
        ("Rest {{ more_total }}", "empty"),
        ("{% if %}", "line 1"),
        ("Dear {customer}", "'{customer}' would go out as it stands"),
        ("Dear customer }}", "'}}' would go out as it stands"),
        ("{{ accounts.append(1) }}", "unsafe"),
        ("{{ customer.__class__ }}", "unsafe"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ('{% extends "en/_base/gone.txt" %}', r"builds on en/_base/gone\.txt"),
    ],
)
def test_a_template_at_fault_is_refused(
    source: str, fault: str, own_folder: Path, write: Write, slots: Make
) -> None:
    write("en/firm/sms.txt", source)
    with pytest.raises(ConfigError, match=fault) as caught:
        render("sms", "firm", slots(), own_folder)
    assert "en/firm/sms.txt" in str(caught.value)
    assert "Wang" not in str(caught.value)


def test_a_subject_or_sms_written_over_several_lines_goes_out_as_one(
    own_folder: Path, write: Write, slots: Make
) -> None:
    write("en/firm/subject.txt", "Please pay\n{{ total }}\n")
    write("en/firm/sms.txt", "Please pay\n{{ total }}\n\nRef {{ reference }}\n")
    assert render("email", "firm", slots(), own_folder).subject == "Please pay CN¥1,300.00"
    assert render("sms", "firm", slots(), own_folder).body == "Please pay CN¥1,300.00 Ref K7Q2XH"
