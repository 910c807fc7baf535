"""A query and the columns of its tables in, column lineage out: which columns each output rests on.

Lineage is of values: what only filters, joins or counts rows (``count(*)``) is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope
from sqlglot.schema import ensure_schema

from synth_assets.errors import SqlModelError

Lineage = dict[str, list[tuple[str, str]]]


def trace_columns(query: exp.Query, tables: Mapping[str, Mapping[str, str]]) -> Lineage:
    """{output column: [(table, column), …]} of ``query``, through CTEs, joins, windows and structs.

    tables: name → {column: DuckDB type} of every table that the query reads.
    """
    try:
        known = ensure_schema(
            {name: dict(types) for name, types in tables.items()}, dialect="duckdb"
        )
        qualified = qualify(
            query.copy(), schema=known, dialect="duckdb", validate_qualify_columns=False
        )
        nodes = lineage(
            None, qualified, schema=known, dialect="duckdb", scope=build_scope(qualified),
            trim_selects=False, copy=False,
        )  # fmt: skip
    except (SqlglotError, ValueError, RecursionError) as error:
        raise SqlModelError(f"lineage cannot be told ({error})") from error
    assert isinstance(nodes, dict), "lineage of all columns is a dict"
    return {column: _leaves(node, tables) for column, node in nodes.items()}


def _leaves(node: Node, tables: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for step in node.walk():
        if step.downstream or not isinstance(step.source, exp.Table):
            continue
        table, column = step.source.name, exp.to_column(step.name, dialect="duckdb").name
        if column in tables.get(table, {}):
            found.add((table, column))
    return sorted(found)
