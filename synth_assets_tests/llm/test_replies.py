from __future__ import annotations

import json

import pytest

from synth_assets.errors import TransientCallError
from synth_assets.llm.replies import body_of, read_reply
from synth_assets.llm.request import ReplyStatus


def body(**message: object) -> str:
    return json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]})


def test_text_reason_and_tokens_are_read():
    reply = read_reply(json.dumps(body_of("Hi.", model="m", input_tokens=3, output_tokens=2)))
    assert (reply.status, reply.text, reply.finish_reason) == ("ok", "Hi.", "stop")
    assert (reply.input_tokens, reply.output_tokens) == (3, 2)


def test_tokens_that_a_server_does_not_tell_are_null():
    reply = read_reply(body(content="Hi."))
    assert (reply.input_tokens, reply.output_tokens) == (None, None)


@pytest.mark.parametrize(
    "usage", ['"many"', "[]", '{"prompt_tokens": -1}', '{"prompt_tokens": true}']
)
def test_tokens_that_make_no_sense_are_null(usage: str):
    raw = f'{{"choices": [{{"message": {{"content": "Hi."}}}}], "usage": {usage}}}'
    assert read_reply(raw).input_tokens is None


@pytest.mark.parametrize(
    ("message", "reason", "status", "text"),
    [
        ({"content": "Hi."}, None, "ok", "Hi."),
        ({"content": "Hi"}, "length", "cut", "Hi"),
        ({"content": "Hi"}, "content_filter", "refused", "Hi"),
        ({"content": None, "refusal": "No."}, "stop", "refused", "No."),
        ({"content": None}, "stop", "empty", None),
        ({"content": ""}, "length", "empty", None),
        ({}, "tool_calls", "empty", None),
        ({"content": [{"type": "text", "text": "a"}, {"type": "x"}]}, "stop", "ok", "a"),
    ],
)
def test_what_a_choice_means(
    message: dict[str, object], reason: str | None, status: ReplyStatus, text: str | None
):
    raw = json.dumps({"choices": [{"message": message, "finish_reason": reason}]})
    reply = read_reply(raw)
    assert (reply.status, reply.text, reply.raw) == (status, text, raw)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{",
        '{"choices": [{"message": {"content": "Hi',
        "<html>Bad gateway</html>",
        "null",
        "[1]",
        "{}",
        '{"choices": []}',
        '{"choices": [null]}',
        '{"choices": [{"message": {"content": 3}}]}',
        '{"error": {"message": "busy"}}',
        "[" * 100_000,
    ],
)
def test_a_body_that_is_no_whole_completion_is_worth_another_try_and_is_kept(raw: str):
    with pytest.raises(TransientCallError) as caught:
        read_reply(raw)
    assert (caught.value.kind, caught.value.raw_reply) == ("truncated_body", raw)


def test_a_lone_surrogate_becomes_a_replacement_character():
    assert read_reply(body(content="a\ud800b")).text == "a�b"


def test_a_nul_and_other_odd_characters_stay():
    assert read_reply(body(content="a\x00b\u2028c😀")).text == "a\x00b\u2028c😀"
