"""An export folder: files of one part in, all of them in place at once, or none.

A part (``sft``, ``dpo``, ``control``, ``queue``, ``card``) lists its files in a manifest of its
own, with bytes and sha256.
What a manifest lists is ours: it may be replaced, and goes when the part no longer writes it.
Whatever else lies in the folder is a person's: it is never removed and never overwritten.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, BinaryIO, Literal

from synth_assets.errors import RecipeError

Part = Literal["sft", "dpo", "control", "queue", "card"]
PARTS: tuple[Part, ...] = ("sft", "dpo", "control", "queue", "card")

FileFacts = dict[str, Any]
"""bytes, sha256 and, for a file of rows, rows; for Parquet also arrow_bytes."""


def manifest_path(folder: Path, part: Part) -> Path:
    return folder / "exports" / f"manifest_{part}.json"


def read_manifest(folder: Path, part: Part) -> dict[str, FileFacts]:
    """Path inside the folder → facts, for every file of ``part``; empty where there is none."""
    path = manifest_path(folder, part)
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise RecipeError(
            f"{path}: is no manifest of an export ({error}); remove it together with the files of "
            "the export, or choose another folder"
        ) from error
    return {name: facts for name, facts in files.items() if _is_inside(name)}


def is_made_of(folder: Path, part: Part, made_of: str) -> bool:
    """Do the files of ``part`` lie there, byte for byte, as they were written from ``made_of``?"""
    files = read_manifest(folder, part)
    if not files or _made_of(folder, part) != made_of:
        return False
    for name, facts in files.items():
        path = folder / name
        if not path.is_file() or _fingerprint(path).items() - facts.items():
            return False
    return True


def noted(folder: Path, part: Part) -> dict[str, int]:
    """What `PartWriter.noted` said of a part whose files lie there."""
    return _manifest(folder, part).get("noted", {})


def _made_of(folder: Path, part: Part) -> str | None:
    return _manifest(folder, part).get("made_of")


def _manifest(folder: Path, part: Part) -> dict[str, Any]:
    return json.loads(manifest_path(folder, part).read_text(encoding="utf-8"))


def _is_inside(name: str) -> bool:
    # A folder may come from someone else: its manifest must not reach beyond it.
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


@dataclass
class PartWriter:
    """Writes one part of an export; files come into place when the ``with`` block ends well.

    made_of: identity of what the files are written from, for `is_made_of`.
    noted: numbers about the part as a whole, kept in its manifest.

    >>> with PartWriter(folder, "sft") as part:
    ...     with part.open("exports/openai/sft.jsonl") as stream:
    ...         stream.write(b"...")
    """

    folder: Path
    part: Part
    made_of: str | None = None
    noted: Mapping[str, int] = field(default_factory=dict)
    files: dict[str, FileFacts] = field(default_factory=dict)

    def __enter__(self) -> PartWriter:
        self.before = read_manifest(self.folder, self.part)
        self.ours = {name for part in PARTS for name in read_manifest(self.folder, part)}
        return self

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A stream for the file ``name``, a path inside the folder with forward slashes."""
        target = self.folder / name
        if name not in self.ours and (target.exists() or target.is_symlink()):
            raise RecipeError(
                f"{target}: exists and is of no earlier export; move it away, or export into "
                "another folder"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        self.files[name] = {}
        with _staged(target).open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())

    def note(self, name: str, **facts: int) -> None:
        """Adds facts about a file to the manifest."""
        self.files[name].update(facts)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._put_in_place()
        self._remove_leftovers()

    def _put_in_place(self) -> None:
        for name, facts in self.files.items():
            facts.update(_fingerprint(_staged(self.folder / name)))
        # Listed before they lie there: after a crash in between every file of ours is known.
        self._write_manifest({**self.before, **self.files}, None)
        for name in self.files:
            _staged(self.folder / name).replace(self.folder / name)
        for name in self.before.keys() - self.files.keys():
            (self.folder / name).unlink(missing_ok=True)
        self._write_manifest(self.files, self.made_of)

    def _write_manifest(self, files: dict[str, FileFacts], made_of: str | None) -> None:
        path = manifest_path(self.folder, self.part)
        if not files:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        listed = {name: dict(sorted(files[name].items())) for name in sorted(files)}
        manifest = {"part": self.part, "made_of": made_of, "noted": dict(self.noted)}
        manifest["files"] = listed
        text = json.dumps(manifest, indent=1) + "\n"
        _staged(path).write_text(text, encoding="utf-8")
        _staged(path).replace(path)

    def _remove_leftovers(self) -> None:
        """Staged files of this or of a crashed export, and folders that became empty."""
        for name in {*self.before, *self.files}:
            target = self.folder / name
            _staged(target).unlink(missing_ok=True)
            _remove_empty(target.parent, self.folder)
        _remove_empty(manifest_path(self.folder, self.part).parent, self.folder)


def _staged(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def _remove_empty(folder: Path, root: Path) -> None:
    while folder != root and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _fingerprint(path: Path) -> FileFacts:
    with path.open("rb") as stream:
        return {
            "bytes": path.stat().st_size,
            "sha256": hashlib.file_digest(stream, "sha256").hexdigest(),
        }
