"""A person's SELECT reads the lake and reaches nothing else: three walls, each tried alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from synth_assets.errors import LakeError, QueryError
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets.store.query import confine, query_lake
from synth_assets_tests.store.notebook import commit_notes


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A lake of two versions of one note."""
    home = Home.at(tmp_path_factory.mktemp("home"))
    with Lake(home) as lake:
        commit_notes(lake, "chat", {"a": "one"})
        commit_notes(lake, "chat", {"a": "two", "b": "\0"})
        commit_notes(lake, "memory", {"a": "kept"})
        commit_notes(lake, "order", {"a": "kept"})
    return home


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file outside the lake."""
    file = tmp_path_factory.mktemp("person") / "secret.csv"
    file.write_text("word\nhunter2\n")
    return file


def first_version(home: Home) -> str:
    with Lake(home, read_only=True) as lake:
        return str(
            lake.execute(
                "SELECT min(snapshot_id) FROM lake.snapshots() "
                "WHERE commit_message = 'chat.notes round 1'"
            )[0][0]
        )


# -- what works ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT note_id, text FROM chat.notes ORDER BY 1", [("a", "two"), ("b", "\0")]),
        ("SELECT count(*) FROM lake.chat.notes;", [(2,)]),
        ("SELECT text FROM memory.notes", [("kept",)]),
        ('SELECT text FROM "order".notes', [("kept",)]),
        ("WITH t AS (SELECT text FROM chat.notes) SELECT max(text) FROM t", [("two",)]),
        ("SELECT messages[1].content FROM chat.notes WHERE note_id = 'a'", [("two",)]),
        ("SELECT count(*) FROM chat.commits UNION ALL SELECT i FROM range(1) t(i)", [(2,), (0,)]),
        ("SELECT 'read_text(''x'')'", [("read_text('x')",)]),
    ],
)
def test_a_select_reads_the_lake(home: Home, sql: str, rows: list[tuple[object, ...]]) -> None:
    assert query_lake(home, sql).rows() == rows


def test_an_old_version_is_read_by_its_number(home: Home) -> None:
    sql = "SELECT note_id, text FROM chat.notes"
    assert query_lake(home, sql, at=first_version(home)).rows() == [("a", "one")]


@pytest.mark.parametrize("at", ["x", "-1", "1 OR 1", "'1'", "", "1.0"])
def test_a_version_that_is_no_number_is_taken_for_a_tag(home: Home, at: str) -> None:
    with pytest.raises(QueryError, match="there is no tag"):
        query_lake(home, "SELECT 1", at=at)


@pytest.mark.parametrize("at", ["999999", "9" * 18, "9" * 30])
def test_a_version_that_does_not_exist_says_so(home: Home, at: str) -> None:
    with pytest.raises(QueryError, match="there is no version"):
        query_lake(home, "SELECT 1", at=at)


def test_a_lake_that_does_not_exist_says_so_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="there is no lake"):
        query_lake(Home.at(tmp_path / "none"), "SELECT 1")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM chat.nothing", "nothing"),
        ("SELECT nothing FROM chat.notes", "nothing"),
        ("SELECT 'x'::INTEGER", "Could not convert"),
        ("SELECT INTERVAL 1 DAY", "cannot be shown .* cast it to VARCHAR"),
        ("SELECT union_value(k := 1)", "cannot be shown .* cast it to VARCHAR"),
    ],
)
def test_a_query_that_fails_is_a_query_error(home: Home, sql: str, message: str) -> None:
    with pytest.raises(QueryError, match=f"^query: .*{message}"):
        query_lake(home, sql)


# -- attacks on all three walls -----------------------------------------------------------------

ATTACKS = [
    "",
    ";",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE chat.notes",
    "DROP TABLE chat.notes",
    "DELETE FROM chat.notes",
    "UPDATE chat.notes SET text = 'x'",
    "INSERT INTO chat.notes (note_id) VALUES ('x')",
    "CREATE TABLE chat.x AS SELECT 1",
    "CREATE TEMP TABLE x AS SELECT 1",
    "COPY (SELECT 1) TO '{folder}/out.csv'",
    "COPY chat.notes TO '{data}/out.parquet'",
    "EXPORT DATABASE '{folder}/out'",
    "ATTACH '{folder}/other.db'",
    "ATTACH 'sqlite:{folder}/other.db'",  # gets past the third wall
    "DETACH lake",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "RESET lock_configuration",
    "PRAGMA database_list",
    "CALL ducklake_expire_snapshots('lake', older_than => now())",
    "EXPLAIN ANALYZE DELETE FROM chat.notes",
    "EXECUTE x",
    "DESCRIBE chat.notes",
    "SHOW TABLES",
    "SUMMARIZE chat.notes",
    "SELECT * FROM ducklake_expire_snapshots('lake', older_than => now())",
    "SELECT * FROM ducklake_cleanup_old_files('lake', cleanup_all => true)",
    "SELECT * FROM ducklake_snapshots('lake')",
    "FROM lake.snapshots()",
    "SELECT * FROM read_text('{secret}')",
    "SELECT * FROM read_blob('{secret}')",
    "SELECT * FROM read_csv('{secret}')",
    "SELECT * FROM read_csv_auto(['{secret}'])",
    "SELECT * FROM sniff_csv('{secret}')",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM '{secret}'",
    'SELECT * FROM "{secret}"',
    "SELECT * FROM 'https://127.0.0.1:1/x.csv'",
    "SELECT * FROM (SELECT * FROM '{secret}')",
    "SELECT (SELECT content FROM read_text('{secret}'))",
    "WITH t AS (FROM read_text('{secret}')) SELECT * FROM t",
    "SELECT 1 WHERE EXISTS (FROM read_text('{secret}'))",
    "SELECT 1 UNION ALL SELECT size FROM read_blob('{secret}')",
    "SELECT * FROM chat.notes, LATERAL (FROM read_text('{secret}'))",
    "SELECT * FROM chat.notes AS n JOIN read_text('{secret}') AS s ON true",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('{secret}')",
    "SELECT * FROM sqlite_scan('{catalog}', 'ducklake_snapshot')",
    "SELECT * FROM postgres_query('x', 'SELECT 1')",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_databases",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM __ducklake_metadata_lake.main.ducklake_snapshot",
    "SELECT getenv('HOME')",
    "SELECT current_setting('temp_directory')",
    "SELECT main.getenv('HOME')",
    "SELECT write_log('x')",
    "SELECT nextval('x')",
    "SELECT * FROM home",
    "/* */ -- \n DROP TABLE chat.notes -- SELECT",
    "PIVOT chat.notes ON round USING count(*)",
    "SELECT 1 INTO x",
    "SELECT \0 1",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_but_reading_the_lake_gets_through(
    home: Home, secret: Path, attack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/hunter2")
    sql = attack.format(
        folder=secret.parent, secret=secret, data=home.data, catalog=home.catalog_file
    )
    with pytest.raises(LakeError) as caught:
        query_lake(home, sql)
    assert "hunter2" not in str(caught.value)
    assert list(secret.parent.iterdir()) == [secret]


def test_attacks_leave_the_lake_as_it_was(home: Home) -> None:
    with Lake(home, read_only=True) as lake:
        assert lake.execute("SELECT note_id FROM lake.chat.notes ORDER BY 1") == [("a",), ("b",)]
        assert lake.execute("SELECT count(*) FROM lake.snapshots()")[0][0] == lake.version() + 1


# -- the second wall alone: a read-only attach --------------------------------------------------


@pytest.fixture(scope="module")
def reader(home: Home) -> Iterator[Lake]:
    with Lake(home, read_only=True) as lake:
        yield lake


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO lake.chat.notes (note_id) VALUES ('x')",
        "DELETE FROM lake.chat.notes",
        "DROP TABLE lake.chat.notes",
        "CREATE TABLE lake.chat.x (n INTEGER)",
        "ALTER TABLE lake.chat.notes ADD COLUMN n INTEGER",
        "SELECT * FROM ducklake_expire_snapshots('lake', older_than => now() + INTERVAL 1 DAY)",
        "DELETE FROM __ducklake_metadata_lake.main.ducklake_snapshot",
    ],
)
def test_a_read_only_lake_takes_no_writes(reader: Lake, statement: str) -> None:
    with pytest.raises(LakeError, match="read-only"):
        reader.execute(statement)


# -- the third wall alone: nothing to reach but the lake's own files ----------------------------


@pytest.fixture(scope="module")
def confined(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with Lake(home, read_only=True) as lake:
        confine(lake.connection, home)
        yield lake.connection


@pytest.mark.parametrize(
    "statement",
    [
        "FROM read_text('{secret}')",
        "FROM read_blob('{data}/../../{secret}')",
        "FROM '{secret}'",
        "FROM glob('{folder}/*')",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "EXPORT DATABASE '{folder}/out'",
        "ATTACH '{folder}/other.db'",
        "INSTALL httpfs",
        "LOAD '{folder}/evil.duckdb_extension'",
        "FROM read_csv('https://127.0.0.1:1/x.csv')",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET lock_configuration = false",
    ],
)
def test_a_confined_connection_reaches_nothing_outside(
    confined: duckdb.DuckDBPyConnection, home: Home, secret: Path, statement: str
) -> None:
    sql = statement.format(folder=secret.parent, secret=secret, data=home.data)
    with pytest.raises(duckdb.Error):
        confined.execute(sql).fetchall()
    assert list(secret.parent.iterdir()) == [secret]


def test_a_confined_connection_still_reads_the_lakes_own_files(
    confined: duckdb.DuckDBPyConnection,
) -> None:
    assert confined.execute("SELECT count(*) FROM chat.notes").fetchall() == [(2,)]
