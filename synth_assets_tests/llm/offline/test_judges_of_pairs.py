"""Comparisons, choices, critiques and revisions: recognised by their templates, and played."""

from __future__ import annotations

import json
import math
from statistics import mean
from typing import Any

import pytest

from synth_assets.llm.offline.answering import answer_prompt
from synth_assets.llm.offline.criticising import NO_FAULT
from synth_assets.llm.offline.recognise import recognise
from synth_assets.llm.offline.skills import MODELS, Answering
from synth_assets.llm.offline.task import Task
from synth_assets.llm.offline.teacher import complete
from synth_assets.templates import load_template, quote
from synth_assets_tests.llm.offline.bodies import make_body, make_dice, make_tasks, reply_text

TEMPLATES = {
    "pairwise/compare": "prefer",
    "critique/overall": "overall",
    "constitutional/critique": "criticise",
    "constitutional/revise": "revise",
    "constitutional/choose": "choose",
    "constitutional/choose_with_reasons": "choose",
}


def render(name: str, task: Task, *texts: str, critique: str = "") -> str:
    first, second = (*texts, texts[0])[:2]
    values = {
        "prompt": quote("prompt", task.write()),
        "reference": "",
        "principle": "Is everything in it true?",
        "completion": quote("completion", first),
        "completion_a": quote("completion A", first),
        "completion_b": quote("completion B", second),
        "critique": quote("critique", critique),
    }
    template = load_template(name)
    return template.render(**{slot: values[slot] for slot in template.slots})


def completion(task: Task, flaw: str | None = None) -> str:
    rates = Answering(**{kind: float(kind == flaw) for kind in Answering.__dataclass_fields__})
    return answer_prompt(
        recognise(make_body(task.write())), make_dice("c", task.write()), rates
    ).text


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_template_is_recognised_with_its_material(name: str):
    (task,) = make_tasks(1)
    asked = recognise(make_body(render(name, task, "a", "b")))
    assert asked.kind == TEMPLATES[name]
    assert next(b.text for b in asked.blocks if b.label.startswith("completion")) == "a"


def values(name: str, key: str, pairs: list[tuple[Task, list[str]]], **more: Any) -> list[Any]:
    """What the whole replies say under ``key``."""
    found = []
    for task, texts in pairs:
        try:
            found.append(json.loads(reply_text(make_body(render(name, task, *texts), **more)))[key])
        except (json.JSONDecodeError, KeyError, TypeError):
            continue
    return found


def test_the_right_one_is_preferred_wherever_it_stands():
    tasks = make_tasks(100)
    for texts, letter in (((None, "slip"), "A"), (("slip", None), "B")):
        pairs = [(task, [completion(task, flaw) for flaw in texts]) for task in tasks]
        verdicts = values("pairwise/compare", "verdict", pairs, model="judge")
        assert verdicts.count(letter) / len(verdicts) > 0.75
        choices = values("constitutional/choose", "choice", pairs, model="judge", temperature=0)
        assert choices.count(letter) / len(choices) > 0.9


def test_the_overall_rating_falls_with_a_wrong_answer():
    tasks = make_tasks(100)
    right = values("critique/overall", "overall", [(t, [completion(t)]) for t in tasks])
    wrong = values("critique/overall", "overall", [(t, [completion(t, "slip")]) for t in tasks])
    assert mean(v for v in right if v <= 10) > mean(v for v in wrong if v <= 10) + 1.5


def chosen(temperature: float, **more: Any) -> tuple[dict[str, Any], str]:
    (task,) = make_tasks(1)
    text = render("constitutional/choose", task, completion(task), completion(task, "slip"))
    body = make_body(text, model="careful", temperature=temperature, **more)
    choice = complete(body)["choices"][0]
    return choice, choice["message"]["content"]


def test_probabilities_of_a_choice_are_told_where_they_are_asked_for():
    assert chosen(0)[0]["logprobs"] is None
    choice, text = chosen(0, logprobs=True, top_logprobs=5)
    content = choice["logprobs"]["content"]
    assert "".join(token["token"] for token in content) == text
    (letter,) = (token for token in content if token["token"] in ("A", "B"))
    shares = {top["token"]: math.exp(top["logprob"]) for top in letter["top_logprobs"]}
    assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
    assert max(shares, key=shares.__getitem__) == letter["token"] == "A"


def test_choices_are_drawn_as_often_as_their_probability_says():
    choice, _ = chosen(0, logprobs=True, top_logprobs=5)
    (letter,) = (t for t in choice["logprobs"]["content"] if t["token"] in ("A", "B"))
    share = math.exp(letter["logprob"])
    drawn = [chosen(1.0, seed=seed)[1] for seed in range(400)]
    found = [text for text in drawn if text.startswith("{")]
    assert abs(mean('"A"' in text for text in found) - share) < 0.06


def test_a_fault_is_criticised_and_mended_and_a_sound_text_stays():
    tasks = make_tasks(80)
    mended = missed = 0
    for task in tasks:
        wrong, right = completion(task, "slip"), completion(task)
        critique = reply_text(make_body(render("constitutional/critique", task, wrong)))
        missed += critique == NO_FAULT
        revised = reply_text(
            make_body(render("constitutional/revise", task, wrong, critique=critique))
        )
        mended += revised != wrong
        kept = reply_text(
            make_body(render("constitutional/revise", task, right, critique=NO_FAULT))
        )
        assert kept == right
    assert abs(missed / 80 - MODELS["careful"].revising.missed) < 0.1
    assert mended > 0.75 * 80


def test_a_model_with_a_habit_speaks_in_its_own_words_only():
    (task,) = [t for t in make_tasks(20) if not t.demands][:1]
    habit = MODELS["partial"].habit or ""
    text = reply_text(make_body(task.write(), model="partial"))
    assert text.count(habit) == 1
    assert habit not in reply_text(make_body(task.write(), model="careful"))
