"""How many calls a method will make, as the engine knows it before the first is answered; of
several steps, how many at most."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from synth_assets.llm.call_stats import CallStats
from synth_assets.llm.request import Ask, Reply, Request
from synth_assets.llm.transports.scripted import Scripted
from synth_assets.method import Material
from synth_assets.methods.completions import Completions, complete_prompts, completion_request
from synth_assets.methods.constitutional import Constitutional, revise_completions
from synth_assets.methods.pairwise import Pairwise, compare_completions
from synth_assets.methods.rating_reply import Criterion
from synth_assets.methods.ultrafeedback import UltraFeedback, default_templates, rate_completions
from synth_assets.recipe import Recipe
from synth_assets.recipe_model import Model
from synth_assets.templates import load_template
from synth_assets_tests.llm.making import make_engine
from synth_assets_tests.methods.builders import a_prompt, make_completions, make_prompts

TEACHERS = ("one", "two", "three")
MODELS = {name: Model(model=f"scripted/{name}") for name in TEACHERS}
CRITERIA = get_args(Criterion)
PROMPTS = make_prompts(
    *(a_prompt(f"{name}?", name) for name in ("a", "b", "c")), a_prompt("-", "d", drop_reason="x")
)
COMPLETIONS = make_completions(
    {"prompt_id": "a", "text": "first"},
    {"prompt_id": "a", "text": "second"},
    {"prompt_id": "a", "text": "third"},
    {"prompt_id": "b", "text": "first"},
    {"prompt_id": "b", "text": None, "status": "failed"},
    {"prompt_id": "of another round", "text": "first"},
)


def asking(
    home: Path,
    answer: Callable[[Request], str],
    work: Callable[[Ask], Any],
    watch: Callable[[CallStats], None] = lambda stats: None,
) -> tuple[list[int | None], CallStats]:
    """The total that the engine knew of at each reply, and its last word."""
    told: list[int | None] = []
    recipe = Recipe.model_validate(
        {
            "name": "trial",
            "seeds": {"prompts": ["seeds.jsonl"]},
            "models": {name: {"model": model.model} for name, model in MODELS.items()},
            "completions": {"teachers": list(TEACHERS)},
        }
    )
    transports = dict.fromkeys(TEACHERS, Scripted(answer))
    with make_engine(home, recipe=recipe, transports=transports) as engine:

        def ask(requests: Iterable[Request]) -> Iterator[Reply]:
            for reply in engine.ask(requests):
                told.append(engine.stats.total)
                watch(engine.stats)
                yield reply

        work(ask)
    return told, engine.stats


@pytest.mark.parametrize(("pool", "calls"), [(None, 18), (2, 12)])
def test_completions_are_counted_by_prompt_teacher_and_draw(
    tmp_path: Path, pool: int | None, calls: int
):
    parameters = Completions(teachers=TEACHERS, per_prompt=2, pool=pool)
    told, stats = asking(
        tmp_path,
        lambda request: "An answer.",
        lambda ask: complete_prompts(
            PROMPTS, parameters=parameters, models=MODELS, student=None, ask=ask
        ),
    )
    assert told == [calls] * calls, "three kept prompts, two draws of each teacher that answers"
    assert stats.total == stats.answered == stats.asked == calls


def rate(ask: Ask) -> None:
    rate_completions(
        PROMPTS,
        COMPLETIONS,
        parameters=UltraFeedback(judge="one"),
        templates=default_templates(CRITERIA),
        ask=ask,
    )


def ratings(request: Request) -> str:
    shown = request.messages[0]["content"].count("[end of completion ")
    return json.dumps({"ratings": [{"rating": 3, "rationale": "So."}] * shown})


def test_ratings_are_counted_by_prompt_with_a_text_and_criterion(tmp_path: Path):
    told, stats = asking(tmp_path, ratings, rate)
    assert told == [8] * 8, "two prompts, four criteria"
    assert stats.total == stats.answered == 8


def test_corrections_add_to_the_total_once_they_are_asked_for(tmp_path: Path):
    def wrong_of_one_text(request: Request) -> str:
        is_first = len(request.messages) == 1
        is_short = request.messages[0]["content"].count("[end of completion ") == 1
        return "?" if is_first and is_short else ratings(request)

    told, stats = asking(tmp_path, wrong_of_one_text, rate)
    assert told == [8] * 8 + [12] * 4, "four sheets hold one text, and each is corrected once"
    assert stats.total == stats.answered == 12


def test_verdicts_are_counted_by_pair_order_and_judge(tmp_path: Path):
    told, stats = asking(
        tmp_path,
        lambda request: '{"verdict": "tie", "rationale": "Alike."}',
        lambda ask: compare_completions(
            PROMPTS,
            COMPLETIONS,
            parameters=Pairwise(judges=("one", "two", "three"), pairs_per_prompt=2),
            template=load_template("pairwise/compare"),
            models=MODELS,
            ask=ask,
        ),
    )
    assert told[0] == 12, "two of the three pairs of one prompt, two orders, three judges"
    assert stats.total == stats.answered


@pytest.mark.parametrize("fails", ["", "c?"])
def test_the_steps_to_come_are_told_with_the_first(tmp_path: Path, fails: str):
    """Three prompts, each with a first answer and twice a critique and a revision."""
    in_all: list[tuple[int | None, bool]] = []

    def revise(ask: Ask) -> None:
        parameters = Completions(teachers=("one",))
        material = Material(
            round=1,
            frames={"mutated_prompts": PROMPTS},
            ask=ask,
            models=MODELS,
            completions=parameters,
            first_completion=lambda prompt_id, messages: completion_request(
                prompt_id, messages, teacher="one", sample_index=0, parameters=parameters
            ),
        )
        revise_completions(material, Constitutional(teacher="one", revisions=2))

    def answer(request: Request) -> str:
        return "" if fails and request.messages[-1]["content"] == fails else "An answer."

    told, stats = asking(
        tmp_path,
        answer,
        revise,
        watch=lambda stats: in_all.append((stats.in_all, stats.may_be_fewer)),
    )
    assert told[0] == 3
    assert {number for number, _ in in_all} == {15}, "it neither falls nor grows"
    assert in_all[0] == (15, True)
    assert stats.total == stats.answered == (11 if fails else 15)
    assert (stats.in_all, stats.may_be_fewer) == (stats.total, False), "at the end it is known"
