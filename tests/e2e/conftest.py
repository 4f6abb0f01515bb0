"""Small portfolios whose source is a CSV file per business date."""

from pathlib import Path

import pytest
import yaml
from outage import Outage, plan_outage, write_portfolios

_PEOPLE = [
    ("张晓明", "+8613800138000", "zhang.xiaoming@mail.example"),
    ("Olivia Testwell", "+8613900139001", "olivia.testwell@mail.example"),
    ("王丽", "+8613700137002", "wang.li@mail.example"),
]


@pytest.fixture(scope="session")
def outage() -> Outage:
    return plan_outage()


@pytest.fixture(scope="session")
def portfolios(tmp_path_factory: pytest.TempPathFactory, outage: Outage) -> Path:
    """A folder with `corner_shop`, which has files for two dates, and an empty one; and with the
    two that an outage befalls."""
    place = tmp_path_factory.mktemp("portfolios")
    folder = place / "corner_shop"
    folder.mkdir()
    (folder / "portfolio.yaml").write_text(yaml.safe_dump(_PORTFOLIO, allow_unicode=True))
    (folder / "policy.yaml").write_text(yaml.safe_dump(_POLICY))
    header = "account,customer,due_on,overdue,name,phone,email\n"
    rows = [
        f"A{number},C{number},2026-03-01,120.50,{','.join(person)}\n"
        for number, person in enumerate(_PEOPLE)
    ]
    for date in ("2026-03-02", "2026-03-03"):
        (folder / f"{date}.csv").write_text(header + "".join(rows), encoding="utf-8")
    (folder / "2026-03-04.csv").write_text(header, encoding="utf-8")
    write_portfolios(place, outage)
    return place


@pytest.fixture(scope="session")
def hand_over_portfolios(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `corner_loans`, whose first account goes to an agency, and pays at last."""
    place = tmp_path_factory.mktemp("hand_over")
    folder = place / "corner_loans"
    folder.mkdir()
    portfolio = _PORTFOLIO | {"portfolio": "corner_loans"}
    portfolio["destinations"] = {
        "harbour_agency": {"agreement": {"since": "2020-01-01"}, "returns": "told"}
    }
    (folder / "portfolio.yaml").write_text(yaml.safe_dump(portfolio, allow_unicode=True))
    (folder / "policy.yaml").write_text(yaml.safe_dump(_HAND_OVER_POLICY))
    header = "account,customer,due_on,overdue,name,phone,email\n"
    owing = f"A1,C1,2026-03-01,120.50,{','.join(_PEOPLE[0])}\n"
    other = f"A2,C2,2026-03-01,80.00,{','.join(_PEOPLE[1])}\n"
    for date in ("2026-03-02", "2026-03-03", "2026-03-04"):
        (folder / f"{date}.csv").write_text(header + owing + other, encoding="utf-8")
    (folder / "2026-03-05.csv").write_text(header + other, encoding="utf-8")
    _write_feeds(place / "corner_feeds")
    return place


def _write_feeds(folder: Path) -> None:
    """`corner_feeds`, which hears of payments between two snapshots, on the real clock."""
    (folder / "in").mkdir(parents=True)
    portfolio = _PORTFOLIO | {"portfolio": "corner_feeds", "clock": "real"}
    portfolio["intake"] = {"payments": {"kind": "files", "path": "in/*.csv"}}
    (folder / "portfolio.yaml").write_text(yaml.safe_dump(portfolio, allow_unicode=True))
    (folder / "policy.yaml").write_text(yaml.safe_dump(_POLICY | {"policy": "corner-feeds"}))


@pytest.fixture(scope="session")
def personal() -> list[str]:
    """Every value that must not be found outside of the ledger and the sandbox."""
    return [*(value for person in _PEOPLE for value in person), "青禾路"]


_PORTFOLIO = {
    "portfolio": "corner_shop",
    "time_zone": "Asia/Shanghai",
    "region": "CN",
    "language": "zh",
    "currency": "CNY",
    # A date's run may begin when the date has closed, so no test hangs on the time of day.
    "run_at": "00:00",
    "clock": "replay",
    "source": {"kind": "files", "path": "{business_date}.csv"},
    "lender": {
        "name": {"zh": "街角小店", "en": "Corner Shop"},
        "phone": "021-0000 0100",
        "pay_url": "https://pay.corner.example/",
        "complaints": "complaints@corner.example",
    },
    "senders": {
        "sms": {"provider": "sandbox", "from": "+8613490000000"},
        "email": {"provider": "sandbox", "from": "service@corner.example"},
    },
}
_POLICY = {
    "policy": "corner-shop",
    "packs": ["cn-consumer"],
    "tiers": [
        {
            "tier": "courtesy",
            "from_dpd": 1,
            "steps": [
                {"step": "text", "at_dpd": 1, "channel": "sms", "template": "courtesy"},
                {"step": "mail", "at_dpd": 2, "channel": "email", "template": "courtesy"},
            ],
        }
    ],
}
_HAND_OVER_POLICY = {
    "policy": "corner-loans",
    "packs": ["cn-consumer"],
    "tiers": [
        {
            "tier": "courtesy",
            "from_dpd": 1,
            "steps": [
                {"step": "text", "at_dpd": 1, "channel": "sms", "template": "courtesy"},
                {
                    "step": "last_notice",
                    "at_dpd": 2,
                    "channel": "sms",
                    "template": "final",
                    "mandatory": True,
                    "purpose": "notice",
                },
            ],
        }
    ],
    "hand_off": [
        {
            "to": "harbour_agency",
            "when": {"dpd": {"from": 3}, "overdue": {"from": {"CNY": "100.00"}}},
            "after": {"step": "last_notice", "days": 1},
        }
    ],
}
