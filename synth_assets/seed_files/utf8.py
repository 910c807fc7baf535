"""Bytes of a seed file in, their text out, or where they are no UTF-8."""

from __future__ import annotations

from pathlib import Path

from synth_assets.errors import RecipeError


def decode(raw: bytes, path: Path, line: int) -> str:
    """The text of UTF-8 bytes, of which the first stands in ``line``; `RecipeError` else."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line += raw.count(b"\n", 0, error.start)
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        raise RecipeError(
            f"{path}, line {line}: byte {column} ({raw[error.start]:#04x}) is not UTF-8; "
            "save the file as UTF-8"
        ) from error
