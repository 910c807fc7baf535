from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from synth_assets.errors import BudgetExceeded, RecipeError, TransientCallError
from synth_assets.llm.accounts import Accounts, Need
from synth_assets.llm.budget import Ledger, today
from synth_assets.llm.call_store import MemoryCallStore
from synth_assets.llm.journal import Journal
from synth_assets.llm.recovery import recover
from synth_assets.llm.replies import body_of
from synth_assets.llm.request import Request
from synth_assets.recipe import Budget, Recipe
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe, make_row

CALL = Need.of(calls=1, tokens=100, usd=0.1)


def make_ledger(
    home: Path,
    run_id: str = "run",
    recipe: str = "trial",
    journal: Journal | None = None,
    **limits: Any,
) -> Ledger:
    return Ledger(
        home / "budget.sqlite",
        recipe=recipe,
        run_id=run_id,
        limits=Budget.model_validate(limits),
        journal=journal or Journal(home),
    )


def spend(ledger: Ledger, need: Need = CALL, truth: Need = CALL) -> None:
    assert ledger.reserve(need)
    ledger.settle(need, truth, today())


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"usd_per_run": 0.3}, r"usd_per_run = 0.3 US dollars: 0.3 US dollars are spent"),
        ({"usd_per_day": 0.3}, "usd_per_day"),
        ({"usd_per_recipe": 0.3}, "usd_per_recipe"),
        ({"calls_per_day": 3}, "calls_per_day"),
        ({"calls_per_recipe": 3}, "calls_per_recipe"),
        ({"tokens_per_day": 300}, "tokens_per_day"),
        ({"tokens_per_recipe": 300}, "tokens_per_recipe"),
        ({"calls_per_run": 3}, "calls_per_run = 3 calls: 3 calls are spent"),
        ({"tokens_per_run": 300}, "tokens_per_run = 300 tokens"),
    ],
)
def test_each_limit_holds_to_the_last_cent(tmp_path: Path, limits: dict[str, Any], message: str):
    ledger = make_ledger(tmp_path, **limits)
    for _ in range(3):
        spend(ledger)
    with pytest.raises(BudgetExceeded, match=message):
        ledger.reserve(CALL)
    assert ledger.spent_in_run() == Need.of(3, 300, 0.3)
    ledger.close()


def test_what_is_reserved_is_not_to_be_had_until_it_is_settled(tmp_path: Path):
    ledger = make_ledger(tmp_path, usd_per_run=0.2)
    assert ledger.reserve(CALL)
    assert ledger.reserve(CALL)
    assert not ledger.reserve(CALL)
    ledger.settle(CALL, Need.of(1, 10, 0.01), today())
    assert ledger.reserve(Need.of(1, 90, 0.09))
    assert not ledger.reserve(Need.of(1, 90, 0.09))
    ledger.close()


def test_a_call_that_took_nothing_gives_its_reservation_back(tmp_path: Path):
    ledger = make_ledger(tmp_path, calls_per_run=1)
    assert ledger.reserve(CALL)
    ledger.release(CALL)
    spend(ledger)
    with pytest.raises(BudgetExceeded):
        ledger.reserve(CALL)
    ledger.close()


def test_a_day_is_shared_by_runs_and_a_run_is_its_own(tmp_path: Path):
    first = make_ledger(tmp_path, "one", usd_per_day=0.15, calls_per_run=1)
    second = make_ledger(tmp_path, "two", usd_per_day=0.15, calls_per_run=1)
    other = make_ledger(tmp_path, "three", recipe="other", usd_per_day=0.15)
    spend(first)
    first.write()
    with pytest.raises(BudgetExceeded, match="usd_per_day"):
        second.reserve(CALL)
    spend(other)
    assert (second.spent_in_run(), second.spent_today()) == (Need(), CALL)
    for ledger in (first, second, other):
        ledger.close()


def test_all_runs_share_the_budget_of_the_recipe(tmp_path: Path):
    for run_id in ("one", "two"):
        ledger = make_ledger(tmp_path, run_id, calls_per_recipe=2)
        spend(ledger)
        ledger.close()
    third = make_ledger(tmp_path, "three", calls_per_recipe=2)
    with pytest.raises(BudgetExceeded, match="calls_per_recipe = 2 calls: 2 calls are spent"):
        third.reserve(CALL)
    assert third.spent_ever().calls == 2
    third.close()


def test_a_run_without_limits_still_counts_towards_the_day(tmp_path: Path):
    free = make_ledger(tmp_path, "one")
    spend(free)
    free.close()
    limited = make_ledger(tmp_path, "two", usd_per_day=0.1)
    with pytest.raises(BudgetExceeded):
        limited.reserve(CALL)
    limited.close()


def test_the_lease_of_a_dead_process_comes_back(tmp_path: Path):
    journal = Journal(tmp_path)
    dead = make_ledger(tmp_path, "one", journal=journal, usd_per_day=0.1)
    alive = make_ledger(tmp_path, "two", usd_per_day=0.1)
    assert dead.reserve(CALL)
    assert not alive.reserve(CALL)
    journal.close()  # gives its lock up, as a death does
    assert alive.reserve(CALL)
    alive.close()


def test_what_a_dead_process_journaled_counts_as_spent_and_the_rest_does_not(tmp_path: Path):
    journal = Journal(tmp_path)
    dead = make_ledger(tmp_path, "one", journal=journal, calls_per_day=10)
    for number in range(6):
        assert dead.reserve(CALL)
        if number < 3:  # the others are in flight
            journal.append(make_row(str(number), spent=("trial", "one", today(), *CALL)))
            dead.settle(CALL, CALL, today())
        if number == 1:
            dead.write()  # the third line is not in the accounts when it dies
    journal.close()
    alive = make_ledger(tmp_path, "two", calls_per_day=10)
    for _ in range(7):
        spend(alive)
    with pytest.raises(BudgetExceeded, match="10 calls are spent"):
        alive.reserve(CALL)
    assert recover(tmp_path, MemoryCallStore()).calls == 3
    assert alive.spent_today().calls == 10, "moving its lines counts them no second time"
    alive.close()


def test_each_segment_of_a_dead_process_is_counted_from_where_it_was_counted_to(tmp_path: Path):
    journal = Journal(tmp_path)
    dead = make_ledger(tmp_path, "one", journal=journal)
    for number in range(6):
        journal.append(make_row(str(number), spent=("trial", "one", today(), *CALL)))
        dead.settle(CALL, CALL, today())
        if number == 2:  # its first segment goes into the store, and it dies before it says so
            dead.write()
            assert journal.move_to(MemoryCallStore()) == 3
    journal.close()
    assert recover(tmp_path, MemoryCallStore()).calls == 3
    ledger = make_ledger(tmp_path, "two")
    assert ledger.spent_today().calls == 6
    ledger.close()


def test_a_journal_that_is_moved_before_anyone_asks_is_counted_once(tmp_path: Path):
    journal = Journal(tmp_path)
    dead = make_ledger(tmp_path, "one", journal=journal)
    journal.append(make_row("a", spent=("trial", "one", today(), *CALL)))
    dead.settle(CALL, CALL, today())
    journal.close()
    for calls in (1, 0):
        assert recover(tmp_path, MemoryCallStore()).calls == calls
    ledger = make_ledger(tmp_path, "two")
    assert ledger.spent_today() == CALL
    ledger.close()


def test_who_has_to_wait_keeps_nothing_that_another_may_need(tmp_path: Path):
    """Else two of which each holds what the other lacks would wait for ever."""
    small, large = Need(1, 10), Need(1, 900)
    one = make_ledger(tmp_path, "one", tokens_per_day=1000)
    two = make_ledger(tmp_path, "two", tokens_per_day=1000)
    assert one.reserve(small)
    assert two.reserve(small)  # each has leased more than the call it reserves
    assert not one.reserve(large)
    assert two.reserve(large)
    two.settle(large, large, today())
    two.write()
    with pytest.raises(BudgetExceeded):
        one.reserve(large)
    one.close()
    two.close()


def test_a_call_that_takes_more_than_its_bound_is_not_lost_from_the_accounts(tmp_path: Path):
    ledger = make_ledger(tmp_path, tokens_per_run=1000)
    spend(ledger, Need(1, 100), Need(1, 700))
    assert not ledger.reserve(Need(1, 300)) or ledger.spent_in_run().tokens == 700
    with pytest.raises(BudgetExceeded, match="700 tokens are spent"):
        ledger.reserve(Need(1, 301))
    ledger.close()


def test_what_costs_nothing_fits_into_a_budget_of_nothing(tmp_path: Path):
    ledger = make_ledger(tmp_path, usd_per_run=0)
    assert ledger.reserve(Need(1, 100, 0))
    with pytest.raises(BudgetExceeded):
        ledger.reserve(CALL)
    ledger.close()


def test_a_lease_serves_many_calls_and_shrinks_to_single_ones_near_the_limit(tmp_path: Path):
    ledger = make_ledger(tmp_path, calls_per_run=1000)
    watcher = Accounts(tmp_path / "budget.sqlite")
    leased = []
    for _ in range(1000):
        spend(ledger)
        leased.append(watcher.leased("trial").calls)
    assert len(set(leased[:500])) < 20, "few transactions"
    assert leased[0] > 50
    assert leased[-1] == 1
    watcher.close()
    ledger.close()


def test_threads_that_reserve_at_once_cannot_overshoot(tmp_path: Path):
    spent: list[int] = []

    def work() -> None:
        ledger = make_ledger(tmp_path, calls_per_run=250)
        try:
            while True:
                if ledger.reserve(CALL):
                    ledger.settle(CALL, CALL, today())
                    spent.append(1)
                else:
                    time.sleep(0.001)
        except BudgetExceeded:
            ledger.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger = make_ledger(tmp_path)
    assert ledger.spent_in_run().calls == len(spent) == 250
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


def test_an_engine_that_rests_gives_back_what_it_leased(tmp_path: Path):
    """Its caller is still at work on its replies; meanwhile another engine spends the rest."""
    recipe = make_recipe(calls_per_day=100)
    with make_engine(tmp_path, lambda request: "one", recipe=recipe) as resting:
        replies = resting.ask([ask_for("a"), ask_for("b")])
        next(replies)
        with make_engine(tmp_path, lambda request: "two", recipe=recipe) as engine:
            others = [ask_for("c", sample_index=n) for n in range(98)]
            assert len(list(engine.ask(others))) == 98
            with pytest.raises(BudgetExceeded, match="100 calls are spent"):
                list(engine.ask([ask_for("d")]))
        assert next(replies).text == "one"


def test_a_call_that_failed_counts_as_a_call_and_costs_nothing(tmp_path: Path):
    store = MemoryCallStore()
    recipe = priced(usd_per_run=0.01, calls_per_run=1)
    script = [TransientCallError("gone", kind="connection")]
    with make_engine(tmp_path, script, recipe=recipe, calls=store, run_id="r") as engine:
        (reply,) = engine.ask([ask_for("a")])
    assert (reply.status, reply.cost_usd) == ("failed", None)
    ledger = make_ledger(tmp_path, "r")
    assert ledger.spent_in_run() == Need(1, 0, 0)
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
