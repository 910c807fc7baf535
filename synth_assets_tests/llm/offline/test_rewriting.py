"""Rewritten prompts: each operator does what it is for, and failures come at their rates."""

from __future__ import annotations

import pytest

from synth_assets.llm.offline.comparing import ask_the_same
from synth_assets.llm.offline.recognise import REWRITE_PHRASES
from synth_assets.llm.offline.rewriting import NOTHING_BAIT, REFUSAL_BAIT, rewrite_prompt
from synth_assets.llm.offline.skills import MODELS, Rewriting
from synth_assets.llm.offline.task import parse_task, truth
from synth_assets_tests.llm.offline.bodies import (
    make_body,
    make_dice,
    make_rewrite_text,
    make_tasks,
    reply_text,
)

FAULTLESS = Rewriting(0, 0, 0, 0, 0)


def only(kind: str) -> Rewriting:
    return Rewriting(**{field: float(field == kind) for field in Rewriting.__dataclass_fields__})


@pytest.mark.parametrize("operator", REWRITE_PHRASES)
def test_a_rewrite_differs_and_its_truth_is_known(operator: str) -> None:
    for draw, task in enumerate(make_tasks(200)):
        rewritten = rewrite_prompt(task.write(), operator, make_dice(operator, draw), FAULTLESS)
        assert truth(rewritten) is not None
        assert not ask_the_same(task.write(), rewritten)


@pytest.mark.parametrize("operator", ["deepen", "add_reasoning"])
def test_deeper_prompts_ask_for_one_more_step(operator: str) -> None:
    for draw, task in enumerate(make_tasks(100)):
        parsed = parse_task(rewrite_prompt(task.write(), operator, make_dice(draw), FAULTLESS))
        assert parsed is not None
        assert parsed.problem == task.problem
        assert len(parsed.further) == 1


def test_concretised_prompts_keep_the_problem_and_gain_a_setting() -> None:
    for draw, task in enumerate(make_tasks(100)):
        parsed = parse_task(rewrite_prompt(task.write(), "concretise", make_dice(draw), FAULTLESS))
        assert parsed is not None
        assert (parsed.problem, parsed.demands) == (task.problem, task.demands)
        assert len(parsed.setting) > len(task.setting)


def test_complicated_prompts_hold_more_figures_or_words_of_input() -> None:
    for draw, task in enumerate(make_tasks(100)):
        text = task.write()
        assert len(rewrite_prompt(text, "complicate_input", make_dice(draw), FAULTLESS)) > len(text)


def test_broader_prompts_stay_in_the_family_with_another_problem() -> None:
    for draw, task in enumerate(make_tasks(100)):
        parsed = parse_task(rewrite_prompt(task.write(), "breadth", make_dice(draw), FAULTLESS))
        assert parsed is not None
        assert parsed.problem.family == task.problem.family
        assert parsed.problem != task.problem


def test_several_generations_stay_parseable() -> None:
    operators = ["deepen", "add_constraint", "complicate_input", "concretise", "add_reasoning"]
    for draw, task in enumerate(make_tasks(60)):
        text = task.write()
        for operator in operators:
            text = rewrite_prompt(text, operator, make_dice(draw, operator), FAULTLESS)
        assert truth(text) is not None


@pytest.mark.parametrize("operator", REWRITE_PHRASES)
def test_a_prompt_of_no_family_is_rewritten_all_the_same(operator: str) -> None:
    text = "Explain why the moon follows the car."
    assert rewrite_prompt(text, operator, make_dice(operator), FAULTLESS) not in ("", text)


def test_planted_failures_are_what_the_elimination_looks_for() -> None:
    text = make_tasks(1)[0].write()
    assert rewrite_prompt(text, "deepen", make_dice(1), only("unchanged")) == text
    nearly = rewrite_prompt(text, "deepen", make_dice(1), only("nearly_unchanged"))
    assert nearly != text
    assert ask_the_same(nearly, text)
    spoken = rewrite_prompt(text, "deepen", make_dice(1), only("template_words")).lower()
    assert "rewritten prompt" in spoken or "the prompt below" in spoken
    assert REFUSAL_BAIT in rewrite_prompt(text, "deepen", make_dice(1), only("refusal_bait"))
    assert NOTHING_BAIT in rewrite_prompt(text, "deepen", make_dice(1), only("nothing_bait"))


def test_baits_are_refused_and_answered_with_nothing() -> None:
    text = make_tasks(1)[0].write()
    refusal = reply_text(
        make_body(rewrite_prompt(text, "deepen", make_dice(2), only("refusal_bait")))
    )
    assert "sorry" in refusal.lower()
    assert len(refusal.split()) < 80
    nothing = rewrite_prompt(text, "deepen", make_dice(2), only("nothing_bait"))
    assert reply_text(make_body(nothing)) == "..."


@pytest.mark.parametrize("model", ["careful", "hasty"])
def test_equal_rewrites_come_at_the_declared_rate(model: str) -> None:
    rates = MODELS[model].rewriting
    equal = 0
    for draw, task in enumerate(make_tasks(400)):
        body = make_body(make_rewrite_text("deepen", task.write()), model=model, seed=draw)
        equal += ask_the_same(task.write(), reply_text(body))
    assert abs(equal / 400 - rates.unchanged - rates.nearly_unchanged) < 0.06
    assert 0.2 <= rates.unchanged + rates.nearly_unchanged <= 0.4
