"""A SQL project in dbt's layout as assets: dependencies, code versions, lineage, references."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from synth_assets.errors import LakeError
from synth_assets.graph.recipe_graph import recipe_definitions, shared_definitions
from synth_assets.graph.runs import RunWishes, run_recipe
from synth_assets.stages.datasets import load_sql_project
from synth_assets.store.home import Home
from synth_assets_tests.recipes import teaching, write_recipe
from synth_assets_tests.stages.test_sql_models import ANSWERED, FILES, SETS, write


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SYNTH_PROJECT", str(tmp_path))
    write(tmp_path, FILES)
    yield tmp_path
    load_sql_project.cache_clear()


def specs(folder: Path) -> dict[str, dg.AssetSpec]:
    """Table → its asset, as Dagster has it."""
    recipe = write_recipe(folder, **ANSWERED)
    loaded = dg.Definitions.merge(recipe_definitions(recipe), shared_definitions())
    return {spec.key.path[-1]: spec for spec in loaded.resolve_all_asset_specs()}


def test_each_model_and_seed_is_an_asset_that_depends_on_its_refs(folder: Path) -> None:
    assets = specs(folder)
    parents = {name: sorted(d.asset_key.path[-1] for d in assets[name].deps) for name in SETS}
    assert parents == {
        "words": [], "answers": ["completions"], "counted": ["answers"], "weighed": ["words"]
    }  # fmt: skip
    assert assets["words"].kinds == {"csv", "duckdb"}
    lineage = assets["weighed"].metadata["dagster/column_lineage"]
    (of,) = lineage.deps_by_column["twice"]
    assert (of.asset_key.path[-1], of.column_name) == ("words", "weight")
    (reference,) = assets["answers"].metadata["dagster/code_references"].code_references
    assert reference.file_path == str(folder / "dbt_like_sql/models/answers.sql")


def test_a_code_version_follows_what_the_sql_says_and_not_how(folder: Path) -> None:
    def versions() -> dict[str, str | None]:
        return {name: spec.code_version for name, spec in specs(folder).items() if name in SETS}

    before = versions()
    text = FILES["models/counted.sql"]
    write(folder, {"models/counted.sql": "-- why\n" + text.replace("select ", "SELECT\n   ")})
    assert versions() == before
    write(folder, {"models/counted.sql": text.replace("count(*)", "count(*) + 0")})
    after = versions()
    assert {name for name in SETS if after[name] != before[name]} == {"counted"}


def test_a_run_in_another_home_than_the_environment_s_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTH_HOME", str(folder / "home"))
    with pytest.raises(LakeError, match=r"SYNTH_HOME names, .*home, and not into .*elsewhere"):
        run_recipe(write_recipe(folder), Home.at(folder / "elsewhere"), RunWishes(), print)
    assert not (folder / "home").exists() and not (folder / "elsewhere").exists()


def test_a_run_may_ask_for_a_full_refresh(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTH_HOME", str(folder / "home"))
    recipe, home = write_recipe(folder, **ANSWERED), Home.from_environment()
    with teaching():
        assert run_recipe(recipe, home, RunWishes(), lambda _: None).exit_code == 0
    remade = {
        asked: run_recipe(
            recipe, home, RunWishes(full_refresh=asked, select=("answers",)), lambda _: None
        )
        for asked in (False, True)
    }
    assert not remade[False].reports["answers"].checks, "it was left as it is"
    assert remade[True].reports["answers"].checks, "it was made, and checked"
