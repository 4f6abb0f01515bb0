"""The advisory locks of the ledger's database, all in one place so that no two meet by chance.

Workers of two versions may meet too, so that a value stays what it is.
"""

import zlib

PORTFOLIO = 0x64756E  # "dun": a space; the runs of a portfolio, by `key_of` its name
PLACEMENTS = 0x706C61  # "pla": a space; who decides about placements, or writes lists, by `key_of`
SCHEMA = 0x64796E  # "dyn": a space; who makes a schema, by the two keys that follow
MIGRATION, TEMPLATE = 0, 1
LINES = 0x6C696E65  # "line": a key without a space; who claims automated calls
POINTS = 0x706F696E  # "poin": another; who claims for a point that several customers share


def key_of(name: str) -> int:
    """The key of a name. PostgreSQL's are of four bytes with a sign, so one bit is left out."""
    return zlib.crc32(name.encode()) >> 1
