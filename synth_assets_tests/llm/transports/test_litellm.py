from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from synth_assets.errors import RejectedCallError, TransientCallError
from synth_assets.llm import credentials, litellm_library
from synth_assets.llm.transports.litellm_errors import call_error, kind_of
from synth_assets.recipe_model import Model
from synth_assets_tests.llm.loopback import fails, in_turn, loopback, says
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe

SCHEMA = {
    "title": "Answer",
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}


def through_litellm(base_url: str, **model: Any):
    return make_recipe(
        {
            "model": "openai/gpt-4o-mini",
            "base_url": base_url,
            "api_key": "env:KEY_OF_TRIAL",
            "max_retries": 1,
            **model,
        }
    )


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_OF_TRIAL", "sk-trial-1")


def test_a_call_goes_through_a_real_socket_and_is_tried_again(tmp_path: Path):
    answers = in_turn(fails(500, '{"error": {"message": "oops"}}'), says('{"answer": "2"}'))
    asked = ask_for("1+1?", sampling={"temperature": 0.5}, response_schema=SCHEMA)
    with (
        loopback(answers) as server,
        make_engine(tmp_path, recipe=through_litellm(server.base_url)) as engine,
    ):
        (reply,) = engine.ask([asked])
    assert (reply.status, reply.text) == ("ok", '{"answer": "2"}')
    assert (reply.input_tokens, reply.output_tokens) == (3, 2)
    assert len(server.asked) == 2, "one retry of ours, none of litellm's"
    sent = server.asked[1]
    assert sent.headers["Authorization"] == "Bearer sk-trial-1"
    assert sent.body["model"] == "gpt-4o-mini"
    assert sent.body["messages"] == [{"role": "user", "content": "1+1?"}]
    assert sent.body["temperature"] == 0.5
    assert sent.body["response_format"]["json_schema"]["name"] == "Answer"


def test_rejections_over_the_socket_have_their_kinds(tmp_path: Path):
    too_long = json.dumps(
        {"error": {"message": "maximum context length is 5", "code": "context_length_exceeded"}}
    )
    with (
        loopback(in_turn(fails(400, too_long), fails(401, "{}"))) as server,
        make_engine(tmp_path, recipe=through_litellm(server.base_url)) as engine,
    ):
        (reply,) = engine.ask([ask_for("a")])
        with pytest.raises(RejectedCallError) as caught:
            list(engine.ask([ask_for("b")]))
    assert (reply.error or "").startswith("context_too_long: ")
    assert caught.value.kind == "auth"
    assert len(server.asked) == 2


EXPECTED = {
    "AuthenticationError": "auth",
    "PermissionDeniedError": "auth",
    "PaymentRequiredError": "out_of_credit",
    "BudgetExceededError": "auth",
    "NotFoundError": "not_found",
    "LiteLLMUnknownProvider": "not_found",
    "ModelNotMappedError": "not_found",
    "ContextWindowExceededError": "context_too_long",
    "ContentPolicyViolationError": "content_policy",
    "RejectedRequestError": "content_policy",
    "GuardrailRaisedException": "content_policy",
    "BlockedPiiEntityError": "content_policy",
    "ModifyResponseException": "content_policy",
    "SensitiveDataRouteException": "content_policy",
    "BadRequestError": "bad_request",
    "InvalidRequestError": "bad_request",
    "UnprocessableEntityError": "bad_request",
    "UnsupportedParamsError": "bad_request",
    "ImageFetchError": "bad_request",
    "VectorStoreSearchError": "bad_request",
    "RateLimitError": "rate_limit",
    "Timeout": "timeout",
    "APIConnectionError": "connection",
    "APIResponseValidationError": "truncated_body",
    "JSONSchemaValidationError": "truncated_body",
    "InternalServerError": "server",
    "ServiceUnavailableError": "server",
    "BadGatewayError": "server",
    "MidStreamFallbackError": "server",
    "APIError": "server",
    "MockException": "server",
    "OpenAIError": "server",
}
TRANSIENT = {"rate_limit", "timeout", "connection", "truncated_body", "server"}


def exceptions() -> dict[str, type[Exception]]:
    """Every exception class that litellm declares."""
    found = vars(litellm_library.load().exceptions)
    return {
        name: value
        for name, value in found.items()
        if inspect.isclass(value) and issubclass(value, Exception)
    }


def make_error(name: str, message: str = "what it said", **headers: str) -> Exception:
    """An exception of litellm, with just the arguments that its constructor wants."""
    request = httpx.Request("POST", "http://127.0.0.1/")
    known: dict[str, Any] = {
        "message": message,
        "llm_provider": "openai",
        "model": "m",
        "status_code": 500,
        "response": httpx.Response(429, headers=headers, request=request),
        "request_data": {},
        "failures": [],
        "raw_response": "{",
        "schema": "{}",
        "current_cost": 2.0,
        "max_budget": 1.0,
        "entity_type": "name",
        "route_to_model": "n",
        "session_id": "s",
    }
    cls: Any = exceptions()[name]
    wanted = inspect.signature(cls.__init__).parameters.values()
    named = [parameter for parameter in wanted if parameter.kind is not parameter.VAR_KEYWORD]
    return cls(
        **{
            parameter.name: known[parameter.name]
            for parameter in named
            if parameter.name in ("message", "response")
            or (parameter.default is parameter.empty and parameter.name in known)
        }
    )


def test_every_exception_of_litellm_is_mapped():
    assert set(exceptions()) == set(EXPECTED), "litellm has other classes now: map them"


@pytest.mark.parametrize("name", EXPECTED)
def test_an_exception_of_litellm_becomes_its_kind(name: str):
    mapped = call_error(make_error(name), "openai/m")
    assert mapped is not None
    assert mapped.kind == EXPECTED[name]
    assert isinstance(mapped, TransientCallError if mapped.kind in TRANSIENT else RejectedCallError)


def test_retry_after_is_taken_from_the_response():
    mapped = call_error(make_error("RateLimitError", **{"Retry-After": "7"}), "openai/m")
    assert mapped is not None and mapped.retry_after_s == 7


def test_an_empty_account_is_no_rate_limit():
    mapped = call_error(make_error("RateLimitError", "insufficient_quota"), "openai/m")
    assert mapped is not None and mapped.kind == "out_of_credit"


def test_a_fault_of_the_program_is_not_taken_for_a_failed_call():
    assert kind_of(ValueError("bug")) is None
    assert call_error(ValueError("bug"), "openai/m") is None


def test_the_usual_variable_of_a_provider_is_named_when_it_is_missing(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    line = credentials.missing_credential("big", Model(model="openai/gpt-4o-mini"))
    assert line is not None and line.startswith("models.big: ") and "OPENAI_API_KEY" in line
    monkeypatch.setenv("OPENAI_API_KEY", "sk-trial-1")
    assert credentials.missing_credential("big", Model(model="openai/gpt-4o-mini")) is None


def test_a_server_of_ones_own_needs_no_other_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OLLAMA_API_BASE", raising=False)
    model = Model(model="ollama/qwen3", base_url="http://127.0.0.1:11434")
    assert credentials.missing_credential("local", model) is None
