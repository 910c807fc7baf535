"""Exports: the finished sets in, a folder that TRL, OpenAI, Axolotl, LLaMA-Factory and Hugging Face
load out, with its card."""

from __future__ import annotations

from synth_assets.export.dataset import (
    ExportSummary,
    write_card,
    write_control,
    write_dpo,
    write_export,
    write_label_queue,
    write_sft,
)

__all__ = [
    "ExportSummary",
    "write_card",
    "write_control",
    "write_dpo",
    "write_export",
    "write_label_queue",
    "write_sft",
]
