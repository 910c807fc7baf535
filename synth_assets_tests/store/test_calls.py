"""The table of calls: every attempt is kept, and one reply of each key is the one that counts."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

import pytest

from synth_assets.schemas import CALLS
from synth_assets.store.calls import LakeCalls
from synth_assets.store.lake import Lake


def make_call(call_id: str, key: str, **values: Any) -> dict[str, Any]:
    """One row of the table of calls."""
    row: dict[str, Any] = dict.fromkeys(CALLS.polars.names())
    row |= {"call_id": call_id, "key": key, "attempt": 0, "status": "ok", "text": call_id}
    row |= {"provider": "scripted", "model": "m", "request": "{}", "raw_reply": "\0{}"}
    return row | {"asked_at": datetime(2026, 1, 1)} | values


@pytest.fixture
def calls(lake: Lake) -> LakeCalls:
    return LakeCalls(lake)


def stored(lake: Lake, prefix: str) -> list[str]:
    """The call ids stored that begin with ``prefix``."""
    rows = lake.read("llm", CALLS, "call_id LIKE ?", [f"{prefix}%"])
    return rows["call_id"].to_list()


def test_calls_that_were_never_stored_are_not_found(lake: Lake, recipe: str) -> None:
    assert LakeCalls(lake).lookup([f"{recipe} key"]) == {}
    assert LakeCalls(lake).lookup([]) == {}


def test_a_stored_call_is_found_by_its_key(calls: LakeCalls, recipe: str) -> None:
    one, two = f"{recipe} 1", f"{recipe} 2"
    calls.append([make_call(one, one), make_call(two, two, text=None, status="refused")])
    found = calls.lookup([one, two, f"{recipe} 3", one])
    assert {key: (call.call_id, call.text, call.status) for key, call in found.items()} == {
        one: (one, one, "ok"),
        two: (two, None, "refused"),
    }


def test_a_body_is_read_where_it_is_asked_for(calls: LakeCalls, recipe: str) -> None:
    calls.append([make_call(recipe, recipe)])
    assert calls.lookup([recipe])[recipe].raw_reply is None
    assert calls.lookup([recipe], with_bodies=True)[recipe].raw_reply == "\0{}"


def test_appending_twice_changes_nothing(calls: LakeCalls, lake: Lake, recipe: str) -> None:
    call = make_call(recipe, recipe)
    calls.append([call, call])
    before = lake.version()
    calls.append([call | {"text": "another"}])
    calls.append([])
    assert lake.version() == before
    assert stored(lake, recipe) == [recipe]
    assert calls.lookup([recipe])[recipe].text == recipe


def test_new_calls_are_added_beside_those_already_there(
    calls: LakeCalls, lake: Lake, recipe: str
) -> None:
    calls.append([make_call(f"{recipe} 1", recipe)])
    calls.append([make_call(f"{recipe} 1", recipe), make_call(f"{recipe} 2", recipe)])
    assert stored(lake, recipe) == [f"{recipe} 1", f"{recipe} 2"]


@pytest.mark.parametrize(
    ("attempts", "counts"),
    [
        # (call, attempt, status, error), in the order of storing
        ([("a", 0, "ok", None), ("b", 1, "ok", None)], "b"),
        ([("b", 1, "ok", None), ("a", 0, "ok", None)], "b"),
        ([("a", 0, "ok", None), ("b", 1, "failed", "timeout: 60 s")], "a"),
        ([("a", 0, "failed", "timeout: 60 s"), ("b", 1, "failed", "auth: no")], "b"),
        ([("a", 0, "failed", "server: 500"), ("b", 1, "failed", "timeout: 60 s")], "b"),
        ([("b", 0, "ok", None), ("a", 0, "ok", None)], "b"),
    ],
    ids=[
        "newest",
        "newest first",
        "settled",
        "rejected is settled",
        "none settled",
        "first stored",
    ],
)
def test_the_settled_then_the_newest_then_the_first_stored_counts(
    calls: LakeCalls, recipe: str, attempts: list[tuple[str, int, str, str | None]], counts: str
) -> None:
    for name, attempt, status, error in attempts:
        call = make_call(f"{recipe} {name}", recipe, attempt=attempt, status=status, error=error)
        calls.append([call])
    assert calls.lookup([recipe])[recipe].call_id == f"{recipe} {counts}"


def test_of_two_that_paid_the_first_stored_counts_though_it_was_sent_later(
    calls: LakeCalls, recipe: str
) -> None:
    """Else the reply that rows already rest on would change when a slower one is stored."""
    quick = make_call(f"{recipe} quick", recipe, asked_at=datetime(2026, 1, 1, 12, 5))
    slow = make_call(f"{recipe} slow", recipe, asked_at=datetime(2026, 1, 1, 12, 0))
    calls.append([quick])
    calls.append([slow])
    assert calls.lookup([recipe])[recipe].call_id == f"{recipe} quick"


def test_the_order_of_storing_outlives_a_tidying_of_the_files(
    calls: LakeCalls, lake: Lake, recipe: str
) -> None:
    for name in ("z", "y", "x"):
        calls.append([make_call(f"{recipe} {name}", recipe)])
    lake.transaction(lambda c: c.execute("CALL ducklake_merge_adjacent_files('lake')"))
    assert calls.lookup([recipe])[recipe].call_id == f"{recipe} z"


def test_a_raw_reply_comes_back_byte_by_byte(calls: LakeCalls, lake: Lake, recipe: str) -> None:
    raw = '{"a":"\\ud83d\\ude00 \0 \r\n\t \u2028"}' * 1000
    calls.append([make_call(recipe, recipe, raw_reply=raw)])
    assert lake.read("llm", CALLS, "call_id = ?", [recipe])["raw_reply"].to_list() == [raw]


def test_calls_that_another_connection_stored_since_are_found(
    calls: LakeCalls, lake: Lake, recipe: str
) -> None:
    calls.append([make_call(f"{recipe} 1", f"{recipe} 1")])
    assert set(calls.lookup([f"{recipe} 1", f"{recipe} 2"])) == {f"{recipe} 1"}
    with Lake(lake.home) as other:
        LakeCalls(other).append([make_call(f"{recipe} 2", f"{recipe} 2")])
    assert set(calls.lookup([f"{recipe} 1", f"{recipe} 2"])) == {f"{recipe} 1", f"{recipe} 2"}


def test_a_call_that_was_deleted_is_not_found(calls: LakeCalls, lake: Lake, recipe: str) -> None:
    calls.append([make_call(f"{recipe} 1", f"{recipe} 1"), make_call(f"{recipe} 2", recipe)])
    assert calls.lookup([recipe])
    lake.transaction(lambda c: c.execute("DELETE FROM lake.llm.calls WHERE key = ?", [recipe]))
    assert set(calls.lookup([recipe, f"{recipe} 1"])) == {f"{recipe} 1"}


def test_another_thread_stores_while_this_one_reads(
    calls: LakeCalls, lake: Lake, recipe: str
) -> None:
    failures: list[BaseException] = []
    done = threading.Event()

    def store() -> None:
        try:
            with calls.for_thread() as mine:
                for n in range(20):
                    mine.append([make_call(f"{recipe} {n}", f"{recipe} {n}")])
        except BaseException as error:
            failures.append(error)
        finally:
            done.set()

    calls.append([make_call(recipe, recipe)])
    thread = threading.Thread(target=store)
    thread.start()
    looks = 0
    while not done.wait(0.02):  # leaves the other one its turn
        assert calls.lookup([recipe])[recipe].call_id == recipe
        looks += 1
    thread.join()
    assert failures == []
    assert looks > 0
    assert len(calls.lookup([f"{recipe} {n}" for n in range(20)])) == 20
    assert lake.is_open


def test_a_frame_of_calls_is_stored_as_rows_are(calls: LakeCalls, recipe: str) -> None:
    calls.append(CALLS.frame([make_call(recipe, recipe)]))
    assert calls.lookup([recipe])[recipe].text == recipe
