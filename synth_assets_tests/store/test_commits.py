"""A commit writes what changed and its record, together or not at all."""

from __future__ import annotations

import json

import polars as pl
import pytest

from synth_assets.errors import LakeError
from synth_assets.schemas import COMMITS, TABLES, Column, TableSchema
from synth_assets.store.commits import CommitLog, commits_frame, slice_hash
from synth_assets.store.lake import Lake
from synth_assets.store.staging import stage_frame, stage_query
from synth_assets_tests.store.notebook import (
    NOTES,
    changes_since,
    commit_notes,
    commit_staged,
    make_notes,
    recorded_and_found,
    stage_notes,
    texts_in,
)

TAGS = TableSchema(
    "tags",
    "tag_id",
    "Tags, for tests.",
    (Column("tag_id", pl.String, "Id"), Column("note_id", pl.String, "Note")),
)


def test_equal_content_makes_no_new_version(lake: Lake, recipe: str) -> None:
    first = commit_notes(lake, recipe, {"a": "one", "b": "two"})
    before = lake.version()
    again = commit_notes(lake, recipe, {"b": "two", "a": "one"}, run_id="another run")
    assert lake.version() == before
    assert again == first
    assert commits_frame(lake, recipe).height == 1


def test_a_changed_input_with_equal_rows_writes_a_record_alone(lake: Lake, recipe: str) -> None:
    commit_notes(lake, recipe, {"a": "one"}, inputs={"seeds": "h1"})
    before = lake.version()
    commit_notes(lake, recipe, {"a": "one"}, inputs={"seeds": "h2"})
    assert lake.version() == before + 1
    assert changes_since(lake, recipe, before) == []
    records = commits_frame(lake, recipe)
    assert records["rows_new"].to_list() == [1, 0]
    assert [json.loads(text) for text in records["inputs"]] == [{"seeds": "h1"}, {"seeds": "h2"}]
    assert records["content_hash"].n_unique() == 1


def test_a_changed_fingerprint_with_equal_rows_writes_a_record_alone(
    lake: Lake, recipe: str
) -> None:
    commit_notes(lake, recipe, {"a": "one"}, fingerprint="f1")
    before = lake.version()
    commit_notes(lake, recipe, {"a": "one"}, fingerprint="f2")
    assert changes_since(lake, recipe, before) == []
    assert commits_frame(lake, recipe)["fingerprint"].to_list() == ["f1", "f2"]


def test_only_rows_added_changed_or_gone_are_written(lake: Lake, recipe: str) -> None:
    commit_notes(lake, recipe, {"kept": "same", "changed": "old", "gone": "bye"})
    before = lake.version()
    commit = commit_notes(lake, recipe, {"kept": "same", "changed": "new", "added": "hello"})
    assert changes_since(lake, recipe, before) == [
        ("delete", "changed"),
        ("delete", "gone"),
        ("insert", "added"),
        ("insert", "changed"),
    ]
    assert (commit.rows_new, commit.rows_gone, commit.row_count) == (2, 2, 3)
    assert texts_in(lake, recipe) == {"kept": "same", "changed": "new", "added": "hello"}


def test_another_round_is_left_as_it_is(lake: Lake, recipe: str) -> None:
    commit_notes(lake, recipe, {"a": "one"}, round=1)
    before = lake.version()
    second = commit_notes(lake, recipe, {"b": "two"}, round=2)
    assert changes_since(lake, recipe, before) == [("insert", "b")]
    assert second.content_hash == slice_hash(lake, recipe, "notes", "round = ?", [2])
    assert second.table_hash == slice_hash(lake, recipe, "notes", "true", [])
    assert second.row_count == 1


def test_a_round_that_lost_all_its_rows_is_empty_and_recorded(lake: Lake, recipe: str) -> None:
    commit_notes(lake, recipe, {"a": "one"}, round=1)
    commit_notes(lake, recipe, {"b": "two"}, round=2)
    emptied = commit_notes(lake, recipe, {}, round=1)
    assert texts_in(lake, recipe) == {"b": "two"}
    assert (emptied.row_count, emptied.rows_gone) == (0, 1)


def test_a_first_commit_of_no_rows_makes_the_table(lake: Lake, recipe: str) -> None:
    commit = commit_notes(lake, recipe, {})
    assert lake.read(recipe, NOTES).schema == NOTES.polars
    assert commit.content_hash == slice_hash(lake, recipe, "never_made", "true", [])


@pytest.mark.parametrize(("then", "now"), [(1, 3), (3, 1), (3, 2), (2, 0)])
def test_copies_of_one_row_are_kept_in_number(lake: Lake, recipe: str, then: int, now: int) -> None:
    note = make_notes({"a": "one"})
    for copies in (then, now):
        notes = pl.concat([NOTES.empty(), *[note] * copies])
        commit = commit_staged(lake, recipe, stage_notes(lake, recipe, notes), round=1)
    assert lake.read(recipe, NOTES).height == now == commit.row_count
    assert commit.table_hash == slice_hash(lake, recipe, "notes", "true", [])


def test_the_table_and_its_first_commit_come_in_one_version(lake: Lake, recipe: str) -> None:
    before = lake.version()
    commit_notes(lake, recipe, {"a": "one"})
    assert lake.version() == before + 1


def test_companions_travel_in_the_same_version(lake: Lake, recipe: str) -> None:
    tags = TAGS.frame([{"tag_id": "t", "note_id": "a"}])
    before = lake.version()
    commit_staged(
        lake,
        recipe,
        stage_notes(lake, recipe, make_notes({"a": "one"})),
        round=1,
        companions=[stage_frame(lake, recipe, TAGS, tags, {"note_id": "a"})],
    )
    assert lake.version() == before + 1
    assert lake.read(recipe, TAGS).equals(tags)


def test_a_changed_companion_is_committed_though_the_rows_are_equal(
    lake: Lake, recipe: str
) -> None:
    for tag in ("t1", "t2"):
        tags = TAGS.frame([{"tag_id": tag, "note_id": "a"}])
        commit_staged(
            lake,
            recipe,
            stage_notes(lake, recipe, make_notes({"a": "one"})),
            round=1,
            companions=[stage_frame(lake, recipe, TAGS, tags, {"note_id": "a"})],
        )
    assert lake.read(recipe, TAGS)["tag_id"].to_list() == ["t2"]


def test_rows_hold_no_time_and_no_run_id() -> None:
    """They stand in the commit: the same rows under another run id would all be written anew."""
    for name in set(TABLES) - {"calls", "commits", "tags"}:
        for column in TABLES[name].columns:
            assert not isinstance(column.dtype, pl.Datetime), (name, column.name)
            assert column.dtype != pl.Datetime, (name, column.name)
            assert "run_id" not in column.name and "fingerprint" not in column.name
            assert not column.name.endswith(("_at", "_time")), (name, column.name)


def test_the_lakes_own_history_says_what_was_committed(lake: Lake, recipe: str) -> None:
    commit = commit_notes(lake, recipe, {"a": "one"}, round=2, run_id="run-7")
    message, extra = lake.execute(
        "SELECT commit_message, commit_extra_info FROM lake.snapshots() "
        "ORDER BY snapshot_id DESC LIMIT 1"
    )[0]
    assert message == f"{recipe}.notes round 2"
    assert json.loads(extra) == {
        "recipe": recipe,
        "number": commit.number,
        "table": "notes",
        "round": 2,
        "run_id": "run-7",
        "fingerprint": "made so",
        "inputs": {},
        "content_hash": commit.content_hash,
    }


def test_records_are_numbered_in_the_order_of_commits(lake: Lake, recipe: str) -> None:
    for text in ("one", "two", "three"):
        commit_notes(lake, recipe, {"a": text})
    log = CommitLog(lake, recipe)
    assert commits_frame(lake, recipe)["number"].to_list() == [1, 2, 3]
    assert log.latest()["notes", 1].number == 3
    assert log.table_hash("notes") == slice_hash(lake, recipe, "notes", "true", [])
    assert log.table_hash("never_made") is None


def test_a_log_sees_what_it_has_just_committed(lake: Lake, recipe: str) -> None:
    log = CommitLog(lake, recipe)
    assert log.latest() == {}
    commit_notes(lake, recipe, {"a": "one"})
    assert CommitLog(lake, recipe).latest()["notes", 1].row_count == 1


def test_rows_of_another_round_are_refused(lake: Lake, recipe: str) -> None:
    """They would never be replaced again."""
    staged = stage_notes(lake, recipe, make_notes({"a": "one"}, round=2), round=1)
    with pytest.raises(LakeError, match=r"notes: 1 of the rows made for \{'round': 1\}"):
        commit_staged(lake, recipe, staged, round=1)
    assert not lake.has(recipe, "notes")


def test_a_table_that_another_writer_changed_meanwhile_is_not_committed(
    lake: Lake, recipe: str
) -> None:
    commit_notes(lake, recipe, {"a": "one"})
    staged = stage_notes(lake, recipe, make_notes({"a": "two"}))
    diff = staged.prepare()
    commit_notes(lake, recipe, {"a": "one", "b": "from elsewhere"})
    with pytest.raises(LakeError, match="another process changed it"):
        lake.transaction(diff.write)
    staged.drop()
    assert texts_in(lake, recipe) == {"a": "one", "b": "from elsewhere"}
    assert len(set(recorded_and_found(lake, recipe))) == 1


def test_nothing_staged_is_left_behind(lake: Lake, recipe: str) -> None:
    def temporary() -> int:
        return lake.execute("SELECT count(*) FROM duckdb_tables() WHERE temporary")[0][0]

    before = temporary()
    commit_notes(lake, recipe, {"a": "one"})
    assert temporary() == before


# -- SQL models ---------------------------------------------------------------------------------


def test_a_query_replaces_the_whole_table(lake: Lake, recipe: str) -> None:
    for upto in (3, 2):
        staged = stage_query(
            lake, recipe, "numbers", "n", "SELECT i AS n, [i] AS self FROM range(?) t(i)", [upto]
        )
        commit = commit_staged(lake, recipe, staged)
    assert lake.frame(f"FROM {Lake.relation(recipe, 'numbers')}")["n"].to_list() == [0, 1]
    assert (commit.rows_new, commit.rows_gone) == (0, 1)


def test_a_query_without_its_key_is_refused(lake: Lake, recipe: str) -> None:
    with pytest.raises(LakeError, match="its key id is none of its columns"):
        stage_query(lake, recipe, "numbers", "id", "SELECT 1 AS n")


@pytest.mark.parametrize(
    "value", ["'a'::ENUM('a')", "[1, 2]::INTEGER[2]", "'101'::BIT", "INTERVAL 1 DAY", "1::BIGNUM"]
)
def test_a_type_that_the_lake_cannot_hold_is_named(lake: Lake, recipe: str, value: str) -> None:
    with pytest.raises(LakeError, match="column odd is of type"):
        stage_query(lake, recipe, "numbers", "n", f"SELECT 1 AS n, {value} AS odd")


def test_a_query_that_fails_is_a_lake_error(lake: Lake, recipe: str) -> None:
    with pytest.raises(LakeError, match="Could not convert string 'x'"):
        stage_query(lake, recipe, "numbers", "n", "SELECT v::INTEGER AS n FROM (VALUES ('x')) t(v)")


# -- changed columns ----------------------------------------------------------------------------


def with_columns(*columns: Column) -> TableSchema:
    return TableSchema("notes", "note_id", "Notes.", columns)


NOTE_ID = Column("note_id", pl.String, "Id")


def commit_rows(lake: Lake, recipe: str, table: TableSchema, *rows: tuple[object, ...]) -> None:
    frame = pl.DataFrame(rows, schema=table.polars, orient="row")
    commit_staged(lake, recipe, stage_frame(lake, recipe, table, frame, {}))


def test_a_table_takes_new_columns_in_the_version_that_fills_them(lake: Lake, recipe: str) -> None:
    narrow = with_columns(NOTE_ID)
    wide = with_columns(NOTE_ID, Column("size", pl.Int32, "Size"))
    commit_rows(lake, recipe, narrow, ("a",))
    before = lake.version()
    commit_rows(lake, recipe, wide, ("a", 7))
    assert lake.version() == before + 1
    assert lake.read(recipe, wide).rows() == [("a", 7)]
    old = lake.frame(f"SELECT * FROM {Lake.relation(recipe, 'notes')} AT (VERSION => {before})")
    assert old.columns == ["note_id", "row_hash"]


@pytest.mark.parametrize(
    ("then", "now", "old", "new"),
    [
        (pl.Int32, pl.Int64, 1, 1),
        (pl.Int64, pl.Int32, 1, 1),
        (pl.String, pl.Int32, "x", 5),
        (pl.String, pl.Datetime("us"), "2024-01-01 00:00:00", None),
        (pl.List(pl.Int32), pl.List(pl.Int64), [1], [1]),
        (pl.String, pl.List(pl.String), "x", ["x"]),
    ],
)
def test_a_column_changes_its_type_with_its_rows(
    lake: Lake, recipe: str, then: pl.DataType, now: pl.DataType, old: object, new: object
) -> None:
    before, after = (with_columns(NOTE_ID, Column("value", kind, "V")) for kind in (then, now))
    commit_rows(lake, recipe, before, ("a", old))
    version = lake.version()
    commit_rows(lake, recipe, after, ("a", new))
    assert lake.read(recipe, after).rows() == [("a", new)]
    past = lake.frame(
        f"SELECT value FROM {Lake.relation(recipe, 'notes')} AT (VERSION => {version})"
    )
    assert past.rows() == [(old,)]


def test_a_failed_commit_leaves_the_columns_as_they_were(lake: Lake, recipe: str) -> None:
    commit_rows(lake, recipe, with_columns(NOTE_ID, Column("size", pl.Int32, "S")), ("a", 7))
    other = with_columns(NOTE_ID, Column("length", pl.Int32, "L"))
    staged = stage_frame(lake, recipe, other, other.frame([{"note_id": "a", "length": 8}]), {})
    diff = staged.prepare()

    def fail_at_the_end(connection: object) -> None:
        diff.write(connection)
        raise LakeError("no")

    with pytest.raises(LakeError, match="no"):
        lake.transaction(fail_at_the_end)
    staged.drop()
    assert lake.frame(f"SELECT note_id, size FROM {Lake.relation(recipe, 'notes')}").rows() == [
        ("a", 7)
    ]


def test_a_column_that_an_older_table_lacks_reads_as_null(lake: Lake, recipe: str) -> None:
    commit_rows(lake, recipe, with_columns(NOTE_ID), ("a",))
    wide = with_columns(NOTE_ID, Column("size", pl.Int32, "Size"))
    assert lake.read(recipe, wide).rows() == [("a", None)]


def test_records_of_an_older_package_take_a_new_column(lake: Lake, recipe: str) -> None:
    commit_notes(lake, recipe, {"a": "one"})
    relation = Lake.relation(recipe, COMMITS.name)
    lake.transaction(lambda connection: connection.execute(f"ALTER TABLE {relation} DROP versions"))
    commit_notes(lake, recipe, {"a": "two"})
    versions = commits_frame(lake, recipe)["versions"].to_list()
    assert versions[0] is None
    assert "duckdb" in json.loads(versions[1])
