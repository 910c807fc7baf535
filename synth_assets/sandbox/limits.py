"""What code in the sandbox may use."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """cpu_seconds: of its own, so that a busy machine changes no outcome.
    wall_seconds: for code that waits. memory_bytes: address space.
    tmp_bytes: of ``/tmp``, the one place where it may write. output_characters: kept of what it
    prints; more ends it.
    """

    cpu_seconds: int = 5
    wall_seconds: float = 15.0
    memory_bytes: int = 512 * MEGABYTE
    tmp_bytes: int = 16 * MEGABYTE
    output_characters: int = 2_000
