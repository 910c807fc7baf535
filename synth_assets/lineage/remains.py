"""Texts and a folder in, the files out that hold one of them: Parquet by its values, whatever else
by its bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow.parquet as pq

CHUNK = 16 * 2**20
ROWS = 4_096
SHORTEST = 16
"""Characters from which on a text is looked for; a shorter one stands somewhere by chance."""


def files_that_hold(folder: Path, texts: Collection[str]) -> list[Path]:
    """The files under ``folder`` that hold one of the texts, as it is or as JSON writes it."""
    forms: set[str] = set()
    for text in texts:
        if len(text) >= SHORTEST:
            forms |= {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    if not forms:
        return []
    wanted = sorted((form.encode("utf-8", "replace") for form in forms), key=len, reverse=True)
    pattern = re.compile(b"|".join(map(re.escape, wanted)))
    overlap = len(wanted[0])
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and any(pattern.search(part) for part in _parts(file, overlap))
    ]


def _parts(file: Path, overlap: int) -> Iterator[bytes]:
    """The file piece by piece; each begins with the end of the one before."""
    if file.suffix == ".parquet":
        for batch in pq.ParquetFile(file).iter_batches(batch_size=ROWS):
            yield json.dumps(batch.to_pylist(), default=str, ensure_ascii=False).encode(
                "utf-8", "replace"
            )
        return
    with file.open("rb") as stream:
        end = b""
        while chunk := stream.read(CHUNK):
            yield end + chunk
            end = chunk[-overlap:]
