"""The lake among several processes, killed ones, and on a full disk."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from synth_assets.errors import LakeError
from synth_assets.schemas import CALLS
from synth_assets.store.commits import commits_frame
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets_tests.store.notebook import commit_notes, recorded_and_found, texts_in

ROOT = Path(__file__).parents[2]
COMMITS_EACH = 30
KILLS = 10


def start(command: str, home: Home, recipe: str, number: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "synth_assets_tests.store.writers", command),
            *(str(home.path), recipe, str(number)),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_writers_and_a_reader_at_once(tmp_path: Path) -> None:
    """All commits are there; a reader sees whole ones only, and never an error."""
    home = Home.at(tmp_path)
    with Lake(home) as lake:
        for recipe in ("left", "right"):
            commit_notes(lake, recipe, {})
    writers = [start("commits", home, recipe, COMMITS_EACH) for recipe in ("left", "right")]
    seen: set[int] = set()
    try:
        with Lake(home, read_only=True) as reader:
            reader.execute("SET threads = 1")
            while any(writer.poll() is None for writer in writers):
                for recipe in ("left", "right"):
                    recorded, found = recorded_and_found(reader, recipe)
                    assert recorded == found
                seen.add(len(texts_in(reader, "left")))
                time.sleep(0.3)  # leaves the writers a core
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    assert [writer.returncode for writer in writers] == [0, 0]
    assert len(seen) > 2, "the reader was meant to look while they wrote"
    numbers = [f"{number:03}" for number in range(COMMITS_EACH)]
    with Lake(home, read_only=True) as lake:
        for recipe in ("left", "right"):
            assert sorted(texts_in(lake, recipe)) == numbers
            records = commits_frame(lake, recipe)
            assert records["number"].to_list() == list(range(1, COMMITS_EACH + 2))
            assert records["rows_new"].to_list() == [0] + [1] * COMMITS_EACH
        calls = lake.read("llm", CALLS)["call_id"].to_list()
    expected = [f"{recipe} {number}" for recipe in ("left", "right") for number in numbers[::8]]
    assert calls == expected


def test_a_table_is_whole_after_every_kill(tmp_path: Path) -> None:
    """kill -9 at random moments of commits; each next process checks before it writes on."""
    home = Home.at(tmp_path)
    with start("killed", home, "chat", KILLS) as process:
        said = process.communicate()[0].split()
    assert process.returncode == 0
    assert said == ["new"] + ["whole"] * (KILLS - 1)
    with Lake(home) as lake:
        recorded, found = recorded_and_found(lake, "chat")
        assert recorded == found
        numbers = commits_frame(lake, "chat")["number"].to_list()
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= KILLS
        commit_notes(lake, "chat", {"a": "after"})
        assert texts_in(lake, "chat") == {"a": "after"}


# -- a full disk --------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=3m", "synth_assets_test", str(disk)],
            check=False,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError:
        pytest.skip("there is no mount command, so no small disk to fill")
    if mounted.returncode:
        pytest.skip(f"may not mount a small disk to fill: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def noise(seed: int) -> str:
    """Text that does not compress."""
    return os.urandom(4_000).hex() + str(seed)


def test_rows_that_do_not_fit_on_the_disk_are_refused_whole(small_disk: Path) -> None:
    with Lake(Home.at(small_disk / "home")) as lake:
        commit_notes(lake, "chat", {"a": "one"})
        before = lake.version()
        with pytest.raises(LakeError, match=r"disk that holds .* is full, so nothing was written"):
            commit_notes(lake, "chat", {f"{n:04}": noise(n) for n in range(600)})
        assert texts_in(lake, "chat") == {"a": "one"}
        assert lake.version() == before
        assert len(set(recorded_and_found(lake, "chat"))) == 1
        commit_notes(lake, "chat", {"a": "a little one still fits"})
        assert texts_in(lake, "chat") == {"a": "a little one still fits"}


def test_a_lake_on_a_full_disk_works_again_when_space_is_freed(small_disk: Path) -> None:
    home = Home.at(small_disk / "home")
    with Lake(home) as lake:
        commit_notes(lake, "chat", {"a": "one"})
        filler = small_disk / "filler"
        with pytest.raises(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 512)
        for text in ("two", "three"):
            with pytest.raises(LakeError, match="is full"):
                commit_notes(lake, "chat", {"a": text})
        with pytest.raises(LakeError, match="is full"), Lake(home) as another:
            commit_notes(another, "chat", {"a": "four"})
        filler.unlink()
        assert len(set(recorded_and_found(lake, "chat"))) == 1
        commit_notes(lake, "chat", {"a": "five"})
        assert texts_in(lake, "chat") == {"a": "five"}
    with Lake(home) as lake:
        assert len(set(recorded_and_found(lake, "chat"))) == 1
        assert commits_frame(lake, "chat").height == 2
