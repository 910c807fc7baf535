"""A row's id in, the whole answer to where it came from and what became of it out.

`trace_row` gives plain data, which `why --json` prints as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from synth_assets.errors import QueryError
from synth_assets.lineage.ancestry import Node, Row, climb
from synth_assets.lineage.becoming import reasons_of, what_became
from synth_assets.lineage.descent import shown_with
from synth_assets.lineage.filters import completion_filters, prompt_filters
from synth_assets.lineage.find import find_row
from synth_assets.lineage.journal import Journal, retractions_of, why_erased
from synth_assets.lineage.rows import read_rows
from synth_assets.lineage.template_texts import TemplateTexts
from synth_assets.lineage.versions import RowVersions
from synth_assets.method import method_tables
from synth_assets.methods.retraction import RETRACTED
from synth_assets.recipe import Recipe
from synth_assets.schemas import CALLS
from synth_assets.store.calls import SCHEMA as CALLS_SCHEMA
from synth_assets.store.lake import Lake

Told = dict[str, Any]


@dataclass
class _Looked:
    """What is read once for all nodes: calls, judgments, reasons, what was shown."""

    lake: Lake
    recipe: Recipe
    nodes: Sequence[Node]

    def _ids(self, kind: str) -> list[str]:
        return [node.id for node in self.nodes if node.kind == kind]

    @cached_property
    def judgments(self) -> dict[str, list[Row]]:
        """completion_id → its judgments, with the template of the rating."""
        ids = self._ids("completion")
        about = {node.row.get("prompt_id") for node in self.nodes if node.kind == "completion"}
        prompts = [id for id in about if id]
        of, key = (self.lake, self.recipe.name), "completion_id"
        extra: dict[str, Row] = {}
        for table in method_tables("judgments"):
            rated = read_rows(*of, table, key, ids, prompts=prompts)
            extra |= {row["judgment_id"]: row for row in rated.iter_rows(named=True)}
        found: dict[str, list[Row]] = {}
        rows = read_rows(*of, "judgments", key, ids, prompts=prompts)
        for row in rows.iter_rows(named=True):
            beside = extra.get(row["judgment_id"], {})
            found.setdefault(row["completion_id"], []).append(
                {**row, "template_hash": beside.get("template_hash")}
            )
        for each in found.values():
            each.sort(key=lambda row: (row["kind"], row["judge"], row["criterion"]))
        return found

    @cached_property
    def journal(self) -> Journal:
        return Journal(self.lake, self.recipe.name)

    @cached_property
    def calls(self) -> dict[str, Row]:
        """call_id → the call, of everything that a node or its judgments rest on."""
        ids = [id for node in self.nodes for id in node.call_ids]
        ids += [row["call_id"] for rows in self.judgments.values() for row in rows]
        rows = read_rows(self.lake, CALLS_SCHEMA, CALLS.name, CALLS.key, [id for id in ids if id])
        return {row["call_id"]: row for row in rows.iter_rows(named=True)}

    @cached_property
    def shown(self) -> dict[str, list[str]]:
        """call_id → rows that stood in its context."""
        cited = [
            id for node in self.nodes if node.kind in ("prompt", "call") for id in node.call_ids
        ]
        cited += self._ids("call")
        return shown_with(self.lake, self.recipe.name, cited)

    @cached_property
    def reasons(self) -> dict[str, str]:
        """completion_id → why sft_set does not hold it."""
        rows = read_rows(
            self.lake, self.recipe.name, "dropped_rows", "row_id", self._ids("completion")
        )
        return {row["row_id"]: row["reason"] for row in rows.iter_rows(named=True)}

    @cached_property
    def frozen(self) -> dict[int, Mapping[str, Any]]:
        """round → the parameters of generation that it was opened with."""
        if not self.lake.has(self.recipe.name, "rounds"):
            return {}
        rows = self.lake.execute(
            f"SELECT round, generation FROM {Lake.relation(self.recipe.name, 'rounds')}"
        )
        return {round: json.loads(text) for round, text in rows}


def trace_row(lake: Lake, recipe: Recipe, id: str) -> Told:
    """The row with that id, its ancestors, and what was made from it, all as one version of the
    lake has them.

    Errors: `QueryError` where no row, or more than one, has the id.
    """
    with lake.reading():
        return _traced(lake, recipe, id)


def _traced(lake: Lake, recipe: Recipe, id: str) -> Told:
    try:
        found = find_row(lake, recipe, id)
    except QueryError as error:
        reason = why_erased(lake, recipe.name, id)
        if reason is None:
            raise
        raise QueryError(f"{recipe.name}: {id} was erased, because: {reason}") from error
    nodes = climb(lake, recipe.name, found)
    looked = _Looked(lake, recipe, nodes)
    templates, versions = TemplateTexts(recipe), RowVersions(lake, recipe.name)
    told = [_told(node, looked, templates, versions) for node in nodes]
    retractions = retractions_of(looked.journal, nodes)
    return {
        "recipe": recipe.name,
        "id": found.id,
        "table": found.table,
        "kind": found.kind,
        "retractions": retractions,
        "cost": _cost(nodes, looked),
        "ancestry": told,
        "descent": what_became(lake, recipe.name, nodes[0], looked.journal, retractions),
    }


def _told(node: Node, looked: _Looked, templates: TemplateTexts, versions: RowVersions) -> Told:
    row = node.row
    prompts = {name: node.rows.get(name) for name in ("seed_prompts", "mutated_prompts")}
    seed = prompts["seed_prompts"] or node.rows.get("source_texts")
    mutated = prompts["mutated_prompts"]
    of_method = next(
        (node.rows[name] for name in method_tables("prompts") if name in node.rows), None
    )
    filters: list[Told] = []
    if node.kind == "prompt":
        frozen = looked.frozen.get(row.get("round") or 0, {})
        filters = prompt_filters(looked.recipe, frozen, of_method, mutated)
    elif node.kind == "completion":
        scored = node.rows.get("scored_completions")
        filters = completion_filters(looked.recipe, row, scored, looked.reasons.get(node.id))
    return {
        "id": node.id,
        "kind": node.kind,
        "tables": list(node.rows),
        "parents": node.parents,
        "seed": seed
        and {n: seed.get(n) for n in ("source_file", "source_line", "licence", "origin")},
        "method": row.get("method"),
        "operator": row.get("operator"),
        "model": row.get("model"),
        "round": row.get("round"),
        "text": _text(row),
        "template": templates.told(row.get("template_hash"), _template_name(row)),
        "calls": [_call(id, looked) for id in node.call_ids]
        if node.kind != "call"
        else [_call(node.id, looked, row)],
        "judgments": [
            _judgment(judgment, looked, templates) for judgment in looked.judgments.get(node.id, ())
        ],
        "filters": filters,
        "versions": versions.told(node.rows.items()),
        "cost_usd": _known_sum(looked.calls.get(id) for id in node.call_ids),
        "rows": {
            table: {name: value for name, value in columns.items() if name != "_snapshot"}
            for table, columns in node.rows.items()
        },
    }


def _call(id: str, looked: _Looked, row: Row | None = None) -> Told:
    call = row or looked.calls.get(id)
    shown = looked.shown.get(id, [])
    if call is None:
        return {"call_id": id, "is_known": False, "shown": shown}
    told = {name: call.get(name) for name in CALLS.polars.names()}
    try:
        parameters = json.loads(call["request"] or "{}").get("sampling")
    except ValueError:  # a call of an older layout
        parameters = None
    return {**told, "is_known": True, "parameters": parameters, "shown": shown}


def _judgment(row: Row, looked: _Looked, templates: TemplateTexts) -> Told:
    name = f"ultrafeedback/{row['criterion']}" if row["kind"] == "rating" else None
    shown = ("judgment_id", "kind", "judge", "criterion", "rating", "rationale", "status")
    retractions = looked.journal.naming({row["judgment_id"]}, [row])
    return {
        **{column: row[column] for column in shown},
        "is_retracted": row["status"] == RETRACTED or bool(retractions),
        "because": "; ".join(reasons_of(retractions)) or None,
        "template": templates.told(row["template_hash"], name),
        "call": _call(row["call_id"], looked) if row["call_id"] else None,
    }


def _cost(nodes: Sequence[Node], looked: _Looked) -> Told:
    """Money of whole calls: one that brought seven prompts counts whole for each of them."""
    own = list(nodes[0].call_ids)
    if nodes[0].kind == "call":
        return {"own_usd": nodes[0].row.get("cost_usd"), "ancestors_usd": 0.0, "judging_usd": 0.0}
    above = dict.fromkeys(id for node in nodes[1:] for id in node.call_ids)
    judging = dict.fromkeys(row["call_id"] for rows in looked.judgments.values() for row in rows)
    return {
        "own_usd": _known_sum(looked.calls.get(id) for id in own),
        "ancestors_usd": _known_sum(looked.calls.get(id) for id in above if id not in own),
        "judging_usd": _known_sum(looked.calls.get(id) for id in judging if id is not None),
    }


def _known_sum(calls: Any) -> float | None:
    """Sum of the known costs; null where none of several is known, zero where there is no call."""
    listed = list(calls)
    known = [call["cost_usd"] for call in listed if call and call.get("cost_usd") is not None]
    return sum(known) if known or not listed else None


def _text(row: Row) -> str | None:
    if row.get("text") is not None:
        return row["text"]
    for name in ("messages", "chosen"):
        if row.get(name):
            return row[name][-1]["content"]
    return row.get("rationale") or row.get("first_words")


def _template_name(row: Row) -> str | None:
    method, operator, principle = row.get("method"), row.get("operator"), row.get("principle")
    if operator:
        return f"{method}/{operator}"
    if method == "self_instruct":
        return "self_instruct/instructions"
    if principle:
        return f"completions/{principle}"
    return f"ultrafeedback/{row['criterion']}" if row.get("criterion") else None
