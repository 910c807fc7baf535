"""Versions, tags, restoring and vacuuming on a real lake."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from synth_assets.console.history_tables import print_versions
from synth_assets.errors import QueryError, RecipeError
from synth_assets.history.restoring import restore
from synth_assets.history.tagging import tag_version
from synth_assets.history.vacuum import vacuum
from synth_assets.history.versions import versions
from synth_assets.lineage.withdrawal import plan_withdrawal
from synth_assets.store.home import Home
from synth_assets.store.query import query_lake
from synth_assets.store.tags import find_tag, resolve_version
from synth_assets_tests.stages.bench import Bench, bench


def change(made: Bench) -> None:
    """Two examples a prompt and not one, so that the sets differ and nothing is asked."""
    made.change(datasets={"sft": {"per_prompt": 2}})
    made.run()


def change_the_set(made: Bench) -> None:
    """The same, with the set alone made anew."""
    made.sets = ("sft_set",)
    change(made)


def test_a_version_tells_what_changed_since_the_one_before(made: Bench) -> None:
    change_the_set(made)
    newest, first = versions(made.lake, "tiny", "sft_set")
    assert (first.changed, newest.changed) == (("first",), ("variables",))
    assert first.version and newest.version and first.version < newest.version
    assert (newest.run_id, newest.rows_new > 0) == ("run", True)
    assert newest.rows == made.lake.frame("SELECT count(*) FROM lake.tiny.sft_set").item()
    assert first.content_hash != newest.content_hash == made.hashes()["sft_set"]
    assert newest.as_json()["when"].endswith("Z")


def test_an_unknown_table_is_named_with_its_nearest(made: Bench) -> None:
    with pytest.raises(QueryError, match="did you mean 'sft_set'"):
        versions(made.lake, "tiny", "sft_sets")


def test_a_tag_stands_at_its_version_and_reads_it(made: Bench) -> None:
    tag = tag_version(made.workshop(), "v1.0", note="the first")
    before = made.lake.frame("SELECT count(*) FROM lake.tiny.sft_set").item()
    change_the_set(made)
    newest, first = versions(made.lake, "tiny", "sft_set")
    assert (first.tags, newest.tags) == (("v1.0",), ())
    count = "SELECT count(*) AS n FROM tiny.sft_set"
    assert query_lake(made.lake.home, count, at="v1.0")["n"].item() == before
    assert query_lake(made.lake.home, count)["n"].item() > before
    assert resolve_version(made.lake, "v1.0") == tag.version


def test_a_tag_keeps_the_words_that_the_tables_were_made_from(made: Bench) -> None:
    tag_version(made.workshop(), "v1.0")
    kept = find_tag(made.lake, "v1.0").contents
    assert kept["recipe"] == made.recipe.path.read_text()
    assert kept["tables"]["sft_set"] == made.hashes()["sft_set"]
    assert kept["templates"]["self_instruct/instructions.txt"].startswith("People give")
    assert "{{ ref(" in kept["sql"]["marts/sft_set.sql"]
    assert kept["packages"]["duckdb"] and kept["code"]["ratings[1]"]["templates"]


@pytest.mark.parametrize("name", ["", "1.0", "-v", "a b", "x" * 65, "v1'; --"])
def test_a_name_that_is_no_name_is_refused(made: Bench, name: str) -> None:
    with pytest.raises(RecipeError, match="begins with a letter"):
        tag_version(made.workshop(), name)


def test_a_tag_does_not_move(made: Bench) -> None:
    tag_version(made.workshop(), "v1")
    with pytest.raises(RecipeError, match="taken"):
        tag_version(made.workshop(), "v1")


def test_what_is_out_of_date_is_not_tagged(made: Bench) -> None:
    made.change(datasets={"sft": {"per_prompt": 2}})
    with pytest.raises(RecipeError, match=r"is out of date .*its variables changed"):
        tag_version(made.workshop(), "v1")


def test_an_unknown_tag_is_named_with_its_nearest(made: Bench) -> None:
    tag_version(made.workshop(), "v1.0")
    with pytest.raises(QueryError, match=r"did you mean 'v1.0'"):
        resolve_version(made.lake, "v1.1")


def test_restoring_makes_the_tables_as_they_were_and_the_recipe_then_current(made: Bench) -> None:
    before, version = made.hashes(), made.lake.version()
    old = dict(made.parts)
    change(made)
    assert made.hashes() != before
    commits = restore(made.workshop(), version)
    assert made.hashes() == before
    assert {"sft_set", "dropped_rows"} <= {commit.table_name for commit in commits}
    assert "completions" not in {commit.table_name for commit in commits}
    assert made.causes(), "today's recipe would make other tables"
    made.parts = old
    made.change()
    assert made.causes() == {}


def test_restoring_one_table_leaves_the_others(made: Bench) -> None:
    before, version = made.hashes(), made.lake.version()
    change(made)
    after = made.hashes()
    restore(made.workshop(), version, tables=("sft_set",))
    assert made.hashes() == {**after, "sft_set": before["sft_set"]}


def test_a_round_that_was_not_there_is_emptied_and_made_again_from_its_calls(made: Bench) -> None:
    version, before = made.lake.version(), made.hashes()
    made.run(open_round="by_hand")
    two_rounds, asked = made.hashes(), len(made.teacher.asked)
    restore(made.workshop(), version)
    assert made.hashes() == before
    made.run(open_round="by_hand")
    assert made.hashes() == two_rounds
    assert len(made.teacher.asked) == asked


def test_a_table_that_was_not_there_cannot_be_restored(made: Bench) -> None:
    with pytest.raises(QueryError, match=r"had no table 'sft_sett'.*did you mean"):
        restore(made.workshop(), made.lake.version(), tables=("sft_sett",))
    with pytest.raises(QueryError, match="had made nothing yet"):
        restore(made.workshop(), 1)


def test_a_vacuum_takes_what_is_old_and_spares_tags_and_todays_rows(made: Bench) -> None:
    tagged = tag_version(made.workshop(), "v1").version
    change_the_set(made)
    hashes, newest = made.hashes(), made.lake.version()
    planned = vacuum(made.lake, older_than=timedelta(0), dry_run=True)
    done = vacuum(made.lake, older_than=timedelta(0))
    assert done.expired == planned.expired and tagged not in done.expired
    assert done.bytes_after < done.bytes_before
    left = {number for (number,) in made.lake.execute("SELECT snapshot_id FROM lake.snapshots()")}
    assert left == {tagged, newest, made.lake.version()}  # merging files is a version too
    assert made.hashes() == hashes
    assert query_lake(made.lake.home, "SELECT 1 FROM tiny.sft_set LIMIT 1", at="v1").height == 1
    assert {v.version for v in versions(made.lake, "tiny", "ratings")} == {None}
    with pytest.raises(QueryError, match="vacuumed or never was"):
        resolve_version(made.lake, str(done.expired[-1]))


def test_a_tag_stands_at_the_commit_whose_rows_it_holds_though_that_is_vacuumed(
    made: Bench,
) -> None:
    tag_version(made.workshop(), "v1")
    change_the_set(made)
    vacuum(made.lake, older_than=timedelta(0))
    newest, first = versions(made.lake, "tiny", "sft_set")
    assert (first.version, first.tags) == (None, ("v1",))
    assert newest.version and newest.tags == ()
    (ratings,) = versions(made.lake, "tiny", "ratings")
    assert (ratings.version, ratings.tags) == (None, ("v1",))
    said = StringIO()
    print_versions(Console(file=said, width=200), [newest, first])
    assert "vacuumed v1" in said.getvalue()


def test_rows_that_only_a_tagged_version_has_are_affected_there(made: Bench) -> None:
    change(made)
    two_a_prompt = tag_version(made.workshop(), "two").version
    made.change(datasets={"sft": {"per_prompt": 1}})
    made.run()
    tag_version(made.workshop(), "one")
    prompt = made.read("seed_prompts")["prompt_id"][0]
    planned = plan_withdrawal(made.lake, made.recipe, prompt)
    two, one = planned.tagged
    assert (two.tag, two.version, one.tag) == ("two", two_a_prompt, "one")
    assert one.affected == planned.affected
    assert planned.affected["sft_set"] == 1
    assert two.affected == {**planned.affected, "sft_set": 2}


def test_a_vacuum_of_young_versions_takes_nothing(made: Bench) -> None:
    assert vacuum(made.lake, older_than=timedelta(days=1)).expired == ()


def test_a_lake_without_tags_has_none(tmp_path: Path) -> None:
    with bench(tmp_path) as ready:
        ready.run(until="seed_prompts")
        assert versions(ready.lake, "tiny", "seed_prompts")[0].tags == ()
        assert json.dumps(versions(ready.lake, "tiny", "seed_prompts")[0].as_json())
    assert Home.at(tmp_path / "home").path.exists()
