"""What changes the fingerprint of a table, and what must not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from synth_assets.recipe import Recipe, load_recipe
from synth_assets.stages.generation import generation_parameters
from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets_tests.recipes import evolving, tiny_parts

WHOLE: dict[str, Any] = {
    "seeds": {"prompts": [{"path": "seeds.jsonl"}], "evaluation": [{"path": "held_out.jsonl"}]},
    "models": {
        "teacher": {"model": "openai_compatible/small", "base_url": "http://127.0.0.1:8000/v1"},
        "judge": {"model": "offline/judge"},
        "other": {"model": "offline/hasty"},
    },
    "prompts": {"evol_instruct": evolving()},
    "judgments": {"verification": {}},
}
"""A recipe that asks for every table there is."""

WRITING = {"self_instruct_prompts", "evolved_prompts"}


def load(folder: Path, parts: dict[str, Any]) -> Recipe:
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(parts, sort_keys=False))
    return load_recipe(path)


def whole(folder: Path, **parts: Any) -> Recipe:
    return load(folder, tiny_parts(**_under(WHOLE, parts)))


def _under(base: Any, change: Any) -> Any:
    if isinstance(base, dict) and isinstance(change, dict):
        return {**base, **{name: _under(base.get(name), each) for name, each in change.items()}}
    return change


def fingerprints(recipe: Recipe, opened_with: Recipe | None = None) -> dict[str, dict[str, str]]:
    """Table → the parts of its fingerprint, in a round opened with a recipe (by default this)."""
    frozen = generation_parameters(opened_with or recipe)
    return {
        name: stage.fingerprint_parts(recipe, frozen)
        for name, stage in recipe_stages(recipe).items()
    }


def changed_tables(before: Recipe, after: Recipe, opened_with: Recipe | None = None) -> set[str]:
    then = fingerprints(before, opened_with)
    now = fingerprints(after, opened_with)
    assert set(then) == set(now)
    return {name for name in then if then[name] != now[name]}


@pytest.mark.parametrize(
    "change",
    [
        {"description": "Other words."},
        {"owner": "team:other"},
        {"schedule": {"cron": "0 3 * * *"}},
        {"export": {"licence": "mit", "languages": ["en", "de"]}},
        {"limits": {"budget": {"usd_per_run": 5, "calls_per_run": 7}}},
        {"limits": {"failed_replies": 0.5}},
        {"models": {"teacher": {"max_concurrency": 3}}},
        {"models": {"teacher": {"timeout_s": 9}}},
        {"models": {"teacher": {"max_retries": 0}}},
        {"models": {"teacher": {"api_key": "env:SOME_KEY"}}},
        {"models": {"teacher": {"base_url": "http://127.0.0.1:9000/v1"}}},
        {"models": {"teacher": {"input_usd_per_million": 1, "output_usd_per_million": 2}}},
        {"models": {"unused": {"model": "offline/terse"}}},
    ],
    ids=str,
)
def test_how_a_recipe_is_run_changes_no_table(tmp_path: Path, change: dict[str, Any]) -> None:
    assert changed_tables(whole(tmp_path), whole(tmp_path, **change)) == set()


def test_comments_white_space_and_the_order_of_keys_change_no_table(tmp_path: Path) -> None:
    before = whole(tmp_path)
    path = tmp_path / "tiny.yaml"
    parts = yaml.safe_load(path.read_text())
    turned = yaml.safe_dump(dict(reversed(parts.items())), default_flow_style=True, indent=8)
    path.write_text(f"# A comment.\n\n{turned}\n")
    assert changed_tables(before, load_recipe(path)) == set()


def test_a_default_that_is_written_out_changes_no_table(tmp_path: Path) -> None:
    written = {"datasets": {"test_share": 0.0, "dpo": {"pairs": "rated", "min_margin": 0.5}}}
    assert changed_tables(whole(tmp_path), whole(tmp_path, **written)) == set()


@pytest.mark.parametrize(
    ("change", "tables"),
    [
        ({"seeds": {"limit": 2}}, {"seed_prompts"}),
        ({"seeds": {"prompts": [{"path": "seeds.jsonl", "licence": "mit"}]}}, {"seed_prompts"}),
        ({"seeds": {"evaluation": [{"path": "other.jsonl"}]}}, {"evaluation_prompts"}),
        ({"datasets": {"test_share": 0.5}}, {"seed_prompts"}),
        ({"limits": {"prompt_characters": 99}}, {"seed_prompts", "mutated_prompts"}),
        ({"prompts": {"include_seeds": False}}, {"mutated_prompts"}),
        ({"prompts": {"filters": {"words": [1, 9]}}}, {"mutated_prompts"}),
        ({"prompts": {"filters": {"languages": ["de"]}}}, {"mutated_prompts"}),
        ({"prompts": {"self_instruct": {"per_round": 9}}}, {"self_instruct_prompts"}),
        (
            {"prompts": {"self_instruct": {"sampling": {"temperature": 0.1}}}},
            {"self_instruct_prompts"},
        ),
        ({"prompts": {"evol_instruct": {"generations": 3}}}, {"evolved_prompts"}),
        ({"prompts": {"evol_instruct": {"operators": ["breadth"]}}}, {"evolved_prompts"}),
        # Elimination looks at the first completion, so evolved prompts hang on its parameters.
        ({"completions": {"per_prompt": 3}}, {"completions", "evolved_prompts"}),
        ({"completions": {"principles": ["honesty"]}}, {"completions", "evolved_prompts"}),
        ({"completions": {"sampling": {"top_p": 0.5}}}, {"completions", "evolved_prompts"}),
        ({"models": {"teacher": {"model": "openai_compatible/large"}}}, {*WRITING, "completions"}),
        ({"models": {"teacher": {"reasoning_effort": "low"}}}, {*WRITING, "completions"}),
        ({"models": {"teacher": {"extra_body": {"think": False}}}}, {*WRITING, "completions"}),
        ({"judgments": {"ultrafeedback": {"sampling": {"top_k": 20}}}}, {"ratings"}),
        ({"models": {"judge": {"model": "offline/harsh_judge"}}}, {"evolved_prompts", "ratings"}),
        ({"models": {"teacher": {"licence": "mit"}}}, {*WRITING, "mutated_prompts", "completions"}),
        ({"student": "teacher"}, {"completions"}),
        ({"judgments": {"verification": {"answer_line": "^A:"}}}, {"verifications"}),
        ({"judgments": {"ultrafeedback": {"criteria": ["honesty"]}}}, {"ratings"}),
        ({"judgments": {"ultrafeedback": {"judge": "other"}}}, {"ratings"}),
        ({"judgments": {"ultrafeedback": {"sampling": {"top_p": 0.5}}}}, {"ratings"}),
        ({"datasets": {"dpo": {"binarisation": "best_vs_worst"}}}, {"dpo_set"}),
        ({"datasets": {"dpo": {"min_margin": 1}}}, {"dpo_set"}),
        ({"datasets": {"dpo": {"pairs": "verified"}}}, {"dpo_set"}),
        ({"datasets": {"sft": {"min_rating": 4}}}, {"sft_set", "dropped_rows"}),
        ({"datasets": {"sft": {"verified_only": True}}}, {"sft_set", "dropped_rows"}),
        ({"datasets": {"sft": {"per_prompt": 2}}}, {"sft_set", "dropped_rows"}),
        ({"datasets": {"sft": {"keep_human": True}}}, {"sft_set", "dropped_rows"}),
    ],
    # A set shows its members in another order in each process, and xdist compares the names.
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),
)
def test_a_parameter_changes_the_tables_it_decides_and_no_other(
    tmp_path: Path, change: dict[str, Any], tables: set[str]
) -> None:
    assert changed_tables(whole(tmp_path), whole(tmp_path, **change)) == tables


@pytest.mark.parametrize(
    "change",
    [
        {"prompts": {"self_instruct": {"per_round": 9}}},
        {"prompts": {"evol_instruct": {"generations": 3}}},
        {"models": {"judge": {"model": "offline/harsh_judge"}}},
        {"completions": {"per_prompt": 3}},
    ],
    ids=str,
)
def test_a_round_that_is_open_keeps_the_generation_it_was_opened_with(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    before = whole(tmp_path)
    after = whole(tmp_path, **change)
    assert not changed_tables(before, after, opened_with=before) & WRITING
    assert changed_tables(before, after) & WRITING


def test_the_text_of_a_template_of_ones_own_decides_the_ratings(tmp_path: Path) -> None:
    own = {"judgments": {"ultrafeedback": {"templates": {"helpfulness": "mine.txt"}}}}
    (tmp_path / "mine.txt").write_text("Rate {{ completions }}")
    recipe = whole(tmp_path, **own)
    before = fingerprints(recipe)
    assert changed_tables(whole(tmp_path), recipe) == {"ratings"}
    (tmp_path / "mine.txt").write_text("Judge {{ completions }}")
    after = fingerprints(recipe)
    assert {name for name in after if after[name] != before[name]} == {"ratings"}


def test_a_template_moved_to_another_file_changes_no_table(tmp_path: Path) -> None:
    def own(file: str) -> dict[str, Any]:
        (tmp_path / file).write_text("Rate {{ completions }}")
        return {"judgments": {"ultrafeedback": {"templates": {"helpfulness": file}}}}

    first = whole(tmp_path, **own("a.txt"))
    assert changed_tables(first, whole(tmp_path, **own("b.txt"))) == set()


def test_every_part_of_every_fingerprint_has_a_name_for_people(tmp_path: Path) -> None:
    for table, parts in fingerprints(whole(tmp_path)).items():
        assert all(name.replace("_", "").isalpha() for name in parts), table
        assert all(len(value) == 64 for value in parts.values()), table
