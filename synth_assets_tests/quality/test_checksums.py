from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_assets.quality.checksums import is_card_number, is_iban, passes_luhn


@pytest.mark.parametrize(
    "text",
    ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "FR14 2004 1010 0505 0001 3M02 606",
     "NO93 8601 1117 947", "de89370400440532013000"],
)  # fmt: skip
def test_published_account_numbers_hold(text: str):
    assert is_iban(text)


@pytest.mark.parametrize(
    "text",
    ["DE89 3704 0044 0532 0130 01", "DE89 3704 0044 0532 0130", "ZZ82WEST12345698765432", "",
     "DE89\uff13704 0044 0532 0130 00"],
)  # fmt: skip
def test_a_wrong_digit_length_or_country_does_not(text: str):
    assert not is_iban(text)


@given(st.integers(4, 21), st.sampled_from("123456789"))
def test_any_one_wrong_digit_breaks_an_account_number(place: int, other: str):
    number = "DE89370400440532013000"
    changed = number[:place] + other + number[place + 1 :]
    assert is_iban(changed) is (changed == number)


def test_luhn_holds_for_the_published_example():
    assert passes_luhn("79927398713")
    assert [n for n in range(10) if passes_luhn(f"7992739871{n}")] == [3]
    assert not passes_luhn("")
    assert not passes_luhn("4111 1111")


@pytest.mark.parametrize(
    ("digits", "is_one"),
    [
        ("4111111111111111", True),
        ("5555555555554444", True),
        ("378282246310005", True),
        ("6011111111111117", True),
        ("30569309025904", True),
        ("4111111111111112", False),
        ("41111111111111", False),
        ("0000000000000000", False),
        ("9999999999999995", False),
        ("", False),
    ],
)
def test_a_card_has_a_scheme_its_length_and_the_check(digits: str, is_one: bool):
    assert is_card_number(digits) is is_one
