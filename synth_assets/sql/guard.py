"""SQL text in, its parsed SELECT out, or a refusal: nothing but reading tables gets through.

Two parsers look at every statement. DuckDB's own (`json_serialize_sql`, which takes nothing but
SELECT) shows what would really run, so that no difference between dialects hides a call; sqlglot's
gives the expression that the rest of the package works on. Functions pass by an allow-list: the
table functions named here, and the scalar functions and aggregates that DuckDB itself is built
with, so that whatever an extension adds (``sqlite_scan``, ``ducklake_expire_snapshots``,
``postgres_query``) is refused without being named. The guard is one wall of two: whoever runs the
statement does so on a read-only attachment with external access switched off.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Collection, Iterator
from functools import cache, partial
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from synth_assets.errors import SqlModelError
from synth_assets.sql.scratch import scratch_connection

MAX_CHARACTERS = 1_000_000
TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series", "json_each", "json_tree"})
REVEALING_FUNCTIONS = frozenset(
    {"current_query", "current_setting", "currval", "getenv", "getvariable", "nextval"}
    | {"query", "setseed", "sleep_ms", "write_log"}
)
"""Built in, but they read settings or the environment, or leave something behind."""
ORDER_SENSITIVE = frozenset(
    {"any_value", "arbitrary", "array_agg", "first", "group_concat", "last", "list", "listagg"}
    | {"string_agg"}
)
"""Aggregates whose value hangs on the order of rows unless they are given one."""
SORTS = frozenset({"array_reverse_sort", "array_sort", "list_reverse_sort", "list_sort"})
"""What they gather may be sorted after. DuckDB's parser itself makes ``list_sort(list(a))`` of
``list(a ORDER BY a)``."""
CLOCKS = frozenset(
    {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}
)
"""Functions that SQL calls without parentheses; DuckDB's parser takes them for columns."""
SYSTEM_PREFIXES = ("duckdb_", "pragma_", "sqlite_", "pg_", "__ducklake")
"""System views show settings and connection strings; information_schema lists tables as well."""
Line = Callable[[], int | None]
PLAIN_NAME = re.compile(r"\w+")


class Refusal(SqlModelError):
    """A statement that may not run. ``line``: line of the statement, from 1, where known."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.reason = reason
        self.line = line


def require_select(
    sql: str, *, tables: Collection[str] | None = None, deterministic: bool = False
) -> exp.Query:
    """The parsed expression of ``sql``: exactly one statement of type SELECT (WITH and UNION too).

    tables: the only names it may read besides its own CTEs; None leaves that to the database,
    but still refuses names that could be files and system views.
    deterministic: refuses what differs from run to run (random, now, aggregates without order).
    Errors: `Refusal`, which is a `SqlModelError`, with the reason and the line.
    """
    tree = _duckdb_tree(sql)
    names = {entry["key"].lower() for node in _nodes(tree) for entry in _cte_entries(node)}
    readable = None if tables is None else names | {table.lower() for table in tables}
    table_functions: set[int] = set()
    is_sorted: set[int] = set()
    for node in _nodes(tree):
        line = partial(_line, sql, node)  # told only where it is needed
        kind = node.get("type")
        if kind == "SHOW_REF":
            raise Refusal(
                "DESCRIBE, SHOW and SUMMARIZE are no SELECT; read information_schema.tables or "
                "information_schema.columns",
                line(),
            )
        if kind == "BASE_TABLE":
            _check_table(node, readable, line)
        elif kind == "TABLE_FUNCTION":
            _check_table_function(node["function"], line)
            table_functions.add(id(node["function"]))
        elif kind == "COLUMN_REF" and deterministic:
            _check_column(node, line)
        elif node.get("function_name") and id(node) not in table_functions:
            if node["function_name"].lower() in SORTS:
                is_sorted.add(id(node["children"][0]))
            _check_function(node, deterministic, line, is_sorted=id(node) in is_sorted)
        if deterministic and node.get("sample"):
            raise Refusal("a sample differs from run to run; order by a hash of the id", line())
    return _sqlglot_query(sql)


def _duckdb_tree(sql: str) -> dict[str, Any]:
    """DuckDB's own parse of the one SELECT in ``sql``."""
    if len(sql) > MAX_CHARACTERS:
        raise Refusal(f"{len(sql)} characters; at most {MAX_CHARACTERS} are read")
    if "\0" in sql:
        raise Refusal("holds a NUL character; remove it")
    try:
        # A literal, not a parameter: to bind one, DuckDB imports pandas where that is installed.
        literal = sql.replace("'", "''")
        row = scratch_connection().execute(f"SELECT json_serialize_sql('{literal}')").fetchone()
        answer = json.loads(row[0] if row else "{}")
    except (duckdb.Error, RecursionError, UnicodeError) as error:
        raise Refusal(f"is not SQL that can be read ({error})") from error
    if answer.get("error", True):
        message = answer.get("error_message", "empty statement")
        position = answer.get("position")
        line = _line(sql, {"query_location": int(position)}) if position else None
        if message.startswith("Only SELECT statements"):
            message = "holds a statement that is no SELECT"
        raise Refusal(f"{message}; write one SELECT", line)
    statements = answer["statements"]
    if len(statements) != 1:
        raise Refusal(f"holds {len(statements)} statements; write exactly one SELECT")
    return statements[0]


def _sqlglot_query(sql: str) -> exp.Query:
    try:
        statements = [item for item in sqlglot.parse(sql, read="duckdb") if item is not None]
    except (SqlglotError, RecursionError) as error:
        raise Refusal(f"cannot be parsed ({str(error).splitlines()[0]})") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise Refusal("write exactly one SELECT")
    return statements[0]


def _check_table(node: dict[str, Any], readable: Collection[str] | None, line: Line) -> None:
    parts = [node["catalog_name"], node["schema_name"], node["table_name"]]
    shown = ".".join(part for part in parts if part)
    if readable is not None:
        if parts[0] or parts[1] or parts[2].lower() not in readable:
            raise Refusal(f"reads {shown!r} directly; write {{{{ ref('name') }}}} instead", line())
        return
    for part in filter(None, parts):
        if not PLAIN_NAME.fullmatch(part):
            raise Refusal(f"{shown!r} could be a file; only tables are read", line())
        if part.lower().startswith(SYSTEM_PREFIXES):
            raise Refusal(f"{shown!r} is a system table; use information_schema.tables", line())


def _check_table_function(function: dict[str, Any], line: Line) -> None:
    name = function.get("function_name", "").lower()
    if function.get("schema") or function.get("catalog") or name not in TABLE_FUNCTIONS:
        allowed = ", ".join(sorted(TABLE_FUNCTIONS))
        raise Refusal(f"table function {name!r} is not allowed; allowed are {allowed}", line())


def _check_column(node: dict[str, Any], line: Line) -> None:
    if len(node["column_names"]) == 1 and node["column_names"][0].lower() in CLOCKS:
        raise Refusal(f"{node['column_names'][0]!r} differs from run to run", line())


def _check_function(
    node: dict[str, Any], deterministic: bool, line: Line, *, is_sorted: bool
) -> None:
    name = node["function_name"].lower()
    stability = _built_in_functions()
    if node.get("schema") not in ("", "main", None) or node.get("catalog") not in ("", None):
        raise Refusal(f"function {name!r} is called with a schema; call it by its name", line())
    is_window = str(node.get("type", "")).startswith("WINDOW_")
    if name in REVEALING_FUNCTIONS or (name not in stability and not is_window):
        near = difflib.get_close_matches(name, stability.keys() - REVEALING_FUNCTIONS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise Refusal(f"function {name!r} is not allowed{hint}", line())
    if not deterministic:
        return
    if stability.get(name, "CONSISTENT") != "CONSISTENT":
        raise Refusal(f"function {name!r} differs from run to run", line())
    is_ordered = is_sorted or is_window or (node["order_bys"] or {}).get("orders")
    if name in ORDER_SENSITIVE and not is_ordered:
        raise Refusal(f"{name}() hangs on the order of rows; write {name}(… ORDER BY …)", line())


@cache
def _built_in_functions() -> dict[str, str]:
    """Name → stability of DuckDB's own scalar functions, aggregates and macros."""
    rows = (
        scratch_connection()
        .execute(
            "SELECT lower(function_name), max(coalesce(stability, 'CONSISTENT')) "
            "FROM duckdb_functions() WHERE internal "
            "AND function_type IN ('scalar', 'aggregate', 'macro') GROUP BY ALL"
        )
        .fetchall()
    )
    # unnest in a select list is no entry of the catalogue.
    return {**dict(rows), "unnest": "CONSISTENT"}


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of DuckDB's tree, without recursion: a deep tree is no reason to fail."""
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _cte_entries(node: dict[str, Any]) -> list[dict[str, Any]]:
    return (node.get("cte_map") or {}).get("map", [])


def _line(sql: str, node: dict[str, Any]) -> int | None:
    """Line of a node, from its offset in bytes; DuckDB marks an unknown one by a huge number."""
    offset = node.get("query_location")
    encoded = sql.encode("utf-8", "replace")
    if not isinstance(offset, int) or offset > len(encoded):
        return None
    return encoded[:offset].count(b"\n") + 1
