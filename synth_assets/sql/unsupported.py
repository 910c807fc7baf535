"""What of dbt is not here: a word of dbt's in, what to do instead out.

`docs/dbt_like_sql.md` shows this list as a table, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from synth_assets.errors import SqlModelError


@dataclass(frozen=True)
class Feature:
    """name: as dbt's manual calls it. words: keys, tags and functions by which a file uses it."""

    name: str
    words: tuple[str, ...]
    instead: str


UNSUPPORTED = (
    Feature(
        "packages",
        ("packages", "packages.yml", "dependencies.yml", "dispatch", "dbt_utils", "dbt"),
        "copy the macros that you need into macros/",
    ),
    Feature(
        "models of packages and other projects",
        ("ref('package', 'model')",),
        "copy the model into a folder of this project, and write ref('model')",
    ),
    Feature(
        "names that a template computes",
        ("ref(name)", "source(name, table)", "var(name)"),
        "write the name in quotes; for one of several, an if with a ref in each branch",
    ),
    Feature(
        "snapshots",
        ("snapshot", "snapshots"),
        "each table has its versions; read an old one with synth-assets query --at",
    ),
    Feature("Python models", (".py",), "write a SELECT, or an asset of Dagster's"),
    Feature(
        "hooks and operations",
        ("pre_hook", "post_hook", "pre-hook", "post-hook", "on-run-start", "on-run-end"),
        "a model is one SELECT and changes nothing else",
    ),
    Feature(
        "queries while compiling",
        ("run_query", "statement", "load_result", "execute", "adapter", "graph", "model"),
        "what a model says must be known before anything runs; list the values in vars",
    ),
    Feature(
        "targets, profiles and the environment",
        ("target", "env_var", "flags", "invocation_id", "run_started_at", "project_name"),
        "a model says the same wherever it runs; take var('name')",
    ),
    Feature(
        "values returned by macros",
        ("return", "fromjson", "tojson", "fromyaml", "toyaml", "set", "zip", "modules", "builtins"),
        "a macro gives SQL text; write loops and if in the model",
    ),
    Feature(
        "other tags of Jinja",
        (
            "call",
            "do",
            "import",
            "fromimport",
            "include",
            "extends",
            "block",
            "filter",
            "with",
            "autoescape",
        ),
        "macros are known in every file without import; write macro, set, if and for",
    ),
    Feature("logging from a model", ("log", "print", "exceptions", "debug"), "look at the rows"),
    Feature(
        "custom materializations",
        ("materialization", "materialized_view", "microbatch", "insert_overwrite"),
        "take table, view, incremental (append, delete+insert, merge) or ephemeral",
    ),
    Feature(
        "schema changes of an incremental model",
        ("append_new_columns", "sync_all_columns"),
        "take on_schema_change: ignore or fail, and refresh the table as a whole",
    ),
    Feature(
        "names other than the file's",
        ("alias", "schema", "database", "versions", "latest_version", "quoting"),
        "a model is a table of its file's name",
    ),
    Feature(
        "contracts, constraints and grants",
        ("contract", "constraints", "grants", "access", "group", "groups"),
        "the columns of a model are checked before it runs; declare tests",
    ),
    Feature(
        "stored failures",
        ("store_failures", "store_failures_as", "fail_calc"),
        "a check shows the offending rows, and rows refused are in <table>__rejected",
    ),
    Feature(
        "source freshness",
        ("freshness", "loaded_at_field", "loaded_at_query"),
        "synth-assets status says what is out of date",
    ),
    Feature(
        "the semantic layer, exposures and analyses",
        ("exposures", "metrics", "semantic_models", "saved_queries", "analyses", "functions"),
        "leave them in a file of another folder",
    ),
    Feature("documentation blocks", ("doc", "docs"), "write the description in schema.yml"),
    Feature(
        "fixtures in files of their own",
        ("fixture",),
        "write the rows of a unit test into the YAML file",
    ),
)
BY_WORD = {word: feature for feature in UNSUPPORTED for word in feature.words}


def explain(word: str) -> str | None:
    """What to say of a word of dbt's that is not supported; None for any other word."""
    feature = BY_WORD.get(word.removeprefix("+"))
    if feature is None:
        return None
    return f"{word!r} of dbt's is not supported ({feature.name}): {feature.instead}"


def refuse(where: str, words: Iterable[object]) -> None:
    """Errors: `SqlModelError` for the first word that names something unsupported."""
    for word in words:
        message = explain(str(word))
        if message is not None:
            raise SqlModelError(f"{where}: {message}")
