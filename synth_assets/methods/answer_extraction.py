"""A step-by-step completion in, its final answer out, or None where it states none."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated

from pydantic import AfterValidator

MAX_CHARACTERS = 200_000
"""A longer text is read from its end, where the answer stands."""

MAX_BARE_REFERENCE = 100

MAX_TRIES = 20
"""Boxes without balanced braces that are passed over: each try reads to the end of the text."""

_ANSWER_IS = re.compile(
    r"\banswer\s+is\s*:?[ \t]*(?P<answer>[^\n]+?)(?:[.!](?=\s|\*|$)|$)",
    re.IGNORECASE | re.MULTILINE,
)


def _is_a_pattern(value: str | None) -> str | None:
    if value is not None:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
    return value


AnswerLine = Annotated[str | None, AfterValidator(_is_a_pattern)]
"""A recipe's pattern whose match is followed by the final answer, such as ``^A:``."""


def extract_answer(text: str, answer_line: str | None = None) -> str | None:
    """The last ``\\boxed{…}`` with balanced braces, else the last ``\\fbox{…}``, else what follows
    the last match of ``answer_line`` on its line, else a last line that begins with ``####``, else
    the last sentence with "answer is".

    ``####`` counts on the last line only: above it is a heading.
    """
    text = text[-MAX_CHARACTERS:]
    return (
        _last_braced(text, r"\boxed")
        or _last_braced(text, r"\fbox")
        or _last_answer_line(text, answer_line)
        or _hash_line(text)
        or _last_answer_is(text)
    )


def extract_reference(text: str, answer_line: str | None = None) -> str | None:
    """The final answer of a reference: found as in a completion, or else the whole of a reference
    that is one short line. A longer one without an answer decides nothing."""
    extracted = extract_answer(text, answer_line)
    if extracted is not None:
        return extracted
    line = text.strip()
    is_an_answer = line and "\n" not in line and len(line) <= MAX_BARE_REFERENCE
    return line if is_an_answer else None


def _last_braced(text: str, command: str) -> str | None:
    end = len(text)
    for _ in range(MAX_TRIES):
        start = text.rfind(command, 0, end)
        if start < 0:
            break
        content = _braced(text, start + len(command))
        if content and content.strip():
            return content.strip()
        end = start
    return None


def _braced(text: str, start: int) -> str | None:
    """What stands in the balanced braces that open at ``start``; None where they do not."""
    opening = re.compile(r"\s*\{").match(text, start)
    if not opening:
        return None
    depth = 1
    for brace in re.compile(r"\\?[{}]").finditer(text, opening.end()):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)  # \{ and \} are signs, not groups
        if depth == 0:
            return text[opening.end() : brace.start()]
    return None


@cache
def _compiled(answer_line: str) -> re.Pattern[str]:
    return re.compile(answer_line, re.MULTILINE)


def _last_answer_line(text: str, answer_line: str | None) -> str | None:
    if answer_line is None:
        return None
    found = None
    for match in _compiled(answer_line).finditer(text):
        rest = text[match.end() :].partition("\n")[0].strip()
        found = rest or found
    return found


def _hash_line(text: str) -> str | None:
    last = text.rstrip().rpartition("\n")[2].strip()
    return last[4:].strip() or None if re.match(r"####(?!#)", last) else None


def _last_answer_is(text: str) -> str | None:
    found = None
    for match in _ANSWER_IS.finditer(text):
        found = match.group("answer").strip().strip("*_").strip() or found
    return found
