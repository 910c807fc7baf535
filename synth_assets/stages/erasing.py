"""A withdrawal in, a lake without its texts out: rows, calls, refused rows, and every old version
that held them.

What remains is committed as made from what there is now, so that nothing is asked again for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import polars as pl

from synth_assets.lineage.descent import cited_columns, citing_tables, shown_with_any
from synth_assets.lineage.find import prompt_tables
from synth_assets.lineage.roots import WITH_FILES
from synth_assets.lineage.rows import read_rows
from synth_assets.lineage.withdrawal import Withdrawal, reach, with_tagged
from synth_assets.llm.recovery import recover
from synth_assets.method import methods_of
from synth_assets.schemas import CALLS, ERASURES, RETRACTIONS
from synth_assets.stages.datasets import GROUP as DATASETS
from synth_assets.stages.stage import Stage
from synth_assets.stages.workshop import Round, Workshop
from synth_assets.store import erasure
from synth_assets.store.calls import SCHEMA as CALLS_SCHEMA
from synth_assets.store.calls import LakeCalls
from synth_assets.store.commits import Commit, Provenance, StagedCommit
from synth_assets.store.lake import Lake
from synth_assets.store.sql_types import quote_name
from synth_assets.store.staging import stage_frame

SWEPT_FROM = 16
"""Characters from which on a text is also looked for where no id leads to it: in calls that no row
cites, and in rows of models that repeat it. A shorter one stands in too many texts by chance."""

NO_TEXTS = frozenset({"edges", "round_pool", "rounds", "commits", "check_outcomes",
                      RETRACTIONS.name, ERASURES.name})  # fmt: skip
ID_COLUMNS = ("prompt_id", "source_text_id", "completion_id", "judgment_id",
              "pair_candidate_id", "chosen_completion_id",
              "rejected_completion_id", "row_id")  # fmt: skip


@dataclass
class Erased:
    """What is to go. texts: of the rows withdrawn by name, as they stand and as they are written
    inside JSON or on one line; words: of every row that goes, reasons of judges among them, for
    logs; reasons: those that no row that stays gives too."""

    withdrawal: Withdrawal
    texts: tuple[str, ...]
    words: tuple[str, ...]
    calls: frozenset[str]
    reasons: tuple[str, ...] = ()

    @property
    def ids(self) -> set[str]:
        rows = (*self.withdrawal.rows.values(), *self.withdrawal.gone.values())
        return {id for ids in rows for id in ids}

    def leave_of(self, file: str) -> str:
        """A file's lines but for those that hold a text or a reason that goes, or a row's id."""
        lines = pl.DataFrame({"line": file.splitlines(keepends=True)}, {"line": pl.String})
        sought = (*self.texts, *_written_ways(self.reasons), *self.ids)
        return "".join(lines.filter(~_holds("line", sought))["line"])


def find_what_to_erase(workshop: Workshop, withdrawal: Withdrawal) -> Erased:
    """The withdrawal with what repeats the texts of the rows that it names, and all calls that
    held them."""
    lake, recipe = workshop.lake, workshop.recipe.name
    recover(lake.home.path, LakeCalls(lake))  # what a dead run journaled is in the lake then
    with _where_it_stands(lake, withdrawal) as held:
        texts = _written_ways(_texts_of(held, recipe, withdrawal.named))
    repeated = _rows_that_hold(workshop, texts)
    if any(ids - withdrawal.ids(table) for table, ids in repeated.items()):
        rows = {table: set(ids) for table, ids in withdrawal.rows.items()}
        for table, ids in repeated.items():
            rows.setdefault(table, set()).update(ids)
        reached = reach(lake, recipe, rows, through_context=withdrawal.through_context)
        # Those that a file holds are named, so that the file does not bring them back.
        read = {id for table, _ in WITH_FILES for id in repeated.get(table, ())}
        row_ids = tuple(sorted({*withdrawal.row_ids, *read}))
        withdrawal = replace(withdrawal, rows=reached, row_ids=row_ids)
        withdrawal = with_tagged(lake, recipe, withdrawal)
    ids = {id for each in withdrawal.rows.values() for id in each}
    said, said_elsewhere = _reasons(lake, recipe, withdrawal)
    words = tuple(sorted(_texts_of(lake, recipe, ids) | said))
    calls = {*_calls(lake, recipe, withdrawal, texts), *_calls_of_model(workshop, withdrawal)}
    reasons = tuple(sorted(said - said_elsewhere))
    return Erased(withdrawal, texts, words, frozenset(calls), reasons)


@contextmanager
def _where_it_stands(lake: Lake, withdrawal: Withdrawal) -> Iterator[Lake]:
    """The lake, or the tagged version of it that alone has the rows that are named."""
    if withdrawal.gone_since is None:
        yield lake
    else:
        with Lake(lake.home, read_only=True, at=withdrawal.gone_since) as past, past.reading():
            yield past


def erase_rows(workshop: Workshop, erased: Erased, was_current: set[tuple[str, int]]) -> int:
    """Rows and calls go, but for the sets, which are made anew; what remains is committed. Gives
    the oldest version of the lake that held something of it.

    was_current: (table, round)s that were up to date before (see `current_rounds`): they stay so.
    """
    lake, recipe = workshop.lake, workshop.recipe.name
    since = erasure.first_version_of(lake, CALLS_SCHEMA, CALLS.name, CALLS.key, erased.calls)
    made = [stage for stage in workshop.stages.values() if stage.group != DATASETS]
    for stage in made:
        if stage.name not in NO_TEXTS and lake.has(recipe, stage.name):
            since = min(since, _take_out_of(workshop, stage, erased))
    known = {*workshop.stages, *NO_TEXTS}
    for table in lake.table_names(recipe):
        if table not in known:
            since = min(since, _delete_from(lake, recipe, table, erased))
    erasure.blank_calls(lake, erased.calls)
    for stage in made:
        for round in workshop.rounds_of(stage):
            if (stage.name, round.number) in was_current:
                _record(workshop, stage, round)
    return since


def current_rounds(workshop: Workshop) -> Iterator[tuple[str, int]]:
    """(table, round) of every commit that is made from what there is now."""
    known = workshop.log.latest()
    for stage in workshop.stages.values():
        for round in () if stage.is_always_made else workshop.rounds_of(stage):
            commit = known.get((stage.name, round.number))
            if commit and commit.is_made_from(workshop.provenance(stage, round)):
                yield stage.name, round.number


def _texts_of(lake: Lake, recipe: str, ids: Iterable[str]) -> set[str]:
    """Every text that the rows hold: of prompts, each turn but the system's, and the completion
    that came with them; of source texts; of completions."""
    wanted, found = list(ids), set[str]()
    for table in (*prompt_tables(), "evaluation_prompts"):
        columns = ("messages", "text", "instruction", "given_completion", "demonstration")
        rows = read_rows(lake, recipe, table, "prompt_id", wanted, columns)
        for row in rows.iter_rows(named=True):
            turns = row["messages"] or ()
            # A system text is shared with rows that have nothing to do with this one.
            found.update(turn["content"] for turn in turns if turn["role"] != "system")
            found.update(row[name] for name in columns[1:] if row.get(name))
    for table, key in (("source_texts", "source_text_id"), ("completions", "completion_id")):
        rows = read_rows(lake, recipe, table, key, wanted, ("text",))
        found.update(text for text in rows.get_column("text", default=pl.Series([])) if text)
    return {text for text in found if text.strip()}


def _written_ways(texts: Iterable[str]) -> tuple[str, ...]:
    """Each text as it is, on one line, and inside JSON; short ones are left out."""
    ways: set[str] = set()
    for text in texts:
        for form in (text, " ".join(text.split()), text.strip()):
            if len(form) >= SWEPT_FROM:
                ways |= {form, json.dumps(form)[1:-1], json.dumps(form, ensure_ascii=False)[1:-1]}
    return tuple(sorted(ways))


def _rows_that_hold(workshop: Workshop, texts: tuple[str, ...]) -> dict[str, set[str]]:
    """Prompts, source texts and completions that hold one of the texts, whoever wrote them."""
    lake, recipe = workshop.lake, workshop.recipe.name
    tables = (
        *((table, "prompt_id") for table in prompt_tables()),
        ("source_texts", "source_text_id"),
        ("completions", "completion_id"),
    )
    found = {table: _ids_that_hold(lake, recipe, table, key, texts) for table, key in tables}
    return {table: ids for table, ids in found.items() if ids}


def _ids_that_hold(
    lake: Lake, recipe: str, table: str, key: str, texts: tuple[str, ...]
) -> set[str]:
    """Keys of the rows of which any column holds one of the texts, turns of a prompt among them."""
    if not texts or not lake.has(recipe, table):
        return set()
    rows = lake.frame(
        f"SELECT CAST({quote_name(key)} AS VARCHAR) AS key, CAST(to_json(t) AS VARCHAR) AS words "
        f"FROM {Lake.relation(recipe, table)} AS t"
    )
    return set(rows.filter(_holds("words", texts))["key"])


def _holds(column: str, texts: tuple[str, ...]) -> pl.Expr:
    return pl.col(column).str.contains_any(list(texts)).fill_null(False)


def _calls(
    lake: Lake, recipe: str, withdrawal: Withdrawal, texts: tuple[str, ...]
) -> Iterator[str]:
    """Calls that rows rest on, every attempt at them, those in whose context a row stood, and
    those that hold a text though no row cites them."""
    cited: set[str] = set()
    for table, key in citing_tables():
        ids = withdrawal.ids(table)
        ids |= withdrawal.prompts if key == "prompt_id" else set()
        ids |= withdrawal.judgments if key == "judgment_id" else set()
        ids |= withdrawal.completions if key == "completion_id" else set()
        columns = cited_columns(lake.column_types(recipe, table))
        rows = read_rows(lake, recipe, table, key, sorted(ids), columns)
        for row in rows.iter_rows(named=True):
            for column in columns:
                value = row[column]
                cited.update([value] if isinstance(value, str) else value or ())
    cited |= shown_with_any(lake, recipe, withdrawal.prompts)
    if not lake.has(CALLS_SCHEMA, CALLS.name):
        return
    relation = Lake.relation(CALLS_SCHEMA, CALLS.name)
    with lake.temporary("cited", pl.DataFrame({"id": sorted(cited)}, {"id": pl.String})) as wanted:
        attempts = lake.execute(
            f"SELECT call_id FROM {relation} WHERE key IN "
            f"(SELECT key FROM {relation} WHERE call_id IN (SELECT id FROM {wanted}))"
        )
    yield from (id for (id,) in attempts)
    if texts:
        rows = lake.frame(f"SELECT call_id, request, raw_reply, text, error FROM {relation}")
        holds = pl.any_horizontal(_holds(name, texts) for name in rows.columns[1:])
        yield from rows.filter(holds)["call_id"]


def _calls_of_model(workshop: Workshop, withdrawal: Withdrawal) -> set[str]:
    """All that the recipe asked of a withdrawn model: what it said where rows of others rest on it
    (of a prompt it found no better than its parent, say) is among it. Nothing where the recipe has
    the same model under another name too, whose calls nobody can tell from these."""
    lake, recipe = workshop.lake, workshop.recipe
    model = recipe.models.get(withdrawal.target) if withdrawal.kind == "model" else None
    same = [each for each in recipe.models.values() if model and each.model == model.model]
    if model is None or len(same) > 1 or not lake.has(CALLS_SCHEMA, CALLS.name):
        return set()
    rows = lake.execute(
        f"SELECT call_id FROM {Lake.relation(CALLS_SCHEMA, CALLS.name)} "
        "WHERE model = ? AND starts_with(asked_for, ?)",
        [model.model, f"{recipe.name}."],
    )
    return {id for (id,) in rows}


def _reasons(lake: Lake, recipe: str, withdrawal: Withdrawal) -> tuple[set[str], set[str]]:
    """What judges gave as their reasons: in the rows that go, and in those that stay."""
    going, staying = set[str](), set[str]()
    tables = [("judgments", "judgment_id"), ("preference_candidates", "pair_candidate_id")]
    tables += [(m.table.name, m.table.key) for m in methods_of("judgments") + methods_of("pairs")]
    for table, key in tables:
        if not lake.has(recipe, table):
            continue
        rows = lake.frame(
            f"SELECT {quote_name(key)} AS key, rationale FROM {Lake.relation(recipe, table)} "
            "WHERE rationale IS NOT NULL"
        )
        is_going = pl.col("key").is_in(sorted(withdrawal.ids(table)))
        going |= set(rows.filter(is_going)["rationale"])
        staying |= set(rows.filter(~is_going)["rationale"])
    return {text for text in going if text.strip()}, staying


def _is_named(columns: Iterable[str], erased: Erased) -> pl.Expr:
    ids = sorted(erased.ids)
    named = [pl.col(name).is_in(ids) for name in columns if name in ID_COLUMNS]
    return pl.any_horizontal(pl.lit(False), *named).fill_null(False)


def _take_out_of(workshop: Workshop, stage: Stage, erased: Erased) -> int:
    """Commits the table, round by round, without the rows that go; gives the oldest version that
    held one of them."""
    lake, recipe = workshop.lake, workshop.recipe.name
    rows = lake.read(recipe, stage.table)
    holding = _ids_that_hold(lake, recipe, stage.name, stage.key, erased.texts)
    is_going = _is_named(rows.columns, erased) | pl.col(stage.key).cast(pl.String).is_in(
        sorted(holding)
    )
    going = rows.filter(is_going)[stage.key].cast(pl.String)
    since = erasure.first_version_of(
        lake, recipe, stage.name, stage.key, {*going.to_list(), *erased.ids}
    )
    kept = rows.filter(~is_going)
    for round in workshop.rounds_of(stage) if going.len() else ():
        commit = workshop.log.latest().get((stage.name, round.number))
        if commit is None:
            continue
        scope = {"round": round.number} if stage.by_round else {}
        mine = kept.filter(pl.col("round") == round.number) if stage.by_round else kept
        as_before = Provenance(commit.fingerprint, commit.fingerprint_parts, commit.inputs)
        _commit(workshop, stage, commit, mine, scope, as_before)
    return since


def _commit(
    workshop: Workshop, stage: Stage, known: Commit, rows: pl.DataFrame,
    scope: dict[str, int], provenance: Provenance,
) -> None:  # fmt: skip
    staged = stage_frame(workshop.lake, workshop.recipe.name, stage.table, rows, scope)
    try:
        counted = None if known.items_parsed is None else rows.height
        workshop.log.commit(
            StagedCommit(staged, provenance, known.round, counted, known.failed_replies),
            run_id=workshop.run_id,
        )
    finally:
        staged.drop()


def _record(workshop: Workshop, stage: Stage, round: Round) -> None:
    commit = workshop.log.latest()[stage.name, round.number]
    where, values = ("round = ?", [round.number]) if stage.by_round else ("true", [])
    rows = workshop.lake.read(workshop.recipe.name, stage.table, where, values)
    scope = {"round": round.number} if stage.by_round else {}
    _commit(workshop, stage, commit, rows, scope, workshop.provenance(stage, round))


def _delete_from(lake: Lake, recipe: str, table: str, erased: Erased) -> int:
    """Deletes from tables that no stage makes: refused rows, and those of methods that left; gives
    the oldest version that held such a row."""
    columns = lake.column_types(recipe, table)
    named = [name for name in ID_COLUMNS if name in columns]
    key = next(iter(columns))
    read = ", ".join(quote_name(name) for name in dict.fromkeys((key, *named)))
    rows = lake.frame(f"SELECT {read} FROM {Lake.relation(recipe, table)}")
    ids = set(rows.filter(_is_named(named, erased))[key].cast(pl.String))
    ids |= _ids_that_hold(lake, recipe, table, key, erased.texts)
    since = erasure.first_version_of(lake, recipe, table, key, {*ids, *erased.ids})
    erasure.delete_rows(lake, recipe, table, key, ids)
    return since
