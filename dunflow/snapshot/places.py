"""In which time zones a contact point lies: what a phone number's or an address's own text tells.

Several zones are no guess: each of them is possible, and the packs say what follows from that.
"""

import re
from functools import cache

import phonenumbers
from phonenumbers import timezone
from phonenumbers.tzdata import TIMEZONE_DATA

from dunflow.clock import time_zones


def zones_of_phone(number: str) -> str | None:
    """The zones of an E.164 number, by name with blanks between them; None where they're unknown.

    A number that can be carried anywhere in its country, as most mobile ones, has all zones of it.
    """
    for digits in (1, 2, 3):
        if only := _one_zone_countries().get(number[1 : 1 + digits]):
            return only
    known = timezone.time_zones_for_number(phonenumbers.parse(number))
    return " ".join(sorted(each for each in known if each in time_zones())) or None


@cache
def _one_zone_countries() -> dict[str, str]:
    """Country code → its zone, where all numbers have the same: those need no closer look."""
    found: dict[str, set[str]] = {}
    for code in map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE):
        found[code] = set()
    for prefix, zones in TIMEZONE_DATA.items():
        for digits in (1, 2, 3):
            if prefix[:digits] in found:
                found[prefix[:digits]].update(zones)
    return {
        code: zone
        for code, zones in found.items()
        if len(zones) == 1 and (zone := next(iter(zones))) in time_zones()
    }


def zones_of_address(address: str, region: str) -> str | None:
    """The zones of a postal address; None where it does not tell.

    Only the United States' are read: they end with the state's two letters and the ZIP code.
    """
    found = _STATE_AND_ZIP.search(address) if region == "US" else None
    return _STATES.get(found["state"].upper()) if found else None


_STATE_AND_ZIP = re.compile(
    r"[\s,](?P<state>[A-Za-z]{2})[\s,]+\d{5}(-\d{4})?[\s,]*(USA?|United States)?[\s.]*$",
    re.IGNORECASE,
)
_EASTERN, _CENTRAL = "America/New_York", "America/Chicago"
_MOUNTAIN, _PACIFIC = "America/Denver", "America/Los_Angeles"
# A state through which a border between zones runs has both.
_STATES_OF = {
    _EASTERN: "CT DC DE GA MA MD ME NC NH NJ NY OH PA RI SC VA VT WV",
    _CENTRAL: "AL AR IA IL LA MN MO MS OK WI",
    _MOUNTAIN: "CO MT NM UT WY",
    _PACIFIC: "CA WA",
    f"{_CENTRAL} {_EASTERN}": "FL IN KY MI TN",
    f"{_CENTRAL} {_MOUNTAIN}": "KS ND NE SD TX",
    f"{_MOUNTAIN} {_PACIFIC}": "ID NV OR",
    f"{_MOUNTAIN} America/Phoenix": "AZ",
    "America/Adak America/Anchorage": "AK",
    "America/Puerto_Rico": "PR",
    "America/St_Thomas": "VI",
    "Pacific/Guam": "GU",
    "Pacific/Honolulu": "HI",
    "Pacific/Pago_Pago": "AS",
    "Pacific/Saipan": "MP",
}
_STATES = {state: zones for zones, states in _STATES_OF.items() for state in states.split()}
