"""Rows' hashes in, one hash of them all out; and the hash after a change, from the hash before it.

The sum of the row hashes, each taken as four numbers of 64 bits that are summed apart (an AdHash:
Bellare and Micciancio 1997, *A new paradigm for collision-free hashing*). A sum hangs on no order,
counts a row that is present three times three times, and can be brought up to date from the rows
that came and went alone. It tells changes from another; it is no seal against a forger.
"""

from __future__ import annotations

from collections.abc import Sequence

WORDS = 4
WORD_DIGITS = 16
MODULUS = 1 << (4 * WORD_DIGITS)
OF_NOTHING = "0" * (WORDS * WORD_DIGITS)
"""The content hash of no rows. What was never made reads as empty, and so is equal to it."""


def content_hash_sql(
    relation: str, where: str = "true", copies: str = "1", each: str | None = None
) -> str:
    """One-row SELECT of the content hash of a relation that has ``row_hash``, and of the number of
    its rows. copies: column that says how often a row is there. each: column for each of whose
    values there is a row, with it in front."""
    words = " || ".join(_word_sql(place, copies) for place in range(WORDS))
    front, grouped = (f"{each}, ", f" GROUP BY {each}") if each else ("", "")
    return (
        f"SELECT {front}{words} AS content_hash, coalesce(sum({copies}), 0)::BIGINT AS row_count "
        f"FROM {relation} WHERE {where}{grouped}"
    )


def hash_after(before: str, gone: str, new: str) -> str:
    """The content hash of rows of which some went and others came, from the three's hashes."""
    words = [
        (a - b + c) % MODULUS
        for a, b, c in zip(_words(before), _words(gone), _words(new), strict=True)
    ]
    return _joined(words)


def _word_sql(place: int, copies: str) -> str:
    start = 1 + place * WORD_DIGITS
    told = f"TRY_CAST('0x' || substr(row_hash, {start}, {WORD_DIGITS}) AS UBIGINT)"
    # A row that someone wrote past us without a hash, or with another text in its place, counts.
    number = f"coalesce({told}, hash(coalesce(row_hash, ''), {place}))"
    times = "" if copies == "1" else f" * {copies}"
    total = f"coalesce(sum({number}::HUGEINT{times}), 0) % {MODULUS}::HUGEINT"
    return f"lower(lpad(to_hex(({total})::UBIGINT), {WORD_DIGITS}, '0'))"


def _joined(words: Sequence[int]) -> str:
    return "".join(f"{word:0{WORD_DIGITS}x}" for word in words)


def _words(content_hash: str) -> list[int]:
    return [
        int(content_hash[start : start + WORD_DIGITS], 16)
        for start in range(0, len(content_hash), WORD_DIGITS)
    ]
