"""The older API of completions, sampling parameters, and several samples in one request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from synth_assets.llm.call_store import MemoryCallStore
from synth_assets.llm.logprobs import TokenLogprob, read_logprobs
from synth_assets.llm.replies import body_of
from synth_assets.llm.request import system, user
from synth_assets.recipe import Recipe
from synth_assets.recipe_model import Model
from synth_assets_tests.llm.loopback import Answer, loopback
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe
from synth_assets_tests.server import Fault, Serving, Settings, serving


def served(server: Serving, **model: Any) -> Recipe:
    return make_recipe({"model": "openai_compatible/m", "base_url": server.base_url, **model})


def body(server: Serving, place: int = 0) -> Any:
    return json.loads(server.last[place].body)


def test_a_base_model_is_sent_one_text(tmp_path: Path):
    asked = ask_for("q", messages=(system("s"), user("q")), sampling={"logprobs": True})
    store = MemoryCallStore()
    with (
        serving(Settings(reply_words=2)) as server,
        make_engine(tmp_path, recipe=served(server, api="completions"), calls=store) as engine,
    ):
        (reply,) = engine.ask([asked])
    assert server.last[0].path == "/v1/completions"
    assert body(server) == {"model": "m", "prompt": "s\n\nq", "logprobs": 1, "seed": 0}
    assert (reply.text, reply.input_tokens, reply.output_tokens) == ("re: s\n\nq", 1, 2)
    assert "token_logprobs" in store.rows[0]["raw_reply"]
    assert [token.logprob for token in read_logprobs(reply.body) or []] == [-0.5, -0.5, -0.5]
    assert store.rows[0]["endpoint"] == f"{server.base_url}/completions"


def test_logprobs_of_a_chat_are_kept_in_the_raw_reply(tmp_path: Path):
    store = MemoryCallStore()
    sampling = {"logprobs": True, "top_logprobs": 2, "top_k": 5, "min_p": 0.1}
    asked = ask_for("q", sampling=sampling)
    with serving() as server:
        with make_engine(tmp_path, recipe=served(server), calls=store) as engine:
            reply, plain = engine.ask([asked, ask_for("q")])
        with make_engine(tmp_path, recipe=served(server), calls=store) as engine:
            (again,) = engine.ask([asked])
    assert sampling.items() <= body(server).items()
    assert '"logprob":-0.5' in store.rows[0]["raw_reply"]
    assert plain.body is None
    assert read_logprobs(reply.body) == [
        TokenLogprob(token, -0.5, {}) for token in str(reply.text).split()
    ]
    assert (again.is_cached, again.body) == (True, reply.body)


def samples(count: int, text: str = "q") -> list[Any]:
    return [ask_for(text, sample_index=n) for n in range(count)]


def test_samples_of_a_prompt_go_as_one_request_and_pay_for_the_prompt_once(tmp_path: Path):
    store = MemoryCallStore()
    long = "a prompt of many words " * 20
    with serving(Settings(reply_words=1)) as server:
        recipe = served(server, merge_samples=True)
        with make_engine(tmp_path, recipe=recipe, calls=store) as engine:
            replies = list(engine.ask([*samples(4, long), *samples(2, "other")]))
        assert server.counters.total == 2
        assert {body(server, 0)["n"], body(server, 1)["n"]} == {4, 2}
        assert len({reply.text for reply in replies[:4]}) == 4
        assert len({reply.call_id for reply in replies}) == 6
        rows = store.rows
        assert sum(row["input_tokens"] for row in rows) == server.counters.input_tokens
        assert sum(row["output_tokens"] for row in rows) == server.counters.output_tokens
    assert all(json.loads(row["raw_reply"])["choices"][1:] == [] for row in rows)
    with make_engine(tmp_path, recipe=recipe, calls=store) as engine:
        assert all(reply.is_cached for reply in engine.ask(samples(4, long))), "known by its own"


def test_an_error_of_the_one_request_is_every_samples_and_each_is_tried_again(tmp_path: Path):
    with serving(Settings(faults=(Fault("server_error", attempts=1),))) as server:
        recipe = served(server, merge_samples=True, max_retries=3)
        with make_engine(tmp_path, recipe=recipe) as engine:
            replies = list(engine.ask(samples(3)))
    assert [reply.status for reply in replies] == ["ok"] * 3


def test_more_samples_than_one_request_takes_are_several_requests(tmp_path: Path):
    with serving() as server:
        recipe = served(server, merge_samples=True, max_concurrency=200)
        with make_engine(tmp_path, recipe=recipe) as engine:
            replies = list(engine.ask(samples(150)))
        asked = [json.loads(request.body)["n"] for request in server.last]
    assert all(reply.status == "ok" for reply in replies)
    assert sum(asked) == 150 and max(asked) <= 64


def test_an_endpoint_that_gives_one_choice_only_is_asked_again_for_the_others(tmp_path: Path):
    one = Answer(json.dumps(body_of("Hi.", model="m", input_tokens=3, output_tokens=2)))
    with loopback(lambda asked: one) as server:
        recipe = make_recipe(
            {
                "model": "openai_compatible/m",
                "base_url": server.base_url,
                "merge_samples": True,
                "max_retries": 5,
            }
        )
        with make_engine(tmp_path, recipe=recipe) as engine:
            replies = list(engine.ask(samples(3)))
    assert [reply.text for reply in replies] == ["Hi."] * 3
    assert sum(reply.input_tokens or 0 for reply in replies) == 3 * len(server.asked)


def test_merging_belongs_to_openai_compatible_models():
    with pytest.raises(ValidationError, match="merge_samples"):
        Model(model="openai/gpt-5-mini", merge_samples=True)
