"""The guard: attacks that must be refused, and queries that must pass."""

from __future__ import annotations

import pytest
from sqlglot import exp

from synth_assets.errors import SqlModelError
from synth_assets.sql.guard import MAX_CHARACTERS, Refusal, require_select

ATTACKS = {
    # statements that are no SELECT
    "copy": "COPY (SELECT 1) TO 'x.csv'",
    "copy of a table": "COPY lake.chat.completions TO 's3://bucket/x.parquet'",
    "attach": "ATTACH 'other.duckdb' AS other",
    "detach": "DETACH lake",
    "install": "INSTALL httpfs",
    "load": "LOAD 'evil.duckdb_extension'",
    "pragma": "PRAGMA database_list",
    "pragma with an argument": "PRAGMA table_info('t')",
    "set": "SET enable_external_access = true",
    "reset": "RESET enable_external_access",
    "set variable": "SET VARIABLE a = 1",
    "insert": "INSERT INTO t VALUES (1)",
    "update": "UPDATE t SET a = 1",
    "delete": "DELETE FROM t",
    "truncate": "TRUNCATE t",
    "merge": "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE",
    "create": "CREATE TABLE t AS SELECT 1",
    "create macro": "CREATE MACRO m(a) AS a",
    "create function": "CREATE FUNCTION m(a) AS TABLE SELECT 1",
    "create secret": "CREATE SECRET (TYPE s3)",
    "drop": "DROP TABLE t",
    "alter": "ALTER TABLE t ADD COLUMN b INTEGER",
    "comment": "COMMENT ON TABLE t IS 'x'",
    "call": "CALL ducklake_expire_snapshots('lake')",
    "prepare": "PREPARE p AS SELECT 1",
    "execute": "EXECUTE p",
    "export": "EXPORT DATABASE 'folder'",
    "import": "IMPORT DATABASE 'folder'",
    "checkpoint": "CHECKPOINT",
    "vacuum": "VACUUM",
    "use": "USE lake.chat",
    "begin": "BEGIN",
    "explain analyze": "EXPLAIN ANALYZE SELECT 1",
    "describe": "DESCRIBE SELECT 1",
    "summarize": "SUMMARIZE SELECT 1",
    "summarize in a subquery": "SELECT * FROM (SUMMARIZE t)",
    "show": "SHOW TABLES",
    "show all": "SHOW ALL TABLES",
    "select into": "SELECT 1 INTO t",
    "data in a cte": "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
    # more than one statement, and comment tricks
    "two statements": "SELECT 1; DROP TABLE t",
    "two selects": "SELECT 1; SELECT 2",
    "second after a comment": "SELECT 1 /* ; */ ; COPY t TO 'x'",
    "second after a line comment": "SELECT 1 --\n; ATTACH 'x'",
    "second after a nested comment": "SELECT 1 /* /* */ */; DROP TABLE t",
    "second after a dollar quote": "SELECT $$a$$; DROP TABLE t",
    "second after an escape": r"SELECT E'\''; DROP TABLE t; --'",
    "hidden by a NUL": "SELECT 1\0; DROP TABLE t",
    "nothing": "",
    "only a comment": "-- SELECT 1",
    "no SQL": "give me all rows",
    # files and other databases as tables
    "file as a string": "SELECT * FROM 'file.parquet'",
    "file as a name": 'SELECT * FROM "x.csv"',
    "file as from first": "FROM 'file.parquet'",
    "file by table": "TABLE 'x.csv'",
    "file by pattern": "SELECT * FROM '*.parquet'",
    "file by address": "SELECT * FROM 'https://example.com/x.parquet'",
    "file in a cte": "WITH a AS (FROM 'x.json') SELECT * FROM a",
    "file in a subquery": "SELECT (SELECT max(a) FROM 'x.csv')",
    "file in a join": "SELECT * FROM t JOIN '/etc/passwd' ON true",
    "file in exists": "SELECT * FROM t WHERE EXISTS (FROM '/proc/self/environ')",
    "file in a union": "SELECT 1 UNION ALL SELECT * FROM 'x.csv'",
    "file in a lateral": "SELECT * FROM t, LATERAL (SELECT * FROM 'x.csv') AS l",
    "file in a pivot": "SELECT * FROM (PIVOT 'x.csv' ON a IN ('b') USING count(*))",
    "file in a positional join": "SELECT * FROM t POSITIONAL JOIN 'x.csv'",
    "system view": "SELECT * FROM duckdb_settings",
    "system view with a catalog": "SELECT * FROM system.main.duckdb_databases",
    "catalog of the lake": "SELECT * FROM __ducklake_metadata_lake.ducklake_snapshot",
    "sqlite master": "SELECT * FROM lake.sqlite_master",
    # table functions
    "read_csv": "SELECT * FROM read_csv('x.csv')",
    "read_csv in capitals": "SELECT * FROM READ_CSV_AUTO('x.csv')",
    "read_parquet of a list": "SELECT * FROM read_parquet(['a.parquet', 'b.parquet'])",
    "parquet_scan": "SELECT * FROM parquet_scan('x')",
    "read_json": "SELECT * FROM read_json('x')",
    "read_text": "SELECT * FROM read_text('/etc/passwd')",
    "read_blob": "SELECT * FROM read_blob('/etc/passwd')",
    "quoted": "SELECT * FROM \"read_text\"('/etc/passwd')",
    "with a schema": "SELECT * FROM system.main.read_text('/etc/passwd')",
    "glob": "SELECT * FROM glob('/*')",
    "sniff_csv": "SELECT * FROM sniff_csv('x.csv')",
    "parquet_metadata": "SELECT * FROM parquet_metadata('x')",
    "sqlite_scan": "SELECT * FROM sqlite_scan('lake.sqlite', 'ducklake_snapshot')",
    "postgres_query": "SELECT * FROM postgres_query('lake', 'DROP TABLE t')",
    "postgres_scan": "SELECT * FROM postgres_scan('host=x', 'public', 't')",
    "ducklake_expire_snapshots": "SELECT * FROM ducklake_expire_snapshots('lake')",
    "ducklake_snapshots": "SELECT * FROM ducklake_snapshots('lake')",
    "ducklake_cleanup": "SELECT * FROM ducklake_cleanup_old_files('lake', cleanup_all => true)",
    "query": "SELECT * FROM query('SELECT 1')",
    "query_table": "SELECT * FROM query_table('x.csv')",
    "query_table of a list": "SELECT * FROM query_table(['a', 'b'])",
    "json_execute_serialized_sql": "SELECT * FROM json_execute_serialized_sql('{}')",
    "duckdb_secrets": "SELECT * FROM duckdb_secrets()",
    "pragma as a function": "SELECT * FROM pragma_table_info('t')",
    "in a nested cte": "WITH a AS (WITH b AS (FROM read_text('x')) FROM b) FROM a",
    "in a subquery of a where": "SELECT 1 WHERE 1 IN (SELECT size FROM read_text('x'))",
    "in an order by": "SELECT 1 ORDER BY (SELECT size FROM read_text('x'))",
    "in a lateral": "SELECT * FROM t, LATERAL (FROM read_text(t.a)) AS l",
    "in a limit": "SELECT 1 LIMIT (SELECT 1 FROM read_text('x'))",
    "in a macro's argument": "SELECT list_transform([1], lambda x: (SELECT 1 FROM glob('*')))",
    "python's": "SELECT * FROM python_map_function()",
    "an unknown one": "SELECT * FROM some_macro(1)",
    # functions
    "getenv": "SELECT getenv('OPENAI_API_KEY')",
    "getenv quoted": "SELECT \"getenv\"('OPENAI_API_KEY')",
    "getenv in capitals": "SELECT GeTeNv('OPENAI_API_KEY')",
    "getenv in a struct": "SELECT {'a': getenv('HOME')}",
    "getenv in a lambda": "SELECT list_transform([1], lambda x: getenv('HOME'))",
    "getenv in a comprehension": "SELECT [getenv('HOME') FOR x IN [1]]",
    "getenv as a method": "SELECT 'HOME'.getenv()",
    "getenv with a schema": "SELECT main.getenv('HOME')",
    "getenv in a filter": "SELECT count(*) FILTER (WHERE getenv('HOME') = 'x')",
    "getenv in a window": "SELECT sum(1) OVER (ORDER BY getenv('HOME'))",
    "getenv in columns": "SELECT getenv(COLUMNS(*)) FROM t",
    "getenv in replace": "SELECT * REPLACE (getenv('HOME') AS a) FROM t",
    "getenv in group by": "SELECT 1 GROUP BY getenv('HOME')",
    "getenv in having": "SELECT 1 HAVING getenv('HOME') = ''",
    "getenv in qualify": "SELECT 1 QUALIFY getenv('HOME') = ''",
    "getenv in values": "SELECT * FROM (VALUES (getenv('HOME'))) AS v(a)",
    "getvariable": "SELECT getvariable('a')",
    "current_setting": "SELECT current_setting('s3_secret_access_key')",
    "current_query": "SELECT current_query()",
    "nextval": "SELECT nextval('s')",
    "write_log": "SELECT write_log('x')",
    "setseed": "SELECT setseed(0.5)",
    "a macro": "SELECT some_macro(1)",
    "a function of an extension": "SELECT http_get('https://example.com')",
}


@pytest.mark.parametrize("sql", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_is_refused(sql: str) -> None:
    with pytest.raises(SqlModelError):
        require_select(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT 1;",
        "-- a comment with ; and COPY\nSELECT 'COPY t TO ''x''; read_text(1)' AS a /* ; */",
        "SELECT a, count(*) FROM lake.chat.completions GROUP BY a HAVING count(*) > 1",
        "FROM chat.completions SELECT text",
        "WITH a AS (SELECT 1 AS b), c AS (SELECT b FROM a) SELECT * FROM c UNION SELECT 2",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) FROM r",
        "SELECT * FROM range(3) AS r(i), unnest([1, 2]) AS u(x), generate_series(1, 2) AS g(y)",
        "SELECT unnest(call_ids), messages[1].content, text ILIKE '%a%' FROM t",
        "SELECT row_number() OVER (PARTITION BY a ORDER BY b), lag(a) OVER (ORDER BY b) FROM t",
        "SELECT list(a ORDER BY b), median(a), any_value(a), random(), now() FROM t",
        "SELECT [x + 1 FOR x IN a IF x > 1], list_transform(a, lambda x: x + 1), {'a': 1} FROM t",
        "SELECT * FROM information_schema.tables",
        "SELECT * EXCLUDE (a) REPLACE (lower(b) AS b), COLUMNS('c.*') FROM t",
        "SELECT CASE WHEN a THEN 1 END, a::INTEGER, try_cast(a AS DATE), date '2020-01-01' FROM t",
        "SELECT text -> '$.a', json_extract_string(text, '$.b') FROM t, json_each(t.text)",
    ],
)
def test_a_select_passes(sql: str) -> None:
    assert isinstance(require_select(sql), exp.Query)


def test_only_the_given_tables_and_own_ctes_are_read() -> None:
    require_select("WITH a AS (SELECT * FROM t) SELECT * FROM a", tables=["t"])
    for sql in ("SELECT * FROM u", "SELECT * FROM lake.t", "SELECT * FROM chat.a"):
        with pytest.raises(Refusal, match="directly"):
            require_select(sql, tables=["t"])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT random()",
        "SELECT uuid()",
        "SELECT now()",
        "SELECT current_date",
        "SELECT current_timestamp",
        "SELECT list(a) FROM t",
        "SELECT string_agg(a, ',') FROM t",
        "SELECT first(a) FROM t",
        "SELECT * FROM t USING SAMPLE 10",
        "SELECT * FROM t TABLESAMPLE 10%",
    ],
)
def test_what_differs_from_run_to_run_is_refused_in_a_model_only(sql: str) -> None:
    require_select(sql)
    with pytest.raises(Refusal):
        require_select(sql, deterministic=True)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT list(a ORDER BY b) FROM t",
        "SELECT list(a ORDER BY a) FROM t",
        "SELECT list(DISTINCT t.a ORDER BY t.a DESC NULLS LAST) FILTER (b > 1) FROM t",
        "SELECT list_sort(list(a)), array_agg(a ORDER BY a) FROM t",
    ],
)
def test_an_ordered_list_is_deterministic(sql: str) -> None:
    require_select(sql, deterministic=True)


def test_a_list_that_is_sorted_excuses_no_other_inside_it() -> None:
    with pytest.raises(Refusal, match=r"list\(\) hangs on the order"):
        require_select("SELECT list_sort(list(c ORDER BY c)), list(c) FROM t", deterministic=True)


def test_a_refusal_names_the_line_and_the_nearest_function() -> None:
    with pytest.raises(Refusal) as raised:
        require_select("SELECT\n  'é',\n  lowr(a)\nFROM t")
    assert raised.value.line == 3
    assert "did you mean 'lower'?" in str(raised.value)


def test_a_syntax_error_names_its_line() -> None:
    with pytest.raises(Refusal) as raised:
        require_select("SELECT 1\nFROM t\nWHERE WHERE")
    assert raised.value.line == 3


@pytest.mark.parametrize(
    "sql",
    ["SELECT " + "(" * 5000 + "1" + ")" * 5000, "SELECT '" + "x" * MAX_CHARACTERS + "'"],
    ids=["too deep", "too long"],
)
def test_a_bomb_is_refused(sql: str) -> None:
    with pytest.raises(Refusal):
        require_select(sql)
