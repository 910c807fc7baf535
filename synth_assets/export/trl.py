"""TRL reads the configurations as they are: which there are in, Python to copy out."""

from __future__ import annotations

from collections.abc import Collection

TRAINERS = {"sft": "SFT", "preference": "DPO", "unpaired_preference": "KTO", "sft_control": "SFT"}


def snippet(config: str, splits: Collection[str]) -> str:
    """How to train on ``config``, as Python; without rows to train on, how to load it."""
    name = TRAINERS[config]
    if config == "unpaired_preference" or "train" not in splits:
        return (
            "from datasets import load_dataset\n\n"
            f'dataset = load_dataset("path/to/this/folder", "{config}")  # for {name}Trainer\n'
        )
    evaluation = '    eval_dataset=dataset["test"],\n' if "test" in splits else ""
    return (
        "from datasets import load_dataset\n"
        f"from trl import {name}Config, {name}Trainer\n\n"
        f'dataset = load_dataset("path/to/this/folder", "{config}")\n'
        f"trainer = {name}Trainer(\n"
        '    model="path/or/name/of/a/model",\n'
        f'    args={name}Config(output_dir="trained"),\n'
        '    train_dataset=dataset["train"],\n'
        f"{evaluation})\n"
        "trainer.train()\n"
    )
