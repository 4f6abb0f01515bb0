"""The lender's core system of the bench: one table of made-up loans that nothing can reach."""

import datetime as dt

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from dunflow.demo.core import ensure_core

DATABASE = "bench_core"
VARIABLE = "DUNFLOW_BENCH_CORE_URL"
"""As the portfolio's source.connection names it."""

CYCLE_DAYS = 41
"""A loan is overdue for 40 days and paid on one (see the portfolio's snapshot.sql)."""

_CUSTOMERS_PER_CHANGE = 50
"""Each day one customer in so many, 2 %, has new contact values."""

# Phones are of the ranges that dunflow/demo/people.py explains, mail goes to an example domain.
_CONTACT_POINTS = """
    (ARRAY['13490','13491','13494','13495','13496','13497','13498'])
        [1 + ({seed}) / 1000000 % 7] || lpad((({seed}) % 1000000)::text, 6, '0') AS phone,
    'kehu' || ({seed}) || '@example.com' AS email
"""

# Ids as lenders have them: numbers in no order for loans, digests for customers. So the next row of
# theirs has its place somewhere else in an index of text.
_MAKE = f"""
CREATE TABLE loan AS
SELECT
    number,
    owner,
    (number * 7919 % {CYCLE_DAYS})::integer AS phase,
    lpad((number * 387420489 % 1000000007)::text, 10, '0') AS account,
    md5(owner::text) AS customer,
    (100 + number * 104729 % 990000 / 100.0)::numeric(14, 2) AS overdue,
    (100 + number * 104729 % 990000 / 100.0 + number % 7 * 500)::numeric(14, 2) AS balance,
    'CNY'::text AS currency,
    substr('王李张刘陈杨赵黄周吴', (owner % 10 + 1)::integer, 1)
        || substr('伟芳娜敏静丽强磊军洋', (owner / 10 % 10 + 1)::integer, 1) AS name,
    {_CONTACT_POINTS.format(seed="owner")},
    CASE WHEN owner % 20 = 0 THEN 'Asia/Urumqi' ELSE 'Asia/Shanghai' END AS time_zone
FROM (
    -- A fifth of the loans are the second one of a customer.
    SELECT n AS number, CASE WHEN n <= :customers THEN n ELSE n - :customers END AS owner
    FROM generate_series(1::bigint, :loans) AS n
) AS numbered
"""

# Far above every number that a customer has in the beginning, and another one for each day.
_CHANGE = f"""
UPDATE loan SET (phone, email) = (
    SELECT phone, email FROM (SELECT {_CONTACT_POINTS.format(seed="owner + :generation")}) AS fresh
)
WHERE owner % {_CUSTOMERS_PER_CHANGE} = :turn
"""


class Core:
    """The lender's database, on the server of the ledger."""

    def __init__(self, accounts: int) -> None:
        """`accounts` of the loans are overdue on any day."""
        self.url = ensure_core(DATABASE, VARIABLE)
        self._engine = create_engine(self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._loans = accounts * CYCLE_DAYS // (CYCLE_DAYS - 1)
        with self._engine.connect() as conn:
            conn.execute(text(_MAKE), {"loans": self._loans, "customers": self._loans * 4 // 5})
            conn.execute(text("VACUUM ANALYZE loan"))

    def next_day(self, business_date: dt.date) -> None:
        """The contact values of 2 % of the customers change."""
        day = business_date.toordinal()
        with self._engine.connect() as conn:
            conn.execute(
                text(_CHANGE),
                {
                    "generation": self._loans * (1 + day % 97),
                    "turn": day % _CUSTOMERS_PER_CHANGE,
                },
            )
