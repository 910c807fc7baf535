"""Instructions for texts, and the scores of pairs, from the offline models."""

from __future__ import annotations

import json

from synth_assets.llm.offline.describing import score_pair, write_instruction
from synth_assets.llm.offline.recognise import Asked, recognise
from synth_assets.llm.offline.skills import Describing, Judging
from synth_assets.templates import load_template, quote
from synth_assets_tests.llm.offline.bodies import make_body, make_dice

TEXT = (
    "# Feeding a starter\n\nA sourdough starter is fed with flour and water. In a warm kitchen the "
    "starter doubles overnight; flour decides how fast a starter rises."
)
STEADY = Judging(noise=0.0, malformed=0.0, out_of_scale=0.0)


def to_describe() -> Asked:
    words = load_template("instruction_backtranslation/write").render(text=quote("text", TEXT))
    return recognise(make_body(words))


def score(instruction: str, skill: Judging = STEADY) -> str:
    words = load_template("instruction_backtranslation/score").render(
        instruction=quote("instruction", instruction), answer=quote("answer", TEXT)
    )
    return score_pair(recognise(make_body(words)), make_dice(1), skill)


def test_an_instruction_names_what_the_text_speaks_of_most() -> None:
    for draw in range(20):
        written = write_instruction(to_describe(), make_dice(draw), Describing(0, 0))
        assert "starter" in written
        assert json.loads(score(written))["score"] == 4.9


def test_an_instruction_about_something_else_scores_low() -> None:
    for draw in range(20):
        written = write_instruction(to_describe(), make_dice(draw), Describing(1, 0))
        assert json.loads(score(written))["score"] < 2


def test_a_text_that_asks_for_nothing_scores_below_the_threshold() -> None:
    for draw in range(20):
        written = write_instruction(to_describe(), make_dice(draw), Describing(0, 1))
        assert json.loads(score(written))["score"] < 4.5


def test_planted_faults_of_the_judge_are_no_scores() -> None:
    assert not score("Write.", Judging(malformed=1.0)).startswith("{")
    assert json.loads(score("Write.", Judging(malformed=0, out_of_scale=1)))["score"] in (0, 7, 10)
