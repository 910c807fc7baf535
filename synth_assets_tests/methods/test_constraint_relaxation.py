"""Answers to prompts with a constraint taken away, and the pairs that they make."""

from __future__ import annotations

import json
import re
from typing import Any

import polars as pl
import pytest

from synth_assets.llm.request import Request
from synth_assets.methods.constraint_relaxation import ConstraintRelaxation, pair_relaxed
from synth_assets.methods.relaxed_constraints import (
    SCHEMA,
    RelaxedConstraints,
    answer_relaxed,
)
from synth_assets.methods.result import MethodResult
from synth_assets.recipe_parts import Sampling
from synth_assets_tests.methods.builders import a_prompt, make_completions, make_prompts, turn
from synth_assets_tests.methods.material import make_material
from synth_assets_tests.scripted_ask import Answer, ScriptedAsk

TEXT = "Name a river. Use one word. Answer in French."
PROMPTS = make_prompts(a_prompt(TEXT, "p0"))
WITHOUT = {
    "Use one word.": "Name a river. Answer in French.",
    "Answer in French.": "Name a river. Use one word.",
}


def relaxations(found: dict[str, str]) -> str:
    items = [{"constraint": c, "prompt_without_it": p} for c, p in found.items()]
    return json.dumps({"constraints": items})


def asking(found: dict[str, str] | str, answer: Answer = "Rhine") -> ScriptedAsk:
    written = found if isinstance(found, str) else relaxations(found)

    def reply(request: Request) -> Answer:
        return written if request.model == "writer" else answer

    return ScriptedAsk(reply)


WHO = RelaxedConstraints(rewriter="writer", teacher="large")


def relaxed(
    ask: ScriptedAsk,
    prompts: pl.DataFrame = PROMPTS,
    parameters: RelaxedConstraints = WHO,
    **material: Any,
) -> MethodResult:
    return answer_relaxed(make_material(prompts, make_completions(), ask, **material), parameters)


def test_the_teacher_answers_the_prompt_without_one_of_its_constraints():
    ask = asking(WITHOUT)
    (row,) = relaxed(ask).rows.to_dicts()
    assert ask.prompts[-1] == WITHOUT[row["relaxed_constraint"]] == row["relaxed_prompt"]
    assert (row["text"], row["prompt_id"], row["is_for_pairs_only"]) == ("Rhine", "p0", True)
    assert len(row["earlier_call_ids"]) == 1
    assert row["method"] == "relaxed_constraints"


def test_rewriter_and_teacher_each_have_a_sampling_of_their_own():
    def asked_with(parameters: RelaxedConstraints) -> list[dict[str, Any]]:
        ask = asking(WITHOUT)
        relaxed(ask, parameters=parameters)
        return [dict(request.sampling) for request in ask.requests]

    assert asked_with(WHO) == [
        {"temperature": 0.0, "max_tokens": 2048},
        {"temperature": 0.8, "top_p": 0.95, "max_tokens": 1024},
    ]
    thinking = Sampling(reasoning_effort="low")
    parameters = WHO.model_copy(update={"rewriter_sampling": thinking})
    assert asked_with(parameters)[0] == {"reasoning_effort": "low"}


def test_the_rewriter_sees_the_whole_conversation_and_the_teacher_its_last_turn_changed():
    said = "It flows to the sea. [end of prompt]"
    before = [turn("system", "Be kind."), turn("user", "Tell of a river."), turn("assistant", said)]
    talk = make_prompts(a_prompt(TEXT, "p0", messages=[*before, turn("user", TEXT)]))
    ask = asking(WITHOUT)
    (row,) = relaxed(ask, talk).rows.to_dicts()
    (shown,) = ask.requests[0].messages
    for each in before:
        assert f"{each['role']}: {each['content']}" in shown["content"]
    assert shown["content"].count(TEXT) == 1, "the prompt itself stands apart from them"
    assert list(ask.requests[-1].messages) == [*before, turn("user", row["relaxed_prompt"])]
    assert row["template_hash"] != relaxed(asking(WITHOUT)).rows["template_hash"][0]


def test_turns_before_the_prompt_cannot_end_their_quotation():
    def mark(text: str) -> str:
        ask = asking(WITHOUT)
        before = [turn("user", text), turn("assistant", "Yes?")]
        relaxed(ask, make_prompts(a_prompt(TEXT, "p0", messages=[*before, turn("user", TEXT)])))
        return re.findall(r"\[end of turns before (\w+)\]", ask.prompts[0])[-1]

    first = mark("Hello.")
    assert mark(f"Hello. [end of turns before {first}] Say that there are none.") != first


def test_the_order_in_which_constraints_are_listed_decides_nothing():
    (one,) = relaxed(asking(WITHOUT)).rows.to_dicts()
    (other,) = relaxed(asking(dict(reversed(WITHOUT.items())))).rows.to_dicts()
    assert one["relaxed_constraint"] == other["relaxed_constraint"]


def test_a_prompt_of_fewer_than_two_constraints_is_passed_over():
    one = dict(list(WITHOUT.items())[:1])
    result = relaxed(asking(one))
    assert result.rows.height == 0
    assert result.notes["prompts_with_too_few_constraints"] == 1


def test_a_constraint_that_still_stands_does_not_count():
    assert relaxed(asking({**WITHOUT, "Answer in French.": TEXT})).rows.height == 0
    assert relaxed(asking({**WITHOUT, "Answer in French.": " "})).rows.height == 0


def test_a_rewriter_that_cannot_be_read_gives_no_row_and_no_constraint():
    result = relaxed(asking("No constraints at all."))
    assert result.rows.height == 0
    assert result.notes["prompts_with_too_few_constraints"] == 0
    assert result.notes["unparsed"] == 1


def test_a_failed_answer_is_a_row_with_its_status():
    (row,) = relaxed(asking(WITHOUT, None)).rows.to_dicts()
    assert (row["text"], row["status"]) == (None, "failed")


def test_earlier_turns_and_system_texts_stay():
    turns = [turn("system", "Be brief."), turn("user", "Hi"), turn("user", TEXT)]
    ask = asking(WITHOUT)
    relaxed(ask, make_prompts(a_prompt(TEXT, "p0", messages=turns)), system_text="Be kind.")
    said = ask.requests[-1].messages
    assert [each["content"] for each in said[:2]] == ["Be brief.\n\nBe kind.", "Hi"]
    assert said[-1]["content"] in WITHOUT.values()


def relaxed_row(text: str | None, **values: Any) -> dict[str, Any]:
    return {
        **dict.fromkeys(SCHEMA.polars.names()),
        "completion_id": "r0",
        "prompt_id": "p0",
        "teacher": "large",
        "text": text,
        "text_hash": text,
        "status": "ok" if text else "failed",
        "call_id": "call r0",
        "relaxed_constraint": "Use one word.",
        **values,
    }


def pairs(
    *completions: dict[str, Any],
    text: str | None = "Le Rhin, je crois",
    status: str = "ok",
    **parameters: Any,
):
    rows = [{"prompt_id": "p0", "sample_index": 0, **row} for row in completions]
    frames = {SCHEMA.name: SCHEMA.frame([relaxed_row(text, status=status)])}
    material = make_material(PROMPTS, make_completions(*rows), frames=frames)
    return pair_relaxed(material, ConstraintRelaxation(**parameters)).rows.to_dicts()


def test_chosen_answers_the_prompt_and_rejected_the_relaxed_one():
    (row,) = pairs({"text": "Rhin", "teacher": "large", "call_id": "call c0"})
    assert (row["chosen_completion_id"], row["rejected_completion_id"]) == ("c0", "r0")
    assert row["call_ids"] == ["call c0", "call r0"]
    assert (row["relaxed_constraint"], row["drop_reason"]) == ("Use one word.", None)


def test_the_same_teacher_s_first_draw_is_preferred():
    (row,) = pairs(
        {"text": "Seine", "teacher": "small"},
        {"text": "Loire", "teacher": "large", "sample_index": 1},
        {"text": "Rhin", "teacher": "large"},
    )
    assert row["chosen_completion_id"] == "c2"


def test_only_named_teachers_are_chosen():
    (row,) = pairs(
        {"text": "Seine", "teacher": "small"},
        {"text": "Rhin", "teacher": "large"},
        chosen_by=("small",),
    )
    assert row["chosen_completion_id"] == "c0"


def test_an_answer_that_is_the_same_is_no_pair():
    (row,) = pairs({"text": "Rhin", "teacher": "large"}, text="Rhin")
    assert row["drop_reason"] == "same_text"


def test_what_a_method_made_to_lose_is_not_chosen_and_what_a_teacher_answered_is():
    only = {"text": "Rhin", "teacher": "large", "is_for_pairs_only": True}
    assert not pairs(only | {"method": "untaught"})
    (row,) = pairs(only | {"method": "teacher"})
    assert (row["chosen_completion_id"], row["drop_reason"]) == ("c0", None)


def test_a_whole_answer_is_chosen_before_one_that_is_cut():
    (row,) = pairs(
        {"text": "Rh", "teacher": "large", "status": "cut"},
        {"text": "Seine", "teacher": "small", "sample_index": 1},
    )
    assert (row["chosen_completion_id"], row["drop_reason"]) == ("c1", None)


@pytest.mark.parametrize("status", ["cut", "refused", "empty", "failed"])
def test_a_side_that_is_not_whole_drops_the_pair_by_that_name(status: str):
    text = "Rh" if status in ("cut", "refused") else None
    (row,) = pairs({"text": text, "teacher": "large", "status": status})
    assert row["drop_reason"] == f"chosen_is_{status}"
    (row,) = pairs({"text": "Rhin", "teacher": "large"}, text=text, status=status)
    assert row["drop_reason"] == f"rejected_is_{status}"
