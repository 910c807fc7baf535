"""What the engine makes of endpoints that fail, are busy, or are not there."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest

from synth_assets.errors import EndpointDown, RejectedCallError, TransientCallError
from synth_assets.llm.breaker import Patience
from synth_assets.llm.call_store import MemoryCallStore
from synth_assets.llm.limits import Allowance, RateLimits
from synth_assets.llm.replies import body_of, read_reply
from synth_assets.llm.request import Request
from synth_assets.llm.transports.scripted import Scripted
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe

DOWN = TransientCallError("connection refused", kind="connection")
IMPATIENT = Patience(after=5, most_s=0.3, first_s=0.01, longest_s=0.05)


def many(number: int) -> list[Request]:
    return [ask_for("p", sample_index=n) for n in range(number)]


def test_a_slow_call_delays_no_other(tmp_path: Path):
    """While the first call waits, all others are made, more than a window of them."""
    done: list[int] = []

    async def first_waits_for_all(request: Request) -> str:
        if request.sample_index == 0:
            while len(done) < 2999:
                await asyncio.sleep(0.01)
        done.append(request.sample_index)
        return str(request.sample_index)

    recipe = make_recipe({"max_concurrency": 8})
    with make_engine(tmp_path, first_waits_for_all, recipe=recipe) as engine:
        replies = engine.ask(many(3000))
        assert [reply.text for reply in replies] == [str(n) for n in range(3000)]
    assert done[-1] == 0


def test_a_call_that_waits_for_its_next_try_holds_no_slot(tmp_path: Path):
    order: list[int] = []
    failed: set[int] = set()

    def fail_the_first_once(request: Request) -> str | Exception:
        n = request.sample_index
        order.append(n)
        if n == 0 and n not in failed:
            failed.add(n)
            return TransientCallError("wait", kind="rate_limit", retry_after_s=0.2)
        return "ok"

    recipe = make_recipe({"max_concurrency": 1})
    with make_engine(tmp_path, fail_the_first_once, recipe=recipe) as engine:
        list(engine.ask(many(20)))
    assert order == [*range(20), 0]
    assert engine.stats.retries == 1


def test_a_few_refusals_do_not_hold_up_the_rest(tmp_path: Path):
    """One call in twenty is refused and asked to wait; the others go on meanwhile."""
    made_while_waiting = 0
    refused: set[int] = set()

    async def refuse_some(request: Request) -> str | Exception:
        nonlocal made_while_waiting
        n = request.sample_index
        await asyncio.sleep(0.002)
        if n % 20 == 3 and n not in refused:
            refused.add(n)
            return TransientCallError("busy", kind="rate_limit", retry_after_s=60.0)
        made_while_waiting += 1
        return "ok"

    recipe = make_recipe({"max_concurrency": 10})
    with make_engine(tmp_path, refuse_some, recipe=recipe) as engine:
        replies = engine.ask(many(200))
        assert [next(replies).text for _ in range(3)] == ["ok"] * 3
        until = time.monotonic() + 20
        while made_while_waiting < 190 and time.monotonic() < until:
            time.sleep(0.01)
        replies.close()
        assert made_while_waiting == 190
    assert engine.stats.made == 190


def test_an_endpoint_that_refuses_everybody_is_left_alone_as_long_as_it_asks(tmp_path: Path):
    began = time.monotonic()
    asked_at: list[float] = []

    async def busy_for_a_while(request: Request) -> str | Exception:
        now = time.monotonic() - began
        asked_at.append(now)
        await asyncio.sleep(0.01)
        if now < 0.3:
            return TransientCallError("busy", kind="rate_limit", retry_after_s=0.5)
        return "ok"

    recipe = make_recipe({"max_concurrency": 16})
    with make_engine(tmp_path, busy_for_a_while, recipe=recipe) as engine:
        replies = list(engine.ask(many(300)))
    assert {reply.status for reply in replies} == {"ok"}
    # One round of calls, and those few that go out until it is seen that many are refused.
    assert sum(at < 0.3 for at in asked_at) <= 20
    assert engine.stats.failed == 0


def test_headers_of_the_endpoint_hold_calls_back(tmp_path: Path):
    class Tells(Scripted):
        async def send(self, model: object, request: Request):
            self.requests.append(request)
            reply = read_reply('{"choices": [{"message": {"content": "ok"}}]}')
            left = max(0, 5 - len(self.requests))
            return type(reply)(
                raw=reply.raw,
                status=reply.status,
                text=reply.text,
                limits=RateLimits(requests=Allowance(None, left, 60.0)),
            )

    transport = Tells([])
    recipe = make_recipe({"max_concurrency": 1})
    with make_engine(tmp_path, recipe=recipe, transports={"it": transport}) as engine:
        replies = engine.ask(many(50))
        assert [next(replies).text for _ in range(5)] == ["ok"] * 5
        time.sleep(0.2)
        assert len(transport.requests) == 5, "the sixth waits for the reset"
        replies.close()


def test_a_declared_limit_holds_calls_back(tmp_path: Path):
    script = Scripted(lambda request: "ok")
    recipe = make_recipe({"requests_per_minute": 60})  # five at once, then one a second
    with make_engine(tmp_path, recipe=recipe, transports={"it": script}) as engine:
        replies = engine.ask(many(50))
        assert [next(replies).text for _ in range(5)] == ["ok"] * 5
        assert len(script.requests) <= 7
        replies.close()


def test_a_request_over_its_deadline_is_a_failed_row_that_the_next_run_asks_again(tmp_path: Path):
    async def hang(request: Request) -> str:
        await asyncio.sleep(60)
        return "never"

    store = MemoryCallStore()
    recipe = make_recipe({"deadline_s": 0.05})
    with make_engine(tmp_path, hang, recipe=recipe, calls=store) as engine:
        (reply,) = engine.ask([ask_for("a")])
    assert (reply.status, reply.text) == ("failed", None)
    assert (reply.error or "").startswith("deadline: scripted/it: no reply within deadline_s")
    with make_engine(tmp_path, ["yes"], recipe=recipe, calls=store) as engine:
        (again,) = engine.ask([ask_for("a")])
    assert (again.text, [row["attempt"] for row in store.rows]) == ("yes", [0, 1])


def test_the_deadline_counts_all_tries(tmp_path: Path):
    script = Scripted(lambda request: TransientCallError("busy", kind="server", retry_after_s=10))
    recipe = make_recipe({"deadline_s": 5})
    with make_engine(tmp_path, recipe=recipe, transports={"it": script}) as engine:
        (reply,) = engine.ask([ask_for("a")])
    assert "(last: busy)" in (reply.error or "")
    assert len(script.requests) == 1, "the second try would come too late"


def test_an_endpoint_that_is_down_stops_the_run_after_few_failures(tmp_path: Path):
    store = MemoryCallStore()
    script = Scripted(lambda request: "ok" if request.sample_index < 3 else DOWN)
    recipe = make_recipe(
        {"max_concurrency": 4, "model": "openai_compatible/m", "base_url": "http://u:pw@h:1/v1"}
    )
    with (
        pytest.raises(EndpointDown, match=r"models.it: openai_compatible/m at http://h:1/v1") as e,
        make_engine(
            tmp_path, recipe=recipe, calls=store, transports={"it": script}, patience=IMPATIENT
        ) as engine,
    ):
        list(engine.ask(many(500)))
    assert "connection refused" in str(e.value)
    assert "run again" in str(e.value)
    assert [row["status"] for row in store.rows] == ["ok"] * 3, "what is done is kept, no more"
    assert len(script.requests) < 60


def test_a_server_that_goes_away_and_comes_back_costs_no_request_its_tries(tmp_path: Path):
    began = time.monotonic()

    async def away_for_a_while(request: Request) -> str | Exception:
        await asyncio.sleep(0.001)
        return DOWN if 0.05 < time.monotonic() - began < 1.0 else "ok"

    recipe = make_recipe({"max_concurrency": 32, "max_retries": 1})
    patience = Patience(after=5, most_s=20.0, first_s=0.01, longest_s=0.1)
    with make_engine(tmp_path, away_for_a_while, recipe=recipe, patience=patience) as engine:
        replies = [reply.status for reply in engine.ask(many(4000))]
    # The few that failed before it counted as away may have used their only try.
    assert Counter(replies)["ok"] >= 3995


def test_an_endpoint_out_of_credit_stops_the_run_at_once(tmp_path: Path):
    error = RejectedCallError("no credit", kind="out_of_credit")
    script = Scripted(lambda request: error if request.sample_index else "ok")
    store = MemoryCallStore()
    with (
        pytest.raises(EndpointDown, match=r"models.it: scripted/it has no credit left: no credit"),
        make_engine(tmp_path, calls=store, transports={"it": script}) as engine,
    ):
        list(engine.ask(many(500)))
    assert [row["status"] for row in store.rows] == ["ok"]
    assert len(script.requests) <= 17


def test_further_requests_may_be_asked_after_an_error_was_raised(tmp_path: Path):
    refusals = [RejectedCallError("no", kind="auth")]

    def answer(request: Request) -> str | Exception:
        return refusals.pop() if refusals else request.messages[0]["content"]

    with make_engine(tmp_path, answer, recipe=make_recipe({"max_concurrency": 1})) as engine:
        with pytest.raises(RejectedCallError):
            list(engine.ask([ask_for("a"), ask_for("b")]))
        replies = list(engine.ask([ask_for("a"), ask_for("b")]))
    assert [reply.text for reply in replies] == ["a", "b"]


def test_requests_nobody_waits_for_are_not_sent(tmp_path: Path):
    script = Scripted(lambda request: "ok")

    async def slowly(request: Request) -> str:
        await asyncio.sleep(0.02)
        return "ok"

    script = Scripted(slowly)
    recipe = make_recipe({"max_concurrency": 2})
    with make_engine(tmp_path, recipe=recipe, transports={"it": script}) as engine:
        replies = engine.ask(many(1000))
        next(replies)
        replies.close()
        seen = len(script.requests)
        (other,) = engine.ask([ask_for("other")])
    assert other.text == "ok"
    assert len(script.requests) <= seen + 5


def test_totals_for_a_live_view(tmp_path: Path):
    body = body_of("yes", model="it", input_tokens=10, output_tokens=4)
    recipe = make_recipe(
        {
            "input_usd_per_million": 1.0,
            "output_usd_per_million": 2.0,
            "model": "openai_compatible/m",
            "base_url": "http://h:1/v1",
        }
    )
    lines = [body, TransientCallError("x", kind="server"), body, body]
    with make_engine(tmp_path, lines, recipe=recipe) as engine:
        replies = engine.ask([ask_for("a"), ask_for("a"), ask_for("b"), ask_for("c")])
        for _ in range(3):
            next(replies)
        halfway = engine.stats
        assert (halfway.total, halfway.asked) == (4, 4)
        list(replies)
    stats = engine.stats
    assert (stats.made, stats.cached, stats.answered, stats.retries) == (3, 1, 4, 1)
    assert (stats.in_flight, stats.levels, stats.seconds_left) == (0, {"it": 16}, 0.0)
    assert stats.cost_usd == pytest.approx(3 * 18e-6)
    assert stats.projected_cost_usd == stats.cost_usd
    assert stats.calls_per_second is not None


def test_a_total_that_nobody_knows_gives_no_forecast(tmp_path: Path):
    with make_engine(tmp_path, lambda request: "ok") as engine:
        list(engine.ask(iter(many(3))))
    assert (engine.stats.total, engine.stats.seconds_left) == (None, None)
    assert engine.stats.projected_cost_usd is None
