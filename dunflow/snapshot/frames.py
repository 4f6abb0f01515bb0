"""Rows of text as frames, and rows that don't fit their header."""

import pandas as pd
import pyarrow as pa

from dunflow.snapshot.cells import DAMAGED
from dunflow.snapshot.layout import Heads

MISFIT = DAMAGED + "cells"

Row = list[str | None]


def fitted(row: Row, headers: list[str], heads: Heads) -> Row:
    """The row with one cell per header.

    One with too many or too few is marked in every cell, as nobody knows where it went wrong. Only
    an account id in the first column is certain: it is kept, so that the account counts as unknown.
    """
    if len(row) == len(headers):
        return row
    if not row:  # an empty line
        return [None] * len(headers)
    certain = row[0] if headers[0] in heads.certain else MISFIT
    return [certain, *[MISFIT] * (len(headers) - 1)]


def text_frame(rows: list[Row], headers: list[str]) -> pd.DataFrame:
    columns = zip(*rows, strict=True) if rows else [()] * len(headers)
    arrays = [pa.array(column, pa.string()) for column in columns]
    frame: pd.DataFrame = pa.table(arrays, names=headers).to_pandas(types_mapper=pd.ArrowDtype)
    return frame
