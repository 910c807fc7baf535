from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from synth_assets.errors import CheckFailed, RecipeError
from synth_assets.export import (
    ExportSummary,
    write_card,
    write_control,
    write_dpo,
    write_export,
    write_sft,
)
from synth_assets_tests.export.builders import (
    make_control,
    make_dpo,
    make_example,
    make_pair,
    make_recipe,
    make_sft,
    read_tree,
)

SFT = make_sft(make_example(1), make_example(2), make_example(3, split="test"))
DPO = make_dpo(make_pair(1), make_pair(3, split="test"), make_pair(4, is_tie=True))


def export(
    tmp_path: Path, sft: pl.DataFrame | None = SFT, dpo: pl.DataFrame | None = DPO
) -> ExportSummary:
    return write_export(
        tmp_path / "out",
        recipe=make_recipe(tmp_path),
        sft=sft,
        dpo=dpo,
        versions={"sft_set": "abc"},
        simulated=True,
    )


def names(folder: Path) -> set[str]:
    return set(read_tree(folder))


SFT_FILES = {
    f"{name}"
    for name in (
        "data/sft/train-00000-of-00001.parquet",
        "data/sft/test-00000-of-00001.parquet",
        "exports/openai/sft.jsonl",
        "exports/openai/sft_test.jsonl",
        "exports/llamafactory/sft.json",
        "exports/llamafactory/sft_test.json",
        "exports/manifest_sft.json",
    )
}
DPO_FILES = {
    "data/preference/train-00000-of-00001.parquet",
    "data/preference/test-00000-of-00001.parquet",
    "data/unpaired_preference/train-00000-of-00001.parquet",
    "data/unpaired_preference/test-00000-of-00001.parquet",
    "exports/openai/dpo.jsonl",
    "exports/openai/dpo_test.jsonl",
    "exports/llamafactory/dpo.json",
    "exports/llamafactory/dpo_test.json",
    "exports/manifest_dpo.json",
}
CARD_FILES = {"README.md", "exports/llamafactory/dataset_info.json", "exports/manifest_card.json"}


def test_an_export_has_the_layout_that_trainers_load(tmp_path: Path) -> None:
    summary = export(tmp_path)
    assert names(summary.folder) == SFT_FILES | DPO_FILES | CARD_FILES
    assert set(summary.files) == names(summary.folder)


def test_the_summary_counts_rows_and_ties(tmp_path: Path) -> None:
    summary = export(tmp_path)
    assert summary.rows == {
        "sft": {"train": 2, "test": 1},
        "preference": {"train": 1, "test": 1},
        "unpaired_preference": {"train": 2, "test": 2},
    }
    assert summary.ties_left_out == 1


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = export(tmp_path).folder
    first = read_tree(folder)
    export(tmp_path)
    assert read_tree(folder) == first
    other = tmp_path / "other"
    other.mkdir()
    assert read_tree(export(other, SFT.reverse(), DPO.reverse()).folder) == first


def test_a_file_to_train_on_holds_no_row_of_the_test_split(tmp_path: Path) -> None:
    folder = export(tmp_path).folder
    for name in ("exports/openai/sft.jsonl", "exports/openai/dpo.jsonl"):
        assert "Question 3" not in (folder / name).read_text()
    for name in ("exports/openai/sft_test.jsonl", "exports/openai/dpo_test.jsonl"):
        assert "Question 3" in (folder / name).read_text()


def test_families_are_on_one_side_in_every_config(tmp_path: Path) -> None:
    folder = export(tmp_path).folder
    sides: dict[str, set[str]] = {"train": set(), "test": set()}
    for path in folder.glob("data/*/*.parquet"):
        rows = pl.read_parquet(path)
        sides[path.name.split("-")[0]] |= {meta["family_id"] for meta in rows["meta"]}
    assert sides == {"train": {"f1", "f2"}, "test": {"f3"}}


def test_a_family_on_both_sides_across_the_sets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match="its family stands in train and in test"):
        export(tmp_path, SFT, make_dpo(make_pair(1, split="test")))
    assert not (tmp_path / "out").exists()


def test_parts_written_alone_give_what_an_export_at_once_gives(tmp_path: Path) -> None:
    at_once = export(tmp_path).folder
    apart = tmp_path / "apart"
    assert set(write_dpo(apart, DPO).files) == DPO_FILES
    assert set(write_sft(apart, SFT).files) == SFT_FILES
    recipe = make_recipe(tmp_path)
    write_card(apart, recipe=recipe, versions={"sft_set": "abc"}, simulated=True)
    assert read_tree(apart) == read_tree(at_once)


def test_a_control_lies_beside_the_examples_in_their_form(tmp_path: Path) -> None:
    export(tmp_path)
    summary = write_control(tmp_path / "out", make_control(make_example(7)))
    assert summary.rows["sft_control"] == {"train": 1}
    write_card(tmp_path / "out", recipe=make_recipe(tmp_path), versions={}, simulated=True)
    added = names(tmp_path / "out") - SFT_FILES - DPO_FILES - CARD_FILES
    assert added == {
        "data/sft_control/train-00000-of-00001.parquet",
        "exports/openai/sft_control.jsonl",
        "exports/llamafactory/sft_control.json",
        "exports/manifest_control.json",
    }
    card = (tmp_path / "out" / "README.md").read_text()
    assert "sft_control | train | 1 | a control: as many completions, drawn at random" in card
    assert "dataset: chat_sft_control\n" in card and "\n- sft_control\n" not in card
    line = (tmp_path / "out" / "exports/openai/sft_control.jsonl").read_text()
    assert json.loads(line) == {"messages": make_example(7)["messages"]}


def test_a_set_no_longer_asked_for_takes_its_files_along(tmp_path: Path) -> None:
    folder = export(tmp_path).folder
    (folder / "data/preference/notes.txt").write_text("mine")
    summary = export(tmp_path, SFT, None)
    assert names(folder) == SFT_FILES | CARD_FILES | {"data/preference/notes.txt"}
    assert set(summary.rows) == {"sft"}
    assert "preference" not in (folder / "README.md").read_text()


def test_a_split_that_became_empty_takes_its_files_along(tmp_path: Path) -> None:
    folder = export(tmp_path).folder
    export(tmp_path, make_sft(make_example(1)), None)
    assert names(folder) == {name for name in SFT_FILES if "test" not in name} | CARD_FILES


@pytest.mark.parametrize(("sft", "dpo"), [(make_sft(), make_dpo()), (None, None)])
def test_empty_sets_leave_a_card_that_says_so(
    tmp_path: Path, sft: pl.DataFrame | None, dpo: pl.DataFrame | None
) -> None:
    summary = export(tmp_path, sft, dpo)
    assert names(summary.folder) == {"README.md", "exports/manifest_card.json"}
    assert "Nothing has been exported" in (summary.folder / "README.md").read_text()
    assert summary.rows == {}


def test_a_person_s_own_card_stops_the_export(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/README.md").write_text("mine")
    with pytest.raises(RecipeError, match=r"README\.md: exists and is of no earlier export"):
        export(tmp_path)
    assert (tmp_path / "out/README.md").read_text() == "mine"


def test_a_card_leaves_out_what_a_person_removed(tmp_path: Path) -> None:
    folder = export(tmp_path).folder
    for path in (folder / "data/sft").iterdir():
        path.unlink()
    write_card(folder, recipe=make_recipe(tmp_path), versions={}, simulated=False)
    assert "data/sft" not in (folder / "README.md").read_text()


def test_a_wrong_row_changes_nothing(tmp_path: Path) -> None:
    folder = export(tmp_path).folder
    before = read_tree(folder)
    with pytest.raises(CheckFailed):
        export(tmp_path, SFT, make_dpo(make_pair(1, chosen=[])))
    assert read_tree(folder) == before


def test_llamafactory_finds_every_file_that_it_declares(tmp_path: Path) -> None:
    folder = export(tmp_path).folder / "exports/llamafactory"
    info = json.loads((folder / "dataset_info.json").read_text())
    assert set(info) == {"chat_sft", "chat_sft_test", "chat_dpo", "chat_dpo_test"}
    for entry in info.values():
        assert len(json.loads((folder / entry["file_name"]).read_text())) > 0
