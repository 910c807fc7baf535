"""A process that dies at any moment, and the next one that goes on from there."""

from __future__ import annotations

import random
import signal
import threading
from collections import Counter
from pathlib import Path

import pytest

from synth_assets.llm.accounts import Accounts
from synth_assets.llm.call_store import MemoryCallStore
from synth_assets.llm.recovery import recover
from synth_assets.store.calls import LakeCalls
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets_tests.llm.loopback import Asked, loopback, says
from synth_assets_tests.llm.making import start_python

CONCURRENCY = 8
PROMPTS = 600

WORK = """
import signal, sys
from pathlib import Path
from synth_assets.llm import sending
from synth_assets.store.calls import LakeCalls
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe

class Interrupted(BaseException):
    pass

def interrupt(number, frame):
    raise Interrupted

signal.signal(signal.SIGTERM, interrupt)
sending.FLUSH_S = 0.05  # so that many a death falls into a move
recipe = make_recipe({"model": "openai_compatible/m", "base_url": sys.argv[2],
                      "max_concurrency": 8}, calls_per_recipe=100_000)
home = Path(sys.argv[1])
try:
    with Lake(Home.at(home)) as lake:
        with make_engine(home, recipe=recipe, calls=LakeCalls(lake)) as engine:
            for n, reply in enumerate(engine.ask(ask_for(f"prompt {n}") for n in range(600))):
                assert reply.text == f"re: prompt {n}", reply
except (Interrupted, KeyboardInterrupt):  # the latter where a query of DuckDB was running
    sys.exit(0)
print("done")
"""


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGKILL, id="SIGKILL"),
        pytest.param(signal.SIGTERM, id="SIGTERM", marks=pytest.mark.full),
    ],
)
def test_no_stored_reply_is_lost_and_nothing_is_bought_twice_but_what_was_in_flight(
    tmp_path: Path, number: signal.Signals
):
    """Killed at random moments, each time started again, and counted at the end."""
    served: list[str] = []
    until = threading.Event()
    next_death = [0]

    def respond(asked: Asked):
        served.append(asked.prompt)
        if len(served) >= next_death[0]:
            until.set()
        return says(f"re: {asked.prompt}")

    deaths = 0
    with loopback(respond, delay_s=0.004) as server:
        for moment in sorted(random.sample(range(20, PROMPTS - 20), 3)):
            next_death[0] = moment
            until.clear()
            child = start_python(WORK, str(tmp_path), server.base_url)
            assert until.wait(60)
            child.send_signal(number)
            _, error = child.communicate(timeout=60)
            assert child.returncode == (-number if number == signal.SIGKILL else 0), error
            deaths += 1
        next_death[0] = 10**9
        child = start_python(WORK, str(tmp_path), server.base_url)
        said, error = child.communicate(timeout=120)
    assert said == "done\n", error
    counted = Counter(served)
    assert len(counted) == PROMPTS
    bought_twice = sum(counted.values()) - PROMPTS
    assert bought_twice <= (deaths * CONCURRENCY if number == signal.SIGKILL else 0)
    with Lake(Home.at(tmp_path)) as lake:
        assert recover(tmp_path, LakeCalls(lake)).calls == 0, "the last one moved all"
        rows = lake.execute("SELECT count(*), count(DISTINCT key) FROM lake.llm.calls")
        assert rows[0][1] == PROMPTS
        assert PROMPTS <= rows[0][0] <= len(served)
        assert spent_calls(tmp_path) == rows[0][0], "each kept call is in the accounts, once"
    assert list((tmp_path / "journal").iterdir()) == []


def spent_calls(home: Path) -> int:
    accounts = Accounts(home / "budget.sqlite")
    spent = accounts.spent("trial").calls
    assert accounts.leased("trial").calls == 0
    assert accounts.segments == [], "nothing is remembered of files that are gone"
    accounts.close()
    return spent


SPEND = """
import sys
from pathlib import Path
from synth_assets.errors import BudgetExceeded
from synth_assets.llm.call_store import MemoryCallStore
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe

recipe = make_recipe({"model": "openai_compatible/m", "base_url": sys.argv[2],
                      "max_concurrency": 8}, calls_per_day=300)
try:
    with make_engine(Path(sys.argv[1]), recipe=recipe, calls=MemoryCallStore()) as engine:
        list(engine.ask(ask_for(f"{sys.argv[3]} {n}") for n in range(10_000)))
except BudgetExceeded:
    print("spent", engine.stats.made)
"""


def test_a_budget_holds_over_processes_to_the_last_call_though_one_is_killed(tmp_path: Path):
    served: list[str] = []
    is_half_spent = threading.Event()

    def respond(asked: Asked):
        served.append(asked.prompt)
        if len(served) == 150:
            is_half_spent.set()
        return says("yes")

    with loopback(respond, delay_s=0.005) as server:
        children = [
            start_python(SPEND, str(tmp_path), server.base_url, name) for name in ("a", "b", "c")
        ]
        assert is_half_spent.wait(60)
        children[0].kill()
        said = [child.communicate(timeout=120) for child in children]
    made = [int(out.split()[1]) for out, _ in said[1:]]
    recover(tmp_path, MemoryCallStore())
    assert spent_calls(tmp_path) == 300, said
    in_flight = len(served) - 300
    assert 0 <= in_flight <= CONCURRENCY, "what the killed one had sent, and nobody has a reply of"
    assert sum(made) <= 300
