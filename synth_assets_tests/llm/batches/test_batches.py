"""Batches against the test server's endpoints: submitted once, found again, stored as calls."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from synth_assets.errors import BudgetExceeded, RejectedCallError, RepliesPending
from synth_assets.llm.batches import asking
from synth_assets.llm.batches.asking import BatchedAsk
from synth_assets.llm.batches.collecting import Collected, collect, pending_batches
from synth_assets.llm.batches.records import BatchRecords
from synth_assets.llm.call_store import MemoryCallStore
from synth_assets.llm.request import Reply, Request
from synth_assets.recipe import Recipe
from synth_assets.recipe_model import Model
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe, make_row
from synth_assets_tests.server import Serving, Settings, serving

SHAPES = {
    "openai_compatible/m": "/v1",
    "openai/gpt-4o-mini": "/v1",
    "anthropic/claude-sonnet-4-5": "",
}
LATER = Settings(reply_words=1, batch_s=3600)
KEY = "sk-planted-4711-0815"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_OF_TRIAL", KEY)


def batching(server: Serving, name: str = "openai_compatible/m", **budget: float) -> Recipe:
    model = {
        "model": name,
        "base_url": server.address + SHAPES[name],
        "api_key": "env:KEY_OF_TRIAL",
        "batch": True,
        "input_usd_per_million": 1,
        "output_usd_per_million": 2,
    }
    return make_recipe(model, **budget)


def batching_and_now(server: Serving) -> Recipe:
    """``it`` answers by batch, ``now`` at once."""
    one = batching(server)
    other = one.models["it"].model_copy(update={"batch": False, "model": "openai_compatible/n"})
    return one.model_copy(update={"models": {**one.models, "now": other}})


def ask(home: Path, recipe: Recipe, store: MemoryCallStore, *texts: str, **options: Any):
    """Replies, or `RepliesPending`."""
    requests = [ask_for(text, sampling={"max_tokens": 50}) for text in texts]
    return ask_requests(home, recipe, store, requests, **options)


def ask_requests(
    home: Path, recipe: Recipe, store: MemoryCallStore, requests: list[Request], **options: Any
) -> list[Reply]:
    with make_engine(home, recipe=recipe, calls=store, **options) as engine:
        batched = BatchedAsk(
            engine, recipe, home=home, calls=store, asked_for="trial.completions", **options
        )
        return list(batched.ask(requests))


@pytest.mark.parametrize("name", SHAPES)
def test_replies_are_due_then_collected_then_known(tmp_path: Path, name: str):
    store = MemoryCallStore()
    with serving(LATER) as server:
        recipe = batching(server, name)
        with pytest.raises(RepliesPending, match="3 replies are due") as due:
            ask(tmp_path, recipe, store, "a", "b", "a", "c")
        with pytest.raises(RepliesPending) as again:
            ask(tmp_path, recipe, store, "a", "b", "a", "c")
        assert due.value.batches == again.value.batches != []
        assert collect(tmp_path, recipe, store) == Collected(pending=tuple(due.value.batches))
        server.change(batch_s=0)
        found = collect(tmp_path, recipe, store)
        replies = ask(tmp_path, recipe, store, "a", "b", "a", "c")
        assert server.counters.batches == 1, "submitted once"
        assert server.counters.repeated == 0
        rows = store.rows
        assert sum(row["cost_usd"] for row in rows) == pytest.approx(server.counters.usd)
    assert found == Collected(stored=3, ended=tuple(due.value.batches))
    assert [reply.text for reply in replies] == ["re: a", "re: b", "re: a", "re: c"]
    assert all(reply.is_cached and reply.input_tokens == 1 for reply in replies)
    assert {row["asked_for"] for row in rows} == {"trial.completions"}
    assert pending_batches(tmp_path, recipe) == []


def test_what_a_batch_sends_and_stores_is_what_a_single_call_does(tmp_path: Path):
    schema = {"title": "T", "type": "object", "properties": {"a": {"type": "string"}}}
    for name in SHAPES:
        batched, single = MemoryCallStore(), MemoryCallStore()
        request = ask_for("q", sampling={"max_tokens": 50}, response_schema=schema)
        with serving(Settings()) as server:
            recipe = batching(server, name)
            alone = recipe.model_copy(
                update={"models": {"it": recipe.models["it"].model_copy(update={"batch": False})}}
            )
            with pytest.raises(RepliesPending):
                ask_requests(tmp_path / name / "a", recipe, batched, [request])
            collect(tmp_path / name / "a", recipe, batched)
            with make_engine(tmp_path / name / "b", recipe=alone, calls=single) as engine:
                list(engine.ask([request]))
        for column in ("key", "call_id", "text", "status", "input_tokens", "request", "cost_usd"):
            if column != "call_id" or not name.startswith("anthropic"):  # litellm draws an id
                assert batched.rows[0][column] == single.rows[0][column], (name, column)


def test_one_request_more_is_a_batch_of_its_own(tmp_path: Path):
    store = MemoryCallStore()
    with serving(LATER) as server:
        recipe = batching(server)
        with pytest.raises(RepliesPending):
            ask(tmp_path, recipe, store, "a", "b")
        with pytest.raises(RepliesPending, match="3 replies are due from 2 batches"):
            ask(tmp_path, recipe, store, "a", "b", "c")
        server.change(batch_s=0)
        assert collect(tmp_path, recipe, store).stored == 3
        assert server.counters.repeated == 0


def test_replies_before_the_first_that_is_due_are_given_and_other_models_are_asked(tmp_path: Path):
    store = MemoryCallStore()
    with serving(LATER) as server:
        recipe = batching_and_now(server)
        requests = [ask_for("a", model="now"), ask_for("b"), ask_for("c", model="now")]
        with pytest.raises(RepliesPending, match="1 replies are due"):
            ask_requests(tmp_path, recipe, store, requests)
        assert sorted(row["text"] for row in store.rows) == ["re: a", "re: c"]


def test_the_total_of_calls_is_known_before_the_first_chunk_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(asking, "CHUNK", 2)
    store = MemoryCallStore()
    with serving(LATER) as server:
        recipe = batching_and_now(server)
        requests = [ask_for(text, model="now") for text in "abcde"]
        with make_engine(tmp_path, recipe=recipe, calls=store) as engine:
            batched = BatchedAsk(engine, recipe, home=tmp_path, calls=store, asked_for="t.c")
            told = [engine.stats.total for _ in batched.ask(requests)]
            assert told == [5] * 5 and engine.stats.answered == 5
            with pytest.raises(RepliesPending, match="1 replies are due"):
                list(batched.ask([ask_for("a", model="now"), ask_for("b"), *requests]))
            assert engine.stats.total == engine.stats.answered == 11, "what is due is no call now"
            list(batched.ask(iter(requests)))
            assert engine.stats.total is None, "nobody knows"


def test_failures_that_are_given_up_are_known_replies(tmp_path: Path):
    store = MemoryCallStore()
    with serving(LATER) as server:
        recipe = batching(server)
        requests = [ask_for("a"), ask_for("b")]
        with make_engine(tmp_path, recipe=recipe, calls=store) as engine:
            failed = {"status": "failed", "error": "server: x", "text": None}
            store.append(
                [
                    make_row(engine.key(requests[0]), attempt=asking.MOST_ATTEMPTS - 1, **failed),
                    make_row(engine.key(requests[1]), text="Yes."),
                ]
            )
            batched = BatchedAsk(engine, recipe, home=tmp_path, calls=store, asked_for="t.c")
            replies = list(batched.ask(requests))
        stats = engine.stats
    assert [reply.status for reply in replies] == ["failed", "ok"]
    assert (stats.total, stats.asked, stats.cached, stats.made) == (2, 2, 2, 0)


def test_a_large_demand_is_several_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(asking, "MOST_ITEMS", 10)
    store = MemoryCallStore()
    with serving(LATER) as server:
        recipe = batching(server)
        texts = [str(n) for n in range(25)]
        with pytest.raises(RepliesPending, match="25 replies are due from 3 batches"):
            ask(tmp_path, recipe, store, *texts)
        server.change(batch_s=0)
        assert collect(tmp_path, recipe, store).stored == 25
        assert [reply.text for reply in ask(tmp_path, recipe, store, *texts)] == [
            f"re: {text}" for text in texts
        ]


@pytest.mark.parametrize("name", SHAPES)
def test_items_that_failed_are_rows_and_are_known(tmp_path: Path, name: str):
    store = MemoryCallStore()
    with serving(Settings(batch_failed_share=1.0)) as server:
        recipe = batching(server, name)
        with pytest.raises(RepliesPending):
            ask(tmp_path, recipe, store, "a", "b")
        found = collect(tmp_path, recipe, store)
        assert (found.stored, found.failed, found.left, found.pending) == (2, 2, 0, ())
        replies = ask(tmp_path, recipe, store, "a", "b")
        assert server.counters.batches == 1
    assert [reply.status for reply in replies] == ["failed", "failed"]
    assert all((reply.error or "").startswith("bad_request: ") for reply in replies)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("ends", ["expired", "cancelled"])
def test_what_a_batch_left_is_asked_again(tmp_path: Path, name: str, ends: Any):
    store = MemoryCallStore()
    with serving(Settings(batch_ends=ends)) as server:
        recipe = batching(server, name)
        with pytest.raises(RepliesPending):
            ask(tmp_path, recipe, store, "a", "b", "c", "d")
        found = collect(tmp_path, recipe, store)
        assert (found.stored, found.left) == (2, 2)
        server.change(batch_ends="completed")
        with pytest.raises(RepliesPending, match="2 replies are due"):
            ask(tmp_path, recipe, store, "a", "b", "c", "d")
        collect(tmp_path, recipe, store)
        replies = ask(tmp_path, recipe, store, "a", "b", "c", "d")
        assert all(reply.status == "ok" for reply in replies)
        assert server.counters.repeated == 0


def test_a_batch_that_is_refused_as_a_whole_is_rows_that_say_why(tmp_path: Path):
    store = MemoryCallStore()
    with serving(Settings(batch_ends="failed")) as server:
        recipe = batching(server)
        with pytest.raises(RepliesPending):
            ask(tmp_path, recipe, store, "a")
        collect(tmp_path, recipe, store)
        (reply,) = ask(tmp_path, recipe, store, "a")
        assert server.counters.batches == 1, "it would be refused again"
    assert reply.error == "bad_request: the batch was refused: not like that"


KILLED = """
import os, signal, sys
from pathlib import Path
from synth_assets.llm.batches import records
from synth_assets.llm.batches.records import BatchRecords
from synth_assets.llm.call_store import MemoryCallStore
from synth_assets_tests.llm.batches.test_batches import LATER, SHAPES, ask, make_recipe

home, address, name, moment = sys.argv[1:]
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if moment == "before":
    intend = BatchRecords.intend
    BatchRecords.intend = lambda *a: (intend(*a), die())
else:
    BatchRecords.submitted = die
model = {"model": name, "base_url": address + SHAPES[name], "api_key": "env:KEY_OF_TRIAL",
         "batch": True, "input_usd_per_million": 1, "output_usd_per_million": 2}
ask(Path(home), make_recipe(model), MemoryCallStore(), "a", "b")
"""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("name", SHAPES)
def test_killed_around_the_submission_no_batch_is_submitted_twice(
    tmp_path: Path, name: str, moment: str
):
    store = MemoryCallStore()
    with serving(LATER) as server:
        command = [sys.executable, "-c", KILLED, str(tmp_path), server.address, name, moment]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        assert server.counters.batches == (1 if moment == "after" else 0)
        assert len(BatchRecords(tmp_path).all()) == 1
        recipe = batching(server, name)
        with pytest.raises(RepliesPending, match="2 replies are due from 1 batches"):
            ask(tmp_path, recipe, store, "a", "b")
        assert server.counters.batches == 1
        server.change(batch_s=0)
        assert collect(tmp_path, recipe, store).stored == 2
        assert [reply.text for reply in ask(tmp_path, recipe, store, "a", "b")] == [
            "re: a",
            "re: b",
        ]
        assert server.counters.repeated == 0


def test_a_batch_that_only_looks_like_ours_is_left_alone(tmp_path: Path):
    """Anthropic's carry no name: another's of the same size is told apart by its results."""
    name = "anthropic/claude-sonnet-4-5"
    store = MemoryCallStore()
    with serving(LATER) as server:
        other, recipe = batching(server, name), batching(server, name)
        command = [sys.executable, "-c", KILLED, str(tmp_path), server.address, name, "before"]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        with pytest.raises(RepliesPending):
            ask(tmp_path / "other", other, MemoryCallStore(), "x", "y")
        with pytest.raises(RepliesPending):
            ask(tmp_path, recipe, store, "a", "b")
        assert server.counters.batches == 1, "taken for ours until its results are here"
        server.change(batch_s=0)
        assert collect(tmp_path, recipe, store) == Collected()
        with pytest.raises(RepliesPending):
            ask(tmp_path, recipe, store, "a", "b")
        assert collect(tmp_path, recipe, store).stored == 2
        assert server.counters.batches == 2 and server.counters.repeated == 0


def test_dying_before_a_collected_batch_is_forgotten_stores_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store = MemoryCallStore()
    with serving(Settings()) as server:
        recipe = batching(server)
        with pytest.raises(RepliesPending):
            ask(tmp_path, recipe, store, "a", "b")
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(BatchRecords, "forget", _interrupt)
            collect(tmp_path, recipe, store)
        assert collect(tmp_path, recipe, store).stored == 2
    assert len(store.rows) == 2


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def test_a_refused_submission_leaves_nothing_behind(tmp_path: Path):
    store = MemoryCallStore()
    with serving() as server:
        recipe = batching(server)
        nowhere = recipe.models["it"].model_copy(update={"base_url": f"{server.address}/none"})
        wrong = recipe.model_copy(update={"models": {"it": nowhere}})
        with pytest.raises(RejectedCallError, match="not_found"):
            ask(tmp_path, wrong, store, "a")
    assert pending_batches(tmp_path, recipe) == []


def test_a_batch_over_the_budget_is_not_submitted(tmp_path: Path):
    with serving() as server:
        recipe = batching(server, calls_per_run=3)
        with pytest.raises(BudgetExceeded, match="calls_per_run"):
            ask(tmp_path, recipe, MemoryCallStore(), *"abcde")
        with pytest.raises(RepliesPending):
            ask(tmp_path, recipe, MemoryCallStore(), *"ab")
        with pytest.raises(BudgetExceeded, match="calls_per_run"):
            ask(tmp_path, recipe, MemoryCallStore(), *"cd")
        assert server.counters.batches == 1


def single(recipe: Recipe) -> Recipe:
    """The same recipe and budget, asked call by call."""
    model = recipe.models["it"].model_copy(update={"batch": False})
    return recipe.model_copy(update={"models": {"it": model}})


@pytest.mark.parametrize(
    "limit",
    [
        {"calls_per_recipe": 4},  # a batch of 3, and 1 call
        {"calls_per_run": 4},
        {"tokens_per_recipe": 240},  # 67 a request: 17 in, for a byte and its frame, and 50 out
        {"usd_per_recipe": 400e-6},  # 117 millionths a request, at 1 and 2 dollars a million
        {"usd_per_day": 400e-6},
    ],
    ids=str,
)
def test_what_a_batch_may_take_is_kept_from_single_calls_until_its_results_are_here(
    tmp_path: Path, limit: dict[str, Any]
):
    def ask_singly(*texts: str) -> list[Reply]:
        """In a process of its own, as far as the budget can tell."""
        requests = [ask_for(text, sampling={"max_tokens": 50}) for text in texts]
        alone = single(recipe)
        with make_engine(tmp_path, recipe=alone, calls=store, run_id="r") as engine:
            return list(engine.ask(requests))

    store = MemoryCallStore()
    with serving(LATER) as server:
        recipe = batching(server, **limit)
        with pytest.raises(RepliesPending):
            ask(tmp_path, recipe, store, "a", "b", "c", run_id="r")
        if "calls" in str(limit):
            assert ask_singly("d")[0].text == "re: d"
        with pytest.raises(BudgetExceeded, match="kept for batches that run"):
            ask_singly("e")
        assert server.counters.times("e") == 0, "nothing was sent"
        server.change(batch_s=0)
        assert collect(tmp_path, recipe, store).stored == 3
        replies = ask(tmp_path, recipe, store, "a", "b", "c", run_id="r")
        assert [reply.text for reply in replies] == ["re: a", "re: b", "re: c"]
        if "calls" not in str(limit):  # three took as many calls as they might, and less else
            assert ask_singly("e")[0].text == "re: e"


def test_batches_together_fit_into_the_budget(tmp_path: Path):
    with serving(LATER) as server:
        recipe = batching(server, calls_per_recipe=5)
        for texts in ("abc", "de"):
            with pytest.raises(RepliesPending):
                ask(tmp_path, recipe, MemoryCallStore(), *texts)
        with pytest.raises(BudgetExceeded, match="0 calls are spent, 5 calls are kept for batches"):
            ask(tmp_path, recipe, MemoryCallStore(), "f")
        assert server.counters.batches == 2


def test_what_a_batch_left_undone_is_given_back(tmp_path: Path):
    store = MemoryCallStore()
    with serving(Settings(batch_ends="expired")) as server:
        recipe = batching(server, calls_per_recipe=4)
        with pytest.raises(RepliesPending):
            ask(tmp_path, recipe, store, *"abcd")
        assert collect(tmp_path, recipe, store).left == 2
        with make_engine(tmp_path, recipe=single(recipe), calls=store) as engine:
            assert len(list(engine.ask([ask_for("e"), ask_for("f")]))) == 2


def test_a_batch_that_never_was_submitted_keeps_nothing(tmp_path: Path):
    with serving() as server:
        recipe = batching(server, calls_per_recipe=2)
        nowhere = recipe.models["it"].model_copy(update={"base_url": f"{server.address}/none"})
        wrong = recipe.model_copy(update={"models": {"it": nowhere}})
        with pytest.raises(RejectedCallError, match="not_found"):
            ask(tmp_path, wrong, MemoryCallStore(), "a", "b")
        with pytest.raises(RepliesPending):
            ask(tmp_path, recipe, MemoryCallStore(), "c", "d")


def test_the_rebate_counts_in_rows_and_in_the_budget(tmp_path: Path):
    """At half the price twice as much fits: 117 millionths of a dollar a request at most."""
    store = MemoryCallStore()
    with serving(Settings()) as server:
        dear = batching(server, usd_per_recipe=3 * 117e-6)
        with pytest.raises(BudgetExceeded, match="usd_per_recipe"):
            ask(tmp_path / "dear", dear, MemoryCallStore(), *"abcdef")
        half = dear.models["it"].model_copy(update={"batch_discount": 0.5})
        cheap = dear.model_copy(update={"models": {"it": half}})
        with pytest.raises(RepliesPending):
            ask(tmp_path, cheap, store, *"abcdef")
        assert collect(tmp_path, cheap, store).stored == 6
    for row in store.rows:
        full = row["input_tokens"] * 1e-6 + row["output_tokens"] * 2e-6
        assert row["cost_usd"] == pytest.approx(full / 2)


def test_no_key_is_on_disk(tmp_path: Path):
    store = MemoryCallStore()
    with serving(LATER) as server:
        recipe = batching(server)
        with pytest.raises(RepliesPending):
            ask(tmp_path, recipe, store, f"my key is {KEY}")
        assert (
            KEY
            in json.loads(server.last[0].body.split(b"\r\n\r\n")[-1].splitlines()[0])["body"][
                "messages"
            ][0]["content"]
        )
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert any("items" in path.name for path in files)
        assert not any(KEY.encode() in path.read_bytes() for path in files)


def test_batches_belong_to_providers_that_have_them():
    with pytest.raises(ValidationError, match="batch"):
        Model(model="mistral/mistral-small-latest", batch=True)
    assert os.environ["KEY_OF_TRIAL"] == KEY
