"""Whether completions show a behaviour, told and untold, and what the filter makes of it."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from synth_assets.llm.request import Request
from synth_assets.methods.behaviour_probes import (
    SCHEMA,
    BehaviourProbes,
    look_for_behaviour,
)
from synth_assets.methods.shows_behaviour import ShowsBehaviour, drop_without_behaviour
from synth_assets.methods.untaught import Untaught, answer_untaught
from synth_assets_tests.methods.builders import a_prompt, make_completions, make_prompts, turn
from synth_assets_tests.methods.material import make_material
from synth_assets_tests.scripted_ask import Answer, ScriptedAsk

PROMPTS = make_prompts(
    a_prompt("Why?", "held", split="test"),
    a_prompt("Who?", "train"),
    a_prompt("How?", "gone", drop_reason="too_short"),
)
TOLD = {"system_text": "End with a line that begins with In short:", "teacher": "large"}
COMPLETIONS = make_completions(
    {"prompt_id": "held", "text": "So.\nIn short: so.", **TOLD},
    {"prompt_id": "held", "text": "In short: so.\nAnd more.", **TOLD},
    {"prompt_id": "held", "text": "So.", "teacher": "small", "is_for_pairs_only": True},
    {"prompt_id": "train", "text": "He.\nIn short: he.", **TOLD},
    {"prompt_id": "train", "text": "She.", **TOLD},
    {"prompt_id": "train", "text": None, "status": "failed", **TOLD},
    {"prompt_id": "gone", "text": "In short: so.", **TOLD},
)
PATTERN = BehaviourProbes(behaviour="Ends with a summary.", pattern=r"^In short: .+\Z")


def test_a_pattern_finds_the_behaviour():
    rows = look_for_behaviour(make_material(PROMPTS, COMPLETIONS), PATTERN).rows
    found = dict(rows.select("completion_id", "rating").iter_rows())
    assert found == {"c0": 1.0, "c1": 0.0, "c2": 0.0, "c3": 1.0, "c4": 0.0}
    assert set(rows["status"]) == {"ok"}


def test_shares_are_told_of_held_out_prompts_by_model_told_and_untold():
    notes = look_for_behaviour(make_material(PROMPTS, COMPLETIONS), PATTERN).notes
    assert notes == {"shown_told_large": 0.5, "shown_untold_small": 0.0}


def test_held_out_prompts_alone_are_looked_at_where_the_recipe_says():
    parameters = PATTERN.model_copy(update={"of": "held_out"})
    rows = look_for_behaviour(make_material(PROMPTS, COMPLETIONS), parameters).rows
    assert set(rows["completion_id"]) == {"c0", "c1", "c2"}


def judging(answer: Answer) -> ScriptedAsk:
    return ScriptedAsk(lambda request: answer)


JUDGED = BehaviourProbes(behaviour="Ends with a summary.", judge="judge")


def test_a_judge_is_told_the_behaviour_and_shown_the_answer():
    def answer(request: Request) -> str:
        text = request.messages[0]["content"]
        assert "Ends with a summary." in text and "Why?" in text
        return json.dumps({"shows": "In short" in text, "reason": "Seen."})

    material = make_material(PROMPTS, COMPLETIONS.head(3), ScriptedAsk(answer))
    rows = look_for_behaviour(material, JUDGED).rows
    assert rows["rating"].to_list() == [1.0, 1.0, 0.0]
    assert set(rows["rationale"]) == {"Seen."} and rows["call_id"].null_count() == 0


@pytest.mark.parametrize(("answer", "status"), [("Yes.", "unparsed"), (None, "failed")])
def test_a_verdict_that_is_none_is_neither_one_nor_zero(answer: Answer, status: str):
    material = make_material(PROMPTS, COMPLETIONS.head(1), judging(answer))
    result = look_for_behaviour(material, JUDGED)
    (row,) = result.rows.to_dicts()
    assert (row["rating"], row["status"]) == (None, status)
    assert "shown_told_large" not in result.notes  # a share of nothing is no share


def test_the_filter_drops_what_lacks_the_behaviour_or_nobody_judged():
    probes = look_for_behaviour(make_material(PROMPTS, COMPLETIONS), PATTERN).rows
    known = probes.filter(probes["completion_id"] != "c3")
    material = make_material(PROMPTS, COMPLETIONS, frames={SCHEMA.name: known})
    rows = drop_without_behaviour(material, ShowsBehaviour()).rows
    assert dict(rows.select("completion_id", "drop_reason").iter_rows()) == {
        "c0": None,
        "c1": "behaviour_missing",
        "c3": "behaviour_unknown",
        "c4": "behaviour_missing",
    }


def test_untaught_answers_are_asked_without_the_recipe_s_system_text():
    ask = ScriptedAsk(lambda request: "So.")
    material = make_material(
        PROMPTS, make_completions(), ask, system_text="Sum up.", student="small"
    )
    rows = answer_untaught(material, Untaught(models=("large", "small"))).rows
    assert [list(request.messages) for request in ask.requests] == [[turn("user", "Why?")]] * 2
    assert rows.select("teacher", "prompt_id", "system_text").rows() == [
        ("large", "held", None),
        ("small", "held", None),
    ]
    assert rows["is_for_pairs_only"].all()
    assert rows["is_self_training"].to_list() == [False, True]


def test_the_system_text_of_the_prompt_itself_stays():
    prompts = make_prompts(
        a_prompt("Why?", "p", split="test", messages=[turn("system", "Hi."), turn("user", "Why?")])
    )
    ask = ScriptedAsk(lambda request: "So.")
    answer_untaught(make_material(prompts, make_completions(), ask), Untaught(models=("large",)))
    assert ask.requests[0].messages[0] == turn("system", "Hi.")


def test_a_behaviour_is_known_by_a_pattern_or_by_a_judge():
    given: dict[str, str]
    for given in ({}, {"pattern": "x", "judge": "judge"}):
        with pytest.raises(ValidationError, match="pattern or judge, one of the two"):
            BehaviourProbes.model_validate({"behaviour": "Sums up.", **given})
    with pytest.raises(ValidationError, match="not a regular expression"):
        BehaviourProbes(behaviour="Sums up.", pattern="(")
