from __future__ import annotations

import pytest

from synth_assets.llm.request import Request, system, user
from synth_assets.llm.wire import model_in_key, public_endpoint, wire_body
from synth_assets.recipe_model import Model

OFFLINE = Model(model="offline/careful")
SERVED = Model(model="openai_compatible/careful", base_url="http://127.0.0.1:1/v1")


def request(**fields: object) -> Request:
    return Request("it", (system("s"), user("u")), **fields)  # type: ignore[arg-type]


def test_the_body_is_messages_sampling_and_seed():
    assert wire_body(OFFLINE, request(sampling={"temperature": 0.5, "stop": ("\n",)})) == {
        "model": "careful",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        "temperature": 0.5,
        "stop": ["\n"],
        "seed": 0,
    }


def test_an_offline_model_sees_the_same_body_in_process_and_served():
    asked = request(round=2, sample_index=3, response_schema={"title": "T", "type": "object"})
    assert wire_body(OFFLINE, asked) == wire_body(SERVED, asked)


def test_each_draw_has_its_own_seed():
    seeds = {
        wire_body(OFFLINE, request(round=n, sample_index=m))["seed"]
        for n in range(3)
        for m in range(3)
    }
    assert len(seeds) == 9


def test_providers_behind_litellm_are_sent_no_seed():
    assert "seed" not in wire_body(Model(model="openai/gpt-5-mini"), request())


def test_a_schema_becomes_a_response_format_named_by_its_title():
    schema = {
        "title": "My list!",
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert wire_body(OFFLINE, request(response_schema=schema))["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "My_list_", "schema": schema, "strict": True},
    }


def test_a_declared_response_format_is_sent_and_is_part_of_the_identity():
    asked = request(response_schema={"title": "T", "type": "object"})
    models = {
        form: Model(
            model="openai_compatible/m", base_url="http://127.0.0.1:1", response_format=form
        )
        for form in ("json_schema", "json_object", "none", None)
    }
    assert wire_body(models["json_object"], asked)["response_format"] == {"type": "json_object"}
    assert "response_format" not in wire_body(models["none"], asked)
    assert wire_body(models["json_schema"], asked) == wire_body(models[None], asked)
    assert len({model_in_key(model) for model in models.values()}) == 4


THINKING_OFF = {"chat_template_kwargs": {"enable_thinking": False}, "repetition_penalty": 1.1}


def test_what_a_recipe_adds_stands_beside_the_rest_of_the_body():
    model = SERVED.model_copy(update={"extra_body": THINKING_OFF})
    asked = request(sampling={"temperature": 0.5})
    assert wire_body(model, asked) == {**wire_body(SERVED, asked), **THINKING_OFF}


def test_a_requests_own_effort_goes_before_its_models():
    model = Model(model="openai/gpt-5-mini", reasoning_effort="high")
    assert wire_body(model, request())["reasoning_effort"] == "high"
    own = request(sampling={"reasoning_effort": "low"})
    assert wire_body(model, own)["reasoning_effort"] == "low"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {}}, "required": ["a"]},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
        {"type": "array", "items": {"type": "object"}},
    ],
)
def test_a_schema_that_an_endpoint_would_refuse_as_strict_is_not_called_strict(
    schema: dict[str, object],
):
    body = wire_body(OFFLINE, request(response_schema=schema))
    assert body["response_format"]["json_schema"]["strict"] is False


@pytest.mark.parametrize(
    ("address", "public"),
    [
        (None, ""),
        ("http://Host:8000/v1/", "http://host:8000/v1"),
        ("https://me:pw@host/v1", "https://host/v1"),
        ("https://host/v1?b=2&a=1", "https://host/v1?a=1&b=2"),
        ("https://host/v1?api-key=x&api-version=2&access_token=y", "https://host/v1?api-version=2"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
def test_an_endpoint_is_shown_without_credentials(address: str | None, public: str):
    assert public_endpoint(address) == public
