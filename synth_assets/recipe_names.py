"""A name for a recipe in, why it cannot be one out.

A recipe's name becomes a schema of the lake, a job of Dagster's, and a word in people's SQL.
"""

from __future__ import annotations

import keyword
import re

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")

OF_THE_LAKE = frozenset(
    {"information_schema", "lake", "llm", "main", "memory", "pg_catalog", "system", "temp"}
)
"""Schemas and catalogs of DuckDB and of ours: a query could not tell them from the recipe."""

RESERVED_IN_SQL = """
    all analyse analyze and any array as asc asymmetric both case cast check collate column
    constraint create default deferrable desc describe distinct do else end except false fetch for
    foreign from group having in initially intersect into lambda lateral leading limit not null
    offset on only or order pivot pivot_longer pivot_wider placing primary qualify references
    returning select show some summarize symmetric table then to trailing true union unique
    unpivot using variadic when where window with
"""
"""DuckDB's reserved words: people write RECIPE.TABLE in a query, and these would need quotes."""

OF_DAGSTER = frozenset(
    {
        *("arg_dict", "bool", "conf", "config", "context", "dict", "float", "input"),
        *("input_arg_dict", "int", "meta", "output", "output_arg_dict", "str", "type"),
    }
)
"""Names that Dagster refuses for a job, beside Python's own words."""

RESERVED_NAMES = OF_THE_LAKE | set(RESERVED_IN_SQL.split()) | OF_DAGSTER | set(keyword.kwlist)

RESERVED_BEGINNINGS = ("duckdb_", "pg_", "pragma_", "sqlite_")
"""What tables of the system begin with: the guard would refuse every query of such a recipe."""

RESERVED_ENDINGS = {"_trial": "the trial of a recipe", "_refresh": "the job that opens a round"}


def why_no_name(name: str) -> str | None:
    """What is wrong with ``name`` and what is allowed; None where it may name a recipe."""
    if not NAME.fullmatch(name):
        return "use lower-case letters, digits and _, beginning with a letter, 63 at most"
    if name in RESERVED_NAMES:
        return f"is a reserved word of SQL, Python or the lake; take another, such as {name}_set"
    if name.startswith(RESERVED_BEGINNINGS):
        return f"begins with {name.partition('_')[0]}_, as tables of the system do; take another"
    for ending, use in RESERVED_ENDINGS.items():
        if name.endswith(ending):
            return f"ends in {ending}, which is kept for {use}; take another name"
    return None


def why_no_model_name(name: str) -> str | None:
    """The same for a recipe's own name of a model."""
    if not MODEL_NAME.fullmatch(name):
        return "use lower-case letters, digits, _, . and -, beginning with a letter or digit"
    return None
