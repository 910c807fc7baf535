"""Axolotl reads the Parquet files as they are: which files there are in, its YAML out."""

from __future__ import annotations

import yaml

FIELDS = {
    "sft": {"type": "chat_template", "field_messages": "messages"},
    "sft_control": {"type": "chat_template", "field_messages": "messages"},
    "preference": {
        "type": "chat_template.default",
        "field_messages": "prompt",
        "field_chosen": "chosen",
        "field_rejected": "rejected",
    },
}


def snippet(config: str, train: str, test: str | None) -> str:
    """Lines of a training configuration; ``train`` and ``test`` are paths inside the folder."""
    lines: dict[str, object] = {"rl": "dpo"} if config == "preference" else {}
    lines["datasets"] = [_dataset(config, train)]
    if test is not None:
        lines["test_datasets"] = [_dataset(config, test)]
    return yaml.safe_dump(lines, sort_keys=False)


def _dataset(config: str, path: str) -> dict[str, str]:
    return {"path": path, "ds_type": "parquet", "split": "train", **FIELDS[config]}
