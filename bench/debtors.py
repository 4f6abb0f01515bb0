"""The lender's core system of the bench of sending: one debtor for each contact."""

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from bench.core import DATABASE, VARIABLE
from dunflow.demo.core import ensure_core

# Those of odd numbers get a text, the others an email (see the portfolio's policy.yaml).
_MAKE = """
CREATE TABLE debtor AS
SELECT
    'D' || lpad(n::text, 10, '0') AS account,
    'C' || lpad(n::text, 10, '0') AS customer,
    CASE WHEN n % 2 = 1 THEN 1 ELSE 3 END AS days_late,
    (100 + n * 104729 % 990000 / 100.0)::numeric(14, 2) AS overdue,
    'CNY'::text AS currency,
    substr('王李张刘陈杨赵黄周吴', (n % 10 + 1)::integer, 1)
        || substr('伟芳娜敏静丽强磊军洋', (n / 10 % 10 + 1)::integer, 1) AS name,
    '1349' || lpad((n % 10000000)::text, 7, '0') AS phone,
    'kehu' || n || '@example.com' AS email,
    'Asia/Shanghai'::text AS time_zone
FROM generate_series(1::bigint, :debtors) AS n
"""


def make_debtors(contacts: int) -> None:
    """So many debtors to text, and as many to write to."""
    url = ensure_core(DATABASE, VARIABLE)
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.execute(text("DROP TABLE IF EXISTS debtor"))
        conn.execute(text(_MAKE), {"debtors": 2 * contacts})
