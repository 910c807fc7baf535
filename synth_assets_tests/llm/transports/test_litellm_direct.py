"""The direct way beside the real ``acompletion``, over a real socket: what is sent, what is
understood, how it fails."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from synth_assets.errors import CallError, RejectedCallError, TransientCallError
from synth_assets.llm.replies import RawReply
from synth_assets.llm.request import Request, system, user
from synth_assets.llm.transports.litellm_plan import ROUTES
from synth_assets.llm.transports.litellm_providers import LitellmProviders
from synth_assets.recipe_model import Model
from synth_assets_tests.server import Fault, Serving, Settings, serving
from synth_assets_tests.server.http import HttpRequest

SCHEMA = {
    "title": "Answer",
    "type": "object",
    "properties": {"answer": {"type": "string"}, "rating": {"type": "integer"}},
    "required": ["answer", "rating"],
    "additionalProperties": False,
}
MODELS = {
    "openai/gpt-4o-mini": "/v1",
    "openai/o3-mini": "/v1",
    "openai/gpt-5-mini": "/v1",
    "anthropic/claude-3-5-sonnet-20241022": "",
    "anthropic/claude-sonnet-4-5": "",
    "gemini/gemini-2.0-flash": "",
    "gemini/gemini-2.5-flash": "",
    "mistral/mistral-small-latest": "/v1",
    "groq/llama-3.3-70b-versatile": "/v1",
    "deepseek/deepseek-chat": "/v1",
    "xai/grok-3": "/v1",
    "together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo": "/v1",
    "fireworks_ai/llama-v3p1-8b-instruct": "/v1",
}
TURNS = (system("be nice"), user("hello"), {"role": "assistant", "content": "hi"}, user("again"))
PLAIN = Request("it", TURNS)
KINDS = {
    "plain": PLAIN,
    "sampled": replace(
        PLAIN, sampling={"temperature": 0.5, "top_p": 0.9, "max_tokens": 50, "stop": ["x", "y"]}
    ),
    "penalised": replace(PLAIN, sampling={"presence_penalty": 0.1, "frequency_penalty": 0.2}),
    "cut": replace(PLAIN, sampling={"max_tokens": 2}),
    "structured": replace(PLAIN, response_schema=SCHEMA),
    "thinking": replace(PLAIN, sampling={"reasoning_effort": "low", "max_tokens": 4000}),
    "narrowed": replace(PLAIN, sampling={"top_k": 20}),
}
MEANS_NOTHING = ("user-agent", "accept", "accept-encoding", "connection", "host", "content-length")


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_OF_TRIAL", "sk-trial-4711")


def model_at(server: Serving, name: str) -> Model:
    base_url = server.address + MODELS[name]
    return Model(model=name, base_url=base_url, api_key="env:KEY_OF_TRIAL", timeout_s=20)


def send(model: Model, request: Request, *, is_direct: bool) -> RawReply | CallError:
    async def once() -> RawReply | CallError:
        transport = LitellmProviders(is_direct=is_direct)
        try:
            return await transport.send(model, request)
        except CallError as error:
            return error
        finally:
            await transport.close()

    return asyncio.run(once())


def meaning(request: HttpRequest) -> Any:
    """What of a request its receiver may go by."""
    headers = {
        name: value
        for name, value in request.headers.items()
        if name not in MEANS_NOTHING and not name.startswith("x-stainless")
    }
    return request.method, request.path, request.query, headers, json.loads(request.body)


def understood(reply: RawReply | CallError) -> Any:
    if isinstance(reply, CallError):
        return type(reply), reply.kind
    return (
        reply.status,
        reply.text,
        reply.finish_reason,
        reply.input_tokens,
        reply.output_tokens,
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MODELS)
def test_the_same_is_sent_and_understood(name: str, kind: str):
    with serving(Settings(reply_words=5)) as server:
        model = model_at(server, name)
        usual = send(model, KINDS[kind], is_direct=False)
        direct = send(model, KINDS[kind], is_direct=True)
        first, second = server.last
    assert meaning(second) == meaning(first)
    assert isinstance(direct, RawReply) and direct.text and direct.input_tokens
    assert understood(direct) == understood(usual)
    assert direct.status == ("cut" if kind == "cut" else "ok")
    if kind == "structured":
        assert json.loads(direct.text).keys() == {"answer", "rating"}
    assert "litellm" not in second.headers.get("user-agent", ""), "this one went by our session"
    assert "sk-trial-4711" in str(second.headers.values()) + second.query


@pytest.mark.parametrize("name", MODELS)
def test_what_a_recipe_adds_arrives_as_it_stands(name: str):
    added = {"chat_template_kwargs": {"enable_thinking": False}, "service_tier": "flex"}
    with serving(Settings(reply_words=5)) as server:
        plain = model_at(server, name)
        send(plain, KINDS["narrowed"], is_direct=True)
        send(plain.model_copy(update={"extra_body": added}), KINDS["narrowed"], is_direct=True)
        first, second = (json.loads(request.body) for request in server.last)
    assert second == {**first, **added}


EFFORTS: dict[str, dict[str, Any]] = {
    "openai/o3-mini": {"reasoning_effort": "low", "max_completion_tokens": 4000},
    "openai/gpt-5-mini": {"reasoning_effort": "low", "max_completion_tokens": 4000},
    "anthropic/claude-sonnet-4-5": {
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "max_tokens": 4000,
    },
    "deepseek/deepseek-chat": {"thinking": {"type": "enabled"}, "max_tokens": 4000},
}


@pytest.mark.parametrize("name", EFFORTS)
def test_an_effort_arrives_by_the_providers_own_name(name: str):
    """A temperature beside it goes to none: each of them refuses one or does not heed it."""
    asked = {"reasoning_effort": "low", "max_tokens": 4000}
    if name != "deepseek/deepseek-chat":
        asked |= {"temperature": 0.0, "top_p": 0.9}
    with serving(Settings(reply_words=5)) as server:
        send(model_at(server, name), replace(PLAIN, sampling=asked), is_direct=True)
        body = json.loads(server.last[-1].body)
    assert {key: body[key] for key in body.keys() - {"model", "messages", "system"}} == EFFORTS[
        name
    ]


@pytest.mark.parametrize("name", MODELS)
def test_thoughts_in_tags_are_understood_alike(name: str):
    with serving(Settings(reply_words=3, thinks=True)) as server:
        model = model_at(server, name)
        usual = send(model, PLAIN, is_direct=False)
        direct = send(model, PLAIN, is_direct=True)
    assert isinstance(direct, RawReply) and "hm" in direct.raw
    assert understood(direct) == understood(usual)


def test_every_route_is_compared():
    assert {name.partition("/")[0] for name in MODELS} == set(ROUTES)


FAILURES = {
    "rate_limit": "rate_limit",
    "server_error": "server",
    "unavailable": "server",
    "auth": "auth",
    "not_found": "not_found",
    "bad_request": "bad_request",
    "too_long": "context_too_long",
    "content_policy": "content_policy",
}


@pytest.mark.parametrize("fault", FAILURES)
@pytest.mark.parametrize(
    "name",
    [
        "openai/gpt-4o-mini",
        "anthropic/claude-sonnet-4-5",
        "gemini/gemini-2.0-flash",
        "mistral/mistral-small-latest",
    ],
)
def test_a_failure_has_the_same_kind_either_way(name: str, fault: Any):
    strikes = Fault(fault, attempts=None, retry_after_s=7 if fault == "rate_limit" else None)
    with serving(Settings(faults=(strikes,))) as server:
        model = model_at(server, name)
        usual = send(model, PLAIN, is_direct=False)
        direct = send(model, PLAIN, is_direct=True)
        assert server.counters.total == 2, "one request each: no hidden retries"
    assert isinstance(direct, CallError) and direct.kind == FAILURES[fault]
    assert isinstance(usual, CallError) and understood(direct) == understood(usual)
    assert direct.retry_after_s == strikes.retry_after_s
    assert usual.retry_after_s in (None, strikes.retry_after_s), "litellm loses some"
    assert "sk-trial-4711" not in str(direct)


def test_an_account_of_openai_without_credit_is_told_from_a_rate_limit():
    with serving(Settings(faults=(Fault("no_credit", attempts=None),))) as server:
        model = model_at(server, "openai/gpt-4o-mini")
        found = [send(model, PLAIN, is_direct=is_direct) for is_direct in (False, True)]
    assert [understood(error) for error in found] == [(RejectedCallError, "out_of_credit")] * 2


@pytest.mark.parametrize("name", MODELS)
def test_a_connection_that_breaks_is_worth_another_try_either_way(name: str):
    with serving(Settings(faults=(Fault("reset", attempts=None),))) as server:
        model = model_at(server, name)
        usual = send(model, PLAIN, is_direct=False)
        direct = send(model, PLAIN, is_direct=True)
        assert server.counters.total == 2
    assert isinstance(usual, TransientCallError), "of kind server for most: litellm says no more"
    assert isinstance(direct, TransientCallError) and direct.kind == "connection"


@pytest.mark.parametrize("fault", ["malformed", "wrong_shape", "deep", "truncated"])
@pytest.mark.parametrize("name", MODELS)
def test_a_body_that_is_no_reply_is_worth_another_try(name: str, fault: Any):
    with serving(Settings(faults=(Fault(fault, attempts=None),))) as server:
        direct = send(model_at(server, name), PLAIN, is_direct=True)
    assert isinstance(direct, CallError)
    assert direct.kind == "truncated_body"


@pytest.mark.parametrize("is_direct", [True, False])
@pytest.mark.parametrize(
    ("name", "is_sent"), [("anthropic/claude-sonnet-4-5", False), ("openai/gpt-4o-mini", True)]
)
def test_claude_is_sent_a_temperature_or_top_p_and_never_both(
    name: str, is_sent: bool, is_direct: bool
):
    with serving() as server:
        model = model_at(server, name)
        send(model, KINDS["sampled"], is_direct=is_direct)
        send(model, replace(PLAIN, sampling={"top_p": 0.9}), is_direct=is_direct)
        both, alone = (json.loads(asked.body) for asked in server.last)
    assert both["temperature"] == 0.5
    assert ("top_p" in both) == is_sent
    assert alone["top_p"] == 0.9


def test_a_provider_without_a_plan_goes_by_acompletion():
    with serving() as server:
        model = Model(
            model="hosted_vllm/qwen3", base_url=server.base_url, api_key="env:KEY_OF_TRIAL"
        )
        reply = send(model, PLAIN, is_direct=True)
        (asked,) = server.last
    assert isinstance(reply, RawReply) and reply.status == "ok"
    assert "litellm" in asked.headers["user-agent"]


@pytest.mark.parametrize("is_direct", [True, False])
def test_limits_of_the_headers_come_with_a_reply(is_direct: bool):
    with serving(Settings(shows_limits=True, input_tokens_per_minute=6000)) as server:
        model = model_at(server, "anthropic/claude-sonnet-4-5")
        reply = send(model, PLAIN, is_direct=is_direct)
    assert isinstance(reply, RawReply) and reply.limits is not None
    assert reply.limits.input_tokens is not None
    assert reply.limits.input_tokens.limit == 6000


@pytest.mark.parametrize("name", MODELS)
def test_without_an_address_both_ways_go_to_the_same_host(
    name: str, monkeypatch: pytest.MonkeyPatch
):
    """A proxy of the environment sees where they want to go; it connects nobody."""
    model = Model(model=name, api_key="env:KEY_OF_TRIAL", timeout_s=20)
    with serving() as server:
        monkeypatch.setenv("HTTPS_PROXY", server.address)
        monkeypatch.setenv("NO_PROXY", "")
        found = []
        for is_direct in (False, True):
            assert isinstance(send(model, PLAIN, is_direct=is_direct), CallError)
            found.append((server.last[-1].method, server.last[-1].path))
    assert found[0] == found[1]
    assert found[0][0] == "CONNECT" and found[0][1].endswith(":443")
