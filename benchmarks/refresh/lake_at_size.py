"""A recipe of `recipe_at_size` in, a lake in which all its tables are up to date out, with exports.

Seeds, rounds, prompts and the SQL models are made by their stages. Completions and what judges
them are written by SQL in the same form, and committed as made from what there is: to ask for a
million would take most of an hour. Ids of those rows are hashes of other parts than the stages'.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.refresh.recipe_at_size import (
    ANSWER_WORDS,
    CRITERION,
    FILLER,
    PER_PROMPT,
    load,
    write_recipe,
)
from synth_assets.graph.runs import RunWishes, run_recipe
from synth_assets.identity import content_hash
from synth_assets.method import all_tables
from synth_assets.schemas import CALLS, EDGES, TableSchema
from synth_assets.stages.materialize import bring_up_to_date, check_committed
from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets.stages.stage import Stage
from synth_assets.stages.workshop import Workshop
from synth_assets.store.calls import SCHEMA as CALLS_SCHEMA
from synth_assets.store.commits import StagedCommit
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets.store.sql_types import quote_name
from synth_assets.store.staging import StagedColumns, stage_query

Values = Mapping[str, str]
"""Column → the SQL of its value; a column that is left out is null."""

ID = "left(sha256('{}|' || {}), 24)"
PROMPTS = (
    f"(SELECT prompt_id, reference, round, range AS n FROM @mutated_prompts, range({PER_PROMPT}) "
    "WHERE drop_reason IS NULL)"
)
COMPLETION: Values = {
    "completion_id": ID.format("completion", "prompt_id || n"),
    "prompt_id": "prompt_id",
    "round": "round",
    "teacher": "'teacher'",
    "model": "'scripted/teacher'",
    "sample_index": "n",
    "text": f"repeat('{FILLER}', {ANSWER_WORDS}) || '\\boxed{{' || reference || '}} ' || n",
    "text_hash": ID.format("text", "prompt_id || n"),
    "status": "'ok'",
    "is_self_training": "false",
    "call_id": ID.format("call", "prompt_id || n"),
    "origin": "'model:teacher'",
}
VERIFICATION: Values = {
    "completion_id": "completion_id",
    "prompt_id": "prompt_id",
    "round": "round",
    "status": "'verified'",
    "extracted": "right(text, 20)",
    "reference": "right(text, 20)",
}
VERDICT: Values = {
    "judgment_id": ID.format("verification", "completion_id"),
    "completion_id": "completion_id",
    "prompt_id": "prompt_id",
    "round": "round",
    "kind": "'verification'",
    "method": "'verification'",
    "earlier_call_ids": "[]",
    "judge": "'math_verify'",
    "criterion": "'answer'",
    "status": "status",
}
RATING: Values = {
    "judgment_id": ID.format("judgment", "completion_id"),
    "completion_id": "completion_id",
    "prompt_id": "prompt_id",
    "round": "round",
    "judge": "'judge'",
    "criterion": f"'{CRITERION}'",
    "rating": "5.0 - sample_index",
    "rationale": "'It adds.'",
    "status": "'ok'",
    "position": "sample_index",
    "order_seed": ID.format("order", "prompt_id"),
    "call_id": ID.format("rating_call", "prompt_id"),
    "template_hash": ID.format("template", f"'{CRITERION}'"),
}
RATED: Values = {
    **{name: name for name in RATING if name in all_tables()["judgments"].polars},
    "kind": "'rating'",
    "method": "'ultrafeedback'",
    "earlier_call_ids": "[]",
}
CALL: Values = {
    "key": "sha256(call_id)",
    "attempt": "0",
    "provider": "'scripted'",
    "request": "'{}'",
    "raw_reply": f"repeat('{FILLER}', {ANSWER_WORDS})",
    "status": "'ok'",
    "text": f"repeat('{FILLER}', {ANSWER_WORDS})",
    "input_tokens": "100",
    "output_tokens": "200",
    "cost_usd": "0.0001",
}


def make_lake(folder: Path, completions: int) -> None:
    """Recipe, seeds and lake in ``folder``; what is there already is taken as it is, where today's
    code would make the same."""
    done, code = folder / "made", _code()
    if done.exists() and done.read_text() == code:
        return
    shutil.rmtree(folder, ignore_errors=True)
    write_recipe(folder, completions)
    recipe = load(folder)
    stages = recipe_stages(recipe)
    with Lake(Home.at(folder / "home")) as lake:
        workshop = Workshop(recipe, lake, stages, "benchmark")
        for stage in stages.values():
            if stage.name in WRITTEN:
                _write(workshop, stage)
            else:
                bring_up_to_date(workshop, stage)
            if stage.name == "ratings":
                _write_calls(workshop)
        for name in WRITTEN:  # as a run's stages had checked them before their commits
            check_committed(workshop, stages[name], anew=False)
    os.environ["SYNTH_HOME"] = str((folder / "home").absolute())
    outcome = run_recipe(recipe, Home.from_environment(), RunWishes(), lambda event: None)
    if outcome.exit_code:  # it makes nothing but the exports
        raise RuntimeError("; ".join(outcome.errors))
    done.write_text(code)


def write_anew(folder: Path) -> None:
    """Commits every completion with another text, as if another template had asked for it."""
    recipe = load(folder)
    stages = recipe_stages(recipe)
    stage = stages["completions"]
    with Lake(Home.at(folder / "home")) as lake:
        workshop = Workshop(recipe, lake, stages, "benchmark")
        (round, *_) = workshop.rounds_of(stage)
        made_from = workshop.provenance(stage, round)
        names = ", ".join(map(quote_name, StagedColumns.of(stage.table).types))
        rows = (
            f"SELECT {names} FROM (SELECT * REPLACE (text || ' again' AS text) "
            f"FROM {Lake.relation(recipe.name, stage.name)})"
        )
        staged = stage_query(
            lake, recipe.name, stage.name, stage.key, rows, scope={"round": round.number}
        )
        parts = {**made_from.fingerprint_parts, "template": "another"}
        made_from = replace(made_from, fingerprint="another", fingerprint_parts=parts)
        workshop.log.commit(StagedCommit(staged, made_from, round.number, None), run_id="benchmark")


def _code() -> str:
    """Hash of what decides the tables, beside their inputs."""
    with TemporaryDirectory() as folder:
        write_recipe(Path(folder), PER_PROMPT)
        recipe = load(Path(folder))
        parts = {
            name: stage.fingerprint_parts(recipe, {})
            for name, stage in recipe_stages(recipe).items()
        }
    return content_hash(parts)


def _write(workshop: Workshop, stage: Stage) -> None:
    """Commits a table's first round as made from what there is now."""
    lake, schema = workshop.lake, workshop.recipe.name
    sql, edge = WRITTEN[stage.name]
    (round,) = workshop.rounds_of(stage)
    rows = re.sub(r"@(\w+)", lambda found: Lake.relation(schema, found[1]), sql)
    scope = {"round": round.number}
    staged = stage_query(lake, schema, stage.name, stage.key, rows, scope=scope)
    staged.sorted_by = stage.unit
    companions = []
    if edge is not None:
        child, parent = edge
        values = {
            "edge_id": ID.format("edge", f"{child} || {parent}"),
            "table_name": f"'{stage.name}'",
            "round": "round",
            "kind": "'derived_from'",
            "child_id": child,
            "parent_id": parent,
        }
        edges = stage_query(
            lake, schema, EDGES.name, EDGES.key, _select(EDGES, values, staged.relation),
            scope={"table_name": stage.name, **scope},
        )  # fmt: skip
        edges.sorted_by = "child_id"
        companions.append(edges)
    ((count,),) = lake.execute(f"SELECT count(*) FROM {staged.relation}")
    workshop.log.commit(
        StagedCommit(
            staged,
            workshop.provenance(stage, round),
            round.number,
            count if stage.name == "completions" else None,
            companions=companions,
        ),
        run_id="benchmark",
    )
    for table in (staged, *companions):
        table.drop()


def _write_calls(workshop: Workshop) -> None:
    """The calls that completions and ratings cite."""
    lake, schema = workshop.lake, workshop.recipe.name
    lake.ensure_table(CALLS_SCHEMA, StagedColumns.of(CALLS).types, CALLS.name)
    target = Lake.relation(CALLS_SCHEMA, CALLS.name)
    for table, model in (("completions", "teacher"), ("ratings", "judge")):
        of = f"(SELECT DISTINCT call_id FROM {Lake.relation(schema, table)})"
        values = {**CALL, "call_id": "call_id", "model": f"'scripted/{model}'"}
        sql = f"INSERT INTO {target} {_select(CALLS, values, of)}"
        lake.transaction(lambda connection, sql=sql: connection.execute(sql))


def _select(table: TableSchema, values: Values, relation: str) -> str:
    selected = ", ".join(
        f"CAST({values.get(name, 'NULL')} AS {kind}) AS {quote_name(name)}"
        for name, kind in StagedColumns.of(table).types.items()
    )
    return f"SELECT {selected} FROM {relation}"


WRITTEN: dict[str, tuple[str, tuple[str, str] | None]] = {
    "completions": (
        _select(all_tables()["completions"], COMPLETION, PROMPTS),
        ("completion_id", "prompt_id"),
    ),
    "verifications": (_select(all_tables()["verifications"], VERIFICATION, "@completions"), None),
    "ratings": (
        _select(all_tables()["ratings"], RATING, "@completions"),
        ("judgment_id", "completion_id"),
    ),
    "judgments": (
        _select(all_tables()["judgments"], RATED, "@ratings")
        + " UNION ALL "
        + _select(all_tables()["judgments"], VERDICT, "@verifications"),
        None,
    ),
}
"""Table → the SELECT of its rows, which reads ``@TABLE``; and of its edges child and parent."""
