"""What a method requires of the rest of its recipe is told when the recipe loads, by field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synth_assets.errors import RecipeError
from synth_assets.method import all_methods
from synth_assets_tests.recipes import merged, write_recipe

RAW = {"model": "openai_compatible/base", "base_url": "http://127.0.0.1:1/v1", "api": "completions"}
PREFIX = "<|im_start|>user\n"
PROBES = {"behaviour": "It rhymes.", "pattern": "rhyme"}
SCORER = {"keep": 0.5, "scorer": "openai_compatible", "endpoint": "teacher"}

LACKS: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "deita": (
        {"filters": {"deita": {}}},
        "filters.deita: it reads deita_scores, which the recipe does not make; add judgments: "
        "{deita_scores: {…}}",
        {"judgments": {"deita_scores": {"judge": "judge"}}},
    ),
    "shows_behaviour without probes": (
        {"filters": {"shows_behaviour": {}}},
        "filters.shows_behaviour: it reads behaviour_probes, which the recipe does not make; add "
        "judgments: {behaviour_probes: {…}}",
        {"judgments": {"behaviour_probes": PROBES}},
    ),
    "shows_behaviour of what nobody judged": (
        {
            "filters": {"shows_behaviour": {}},
            "judgments": {"behaviour_probes": {**PROBES, "of": "held_out"}},
            "datasets": {"test_share": 0.2},
        },
        "filters.shows_behaviour: judgments.behaviour_probes.of = 'held_out': nothing of the",
        {"judgments": {"behaviour_probes": {"of": "all"}}},
    ),
    "constraint_relaxation": (
        {"pairs": {"constraint_relaxation": {}}},
        "pairs.constraint_relaxation: it reads relaxed_completions, which the recipe does not "
        "make; add completions: {relaxed_constraints: {…}}",
        {"completions": {"relaxed_constraints": {"rewriter": "judge", "teacher": "teacher"}}},
    ),
    "constraint_relaxation by a model that answers nothing": (
        {
            "pairs": {"constraint_relaxation": {"chosen_by": ["teacher", "judge"]}},
            "completions": {"relaxed_constraints": {"rewriter": "teacher", "teacher": "teacher"}},
        },
        "pairs.constraint_relaxation.chosen_by[1] = 'judge': this model answers nothing in this",
        {"completions": {"teachers": ["teacher", "judge"]}},
    ),
    "delta": (
        {"pairs": {"delta": {"larger": "teacher", "smaller": "judge"}}},
        "pairs.delta.smaller = 'judge': is no teacher of this recipe; Teachers are: teacher. Add "
        "it to completions.teachers",
        {"completions": {"teachers": ["teacher", "judge"]}},
    ),
    "delta of a model whose answers are made to lose": (
        {
            "pairs": {"delta": {"larger": "teacher", "smaller": "judge"}},
            "completions": {"untaught": {"models": ["judge"], "prompts": "all"}},
        },
        "pairs.delta.smaller = 'judge': is no teacher of this recipe; Teachers are: teacher. Add ",
        {"completions": {"teachers": ["teacher", "judge"]}},
    ),
    "delta of teachers that never answer the same prompt": (
        {
            "pairs": {"delta": {"larger": "teacher", "smaller": "judge"}},
            "completions": {"teachers": ["teacher", "judge"], "pool": 1},
        },
        "pairs.delta: completions.pool = 1: no prompt would be answered by both models; raise it ",
        {"completions": {"pool": 2}},
    ),
    "magpie through chat": (
        {"prompts": {"magpie": {"teacher": "teacher", "per_round": 2}}},
        "prompts.magpie.teacher = 'teacher': is scripted/teacher through a chat API, which puts",
        {"models": {"teacher": {**RAW, "template_prefix": PREFIX}}},
    ),
    "magpie without a template": (
        {
            "prompts": {"magpie": {"teacher": "teacher", "per_round": 2}},
            "models": {"teacher": RAW},
        },
        "prompts.magpie.teacher = 'teacher': has no template_prefix; write its chat template up",
        {"models": {"teacher": {"template_prefix": PREFIX}}},
    ),
    "superfiltering": (
        {"filters": {"superfiltering": SCORER}},
        "filters.superfiltering.endpoint = 'teacher': is scripted/teacher asked through chat, ",
        {"models": {"teacher": RAW}},
    ),
    "superfiltering by an offline model": (
        {
            "filters": {"superfiltering": SCORER},
            "models": {"teacher": {"model": "offline/careful", "api": "completions"}},
        },
        "filters.superfiltering.endpoint = 'teacher': is offline/careful simulated, ",
        {"models": {"teacher": RAW}},
    ),
    "rejection_sampling": (
        {"filters": {"rejection_sampling": {"score": "rubrik"}}, "judgments": None},
        "filters.rejection_sampling.score = 'rubrik': nothing in this recipe gives this score; "
        "Given are: none. Add what gives it under judgments or filters",
        {
            "filters": {"rejection_sampling": {"score": "rubric"}},
            "judgments": {"rubric": {"writer": "judge", "judge": "judge"}},
        },
    ),
    "self_instruct": (
        {"prompts": {"self_instruct": {"may_need_input": True}}},
        "prompts.self_instruct.may_need_input = true: nothing writes the inputs; add prompts: "
        "{self_instruct_instances: {…}}",
        {"prompts": {"self_instruct_instances": {"teacher": "teacher"}}},
    ),
    "instruction_backtranslation": (
        {
            "prompts": {
                "instruction_backtranslation": {
                    "teacher": "teacher",
                    "judge": "judge",
                    "per_round": 2,
                }
            }
        },
        "prompts.instruction_backtranslation: there are no texts to write for; name a person's own "
        "under seeds.source_texts",
        {"seeds": {"source_texts": ["essay.txt"]}},
    ),
    "constraints": (
        {
            "filters": {"constraints": {}},
            "prompts": {"personas": {"teacher": "teacher", "per_round": 2, "skills": ["coding"]}},
        },
        "filters.constraints: prompts.personas.skills = ['coding']: only prompts of instruction_",
        {"prompts": {"personas": {"skills": ["instruction_following"]}}},
    ),
    "untaught": (
        {"completions": {"untaught": {"models": ["judge"]}}},
        "completions.untaught.prompts = 'test': datasets.test_share is 0, so no prompt is held out",
        {"completions": {"untaught": {"prompts": "all"}}},
    ),
    "behaviour_probes": (
        {"judgments": {"behaviour_probes": {**PROBES, "of": "held_out"}}},
        "judgments.behaviour_probes.of = 'held_out': datasets.test_share is 0, so no prompt is",
        {"datasets": {"test_share": 0.1}},
    ),
    "majority_vote": (
        {"filters": {"majority_vote": {"least_voters": 4}}},
        "filters.majority_vote.least_voters = 4: a prompt has 3 answers at most, so none would",
        {"completions": {"per_prompt": 3}},
    ),
}
"""Parts of a recipe, what is said of them, and the parts that give what lacks."""


@pytest.mark.parametrize("name", LACKS)
def test_what_lacks_is_told_with_its_field_and_remedy_and_nothing_else_is(
    tmp_path: Path, name: str
) -> None:
    parts, expected, remedy = LACKS[name]
    with pytest.raises(RecipeError) as caught:
        write_recipe(tmp_path, **parts)
    (said,) = str(caught.value).splitlines()
    place, _, problem = said.partition(": ")
    assert place.startswith(f"{tmp_path / 'tiny.yaml'}, line ")
    assert problem.startswith(expected)
    write_recipe(tmp_path, **merged(parts, remedy))


def test_every_method_that_requires_something_stands_here() -> None:
    requiring = {each.name for each in all_methods().values() if each.requires}
    assert requiring <= {name.split(" ")[0] for name in LACKS}


def test_a_misspelt_model_is_told_once(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        write_recipe(
            tmp_path,
            pairs={"delta": {"larger": "teacher", "smaller": "judg"}},
            prompts={"magpie": {"teacher": "techer", "per_round": 1}},
        )
    assert str(caught.value).count("no model has this name") == 2
    assert len(str(caught.value).splitlines()) == 2
