from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from synth_assets.llm.request import Reply, Request
from synth_assets.methods.critique import CRITIQUE_SCHEMA, Critique, criticise_completions
from synth_assets.methods.result import MethodResult
from synth_assets.templates import load_template, quote
from synth_assets_tests.methods.builders import a_prompt, make_completions, make_prompts
from synth_assets_tests.scripted_ask import ScriptedAsk, in_turn, never_asked, reply_to


def criticise(
    ask: Callable[..., Any], *texts: str | None, reference: str | None = None
) -> MethodResult:
    rows = [{"prompt_id": "p", "text": text} for text in texts]
    return criticise_completions(
        make_prompts(a_prompt("Name a river.", "p", reference=reference)),
        make_completions(*rows),
        parameters=Critique(judge="judge"),
        template=load_template("critique/overall"),
        ask=ask,
    )


def said(overall: Any) -> str:
    return json.dumps({"critique": "Short, and right.", "overall": overall})


def test_each_completion_is_criticised_apart_with_its_rating():
    ask = in_turn([said(8), said(3)])
    result = criticise(ask, "Po", "Elbe")
    rows = result.rows.to_dicts()
    assert [(row["completion_id"], row["rating"]) for row in rows] == [("c0", 8.0), ("c1", 3.0)]
    assert {row["rationale"] for row in rows} == {"Short, and right."}
    assert {(row["criterion"], row["reply_status"]) for row in rows} == {("overall", "parsed")}
    assert quote("completion", "Po") in ask.prompts[0] and "Elbe" not in ask.prompts[0]


@pytest.mark.parametrize(
    ("overall", "status"),
    [
        (1, "ok"),
        (10, "ok"),
        (7.5, "ok"),
        ("6", "ok"),
        (0, "out_of_scale"),
        (0.9, "out_of_scale"),
        (11, "out_of_scale"),
        (100, "out_of_scale"),
        ("N/A", "out_of_scale"),
        (True, "unparsed"),
        ("8/10", "unparsed"),
        (None, "missing"),
    ],
)
def test_a_rating_out_of_scale_is_null_and_never_rescaled(overall: Any, status: str):
    """Upstream multiplied what was not above 1 by ten, so that the worst became the best."""
    (row,) = criticise(in_turn([said(overall)]), "Po").rows.to_dicts()
    assert (row["status"], row["rating"]) == (
        status,
        float(overall) if status == "ok" else None,
    )


def test_a_correction_is_seen_in_the_row():
    (row,) = criticise(in_turn(["Quite good.", said(7)]), "Po").rows.to_dicts()
    assert (row["rating"], row["reply_status"], len(row["earlier_call_ids"])) == (
        7.0, "corrected", 1,
    )  # fmt: skip
    assert row["call_id"] not in row["earlier_call_ids"]


def test_what_cannot_be_read_even_then_is_null():
    result = criticise(in_turn(["Quite good.", None, "An eight."]), "Po", "Elbe")
    assert [(row["status"], row["rating"]) for row in result.rows.to_dicts()] == [
        ("unparsed", None),
        ("failed", None),
    ]
    assert result.notes["critiques_unparsed"] == 1


def test_a_number_that_may_be_cut_is_not_believed():
    def answer(request: Request) -> Reply:
        return reply_to(request, '{"critique": "Fine.", "overall": 1', "cut")

    (row,) = criticise(ScriptedAsk(answer), "Po").rows.to_dicts()
    assert (row["status"], row["rating"]) == ("unparsed", None)


def test_the_reference_is_shown_where_there_is_one():
    ask = in_turn([said(8)])
    criticise(ask, "Po", reference="The Danube")
    assert quote("reference answer", "The Danube") in ask.prompts[0]


def test_nothing_to_criticise_asks_nothing():
    assert criticise(never_asked()).rows.equals(CRITIQUE_SCHEMA.empty())
    assert criticise(never_asked(), None).rows.height == 0
