from __future__ import annotations

import keyword

import duckdb
import pytest

from synth_assets.recipe_names import RESERVED_NAMES, why_no_model_name, why_no_name


@pytest.mark.parametrize("name", ["a", "chat_2", "x" * 63, "selected", "values"])
def test_small_letters_digits_and_underscores_make_a_name(name: str) -> None:
    assert why_no_name(name) is None


@pytest.mark.parametrize(
    "name", ["", "A", "2nd", "_a", "a-b", "a b", "a.b", "ä", "x" * 64, "a\n", "a;--", 'a"b']
)
def test_other_forms_are_refused_and_told_what_is_allowed(name: str) -> None:
    assert "use lower-case letters, digits and _" in (why_no_name(name) or "")


@pytest.mark.parametrize("name", ["main", "lake", "llm", "memory", "temp", "system", "pg_catalog"])
def test_names_of_the_lake_are_refused(name: str) -> None:
    assert "is a reserved word" in (why_no_name(name) or "")


def test_every_word_that_a_query_would_have_to_quote_is_refused() -> None:
    rows = duckdb.connect().execute(
        "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
    )
    assert {name for (name,) in rows.fetchall()} <= RESERVED_NAMES


def test_every_word_that_dagster_refuses_for_a_job_is_refused() -> None:
    import dagster as dg

    names = ["config", "context", "input", "output", "type", "dict", "meta"]
    for name in [*names, *filter(str.islower, keyword.kwlist)]:
        with pytest.raises(dg.DagsterInvalidDefinitionError):
            dg.JobDefinition(name=name, graph_def=dg.GraphDefinition(name="g"))
        assert why_no_name(name) is not None


def test_names_of_trials_and_of_jobs_are_kept_free() -> None:
    assert "kept for the trial of a recipe" in (why_no_name("chat_trial") or "")
    assert "kept for the job that opens a round" in (why_no_name("chat_refresh") or "")


def test_a_model_may_be_named_as_models_are() -> None:
    assert why_no_model_name("qwen3-8b.q4") is None
    assert why_no_model_name("7b") is None
    assert why_no_model_name("Big One") is not None
    assert why_no_model_name("a/b") is not None


@pytest.mark.parametrize("name", ["pg_data", "sqlite_notes", "duckdb_talk", "pragma_tic"])
def test_names_that_begin_as_tables_of_the_system_are_refused(name: str) -> None:
    assert "as tables of the system do" in (why_no_name(name) or "")
