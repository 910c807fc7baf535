"""A declared test in, its SELECT with refs still open out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth_assets.sql.compiler import Draft, draft, draft_sql, narrowed
from synth_assets.sql.data_tests import DataTest, offending_rows, rows_looked_at
from synth_assets.sql.project_files import ProjectFiles
from synth_assets.sql.render import call_source


def draft_of_test(test: DataTest, files: ProjectFiles, variables: Mapping[str, Any]) -> Draft:
    """Errors: `SqlModelError` naming the file and the test."""
    if test.kind == "check":
        check = files.checks[test.name]
        return draft(str(check.path), check.source, variables)
    if test.kind != "generic":
        return draft_sql(test.shown, offending_rows(test), [test.model, *test.refs])
    source = call_source(test.shown, str(test.macro), test.arguments, test.model, files.macros)
    made = draft(test.shown, source, variables)
    if test.where is None:
        return made
    # Read once as a SELECT of its own, so that it is guarded too before it is put in.
    rows = draft_sql(test.shown, f"SELECT * FROM {rows_looked_at(test)} AS looked_at", [test.model])
    return narrowed(made, test.model, rows)
