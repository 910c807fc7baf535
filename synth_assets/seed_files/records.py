"""A seed file's records: one file in, its objects with their line numbers out.

``.csv``, ``.tsv`` and ``.parquet`` hold rows (see `synth_assets.seed_files.tabular`). A file that
begins with ``[`` is one JSON array of objects, a ``.txt`` holds one prompt a line, and every other
file one JSON object a line. Files are read line by line, so that a large one never stands in memory
whole (but for an array).
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Collection, Iterator
from json import JSONDecodeError
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from synth_assets.errors import RecipeError
from synth_assets.seed_files.number_text import NumberText
from synth_assets.seed_files.tabular import CSV, PARQUET, csv_records, parquet_records
from synth_assets.seed_files.utf8 import decode

SUFFIXES = (".jsonl", ".ndjson", ".json", ".txt", *CSV, *PARQUET)
HEAD_BYTES = 1024
WHITE_SPACE = re.compile(r"[ \t\r\n]*")

Record = tuple[int, dict[str, Any]]


class NotJsonError(ValueError):
    """NaN or Infinity, which Python's parser would take and JSON does not know."""


def _refuse_constant(name: str) -> NoReturn:
    raise NotJsonError(name)


DECODER = json.JSONDecoder(
    parse_int=NumberText, parse_float=NumberText, parse_constant=_refuse_constant
)


def shorten(value: Any, width: int = 80) -> str:
    """``value`` as an error message shows it."""
    text = value if isinstance(value, NumberText) else _as_json(value)
    return text if len(text) <= width else text[: width - 1] + "…"


def _as_json(value: Any) -> str:
    # Escaped, so that a lone surrogate or a control character cannot break a terminal or a log.
    return json.dumps(value, ensure_ascii=True, default=str)


def read_records(path: Path, name: str, only: Collection[int] | None = None) -> Iterator[Record]:
    """(line or row from 1, object) for every record of the file ``path``; blank lines are skipped.

    name: the file's name as the recipe has it, whose suffix says what kind of file it is.
    only: the lines to read, of a file of lines; None for all. A row of CSV is its first line.
    Errors: `RecipeError` with line and column.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise RecipeError(
            f"{path}: files of kind {suffix or 'no suffix'!r} are not read; convert it to JSONL "
            f"(read are {', '.join(SUFFIXES)})"
        )
    try:
        with path.open("rb") as stream:
            yield from _records(stream, path, suffix, only)
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror}); mend its rights") from error


def unit_of(name: str) -> str:
    """What the numbers of a file's records count: ``line`` or ``row``."""
    return "row" if Path(name).suffix.lower() in PARQUET else "line"


def _records(
    stream: BinaryIO, path: Path, suffix: str, only: Collection[int] | None
) -> Iterator[Record]:
    head = stream.read(HEAD_BYTES)
    refuse_pointer(head, path)
    stream.seek(len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0)
    if suffix in PARQUET:
        records = parquet_records(path, only)
    elif suffix in CSV:
        records = csv_records(stream, path, only)
    elif suffix == ".txt":
        records = _text_lines(stream, path, only)
    elif head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):
        records = _array(decode(stream.read(), path, 1), path)
    else:
        records = _json_lines(stream, path, only)
    is_empty = True
    for record in records:
        is_empty = False
        yield record
    if is_empty and only is None:
        raise RecipeError(f"{path}: holds no prompts; add some or take it out of the recipe")


def refuse_pointer(head: bytes, path: Path) -> None:
    """`RecipeError` where a file's first bytes say that it is empty, a pointer, or UTF-16."""
    if not head:
        raise RecipeError(f"{path}: is empty; add prompts or take it out of the recipe")
    if head.startswith(b"version https://git-lfs"):
        raise RecipeError(f"{path}: is a Git LFS pointer, not the data; run git lfs pull")
    # An unlocked annexed file, or a link checked out as text, holds its object's path.
    if b"annex/objects/" in head.split(b"\n", 1)[0] and not head.lstrip().startswith((b"{", b"[")):
        raise RecipeError(f"{path}: is a git-annex pointer, not the data; run git annex get")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise RecipeError(f"{path}: is UTF-16; save it as UTF-8")


def _lines(stream: BinaryIO, only: Collection[int] | None) -> Iterator[tuple[int, bytes]]:
    # Bytes are split at \n alone: a text may hold U+2028 and its like, which str would split at.
    numbered = enumerate(stream, start=1)
    return numbered if only is None else (each for each in numbered if each[0] in only)


def _text_lines(stream: BinaryIO, path: Path, only: Collection[int] | None) -> Iterator[Record]:
    for line, raw in _lines(stream, only):
        text = decode(raw, path, line).strip()
        if text:
            yield line, {"text": text}


def _json_lines(stream: BinaryIO, path: Path, only: Collection[int] | None) -> Iterator[Record]:
    for line, raw in _lines(stream, only):
        text = decode(raw, path, line).strip()
        if text:
            value, _ = _parse(text, 0, path, line, "one JSON object a line is expected", whole=True)
            yield line, _as_object(value, path, line)


def _array(text: str, path: Path) -> Iterator[Record]:
    remedy = "a JSON array of objects is expected"
    at = _skip(text, text.index("[") + 1)
    line, counted = 1, 0
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        value, end = _parse(text, at, path, 1, remedy)
        yield line, _as_object(value, path, line)
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "]":
            _refuse(JSONDecodeError("Expecting ',' or ']'", text, at), path, 1, remedy)
    at = _skip(text, at + 1)
    if at < len(text):
        _refuse(JSONDecodeError("Extra data", text, at), path, 1, remedy)


def _skip(text: str, at: int) -> int:
    match = WHITE_SPACE.match(text, at)
    return match.end() if match else at


def _parse(
    text: str, at: int, path: Path, line: int, remedy: str, *, whole: bool = False
) -> tuple[Any, int]:
    """The JSON value at ``at`` and where it ends; ``line`` is the number of the text's first."""
    try:
        value, end = DECODER.raw_decode(text, at)
        if whole and end < len(text) and _skip(text, end) < len(text):
            raise JSONDecodeError("Extra data", text, _skip(text, end))
    except JSONDecodeError as error:
        _refuse(error, path, line, remedy)
    except NotJsonError as error:
        line += text.count("\n", 0, at)
        raise RecipeError(
            f"{path}, line {line}: {error} is not JSON; write null, or leave the key out"
        ) from error
    except RecursionError as error:
        line += text.count("\n", 0, at)
        raise RecipeError(f"{path}, line {line}: is nested too deeply; {remedy}") from error
    return value, end


def _refuse(error: JSONDecodeError, path: Path, line: int, remedy: str) -> NoReturn:
    near = error.doc[max(0, error.pos - 20) : error.pos + 20]
    raise RecipeError(
        f"{path}, line {line + error.lineno - 1}, column {error.colno}: {error.msg}, near "
        f"{shorten(near)}; {remedy}"
    ) from error


def _as_object(value: Any, path: Path, line: int) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RecipeError(
            f'{path}, line {line}: {shorten(value)} is not an object; write {{"prompt": "…"}}'
        )
    return value
