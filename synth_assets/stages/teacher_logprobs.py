"""The stage that reads probabilities of tokens from the replies that completions rest on."""

from __future__ import annotations

import polars as pl

from synth_assets.methods import teacher_logprobs
from synth_assets.methods.retraction import RETRACTED
from synth_assets.schemas import CALLS, COMPLETIONS, TEACHER_LOGPROBS
from synth_assets.stages.row_checks import ids_are_unique, parents_exist, values_are_known
from synth_assets.stages.stage import Input, Made, Stage
from synth_assets.stages.withdrawn import keeping_withdrawn, standing
from synth_assets.stages.workshop import Work
from synth_assets.store.calls import SCHEMA as CALLS_SCHEMA
from synth_assets.store.lake import Lake


def teacher_logprobs_stage() -> Stage:
    stage = Stage(
        table=TEACHER_LOGPROBS,
        group="3_completions",
        inputs=(Input("completions", "own"),),
        parameters=lambda *_: {},
        code=(teacher_logprobs,),
        make=_make,
        checks=(
            ids_are_unique("completion_id"),
            parents_exist("completion_id", ("completions", "completion_id")),
            values_are_known("status", "ok", "not_given", "no_call", RETRACTED),
        ),
        unit="prompt_id",
    )
    return keeping_withdrawn(stage)


def _make(work: Work) -> Made:
    completions = standing(work.read(COMPLETIONS))
    rows = teacher_logprobs.token_logprobs(completions, _bodies(work.lake, completions))
    return Made(rows, notes={"replies_without": rows.filter(status="not_given").height})


def _bodies(lake: Lake, completions: pl.DataFrame) -> dict[str, str]:
    """call_id → the reply as it came; a call's id names its reply, so that completions are all
    that the table is made from."""
    if not lake.has(CALLS_SCHEMA, CALLS.name):
        return {}
    wanted = completions.select("call_id").drop_nulls().unique()
    with lake.temporary("cited", wanted) as cited:
        rows = lake.frame(
            f"SELECT call_id, raw_reply FROM {Lake.relation(CALLS_SCHEMA, CALLS.name)} "
            f"WHERE call_id IN (SELECT call_id FROM {cited})"
        )
    return dict(rows.iter_rows())
