"""A text and its rewording in, what was to stay as it stood and did not out."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_PLACEHOLDER = re.compile(
    r"\$?\{\{[^{}\n]{1,60}\}\}"  # {{ name }}
    r"|\$?\{[^{}\n]{0,60}\}"  # {name}, {0}, {}, ${NAME}
    r"|%\(\w{1,40}\)[sdfr]|%[sdfr](?!\w)"  # %(name)s, %d
    r"|</?[A-Za-z][^<>\n]{0,60}>"  # <name>, </b>
    r"|\[[A-Z][A-Z0-9_ ]{0,40}\]"  # [NAME]
)
_NUMBER = re.compile(r"\d+(?:[.,:/\u066b\u066c]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:[,\u066c]\d{3})+(?:[.\u066b]\d+)?")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[.,'\u2019\u00a0\u202f\u066b\u066c ](?=\d)")


def change_reason(before: str, after: str, *, is_other_language: bool = False) -> str | None:
    """``code_changed``, ``placeholders_changed`` or ``numbers_changed``: what of ``before`` does
    not stand as often in ``after``, or the other way round; None where all is preserved.

    is_other_language: ``after`` is in a language that may write numbers with other separators
    (3.5 and 3,5), so that only their digits are compared.
    """
    if code_spans(before) != code_spans(after):
        return "code_changed"
    if placeholders(before) != placeholders(after):
        return "placeholders_changed"
    numbers = digit_runs if is_other_language else numbers_of
    return "numbers_changed" if numbers(before) != numbers(after) else None


def code_spans(text: str) -> Counter[str]:
    """Fenced blocks and `inline` code, as they stand."""
    return Counter(_CODE.findall(text))


def placeholders(text: str) -> Counter[str]:
    """{name}, {{ name }}, %s, <name>, [NAME] and their like outside of code."""
    return Counter(_PLACEHOLDER.findall(_CODE.sub(" ", text)))


def numbers_of(text: str) -> Counter[str]:
    """Numbers written in digits, of any script; 1,000 is 1000. Times and fractions (12:30, 3/4)
    are one number each."""
    return Counter(_plain_number(found) for found in _NUMBER.findall(_ascii_digits(text)))


def digit_runs(text: str) -> Counter[str]:
    """Numbers without the separators inside them."""
    return Counter(re.findall(r"\d+", _BETWEEN_DIGITS.sub("", _ascii_digits(text))))


def protected_spans(text: str) -> list[tuple[int, int]]:
    """Where code and placeholders stand, in their order."""
    code = [match.span() for match in _CODE.finditer(text)]
    others = [
        match.span()
        for match in _PLACEHOLDER.finditer(text)
        if not any(start < match.end() and match.start() < end for start, end in code)
    ]
    return sorted([*code, *others])


def _plain_number(number: str) -> str:
    if _THOUSANDS.fullmatch(number):
        number = number.replace(",", "").replace("\u066c", "")
    return number.replace("\u066b", ".")


def _ascii_digits(text: str) -> str:
    """٣ and ३ are 3."""
    return "".join(
        str(unicodedata.decimal(each)) if each.isdecimal() and not each.isascii() else each
        for each in text
    )
