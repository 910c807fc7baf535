"""Two versions of a recipe's commits in, what had changed between them and of which kind out. Pure.

Of seven kinds: a seed, a method (its parameters or code), a template, a model, a judge, a filter,
a threshold. Beside them: a new round, replies that had failed and were asked again, and a table
that was made for the first time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from synth_assets.method import Kind as MethodKind
from synth_assets.method import all_methods
from synth_assets.store.commits import changed_parts

Kind = Literal[
    "seed",
    "method",
    "template",
    "model",
    "judge",
    "filter",
    "threshold",
    "round",
    "replies",
    "first",
]

KIND_OF_PART: Mapping[str, Mapping[str, Kind]] = {
    "seed_prompts": {"prompt_characters": "filter", "*": "seed"},
    "source_texts": {"*": "seed"},
    "evaluation_prompts": {"*": "filter"},
    "mutated_prompts": {"*": "filter"},
    "completions": {
        "models": "model",
        "student": "model",
        "templates": "template",
        "*": "method",
    },
    "verifications": {"*": "judge"},
    "judgments": {"*": "judge"},
    "preference_candidates": {"*": "judge"},
    "completion_filters": {"*": "filter"},
}
"""Table → part of its fingerprint → kind; ``*`` for every other part."""

KIND_OF_METHOD: Mapping[MethodKind, Mapping[str, Kind]] = {
    "prompts": {"models": "model", "templates": "template", "files": "method", "*": "method"},
    "completions": {"models": "model", "templates": "template", "*": "method"},
    "judgments": {"templates": "template", "*": "judge"},
    "pairs": {"templates": "template", "*": "judge"},
    "filters": {"templates": "template", "*": "filter"},
}

KIND_OF_SQL: Mapping[str, Kind] = {"variables": "threshold", "*": "filter"}
"""For the SQL models: a variable is a threshold of the recipe, the SELECT is a filter."""


@dataclass(frozen=True, order=True)
class Cause:
    """One thing that changed. part: of the table's fingerprint, or ``files``."""

    kind: Kind
    table: str
    part: str


@dataclass(frozen=True)
class State:
    """A recipe's newest commits at one version: (table, round) → the row of `schemas.COMMITS`."""

    commits: Mapping[tuple[str, int], Mapping[str, Any]]

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> State:
        """From all commits that a version holds."""
        ordered = sorted(rows, key=lambda row: row["number"])
        return cls({(row["table_name"], row["round"]): row for row in ordered})

    def inputs(self, table: str) -> set[str]:
        """The tables that the table was made from."""
        labels: set[str] = set()
        for (name, _), row in self.commits.items():
            if name == table:
                labels |= set(json.loads(row["inputs"]))
        return {label.partition("[")[0] for label in labels} - {"files"}


def upstream(table: str, *states: State) -> list[str]:
    """The table and all that it was made from in either state, the table first."""
    found: dict[str, None] = {table: None}
    waiting = [table]
    while waiting:
        name = waiting.pop()
        for state in states:
            for parent in sorted(state.inputs(name) - found.keys()):
                found[parent] = None
                waiting.append(parent)
    return list(found)


def causes_by_table(table: str, before: State, after: State) -> dict[str, frozenset[Cause]]:
    """Table → what changed of its own; for the table and all that it is made from."""
    if not any(name == table for name, _ in before.commits):
        return {table: frozenset({Cause("first", table, "first making")})}
    return {
        name: frozenset(_own_causes(name, before, after)) for name in upstream(table, before, after)
    }


def _own_causes(table: str, before: State, after: State) -> Iterable[Cause]:
    for name, round in sorted({*before.commits, *after.commits}):
        if name != table:
            continue
        old, new = before.commits.get((name, round)), after.commits.get((name, round))
        if old is None or new is None:
            # A table of its own that one side does not have came with its method or its judge.
            is_new_round = round > 0 and any(key[0] == table for key in before.commits)
            yield (
                Cause("round", "rounds", str(round))
                if is_new_round
                else Cause(_kind(table, "parameters"), table, "parameters")
            )
            continue
        parts = changed_parts(*(json.loads(row["fingerprint_parts"]) for row in (old, new)))
        for part in parts:
            yield Cause(_kind(table, part), table, part)
        if "files" in changed_parts(*(json.loads(row["inputs"]) for row in (old, new))):
            yield Cause(_kind(table, "files"), table, "files")
        if old["failed_replies"] and old["failed_replies"] != new["failed_replies"]:
            yield Cause("replies", table, "failed replies were asked again")


def _kind(table: str, part: str) -> Kind:
    kinds = KIND_OF_PART.get(table, KIND_OF_SQL)
    for method in all_methods().values():
        if method.table.name == table:
            kinds = KIND_OF_METHOD[method.kind]
    return kinds.get(part, kinds["*"])
