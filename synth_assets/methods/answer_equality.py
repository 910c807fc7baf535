"""Two final answers in, whether the second equals the first out.

Words, plain numbers, lists and quantities are decided here; what is mathematics goes to
math-verify, which takes letters for variables (to it "listen" equals "silent"), ignores units
("3 hours" equals "3 minutes") and order ("3, 5" equals "5, 3").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from synth_assets.methods.math_process import math_verify

MAX_CHARACTERS = 300
MAX_ELEMENTS = 100
MAX_EXPONENT = 30
MAX_DECIMALS = 6
"""math-verify rounds to 6 decimals: up to there plain numbers are compared exactly, as it would."""
MAX_DIGITS = 14
"""Digits of a decimal number that a binary float surely holds."""

MAGNITUDES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_NO_UNITS = {"and", "or", "to", "plus", "minus", "times", "over", "dozen", "half", "if"}

_PLAIN = r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_NUMBER = re.compile(_PLAIN)
_SCIENTIFIC = re.compile(r"([+-]?\d+(?:\.\d+)?)[eE]([+-]?\d{1,3})")
_QUANTITY = re.compile(rf"({_PLAIN}) +([A-Za-z]{{2,}}(?: [A-Za-z]{{2,}}){{0,4}})")
_TEXT_COMMAND = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_CURRENCY = re.compile(r"^([+-]?)\s*(?:\\?\$|[€£¥])\s*(?=[\d.+-])|(?<=\d)\s*(?:\\?\$|[€£¥])$")
_PERCENT = re.compile(r"(?<=\d) ?per ?cent\b", re.IGNORECASE)
_SPACED_THOUSANDS = re.compile(r"(?<![\d.,/])(?<!\d )\d{1,3}(?: \d{3})+(?![\d/]| \d)")
_MIXED = re.compile(r"(?<![\d.,/^])(?<!\d )(\d{1,6}) (\d{1,6})/(\d{1,6})(?![\d./])")
_CLOCK_OR_DATE = re.compile(
    r"(\d{1,4})([:/-])(\d{1,2})(?:\2(\d{1,4}))?(?: ?([ap])\.?m\.?)?", re.IGNORECASE
)
_SEPARATOR = re.compile(r"\s*;\s*|,\s+(?:and\s+)?|,(?!\d{3}(?!\d))|\s+and\s+")
_WORD = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{3,}|^[A-Za-z]{2}$|[^\W\d_\x00-\x7f\u0370-\u03ff]")
"""Three letters, two alone, or a letter that is neither Latin nor Greek."""
_MATHEMATICAL_WORDS = {"sin", "cos", "tan", "log", "exp", "sqrt", "frac", "infty"}
_EXPONENT = re.compile(r"\^\s*(\{[^{}]*\}?|\([^()]*\)?|-?\w+)\s*([\^!])?")


@dataclass(frozen=True)
class _Quantity:
    number: Decimal
    unit: str | None


def is_equal_answer(gold: str, answer: str) -> bool:
    """Is ``answer`` equal to ``gold``? What cannot be decided is not equal; where the difference
    matters ask `compare_answers`."""
    return compare_answers(gold, answer) is True


def compare_answers(gold: str, answer: str) -> bool | None:
    """True, False, or None where neither is shown: a side is empty, too long, or an expression
    that cannot be read or takes too long."""
    return _compare_cleaned(_clean(gold), _clean(answer))


def _compare_cleaned(gold: str, answer: str) -> bool | None:
    if not gold or not answer:
        return None
    if _as_text(gold) == _as_text(answer):
        return True
    if max(len(gold), len(answer)) > MAX_CHARACTERS:
        return None
    for rule in RULES:
        is_decided, verdict = rule(gold, answer)
        if is_decided:
            return verdict
    if _is_too_large(gold) or _is_too_large(answer):
        return None
    return math_verify(_as_latex(gold), _as_latex(answer))


def _clean(text: str) -> str:
    """Without the dress: Markdown, dollar signs of mathematics and money, a last full stop, spaces
    inside a number (1 000), and with a mixed number (3 1/2) as one."""
    text = text.replace("\u2212", "-").replace("\u00a0", " ").replace("\u202f", " ").strip()
    if len(text) > MAX_CHARACTERS:
        return text  # compared as text only
    text = _PERCENT.sub("%", _TEXT_COMMAND.sub(r" \1", text))
    before = None
    while text != before:
        before = text
        text = text.strip().strip("*`_").strip()
        for opening, closing in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
            inner = text[len(opening) : -len(closing)]
            is_wrapped = text.startswith(opening) and text.endswith(closing) and inner
            if is_wrapped and opening not in inner and closing not in inner:
                text = inner
        text = re.sub(r"(?<=.)[.,;]$|(?<=[A-Za-z])!$", "", text)
        text = _CURRENCY.sub(r"\1", text)
    text = _SPACED_THOUSANDS.sub(lambda found: found.group().replace(" ", ""), text)
    return _MIXED.sub(_as_one_number, text)


def _as_one_number(mixed: re.Match[str]) -> str:
    """``3 1/2`` is 3.5, which math-verify alone refutes. What has no short decimal form is written
    as it reads mixed numbers."""
    whole, top, bottom = map(int, mixed.groups())
    if top >= bottom:
        return mixed.group()
    if top * 10**MAX_DECIMALS % bottom == 0:
        return f"{whole + Decimal(top) / bottom:f}"
    return rf"{whole}\frac{{{top}}}{{{bottom}}}"


def _as_text(text: str) -> str:
    """For comparing words: case, white space and quotation marks do not count."""
    folded = " ".join(text.casefold().split()).strip("\"'“”‘’ ")
    return re.sub(r" ?, ?", ",", folded)


# A rule answers (is_decided, verdict).
Verdict = tuple[bool, bool | None]
UNDECIDED: Verdict = (False, None)


def _compare_quantities(gold: str, answer: str) -> Verdict:
    """Numbers with or without a unit. Where both have one it must be the same."""
    first, second = _parse_quantity(gold), _parse_quantity(answer)
    if first is None or second is None:
        return UNDECIDED
    if first.unit and second.unit and _singular(first.unit) != _singular(second.unit):
        return True, False
    if _is_exact(first.number) and _is_exact(second.number):
        return True, first.number == second.number
    return True, math_verify(f"{first.number:f}", f"{second.number:f}")


def _compare_clocks_and_dates(gold: str, answer: str) -> Verdict:
    """Times of day, ratios with a colon, and dates of three numbers, part by part: math-verify
    takes "00:25" and "00:26" as equal, and 2024-01-19 for a subtraction."""
    first, second = _clock_or_date(gold), _clock_or_date(answer)
    if first is None or second is None:
        return UNDECIDED
    return True, first == second


def _compare_lists(gold: str, answer: str) -> Verdict:
    """Bare lists, element by element in their order: of a sorted list the order is the answer."""
    first, second = _elements(gold), _elements(answer)
    if first is None or second is None:
        return UNDECIDED
    if len(first) != len(second):
        return True, False
    verdicts = [_compare_cleaned(_clean(a), _clean(b)) for a, b in zip(first, second, strict=True)]
    if False in verdicts:
        return True, False
    return True, None if None in verdicts else True


def _compare_words(gold: str, answer: str) -> Verdict:
    """A side with words is equal as text or not at all: letters of words are no variables."""
    return (True, False) if _has_words(gold) or _has_words(answer) else UNDECIDED


RULES: tuple[Callable[[str, str], Verdict], ...] = (
    _compare_quantities,
    _compare_clocks_and_dates,
    _compare_lists,
    _compare_words,
)


def _parse_quantity(text: str) -> _Quantity | None:
    scientific = _SCIENTIFIC.fullmatch(text)
    if scientific and abs(int(scientific.group(2))) <= MAX_EXPONENT:
        return _Quantity(Decimal(text), None)
    if _NUMBER.fullmatch(text):
        return _Quantity(_decimal(text), None)
    found = _QUANTITY.fullmatch(text)
    if not found:
        return None
    number, words = _decimal(found.group(1)), found.group(2).casefold().split()
    if words[0] in MAGNITUDES:
        number = number.scaleb(MAGNITUDES[words[0]])
        words = words[1:]
    if any(word in _NO_UNITS or word in MAGNITUDES for word in words):
        return None
    return _Quantity(number, " ".join(words) or None)


def _clock_or_date(text: str) -> tuple[str | int, ...] | None:
    """The parts of a time, a ratio or a date; None for anything else. Two numbers with a slash or
    a hyphen are a fraction or a difference, and left to math-verify."""
    found = _CLOCK_OR_DATE.fullmatch(text)
    if not found or (found.group(4) is None and found.group(2) != ":"):
        return None
    first, mark, second, third, half = found.groups()
    numbers = [int(number) for number in (first, second, third) if number is not None]
    return (mark, *numbers, (half or "").casefold())


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def _is_exact(number: Decimal) -> bool:
    """May the number be compared exactly, with math-verify's own result?"""
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or exponent >= 0:
        return True
    return -exponent <= MAX_DECIMALS and len(digits) <= MAX_DIGITS


def _singular(unit: str) -> str:
    return " ".join(word.removesuffix("s") for word in unit.split())


def _elements(text: str) -> list[str] | None:
    """The elements of a list without brackets; None where it is none."""
    if re.search(r"[()\[\]{}\\|<>]", text):
        return None
    elements = [element.strip() for element in _SEPARATOR.split(text)]
    return elements if 1 < len(elements) <= MAX_ELEMENTS and all(elements) else None


def _has_words(text: str) -> bool:
    return any(word.casefold() not in _MATHEMATICAL_WORDS for word in _WORD.findall(text))


def _is_too_large(text: str) -> bool:
    """Would evaluating ``text`` give a number that nobody can write down? Towers of powers, and
    exponents or factorials of many digits. What slips through, the worker's limits end."""
    text = text.replace("**", "^")
    if re.search(r"\d{4,}\s*[)}\]]*\s*!", text) or re.search(r"!\s*[)}\]]*\s*!", text):
        return True
    for exponent, follows in _EXPONENT.findall(text):
        if follows or re.search(r"[\^!]|\d{4,}", exponent):
            return True
    return False


def _as_latex(text: str) -> str:
    """As math-verify reads it: an unescaped % would open a comment, a $ would close the formula."""
    return re.sub(r"(?<!\\)([%$])", r"\\\1", text)
