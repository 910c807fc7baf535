from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from synth_assets.errors import RecipeError, RejectedCallError, SynthError, TransientCallError
from synth_assets.identity import content_id
from synth_assets.llm.call_store import MemoryCallStore, Rows
from synth_assets.llm.replies import body_of
from synth_assets.llm.request import Request
from synth_assets.llm.transports.scripted import Scripted, forget, register
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe, run_python


def echo(request: Request) -> str:
    return "re: " + request.messages[-1]["content"]


def test_replies_come_in_the_order_of_the_requests(tmp_path: Path):
    async def last_first(request: Request) -> str:
        await asyncio.sleep(0.02 - 0.002 * request.sample_index)
        return echo(request)

    with make_engine(tmp_path, last_first) as engine:
        replies = list(engine.ask(ask_for(str(n), sample_index=n) for n in range(10)))
    assert [reply.text for reply in replies] == [f"re: {n}" for n in range(10)]


def test_no_requests_give_no_replies_and_no_files(tmp_path: Path):
    with make_engine(tmp_path, []) as engine:
        assert list(engine.ask([])) == []
    assert list(tmp_path.iterdir()) == []


def test_asking_again_costs_nothing_and_gives_the_same_calls(tmp_path: Path):
    store = MemoryCallStore()
    with make_engine(tmp_path, echo, calls=store) as engine:
        first = list(engine.ask([ask_for("a"), ask_for("b")]))
    with make_engine(tmp_path, [], calls=store) as engine:
        second = list(engine.ask([ask_for("a"), ask_for("b")]))
    assert [reply.call_id for reply in first] == [reply.call_id for reply in second]
    assert [reply.text for reply in second] == ["re: a", "re: b"]
    assert [reply.is_cached for reply in first + second] == [False, False, True, True]
    assert (engine.stats.made, engine.stats.cached) == (0, 2)


def test_equal_requests_are_sent_once(tmp_path: Path):
    script = Scripted(echo)
    with make_engine(tmp_path, transports={"it": script}) as engine:
        replies = list(engine.ask([ask_for("a"), ask_for("a"), ask_for("a")]))
        replies += engine.ask([ask_for("a")])
    assert len(script.requests) == 1
    assert len({reply.call_id for reply in replies}) == 1
    assert [reply.is_cached for reply in replies] == [False, True, True, True]


def test_two_engines_in_two_threads_share_a_call_in_flight(tmp_path: Path):
    both_asked = threading.Barrier(2, timeout=10)
    sent: list[str] = []

    async def slow(request: Request) -> str:
        sent.append(request.messages[0]["content"])
        await asyncio.sleep(0.2)
        return echo(request)

    store = MemoryCallStore()
    texts: list[str | None] = []

    def work() -> None:
        with make_engine(tmp_path, slow, calls=store) as engine:
            both_asked.wait()
            texts.extend(reply.text for reply in engine.ask([ask_for("a"), ask_for("b")]))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sent) == ["a", "b"]
    assert sorted(text or "" for text in texts) == ["re: a", "re: a", "re: b", "re: b"]
    assert len(store.rows) == 2


def test_two_engines_that_wait_for_each_others_calls_both_end(tmp_path: Path):
    """One slot each, and the same keys in opposite orders."""
    both_asked = threading.Barrier(2, timeout=10)
    sent: list[str] = []

    async def slow(request: Request) -> str:
        sent.append(request.messages[0]["content"])
        await asyncio.sleep(0.002)
        return echo(request)

    store = MemoryCallStore()
    texts = [str(n) for n in range(50)]
    found: dict[int, list[str | None]] = {}

    def work(number: int, asked: list[str]) -> None:
        recipe = make_recipe({"max_concurrency": 1})
        with make_engine(tmp_path, slow, recipe=recipe, calls=store) as engine:
            both_asked.wait()
            found[number] = [reply.text for reply in engine.ask(ask_for(text) for text in asked)]

    threads = [
        threading.Thread(target=work, args=(0, texts)),
        threading.Thread(target=work, args=(1, texts[::-1])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {0: [f"re: {t}" for t in texts], 1: [f"re: {t}" for t in texts[::-1]]}
    assert sorted(sent) == sorted(texts)


def test_what_one_engine_gives_up_another_that_waits_for_it_sends(tmp_path: Path):
    store = MemoryCallStore()
    is_sent = threading.Event()

    async def refuse_in_the_end(request: Request) -> str | Exception:
        is_sent.set()
        await asyncio.sleep(0.3)
        return RejectedCallError("no entry", kind="auth")

    refused: list[str] = []

    def work() -> None:
        recipe = make_recipe({"max_concurrency": 1})
        with make_engine(tmp_path, refuse_in_the_end, recipe=recipe, calls=store) as engine:
            try:
                list(engine.ask([ask_for("a"), ask_for("b"), ask_for("c")]))
            except RejectedCallError as error:
                refused.append(error.kind)

    thread = threading.Thread(target=work)
    thread.start()
    assert is_sent.wait(10)
    with make_engine(tmp_path, echo, calls=store) as engine:
        replies = [reply.text for reply in engine.ask([ask_for("c"), ask_for("b"), ask_for("a")])]
    thread.join(60)
    assert (replies, refused) == (["re: c", "re: b", "re: a"], ["auth"])


def test_a_row_holds_the_raw_reply_and_an_id_made_of_it(tmp_path: Path):
    store = MemoryCallStore()
    with make_engine(tmp_path, echo, calls=store) as engine:
        request = ask_for("a", sampling={"temperature": 0.5})
        (reply,) = engine.ask([request])
        key = engine.key(request)
    (row,) = store.rows
    assert row["call_id"] == reply.call_id == content_id("call", key, 0, row["raw_reply"])
    assert row["request"] == request.canonical()
    assert '"content":"re: a"' in row["raw_reply"]
    assert (row["asked_for"], row["provider"], row["model"]) == (
        "trial.completions",
        "scripted",
        "scripted/it",
    )


def test_transient_errors_are_tried_again(tmp_path: Path):
    script = Scripted([TransientCallError("busy", kind="rate_limit"), "yes"])
    with make_engine(tmp_path, transports={"it": script}) as engine:
        (reply,) = engine.ask([ask_for("a")])
    assert (reply.text, len(script.requests)) == ("yes", 2)
    assert (engine.stats.made, engine.stats.failed) == (1, 0)


def test_a_call_that_fails_transiently_is_kept_and_asked_again_by_the_next_run(tmp_path: Path):
    store = MemoryCallStore()
    recipe = make_recipe({"max_retries": 1})
    script = Scripted([TransientCallError("broke", kind="server")] * 2)
    with make_engine(tmp_path, recipe=recipe, calls=store, transports={"it": script}) as engine:
        (reply,) = engine.ask([ask_for("a")])
        (again,) = engine.ask([ask_for("a")])
    assert (reply.status, reply.text, reply.error) == ("failed", None, "server: broke")
    assert again.call_id == reply.call_id, "one run treats one key one way"
    assert len(script.requests) == 2
    with make_engine(tmp_path, ["yes"], calls=store) as engine:
        (later,) = engine.ask([ask_for("a")])
    assert (later.status, later.text) == ("ok", "yes")
    assert [(row["attempt"], row["status"]) for row in store.rows] == [(0, "failed"), (1, "ok")]


@pytest.mark.parametrize(
    ("kind", "status"),
    [("content_policy", "refused"), ("context_too_long", "failed"), ("bad_request", "failed")],
)
def test_a_rejected_request_is_a_row_and_is_known(tmp_path: Path, kind: str, status: str):
    store = MemoryCallStore()
    error = RejectedCallError("not this", kind=kind, raw_reply='{"error": {}}')
    with make_engine(tmp_path, [error, "fine"], calls=store) as engine:
        replies = list(engine.ask([ask_for("a")])) + list(engine.ask([ask_for("b")]))
    assert [reply.status for reply in replies] == [status, "ok"]
    assert replies[0].error == f"{kind}: not this"
    assert (replies[0].text is None) == (status == "failed")
    assert store.rows[0]["raw_reply"] == '{"error": {}}'
    with make_engine(tmp_path, [], calls=store) as engine:
        (known,) = engine.ask([ask_for("a")])
    assert (known.status, known.is_cached) == (status, True)


def test_retry_failed_asks_again_and_the_newest_attempt_counts(tmp_path: Path):
    store = MemoryCallStore()
    cut = body_of("The answer is", model="it", finish_reason="length")
    with make_engine(tmp_path, [cut, "whole"], calls=store) as engine:
        first = list(engine.ask([ask_for("a"), ask_for("b")]))
    assert [reply.status for reply in first] == ["cut", "ok"]
    script = Scripted(["The answer is 3."])
    with make_engine(tmp_path, calls=store, retry_failed=True, transports={"it": script}) as engine:
        second = list(engine.ask([ask_for("a"), ask_for("b")]))
    assert [reply.text for reply in second] == ["The answer is 3.", "whole"]
    assert len(script.requests) == 1
    with make_engine(tmp_path, [], calls=store) as engine:
        (third,) = engine.ask([ask_for("a")])
    assert third.text == "The answer is 3."
    assert [row["attempt"] for row in store.rows] == [0, 0, 1]


def test_retry_failed_asks_once_a_run(tmp_path: Path):
    store = MemoryCallStore()
    script = Scripted(lambda request: RejectedCallError("no", kind="bad_request"))
    with make_engine(tmp_path, calls=store, transports={"it": script}) as engine:
        list(engine.ask([ask_for("a")]))
    with make_engine(tmp_path, calls=store, retry_failed=True, transports={"it": script}) as engine:
        list(engine.ask([ask_for("a")]))
        list(engine.ask([ask_for("a")]))
    assert len(script.requests) == 2


@pytest.mark.parametrize("kind", ["auth", "not_found"])
def test_a_wrong_key_or_model_stops_the_run_and_keeps_what_is_done(tmp_path: Path, kind: str):
    store = MemoryCallStore()

    async def refuse_the_third(request: Request) -> str | Exception:
        if request.sample_index == 2:
            await asyncio.sleep(0.05)
            return RejectedCallError("no entry", kind=kind)
        if request.sample_index > 2:
            await asyncio.sleep(0.1)  # in flight when the third is refused: waited for
        return echo(request)

    recipe = make_recipe({"max_concurrency": 4})
    script = Scripted(refuse_the_third)
    with (
        pytest.raises(RejectedCallError, match="no entry") as caught,
        make_engine(tmp_path, recipe=recipe, calls=store, transports={"it": script}) as engine,
    ):
        list(engine.ask(ask_for("p", sample_index=n) for n in range(500)))
    assert caught.value.kind == kind
    assert len(script.requests) < 20
    assert len(store.rows) == len(script.requests) - 1
    assert all(row["status"] == "ok" for row in store.rows)


def test_concurrency_is_bounded_and_used(tmp_path: Path):
    now = most = 0

    async def count(request: Request) -> str:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return "ok"

    recipe = make_recipe({"max_concurrency": 7})
    with make_engine(tmp_path, count, recipe=recipe) as engine:
        list(engine.ask(ask_for("p", sample_index=n) for n in range(40)))
    assert most == 7


def test_requests_are_taken_lazily(tmp_path: Path):
    taken = 0

    def many() -> Iterator[Request]:
        nonlocal taken
        for _ in range(10_000):
            taken += 1
            yield ask_for("same")

    with make_engine(tmp_path, echo) as engine:
        replies = engine.ask(many())
        next(replies)
        assert taken < 5_000


def test_a_second_step_may_take_its_requests_from_the_first_steps_replies(tmp_path: Path):
    with make_engine(tmp_path, echo) as engine:
        first = engine.ask(ask_for(str(n)) for n in range(3))
        second = engine.ask(ask_for(reply.text or "") for reply in first)
        assert [reply.text for reply in second] == ["re: re: 0", "re: re: 1", "re: re: 2"]


INTERRUPTED = """
import asyncio, json, os, signal, sys
from pathlib import Path
from synth_assets.llm import engine
from synth_assets.llm.call_store import MemoryCallStore, Rows
from synth_assets_tests.llm.making import ask_for, make_engine

class Interrupted(BaseException):
    "As Dagster raises from its signal handler."

def interrupt(number, frame):
    raise Interrupted

engine.GRACE_S = float(sys.argv[3])
if sys.argv[1] == "SIGTERM":
    signal.signal(signal.SIGTERM, interrupt)
store, sent, cancelled = MemoryCallStore(), [], []

async def answer(request):
    n = request.sample_index
    sent.append(n)
    if n < 5:
        return "at once"
    try:
        if n == 9:
            await asyncio.sleep(0.2)
            os.kill(os.getpid(), getattr(signal, sys.argv[1]))
        await asyncio.sleep(0.5 if n < 8 else 60)
        return "late"
    except asyncio.CancelledError:
        cancelled.append(n)
        raise

raised = None
try:
    with make_engine(Path(sys.argv[2]), answer, calls=store) as it:
        for _ in it.ask(ask_for("p", sample_index=n) for n in range(100)):
            pass
except BaseException as error:
    raised = type(error).__name__
print(json.dumps({"raised": raised, "sent": len(sent), "cancelled": sorted(cancelled),
                  "kept": sorted(json.loads(row["request"])["sample_index"] for row in store.rows),
                  "left": os.listdir(Path(sys.argv[2]) / "journal")}))
"""


@pytest.mark.parametrize(
    ("signal_name", "raised"), [("SIGINT", "KeyboardInterrupt"), ("SIGTERM", "Interrupted")]
)
@pytest.mark.parametrize(("grace_s", "late"), [(2.0, [5, 6, 7]), (0.0, [])])
def test_an_interrupt_goes_on_and_what_is_done_and_what_lands_in_time_is_kept(
    tmp_path: Path, signal_name: str, raised: str, grace_s: float, late: list[int]
):
    found = json.loads(run_python(INTERRUPTED, signal_name, str(tmp_path), str(grace_s)))
    assert found["raised"] == raised
    assert found["kept"] == [0, 1, 2, 3, 4, *late]
    assert found["sent"] == len(found["kept"]) + len(found["cancelled"]), "nothing sent after it"
    assert {8, 9} <= set(found["cancelled"])
    assert found["left"] == []


def test_an_error_of_the_caller_keeps_what_is_done(tmp_path: Path):
    store = MemoryCallStore()
    with pytest.raises(ZeroDivisionError), make_engine(tmp_path, echo, calls=store) as engine:
        for _ in engine.ask([ask_for("a")]):
            raise ZeroDivisionError
    assert len(store.rows) == 1


def test_a_store_that_fails_leaves_the_calls_in_the_journal_for_the_next_start(tmp_path: Path):
    class Broken(MemoryCallStore):
        def append(self, rows: Rows) -> None:
            raise SynthError("the store is locked")

    replies = []
    with (
        pytest.raises(SynthError, match="the store is locked"),
        make_engine(tmp_path, echo, calls=Broken()) as engine,
    ):
        replies += engine.ask([ask_for("a")])
    store = MemoryCallStore()
    with make_engine(tmp_path, [], calls=store) as engine:
        (again,) = engine.ask([ask_for("a")])
    assert (again.call_id, again.is_cached) == (replies[0].call_id, True)


def test_flush_moves_calls_into_the_store_and_says_how_many(tmp_path: Path):
    store = MemoryCallStore()
    with make_engine(tmp_path, echo, calls=store) as engine:
        list(engine.ask([ask_for("a"), ask_for("b")]))
        assert (len(store.rows), engine.flush(), len(store.rows), engine.flush()) == (0, 2, 2, 0)


def test_an_unknown_model_is_named_with_the_nearest(tmp_path: Path):
    with (
        make_engine(tmp_path, echo) as engine,
        pytest.raises(RecipeError, match="no model is named 'itt'; did you mean 'it'"),
    ):
        list(engine.ask([ask_for("a", model="itt")]))


def test_a_missing_key_is_named_before_the_first_call_but_known_replies_need_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    recipe = make_recipe({"api_key": "env:KEY_OF_TRIAL"})
    monkeypatch.delenv("KEY_OF_TRIAL", raising=False)
    register("it", ["yes"])
    store = MemoryCallStore()
    try:
        with (
            make_engine(tmp_path, recipe=recipe, calls=store) as engine,
            pytest.raises(RecipeError, match="KEY_OF_TRIAL is not set"),
        ):
            list(engine.ask([ask_for("a")]))
        monkeypatch.setenv("KEY_OF_TRIAL", "sk-trial-1")
        with make_engine(tmp_path, recipe=recipe, calls=store) as engine:
            list(engine.ask([ask_for("a")]))
        monkeypatch.delenv("KEY_OF_TRIAL")
        with make_engine(tmp_path, recipe=recipe, calls=store) as engine:
            (reply,) = engine.ask([ask_for("a")])
    finally:
        forget("it")
    assert (reply.text, reply.is_cached) == ("yes", True)


def test_totals_add_up(tmp_path: Path):
    recipe = make_recipe({"model": "openai_compatible/it", "base_url": "http://127.0.0.1:1/v1"})
    body = body_of("yes", model="it", input_tokens=10, output_tokens=4)
    seen: list[int] = []
    with make_engine(
        tmp_path,
        [body, TransientCallError("x", kind="server"), body],
        recipe=recipe,
        progress=lambda stats: seen.append(stats.made),
    ) as engine:
        list(engine.ask([ask_for("a"), ask_for("b"), ask_for("a")]))
    stats = engine.stats
    assert (stats.made, stats.cached, stats.failed) == (2, 1, 0)
    assert (stats.input_tokens, stats.output_tokens) == (20, 8)
    assert (stats.cost_usd, stats.calls_without_price) == (0.0, 2)
    assert seen[-1] == 2


def test_an_engine_that_is_closed_sends_nothing_more(tmp_path: Path):
    engine = make_engine(tmp_path, echo)
    engine.close()
    engine.close()
    with pytest.raises(SynthError, match="closed"):
        list(engine.ask([ask_for("a")]))


def test_an_empty_or_refused_reply_is_no_text_of_the_model(tmp_path: Path):
    bodies = [
        body_of("", model="it"),
        body_of(None, model="it", finish_reason="length"),
        {"choices": [{"message": {"content": None, "refusal": "I will not."}}]},
        body_of("I w", model="it", finish_reason="content_filter"),
    ]
    with make_engine(tmp_path, bodies) as engine:
        replies = list(engine.ask(ask_for("p", sample_index=n) for n in range(4)))
    assert [(reply.status, reply.text) for reply in replies] == [
        ("empty", None),
        ("empty", None),
        ("refused", "I will not."),
        ("refused", "I w"),
    ]


@pytest.mark.parametrize(
    "bound", [("sending.FLUSH_S", 0.01), ("dispatcher.MOST_LANDED", 1)], ids=["time", "number"]
)
def test_a_long_stage_moves_calls_into_the_store_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: tuple[str, float]
):
    monkeypatch.setattr(f"synth_assets.llm.{bound[0]}", bound[1])
    stored = threading.Event()

    class Watched(MemoryCallStore):
        def append(self, rows: Rows) -> None:
            super().append(rows)
            stored.set()

    async def wait_for_the_first(request: Request) -> str:
        while request.sample_index and not stored.is_set():
            await asyncio.sleep(0.01)
        return echo(request)

    store = Watched()
    with make_engine(tmp_path, wait_for_the_first, calls=store) as engine:
        list(engine.ask([ask_for("a"), ask_for("a", sample_index=1)]))
        assert len(store.rows) >= 1
        list(engine.ask([ask_for("a"), ask_for("b"), ask_for("c")]))
    assert len(store.rows) == 4
    assert engine.stats.made == 4


def test_a_store_that_fails_while_a_stage_runs_stops_it_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("synth_assets.llm.sending.FLUSH_S", 0.01)

    class Locked(MemoryCallStore):
        is_locked = True

        def append(self, rows: Rows) -> None:
            if self.is_locked:
                raise SynthError("the store is locked")
            super().append(rows)

    async def slowly(request: Request) -> str:
        await asyncio.sleep(0.01)
        return echo(request)

    store = Locked()
    with make_engine(tmp_path, slowly, calls=store) as engine:
        with pytest.raises(SynthError, match="the store is locked"):
            list(engine.ask(ask_for("p", sample_index=n) for n in range(100_000)))
        store.is_locked = False
    assert len(store.rows) == engine.stats.made > 0
    assert list((tmp_path / "journal").iterdir()) == []
