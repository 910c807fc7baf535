"""Measurements in, one Markdown table out: a library a line, a case a column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.peers.cases import Case
from benchmarks.peers.measurement import Measurement

NOTHING = "–"


def table(measurements: Iterable[Measurement], who: Sequence[str], cases: Sequence[Case]) -> str:
    """The lines in the order of ``who``; a dash where nothing was measured."""
    found = {(it.who, it.case): it for it in measurements}
    lines = [
        ["", *(case.heading for case in cases)],
        ["---"] * (1 + len(cases)),
        *([name, *(_cell(found.get((name, case.name)), case) for case in cases)] for name in who),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(it: Measurement | None, case: Case) -> str:
    if it is None:
        return NOTHING
    if it.problem is not None:
        return it.problem.replace("|", "\\|").replace("\n", " ")
    rows_are_shown = case.is_structured
    return case.figure(it) + ("" if rows_are_shown else it.missing)
