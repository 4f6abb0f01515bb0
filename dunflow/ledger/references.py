"""The reference of a contact: its number in letters and digits that go out with the message.

A provider is asked by it later, and people read it from a list and type it. Neighbouring numbers
are far apart in it, so that a slip of the finger hits nobody else's, and it does not tell how many
contacts there are. Being the number in another notation it is as unique, and needs no index.
Contacts that somebody else made (`run_id IS NULL`) bear a reference of theirs, with a colon in it.
"""

from sqlalchemy import BigInteger, ColumnElement, Integer, Numeric, Text, and_, cast, func, literal

from dunflow.ledger.tables import contact

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""No letter that is taken for a digit, nor the other way round."""

_PLACES = 7
_SPAN = 32**_PLACES
# Multiplying by an odd number modulo a power of two maps every number to another one, and the
# inverse of the factor maps it back.
_FACTOR = 29_996_224_275
_BACK = pow(_FACTOR, -1, _SPAN)


def scattered(contact_id: ColumnElement[int]) -> ColumnElement[int]:
    """A number for each number, and neighbours far apart."""
    return cast(
        func.mod(cast(contact_id, Numeric) * _FACTOR, literal(_SPAN, BigInteger)), BigInteger
    )


def reference_of(scattered: ColumnElement[int]) -> ColumnElement[str]:
    """The reference of a contact, from its `scattered` number."""
    letters = [
        func.substr(ALPHABET, cast(scattered // 32**place % 32, Integer) + 1, 1)
        for place in range(_PLACES)
    ]
    return func.concat(*letters)


def number_of(reference: str) -> int | None:
    """The `contact_id` of one of our references; None for anything else."""
    if len(reference) != _PLACES or not set(reference) <= set(ALPHABET):
        return None
    digits = [ALPHABET.index(letter) for letter in reference]
    scattered = sum(digit * 32**place for place, digit in enumerate(digits))
    return int(scattered * _BACK % _SPAN)


def bears(reference: str) -> ColumnElement[bool]:
    """Whether a contact is the one of this reference, whoever made it."""
    number = number_of(reference)
    if number is None:
        return bears_theirs(literal(reference, Text))
    return and_(contact.c.contact_id == number, contact.c.reference == reference)


def bears_theirs(reference: ColumnElement[str]) -> ColumnElement[bool]:
    """The same for a reference that somebody else gave; these have an index."""
    return and_(contact.c.reference == reference, contact.c.run_id.is_(None))
