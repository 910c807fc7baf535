"""Rubrics, grades, scores, relaxed prompts and behaviours of the offline models, through the very
requests that the methods send."""

from __future__ import annotations

import json
from dataclasses import replace
from statistics import mean
from typing import Any

import polars as pl
import pytest

from synth_assets.llm.offline.behaviours import lacks_data
from synth_assets.llm.offline.constraints import draw_demand
from synth_assets.llm.offline.task import Task, parse_task
from synth_assets.llm.offline.teacher import complete
from synth_assets.llm.request import Request
from synth_assets.methods.behaviour_probes import BehaviourProbes, look_for_behaviour
from synth_assets.methods.deita_scores import DeitaScores, score_prompts
from synth_assets.methods.relaxed_constraints import RelaxedConstraints, answer_relaxed
from synth_assets.methods.rubric import Rubric, score_by_rubric
from synth_assets_tests.llm.offline.bodies import make_dice, make_tasks
from synth_assets_tests.methods.builders import a_prompt, make_completions, make_prompts
from synth_assets_tests.methods.material import make_material
from synth_assets_tests.scripted_ask import ScriptedAsk

SUMMARY = 'End every answer with a line that begins with "In short:" and says the result.'
ASKING = "Where a figure is not given, ask for what is missing before you answer."


def offline(request: Request) -> str:
    """The offline model `careful`, whatever name the recipe gives it."""
    body: dict[str, Any] = {
        "model": "careful",
        "messages": [dict(message) for message in request.messages],
        "seed": request.sample_index,
        **request.sampling,
    }
    return complete(body)["choices"][0]["message"]["content"]


def answered(count: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Prompts of the offline families, each with the right answer (c0, c2 …) and a wrong one."""
    tasks = make_tasks(count)
    prompts = make_prompts(*(a_prompt(t.write(), f"p{n:03}") for n, t in enumerate(tasks)))
    rows = []
    for number, task in enumerate(tasks):
        work = task.solve()
        assert work is not None
        for answer in (work.answer, f"{work.answer}9"):
            text = (
                f"Going through the figures one after another. The answer is \\boxed{{{answer}}}."
            )
            rows.append({"prompt_id": f"p{number:03}", "text": text})
    return prompts, make_completions(*rows)


def by_rightness(rows: pl.DataFrame) -> tuple[float, float]:
    """Mean rating of the right answers and of the wrong ones, of those that have one."""
    rated = rows.filter(pl.col("rating").is_not_null())
    even = pl.col("completion_id").str.strip_prefix("c").cast(pl.Int32) % 2 == 0
    right, wrong = rated.filter(even)["rating"], rated.filter(~even)["rating"]
    assert right.len() and wrong.len()
    return mean(right), mean(wrong)


def test_a_rubric_tells_right_from_wrong():
    material = make_material(*answered(40), ScriptedAsk(offline))
    result = score_by_rubric(material, Rubric(writer="writer", judge="judge"))
    right, wrong = by_rightness(result.rows)
    assert right > wrong + 0.2
    written = result.rows.filter(pl.col("status") == "ok")["rubric"]
    assert all(7 <= len(rubric) <= 20 for rubric in written)
    assert written.len() > 0.8 * result.rows.height


def test_a_judge_scores_right_answers_above_wrong_ones():
    material = make_material(*answered(40), ScriptedAsk(offline))
    rows = score_prompts(material, DeitaScores(judge="judge")).rows
    right, wrong = by_rightness(rows.filter(pl.col("criterion") == "quality"))
    assert right > wrong + 1
    assert rows["rating"].drop_nulls().is_between(1, 6).all()


def with_two_demands(task: Task, number: int) -> Task:
    first = draw_demand(make_dice("first", number))
    assert first is not None
    second = draw_demand(make_dice("second", number), [first])
    assert second is not None
    return replace(task, demands=(first, second))


def test_a_constraint_is_taken_away_and_the_others_stay():
    tasks = [with_two_demands(task, number) for number, task in enumerate(make_tasks(20))]
    prompts = make_prompts(*(a_prompt(t.write(), f"p{n}") for n, t in enumerate(tasks)))
    material = make_material(prompts, make_completions(), ScriptedAsk(offline))
    rows = answer_relaxed(material, RelaxedConstraints(rewriter="writer", teacher="large")).rows
    assert rows.height > 10
    for row in rows.iter_rows(named=True):
        before, after = tasks[int(row["prompt_id"][1:])], parse_task(row["relaxed_prompt"])
        assert after is not None and len(after.demands) == len(before.demands) - 1
        assert row["relaxed_constraint"] in {d.write() for d in before.demands}
        assert row["relaxed_constraint"] not in {d.write() for d in after.demands}


def replies(system: str | None, prompts: list[str]) -> list[str]:
    messages = [] if system is None else [{"role": "system", "content": system}]
    return [
        offline(Request("m", (*messages, {"role": "user", "content": text}))) for text in prompts
    ]


def test_a_summary_stands_at_the_end_where_the_system_text_asks_for_it():
    prompts = [task.write() for task in make_tasks(60)]
    told, untold = replies(SUMMARY, prompts), replies(None, prompts)
    shown = [text.rpartition("\n")[2].startswith("In short: ") for text in told]
    assert 0.8 < mean(shown) < 1  # now and then it is forgotten: the filter has something to find
    assert not any("In short: " in text for text in untold)


def test_what_is_missing_is_asked_for():
    without = "Some friends share a bill of 84 euros. How much does each pay?"
    assert lacks_data(without)
    assert not lacks_data("Four friends share a bill of 84 euros. How much does each pay?")
    (told,), (untold,) = replies(ASKING, [without]), replies(None, [without])
    assert "How many are meant?" in told and "How many are meant?" not in untold


def test_a_system_text_without_a_behaviour_changes_no_draw():
    prompts = [task.write() for task in make_tasks(20)]
    principle = "Answer honestly: say what you do not know."
    assert replies(principle, prompts) == replies(principle, prompts)
    assert not any("In short:" in text.rpartition("\n")[2] for text in replies("Hi.", prompts))


@pytest.mark.parametrize("behaviour", [SUMMARY, "It ends every answer with a line. Nothing more."])
def test_a_judge_knows_the_behaviours_of_the_offline_models(behaviour: str):
    prompts = make_prompts(*(a_prompt(f"What is {n} + {n}?", f"p{n}") for n in range(30)))
    completions = make_completions(
        *({"prompt_id": f"p{n}", "text": f"{2 * n}.\nIn short: {2 * n}."} for n in range(30))
    )
    material = make_material(prompts, completions, ScriptedAsk(offline))
    rows = look_for_behaviour(material, BehaviourProbes(behaviour=behaviour, judge="judge")).rows
    share = rows["rating"].drop_nulls().mean()
    assert isinstance(share, float)
    assert share > 0.8 if behaviour == SUMMARY else share < 0.2


def test_tags_are_of_the_asked_form():
    from synth_assets.methods.magpie import Tags
    from synth_assets.templates import load_template, quote

    text = load_template("magpie/tag").render(prompt=quote("prompt", make_tasks(1)[0].write()))
    found = offline(Request("judge", ({"role": "user", "content": text},), {"temperature": 0.0}))
    assert Tags.model_validate(json.loads(found)).quality == "good"
