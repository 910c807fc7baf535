from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from synth_assets.errors import BudgetExceeded, RecipeError, TransientCallError
from synth_assets.llm.budget import Ledger, Need
from synth_assets.llm.call_store import MemoryCallStore
from synth_assets.llm.journal import Journal
from synth_assets.llm.replies import body_of
from synth_assets.llm.request import Request
from synth_assets.recipe import Budget, Recipe
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe

CALL = Need(calls=1, tokens=100, usd=0.1)


def make_ledger(home: Path, run_id: str = "run", **limits: Any) -> Ledger:
    return Ledger(
        home / "budget.sqlite",
        recipe="trial",
        run_id=run_id,
        limits=Budget.model_validate(limits),
        owner=living_owner(home),
    )


OWNERS: list[Journal] = []


def living_owner(home: Path) -> Path:
    journal = Journal(home)
    OWNERS.append(journal)
    return journal.open()


def reserve(ledger: Ledger, need: Need = CALL) -> int:
    reservation = ledger.reserve(need)
    assert reservation is not None
    return reservation


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"usd_per_run": 0.3}, r"usd_per_run = 0.3 US dollars: 0.3 US dollars are spent"),
        ({"usd_per_day": 0.3}, "usd_per_day"),
        ({"calls_per_run": 3}, "calls_per_run = 3 calls: 3 calls are spent"),
        ({"tokens_per_run": 300}, "tokens_per_run = 300 tokens"),
    ],
)
def test_each_limit_holds_to_the_last_cent(tmp_path: Path, limits: dict[str, Any], message: str):
    ledger = make_ledger(tmp_path, **limits)
    for _ in range(3):
        ledger.settle(reserve(ledger), CALL)
    with pytest.raises(BudgetExceeded, match=message):
        ledger.reserve(CALL)
    assert ledger.spent_in_run() == Need(3, 300, 0.3)
    ledger.close()


def test_what_is_reserved_is_not_to_be_had_until_it_is_settled(tmp_path: Path):
    ledger = make_ledger(tmp_path, usd_per_run=0.2)
    first, _second = reserve(ledger), reserve(ledger)
    assert ledger.reserve(CALL) is None
    ledger.settle(first, Need(1, 10, 0.01))
    assert ledger.reserve(Need(1, 90, 0.09)) is not None
    assert ledger.reserve(Need(1, 90, 0.09)) is None
    ledger.close()


def test_a_call_that_took_nothing_gives_its_reservation_back(tmp_path: Path):
    ledger = make_ledger(tmp_path, calls_per_run=1)
    ledger.release(reserve(ledger))
    ledger.settle(reserve(ledger), CALL)
    with pytest.raises(BudgetExceeded):
        ledger.reserve(CALL)
    ledger.close()


def test_a_day_is_shared_by_runs_and_a_run_is_its_own(tmp_path: Path):
    first = make_ledger(tmp_path, "one", usd_per_day=0.15, calls_per_run=1)
    second = make_ledger(tmp_path, "two", usd_per_day=0.15, calls_per_run=1)
    other = Ledger(
        tmp_path / "budget.sqlite",
        recipe="other",
        run_id="three",
        limits=Budget(usd_per_day=0.15),
        owner=living_owner(tmp_path),
    )
    first.settle(reserve(first), CALL)
    with pytest.raises(BudgetExceeded, match="usd_per_day"):
        second.reserve(CALL)
    other.settle(reserve(other), CALL)
    assert (second.spent_in_run(), second.spent_today()) == (Need(), CALL)
    for ledger in (first, second, other):
        ledger.close()


def test_a_run_without_limits_still_counts_towards_the_day(tmp_path: Path):
    free = make_ledger(tmp_path, "one")
    free.settle(reserve(free), CALL)
    free.close()
    limited = make_ledger(tmp_path, "two", usd_per_day=0.1)
    with pytest.raises(BudgetExceeded):
        limited.reserve(CALL)
    limited.close()


def test_reservations_of_a_dead_process_do_not_hold_budget(tmp_path: Path):
    owner = Journal(tmp_path)
    dead = Ledger(
        tmp_path / "budget.sqlite",
        recipe="trial",
        run_id="one",
        limits=Budget(usd_per_day=0.1),
        owner=owner.open(),
    )
    alive = make_ledger(tmp_path, "two", usd_per_day=0.1)
    reserve(dead)
    assert alive.reserve(CALL) is None
    owner.close()  # gives its lock up, as a death does
    assert alive.reserve(CALL) is not None
    dead.close()
    alive.close()


def test_what_costs_nothing_fits_into_a_budget_of_nothing(tmp_path: Path):
    ledger = make_ledger(tmp_path, usd_per_run=0)
    assert ledger.reserve(Need(1, 100, 0.0)) == 0
    with pytest.raises(BudgetExceeded):
        ledger.reserve(CALL)
    ledger.close()


def test_threads_that_reserve_at_once_cannot_overshoot(tmp_path: Path):
    def spend() -> None:
        ledger = make_ledger(tmp_path, calls_per_run=25)
        try:
            while True:
                reservation = ledger.reserve(CALL)
                if reservation is not None:
                    ledger.settle(reservation, CALL)
        except BudgetExceeded:
            ledger.close()

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger = make_ledger(tmp_path)
    assert ledger.spent_in_run().calls == 25
    ledger.close()


def priced(**budget: float) -> Recipe:
    """A model of 1 dollar per million tokens, either way."""
    return make_recipe(
        {
            "model": "openai_compatible/m",
            "base_url": "http://127.0.0.1:1/v1",
            "input_usd_per_million": 1.0,
            "output_usd_per_million": 1.0,
            "max_retries": 0,
        },
        **budget,
    )


async def reply_of_100_tokens(request: Request) -> dict[str, object]:
    await asyncio.sleep(0.005)
    return body_of("yes", model="m", input_tokens=40, output_tokens=60)


def test_calls_in_flight_together_do_not_overspend_and_what_is_done_is_kept(tmp_path: Path):
    store = MemoryCallStore()
    recipe = priced(usd_per_run=0.002)  # 20 calls of 100 tokens
    with (
        pytest.raises(BudgetExceeded, match="usd_per_run") as caught,
        make_engine(tmp_path, reply_of_100_tokens, recipe=recipe, calls=store) as engine,
    ):
        list(
            engine.ask(
                ask_for("p" * 24, sample_index=n, sampling={"max_tokens": 60}) for n in range(100)
            )
        )
    assert "Raise the limit" in str(caught.value)
    assert sum(row["cost_usd"] for row in store.rows) == pytest.approx(0.002)
    assert len(store.rows) == 20, "a call's bound is 24 + 16 + 60 tokens, just what it takes"


def test_two_engines_of_one_run_share_its_budget(tmp_path: Path):
    recipe = make_recipe(calls_per_run=3)
    with make_engine(tmp_path, ["1", "2"], recipe=recipe, run_id="r") as engine:
        list(engine.ask([ask_for("a"), ask_for("b")]))
    with (
        make_engine(tmp_path, ["3", "4"], recipe=recipe, run_id="r") as engine,
        pytest.raises(BudgetExceeded),
    ):
        list(engine.ask([ask_for("c"), ask_for("d")]))
    assert engine.stats.made == 1
    with make_engine(tmp_path, ["4"], recipe=recipe, run_id="next") as engine:
        assert [reply.text for reply in engine.ask([ask_for("d")])] == ["4"]


def test_a_call_that_failed_counts_as_a_call_and_costs_nothing(tmp_path: Path):
    store = MemoryCallStore()
    recipe = priced(usd_per_run=0.01, calls_per_run=1)
    script = [TransientCallError("gone", kind="connection")]
    with make_engine(tmp_path, script, recipe=recipe, calls=store, run_id="r") as engine:
        (reply,) = engine.ask([ask_for("a")])
    assert (reply.status, reply.cost_usd) == ("failed", None)
    ledger = make_ledger(tmp_path, "r")
    assert ledger.spent_in_run() == Need(1, 0, 0.0)
    ledger.close()


def test_a_budget_in_dollars_needs_a_price(tmp_path: Path):
    recipe = make_recipe(
        {"model": "openai_compatible/m", "base_url": "http://127.0.0.1:1/v1"}, usd_per_run=1
    )
    with (
        make_engine(tmp_path, ["yes"], recipe=recipe) as engine,
        pytest.raises(RecipeError, match="price of openai_compatible/m is not known"),
    ):
        list(engine.ask([ask_for("a")]))
