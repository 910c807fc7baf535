"""A number of completions in, a lake with a recipe's tables at that size out: prompts, completions,
calls, judgments, sets and edges, joined as the stages join them, with texts made of hashes.

Written straight by SQL in some minutes; going through the stages would take an hour. Rows lie in
the files as commits write them: in the order of the stage's unit, edges in that of their children,
calls as they came, in files of as many as a run moves at once.
"""

from __future__ import annotations

from pathlib import Path

from synth_assets.llm.dispatcher import MOST_LANDED
from synth_assets.method import all_methods
from synth_assets.schemas import (
    CALLS,
    COMMITS,
    COMPLETIONS,
    EDGES,
    JUDGMENTS,
    MUTATED_PROMPTS,
    SEED_PROMPTS,
    TableSchema,
)
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake, run_all
from synth_assets.store.sql_types import quote_name
from synth_assets.store.staging import StagedColumns

RECIPE = "million"
COMPLETIONS_PER_PROMPT = 4
PROMPTS_PER_SEED = 25
GENERATIONS = 5
CRITERIA = ("instruction_following", "honesty", "truthfulness", "helpfulness")

Values = dict[str, str]
"""Column → the SQL of its value; a column that is left out is null."""

ID = "left(sha256('{}|' || {}), 24)"
WORDS = "repeat(left(sha256({}), 7) || ' ', {})"
SETS: dict[str, dict[str, str]] = {
    "sft_set": {
        "example_id": ID.format("sft", "n"),
        "prompt_id": ID.format("prompt", "n"),
        "completion_id": ID.format("completion", f"(n * {COMPLETIONS_PER_PROMPT})"),
        "round": "1",
        "messages": "[{'role': 'user', 'content': " + WORDS.format("n::VARCHAR", 40) + "}]",
        "split": "'train'",
        "mean_rating": "4.5::DOUBLE",
    },
    "dpo_set": {
        "pair_id": ID.format("dpo", "n"),
        "prompt_id": ID.format("prompt", "n"),
        "round": "1",
        "chosen_completion_id": ID.format("completion", f"(n * {COMPLETIONS_PER_PROMPT})"),
        "rejected_completion_id": ID.format("completion", f"(n * {COMPLETIONS_PER_PROMPT} + 1)"),
        "margin": "1.0::DOUBLE",
        "pairing": "'best_vs_worst'",
        "split": "'train'",
    },
}


def make_lake(folder: Path, completions: int) -> Home:
    """The lake in ``folder``; one that is there already is taken as it is."""
    home = Home.at(folder)
    if home.catalog_file is not None and home.catalog_file.exists():
        return home
    with Lake(home) as lake:
        for statements in _tables(completions):
            lake.transaction(lambda connection, done=statements: run_all(connection, done))
    return home


def _tables(completions: int) -> list[list[str]]:
    prompts = completions // COMPLETIONS_PER_PROMPT
    seeds = prompts // PROMPTS_PER_SEED
    prompt, completion = ID.format("prompt", "{}"), ID.format("completion", "{}")
    call, parent = ID.format("call", "n"), prompt.format(f"(n - {seeds})")
    answered = f"(n // {COMPLETIONS_PER_PROMPT})"
    is_seed = f"n < {seeds}"
    # Prompt n is rewritten from prompt n - seeds, until the generations are used up.
    is_rewritten = f"(n >= {seeds} AND (n // {seeds}) % {GENERATIONS} <> 0)"
    derived = f"CASE WHEN {is_rewritten} THEN [{parent}] ELSE [] END"
    text = WORDS.format("n::VARCHAR", 40)
    prompt_values: Values = {
        "prompt_id": prompt.format("n"),
        "round": "1",
        "method": f"CASE WHEN {is_seed} THEN 'seed' ELSE 'evol_instruct' END",
        "operator": "'deepen'",
        "derived_from": derived,
        "split": "'train'",
        "messages": "[{'role': 'user', 'content': " + text + "}]",
        "text": text,
        "call_ids": f"[{ID.format('prompt_call', 'n')}]",
        "model": "'careful'",
        "licence": "'apache-2.0'",
    }
    judged = f"(n // {len(CRITERIA)})"
    judgment_values: Values = {
        "judgment_id": ID.format("judgment", "n"),
        "completion_id": completion.format(judged),
        "prompt_id": prompt.format(f"({judged} // {COMPLETIONS_PER_PROMPT})"),
        "round": "1",
        "kind": "'rating'",
        "judge": "'judge'",
        "criterion": f"[{', '.join(repr(c) for c in CRITERIA)}][n % {len(CRITERIA)} + 1]",
        "rating": "(n % 5 + 1)::DOUBLE",
        "rationale": WORDS.format("n::VARCHAR", 6),
        "status": "'ok'",
        "call_id": ID.format("rating_call", f"({judged} // {COMPLETIONS_PER_PROMPT})"),
    }
    call_values: Values = {
        "key": "sha256(n::VARCHAR)",
        "attempt": "0",
        "provider": "'offline'",
        "model": "'offline/careful'",
        "request": '\'{"messages":[{"role":"user","content":"\' || ' + text + " || '\"}]}'",
        "raw_reply": WORDS.format("n::VARCHAR", 50),
        "status": "'ok'",
        "text": WORDS.format("n::VARCHAR", 45),
        "cost_usd": "0.0001::DOUBLE",
    }
    evolved = all_methods()["evol_instruct"].table
    ratings, rating_table = completions * len(CRITERIA), all_methods()["ultrafeedback"].table

    def edges(table: str, child: str, of: str, rows: int, where: str = "true") -> list[str]:
        values = {
            "edge_id": ID.format(f"edge_{table}", f"n || '{of[:60].replace(chr(39), '')}'"),
            "table_name": f"'{table}'",
            "round": "1",
            "kind": "'derived_from'",
            "child_id": child,
            "parent_id": of,
        }
        return _fill(RECIPE, EDGES, values, rows, where, order="child_id, edge_id")

    has_parent = is_rewritten
    example, pair = SETS["sft_set"], SETS["dpo_set"]
    return [
        _fill(
            RECIPE,
            SEED_PROMPTS,
            {
                **{k: v for k, v in prompt_values.items() if k in SEED_PROMPTS.polars},
                "source_file": "'seeds.jsonl'",
                "source_line": "(n + 1)::INTEGER",
            },
            seeds,
        ),
        _fill(RECIPE, evolved, prompt_values, prompts, f"NOT {is_seed}"),
        edges("evolved_prompts", prompt.format("n"), parent, prompts, has_parent),
        _fill(RECIPE, MUTATED_PROMPTS, prompt_values, prompts),
        edges("mutated_prompts", prompt.format("n"), parent, prompts, has_parent),
        _fill(
            RECIPE,
            COMPLETIONS,
            {
                "completion_id": completion.format("n"),
                "prompt_id": prompt.format(answered),
                "round": "1",
                "teacher": "'careful'",
                "model": "'offline/careful'",
                "sample_index": f"(n % {COMPLETIONS_PER_PROMPT})::INTEGER",
                "text": WORDS.format("n::VARCHAR", 45),
                "status": "'ok'",
                "call_id": call,
            },
            completions,
        ),
        edges("completions", completion.format("n"), prompt.format(answered), completions),
        _calls({"call_id": call, **call_values}, completions),
        _calls({"call_id": ID.format("prompt_call", "n"), **call_values}, prompts),
        _calls({"call_id": ID.format("rating_call", "n"), **call_values}, prompts),
        _fill(
            RECIPE,
            rating_table,
            {k: v for k, v in judgment_values.items() if k in rating_table.polars},
            ratings,
        ),
        edges("ratings", judgment_values["judgment_id"], completion.format(judged), ratings),
        _fill(RECIPE, JUDGMENTS, judgment_values, ratings),
        _set("sft_set", prompts),
        edges("sft_set", example["example_id"], example["completion_id"], prompts),
        _set("dpo_set", prompts),
        edges("dpo_set", pair["pair_id"], pair["chosen_completion_id"], prompts),
        edges("dpo_set", pair["pair_id"], pair["rejected_completion_id"], prompts),
        _fill(RECIPE, COMMITS, {"number": "n + 1", "table_name": "'completions'"}, 1),
    ]


def _fill(
    schema: str,
    table: TableSchema,
    values: Values,
    rows: int,
    where: str = "true",
    order: str | None = None,
) -> list[str]:
    """Makes the table and adds ``rows`` rows; ``n`` counts them from 0."""
    if order is None:
        order = f"prompt_id, {table.key}" if "prompt_id" in values else "n"
    return [*_made(schema, table), _inserted(schema, table, values, (0, rows), where, order)]


def _calls(values: Values, rows: int) -> list[str]:
    parts = [(first, min(first + MOST_LANDED, rows)) for first in range(0, rows, MOST_LANDED)]
    return [
        *_made("llm", CALLS),
        *(_inserted("llm", CALLS, values, part, "true", "n") for part in parts),
    ]


def _made(schema: str, table: TableSchema) -> list[str]:
    types = StagedColumns.of(table).types_with_hash
    columns = ", ".join(f"{quote_name(name)} {kind}" for name, kind in types.items())
    return [
        f"CREATE SCHEMA IF NOT EXISTS lake.{quote_name(schema)}",
        f"CREATE TABLE IF NOT EXISTS {Lake.relation(schema, table.name)} ({columns})",
    ]


def _inserted(
    schema: str, table: TableSchema, values: Values, part: tuple[int, int], where: str, order: str
) -> str:
    selected = ", ".join(
        f"CAST({values.get(name, 'NULL')} AS {kind}) AS {quote_name(name)}"
        for name, kind in StagedColumns.of(table).types_with_hash.items()
    )
    first, end = part
    return (
        f"INSERT INTO {Lake.relation(schema, table.name)} SELECT {selected} "
        f"FROM (SELECT range AS n FROM range({first}, {end})) WHERE {where} ORDER BY {order}"
    )


def _set(name: str, rows: int) -> list[str]:
    values = SETS[name]
    selected = ", ".join(f"{sql} AS {column}" for column, sql in values.items())
    return [
        f"CREATE TABLE {Lake.relation(RECIPE, name)} AS SELECT {selected}, sha256(n::VARCHAR) AS "
        f"row_hash FROM (SELECT range AS n FROM range({rows})) "
        f"ORDER BY prompt_id, {next(iter(values))}"
    ]
