"""The files of seeds as they were read before and as they are now in, the seeds that may differ and
the lines to read for them out.

A hash of each line is kept under the home, by the hash of the files that they stand in. They are a
memory only: where they are missing, or a file is no file of lines, all is read.
"""

from __future__ import annotations

import codecs
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import blake2b
from io import BytesIO
from pathlib import Path

import polars as pl

from synth_assets.identity import content_hash
from synth_assets.recipe import Recipe
from synth_assets.schemas import RETRACTIONS, SEED_PROMPTS
from synth_assets.seed_files import location, read_seed_prompts
from synth_assets.seed_files.tabular import CSV, PARQUET, csv_rows
from synth_assets.stages.workshop import Workshop, hash_of_bytes
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake

FOLDER = "seed_lines"
GONE = "no_longer_in_its_file"
FEW = 0.2
"""Share of changed lines up to which they are read alone."""

Lines = Mapping[str, Collection[int]]
"""File as the recipe labels it → numbers of lines, from 1."""


def keep_line_hashes(home: Home, recipe: Recipe) -> None:
    """Remembers the lines of the recipe's files, in the place of those of other states of them."""
    texts = [(file.label, file.path.read_bytes()) for file in location.locate(recipe, "prompts")]
    # By what was read here: the files may have been written to since a commit looked at them.
    path = _place_of(home, recipe, texts)
    if not path.exists():
        found = _line_hashes(texts)
        if found is None:
            return
        _write(path, found)
    for other in path.parent.glob("*.parquet"):
        if other != path:
            other.unlink(missing_ok=True)


def forget_line_hashes(home: Home, recipe: Recipe) -> None:
    """Forgets the lines, of which some were erased: the files are read as wholes the next time."""
    shutil.rmtree(home.path / FOLDER / recipe.name, ignore_errors=True)


def add_changed_seeds(workshop: Workshop, before: str, changed: str) -> bool:
    """Fills the relation ``changed`` with the seeds that may differ since the files had the hash
    ``before``, and ``<changed>_lines``, which goes with it, with the lines that they stand in.
    False where all are to be read."""
    lake, recipe = workshop.lake, workshop.recipe
    if recipe.seeds.limit is not None or any(each.fields for each in recipe.seeds.prompts):
        return False  # which seeds are the first, and whether a field is anywhere, all lines say
    if lake.has(recipe.name, RETRACTIONS.name) and lake.read(recipe.name, RETRACTIONS).height:
        return False
    lines = _changed_lines(lake.home, recipe, before)
    if lines is None:
        return False
    new = read_seed_prompts(recipe, _by_file(lines))
    relation = Lake.relation(recipe.name, SEED_PROMPTS.name)
    with (
        lake.temporary("lines", lines) as written,
        lake.temporary("seeds", new.select("prompt_id", "text_hash")) as seeds,
    ):
        # All seeds of one text: one is the first, and the others are numbered after it.
        lake.execute(
            f"CREATE TEMP TABLE {changed}_seeds AS SELECT * FROM {relation} WHERE text_hash IN ("
            f"SELECT text_hash FROM {seeds} UNION SELECT text_hash FROM {relation} "
            f"JOIN {written} USING (source_file, source_line) "
            f"WHERE drop_reason IS DISTINCT FROM '{GONE}')"
        )
        lake.execute(
            f"CREATE TEMP TABLE {changed}_lines AS FROM {written} "
            f"UNION SELECT source_file, source_line FROM {changed}_seeds "
            f"WHERE drop_reason IS DISTINCT FROM '{GONE}'"
        )
        lake.execute(f"INSERT INTO {changed} SELECT prompt_id FROM {changed}_seeds")
    lake.execute(f"DROP TABLE {changed}_seeds")
    now = read_seed_prompts(recipe, lines_of(lake, changed)).select("prompt_id")
    with lake.temporary("seeds", now) as seeds:
        lake.execute(f"INSERT INTO {changed} FROM {seeds}")
    return True


def lines_of(lake: Lake, changed: str) -> Lines:
    """The lines that `add_changed_seeds` found."""
    lines = lake.frame(f"FROM {changed}_lines")
    return _by_file(lines)


def _by_file(lines: pl.DataFrame) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for file, line in lines.select("source_file", "source_line").iter_rows():
        found.setdefault(file, set()).add(line)
    return found


def _changed_lines(home: Home, recipe: Recipe, before: str) -> pl.DataFrame | None:
    """source_file, source_line of every line that is new, changed or gone; None where that is not
    known, or they are many."""
    path = _place(home, recipe, before)
    if not path.exists():
        return None
    texts = [(file.label, file.path.read_bytes()) for file in location.locate(recipe, "prompts")]
    now = _line_hashes(texts)
    if now is None:
        return None
    _write(_place_of(home, recipe, texts), now)  # beside those of before, until a commit is made
    then = pl.read_parquet(path)
    files = [frame["source_file"].unique(maintain_order=True).to_list() for frame in (then, now)]
    joined = then.join(now, on=["source_file", "source_line"], how="full", coalesce=True)
    changed = joined.filter(pl.col("hash").ne_missing(pl.col("hash_right")))
    if files[0] != files[1] or changed.height > FEW * now.height:
        return None
    return changed.select("source_file", "source_line")


def _line_hashes(texts: Sequence[tuple[str, bytes]]) -> pl.DataFrame | None:
    """source_file, source_line, hash; None where a file is none of lines, has none, or is named
    twice."""
    frames: list[pl.DataFrame] = []
    for label, raw in texts:
        suffix = Path(label).suffix.lower()
        is_array = raw.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
        if not raw.strip() or suffix in PARQUET or (is_array and suffix not in CSV):
            return None
        hashed = _rows_of_csv(raw, label) if suffix in CSV else enumerate(_hashes(raw), start=1)
        frames.append(
            pl.DataFrame(
                list(hashed), schema={"source_line": pl.Int32, "hash": pl.Binary}, orient="row"
            ).select(pl.lit(label).alias("source_file"), "source_line", "hash")
        )
    labels = {label for label, _ in texts}
    return pl.concat(frames) if texts and len(labels) == len(texts) else None


def _hashes(raw: bytes) -> Iterator[bytes]:
    for line in raw.split(b"\n"):
        yield blake2b(line, digest_size=16).digest()


def _rows_of_csv(raw: bytes, label: str) -> Iterator[tuple[int, bytes]]:
    """The first line of each row, and a hash of all its lines and of the header, which says what
    its cells are."""
    lines = list(BytesIO(raw.removeprefix(codecs.BOM_UTF8)))  # split at \n alone
    rows = csv_rows(lines, Path(label))
    header = next(rows, None)
    names = b"" if header is None else b"".join(lines[header.line - 1 : header.end])
    for row in rows:
        text = names + b"".join(lines[row.line - 1 : row.end])
        yield row.line, blake2b(text, digest_size=16).digest()


def _write(path: Path, found: pl.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    found.write_parquet(draft)
    draft.replace(path)


def _place_of(home: Home, recipe: Recipe, texts: Sequence[tuple[str, bytes]]) -> Path:
    return _place(home, recipe, content_hash(*(hash_of_bytes(raw) for _, raw in texts)))


def _place(home: Home, recipe: Recipe, files: str) -> Path:
    return home.path / FOLDER / recipe.name / f"{files}.parquet"
