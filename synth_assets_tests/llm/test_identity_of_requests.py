"""What changes the key of a request, and what must not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_assets.llm.request import Request, system, user
from synth_assets.llm.targets import Targets
from synth_assets.recipe import model_identity
from synth_assets.recipe_model import RUNTIME_FIELDS
from synth_assets.recipe_parts import Sampling
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe

LOCAL = {"model": "openai_compatible/m", "base_url": "http://host:8000/v1"}


def key(request: Request | None = None, **model: Any) -> str:
    """The key under a local model; nothing is sent, so nothing is written."""
    recipe = make_recipe({**LOCAL, **model})
    return make_engine(Path("/nonexistent"), recipe=recipe).key(request or ask_for("a"))


CHANGES = {
    "text": ask_for("b"),
    "white space": ask_for("a "),
    "role": Request("it", ({"role": "assistant", "content": "a"},)),
    "system text": Request("it", (system("s"), user("a"))),
    "another turn": Request("it", (user("a"), user("a"))),
    "temperature": ask_for("a", sampling={"temperature": 0.5}),
    "temperature zero": ask_for("a", sampling={"temperature": 0.0}),
    "top_p": ask_for("a", sampling={"top_p": 0.5}),
    "max_tokens": ask_for("a", sampling={"max_tokens": 5}),
    "presence_penalty": ask_for("a", sampling={"presence_penalty": 1.0}),
    "frequency_penalty": ask_for("a", sampling={"frequency_penalty": 1.0}),
    "stop": ask_for("a", sampling={"stop": ["\n"]}),
    "top_k": ask_for("a", sampling={"top_k": 20}),
    "min_p": ask_for("a", sampling={"min_p": 0.1}),
    "reasoning_effort": ask_for("a", sampling={"reasoning_effort": "low"}),
    "a schema": ask_for("a", response_schema={"type": "object"}),
    "another schema": ask_for("a", response_schema={"type": "object", "title": "T"}),
    "round": ask_for("a", round=1),
    "sample_index": ask_for("a", sample_index=1),
}


def test_every_argument_of_a_request_changes_its_key():
    keys = [key(), *(key(request) for request in CHANGES.values())]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "model",
    [
        {"model": "openai_compatible/n"},
        {"model": "openai/m"},
        {"base_url": "http://other:8000/v1"},
        {"base_url": "http://host:8001/v1"},
        {"base_url": "http://host:8000/v2"},
        {"base_url": "http://host:8000/v1?api-version=2"},
    ],
)
def test_another_model_provider_or_endpoint_changes_the_key(model: dict[str, Any]):
    assert key(**model) != key()


@pytest.mark.parametrize(
    "model",
    [
        {"timeout_s": 5},
        {"max_retries": 0},
        {"max_concurrency": 500},
        {"deadline_s": 60},
        {"requests_per_minute": 10},
        {"tokens_per_minute": 10_000},
        {"input_tokens_per_minute": 10_000, "output_tokens_per_minute": 10_000},
        {"api_key": "env:SOME_KEY"},
        {"input_usd_per_million": 1.5, "output_usd_per_million": 2},
        {"licence": "mit"},
        {"batch": True},
        {"merge_samples": True},
        {"base_url": "http://user:password@host:8000/v1"},
        {"base_url": "http://HOST:8000/v1/"},
        {"base_url": "http://host:8000/v1?api_key=secret"},
    ],
)
def test_limits_prices_and_credentials_do_not_change_the_key(model: dict[str, Any]):
    assert key(**model) == key()


@pytest.mark.parametrize(
    "model",
    [
        {"api": "completions"},
        {"response_format": "json_object"},
        {"response_format": "none"},
        {"reasoning_effort": "low"},
        {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}},
    ],
)
def test_another_way_of_asking_changes_the_key(model: dict[str, Any]):
    assert key(**model) != key()


def test_what_a_model_is_always_asked_with_is_as_if_the_request_said_it():
    low = ask_for("a", sampling={"reasoning_effort": "low"})
    assert key(reasoning_effort="low") == key(low)
    assert key(low, reasoning_effort="high") == key(low)


def test_the_order_of_what_is_added_does_not_change_the_key():
    there, back = {"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}
    assert key(extra_body=there) == key(extra_body=back)


def test_fields_that_came_later_changed_no_key_and_no_identity():
    request = ask_for("a", sampling=Sampling(temperature=0.5).given())
    assert key(request) == "a012f38e8942cfccdaf079f8337a7c154c467ab2ff24d2bcb1de431e4fc00054"
    later = {"reasoning_effort", "extra_body", "top_k", "min_p"}
    assert not later & model_identity(make_recipe(LOCAL), "it").keys()
    assert not later & Sampling(temperature=0.5).model_dump(mode="json").keys()


def test_the_recipes_own_name_of_a_model_does_not_change_the_key():
    recipe = make_recipe().model_copy(
        update={"models": {name: make_recipe(LOCAL).models["it"] for name in ("it", "that")}}
    )
    engine = make_engine(Path("/nonexistent"), recipe=recipe)
    assert engine.key(ask_for("a")) == engine.key(ask_for("a", model="that"))


def test_no_runtime_setting_is_part_of_a_models_identity():
    plain = model_identity(make_recipe(LOCAL), "it")
    settings: dict[str, Any] = {
        "batch": True,
        "batch_discount": 0.5,
        "merge_samples": True,
        "max_concurrency": 3,
        "timeout_s": 1,
        "deadline_s": 2,
        "max_retries": 1,
        "requests_per_minute": 10,
        "tokens_per_minute": 10,
        "input_tokens_per_minute": 10,
        "output_tokens_per_minute": 10,
        "api_key": "env:SOME_KEY",
        "input_usd_per_million": 1,
        "output_usd_per_million": 1,
    }
    assert set(settings) == RUNTIME_FIELDS, "each has to be tried here"
    for name, value in settings.items():
        other = {"batch": True} if name == "batch_discount" else {}  # which it belongs to
        assert model_identity(make_recipe({**LOCAL, **other, name: value}), "it") == plain, name
    assert model_identity(make_recipe({**LOCAL, "model": "openai_compatible/n"}), "it") != plain


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.text(min_size=1), values, max_size=4), st.text())
def test_the_order_of_sampling_parameters_does_not_change_the_key(
    sampling: dict[str, Any], text: str
):
    backwards = dict(reversed(sampling.items()))
    one = ask_for(text, sampling=sampling)
    other = ask_for(text, sampling=backwards)
    place = {"provider": "p", "endpoint": "e", "model": "m"}
    assert one.key(**place) == other.key(**place)
    assert one.key(**place) != ask_for(text + "x", sampling=sampling).key(**place)


@given(st.dictionaries(st.text(min_size=1), values, max_size=4), st.text(), st.integers(0, 3))
def test_the_key_an_engine_uses_is_the_requests_own(
    sampling: dict[str, Any], text: str, sample_index: int
):
    request = ask_for(text, sampling=sampling, sample_index=sample_index)
    target = Targets(make_recipe(LOCAL), {})["it"]
    key, canonical = target.identify(request)
    place = {"provider": "openai_compatible", "endpoint": "http://host:8000/v1", "model": "m"}
    assert (key, canonical) == (request.key(**place), request.canonical())


ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=12)


@given(
    st.dictionaries(ANY_TEXT, values, max_size=3),
    st.lists(st.fixed_dictionaries({"role": ANY_TEXT, "content": ANY_TEXT}), max_size=3),
    st.none() | st.dictionaries(ANY_TEXT, st.floats(allow_nan=False, allow_infinity=False)),
    st.integers(0, 9),
)
def test_the_canonical_form_is_what_the_standard_library_writes(
    sampling: dict[str, Any],
    turns: list[dict[str, str]],
    schema: dict[str, float] | None,
    sample_index: int,
):
    """However it is written in fact: the keys of what was paid for years ago are made of it."""
    request = Request("it", tuple(turns), sampling, schema, 2, sample_index)
    assert request.canonical() == json.dumps(
        {
            "messages": turns,
            "sampling": sampling,
            "response_schema": schema,
            "round": 2,
            "sample_index": sample_index,
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
