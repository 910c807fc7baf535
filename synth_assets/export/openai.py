"""Files for OpenAI and those that take its form (Azure, Together, Fireworks): rows in, JSONL out.

Strict: no key beyond those named in the form, because some clients refuse a file for one more.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from synth_assets.export.json_text import to_json_line


def file_name(kind: str, split: str) -> str:
    """``kind`` is sft, dpo or sft_control. The file to train on bears the short name."""
    return f"exports/openai/{kind}{'' if split == 'train' else f'_{split}'}.jsonl"


def sft_lines(rows: pl.DataFrame) -> Iterator[str]:
    """``{"messages": […]}`` a row."""
    for (messages,) in rows.select("messages").iter_rows():
        yield to_json_line({"messages": messages}) + "\n"


def dpo_lines(rows: pl.DataFrame) -> Iterator[str]:
    """``{"input": {"messages": […]}, "preferred_output": […], "non_preferred_output": […]}``."""
    for prompt, chosen, rejected in rows.select("prompt", "chosen", "rejected").iter_rows():
        yield (
            to_json_line(
                {
                    "input": {"messages": prompt},
                    "preferred_output": chosen,
                    "non_preferred_output": rejected,
                }
            )
            + "\n"
        )


def snippet(files: list[str]) -> str:
    """How to upload ``files``, as Python."""
    uploads = "\n".join(
        f'client.files.create(file=Path("{name}"), purpose="fine-tune")' for name in files
    )
    return (
        f"from pathlib import Path\n\nfrom openai import OpenAI\n\nclient = OpenAI()\n{uploads}\n"
    )
