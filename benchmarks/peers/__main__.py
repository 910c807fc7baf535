"""``python -m benchmarks.peers FOLDER [CASE …]``: every case, or those named; a Markdown table out.

A peer that cannot be installed is named with the reason, and the others are measured.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers.cases import CASES, Case
from benchmarks.peers.contestants import CONTESTANTS, VERSIONS, Contestant, pinned_versions
from benchmarks.peers.environments import NotInstalled, environment
from benchmarks.peers.measurement import Measurement
from benchmarks.peers.measuring import measure
from benchmarks.peers.table import table


def main(folder: Path, names: list[str]) -> None:
    unknown = [name for name in names if name not in CASES]
    if unknown:
        sys.exit(f"no such case: {', '.join(unknown)}; known: {', '.join(CASES)}")
    folder.mkdir(parents=True, exist_ok=True)
    versions = pinned_versions(VERSIONS.read_text())
    pythons = _interpreters(folder, versions)
    cases = [CASES[name] for name in names or CASES]
    shown = ", ".join(f"{name} {number}" for name, number in versions.items())
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores; "
        f"aiohttp {version('aiohttp')}, {shown}\n"
    )
    load = [os.getloadavg()[0]]
    there = [it for it in CONTESTANTS if it.distributions in pythons]
    measurements: list[Measurement] = []
    with (folder / "measurements.jsonl").open("w") as lines:
        for contestant, case in _pairs(there, cases):
            it = measure(contestant, pythons[contestant.distributions], case, folder)
            measurements.append(it)
            print(it.as_line(), file=lines, flush=True)
            print(it.as_line(), file=sys.stderr, flush=True)
    load.append(os.getloadavg()[0])
    print(table(measurements, [it.name for it in there], cases))
    print(
        f"\nThe machine's load was {load[0]:.1f} at the start and {load[1]:.1f} at the end (its "
        "average of a minute); what else it does is in the figures: compare lines, not tables."
    )


def _interpreters(folder: Path, versions: dict[str, str]) -> dict[tuple[str, ...], Path]:
    """Distributions → the interpreter of their environment, for those that can be installed."""
    found: dict[tuple[str, ...], Path] = {(): Path(sys.executable)}
    for wanted in dict.fromkeys(it.distributions for it in CONTESTANTS if it.distributions):
        try:
            pinned = [f"{name}=={versions[name]}" for name in wanted]
            found[wanted] = environment(folder, pinned)
        except NotInstalled as problem:
            print(f"{wanted[0]} is not measured, it cannot be installed: {problem}\n")
    return found


def _pairs(contestants: list[Contestant], cases: list[Case]) -> Iterable[tuple[Contestant, Case]]:
    """Case by case, so that what is compared is measured close together."""
    for case in cases:
        for it in contestants:
            if it.cases is None or case.name in it.cases:
                yield it, case


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]).absolute(), sys.argv[2:])
