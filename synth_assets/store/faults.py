"""What DuckDB and the disk say in, `LakeError` for people out: the one place that maps them.

A catalog's connection string holds a password, and DuckDB quotes it in its errors: no text and no
cause of an error leaves this module with a secret in it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import duckdb

from synth_assets.errors import LakeError
from synth_assets.store.home import Home

HIDDEN = "***"
_RACE = re.compile(r"database is locked|transaction conflict", re.IGNORECASE)
_QUOTES_ROWS = (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError)
"""Errors whose text may quote a row's value or a statement: their words prove nothing."""

_FULL_DISK = re.compile(r"no space left|disk is full|disk quota|\[Errno (28|122)\]", re.IGNORECASE)
_DISK_ERROR = re.compile(r"disk I/O error", re.IGNORECASE)
_NO_ROOM = 1 << 16
"""Bytes: with less than this left, SQLite cannot even open, and calls it an I/O error."""

_UNFINISHED = re.compile(r'[Cc]ould not write (?:all bytes )?(?:to )?file "([^"]+\.parquet)"')
_OTHER_DATA = re.compile(r'does not match existing data path in the catalog "([^"]*)"')
_NO_VERSION = re.compile(r"No snapshot found at version|can't be cast because the value is out of")
_MISSING_FILE = re.compile(r'(?:Cannot open file|No files found[^"]*) "([^"]*)"')
_NUL = re.compile(r"Failed to get data file list from DuckLake: unterminated quoted string")
_SAFE_WORD = re.compile(r"\b(?:host|hostaddr|port|dbname|user|sslmode)\s*=\s*'?([^\s']+)")
_PASSWORD = re.compile(r"\b\w*password\s*=\s*('(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE)
_USERINFO = re.compile(r"://[^/?#\s]*:([^/?#\s]*)@")


def is_lost_race(error: duckdb.Error) -> bool:
    """True for what another writer's commit does to an open transaction: worth another try."""
    return not isinstance(error, _QUOTES_ROWS) and _RACE.search(str(error)) is not None


@contextmanager
def faults_explained(home: Home, doing: str = "") -> Iterator[None]:
    """Raises `LakeError` for what DuckDB and the disk raise in the block; ``doing`` goes before."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise lake_error(error, home, doing) from cause(error, home)
    except RuntimeError as error:
        if str(error) == "Query interrupted":  # DuckDB's word for Ctrl-C
            raise KeyboardInterrupt from error
        raise


def lake_error(error: BaseException, home: Home, doing: str = "") -> LakeError:
    """The error for people: what happened, where, and what to do next; without secrets."""
    message = _explain(redacted(str(error), home), home)
    return LakeError(f"{doing or f'the lake in {home.path}'}: {message}")


def cause(error: BaseException, home: Home) -> BaseException | None:
    """``error`` as the cause to show, or None where it holds a secret."""
    return error if redacted(str(error), home) == str(error) else None


def redacted(text: str, home: Home) -> str:
    """``text`` without passwords and keys of the lake's catalog and data."""
    connection = home.catalog.partition(":")[2]
    if home.catalog_file is None and connection:
        text = text.replace(connection, HIDDEN)
        secrets = {match.strip("'") for match in _PASSWORD.findall(connection)}
        secrets |= set(_USERINFO.findall(connection))
        for secret in sorted(secrets | {unquote(s) for s in secrets}, key=len, reverse=True):
            if len(secret) >= 4:  # a shorter one would be found in ordinary words
                text = text.replace(secret, HIDDEN)
        text = _without_fragments(text, connection)
    _, question, keys = home.data.partition("?")
    return text.replace(f"{question}{keys}", HIDDEN) if question and keys else text


def _without_fragments(text: str, connection: str) -> str:
    """A connection string that cannot be parsed is quoted piece by piece."""
    safe = set(_SAFE_WORD.findall(connection))
    safe |= set(re.findall(r"@([^/:?]+)", connection))

    def hide(match: re.Match[str]) -> str:
        fragment = match[1]
        return f'"{HIDDEN}"' if fragment in connection and fragment not in safe else match[0]

    return re.sub(r'"([^"\n]+)"', hide, text)


def unfinished_file(error: BaseException, home: Home) -> Path | None:
    """The file of the lake that was being written when the disk was full; it belongs to no
    commit, and takes the room that the next one needs."""
    found = _UNFINISHED.search(str(error))
    file = Path(found[1]) if found else None
    return file if file is not None and file.is_relative_to(home.data) else None


def _has_no_room(path: Path) -> bool:
    try:
        return shutil.disk_usage(path).free < _NO_ROOM
    except OSError:
        return False


def _explain(text: str, home: Home) -> str:
    if _FULL_DISK.search(text) or (_DISK_ERROR.search(text) and _has_no_room(home.path)):
        return (
            f"the disk that holds {home.path} is full, so nothing was written. Free some space "
            "and run again: what was paid for is kept"
        )
    if _NO_VERSION.search(text):
        return "there is no such version; they count up from 0, one for each commit"
    if other := _OTHER_DATA.search(text):
        return (
            f"it was made with its data in {other[1]}, not where SYNTH_LAKE_DATA points now; set "
            "it back"
        )
    if missing := _MISSING_FILE.search(text):
        return (
            f"its file {missing[1]} is missing or cannot be read; put it back from a copy, or make "
            f"the lake anew in another SYNTH_HOME ({text.splitlines()[0]})"
        )
    if _NUL.search(text):
        return (
            "a condition compares a column with text that holds a NUL character, which DuckLake "
            "cannot; write concat(column, '') for the column"
        )
    return text.strip()
