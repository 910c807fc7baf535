"""A text in, what in it points to a person or opens a door out: addresses, numbers, keys.

Where a number carries a check, the check must hold; where a standard sets values aside for
examples (example.com, 555-0100, 192.0.2.1), those are nobody's. Names and postal addresses are
not looked for: patterns cannot tell them from fiction.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from synth_assets.quality.checksums import IBAN_LENGTHS, is_card_number, is_iban

Kind = Literal["email", "phone", "iban", "card", "ip_address", "api_key"]
KINDS: tuple[Kind, ...] = get_args(Kind)

EXAMPLE_DOMAINS = re.compile(
    r"(?:^|\.)(?:example(?:\.(?:com|net|org|edu))?|test|invalid|localhost|local)$", re.IGNORECASE
)
"""Set aside by RFC 2606 and RFC 6761."""

_EMAIL = re.compile(
    r"(?<![\w.+%-])[\w+%-](?:[\w.+%-]{0,62}[\w+%-])?@((?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}"
    r"[^\W\d_]{2,24})(?![\w-])"
)
_INTERNATIONAL = re.compile(
    r"(?<![\w+.,])(?<!\d[ -])(?:\+|00)[1-9](?:[ .\-/()]{0,2}\d){8,14}(?![\w-]|[.,]\d)"
)
_NORTH_AMERICAN = re.compile(
    r"(?<![\w.+-])(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.-])"
    r"([2-9]\d\d)[.-](\d{4})(?![\w-]|[.,]\d)"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d\d(?= ?[A-Z0-9])")
_CARD = re.compile(
    r"(?<![\w.,-])(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{3})?"
    r"|\d{4}([ -])\d{6}\2\d{4,5})(?![\w-]|[.,]\d)"
)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{3,34}(?![\w:])")
_VERSION = re.compile(r"(?:version|release|build|\bv|\bver\.?)[ :=]*$", re.IGNORECASE)
_API_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-(?:proj-|ant-|or-|svcacct-)?[A-Za-z0-9_-]{20,200}"
    r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}|glpat-[A-Za-z0-9_-]{20,64}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])|AIza[A-Za-z0-9_-]{35}|xox[abeprs]-[A-Za-z0-9-]{10,250}"
    r"|hf_[A-Za-z0-9]{30,64}|(?:sk|rk)_live_[A-Za-z0-9]{20,250}|npm_[A-Za-z0-9]{36}"
    r"|eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,2000}"
    r")|-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY-----"
)


@dataclass(frozen=True)
class Find:
    """One find: its kind and where it stands. Not the text itself, which nobody should copy."""

    kind: Kind
    start: int
    end: int


def find_personal_data(text: str, kinds: tuple[Kind, ...] = KINDS) -> list[Find]:
    """All finds of the kinds asked for, in the order of the text."""
    finds = (find for kind in kinds for find in _FINDERS[kind](text))
    return sorted(finds, key=lambda find: (find.start, find.kind))


def _emails(text: str) -> Iterator[Find]:
    for found in _EMAIL.finditer(text):
        if ".." not in found.group() and not EXAMPLE_DOMAINS.search(found.group(1)):
            yield Find("email", *found.span())


def _phones(text: str) -> Iterator[Find]:
    for found in _INTERNATIONAL.finditer(text):
        digits = re.sub(r"\D", "", found.group()).removeprefix("00")
        if not re.fullmatch(r"1?\d{3}55501\d\d", digits):
            yield Find("phone", *found.span())
    for found in _NORTH_AMERICAN.finditer(text):
        # 555-0100 to 555-0199 are set aside for fiction.
        if not (found.group(1) == "555" and found.group(2).startswith("01")):
            yield Find("phone", *found.span())


def _ibans(text: str) -> Iterator[Find]:
    """The country says how long its numbers are; what follows may be a word in capitals."""
    for found in _IBAN.finditer(text):
        length = IBAN_LENGTHS.get(found.group()[:2], 0)
        rest = re.compile(rf"(?: ?[A-Z0-9]){{{max(length - 4, 1)}}}(?![A-Za-z0-9])")
        whole = rest.match(text, found.end())
        if whole and is_iban(text[found.start() : whole.end()]):
            yield Find("iban", found.start(), whole.end())


def _cards(text: str) -> Iterator[Find]:
    for found in _CARD.finditer(text):
        if is_card_number(re.sub(r"\D", "", found.group())):
            yield Find("card", *found.span())


def _ip_addresses(text: str) -> Iterator[Find]:
    """Public addresses only: private, local and documentation ranges are nobody's. Four single
    digits are the number of a section or a version, or a resolver that all use."""
    for pattern in (_IPV4, _IPV6):
        for found in pattern.finditer(text):
            try:
                address = ipaddress.ip_address(found.group())
            except ValueError:
                continue
            if re.fullmatch(r"(?:\d\.){3}\d", found.group()):
                continue
            before = text[max(0, found.start() - 12) : found.start()]
            if address.is_global and not address.is_multicast and not _VERSION.search(before):
                yield Find("ip_address", *found.span())


def _api_keys(text: str) -> Iterator[Find]:
    for found in _API_KEY.finditer(text):
        # Words in a row with dashes between may start as a key does; a key holds digits.
        if found.group().startswith("--") or re.search(r"\d", found.group()):
            yield Find("api_key", *found.span())


_FINDERS: dict[Kind, Callable[[str], Iterator[Find]]] = {
    "email": _emails,
    "phone": _phones,
    "iban": _ibans,
    "card": _cards,
    "ip_address": _ip_addresses,
    "api_key": _api_keys,
}
