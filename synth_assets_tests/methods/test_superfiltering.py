"""Which completions superfiltering keeps, and why it drops the others."""

from __future__ import annotations

import json
from collections import Counter

import polars as pl
import pytest
from pydantic import ValidationError

from synth_assets.llm.request import Ask, Reply, Request
from synth_assets.method import Material
from synth_assets.methods.endpoint_scorer import EndpointScorer, PromptLogprobs, read_scores
from synth_assets.methods.superfiltering import (
    Superfiltering,
    choose,
    filter_by_ifd,
    prompt_text,
)
from synth_assets.recipe_model import Model
from synth_assets_tests.methods.builders import a_prompt, make_completions, make_prompts, turn
from synth_assets_tests.scripted_ask import ScriptedAsk, never_asked, reply_to

PROMPTS = ("Name the colours of the flag of Chad.", "Spell the word harbour backwards, please.")
ON_TOPIC = "The colours of the flag of Chad are blue, yellow and red."
OFF_TOPIC = "Boil an egg slowly until nobody is hungry any more."


OTHERS = (
    {"prompt_id": "p1", "text": "The colours are plain."},
    {"prompt_id": "p1", "text": "Slowly, until the egg and the water are red."},
)
"""Texts to learn from: what is in one text only is not known."""


def material(completions: pl.DataFrame, ask: Ask | None = None, **models: Model) -> Material:
    frames = {
        "mutated_prompts": make_prompts(
            *(a_prompt(text, f"p{place}") for place, text in enumerate(PROMPTS))
        ),
        "completions": completions,
    }
    return Material(0, frames, ask or never_asked(), models=models)


def reasons(rows: pl.DataFrame) -> dict[str, str | None]:
    return dict(rows.select("completion_id", "drop_reason").iter_rows())


def test_the_highest_below_one_are_kept_up_to_the_share_of_all_rows():
    scores = {"a": 0.9, "b": 0.9, "c": 0.99, "d": 1.0, "e": 1.7, "f": 0.1}
    assert choose(scores, 8, 0.25) == {"c", "a"}
    assert choose(scores, 8, 1.0) == {"a", "b", "c", "f"}
    assert choose({}, 8, 0.25) == frozenset()


def test_a_share_is_counted_exactly():
    scores = {f"{n:03}": 0.5 for n in range(100)}
    assert len(choose(scores, 100, 0.29)) == 29  # 0.29 * 100 is 28.999… in floats


def test_a_completion_that_its_prompt_does_not_help_to_predict_is_dropped_with_its_reason():
    completions = make_completions(
        {"prompt_id": "p0", "text": ON_TOPIC},
        {"prompt_id": "p0", "text": OFF_TOPIC},
        {"prompt_id": "p1", "text": "Ruobrah."},
        {"prompt_id": "p1", "text": None, "status": "failed"},
        {"prompt_id": "p1", "text": ON_TOPIC, "is_for_pairs_only": True},
        {"prompt_id": "gone", "text": ON_TOPIC},
    )
    result = filter_by_ifd(material(completions), Superfiltering(keep=1.0, mode="strict"))
    found = {row["completion_id"]: row for row in result.rows.iter_rows(named=True)}
    assert set(found) == {"c0", "c1", "c2"}
    assert found["c0"]["score"] < 1 and found["c0"]["drop_reason"] is None
    assert found["c1"]["score"] > found["c0"]["score"]
    assert result.items_parsed == 3
    assert found["c0"]["ppl_conditional"] / found["c0"]["ppl_direct"] == pytest.approx(
        found["c0"]["score"], rel=1e-5
    )


def test_what_has_no_score_is_dropped_and_has_no_number():
    """The released code gives it 0, which is below 1 and passes."""
    completions = make_completions({"prompt_id": "p0", "text": "Blue"})
    (row,) = filter_by_ifd(material(completions), Superfiltering(keep=1.0)).rows.to_dicts()
    assert (row["score"], row["status"]) == (None, "too_short")
    assert row["drop_reason"] == "ifd_unknown"


def test_a_row_below_the_share_says_so():
    completions = make_completions(
        {"prompt_id": "p0", "text": ON_TOPIC}, {"prompt_id": "p0", "text": f"{ON_TOPIC} Yes."}
    )
    rows = filter_by_ifd(material(completions), Superfiltering(keep=0.5, mode="strict")).rows
    assert sorted(reasons(rows).values(), key=str) == [None, "ifd_below_share"]


def test_no_completions_are_no_rows():
    rows = filter_by_ifd(material(make_completions()), Superfiltering(keep=0.5)).rows
    assert rows.height == 0


def test_the_order_of_the_rows_changes_nothing():
    completions = make_completions(
        {"prompt_id": "p0", "text": ON_TOPIC},
        {"prompt_id": "p1", "text": OFF_TOPIC},
        {"prompt_id": "p1", "text": "The word harbour backwards is ruobrah."},
    )
    parameters = Superfiltering(keep=0.5)
    forwards = filter_by_ifd(material(completions), parameters).rows
    backwards = filter_by_ifd(material(completions.reverse()), parameters).rows
    assert forwards.equals(backwards)


def test_a_prompt_is_instruction_newline_input_newline():
    with_input = a_prompt("Sum the numbers.\n\n3 4", instruction="Sum the numbers.")
    assert prompt_text(with_input) == "Sum the numbers.\n3 4\n"
    assert prompt_text(a_prompt("Sum 3 and 4.")) == "Sum 3 and 4.\n"
    several = a_prompt("And now?", messages=[turn("user", "Hi"), turn("user", "And now?")])
    assert prompt_text(several) == "user: Hi\n\nuser: And now?\n"


def test_a_system_text_is_no_part_of_what_stands_before_a_completion():
    turns = [turn("system", "Be brief."), turn("user", "Sum 3 and 4.")]
    assert prompt_text(a_prompt("Sum 3 and 4.", messages=turns)) == "Sum 3 and 4.\n"


# An endpoint that gives every character the probability exp(-1), or exp(-2) after a question mark.


def _logprobs(text: str) -> list[float | None]:
    return [None, *(-1.0 if "Chad" in text[:place] else -2.0 for place in range(1, len(text)))]


def echo(request: Request) -> Reply:
    text = request.messages[0]["content"]
    assert request.sampling["echo"] is True
    told = {"tokens": [*text, "!"], "token_logprobs": [*_logprobs(text), -0.1]}
    return _with_body(request, {"logprobs": told, "text": f"{text}!"})


def own_form(request: Request) -> Reply:
    text = request.messages[0]["content"]
    assert request.sampling["prompt_logprobs"] == 0
    told = [
        None if value is None else {"7": {"logprob": value, "rank": 1, "decoded_token": letter}}
        for letter, value in zip(text, _logprobs(text), strict=True)
    ]
    return _with_body(request, {"prompt_logprobs": told, "text": "!"})


def _with_body(request: Request, choice: dict[str, object]) -> Reply:
    return reply_to(request, "!")._replace(body=json.dumps({"choices": [choice]}))


@pytest.mark.parametrize(("asked_by", "server"), [("echo", echo), ("prompt_logprobs", own_form)])
def test_an_endpoint_tells_the_probabilities_of_a_prompt(asked_by: PromptLogprobs, server):
    completions = make_completions({"prompt_id": "p0", "text": "Blue."})
    endpoint = Model(model="openai_compatible/small", base_url="http://h/v1", api="completions")
    ask = ScriptedAsk(server)
    parameters = Superfiltering(
        keep=1.0, scorer="openai_compatible", endpoint="small", ask_for=asked_by
    )
    result = filter_by_ifd(material(completions, ask, small=endpoint), parameters)
    (row,) = result.rows.to_dicts()
    assert row["score"] == pytest.approx(0.3678794, rel=1e-6)  # exp(1 - 2)
    assert row["drop_reason"] is None and row["scorer"] == "small"
    assert len(set(row["call_ids"])) == 2
    assert result.notes["replies"] == 2


def test_an_endpoint_stands_with_its_scorer_only():
    with pytest.raises(ValidationError, match="endpoint names a model"):
        Superfiltering(keep=0.1, endpoint="small")
    with pytest.raises(ValidationError, match="endpoint names a model"):
        Superfiltering(keep=0.1, scorer="openai_compatible")


def _reply(choice: dict[str, object]) -> Reply:
    return Reply("c", "ok", "x", body=json.dumps({"choices": [choice]}))


@pytest.mark.parametrize(
    "reply",
    [
        Reply("c", "failed", None, error="server"),
        Reply("c", "ok", "x", body="no JSON"),
        _reply({"text": "x"}),
        _reply({"logprobs": {"tokens": ["a", "b"], "token_logprobs": [None]}}),
        _reply({"logprobs": {"tokens": ["<s>", "ab"], "token_logprobs": [None, -1.0]}}),
        _reply({"logprobs": {"tokens": ["a"], "token_logprobs": [None]}}),
        _reply({"logprobs": {"tokens": ["a", "b"], "token_logprobs": [None, "low"]}}),
        _reply({"prompt_logprobs": [None, {"7": {"logprob": -1.0, "decoded_token": "x"}}]}),
    ],
)
def test_what_does_not_spell_the_text_is_a_problem(reply: Reply):
    assert read_scores(reply, "ab", 1024).problem is not None


def test_pieces_of_a_character_share_its_place():
    told = {"tokens": ["a", "\ufffd", "\ufffd", "b"], "token_logprobs": [None, -1.0, -2.0, -3.0]}
    found = read_scores(_reply({"logprobs": told}), "a🙂b", 1024)
    assert (found.starts, found.ends) == ((0, 1, 1, 2), (1, 2, 2, 3))
    assert found.logprobs == (None, -1.0, -2.0, -3.0)


def test_an_endpoint_s_tokens_are_cut_where_the_scorer_says():
    told = {"tokens": ["a", "b", "c"], "token_logprobs": [None, -1.0, -2.0]}
    ask = ScriptedAsk(lambda request: _with_body(request, {"logprobs": told}))
    (found,) = EndpointScorer(ask, "m", 2, Counter()).token_logprobs(["abc"])
    assert (found.logprobs, found.is_truncated) == ((None, -1.0), True)
