"""Numbers that carry their own check in, whether it holds out."""

from __future__ import annotations

IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24,
    "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24,
    "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
"""Country → characters of its account numbers (ISO 13616)."""


def is_iban(text: str) -> bool:
    """An account number (ISO 13616): its country's length, and 1 modulo 97 (ISO 7064)."""
    compact = "".join(text.split()).upper()
    if not compact.isascii() or not compact.isalnum():
        return False
    if len(compact) != IBAN_LENGTHS.get(compact[:2]):
        return False
    turned = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def passes_luhn(digits: str) -> bool:
    """Luhn's check (ISO/IEC 7812): from the right, every second digit counts twice."""
    if not (digits.isascii() and digits.isdecimal()):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_card_number(digits: str) -> bool:
    """A payment card: the length and the first digits of a scheme, and Luhn's check."""
    if not digits.isascii() or not digits.isdecimal() or len(set(digits)) == 1:
        return False
    return passes_luhn(digits) and len(digits) in _card_lengths(digits)


def _card_lengths(digits: str) -> tuple[int, ...]:
    two, four = int(digits[:2] or 0), int(digits[:4] or 0)
    if digits.startswith("4"):
        return (13, 16, 19)  # Visa
    if 51 <= two <= 55 or 2221 <= four <= 2720:
        return (16,)  # Mastercard
    if two in (34, 37):
        return (15,)  # American Express
    if two in (30, 36, 38, 39):
        return (14, 16)  # Diners
    if two in (35, 60, 62, 64, 65):
        return (16, 19)  # JCB, Discover, UnionPay
    return ()
