"""In which time zones a phone number or an address may be."""

import pytest

from dunflow.snapshot.places import zones_of_address, zones_of_phone


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+8613800138000", "Asia/Shanghai"),
        ("+12125550123", "America/New_York"),
        ("+18085550123", "Pacific/Honolulu"),
        ("+4915123456789", "Europe/Berlin"),
        # A British mobile may be on one of the islands, an Australian one anywhere.
        ("+447911123456", "Europe/Guernsey Europe/Isle_of_Man Europe/Jersey Europe/London"),
    ],
)
def test_a_number_lies_in_the_zones_of_its_prefix(number: str, zones: str) -> None:
    assert zones_of_phone(number) == zones


def test_a_number_without_a_place_has_the_zones_of_its_country() -> None:
    toll_free, mobile = zones_of_phone("+18005550123"), zones_of_phone("+61412345678")
    assert toll_free is not None
    assert {"America/New_York", "Pacific/Honolulu"} <= set(toll_free.split())
    assert mobile is not None
    assert {"Australia/Perth", "Australia/Sydney"} <= set(mobile.split())


@pytest.mark.parametrize(
    ("address", "zones"),
    [
        ("12 Beacon St, Boston, MA 02108", "America/New_York"),
        ("12 Beacon St\nBoston MA 02108-1234\nUSA", "America/New_York"),
        ("1 Aloha Way, Honolulu, hi 96801, United States", "Pacific/Honolulu"),
        ("9 Border Rd, El Paso, TX 79901", "America/Chicago America/Denver"),
        ("12 Beacon St, Boston", None),
        ("Unit 5, CMR 402, APO AE 09180", None),
        ("12 Test Street, XX 12345", None),
    ],
)
def test_an_american_address_ends_with_its_state(address: str, zones: str | None) -> None:
    assert zones_of_address(address, "US") == zones


def test_no_other_countrys_address_is_guessed_at() -> None:
    assert zones_of_address("Musterweg 1, Halle DE 06108", "DE") is None
