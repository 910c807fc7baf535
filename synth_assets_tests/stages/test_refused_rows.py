"""Rows that a check refuses before their commit: nothing is committed, and the rows are kept
apart. Every blocking check of a stage is made to fail here, and a mart's by each kind of test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from shutil import copytree

import polars as pl
import pytest

from synth_assets.errors import CheckFailed
from synth_assets.stages.datasets import SqlStage
from synth_assets.stages.materialize import bring_up_to_date
from synth_assets.stages.stage import Made, Stage
from synth_assets.stages.workshop import Work
from synth_assets.store.staging import StagedTable, stage_query
from synth_assets_tests.graph.conftest import WHOLE, Finished
from synth_assets_tests.stages.bench import Bench, bench

Spoil = Callable[[pl.DataFrame], pl.DataFrame]


def with_values(**values: object) -> Spoil:
    return lambda rows: rows.with_columns(
        **{name: pl.lit(value, rows.schema[name]) for name, value in values.items()}
    )


def twice(rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([rows, rows.head(1)])


def one_less(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.head(rows.height - 1)


def from_nobody(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(derived_from=pl.lit(["nobody"]))


SPOILT: dict[tuple[str, str], Spoil] = {
    ("seed_prompts", "ids_are_unique"): twice,
    ("seed_prompts", "split_is_known"): with_values(split="dev"),
    ("evaluation_prompts", "ids_are_unique"): twice,
    ("rounds", "ids_are_unique"): twice,
    ("self_instruct_prompts", "ids_are_unique"): twice,
    ("self_instruct_prompts", "every_candidate_is_there"): one_less,
    ("evolved_prompts", "ids_are_unique"): twice,
    ("evolved_prompts", "every_candidate_is_there"): one_less,
    ("evolved_prompts", "derived_from_exists"): from_nobody,
    ("mutated_prompts", "ids_are_unique"): twice,
    ("mutated_prompts", "every_candidate_is_there"): one_less,
    ("mutated_prompts", "split_is_known"): with_values(split=None),
    ("completions", "ids_are_unique"): with_values(completion_id="one"),
    ("completions", "every_candidate_is_there"): one_less,
    ("completions", "prompt_id_exists"): with_values(prompt_id="nobody"),
    ("completions", "failed_replies_are_few"): with_values(status="failed"),
    ("verifications", "ids_are_unique"): twice,
    ("verifications", "completion_id_exists"): with_values(completion_id="nobody"),
    ("verifications", "status_is_known"): with_values(status="perhaps"),
    ("ratings", "ids_are_unique"): twice,
    ("ratings", "completion_id_exists"): with_values(completion_id=None),
    ("ratings", "failed_replies_are_few"): with_values(status="failed"),
    ("judgments", "ids_are_unique"): twice,
    ("judgments", "completion_id_exists"): with_values(completion_id="nobody"),
}

SPOILT_SQL: dict[tuple[str, str], str] = {
    ("scored_completions", "not_null"): "SELECT * REPLACE (NULL::INTEGER AS round) FROM rows",
    ("scored_completions", "relationships"): "SELECT * REPLACE ('nobody' AS completion_id) "
        "FROM rows",
    ("sft_set", "unique"): "SELECT * FROM rows UNION ALL FROM rows",
    ("dpo_set", "sides_differ"): "SELECT * REPLACE (chosen AS rejected) FROM rows",
    ("dropped_rows", "completions_are_accounted_for"): "SELECT * FROM rows LIMIT 1",
    ("round_health", "shares_lie_between_0_and_1"):
        "SELECT * REPLACE (2.0::DOUBLE AS value, 'ok_share' AS metric) FROM rows",
    ("cost_by_stage", "not_null"): "SELECT * REPLACE (NULL::VARCHAR AS stage) FROM rows",
}  # fmt: skip


@dataclass(frozen=True)
class SpoiltSqlStage(SqlStage):
    """A mart whose SELECT is read by another one, which spoils its rows."""

    sql: str = ""

    def stage_rows(self, work: Work, made: Made) -> StagedTable:
        sound = super().stage_rows(work, made)
        sound_rows = f"WITH rows AS (SELECT * EXCLUDE (row_hash) FROM {sound.relation}) {self.sql}"
        return stage_query(work.lake, work.recipe.name, self.name, self.key, sound_rows)


@pytest.fixture(scope="module")
def done(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("done")
    copytree(finished.folder, folder, dirs_exist_ok=True)
    with bench(folder, **{"completions": {}, "judgments": {}, **WHOLE}) as made:
        yield made


def spoilt(stage: Stage, spoil: Spoil) -> Stage:
    """The stage, always due, with rows that something went wrong with on the way."""

    def make(work: Work) -> Made:
        made = stage.make(work)
        return replace(made, rows=spoil(made.rows))

    return replace(stage, make=make, is_always_made=True)


def refuse(one: Bench, stage: Stage) -> str:
    """What is said when the stage's rows are refused; nothing was committed."""
    before = one.workshop().log.latest()
    with pytest.raises(CheckFailed) as refused:
        bring_up_to_date(one.workshop(), stage)
    assert one.workshop().log.latest() == before
    return str(refused.value)


@pytest.mark.parametrize(("table", "check"), SPOILT)
def test_a_blocking_check_keeps_rows_out(done: Bench, table: str, check: str):
    stage = done.workshop().stages[table]
    said = refuse(done, spoilt(stage, SPOILT[table, check]))
    assert said.startswith(f"tiny.{table}")
    assert check in said
    assert f"the rows are in tiny.{table}__rejected" in said


@pytest.mark.parametrize(("table", "check"), SPOILT_SQL)
def test_a_test_of_a_mart_keeps_rows_out(done: Bench, table: str, check: str):
    stage = done.workshop().stages[table]
    assert isinstance(stage, SqlStage)
    fields = {name: getattr(stage, name) for name in SqlStage.__dataclass_fields__}
    fields |= {"is_always_made": True, "sql": SPOILT_SQL[table, check]}
    said = refuse(done, SpoiltSqlStage(**fields))
    assert check in said


def test_every_blocking_row_check_is_tried(done: Bench):
    declared = {
        (stage.name, name)
        for stage in done.workshop().stages.values()
        if not isinstance(stage, SqlStage)
        for name, _, is_blocking in stage.check_names()
        if is_blocking
    }
    assert declared == SPOILT.keys()


def test_refused_rows_replace_those_that_were_refused_before(done: Bench):
    stage = done.workshop().stages["mutated_prompts"]
    kept = "SELECT count(*) AS n, any_value(rejected_because) AS why FROM lake.tiny.{}__rejected"
    counts = []
    for _ in range(2):
        refuse(done, spoilt(stage, with_values(split="dev")))
        counts.append(done.lake.frame(kept.format("mutated_prompts")).row(0))
    assert counts == [(6, "split_is_known")] * 2
