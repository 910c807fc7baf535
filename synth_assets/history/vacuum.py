"""Old versions given up: an age in, the space they took back out. Tagged versions stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from synth_assets.store.attachment import write_lock
from synth_assets.store.lake import Lake
from synth_assets.store.tags import tags_by_version


@dataclass(frozen=True)
class Vacuumed:
    """expired: versions given up. bytes_before, bytes_after: of the lake's data files."""

    expired: tuple[int, ...]
    bytes_before: int
    bytes_after: int


def vacuum(lake: Lake, *, older_than: timedelta, dry_run: bool = False) -> Vacuumed:
    """Gives up versions older than ``older_than``, but for the newest one and those with a tag;
    merges small files and removes those that no version needs.

    Nothing that a table holds now is touched.
    """
    before = _size(lake)
    limit = datetime.now(UTC) - older_than
    kept = {lake.version(), *tags_by_version(lake)}
    expired = tuple(
        version
        for version, made in lake.execute(
            "SELECT snapshot_id, snapshot_time FROM lake.snapshots() ORDER BY 1"
        )
        if version not in kept and made <= limit
    )
    if dry_run:
        return Vacuumed(expired, before, before)
    with write_lock(lake.home):
        if expired:
            numbers = ", ".join(map(str, expired))
            lake.execute(f"CALL ducklake_expire_snapshots('lake', versions => [{numbers}])")
        lake.execute("CALL ducklake_merge_adjacent_files('lake')")
        lake.execute("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)")
    return Vacuumed(expired, before, _size(lake))


def _size(lake: Lake) -> int:
    folder = lake.home.data_folder
    if folder is None:
        return 0
    return sum(file.stat().st_size for file in folder.rglob("*.parquet"))
