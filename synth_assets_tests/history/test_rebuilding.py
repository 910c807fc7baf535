"""A tagged version is made again from its tag and the stored calls, to the same content."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synth_assets.errors import QueryError
from synth_assets.history import rebuilding
from synth_assets.history.rebuilding import CannotRebuild, rebuild
from synth_assets.history.tagging import tag_version
from synth_assets.store.tags import find_tag, write_tag
from synth_assets_tests.history.conftest import SETS, WHOLE
from synth_assets_tests.recipes import evolving
from synth_assets_tests.stages.bench import Bench, bench


@pytest.fixture(scope="module")
def tagged_run(tmp_path_factory: pytest.TempPathFactory, first_run: Path) -> Path:
    """Two rounds and an own template, tagged; then another recipe, other seeds and a newer lake."""
    folder = tmp_path_factory.mktemp("tagged") / "project"
    shutil.copytree(first_run, folder)
    text = Path("synth_assets/templates/ultrafeedback/helpfulness.txt").read_text()
    (folder / "own.txt").write_text(f"{text}\nBe strict.")
    with bench(folder, **WHOLE) as made:
        made.sets = SETS
        made.change(
            prompts={"evol_instruct": evolving()},
            judgments={"ultrafeedback": {"templates": {"helpfulness": "own.txt"}}},
        )
        made.run(open_round="by_hand")
        tag_version(made.workshop(), "v1")
        (folder / "own.txt").write_text(f"{text}\nBe kind.")
        made.change(datasets={"sft": {"per_prompt": 2}}, completions={"per_prompt": 3})
        made.seeds("Another seed, which was not there.")
        made.sets = ("scored_completions", "sft_set")
        made.run()
        (folder / "recipes").mkdir()
        shutil.copy(made.recipe.path, folder / "recipes")
    return folder


@pytest.fixture
def tagged(tagged_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A copy of it, to change."""
    shutil.copytree(tagged_run, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("SYNTH_PROJECT", str(tmp_path))
    with bench(tmp_path, **WHOLE) as ready:
        yield ready


def test_every_table_is_equal_and_no_model_is_asked_and_one_that_is_not_is_told(
    tagged: Bench,
) -> None:
    """The tag of one table is another than its rows had, so that one rebuilding shows both."""
    hashes = find_tag(tagged.lake, "v1").contents["tables"]
    changed_tag(tagged, "tables", dpo_set="f" * 64)
    asked, version = len(tagged.teacher.asked), tagged.lake.version()
    found = {table.table: table for table in rebuild(tagged.lake.home, "v1")}
    assert {name: table.rebuilt for name, table in found.items()} == {
        name: hashes[name] for name in found
    }
    assert {"evolved_prompts", "completions", "ratings", *SETS} <= found.keys()
    assert [name for name, table in found.items() if not table.is_equal] == ["dpo_set"]
    assert found["sft_set"].tagged != tagged.hashes()["sft_set"], "the lake went on since"
    assert (len(tagged.teacher.asked), tagged.lake.version()) == (asked, version)


def test_other_code_is_named_and_nothing_is_made(
    tagged: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "library_versions", lambda: {"duckdb": "0.1"})
    with pytest.raises(CannotRebuild, match=r"duckdb is 0\.1 and was .*polars is missing"):
        rebuild(tagged.lake.home, "v1")


def changed_tag(tagged: Bench, part: str, **changes: Any) -> None:
    tag = find_tag(tagged.lake, "v1")
    contents = {**tag.contents, part: {**tag.contents[part], **changes}}
    write_tag(tagged.lake, type(tag)(**{**vars(tag), "contents": contents}))


def test_a_stage_of_other_code_is_named(tagged: Bench) -> None:
    parts = find_tag(tagged.lake, "v1").contents["code"]["completions[1]"]
    changed_tag(tagged, "code", **{"completions[1]": {**parts, "code": "other"}})
    with pytest.raises(CannotRebuild, match="the code of completions differs"):
        rebuild(tagged.lake.home, "v1")


def test_a_call_that_is_missing_is_told_and_not_made(tagged: Bench) -> None:
    tag = find_tag(tagged.lake, "v1")
    tagged.write("DELETE FROM lake.llm.calls WHERE asked_for = 'tiny.ratings'")
    write_tag(tagged.lake, type(tag)(**{**vars(tag), "version": tagged.lake.version()}))
    asked = len(tagged.teacher.asked)
    with pytest.raises(CannotRebuild, match=r"ratings: .*no call is made here"):
        rebuild(tagged.lake.home, "v1")
    assert len(tagged.teacher.asked) == asked


def test_what_was_erased_from_is_not_made_again(tagged: Bench) -> None:
    tag = find_tag(tagged.lake, "v1")
    write_tag(tagged.lake, type(tag)(**{**vars(tag), "erased": "seeds.jsonl, line 1"}))
    with pytest.raises(CannotRebuild, match="line 1 was erased from it"):
        rebuild(tagged.lake.home, "v1")


def test_a_tag_that_is_not_there_is_named(tagged: Bench) -> None:
    with pytest.raises(QueryError, match="there is no tag 'v2'"):
        rebuild(tagged.lake.home, "v2")
