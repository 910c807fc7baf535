"""Each way a real server can fail, over a real socket."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from synth_assets.errors import EndpointDown, RejectedCallError
from synth_assets.llm.call_store import MemoryCallStore
from synth_assets.llm.request import Reply
from synth_assets.llm.retries import Backoff
from synth_assets.llm.transports import http_session
from synth_assets.llm.transports.http_errors import retry_after_s
from synth_assets.recipe_parts import Sampling
from synth_assets_tests.llm.loopback import Answer, Loopback, fails, in_turn, loopback, says
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe


def served(server: Loopback, **model: Any):
    return make_recipe(
        {"model": "openai_compatible/m", "base_url": server.base_url, "max_retries": 1, **model}
    )


def ask_once(home: Path, server: Loopback, **model: Any) -> Reply:
    with make_engine(home, recipe=served(server, **model)) as engine:
        (reply,) = engine.ask([ask_for("a", sampling={"max_tokens": 5}, sample_index=2)])
    return reply


def test_the_body_arrives_as_it_was_built_and_the_reply_is_read(tmp_path: Path):
    with loopback(in_turn(says("Hi."))) as server:
        reply = ask_once(tmp_path, server)
    assert server.asked[0].path == "/v1/chat/completions"
    assert server.asked[0].body == {
        "model": "m",
        "messages": [{"role": "user", "content": "a"}],
        "max_tokens": 5,
        "seed": 2,
    }
    assert "Authorization" not in server.asked[0].headers
    assert (reply.text, reply.input_tokens, reply.output_tokens) == ("Hi.", 3, 2)


def test_what_a_model_is_always_asked_with_arrives_and_is_kept_with_the_call(tmp_path: Path):
    added = {"chat_template_kwargs": {"enable_thinking": False}}
    request = ask_for("a", sampling=Sampling(top_k=20, min_p=0.0, temperature=0.6).given())
    calls = MemoryCallStore()
    with loopback(in_turn(says("Hi."))) as server:
        recipe = served(server, extra_body=added, reasoning_effort="low")
        with make_engine(tmp_path, recipe=recipe, calls=calls) as engine:
            list(engine.ask([request]))
    assert server.asked[0].body == {
        "model": "m",
        "messages": [{"role": "user", "content": "a"}],
        "temperature": 0.6,
        "top_k": 20,
        "min_p": 0.0,
        "reasoning_effort": "low",
        "chat_template_kwargs": {"enable_thinking": False},
        "seed": 0,
    }
    kept = json.loads(calls.rows[0]["request"])
    assert kept["sampling"] == {
        "temperature": 0.6,
        "top_k": 20,
        "min_p": 0.0,
        "reasoning_effort": "low",
        "extra_body": added,
    }


def test_the_key_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KEY_OF_TRIAL", "sk-trial-1")
    with loopback(in_turn(says("Hi."))) as server:
        ask_once(tmp_path, server, api_key="env:KEY_OF_TRIAL")
    assert server.asked[0].headers["Authorization"] == "Bearer sk-trial-1"


def test_a_login_in_the_address_is_sent(tmp_path: Path):
    with loopback(in_turn(says("Hi."))) as server:
        address = server.base_url.replace("://", "://me:secret@")
        ask_once(tmp_path, server, base_url=address)
    assert server.asked[0].headers["Authorization"] == "Basic bWU6c2VjcmV0"


PASSING = {
    "429": fails(429, Retry_After="0"),
    "500": fails(500, "oops"),
    "503": fails(503),
    "408": fails(408),
    "reset": Answer(fault="reset"),
    "cut off": Answer(fault="cut_off"),
    "truncated JSON": Answer('{"choices": [{"mess'),
    "error page": Answer("<html>"),
    "hang": Answer(fault="hang"),
}


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_tried_again(tmp_path: Path, fault: str):
    with loopback(in_turn(PASSING[fault], says("at last"))) as server:
        reply = ask_once(tmp_path, server, timeout_s=0.3 if fault == "hang" else 30)
    assert (reply.status, reply.text) == ("ok", "at last")
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("429", "rate_limit"),
        ("500", "server"),
        ("408", "timeout"),
        ("reset", "connection"),
        ("cut off", "truncated_body"),
        ("truncated JSON", "truncated_body"),
        ("hang", "timeout"),
    ],
)
def test_what_does_not_pass_is_a_failed_reply_of_its_kind(tmp_path: Path, fault: str, kind: str):
    with loopback(in_turn(PASSING[fault])) as server:
        reply = ask_once(tmp_path, server, timeout_s=0.2 if fault == "hang" else 30)
    assert (reply.status, reply.text) == ("failed", None)
    assert (reply.error or "").startswith(f"{kind}: ")
    assert len(server.asked) == 2


def test_a_server_that_is_not_there_is_a_failed_reply(tmp_path: Path):
    with loopback(in_turn(says("Hi."))) as server:
        gone = server.base_url
    recipe = make_recipe({"model": "openai_compatible/m", "base_url": gone, "max_retries": 0})
    with make_engine(tmp_path, recipe=recipe) as engine:
        (reply,) = engine.ask([ask_for("a")])
    assert (reply.error or "").startswith("connection: ")


def test_what_a_server_sent_of_a_failed_call_is_kept(tmp_path: Path):
    store = MemoryCallStore()
    with (
        loopback(in_turn(Answer('{"choices": [{"mess'))) as server,
        make_engine(tmp_path, recipe=served(server), calls=store) as engine,
    ):
        list(engine.ask([ask_for("a")]))
    assert store.rows[0]["raw_reply"] == '{"choices": [{"mess'


TOO_LONG = '{"error": {"code": "context_length_exceeded", "message": "too many"}}'
POLICY = '{"error": {"code": "content_filter", "message": "not nice"}}'


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (fails(400, TOO_LONG), "failed", "context_too_long"),
        (fails(400, POLICY), "refused", "content_policy"),
        (fails(400, '{"error": "what?"}'), "failed", "bad_request"),
        (fails(422, "no"), "failed", "bad_request"),
    ],
)
def test_a_rejected_request_is_sent_once(tmp_path: Path, answer: Answer, status: str, error: str):
    with loopback(in_turn(answer)) as server:
        reply = ask_once(tmp_path, server)
    assert reply.status == status
    assert (reply.error or "").startswith(f"{error}: ")
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "remedy"),
    [
        (fails(401, "who?"), "auth", "check the key"),
        (fails(403, "no"), "auth", "check the key"),
        (fails(404, '{"error": {"message": "no model m"}}'), "not_found", "check model"),
        (fails(302, Location="http://127.0.0.1:1/"), "not_found", "redirects are not followed"),
    ],
)
def test_what_every_call_would_meet_stops_the_run(
    tmp_path: Path, answer: Answer, kind: str, remedy: str
):
    with (
        loopback(in_turn(answer)) as server,
        pytest.raises(RejectedCallError, match=remedy) as caught,
    ):
        ask_once(tmp_path, server)
    assert caught.value.kind == kind
    assert len(server.asked) == 1


def test_an_account_without_credit_stops_the_run(tmp_path: Path):
    answer = fails(429, '{"error": {"code": "insufficient_quota"}}')
    with loopback(in_turn(answer)) as server, pytest.raises(EndpointDown, match="no credit"):
        ask_once(tmp_path, server)
    assert len(server.asked) == 1


def test_a_reply_over_the_limit_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_session, "MAX_REPLY_BYTES", 1000)
    with loopback(in_turn(says("x" * 2000))) as server:
        reply = ask_once(tmp_path, server)
    assert (reply.error or "").startswith("bad_request: ")
    assert "over 1,000 bytes" in (reply.error or "")


def test_a_lone_surrogate_in_a_prompt_is_sent_as_a_replacement(tmp_path: Path):
    with (
        loopback(in_turn(says("Hi."))) as server,
        make_engine(tmp_path, recipe=served(server)) as engine,
    ):
        (reply,) = engine.ask([ask_for("a\ud800b")])
    assert reply.text == "Hi."
    assert server.asked[0].prompt == "a?b"


def test_a_run_with_faults_everywhere_loses_no_row(tmp_path: Path):
    faults = [fails(429, Retry_After="0"), fails(500), Answer(fault="reset"), Answer("{")]
    seen: set[str] = set()

    def respond(asked: Any) -> Answer:
        n = int(asked.prompt)
        if n % 3 == 0 and asked.prompt not in seen:
            seen.add(asked.prompt)
            return faults[n // 3 % 4]
        return says(f"re: {n}")

    with loopback(respond) as server:
        recipe = served(server, max_concurrency=10, max_retries=4)
        with make_engine(tmp_path, recipe=recipe) as engine:
            replies = list(engine.ask(ask_for(str(n)) for n in range(120)))
    assert [reply.text for reply in replies] == [f"re: {n}" for n in range(120)]
    assert len(server.asked) == 160
    assert server.most_at_once <= 10


def test_retry_after_is_seconds_milliseconds_or_a_date():
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert retry_after_s({"Retry-After": "2.5"}) == 2.5
    assert retry_after_s({"Retry-After": "9", "retry-after-ms": "150"}) == 0.15
    assert 90 < (retry_after_s({"Retry-After": soon}) or 0) <= 100
    assert retry_after_s({"Retry-After": "Fri, 01 Jan 2021 00:00:00 GMT"}) == 0
    assert retry_after_s({"Retry-After": "soon"}) is None
    assert retry_after_s({}) is None


def test_retry_after_is_obeyed_and_what_is_too_long_is_not_waited_for():
    backoff = Backoff(first_s=1, most_s=4, longest_s=60)
    assert 5 <= (backoff.wait_s(0, 5.0) or 0) <= 5.5
    assert backoff.wait_s(0, 61.0) is None
    assert all(0 <= (backoff.wait_s(n, None) or 0) <= min(4, 2**n) for n in range(8))
