from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from synth_assets.errors import RecipeError
from synth_assets.llm.request import Request
from synth_assets.methods.completions import (
    Completions,
    complete_prompts,
    completion_request,
    teachers_of,
)
from synth_assets.methods.result import MethodResult
from synth_assets.recipe_model import Model
from synth_assets.schemas import COMPLETIONS
from synth_assets.templates import load_template
from synth_assets_tests.methods.builders import a_prompt, make_prompts, turn
from synth_assets_tests.scripted_ask import Answer, ScriptedAsk, call_id_of, never_asked, reply_to

MODELS = {
    "careful": Model(model="offline/careful", licence="apache-2.0"),
    "hasty": Model(model="offline/hasty"),
}


def parameters(**values: Any) -> Completions:
    return Completions.model_validate({"teachers": ("careful",)} | values)


def complete(
    prompts: pl.DataFrame,
    answer: Callable[[Request], Answer] = lambda _: "An answer.",
    student: str | None = None,
    **values: Any,
) -> MethodResult:
    return complete_prompts(
        prompts,
        parameters=parameters(**values),
        models=MODELS,
        student=student,
        ask=ScriptedAsk(answer),
    )


def a_request(messages: list[dict[str, str]] | None = None, **values: Any) -> Request:
    return completion_request(
        "p",
        messages or [turn("user", "Name a river.")],
        teacher="careful",
        sample_index=0,
        parameters=parameters(**values),
    )


def test_every_kept_prompt_is_answered_by_every_teacher_as_often_as_asked():
    prompts = make_prompts(
        a_prompt("One?", "a", round=2), a_prompt("Two?", "b"), a_prompt("No.", "c", drop_reason="x")
    )
    result = complete(prompts, teachers=("careful", "hasty"), per_prompt=3)
    assert result.items_parsed == result.rows.height == 12
    assert Counter(result.rows["prompt_id"]) == {"a": 6, "b": 6}
    assert result.rows["completion_id"].n_unique() == 12
    assert set(result.rows.filter(pl.col("prompt_id") == "a")["round"]) == {2}
    assert result.rows["sample_index"].to_list()[:3] == [0, 1, 2]


def test_a_row_says_who_answered_and_on_which_call():
    ask = ScriptedAsk(lambda _: "An answer.")
    result = complete_prompts(
        make_prompts(a_prompt("One?", "a")),
        parameters=parameters(),
        models=MODELS,
        student=None,
        ask=ask,
    )
    (row,) = result.rows.to_dicts()
    assert (row["teacher"], row["model"]) == ("careful", "offline/careful")
    assert (row["text"], row["status"], row["error"]) == ("An answer.", "ok", None)
    assert row["call_id"] == call_id_of(ask.requests[0])
    assert (row["origin"], row["licence"]) == ("model:careful", "apache-2.0")
    assert (row["principle"], row["system_text"], row["template_hash"]) == (None, None, None)


def test_a_plain_request_is_the_prompt_itself_in_round_0():
    request = a_request()
    assert request.messages == (turn("user", "Name a river."),)
    assert (request.round, request.sample_index) == (0, 0)
    assert request.sampling == {"temperature": 0.8, "top_p": 0.95, "max_tokens": 1024}


def test_the_system_text_joins_the_prompts_own():
    own = [turn("system", "You are a pirate."), turn("user", "Hi.")]
    request = a_request(own, system_text="Be brief.", principles=("honesty",))
    text = load_template("completions/honesty").render()
    assert request.messages == (
        turn("system", f"You are a pirate.\n\nBe brief.\n\n{text}"),
        turn("user", "Hi."),
    )


def test_several_turns_are_asked_as_they_are():
    turns = [turn("user", "Hi."), turn("assistant", "Yes?"), turn("user", "Go on.")]
    assert a_request(turns).messages == tuple(turns)


def test_the_row_names_the_principle_and_the_system_text_that_the_teacher_saw():
    ask = ScriptedAsk(lambda _: "An answer.")
    result = complete_prompts(
        make_prompts(*[a_prompt(f"Number {n}?", f"p{n}") for n in range(20)]),
        parameters=parameters(principles=("honesty", "helpfulness")),
        models=MODELS,
        student=None,
        ask=ask,
    )
    assert set(result.rows["principle"]) == {"honesty", "helpfulness"}
    for row, request in zip(result.rows.to_dicts(), ask.requests, strict=True):
        template = load_template(f"completions/{row['principle']}")
        assert request.messages[0] == turn("system", row["system_text"])
        assert row["system_text"] == template.render()
        assert row["template_hash"] == template.hash


def test_the_first_completion_is_the_request_that_the_completions_stage_makes():
    ask = ScriptedAsk(lambda _: "An answer.")
    settings = parameters(principles=("honesty", "helpfulness", "truthfulness"), per_prompt=2)
    prompt = a_prompt("One?", "a")
    complete_prompts(
        make_prompts(prompt), parameters=settings, models=MODELS, student=None, ask=ask
    )
    for index in range(2):
        assert ask.requests[index] == completion_request(
            "a", prompt["messages"], teacher="careful", sample_index=index, parameters=settings
        )


def test_principles_are_drawn_by_content_and_not_by_their_order():
    names = ("honesty", "helpfulness", "truthfulness", "verbalised_calibration")
    prompts = make_prompts(*[a_prompt(f"Number {n}?", f"p{n}") for n in range(400)])
    first = complete(prompts, principles=names).rows["principle"].to_list()
    second = complete(prompts.reverse(), principles=names[::-1]).rows["principle"].to_list()
    assert first == second
    assert all(60 < count < 140 for count in Counter(first).values())


@pytest.mark.parametrize(
    ("status", "text", "row_status"),
    [
        ("failed", None, "failed"),
        ("empty", None, "empty"),
        ("refused", None, "refused"),
        ("ok", " \n", "empty"),
        ("cut", "", "empty"),
    ],
)
def test_no_answer_is_a_row_with_null_text_and_a_status(status: Any, text: Any, row_status: str):
    prompts = make_prompts(a_prompt("One?", "a"))
    (row,) = complete(prompts, lambda request: reply_to(request, text, status)).rows.to_dicts()
    assert (row["text"], row["text_hash"], row["status"]) == (None, None, row_status)
    assert row["error"] == ("server" if status == "failed" else None)


def test_a_cut_answer_keeps_its_text():
    prompts = make_prompts(a_prompt("One?", "a"))
    (row,) = complete(prompts, lambda request: reply_to(request, "The Dan", "cut")).rows.to_dicts()
    assert (row["text"], row["status"]) == ("The Dan", "cut")


def test_failed_replies_are_counted():
    prompts = make_prompts(a_prompt("One?", "a"), a_prompt("Two?", "b"))
    texts: dict[str, Answer] = {"One?": None, "Two?": "2"}
    result = complete(prompts, lambda request: texts[request.messages[-1]["content"]])
    assert result.notes == {"replies": 2, "failed_replies": 1}


@pytest.mark.parametrize(
    ("student", "is_self_training"),
    [
        ("careful", True),
        ("offline/careful", True),
        ("hasty", False),
        ("my-org/student-1b", False),
        (None, False),
    ],
)
def test_a_teacher_that_is_the_student_is_marked(student: str | None, is_self_training: bool):
    prompts = make_prompts(a_prompt("One?", "a"))
    rows = complete(prompts, student=student).rows
    assert rows["is_self_training"].to_list() == [is_self_training]


def test_a_student_is_known_behind_its_provider():
    model = Model(model="openai_compatible/my-org/student-1b", base_url="http://127.0.0.1:1/v1")
    result = complete_prompts(
        make_prompts(a_prompt("One?", "a")),
        parameters=parameters(),
        models={"careful": model},
        student="my-org/student-1b",
        ask=ScriptedAsk(lambda _: "1"),
    )
    assert result.rows["is_self_training"].to_list() == [True]


def test_an_undeclared_teacher_stops_before_the_first_call():
    with pytest.raises(RecipeError, match="nobody"):
        complete_prompts(
            make_prompts("One?"),
            parameters=parameters(teachers=("nobody",)),
            models=MODELS,
            student=None,
            ask=never_asked(),
        )


def test_no_prompts_give_an_empty_table():
    assert complete(make_prompts()).rows.equals(COMPLETIONS.empty())


MANY = tuple(f"m{n:02}" for n in range(17))


def test_a_pool_draws_so_many_teachers_for_each_prompt_in_the_order_of_the_recipe():
    drawn = parameters(teachers=MANY, pool=4)
    for n in range(50):
        found = teachers_of(f"p{n}", drawn)
        assert len(set(found)) == 4 and list(found) == sorted(found)
        assert found == teachers_of(f"p{n}", drawn)


def test_every_teacher_of_a_pool_is_drawn_as_often():
    """Chi-square over 1,700 prompts, 400 draws expected of each teacher; 39.3 is the 0.999 quantile
    of 16 degrees of freedom, and draws without replacement spread less."""
    drawn = parameters(teachers=MANY, pool=4)
    counts = Counter(teacher for n in range(1700) for teacher in teachers_of(f"p{n}", drawn))
    assert len(counts) == 17
    assert sum((count - 400) ** 2 / 400 for count in counts.values()) < 39.3


def test_another_teacher_in_the_recipe_moves_only_the_draws_that_it_wins():
    before, after = parameters(teachers=MANY[:16], pool=4), parameters(teachers=MANY, pool=4)
    for n in range(200):
        old, new = set(teachers_of(f"p{n}", before)), set(teachers_of(f"p{n}", after))
        assert old == new or new - old == {"m16"}


def test_only_the_teachers_drawn_are_asked():
    prompts = make_prompts(*[a_prompt("One?", f"p{n}") for n in range(40)])
    rows = complete(prompts, teachers=("careful", "hasty"), pool=1).rows
    assert rows.height == 40
    assert set(rows["teacher"]) == {"careful", "hasty"}


def test_a_pool_of_more_than_there_are_is_refused():
    with pytest.raises(ValidationError, match="pool = 3: there are 1 teachers"):
        parameters(pool=3)


def test_teachers_may_answer_for_pairs_only():
    prompts = make_prompts(a_prompt("One?", "a"))
    assert complete(prompts, are_for_pairs_only=True).rows["is_for_pairs_only"].to_list() == [True]
    assert complete(prompts).rows["is_for_pairs_only"].to_list() == [False]
