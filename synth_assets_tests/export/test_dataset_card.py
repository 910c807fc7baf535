from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from synth_assets.export import write_export
from synth_assets_tests.export.builders import (
    assistant,
    make_dpo,
    make_example,
    make_pair,
    make_recipe,
    make_sft,
    user,
)

SFT = make_sft(make_example(1), make_example(2, split="test", round=2, method="self_instruct"))
DPO = make_dpo(make_pair(1))


def make_card(
    tmp_path: Path,
    sft: pl.DataFrame | None = SFT,
    dpo: pl.DataFrame | None = DPO,
    recipe: dict[str, Any] | None = None,
    **more: Any,
) -> str:
    given = {"versions": {}, "simulated": False, **more}
    made = make_recipe(tmp_path, **(recipe or {}))
    folder = write_export(tmp_path / "out", recipe=made, sft=sft, dpo=dpo, **given).folder
    return (folder / "README.md").read_text(encoding="utf-8")


def front_matter(card: str) -> dict[str, Any]:
    match = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    assert match
    return yaml.safe_load(match.group(1))


def fences(card: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)\n```$", card, re.DOTALL | re.MULTILINE)


def test_the_front_matter_says_what_the_hub_asks(tmp_path: Path) -> None:
    recipe = {"export": {"licence": "Apache-2.0", "languages": ["en", "no"]}}
    metadata = front_matter(make_card(tmp_path, recipe=recipe))
    assert metadata["license"] == "apache-2.0"
    assert metadata["language"] == ["en", "no"]
    assert metadata["size_categories"] == ["n<1K"]
    assert metadata["task_categories"] == ["text-generation"]
    assert metadata["annotations_creators"] == ["machine-generated"]
    assert metadata["source_datasets"] == ["original"]
    assert metadata["tags"] == ["synthetic", "synth-assets", "sft", "dpo"]
    assert [config["config_name"] for config in metadata["configs"]] == [
        "sft",
        "preference",
        "unpaired_preference",
    ]


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        (None, {"license": "other", "license_name": "unknown"}),
        ("House Rules 1", {"license": "other", "license_name": "house-rules-1"}),
        ("CC-BY-4.0", {"license": "cc-by-4.0"}),
    ],
)
def test_a_licence_the_hub_does_not_know_is_named_beside_other(
    tmp_path: Path, licence: str | None, said: dict[str, str]
) -> None:
    metadata = front_matter(make_card(tmp_path, recipe={"export": {"licence": licence}}))
    assert {key: metadata[key] for key in metadata if key.startswith("license")} == said


def test_an_undeclared_licence_is_said_in_words(tmp_path: Path) -> None:
    card = make_card(tmp_path, make_sft(make_example(1, licence=None)), None)
    assert "declares no licence" in card
    assert "| sft | not declared | 1 |" in card


def test_simulated_data_is_called_simulated(tmp_path: Path) -> None:
    card = make_card(tmp_path, simulated=True)
    assert "**This data is simulated.**" in card
    assert "simulated" in front_matter(card)["tags"]
    assert "simulated" not in make_card(tmp_path, simulated=False)


def test_counts_models_rounds_and_methods_are_listed(tmp_path: Path) -> None:
    card = make_card(tmp_path)
    for line in (
        "| sft | train | 1 | supervised fine-tuning (SFT) |",
        "| sft | test | 1 | supervised fine-tuning (SFT) |",
        "| model | offline/careful | sft | model | 2 |",
        "| model | offline/hasty | preference | rejected_model | 1 |",
        "| round | 2 | sft | round | 1 |",
        "| method | self_instruct | sft | method | 1 |",
    ):
        assert line in card


def test_versions_health_and_drop_reasons_are_shown(tmp_path: Path) -> None:
    health = pl.DataFrame({"round": [1], "distinct_2": [0.81234]})
    dropped = pl.DataFrame(
        {"table": ["mutated_prompts"], "drop_reason": ["too_similar"], "rows": [7]}
    )
    card = make_card(tmp_path, versions={"sft_set": "abc123"}, health=health, dropped=dropped)
    assert "| sft_set | abc123 |" in card
    assert "| 1 | 0.8123 |" in card
    assert "| mutated_prompts | too_similar | 7 |" in card


def test_every_snippet_parses_and_names_files_that_exist(tmp_path: Path) -> None:
    card = make_card(tmp_path)
    python, configs = fences(card, "python"), [yaml.safe_load(t) for t in fences(card, "yaml")]
    assert len(python) == 4
    for code in python:
        compile(code, "snippet", "exec")
    paths = [entry["path"] for config in configs for entry in config.get("datasets", [])]
    paths += [entry["path"] for config in configs for entry in config.get("test_datasets", [])]
    paths += re.findall(r'Path\("(.*?)"\)', card)
    assert len(paths) == 5
    for path in paths:
        assert (tmp_path / "out" / path).is_file()


def test_axolotl_reads_the_columns_that_the_files_have(tmp_path: Path) -> None:
    configs = [yaml.safe_load(text) for text in fences(make_card(tmp_path), "yaml")]
    entries = [entry for config in configs for entry in config.get("datasets", [])]
    assert [entry["type"] for entry in entries] == ["chat_template", "chat_template.default"]
    for entry in entries:
        columns = pl.read_parquet_schema(tmp_path / "out" / entry["path"])
        fields = {name for key, name in entry.items() if key.startswith("field_")}
        assert fields
        assert fields <= set(columns)


def test_a_split_without_rows_is_in_no_snippet_and_no_config(tmp_path: Path) -> None:
    card = make_card(tmp_path, make_sft(make_example(1, split="test")), None)
    config = front_matter(card)["configs"][0]
    assert [entry["split"] for entry in config["data_files"]] == ["test"]
    assert fences(card, "yaml") == []
    assert "sft/train" not in card
    assert 'dataset["train"]' not in card


ATTACK = (
    "```\n<script>alert(1)</script>\n# Heading\n````\n[click](http://evil.example) "
    "![x](http://evil.example/x.png) \u202e ```"
)


def body_outside_fences(card: str) -> str:
    """The card without front matter and fenced blocks, as CommonMark sees fences."""
    kept, fence = [], ""
    for line in card.split("---\n", 2)[2].split("\n"):
        match = re.match(r" {0,3}(`{3,})(.*)$", line)
        if fence:
            if match and len(match.group(1)) >= len(fence) and not match.group(2).strip():
                fence = ""
        elif match and "`" not in match.group(2):
            fence = match.group(1)
        else:
            kept.append(line)
    assert not fence
    return "\n".join(kept)


def test_a_model_s_text_cannot_break_out_of_the_card(tmp_path: Path) -> None:
    sft = make_sft(make_example(1, [user(ATTACK), assistant(ATTACK)]))
    card = make_card(tmp_path, sft, None)
    outside = body_outside_fences(card)
    assert "alert(1)" not in outside
    assert "evil.example" not in outside
    assert "alert(1)" in card
    assert "\u202e" not in card


def test_the_example_is_the_json_of_a_row(tmp_path: Path) -> None:
    long = make_sft(make_example(1, [user("日本語"), assistant("x" * 5000)]))
    (example,) = fences(make_card(tmp_path, long, None), "json")
    row = json.loads(example)
    assert row["messages"][0] == user("日本語")
    assert row["messages"][1]["content"] == "x" * 600 + "…"
    assert row["meta"]["completion_id"] == "c1"


def test_names_and_licences_cannot_hold_markup(tmp_path: Path) -> None:
    evil = "a|b <img src=x> [x](javascript:alert) `c`\n\n# H http://evil.example"
    sft = make_sft(make_example(1, model=evil, licence=evil, method=evil))
    outside = body_outside_fences(make_card(tmp_path, sft, None, recipe={"owner": f"team:{evil}"}))
    for markup in ("<img", "[x](", "\n# H", "http://", "a|b", " `c`"):
        assert markup not in outside


def test_a_card_holds_no_path_of_this_machine(tmp_path: Path) -> None:
    assert str(tmp_path) not in make_card(tmp_path)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"weak": 0.6, "student": 0.7, "ceiling": 0.8}, "(ceiling - weak): **0.500**"),
        ({"weak": 0.6, "student": 0.7}, "(ceiling - weak): **not known**"),
        ({"weak": 0.6, "student": 0.7, "ceiling": 0.6}, "(ceiling - weak): **not known**"),
    ],
)
def test_the_gap_that_a_student_recovered_is_told_where_the_recipe_gives_the_numbers(
    tmp_path: Path, said: dict[str, float], expected: str
) -> None:
    export = {"weak_to_strong": {"measure": "accuracy | held out", **said}}
    assert expected in make_card(tmp_path, recipe={"export": export})


def test_a_card_without_results_of_a_student_says_nothing_of_them(tmp_path: Path) -> None:
    assert "Weak to strong" not in make_card(tmp_path)
