"""dbt's ``error_if`` and ``warn_if`` in, whether a number of offending rows meets them out."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

FORM = re.compile(r"\s*(=|==|!=|<>|>=|<=|>|<)\s*(\d+)\s*")
BETWEEN = re.compile(r"\s*between\s+(\d+)\s+and\s+(\d+)\s*", re.IGNORECASE)
OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq, "==": operator.eq, "!=": operator.ne, "<>": operator.ne,
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip
ANY = "!= 0"


def require_condition(text: str) -> str:
    """``text`` where it is a condition such as ``>10``. Errors: `ValueError`."""
    if FORM.fullmatch(text) or BETWEEN.fullmatch(text):
        return text
    raise ValueError(
        f"{text!r} is no condition; write one such as '>10', '!= 0' or 'between 1 and 5'"
    )


def is_met(condition: str, count: int) -> bool:
    """Whether ``count`` offending rows meet the condition."""
    between = BETWEEN.fullmatch(condition)
    if between:
        return int(between.group(1)) <= count <= int(between.group(2))
    match = FORM.fullmatch(require_condition(condition))
    assert match is not None
    return OPERATORS[match.group(1)](count, int(match.group(2)))
