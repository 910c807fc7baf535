"""Stages of the fourth group: completions → verifications and ratings → one table of judgments."""

from __future__ import annotations

from synth_assets.methods import judgments, structured_reply, ultrafeedback, verification
from synth_assets.recipe import Recipe, UltraFeedback, Verification, model_identity
from synth_assets.schemas import (
    COMPLETIONS,
    JUDGMENTS,
    MUTATED_PROMPTS,
    RATINGS,
    VERIFICATIONS,
)
from synth_assets.stages.row_checks import (
    failed_replies_are_few,
    ids_are_unique,
    parents_exist,
    replies_are_parsed,
    values_are_known,
)
from synth_assets.stages.stage import Input, Made, Stage
from synth_assets.stages.workshop import Work
from synth_assets.templates import Template, load_template, load_template_file

GROUP = "4_judgments"
JUDGED = (Input("mutated_prompts", "own"), Input("completions", "own"))
COMPLETION_EXISTS = parents_exist("completion_id", ("completions", "completion_id"))


def verifications_stage(parameters: Verification) -> Stage:
    return Stage(
        table=VERIFICATIONS,
        group=GROUP,
        inputs=JUDGED,
        parameters=lambda *_: {"verification": parameters.model_dump(mode="json")},
        code=(verification,),
        unit="prompt_id",
        make=lambda work: Made(
            verification.verify_completions(
                work.read(COMPLETIONS), work.read(MUTATED_PROMPTS), parameters=parameters
            )
        ),
        checks=(
            ids_are_unique("completion_id"),
            COMPLETION_EXISTS,
            values_are_known("status", "verified", "refuted", "unparsed", "no_reference"),
        ),
    )


def ratings_stage(parameters: UltraFeedback) -> Stage:
    return Stage(
        table=RATINGS,
        group=GROUP,
        inputs=JUDGED,
        parameters=lambda recipe, _: {
            "ultrafeedback": parameters.model_dump(mode="json", exclude={"templates"}),
            "models": model_identity(recipe, parameters.judge),
            "templates": {c: t.hash for c, t in templates_of(recipe, parameters).items()},
        },
        code=(ultrafeedback, structured_reply),
        unit="prompt_id",
        make=lambda work: _make_ratings(work, parameters),
        checks=(
            ids_are_unique("judgment_id"),
            COMPLETION_EXISTS,
            failed_replies_are_few(),
            replies_are_parsed(),
        ),
        asks=True,
        parents=lambda rows: rows.select("judgment_id", "completion_id"),
    )


def judgments_stage() -> Stage:
    return Stage(
        table=JUDGMENTS,
        group=GROUP,
        inputs=(Input("ratings", "own"), Input("verifications", "own")),
        parameters=lambda *_: {},
        code=(judgments,),
        unit="prompt_id",
        make=lambda work: Made(
            judgments.combine_judgments(work.read(RATINGS), work.read(VERIFICATIONS))
        ),
        checks=(ids_are_unique("judgment_id"), COMPLETION_EXISTS),
    )


def templates_of(recipe: Recipe, parameters: UltraFeedback) -> dict[str, Template]:
    """Criterion → its template: a person's own file where the recipe names one."""
    return {
        criterion: load_template_file(recipe.resolve(parameters.templates[criterion]))
        if criterion in parameters.templates
        else load_template(f"ultrafeedback/{criterion}")
        for criterion in parameters.criteria
    }


def _make_ratings(work: Work, parameters: UltraFeedback) -> Made:
    result = ultrafeedback.rate_completions(
        work.read(MUTATED_PROMPTS),
        work.read(COMPLETIONS),
        parameters=parameters,
        templates=templates_of(work.recipe, parameters),
        ask=work.ask,
    )
    return Made(result.rows, result.shown_with, None, result.notes)
