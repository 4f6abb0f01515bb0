"""A portfolio of the files that a test writes, and what is told of it."""

import pytest

from dunflow.check import check
from dunflow.config.book import read_book
from dunflow.errors import ConfigError

STEP = "{step: a, at_dpd: 1, channel: sms, template: x}"
TIER = f"{{tier: one, from_dpd: 1, steps: [{STEP}]}}"
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


def refusal(name: str = "harbour") -> str:
    with pytest.raises(ConfigError) as refused:
        read_book(name)
    return str(refused.value)


def warnings() -> list[str]:
    return check("harbour").warnings
