"""Prompts from a template's beginning alone: what is sent, what is dropped, how they are tagged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from synth_assets.llm.request import Reply, Request
from synth_assets.llm.wire import wire_body
from synth_assets.method import Material
from synth_assets.methods.magpie import SCHEMA, Magpie, continue_template
from synth_assets.recipe_model import Model
from synth_assets_tests.scripted_ask import Answer, ScriptedAsk, reply_to

PREFIX = "<|im_start|>user\n"
BASE: dict[str, Any] = {
    "model": "openai_compatible/chatty",
    "base_url": "http://127.0.0.1:8000/v1",
    "api": "completions",
}
TAGS = {"quality": "good", "difficulty": "hard", "category": "planning"}


def prompts(*texts: Answer, tags: str | None = None, **model: Any):
    """Rows for what the teacher wrote, in its order; with a judge where there are tags."""
    written = iter(texts)

    def answer(request: Request) -> Answer:
        return next(written) if request.model == "teacher" else tags

    models = {
        "teacher": Model.model_validate({**BASE, "template_prefix": PREFIX, **model}),
        "judge": Model(model="offline/judge"),
    }
    ask = ScriptedAsk(answer)
    parameters = Magpie(
        teacher="teacher", per_round=len(texts), judge=None if tags is None else "judge"
    )
    result = continue_template(Material(3, {}, ask, models=models), parameters)
    assert result.rows.schema == SCHEMA.polars
    return result.rows.to_dicts(), ask, models


def test_nothing_but_the_template_s_beginning_is_sent():
    _, ask, models = prompts("How do tides work?")
    body = wire_body(models["teacher"], ask.requests[0])
    assert body["prompt"] == PREFIX
    assert (body["temperature"], body["top_p"], body["stop"]) == (1.0, 1.0, ["\n"])
    assert "messages" not in body


def test_each_draw_is_a_request_of_its_own():
    _, ask, _ = prompts("A?", "B?")
    assert [(r.round, r.sample_index) for r in ask.requests] == [(3, 0), (3, 1)]


def test_the_first_line_is_the_prompt():
    rows, _, _ = prompts("  How do tides work? \nAnd more.")
    assert (rows[0]["text"], rows[0]["drop_reason"]) == ("How do tides work?", None)
    assert rows[0]["messages"] == [{"role": "user", "content": "How do tides work?"}]
    assert (rows[0]["origin"], rows[0]["derived_from"]) == ("model:teacher", [])


def test_what_is_no_prompt_says_why():
    cut = reply_to(Request("teacher", ()), "How do", "cut")
    refused = Reply("c", "refused", "I cannot.", None)
    rows, _, _ = prompts("A?", "a?", "\n", None, cut, refused)
    assert [row["drop_reason"] for row in rows] == [
        None,
        "duplicate",
        "empty",
        "failed_reply",
        "cut_off",
        "failed_reply",
    ]


def test_a_judge_tags_what_is_kept():
    rows, ask, _ = prompts("Plan a feast.", "plan a feast.", tags=json.dumps(TAGS))
    assert [request.model for request in ask.requests] == ["teacher", "teacher", "judge"]
    kept, dropped = rows
    assert kept["tagged_quality"] == "good" and kept["tagged_category"] == "planning"
    assert kept["tag_status"] == "parsed" and len(kept["call_ids"]) == 2
    assert dropped["tag_status"] is None


@pytest.mark.parametrize("tags", ["Good.", json.dumps({**TAGS, "quality": "superb"})])
def test_tags_outside_their_scales_are_none(tags: str):
    (row,), _, _ = prompts("Plan a feast.", tags=tags)
    assert (row["tagged_quality"], row["tag_status"]) == (None, "unparsed")
    assert row["drop_reason"] is None


def test_a_template_s_beginning_belongs_to_the_raw_api():
    with pytest.raises(ValidationError, match="template_prefix is for api: completions"):
        Model.model_validate({**BASE, "api": "chat", "template_prefix": PREFIX})
