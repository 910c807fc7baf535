"""What Dagster loads: every asset with its place, words, columns and version; and quickly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from synth_assets.graph.assets import FRESH_WITHIN_HOURS
from synth_assets.graph.recipe_graph import recipe_definitions, shared_definitions
from synth_assets.method import all_tables
from synth_assets.project import find_recipe
from synth_assets.recipe import load_recipe
from synth_assets_tests.graph.conftest import WHOLE
from synth_assets_tests.recipes import write_recipe, write_seeds

QUICKSTART = {
    "quickstart_1_seeds": ["evaluation_prompts", "rounds", "seed_prompts"],
    "quickstart_2_prompts": ["evolved_prompts", "mutated_prompts", "self_instruct_prompts"],
    "quickstart_3_completions": ["completions"],
    "quickstart_4_judgments": ["judgments", "ratings", "verifications"],
    "quickstart_5_datasets": [
        "cost_by_stage",
        "cost_of_accepted",
        "dpo_set",
        "dropped_rows",
        "round_health",
        "scored_completions",
        "sft_set",
    ],
    "quickstart_6_exports": ["dpo_export", "sft_export"],
}
DEPENDENCIES = {
    "seed_prompts": [],
    "evaluation_prompts": [],
    "rounds": ["seed_prompts"],
    "self_instruct_prompts": ["rounds", "seed_prompts"],
    "evolved_prompts": ["rounds", "seed_prompts"],
    "mutated_prompts": [
        "evaluation_prompts",
        "evolved_prompts",
        "rounds",
        "seed_prompts",
        "self_instruct_prompts",
    ],
    "completions": ["mutated_prompts"],
    "ratings": ["completions", "mutated_prompts"],
    "verifications": ["completions", "mutated_prompts"],
    "judgments": ["ratings", "verifications"],
}

LOADS = """
import json, sys
from synth_assets.definitions import defs
keys = [key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()]
print(json.dumps({"keys": keys, "modules": sorted(sys.modules)}))
"""


@pytest.fixture(scope="module")
def quickstart() -> dict[str, dg.AssetSpec]:
    """Table → its asset."""
    return specs(recipe_definitions(load_recipe(find_recipe("quickstart"))))


def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    whole = dg.Definitions.merge(definitions, shared_definitions())
    return {spec.key.path[-1]: spec for spec in whole.resolve_all_asset_specs()}


def test_quickstart_has_these_assets_in_these_groups(quickstart: dict[str, dg.AssetSpec]):
    groups: dict[str, list[str]] = {}
    for table, spec in sorted(quickstart.items()):
        assert spec.key.path == ["quickstart", table]
        groups.setdefault(spec.group_name or "", []).append(table)
    assert dict(sorted(groups.items())) == QUICKSTART


def test_assets_rest_on_what_their_stage_reads(quickstart: dict[str, dg.AssetSpec]):
    found = {
        table: sorted(dep.asset_key.path[-1] for dep in quickstart[table].deps)
        for table in DEPENDENCIES
    }
    assert found == DEPENDENCIES


def test_every_asset_says_what_it_holds_and_of_what_kind_it_is(
    quickstart: dict[str, dg.AssetSpec],
):
    for table, spec in quickstart.items():
        assert len(spec.description or "") > 20, table
        assert spec.kinds, table
        assert spec.code_version, table
    assert {table for table, spec in quickstart.items() if "sql" in spec.kinds} == set(
        QUICKSTART["quickstart_5_datasets"]
    )
    assert quickstart["seed_prompts"].kinds == {"python", "file"}


def test_every_column_is_described(quickstart: dict[str, dg.AssetSpec]):
    for table, spec in quickstart.items():
        if table.endswith("_export"):
            continue
        columns = spec.metadata["dagster/column_schema"].columns
        assert all(column.description for column in columns), table
        if table in all_tables():
            assert [column.name for column in columns] == all_tables()[table].polars.names()


def test_marts_show_where_their_columns_come_from(quickstart: dict[str, dg.AssetSpec]):
    metadata = quickstart["sft_set"].metadata
    lineage = metadata["dagster/column_lineage"].deps_by_column
    assert {(dep.asset_key.to_user_string(), dep.column_name) for dep in lineage["messages"]} == {
        ("quickstart/scored_completions", "messages"),
        ("quickstart/scored_completions", "text"),
    }
    assert "| messages | scored\\_completions.messages" in metadata["columns_come_from"].value
    cost = quickstart["cost_by_stage"].metadata["dagster/column_lineage"].deps_by_column
    assert (
        dg.TableColumnDep(asset_key=dg.AssetKey(["llm", "calls"]), column_name="cost_usd")
        in (cost["cost_usd"])
    )


def test_assets_name_the_file_that_makes_them(quickstart: dict[str, dg.AssetSpec]):
    def file_of(table: str) -> str:
        (reference,) = quickstart[table].metadata["dagster/code_references"].code_references
        assert Path(reference.file_path).is_file()
        return Path(reference.file_path).name

    assert file_of("sft_set") == "sft_set.sql"
    assert file_of("completions") == "completions.py"
    assert file_of("ratings") == "ultrafeedback.py"


def test_the_owner_and_the_age_that_a_set_may_have_are_the_recipes(tmp_path: Path):
    write_seeds(tmp_path, [{"prompt": "Held out."}], "held_out.jsonl")
    found = specs(recipe_definitions(write_recipe(tmp_path, **WHOLE)))
    assert {tuple(spec.owners) for spec in found.values()} == {("team:data",)}
    fresh = {table for table, spec in found.items() if spec.freshness_policy is not None}
    assert fresh == {"sft_set", "dpo_set"}
    assert found["sft_set"].freshness_policy == dg.FreshnessPolicy.time_window(
        fail_window=timedelta(hours=FRESH_WITHIN_HOURS)
    )
    hourly = {**WHOLE, "schedule": {"cron": "0 * * * *", "fresh_within_hours": 2}}
    found = specs(recipe_definitions(write_recipe(tmp_path, **hourly)))
    assert found["sft_set"].freshness_policy == dg.FreshnessPolicy.time_window(
        fail_window=timedelta(hours=2)
    )


def test_a_recipe_without_a_schedule_has_no_age_limit(tmp_path: Path):
    found = specs(recipe_definitions(write_recipe(tmp_path)))
    assert found["sft_set"].freshness_policy is None


def test_the_code_version_follows_what_decides_the_table_alone(tmp_path: Path):
    def versions(**parts: Any) -> dict[str, str | None]:
        found = specs(recipe_definitions(write_recipe(tmp_path, **parts)))
        return {table: spec.code_version for table, spec in found.items()}

    before = versions()
    assert versions(limits={"budget": {"calls_per_run": 7}}) == before
    judged = versions(judgments={"ultrafeedback": {"criteria": ["honesty"]}})
    assert {table for table in before if judged[table] != before[table]} == {"ratings"}
    hotter = versions(completions={"sampling": {"temperature": 0.1}})
    assert {table for table in before if hotter[table] != before[table]} == {"completions"}


@pytest.mark.full
def test_loading_all_recipes_imports_neither_litellm_nor_a_model_library(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", LOADS],
        env={**os.environ, "SYNTH_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    loaded = json.loads(done.stdout)
    assert "quickstart/sft_set" in loaded["keys"]
    heavy = {"litellm", "openai", "math_verify", "sympy", "torch", "datasets"}
    assert not heavy & set(loaded["modules"])
    assert not (tmp_path / "home").exists(), "looking makes nothing"


def test_all_recipes_share_the_lake_and_the_watch_over_dead_runs():
    shared = shared_definitions()
    assert set(shared.resources or {}) == {"lake"}
    (sensor,) = shared.sensors or []
    assert isinstance(sensor, dg.SensorDefinition)
    assert (sensor.name, sensor.default_status) == ("dead_runs", dg.DefaultSensorStatus.RUNNING)
