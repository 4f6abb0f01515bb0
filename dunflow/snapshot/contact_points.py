"""Phone numbers and email addresses: the raw value as delivered, read for use or found unusable."""

import re
from functools import lru_cache

import phonenumbers

from dunflow.snapshot.cells import DAMAGED

_EMAIL = re.compile(
    r"(?P<local>[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*)"
    r"@(?P<domain>(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9])",
    re.ASCII | re.IGNORECASE,
)
# Python writes them as IDNA of 2003 did, and by that of 2008 it is another domain.
_DIFFERS = re.compile("[\u00df\u1e9e\u03c2\u200c\u200d]")
_LONGEST_LOCAL_PART = 64
_LONGEST_EMAIL = 254


@lru_cache(maxsize=65_536)
def read_phone(raw: str, region: str) -> str | None:
    """The number in E.164; None if it is no number that can be dialled in `region`."""
    if DAMAGED in raw:
        return None
    number = _parsed(raw, region)
    if number is None:
        # "0919876543210": a trunk zero before the country code, as some systems store it.
        code = phonenumbers.country_code_for_region(region)
        digits = "".join(re.findall(r"\d", raw)).lstrip("0")
        if not raw.strip().startswith("0") or not digits.startswith(str(code)):
            return None
        number = _parsed(f"+{digits}", region)
    if number is None:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _parsed(raw: str, region: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException:
        return None
    # E.164 has no extension: the call would reach somebody else.
    if number.extension or not phonenumbers.is_valid_number(number):
        return None
    return number


def read_email(raw: str) -> str | None:
    """The address in lower case, its domain in ASCII; None if no mail can be sent to it.

    RFC 5321 (2.4) lets a host tell "Li@" from "li@" and advises against it, and none of today does.
    So two customers with one mailbox have one address: a no that comes from there binds for both.
    """
    if not raw.isascii():
        local, _, domain = raw.rpartition("@")
        if _DIFFERS.search(domain):
            return None
        try:
            raw = f"{local}@{domain.encode('idna').decode('ascii')}"
        except UnicodeError:
            return None
    match = _EMAIL.fullmatch(raw)
    if match is None or len(raw) > _LONGEST_EMAIL or len(match["local"]) > _LONGEST_LOCAL_PART:
        return None
    return raw.lower()
