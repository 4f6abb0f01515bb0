"""What every table shares: the metadata with its names for keys, and kinds of columns."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Identity, MetaData

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

Instant = DateTime(timezone=True)


def number(name: str) -> Column[int]:
    return Column(name, BigInteger, Identity(always=False), primary_key=True)


def one_of(column: str, values: dict[str, str]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
