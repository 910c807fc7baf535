"""Scores by a rubric: the sum by hand, and what becomes of replies that are none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from synth_assets.errors import SynthError
from synth_assets.llm.request import Request
from synth_assets.methods.rubric import Rubric, rubric_form, rubric_score, score_by_rubric
from synth_assets_tests.methods.builders import a_prompt, make_completions, make_prompts
from synth_assets_tests.methods.material import make_material
from synth_assets_tests.scripted_ask import ScriptedAsk

WEIGHTS = (5, 3, 2, -2)
CRITERIA = [{"criterion": f"Says {n}.", "weight": weight} for n, weight in enumerate(WEIGHTS)]
PARAMETERS = Rubric(writer="writer", judge="judge", least=4, most=4)
PROMPTS = make_prompts(a_prompt("Why is the sky blue?", "p0"), a_prompt("Who?", "p1"))
COMPLETIONS = make_completions(
    {"prompt_id": "p0", "text": "Because."},
    {"prompt_id": "p0", "text": "Light is scattered."},
    {"prompt_id": "p1", "text": None, "status": "failed"},
)


def grades(*met: bool) -> str:
    return json.dumps(
        {"grades": [{"number": n, "is_met": each} for n, each in enumerate(met, start=1)]}
    )


def asking(rubric: Any = None, replies: Sequence[str | None] = ()) -> ScriptedAsk:
    """A writer that always gives ``rubric``, a judge that gives its replies in turn."""
    remaining = iter(replies)
    written = json.dumps({"criteria": CRITERIA if rubric is None else rubric})

    def answer(request: Request) -> str | None:
        return written if request.model == "writer" else next(remaining)

    return ScriptedAsk(answer)


@pytest.mark.parametrize(
    ("met", "score"),
    [
        ((True, True, True, False), 1.0),
        ((True, True, True, True), 0.8),
        ((True, False, False, True), 0.3),
        ((False, False, False, False), 0.0),
        ((False, False, False, True), -0.2),
    ],
)
def test_the_score_is_what_is_met_over_what_could_be(met: tuple[bool, ...], score: float):
    assert rubric_score(WEIGHTS, met) == pytest.approx(score)


def test_a_rubric_of_pitfalls_alone_has_no_score():
    with pytest.raises(SynthError, match="positive weight"):
        rubric_score((-1, -2), (True, False))


def test_one_rubric_serves_all_completions_of_its_prompt():
    ask = asking(replies=[grades(True, True, True, False), grades(False, True, False, False)])
    rows = score_by_rubric(make_material(PROMPTS, COMPLETIONS, ask), PARAMETERS).rows
    found = {row["completion_id"]: row for row in rows.iter_rows(named=True)}
    assert {id: row["rating"] for id, row in found.items()} == {"c0": 1.0, "c1": pytest.approx(0.3)}
    assert found["c1"]["met"] == [False, True, False, False]
    assert [each["weight"] for each in found["c0"]["rubric"]] == list(WEIGHTS)
    assert found["c0"]["rubric_id"] == found["c1"]["rubric_id"]
    assert [request.model for request in ask.requests] == ["writer", "judge", "judge"]


@pytest.mark.parametrize(
    "reply",
    [
        grades(True, True, True),
        grades(True, True, True, False, True),
        json.dumps({"grades": [{"number": 1, "is_met": True}] * 4}),
        "All are met.",
    ],
)
def test_grades_that_are_not_one_a_criterion_are_no_score(reply: str):
    completions = COMPLETIONS.head(1)
    ask = asking(replies=[reply, reply])
    (row,) = score_by_rubric(make_material(PROMPTS, completions, ask), PARAMETERS).rows.to_dicts()
    assert (row["rating"], row["status"], row["met"]) == (None, "unparsed", None)


def test_a_judge_that_fails_is_no_score():
    ask = asking(replies=[None])
    material = make_material(PROMPTS, COMPLETIONS.head(1), ask)
    (row,) = score_by_rubric(material, PARAMETERS).rows.to_dicts()
    assert (row["rating"], row["status"]) == (None, "failed")


@pytest.mark.parametrize(
    "rubric",
    [CRITERIA[:3], [*CRITERIA, CRITERIA[0]], [{"criterion": "x", "weight": 7}] * 4],
)
def test_a_prompt_without_a_valid_rubric_is_not_graded(rubric: list[dict[str, Any]]):
    ask = asking(rubric=rubric)
    rows = score_by_rubric(make_material(PROMPTS, COMPLETIONS, ask), PARAMETERS).rows
    assert rows["status"].to_list() == ["no_rubric", "no_rubric"]
    assert rows["rating"].null_count() == 2
    assert {request.model for request in ask.requests} == {"writer"}
    assert len(ask.requests) == 2  # asked, and asked once more with what was wrong


@pytest.mark.parametrize("weight", [0, 6, -3])
def test_weights_have_a_scale(weight: int):
    with pytest.raises(ValidationError, match="from 1 to 5"):
        rubric_form(1, 2).model_validate({"criteria": [{"criterion": "x", "weight": weight}]})


def test_a_rubric_without_a_positive_weight_is_none():
    with pytest.raises(ValidationError, match="at least one"):
        rubric_form(1, 2).model_validate({"criteria": [{"criterion": "x", "weight": -1}]})
