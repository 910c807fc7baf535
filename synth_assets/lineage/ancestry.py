"""A row in, it and all its ancestors out, each with its rows in every table that it stands in.

Upwards a row names its parents itself (`completion_id`, `prompt_id`, `derived_from`), so that each
step is a look-up of rows that are to be shown anyway.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from synth_assets.lineage.find import Found, key_of, prompt_tables
from synth_assets.lineage.rows import read_rows
from synth_assets.method import method_tables
from synth_assets.store.calls import SCHEMA as CALLS_SCHEMA
from synth_assets.store.lake import Lake

Row = dict[str, Any]

PARENT_COLUMNS = (
    ("derived_from", "prompt"),
    ("completion_id", "completion"),
    ("chosen_completion_id", "completion"),
    ("rejected_completion_id", "completion"),
)
SOURCE_TEXT = "source text"
"""Kind of a person's own text, which a prompt may have as its parent as it may a prompt."""


def tables_of(kind: str) -> tuple[tuple[str, str], ...]:
    """(table, key) of the tables that a prompt or a completion stands in; none for other kinds."""
    if kind == "prompt":
        return tuple((table, "prompt_id") for table in prompt_tables())
    if kind == "completion":
        tables = ("completions", "scored_completions", "verifications")
        return tuple((table, "completion_id") for table in (*tables, *method_tables("completions")))
    return (("source_texts", "source_text_id"),) if kind == SOURCE_TEXT else ()


@dataclass
class Node:
    """One row. rows: table → its columns there; parents: ids, each of another node."""

    id: str
    kind: str
    rows: dict[str, Row] = field(default_factory=dict)
    parents: list[str] = field(default_factory=list)

    @property
    def row(self) -> Row:
        """What its first table says of it; empty where the row is gone."""
        return next(iter(self.rows.values()), {})

    @property
    def call_ids(self) -> list[str]:
        """The calls that the row rests on, in their order."""
        named = [
            id
            for row in self.rows.values()
            for column in ("call_ids", "earlier_call_ids")
            for id in (row.get(column) or ())
        ]
        named += [str(row["call_id"]) for row in self.rows.values() if row.get("call_id")]
        return list(dict.fromkeys(named))


def climb(lake: Lake, recipe: str, found: Found) -> list[Node]:
    """The row, then its ancestors, nearest first; each once, however many ways lead to it."""
    start = Node(found.id, found.kind, _own_rows(lake, recipe, found))
    nodes = {start.id: start}
    waiting = [start]
    while waiting:
        wanted: dict[str, dict[str, None]] = {}
        for node in waiting:
            for kind, id in _parents(node):
                node.parents.append(id)
                if id not in nodes:
                    wanted.setdefault(kind, {})[id] = None
        prompts = {node.row["prompt_id"] for node in waiting if node.row.get("prompt_id")}
        waiting = [
            node
            for kind, ids in wanted.items()
            for node in nodes_of(lake, recipe, kind, ids, prompts)
        ]
        nodes.update({node.id: node for node in waiting})
    return list(nodes.values())


def nodes_of(
    lake: Lake, recipe: str, kind: str, ids: Iterable[str], prompts: Collection[str] = ()
) -> list[Node]:
    """Prompts or completions with their rows; one that is in no table has none. A prompt's parent
    may be a source text, and is found to be one here.

    prompts: those that completions are thought to answer.
    """
    nodes = {id: Node(id, kind) for id in ids}
    about = set(prompts)
    for table, key in tables_of(kind):
        found = read_rows(lake, recipe, table, key, nodes, prompts=about)
        for row in found.iter_rows(named=True):
            nodes[row[key]].rows[table] = row
            about |= {row["prompt_id"]} if row.get("prompt_id") else set()
    if kind == "prompt":
        unknown = [id for id, node in nodes.items() if not node.rows]
        for node in nodes_of(lake, recipe, SOURCE_TEXT, unknown) if unknown else ():
            if node.rows:
                nodes[node.id] = node
    return list(nodes.values())


def _own_rows(lake: Lake, recipe: str, found: Found) -> dict[str, Row]:
    if tables_of(found.kind):
        node = nodes_of(lake, recipe, found.kind, [found.id], found.prompts)[0]
        if node.rows:
            return node.rows
    schema = CALLS_SCHEMA if found.table == "calls" else recipe
    key = key_of(lake, schema, found.table)
    rows = read_rows(lake, schema, found.table, key, [found.id], prompts=found.prompts)
    named = dict(zip([found.table], rows.iter_rows(named=True), strict=False))
    if found.kind == "judgment":  # the rating has its place and template beside it
        for table in method_tables("judgments"):
            rated = read_rows(lake, recipe, table, "judgment_id", [found.id], prompts=found.prompts)
            named |= dict(zip([table], rated.iter_rows(named=True), strict=False))
    if found.table == "dpo_set" and rows.height:  # so has a pair what a person said of it
        named |= _label_of(lake, recipe, named["dpo_set"])
    return named


def _label_of(lake: Lake, recipe: str, pair: Row) -> dict[str, Row]:
    """The label by which the pair stands in the set; none where people did not decide it."""
    if pair["pairing"] != "human_preferences":
        return {}
    chosen, rejected = pair["chosen_completion_id"], pair["rejected_completion_id"]
    labels = read_rows(lake, recipe, "human_labels", "chosen_completion_id", [chosen])
    for row in labels.iter_rows(named=True):
        if row["rejected_completion_id"] == rejected and row["drop_reason"] is None:
            return {"human_labels": row}
    return {}


def _parents(node: Node) -> list[tuple[str, str]]:
    """(kind, id) of what the row was made from."""
    if node.kind == "call":
        return []
    found: dict[tuple[str, str], None] = {}
    row = node.row
    for column, kind in PARENT_COLUMNS:
        value = row.get(column)
        for id in value if isinstance(value, list) else [value]:
            if id and id != node.id:
                found[kind, id] = None
    if row.get("row_id"):
        kind = "completion" if row.get("stage") == "completions" else "prompt"
        found[kind, row["row_id"]] = None
    names_a_completion = any(kind == "completion" for kind, _ in found)
    if row.get("prompt_id") and node.kind != "prompt" and not names_a_completion:
        found["prompt", row["prompt_id"]] = None
    return [(kind, id) for kind, id in found if id != node.id]
