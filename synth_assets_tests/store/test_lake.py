"""The lake: transactions, layouts, and homes that are missing, moved or deleted."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

from synth_assets.errors import LakeError
from synth_assets.store.attachment import LAYOUT, ROWS_TOGETHER
from synth_assets.store.commits import CommitLog
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets_tests.store.notebook import (
    NOTES,
    commit_notes,
    commit_staged,
    make_notes,
    recorded_and_found,
    stage_notes,
    texts_in,
)

COLUMNS = {"id": "VARCHAR", "n": "INTEGER"}


def insert(recipe: str, row_id: str) -> Callable[[Any], Any]:
    return lambda connection: connection.execute(
        f"INSERT INTO {Lake.relation(recipe, 't')} (id) VALUES (?)", [row_id]
    )


def ids(lake: Lake, recipe: str) -> list[str]:
    rows = lake.execute(f"SELECT id FROM {Lake.relation(recipe, 't')} ORDER BY id")
    return [row_id for (row_id,) in rows]


def test_a_look_up_reads_few_rows_together_since_row_groups_are_small(
    lake: Lake, recipe: str
) -> None:
    lake.ensure_table(recipe, {"id": "VARCHAR"}, "t")
    rows = 2 * ROWS_TOGETHER + 5
    sql = f"INSERT INTO {Lake.relation(recipe, 't')} SELECT n::VARCHAR FROM range({rows}) AS t(n)"
    lake.transaction(lambda connection: connection.execute(sql))
    groups = [
        group.num_rows
        for file in lake.home.path.rglob("*.parquet")
        for metadata in [pq.read_metadata(file)]
        for group in map(metadata.row_group, range(metadata.num_row_groups))
        if recipe in file.parts
    ]
    assert sum(groups) == rows
    assert max(groups) <= ROWS_TOGETHER


# -- reading ------------------------------------------------------------------------------------


def test_a_block_of_reading_sees_one_version_and_what_came_since_after_it(
    lake: Lake, recipe: str
) -> None:
    lake.ensure_table(recipe, COLUMNS, "t")
    with Lake(lake.home) as other:
        other.transaction(insert(recipe, "before"))
        with lake.reading():
            version = lake.version()
            other.transaction(insert(recipe, "since"))
            other.ensure_table(recipe, COLUMNS, "new")
            other.ensure_table(recipe, {**COLUMNS, "more": "INTEGER"}, "t")
            assert ids(lake, recipe) == ["before"]
            assert lake.version() == version
            assert not lake.has(recipe, "new")
            assert lake.column_types(recipe, "t") == COLUMNS
    assert ids(lake, recipe) == ["before", "since"]
    assert lake.version() > version
    assert lake.has(recipe, "new")
    assert lake.column_types(recipe, "t") == {**COLUMNS, "more": "INTEGER"}


def test_nothing_is_committed_in_a_block_of_reading(lake: Lake, recipe: str) -> None:
    lake.ensure_table(recipe, COLUMNS, "t")
    with pytest.raises(AssertionError, match="reading"), lake.reading(), lake.reading():
        lake.transaction(insert(recipe, "mine"))
    lake.transaction(insert(recipe, "later"))
    assert ids(lake, recipe) == ["later"]


def test_a_statement_that_fails_in_a_block_of_reading_leaves_the_connection_usable(
    lake: Lake, recipe: str
) -> None:
    lake.ensure_table(recipe, COLUMNS, "t")
    with pytest.raises(LakeError), lake.reading():
        lake.execute("SELECT error('no')")
    lake.transaction(insert(recipe, "later"))
    assert ids(lake, recipe) == ["later"]


# -- transactions -------------------------------------------------------------------------------


def test_a_transaction_killed_by_another_commit_runs_again(lake: Lake, recipe: str) -> None:
    lake.ensure_table(recipe, COLUMNS, "t")
    lake.ensure_table(recipe, COLUMNS, "other")
    attempts: list[int] = []
    with Lake(lake.home) as foreign:
        _ = foreign.connection

        def write(connection: Any) -> None:
            attempts.append(1)
            insert(recipe, "mine")(connection)
            if len(attempts) == 1:  # past the lock, as a program that is not ours would
                foreign.connection.execute(
                    f"INSERT INTO {Lake.relation(recipe, 'other')} (id) VALUES ('theirs')"
                )

        lake.transaction(write)
    assert len(attempts) == 2
    assert ids(lake, recipe) == ["mine"]
    assert lake.execute(f"SELECT id FROM {Lake.relation(recipe, 'other')}") == [("theirs",)]


def test_a_lake_that_stays_locked_is_given_up_with_a_clear_message(
    lake: Lake, recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synth_assets.store.lake.RETRIES", 2)
    lake.ensure_table(recipe, COLUMNS, "t")
    with Lake(lake.home) as foreign:
        _ = foreign.connection

        def write(connection: Any) -> None:
            insert(recipe, "mine")(connection)
            insert(recipe, "theirs")(foreign.connection)

        with pytest.raises(LakeError, match=r"another process kept the lake .* through 2 tries"):
            lake.transaction(write)
    assert ids(lake, recipe) == ["theirs", "theirs"]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT CAST('Transaction conflict' AS INTEGER)",
        "SELECT error('database is locked')",
        "SELECT * FROM lake.nowhere.nothing",
        "SELEC 'database is locked'",
    ],
)
def test_any_other_error_is_raised_once_and_rolled_back(
    lake: Lake, recipe: str, statement: str
) -> None:
    lake.ensure_table(recipe, COLUMNS, "t")
    before = lake.version()
    attempts: list[int] = []

    def write(connection: Any) -> None:
        attempts.append(1)
        insert(recipe, "a")(connection)
        connection.execute(statement).fetchall()

    with pytest.raises(LakeError, match="the lake refused a commit"):
        lake.transaction(write)
    assert len(attempts) == 1
    assert (ids(lake, recipe), lake.version()) == ([], before)


@pytest.mark.parametrize("error", [KeyError("x"), KeyboardInterrupt(), LakeError("mine")])
def test_an_error_of_the_writer_itself_comes_through_and_rolls_back(
    lake: Lake, recipe: str, error: BaseException
) -> None:
    lake.ensure_table(recipe, COLUMNS, "t")

    def write(connection: Any) -> None:
        insert(recipe, "a")(connection)
        raise error

    with pytest.raises(type(error)):
        lake.transaction(write)
    assert ids(lake, recipe) == []
    lake.transaction(insert(recipe, "b"))
    assert ids(lake, recipe) == ["b"]


def test_a_transaction_within_a_transaction_is_refused_instead_of_waiting_for_itself(
    lake: Lake, recipe: str
) -> None:
    lake.ensure_table(recipe, COLUMNS, "t")
    with pytest.raises(LakeError, match="began within a transaction"):
        lake.transaction(lambda _: lake.transaction(insert(recipe, "a")))
    with pytest.raises(LakeError, match="began within a transaction"):
        lake.transaction(lambda _: Lake(lake.home).connection)
    lake.transaction(insert(recipe, "b"))
    assert ids(lake, recipe) == ["b"]


def test_a_transaction_gives_what_its_writer_gives(lake: Lake) -> None:
    assert lake.transaction(lambda _: 7) == 7


def test_a_transaction_that_writes_nothing_makes_no_version(lake: Lake, recipe: str) -> None:
    lake.ensure_table(recipe, COLUMNS, "t")
    before = lake.version()
    lake.transaction(
        lambda connection: connection.execute("CALL lake.set_commit_message('a', 'b')")
    )
    lake.ensure_table(recipe, COLUMNS, "t")
    assert lake.version() == before


def test_a_connection_that_duckdb_gave_up_is_replaced(tmp_path: Path) -> None:
    with Lake(Home.at(tmp_path)) as lake:
        _ = lake.connection

        def break_down(_: Any) -> None:
            raise duckdb.FatalException("FATAL Error: database has been invalidated")

        with pytest.raises(LakeError, match="invalidated"):
            lake.transaction(break_down)
        assert not lake.is_open
        assert lake.execute("SELECT 1") == [(1,)]


# -- values -------------------------------------------------------------------------------------


def test_any_text_comes_back_as_it_went_in(lake: Lake, recipe: str) -> None:
    """A NUL would break an inlined insert, and the file's smallest and largest values."""
    texts: dict[str, str | None] = {
        "a": "\0first",
        "b'": "it''s; DROP TABLE notes; --",
        "c": "👩‍👩‍👧 \U0010ffff \u0001 \x7f",
        "d": None,
        "e": "",
        "f": "\0" * 1000,
    }
    commit_notes(lake, recipe, texts)
    assert texts_in(lake, recipe) == texts
    messages = lake.read(recipe, NOTES, "note_id = ?", ["b'"])["messages"].to_list()
    assert messages == [[{"role": "user", "content": texts["b'"]}]]


def test_a_condition_on_a_nul_says_how_to_write_it(lake: Lake, recipe: str) -> None:
    """DuckLake writes a condition's value into SQL of its own, where a NUL ends the text. Ids,
    which everything of ours joins on, hold none."""
    commit_notes(lake, recipe, {"a": "\0one"})
    with pytest.raises(LakeError, match=r"write concat\(column, ''\) for the column"):
        lake.read(recipe, NOTES, "text = ?", ["\0one"])
    found = lake.read(recipe, NOTES, "concat(text, '') = ?", ["\0one"])
    assert found["note_id"].to_list() == ["a"]


@pytest.mark.parametrize("word", ["select", "order", "table", "group"])
def test_a_recipe_may_be_named_like_a_word_of_sql(lake: Lake, word: str) -> None:
    commit_notes(lake, word, {"a": "one"})
    commit_notes(lake, word, {"a": "two"})
    assert texts_in(lake, word) == {"a": "two"}
    assert CommitLog(lake, word).latest()["notes", 1].row_count == 1


@pytest.mark.parametrize("name", ['a"b', "a.b", "a b", "1a", "", "é", "a;--"])
def test_a_name_that_is_none_of_ours_never_reaches_sql(lake: Lake, name: str) -> None:
    with pytest.raises(LakeError, match="is no table or column name"):
        lake.ensure_table(name, COLUMNS, "t")
    with pytest.raises(LakeError, match="is no table or column name"):
        lake.ensure_table("recipe", {name: "VARCHAR"}, "u")


# -- reading ------------------------------------------------------------------------------------


def test_a_table_that_was_never_made_reads_as_empty(lake: Lake, recipe: str) -> None:
    assert lake.read(recipe, NOTES).schema == NOTES.polars
    assert lake.table_names(recipe) == []


def test_rows_are_read_in_the_order_of_their_ids(lake: Lake, recipe: str) -> None:
    commit_notes(lake, recipe, {"b": "two", "c": "three", "a": "one"})
    assert lake.read(recipe, NOTES)["note_id"].to_list() == ["a", "b", "c"]


def test_an_old_version_reads_as_it_was(lake: Lake, recipe: str) -> None:
    commit_notes(lake, recipe, {"a": "one"})
    old = lake.version()
    commit_notes(lake, recipe, {"a": "two"})
    with Lake(lake.home, read_only=True, at=old) as past:
        assert texts_in(past, recipe) == {"a": "one"}
        assert past.version() == old


def test_a_query_that_fails_is_a_lake_error(lake: Lake) -> None:
    with pytest.raises(LakeError, match="nothing does not exist"):
        lake.frame("SELECT * FROM nothing")


def test_a_stored_type_that_cannot_be_read_says_what_to_do(lake: Lake, recipe: str) -> None:
    lake.ensure_table(recipe, {"note_id": "VARCHAR", "round": "VARCHAR"}, "notes")
    relation = Lake.relation(recipe, "notes")
    lake.transaction(lambda c: c.execute(f"INSERT INTO {relation} VALUES ('a', 'first')"))
    with pytest.raises(LakeError, match=r"(?s)columns of other types.*run the recipe"):
        lake.read(recipe, NOTES)


def test_a_python_variable_is_no_table(lake: Lake) -> None:
    variable = pl.DataFrame({"secret": [1]})
    with pytest.raises(LakeError, match="variable does not exist"):
        lake.frame("SELECT * FROM variable")
    assert variable.height == 1


def test_a_frame_is_a_relation_for_the_length_of_a_block(lake: Lake) -> None:
    with lake.temporary("keys", pl.DataFrame({"key": ["a"]})) as relation:
        assert lake.frame(f"FROM {relation}")["key"].to_list() == ["a"]
    with pytest.raises(LakeError):
        lake.frame(f"FROM {relation}")


# -- columns of tables that only grow -----------------------------------------------------------


def test_a_table_is_altered_without_losing_rows_or_history(lake: Lake, recipe: str) -> None:
    relation = Lake.relation(recipe, "t")
    lake.ensure_table(recipe, {"id": "VARCHAR", "n": "INTEGER", "old": "VARCHAR"}, "t")
    lake.transaction(lambda c: c.execute(f"INSERT INTO {relation} VALUES ('a', 7, 'x')"))
    before = lake.version()
    lake.ensure_table(recipe, {"id": "VARCHAR", "n": "BIGINT", "new": "DOUBLE"}, "t")
    assert lake.column_types(recipe, "t") == {"id": "VARCHAR", "n": "BIGINT", "new": "DOUBLE"}
    assert lake.execute(f"SELECT id, n, new FROM {relation}") == [("a", 7, None)]
    assert lake.execute(f"SELECT id, n, old FROM {relation} AT (VERSION => {before})") == [
        ("a", 7, "x")
    ]


def test_a_value_that_the_new_type_cannot_hold_becomes_null(lake: Lake, recipe: str) -> None:
    relation = Lake.relation(recipe, "t")
    lake.ensure_table(recipe, {"id": "VARCHAR", "n": "VARCHAR"}, "t")
    lake.transaction(lambda c: c.execute(f"INSERT INTO {relation} VALUES ('a', '7'), ('b', 'x')"))
    lake.ensure_table(recipe, {"id": "VARCHAR", "n": "INTEGER"}, "t")
    assert lake.execute(f"SELECT id, n FROM {relation} ORDER BY id") == [("a", 7), ("b", None)]


def test_names_that_differ_in_case_are_one_column(lake: Lake, recipe: str) -> None:
    lake.ensure_table(recipe, {"ID": "VARCHAR"}, "t")
    assert lake.pending_changes(recipe, {"id": "VARCHAR"}, "t") == []


# -- frames that do not conform -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda notes: notes.drop("text"), r"columns missing \['text'\]"),
        (lambda notes: notes.with_columns(extra=1), r"not declared \['extra'\]"),
        (lambda notes: notes.with_columns(score=pl.lit(1)), "column score is Int32, not Float64"),
        (
            lambda notes: notes.with_columns(pl.col("round").cast(pl.Int64)),
            "column round is Int64, not Int32",
        ),
        (
            lambda notes: notes.with_columns(messages=pl.lit("[]")),
            r"column messages is String, not List",
        ),
    ],
)
def test_a_frame_that_does_not_conform_is_refused(
    lake: Lake, recipe: str, change: Callable[[pl.DataFrame], pl.DataFrame], message: str
) -> None:
    """The lake would cast it in silence."""
    with pytest.raises(LakeError, match=f"table notes: .*{message}"):
        stage_notes(lake, recipe, change(make_notes({"a": "one"})))


def test_the_order_of_columns_is_put_right(lake: Lake, recipe: str) -> None:
    notes = make_notes({"a": "one"})
    staged = stage_notes(lake, recipe, notes.select(reversed(notes.columns)))
    assert staged.frame().equals(notes)
    staged.drop()


# -- homes --------------------------------------------------------------------------------------


def test_a_missing_lake_says_so_and_is_not_made_by_a_reader(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "nothing")
    with pytest.raises(LakeError, match=r"there is no lake in .*nothing; `synth-assets run` makes"):
        _ = Lake(home, read_only=True).connection
    assert not home.path.exists()


def test_a_reader_cannot_write(lake: Lake, recipe: str) -> None:
    commit_notes(lake, recipe, {"a": "one"})
    before = lake.version()
    with Lake(lake.home, read_only=True) as reader:
        with pytest.raises(LakeError, match="read-only"):
            commit_notes(reader, recipe, {"a": "two"})
        assert texts_in(reader, recipe) == {"a": "one"}
    assert lake.version() == before


def test_a_lake_of_an_older_layout_is_refused_with_a_remedy(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    with Lake(home) as lake:
        lake.transaction(lambda c: c.execute("UPDATE lake.llm.layout SET version = 1"))
    with pytest.raises(LakeError, match=r"has layout 1, .* Point SYNTH_HOME to another folder"):
        _ = Lake(home).connection


def test_a_lake_of_a_newer_layout_is_refused_and_left_unchanged(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    with Lake(home) as lake:
        commit_notes(lake, "chat", {"a": "one"})
        lake.transaction(lambda c: c.execute(f"UPDATE lake.llm.layout SET version = {LAYOUT + 1}"))
        before = lake.version()
    files = sorted(path.relative_to(tmp_path) for path in (tmp_path / "lake").rglob("*"))
    for read_only in (False, True):
        with pytest.raises(LakeError, match=f"has layout {LAYOUT + 1}; .* reads up to {LAYOUT}"):
            _ = Lake(home, read_only=read_only).connection
    with sqlite3.connect(home.path / "lake.sqlite") as catalog:
        assert catalog.execute("SELECT max(snapshot_id) FROM ducklake_snapshot").fetchone() == (
            before,
        )
    catalog.close()
    assert sorted(path.relative_to(tmp_path) for path in (tmp_path / "lake").rglob("*")) == files


def test_a_home_that_was_moved_still_works(tmp_path: Path) -> None:
    with Lake(Home.at(tmp_path / "here")) as lake:
        commit_notes(lake, "chat", {"a": "one"})
    (tmp_path / "here").rename(tmp_path / "there")
    with Lake(Home.at(tmp_path / "there")) as lake:
        assert texts_in(lake, "chat") == {"a": "one"}
        commit_notes(lake, "chat", {"a": "two"})
        assert len(set(recorded_and_found(lake, "chat"))) == 1
    assert not (tmp_path / "here").exists()


def test_data_that_were_pointed_elsewhere_are_not_mixed(tmp_path: Path) -> None:
    environment = {"SYNTH_HOME": str(tmp_path), "SYNTH_LAKE_DATA": str(tmp_path / "first")}
    with Lake(Home.from_environment(environment)) as lake:
        commit_notes(lake, "chat", {"a": "one"})
    environment["SYNTH_LAKE_DATA"] = str(tmp_path / "second")
    with pytest.raises(LakeError, match=r"made with its data in .*first/, not where SYNTH_LAKE"):
        _ = Lake(Home.from_environment(environment)).connection


def test_a_home_deleted_while_in_use_is_noticed_and_the_next_use_begins_anew(
    tmp_path: Path,
) -> None:
    home = Home.at(tmp_path / "home")
    with Lake(home) as lake:
        commit_notes(lake, "chat", {"a": "one"})
        shutil.rmtree(home.path)
        with pytest.raises(LakeError, match="was deleted or replaced while it was in use"):
            lake.read("chat", NOTES)
        assert lake.read("chat", NOTES).is_empty()
        commit_notes(lake, "chat", {"a": "two"})
        assert texts_in(lake, "chat") == {"a": "two"}
        assert len(set(recorded_and_found(lake, "chat"))) == 1


def test_rows_staged_for_a_deleted_lake_go_nowhere(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    with Lake(home) as lake:
        commit_notes(lake, "chat", {"a": "one"})
        staged = stage_notes(lake, "chat", make_notes({"a": "two"}))
        shutil.rmtree(home.path)
        with pytest.raises(LakeError, match="was deleted or replaced"):
            commit_staged(lake, "chat", staged, round=1)
        assert not home.path.exists()
        assert lake.table_names("chat") == []


def test_a_home_deleted_and_made_again_by_another_is_noticed(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    with Lake(home) as lake, Lake(home) as other:
        commit_notes(lake, "chat", {"a": "one"})
        shutil.rmtree(home.path)
        commit_notes(other, "chat", {"b": "new"})
        with pytest.raises(LakeError, match="was deleted or replaced"):
            commit_notes(lake, "chat", {"a": "two"})
        assert texts_in(lake, "chat") == {"b": "new"}


def test_a_catalog_that_is_no_catalog_says_so(tmp_path: Path) -> None:
    (tmp_path / "lake.sqlite").write_bytes(b"not a database, but long enough to be read as one")
    with pytest.raises(LakeError, match=r"cannot be opened: .*file is not a database"):
        _ = Lake(Home.at(tmp_path)).connection


def test_a_parquet_file_that_is_gone_is_named(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    with Lake(home) as lake:
        commit_notes(lake, "chat", {"a": "one"})
        (file,) = (tmp_path / "lake" / "chat" / "notes").glob("*.parquet")
        file.unlink()
    with Lake(home) as lake, pytest.raises(LakeError, match=f"file {file} .*is missing"):
        lake.read("chat", NOTES)


# -- traces -------------------------------------------------------------------------------------


def test_nothing_is_written_outside_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, here = tmp_path / "person", tmp_path / "here"
    for folder in (person, here):
        folder.mkdir()
    monkeypatch.setenv("HOME", str(person))
    monkeypatch.chdir(here)
    home = Home.at(tmp_path / "home")
    with Lake(home) as lake:
        commit_notes(lake, "chat", {"a": "one"})
        lake.execute("SET memory_limit = '24MB'")
        lake.execute("SET threads = 1")
        lake.execute(
            "CREATE TEMP TABLE big AS SELECT i, repeat(md5(i::VARCHAR), 20) AS t "
            "FROM range(60_000) t(i)"
        )
        assert list(home.spill.rglob("*.tmp")), "this was meant to spill"
    assert list(person.iterdir()) == list(here.iterdir()) == []
    assert list(home.spill.iterdir()) == []
    assert list((home.locks / "spill").iterdir()) == []


def test_nothing_unsigned_is_loaded_beside_the_extensions_of_the_wheels(
    lake: Lake,
) -> None:
    assert lake.execute("SELECT current_setting('allow_unsigned_extensions')") == [(False,)]
    with pytest.raises(LakeError, match="Cannot change allow_unsigned_extensions"):
        lake.execute("SET allow_unsigned_extensions = true")
    loaded = lake.execute(
        "SELECT extension_name FROM duckdb_extensions() "
        "WHERE loaded AND extension_name IN ('ducklake', 'sqlite_scanner', 'httpfs') ORDER BY 1"
    )
    assert loaded == [("ducklake",), ("sqlite_scanner",)]


def test_what_a_killed_process_spilled_goes_with_the_next_connection(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    left, lock = home.spill / "123-abc", home.locks / "spill" / "123-abc"
    for file in (left / "huge.tmp", lock):
        file.parent.mkdir(parents=True)
        file.write_text("123-abc")
    with Lake(home) as lake, Lake(home) as other:
        _ = lake.connection, other.connection
        assert not left.exists()
        assert not lock.exists()
        assert len(list((home.locks / "spill").iterdir())) == 2


def test_a_failed_opening_leaves_no_lock_and_no_folder(tmp_path: Path) -> None:
    (tmp_path / "lake.sqlite").write_text("x" * 100)
    with pytest.raises(LakeError):
        _ = Lake(Home.at(tmp_path)).connection
    assert list((tmp_path / "locks" / "spill").iterdir()) == []


def test_a_lake_is_closed_after_an_exception(tmp_path: Path) -> None:
    lake = Lake(Home.at(tmp_path))
    with pytest.raises(KeyError), lake:
        _ = lake.connection
        raise KeyError
    assert not lake.is_open
