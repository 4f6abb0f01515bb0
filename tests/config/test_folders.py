"""Portfolios are found by their folders; what is not as it should be is named."""

import shutil
from pathlib import Path

import pytest

from dunflow.config.book import folders, read_book
from dunflow.intake.receiver.__main__ import books
from tests.config.harbour import PORTFOLIO, TIER, refusal, warnings


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


def test_the_keys_of_a_fault_are_those_of_the_file(harbour: Path) -> None:
    tier = "tier: t, from_dpd: 1, when: {overdue: {from: {GBBP: '1.00'}}}"
    (harbour / "policy.yaml").write_text(f"policy: p\npacks: [strict]\ntiers: [{{{tier}}}]")
    assert "function" not in refusal()


def test_a_region_whose_holidays_nobody_knows_is_told_where_a_pack_keeps_them(
    harbour: Path,
) -> None:
    written = (harbour / "portfolio.yaml").read_text()
    (harbour / "portfolio.yaml").write_text(written.replace("region: CN", "region: AC"))
    (harbour / "policy.yaml").write_text(f"policy: p\npacks: [de]\ntiers: [{TIER}]")
    assert "region: is 'AC', whose public holidays nobody here knows" in refusal()
    (harbour / "policy.yaml").write_text(f"policy: p\npacks: [uk]\ntiers: [{TIER}]")
    assert read_book("harbour").portfolio.region == "AC"


def test_a_policy_without_packs_stands_on_the_strict_one(harbour: Path) -> None:
    (harbour / "policy.yaml").write_text(f"policy: p\ntiers: [{TIER}]")
    assert [pack.pack.id for pack in read_book("harbour").floor.packs] == ["strict"]


def test_agreements_without_a_feed_of_payments_are_told(harbour: Path) -> None:
    tier = TIER.replace("from_dpd: 1,", "from_dpd: 1, when: {broken_plans: {from: 1}},")
    (harbour / "policy.yaml").write_text(f"policy: p\npacks: [strict]\ntiers: [{tier}]")
    feeds = "promises: {kind: files, path: p.csv}"
    told = []
    for more in ("", ", payments: {kind: files, path: m.csv}"):
        (harbour / "portfolio.yaml").write_text(f"{PORTFOLIO}intake: {{{feeds}{more}}}\n")
        found = [each for each in warnings() if "no intake.payments" in each]
        told.append([each.split(":")[0] for each in found])
    assert told == [["intake.promises", "broken_plans"], []]
