"""`export.licences`: what a recipe's export may contain, kept by a blocking check."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from synth_assets_tests.cli.words import say
from synth_assets_tests.recipes import Teacher, write_recipe, write_seeds

SEEDS = (
    {"prompt": "Name a long river.", "licence": "mit"},
    {"prompt": "Give two reasons to mend old shoes.", "licence": "cc-by-nc-4.0"},
)
MODELS = {"teacher": {"licence": "openrail"}}


def write(folder: Path, *allowed: str) -> None:
    write_recipe(
        folder / "recipes",
        models=MODELS,
        prompts={"self_instruct": None},
        export={"licences": list(allowed)} if allowed else None,
    )


def test_rows_of_another_licence_stop_the_export_and_are_named(
    project: Path, teacher: Teacher
) -> None:
    write_seeds(project / "recipes", SEEDS)
    write(project, "mit", "openrail")
    ran = say("run", "tiny", "--json")
    assert ran.code == 3
    (row,) = say(
        "query",
        "select example_id, licences from tiny.sft_set "
        "where list_contains(licences, 'cc-by-nc-4.0')",
        "--json",
    ).value
    assert row["licences"] == ["cc-by-nc-4.0", "openrail"]
    assert any(
        row["example_id"] in error and "cc-by-nc-4.0" in error for error in ran.value["errors"]
    )
    folder = project / ".synth" / "exports" / "tiny"
    assert not list(folder.rglob("*.parquet"))
    # Withdrawn, it stands no longer in the way.
    retracted = say("retract", "tiny", row["example_id"], "--reason", "its licence", "--yes")
    assert retracted.code == 0, retracted.error


@pytest.mark.full
def test_what_is_allowed_is_exported_with_its_licences(project: Path, teacher: Teacher) -> None:
    write_seeds(project / "recipes", SEEDS)
    write(project, "mit", "cc-by-nc-4.0", "openrail")
    assert say("run", "tiny", "--json").code == 0
    (file,) = (project / ".synth" / "exports" / "tiny" / "data" / "sft").glob("*.parquet")
    found = pl.read_parquet(file)["meta"].struct.field("licences").to_list()
    assert sorted(found) == [["cc-by-nc-4.0", "openrail"], ["mit", "openrail"]]
