"""Every config loads with `datasets` from disk, and holds what was exported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from synth_assets.export import write_card, write_control, write_export
from synth_assets_tests.export.builders import (
    CONVERSATION,
    assistant,
    make_control,
    make_dpo,
    make_example,
    make_pair,
    make_recipe,
    make_sft,
)

SFT = make_sft(
    make_example(1),
    make_example(2, [*CONVERSATION, assistant("Fine.\x00")], mean_rating=None, licence=None),
    make_example(3, split="test"),
)
DPO = make_dpo(
    make_pair(1, margin=None, chosen_rating=None),
    make_pair(2, CONVERSATION),
    make_pair(3, split="test"),
)


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The library, offline, with its caches in a temporary folder."""
    home = tmp_path_factory.mktemp("hugging_face")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(home))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_DATASETS_OFFLINE", "1")
        import datasets

        datasets.disable_progress_bars()
        yield datasets


def export(tmp_path: Path, sft: pl.DataFrame | None, dpo: pl.DataFrame | None) -> Path:
    return write_export(
        tmp_path / "out",
        recipe=make_recipe(tmp_path),
        sft=sft,
        dpo=dpo,
        versions={},
        simulated=True,
    ).folder


def load(datasets: Any, folder: Path, *config: str) -> Any:
    return datasets.load_dataset(str(folder), *config, cache_dir=str(folder.parent / "cache"))


def by_id(frame: pl.DataFrame, key: str, split: str) -> list[dict[str, Any]]:
    return frame.filter(pl.col("split") == split).sort(key).rows(named=True)


def test_sft_loads_and_equals_the_set(datasets: Any, tmp_path: Path) -> None:
    loaded = load(datasets, export(tmp_path, SFT, DPO), "sft")
    assert set(loaded) == {"train", "test"}
    for split in loaded:
        expected = by_id(SFT, "example_id", split)
        assert loaded[split]["id"] == [row["example_id"] for row in expected]
        assert loaded[split]["messages"] == [row["messages"] for row in expected]
        for meta, row in zip(loaded[split]["meta"], expected, strict=True):
            assert meta == {name: row[name] for name in meta}
            assert set(row) - set(meta) == {"example_id", "messages", "split"}


def test_preference_loads_and_equals_the_set(datasets: Any, tmp_path: Path) -> None:
    loaded = load(datasets, export(tmp_path, SFT, DPO), "preference")
    for split in ("train", "test"):
        expected = by_id(DPO, "pair_id", split)
        for column in ("prompt", "chosen", "rejected"):
            assert loaded[split][column] == [row[column] for row in expected]
        for meta, row in zip(loaded[split]["meta"], expected, strict=True):
            assert meta == {name: row[name] for name in meta}
            assert set(row) - set(meta) == {
                "pair_id", "prompt", "chosen", "rejected", "split", "is_tie",
            }  # fmt: skip


def test_unpaired_preference_loads_with_both_sides(datasets: Any, tmp_path: Path) -> None:
    loaded = load(datasets, export(tmp_path, SFT, DPO), "unpaired_preference")
    sides = {
        (row["completion"][0]["content"], row["label"], row["meta"]["pair_id"])
        for row in loaded["train"]
    }
    assert sides == {
        ("Good 1", True, "d1"), ("Bad 1", False, "d1"),
        ("Good 2", True, "d2"), ("Bad 2", False, "d2"),
    }  # fmt: skip
    assert len(loaded["test"]) == 2


def test_a_control_loads_by_its_name_beside_the_examples(datasets: Any, tmp_path: Path) -> None:
    folder = export(tmp_path, SFT, DPO)
    write_control(folder, make_control(make_example(7), make_example(8, split="test")))
    write_card(folder, recipe=make_recipe(tmp_path), versions={}, simulated=True)
    loaded = load(datasets, folder, "sft_control")
    assert {split: loaded[split]["id"] for split in loaded} == {"train": ["e7"], "test": ["e8"]}
    assert loaded["train"]["messages"] == [make_example(7)["messages"]]
    assert loaded["train"][0]["meta"]["score"] == 4.0
    assert loaded["train"].column_names == load(datasets, folder, "sft")["train"].column_names


def test_the_first_config_is_the_default(datasets: Any, tmp_path: Path) -> None:
    assert "messages" in load(datasets, export(tmp_path, SFT, DPO))["train"].column_names


def test_a_split_without_rows_is_left_out_and_the_rest_loads(datasets: Any, tmp_path: Path) -> None:
    loaded = load(datasets, export(tmp_path, SFT.filter(pl.col("split") == "train"), None), "sft")
    assert set(loaded) == {"train"}


def test_a_set_of_test_rows_alone_loads(datasets: Any, tmp_path: Path) -> None:
    loaded = load(datasets, export(tmp_path, SFT.filter(pl.col("split") == "test"), None), "sft")
    assert set(loaded) == {"test"}


def test_a_column_that_is_null_throughout_keeps_its_type(datasets: Any, tmp_path: Path) -> None:
    sft = SFT.with_columns(pl.lit(None, dtype=pl.Null).alias("verification"))
    loaded = load(datasets, export(tmp_path, sft, None), "sft")
    assert loaded["train"].features["meta"]["verification"].dtype == "string"


def test_the_card_declares_the_features_and_sizes_that_datasets_finds(
    datasets: Any, tmp_path: Path
) -> None:
    folder = export(tmp_path, SFT, DPO)
    card = (folder / "README.md").read_text(encoding="utf-8")
    declared = {
        info["config_name"]: info for info in yaml.safe_load(card.split("---")[1])["dataset_info"]
    }
    assert set(declared) == {"sft", "preference", "unpaired_preference"}
    for config, info in declared.items():
        # Read without the card, so that what is found cannot come from what is declared.
        files = {
            split: str(folder / f"data/{config}/{split}-00000-of-00001.parquet")
            for split in ("train", "test")
        }
        found = datasets.load_dataset(
            "parquet", data_files=files, cache_dir=str(tmp_path / "cache")
        )
        assert info["features"] == found["train"].features._to_yaml_list()
        for split in info["splits"]:
            recorded = found[split["name"]].info.splits[split["name"]]
            assert split["num_examples"] == recorded.num_examples
            # A few bytes of null bitmaps depend on how a reader batches.
            assert split["num_bytes"] == pytest.approx(recorded.num_bytes, rel=0.01, abs=8)


def test_a_card_that_no_longer_fits_is_noticed(datasets: Any, tmp_path: Path) -> None:
    folder = export(tmp_path, SFT, None)
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8")
    card.write_text(text.replace("num_examples: 2", "num_examples: 5"), encoding="utf-8")
    with pytest.raises(datasets.exceptions.NonMatchingSplitsSizesError):
        load(datasets, folder, "sft")
