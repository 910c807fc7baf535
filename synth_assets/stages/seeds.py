"""Stages of the first group: files → seed and evaluation prompts, and the rounds."""

from __future__ import annotations

import polars as pl

from synth_assets import seed_files
from synth_assets.errors import RecipeError
from synth_assets.identity import canonical_json
from synth_assets.methods import retraction
from synth_assets.recipe import Recipe
from synth_assets.schemas import (
    EVALUATION_PROMPTS,
    MUTATED_PROMPTS,
    RETRACTIONS,
    ROUND_POOL,
    ROUNDS,
    SEED_PROMPTS,
    SOURCE_TEXTS,
)
from synth_assets.seed_files import location, prompts, records, tables, tabular, utf8
from synth_assets.stages.generation import generation_parameters
from synth_assets.stages.pools import current_members, open_pool
from synth_assets.stages.row_checks import ids_are_unique, values_are_known
from synth_assets.stages.seed_lines import GONE, add_changed_seeds, keep_line_hashes, lines_of
from synth_assets.stages.source_texts import usable_sources
from synth_assets.stages.stage import Input, Made, Stage
from synth_assets.stages.workshop import Round, Work
from synth_assets.store.commits import slice_hash

GROUP = "1_seeds"
READING = (location, prompts, records, tabular, utf8, tables)


def seed_prompts_stage() -> Stage:
    return Stage(
        table=SEED_PROMPTS,
        group=GROUP,
        inputs=(Input(RETRACTIONS.name, of_all=True),),
        files=lambda recipe: [file.path for file in location.locate(recipe, "prompts")],
        unit="prompt_id",
        units_of_files=add_changed_seeds,
        parameters=lambda recipe, _: {
            "files": [part.model_dump(mode="json") for part in recipe.seeds.prompts],
            "limit": recipe.seeds.limit,
            "test_share": recipe.datasets.test_share,
            "prompt_characters": recipe.limits.prompt_characters,
        },
        code=(*READING, retraction),
        make=_make_seed_prompts,
        checks=(ids_are_unique("prompt_id"), values_are_known("split", "train", "test")),
        by_round=False,
        kinds=frozenset({"python", "file"}),
    )


def evaluation_prompts_stage() -> Stage:
    return Stage(
        table=EVALUATION_PROMPTS,
        group=GROUP,
        inputs=(),
        files=lambda recipe: [file.path for file in location.locate(recipe, "evaluation")],
        parameters=lambda recipe, _: {
            "files": [part.model_dump(mode="json") for part in recipe.seeds.evaluation]
        },
        code=READING,
        make=lambda work: Made(seed_files.read_evaluation_prompts(work.recipe)),
        checks=(ids_are_unique("prompt_id"),),
        by_round=False,
        kinds=frozenset({"python", "file"}),
    )


def rounds_stage(*, has_sources: bool = False) -> Stage:
    sources = (Input(SOURCE_TEXTS.name),) if has_sources else ()
    return Stage(
        table=ROUNDS,
        group=GROUP,
        inputs=(Input("seed_prompts"), *sources),
        parameters=lambda recipe, frozen: {},
        make=_make_rounds,
        checks=(ids_are_unique("round"),),
        by_round=False,
        is_always_made=True,
    )


def _make_seed_prompts(work: Work) -> Made:
    """Seeds of the files; one that left its file stays, marked, as earlier rounds rest on it."""
    lines = None if work.units is None else lines_of(work.lake, work.units.relation)
    rows = seed_files.read_seed_prompts(work.recipe, lines).sort("source_file", "source_line")
    keep_line_hashes(work.lake.home, work.recipe)
    if work.recipe.seeds.limit is not None:
        rows = rows.head(work.recipe.seeds.limit)
    those = "true" if work.units is None else work.units.where
    known = work.lake.read(work.recipe.name, SEED_PROMPTS, those)
    gone = known.filter(~pl.col("prompt_id").is_in(rows["prompt_id"].implode()))
    around = work.workshop.surroundings(None)
    pooled = around.present(ROUND_POOL.name, "prompt_id", gone["prompt_id"])
    gone = gone.filter(pl.col("prompt_id").is_in(pooled.implode())).with_columns(
        drop_reason=pl.lit(GONE)
    )
    return Made(
        retraction.mark_seeds(pl.concat([rows, gone]), work.read(RETRACTIONS)).sort("prompt_id"),
        notes={
            "files": len(location.locate(work.recipe, "prompts")),
            "no_longer_in_files": gone.height,
        },
    )


def _make_rounds(work: Work) -> Made:
    """Opens a round where there is none or the run asks for one; else leaves all as it is."""
    recipe, options = work.recipe, work.workshop.options
    rounds = work.lake.read(recipe.name, ROUNDS)
    pool = work.lake.read(recipe.name, ROUND_POOL)
    seeds = usable_seeds(work)
    sources = usable_sources(work) if recipe.seeds.source_texts else None
    if options.regenerate is not None:
        rounds = _refreeze(rounds, recipe, options.regenerate)
    because = "first" if rounds.height == 0 else options.open_round
    unfinished = unfinished_tables(work) if rounds.height and because else []
    notes: dict[str, float | int | str] = {}
    if because is not None and not unfinished:
        number = rounds.height + 1
        rounds = pl.concat([rounds, _open(recipe, number, because, work)])
        pool = open_pool(pool, seeds, _accepted(work), number, sources)
        notes["opened"] = number
    elif unfinished:
        notes["finishing"] = f"round {rounds.height}: {', '.join(unfinished)}"
    elif waiting := _waiting(pool, seeds, sources):
        notes["seeds_that_wait"] = f"{waiting} seeds wait for a new round (run with --round new)"
    # A pool changes where a round is opened; it is not written again to be found the same.
    is_opened = "opened" in notes
    return Made(rounds, notes=notes, companions=((ROUND_POOL, pool, {}),) if is_opened else ())


def usable_seeds(work: Work) -> pl.DataFrame:
    """The ids of the seeds that a new round may draw on."""
    return work.read_kept_ids(SEED_PROMPTS)


def _waiting(pool: pl.DataFrame, seeds: pl.DataFrame, sources: pl.DataFrame | None) -> int:
    """How many that a round may draw on are in no pool yet."""
    inside = current_members(pool)
    usable = [seeds, *([] if sources is None else [sources])]
    return sum(rows.join(inside, on="prompt_id", how="anti").height for rows in usable)


def unfinished_tables(work: Work) -> list[str]:
    """Tables that the newest round has not reached: it is finished before another is opened."""
    newest = work.workshop.rounds()[-1]
    later = [stage for stage in work.workshop.stages.values() if stage.group != GROUP]
    return [stage.name for stage in later if not _is_reached(work, stage, newest)]


def _is_reached(work: Work, stage: Stage, newest: Round) -> bool:
    """Whether a table holds what there is of a round; a table made as a whole does where it was
    made from its inputs as they are now, apart from seeds, which may wait for the next round."""
    known = work.workshop.log.latest()
    if not stage.has_part_in(work.recipe, newest.generation):
        return True  # a method that was added to the recipe since
    if stage.by_round:
        return (stage.name, newest.number) in known
    commit = known.get((stage.name, 0))
    return commit is not None and all(
        commit.inputs.get(item.label) == work.workshop.input_hash(item, 0)
        for item in stage.inputs
        if item.table not in (SEED_PROMPTS.name, SOURCE_TEXTS.name, EVALUATION_PROMPTS.name)
    )


def _open(recipe: Recipe, number: int, because: str, work: Work) -> pl.DataFrame:
    return ROUNDS.frame(
        [
            {
                "round": number,
                "opened_because": because,
                "seeds_version": slice_hash(work.lake, recipe.name, "seed_prompts", "true", []),
                "generation": canonical_json(generation_parameters(recipe)),
            }
        ]
    )


def _refreeze(rounds: pl.DataFrame, recipe: Recipe, number: int) -> pl.DataFrame:
    if number not in rounds["round"]:
        opened = ", ".join(map(str, rounds["round"])) or "none"
        raise RecipeError(
            f"{recipe.name}: there is no round {number} to regenerate; opened so far: {opened}"
        )
    today = canonical_json(generation_parameters(recipe))
    return rounds.with_columns(
        generation=pl.when(pl.col("round") == number)
        .then(pl.lit(today))
        .otherwise(pl.col("generation"))
    )


def _accepted(work: Work) -> pl.DataFrame:
    """The prompts that models wrote and every rule kept so far."""
    return work.lake.read(
        work.recipe.name, MUTATED_PROMPTS, "method <> 'seed' AND drop_reason IS NULL"
    )
