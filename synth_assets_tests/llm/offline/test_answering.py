"""Answers: right but for declared flaws, in the form that prompt and system text ask for."""

from __future__ import annotations

from collections import Counter

import pytest

from synth_assets.llm.offline.answering import Answer, answer_prompt, wrong_answer
from synth_assets.llm.offline.draft import final_answer
from synth_assets.llm.offline.judging import same_answer
from synth_assets.llm.offline.problem import AnswerKind
from synth_assets.llm.offline.recognise import recognise
from synth_assets.llm.offline.skills import MODELS, Answering
from synth_assets.llm.offline.task import Task
from synth_assets.llm.offline.teacher import complete
from synth_assets.templates import load_template
from synth_assets_tests.llm.offline.bodies import make_body, make_dice, make_tasks, reply_text

FAULTLESS = Answering(0, 0, 0, 0, 0, 0)


def only(kind: str) -> Answering:
    return Answering(**{field: float(field == kind) for field in Answering.__dataclass_fields__})


def answer(task: Task, rates: Answering, draw: int = 0) -> Answer:
    return answer_prompt(recognise(make_body(task.write())), make_dice("a", draw), rates)


def right(task: Task) -> str:
    work = task.solve()
    assert work is not None
    return work.answer


def test_a_faultless_answer_is_right_and_keeps_the_constraints() -> None:
    for draw, task in enumerate(make_tasks(400)):
        text = answer(task, FAULTLESS, draw).text
        assert final_answer(text) == right(task)
        assert all(demand.is_kept(text) for demand in task.demands), text


def test_a_slip_gives_another_answer_and_says_so_in_its_last_step() -> None:
    for draw, task in enumerate(make_tasks(400)):
        found = final_answer(answer(task, only("slip"), draw).text)
        assert found is not None
        assert not same_answer(found, right(task))


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        ("7", "number"),
        ("7/22", "number"),
        ("1.5", "number"),
        ("Monday", "text"),
        ("fig, pear", "text"),
        ("a, a, b", "text"),
        ("aa", "text"),
        ("19:45", "text"),
        ("2024-02-29", "text"),
        ("none", "text"),
    ],
)
def test_a_wrong_answer_is_never_the_right_one(found: str, kind: AnswerKind) -> None:
    for draw in range(50):
        assert not same_answer(wrong_answer(found, kind, make_dice(draw)), found)


def test_each_flaw_shows() -> None:
    plain, bound = (
        next(t for t in make_tasks(50) if not t.demands),
        [t for t in make_tasks(200) if t.demands],
    )
    assert "sorry" in answer(plain, only("refusal")).text.lower()
    assert len(answer(plain, only("rambling")).text.split()) > 170
    assert len(answer(plain, only("nothing")).text.split()) < 6
    cut = answer(plain, only("cut_off"))
    assert cut.is_cut
    assert answer(plain, FAULTLESS).text.startswith(cut.text)
    for draw, task in enumerate(bound):
        text = answer(task, only("ignored_constraint"), draw).text
        assert not all(demand.is_kept(text) for demand in task.demands)
        assert final_answer(text) == right(task)


@pytest.mark.parametrize("model", ["careful", "hasty", "terse", "rambling"])
def test_flaws_come_at_their_declared_rates(model: str) -> None:
    rates, draws = MODELS[model].answering, 2000
    tasks = [task for task in make_tasks(1200) if task.demands][:200]
    found = Counter(answer(tasks[n % 200], rates, n).flaw for n in range(draws))
    for kind in Answering.__dataclass_fields__:
        assert abs(found[kind] / draws - getattr(rates, kind)) < 0.035


def test_the_hasty_model_is_clearly_worse_than_the_careful_one() -> None:
    good = Counter()
    for draw, task in enumerate(make_tasks(400)):
        for model in ("careful", "hasty"):
            text = reply_text(make_body(task.write(), model=model, seed=draw))
            is_kept = all(demand.is_kept(text) for demand in task.demands)
            good[model] += is_kept and final_answer(text) == right(task)
    assert good["careful"] / 400 > 0.9
    assert 0.6 < good["hasty"] / 400 < 0.8


def test_each_principle_shows_in_the_completion() -> None:
    task = next(t for t in make_tasks(50) if not t.demands)
    signs = {
        "helpfulness": "In short:",
        "honesty": "worked this out by hand",
        "truthfulness": "comes from the question itself",
        "verbalised_calibration": "sure of",
    }
    for principle, sign in signs.items():
        body = make_body(task.write(), system=load_template(f"completions/{principle}").render())
        found = answer_prompt(recognise(body), make_dice(3), FAULTLESS).text
        assert sign in found or "certain of" in found
        assert sign not in answer(task, FAULTLESS, 3).text


def test_a_reply_longer_than_max_tokens_is_cut_there() -> None:
    choice = complete(make_body(make_tasks(1)[0].write(), max_tokens=5))["choices"][0]
    assert choice["finish_reason"] == "length"
    assert len(choice["message"]["content"]) == 20


def test_a_general_prompt_gets_a_plain_answer_without_a_box() -> None:
    text = answer_prompt(
        recognise(make_body("Why do bakeries smell so good?")), make_dice(1), FAULTLESS
    ).text
    assert "bakeries" in text
    assert final_answer(text) is None
