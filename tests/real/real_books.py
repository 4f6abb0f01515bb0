"""Makes two real data sets into what a lender's core would deliver.

Neither set holds a contact point, so each customer gets made-up ones: an address at `example.com`,
and a number among those kept for fiction in the United States (555-0100 to 555-0199 of each area
code).
"""

import csv
import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import phonenumbers
from psycopg import Connection
from sqlalchemy import URL, create_engine, text
from sqlalchemy.pool import NullPool

CONNECTION = "DUNFLOW_SUPERLENDER_URL"
DATABASE = "superlender_core"

SUPERLENDER = "superlender_nigeria/trainprevloans.csv"
LOAN_PAYMENTS = "loan_payments_500/loan_payments.csv"
LOAN_PAYMENTS_END = dt.date(2016, 12, 8)  # the file was cut off on that day

_NUMBERS = {code: phonenumbers.parse(f"+1{code}5550100") for code in range(201, 600)}
AREA_CODES = [
    code
    for code, number in _NUMBERS.items()
    if phonenumbers.is_valid_number_for_region(number, "US")
]

_SUPERLENDER_TABLES = """
DROP TABLE IF EXISTS loan, contact;
CREATE TABLE loan (
  customerid text NOT NULL,
  systemloanid text NOT NULL,
  loannumber integer NOT NULL,
  approveddate timestamp NOT NULL,
  creationdate timestamp NOT NULL,
  loanamount numeric NOT NULL,
  totaldue numeric NOT NULL,
  termdays integer NOT NULL,
  closeddate timestamp NOT NULL,
  referredby text,
  firstduedate timestamp NOT NULL,
  firstrepaiddate timestamp NOT NULL
);
CREATE TABLE contact (customerid text PRIMARY KEY, mobile text NOT NULL, email text NOT NULL);
"""


def data_folder() -> Path | None:
    """The folder of the data sets, if it is there."""
    given = os.environ.get("DUNFLOW_REAL_DATA")
    folder = Path(given) if given else Path(__file__).parents[3] / "shared/data"
    return folder if (folder / SUPERLENDER).exists() else None


def made_up_mobile(number: int) -> str:
    area, line = divmod(number, 100)
    return f"+1{AREA_CODES[area]}55501{line:02d}"


def made_up_email(number: int) -> str:
    return f"customer{number:05d}@example.com"


def fill_superlender(data: Path, url: URL) -> None:
    """The file as a table, as it is, and a made-up contact for each customer."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as conn:
        for statement in filter(str.strip, _SUPERLENDER_TABLES.split(";")):
            conn.execute(text(statement))
        driver = conn.connection.driver_connection
        assert isinstance(driver, Connection)
        with (
            driver.cursor() as cursor,
            cursor.copy("COPY loan FROM STDIN WITH (FORMAT csv, HEADER)") as copy,
        ):
            copy.write((data / SUPERLENDER).read_bytes())
        ids = conn.execute(text("SELECT DISTINCT customerid FROM loan ORDER BY customerid"))
        contacts = [
            {"id": row.customerid, "mobile": made_up_mobile(n), "email": made_up_email(n)}
            for n, row in enumerate(ids)
        ]
        conn.execute(text("INSERT INTO contact VALUES (:id, :mobile, :email)"), contacts)


def write_loan_payments(data: Path, folder: Path) -> list[dt.date]:
    """One file per date, with the loans that are unpaid at its close, cells as in the data set."""
    with (data / LOAN_PAYMENTS).open(encoding="utf-8", newline="") as stream:
        loans = list(csv.DictReader(stream))
    for number, loan in enumerate(loans):
        loan |= {"mobile": made_up_mobile(number), "email": made_up_email(number)}
        loan["time_zone"] = "America/New_York"
    folder.mkdir(parents=True, exist_ok=True)
    dates = list(_dates(min(_day(loan["effective_date"]) for loan in loans), LOAN_PAYMENTS_END))
    header = ["Loan_ID", "Principal", "terms", "due_date", "mobile", "email", "time_zone"]
    for date in dates:
        with (folder / f"{date}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, header, extrasaction="ignore", lineterminator="\r\n")
            writer.writeheader()
            writer.writerows(loan for loan in loans if _is_unpaid(loan, date))
    return dates


def _is_unpaid(loan: dict[str, str], date: dt.date) -> bool:
    paid = loan["paid_off_time"].split(" ")[0]
    return _day(loan["effective_date"]) <= date and (not paid or _day(paid) > date)


def _day(cell: str) -> dt.date:
    month, day, year = map(int, cell.split("/"))
    return dt.date(2000 + year, month, day)


def _dates(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    for days in range((last - first).days + 1):
        yield first + dt.timedelta(days=days)
