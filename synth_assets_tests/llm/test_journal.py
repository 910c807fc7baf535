from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from synth_assets.errors import LakeError
from synth_assets.llm.call_store import MemoryCallStore, Rows
from synth_assets.llm.group_sync import GroupSync
from synth_assets.llm.journal import Journal, JournalError
from synth_assets.llm.journal_files import is_held
from synth_assets.llm.recovery import Recovered, recover
from synth_assets.llm.request import Request
from synth_assets_tests.llm.loopback import Asked, loopback, says
from synth_assets_tests.llm.making import (
    ask_for,
    make_engine,
    make_recipe,
    make_row,
    run_python,
    start_python,
)

LONE_SURROGATE = "\ud800"


def leave_behind(home: Path, *rows: dict[str, Any]) -> Path:
    """A journal whose writer is gone."""
    journal = Journal(home)
    path = journal.open()
    for row in rows:
        journal.append(row)
    journal.close()
    return path


def test_what_a_dead_writer_left_is_moved_and_its_file_removed(tmp_path: Path):
    rows = [make_row("a"), make_row("b", text="Ünïcode\n\x00", cost_usd=None)]
    path = leave_behind(tmp_path, *rows)
    store = MemoryCallStore()
    assert recover(tmp_path, store) == Recovered(calls=2, torn_lines=0, files=1)
    assert store.rows == rows
    assert not path.exists()


def test_moving_twice_changes_nothing(tmp_path: Path):
    path = leave_behind(tmp_path, make_row("a"))
    left = path.read_bytes()
    store = MemoryCallStore()
    recover(tmp_path, store)
    path.write_bytes(left)
    recover(tmp_path, store)
    assert store.rows == [make_row("a")]
    assert recover(tmp_path, store) == Recovered()


@pytest.mark.parametrize("bytes_torn_off", [1, 2, 50, 300])
def test_a_torn_last_line_is_skipped_and_counted(tmp_path: Path, bytes_torn_off: int):
    path = leave_behind(tmp_path, make_row("a"), make_row("b"))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - bytes_torn_off)
    store = MemoryCallStore()
    assert recover(tmp_path, store) == Recovered(calls=1, torn_lines=1, files=1)
    assert [row["key"] for row in store.rows] == ["a"]


def test_a_line_that_was_spoilt_on_disk_is_skipped_and_those_around_it_are_kept(tmp_path: Path):
    path = leave_behind(tmp_path, make_row("a"), make_row("b"), make_row("c"))
    path.write_bytes(path.read_bytes().replace(b'"key":"b"', b'"key":"x"'))
    store = MemoryCallStore()
    assert recover(tmp_path, store).torn_lines == 1
    assert [row["key"] for row in store.rows] == ["a", "c"]


def test_the_file_of_a_living_writer_is_left_alone(tmp_path: Path):
    journal = Journal(tmp_path)
    path = journal.open()
    journal.append(make_row("a"))
    store = MemoryCallStore()
    assert recover(tmp_path, store) == Recovered()
    assert is_held(path)
    assert store.rows == []
    journal.close()
    assert not is_held(path)
    assert recover(tmp_path, store).calls == 1


def test_two_writers_in_one_process_have_two_files(tmp_path: Path):
    journals = [Journal(tmp_path), Journal(tmp_path)]
    for journal in journals:
        journal.append(make_row("a"))
    assert len(list((tmp_path / "journal").iterdir())) == 2
    for journal in journals:
        journal.close()


def test_a_journal_that_was_moved_leaves_no_file(tmp_path: Path):
    journal, store = Journal(tmp_path), MemoryCallStore()
    journal.append(make_row("a"))
    assert (journal.move_to(store), journal.move_to(store)) == (1, 0)
    journal.append(make_row("b"))
    assert journal.move_to(store) == 1
    journal.close()
    assert [row["key"] for row in store.rows] == ["a", "b"]
    assert list((tmp_path / "journal").iterdir()) == []


def test_what_is_put_aside_is_moved_while_another_segment_is_written(tmp_path: Path):
    journal, store = Journal(tmp_path), MemoryCallStore()
    segments = [journal.open()]
    journal.append(make_row("a"))
    for key in ("b", "c"):
        journal.rotate()
        segments.append(journal.open())
        journal.append(make_row(key))
        assert journal.move_closed(store) == 1
    assert [row["key"] for row in store.rows] == ["a", "b"]
    assert len(set(segments)) == 3, "no name is used twice, though the earlier files are gone"
    assert journal.unmoved == 1
    journal.close()
    assert recover(tmp_path, store).calls == 1
    assert [row["key"] for row in store.rows] == ["a", "b", "c"]


def test_a_move_that_failed_is_made_up_for_by_the_next(tmp_path: Path):
    journal, store = Journal(tmp_path), MemoryCallStore()
    journal.append(make_row("a"))
    with pytest.raises(JournalError, match="out of reach"):
        journal.move_to(Lost())
    journal.append(make_row("b"))
    assert (journal.unmoved, journal.move_to(store), journal.unmoved) == (2, 2, 0)
    journal.close()
    assert [row["key"] for row in store.rows] == ["a", "b"]


def test_a_text_that_no_file_can_hold_is_kept_with_a_replacement(tmp_path: Path):
    leave_behind(tmp_path, make_row("a", text=f"x{LONE_SURROGATE}y"))
    store = MemoryCallStore()
    recover(tmp_path, store)
    assert store.rows[0]["text"] == "x�y"


def test_a_column_that_an_older_journal_does_not_know_is_null(tmp_path: Path):
    row = make_row("a")
    del row["finish_reason"]
    leave_behind(tmp_path, row)
    store = MemoryCallStore()
    recover(tmp_path, store)
    assert store.rows == [make_row("a", finish_reason=None)]


def test_waiting_for_the_disk_is_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    syncs = 0
    sync = os.fsync

    def count_syncs(descriptor: int) -> None:
        nonlocal syncs
        syncs += 1
        sync(descriptor)

    journal = Journal(tmp_path)
    journal.open()
    monkeypatch.setattr(os, "fsync", count_syncs)

    on_disk: list[int] = []
    failures: list[Exception] = []

    async def append_all() -> None:
        sync: GroupSync[int] = GroupSync(journal, on_disk.extend, failures.append)
        for n in range(100):
            journal.append(make_row(str(n)))
            sync.add(n)
            await asyncio.sleep(0)
        await sync.drain()
        sync.close()

    asyncio.run(append_all())
    assert (on_disk, failures) == (list(range(100)), [])
    assert 1 <= syncs < 10
    journal.move_to(MemoryCallStore())
    journal.close()


FULL_DISK = """
import resource, sys
from pathlib import Path
from synth_assets.errors import LakeError
from synth_assets.llm.call_store import MemoryCallStore, Rows
from synth_assets.llm.journal import JournalError
from synth_assets_tests.llm.making import ask_for, make_engine
from synth_assets_tests.llm.test_journal import Lost

store = Lost()
given = 0
try:
    with make_engine(Path(sys.argv[1]), lambda request: "x" * 500, calls=store) as engine:
        list(engine.ask(ask_for("p", sample_index=n) for n in range(3)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        for n in range(100):
            list(engine.ask([ask_for("q", sample_index=n)]))
            given += 1
except JournalError as error:
    print(given, "cannot be written" in str(error))
"""


class Lost(MemoryCallStore):
    """A store that is out of reach, so that only the journal keeps."""

    def append(self, rows: Rows) -> None:
        raise JournalError("out of reach")


def test_a_full_disk_stops_the_run_and_nothing_is_handed_out_that_is_not_kept(tmp_path: Path):
    done = run_python(FULL_DISK, str(tmp_path))
    given, is_clear = done.split()
    assert is_clear == "True"
    store = MemoryCallStore()
    found = recover(tmp_path, store)
    assert found.torn_lines == 0, "what was half written is taken back"
    assert found.calls == 3 + int(given)
    assert 0 < int(given) < 20


BUY = """
import sys
from pathlib import Path
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe
from synth_assets_tests.llm.test_journal import Lost

recipe = make_recipe({"model": "openai_compatible/m", "base_url": sys.argv[2],
                      "max_concurrency": 8})
print("asking", flush=True)
with make_engine(Path(sys.argv[1]), recipe=recipe, calls=Lost()) as engine:
    list(engine.ask(ask_for(f"prompt {n}") for n in range(400)))
"""


def test_kill_9_loses_only_what_was_in_flight(tmp_path: Path):
    """No reply that was journaled is lost, and no more is bought twice than was in flight."""
    enough = threading.Event()
    served: list[str] = []

    def respond(asked: Asked):
        served.append(asked.prompt)
        if len(served) == 150:
            enough.set()
        return says(f"re: {asked.prompt}")

    with loopback(respond, delay_s=0.01) as server:
        child = start_python(BUY, str(tmp_path), server.base_url)
        try:
            assert enough.wait(60)
        finally:
            child.send_signal(signal.SIGKILL)
            child.communicate()
        bought_before = list(served)
        store = MemoryCallStore()
        found = recover(tmp_path, store)
        recipe = make_recipe({"model": "openai_compatible/m", "base_url": server.base_url})
        with make_engine(tmp_path, recipe=recipe, calls=store) as engine:
            replies = list(engine.ask(ask_for(f"prompt {n}") for n in range(400)))
    assert found.calls >= len(bought_before) - 8
    assert [reply.text for reply in replies] == [f"re: prompt {n}" for n in range(400)]
    assert engine.stats.cached == found.calls
    bought_twice = [prompt for prompt, count in Counter(served).items() if count > 1]
    assert len(bought_twice) <= 8
    assert max(Counter(served).values()) <= 2


def test_two_processes_at_once_keep_each_others_journals(tmp_path: Path):
    numbers = count()
    with loopback(lambda asked: says(f"{asked.prompt}, reply {next(numbers)}")) as server:
        children = [start_python(BUY, str(tmp_path), server.base_url) for _ in range(2)]
        for child in children:
            child.communicate(timeout=60)
    store = MemoryCallStore()
    # One that starts late moves what an early one left into its own store, so that one journal or
    # two are left; each holds every key.
    assert recover(tmp_path, store).files in (1, 2)
    assert len({row["key"] for row in store.rows}) == 400
    assert len(store.rows) <= len(server.asked)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "synth_assets_test", str(disk)]
    try:
        mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount command, so no small disk to fill")
    if mounted.returncode:
        pytest.skip(f"may not mount a small disk to fill: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_run_on_a_full_disk_goes_on_when_space_is_freed(small_disk: Path):
    """Whatever was handed out is kept, and nothing of it is asked again."""
    asked: list[str] = []

    def reply(request: Request) -> str:
        asked.append(request.messages[-1]["content"])
        return "x" * 500

    requests = [ask_for(f"prompt {n}") for n in range(200)]
    filler = small_disk / "filler"
    given: list[str] = []
    with (
        pytest.raises(LakeError, match="make room"),
        make_engine(small_disk, reply, calls=Lost()) as engine,
    ):
        for place, answer in enumerate(engine.ask(requests[:100])):
            given.append(answer.call_id)
            if place == 20:
                with pytest.raises(OSError), filler.open("wb", buffering=0) as file:
                    while True:
                        file.write(b"x" * 512)
        for request in requests[100:]:
            given += [answer.call_id for answer in engine.ask([request])]
    assert 20 < len(given) < 200
    filler.unlink()
    store = MemoryCallStore()
    found = recover(small_disk, store)
    assert found.torn_lines == 0, "what was half written is taken back"
    kept = {row["call_id"] for row in store.rows}
    assert set(given) <= kept
    asked.clear()
    with make_engine(small_disk, reply, calls=store) as engine:
        replies = list(engine.ask(requests))
    assert [answer.status for answer in replies] == ["ok"] * 200
    assert len(asked) == 200 - len(kept), "only what was not kept is asked again"
    assert len(store.rows) == 200
