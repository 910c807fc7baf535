"""Who is measured: by what driver, under which interpreter, with which settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VERSIONS = Path(__file__).with_name("versions.txt")


@dataclass(frozen=True)
class Contestant:
    """One line of the table.

    distributions: what its environment holds, named after the first; none for what runs in ours.
    options: of its `Task`, in every case. cases: the only ones it takes part in; None for all.
    """

    name: str
    driver: str
    distributions: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    cases: frozenset[str] | None = None


CONTESTANTS = (
    Contestant(
        "raw aiohttp", "aiohttp_driver", cases=frozenset({"cpu", "throughput", "slow_replies"})
    ),
    Contestant("this package", "engine_driver"),
    Contestant("Curator", "curator_driver", ("bespokelabs-curator",)),
    Contestant("Data Designer", "data_designer_driver", ("data-designer",)),
    Contestant(
        "Data Designer, buffer of 100",
        "data_designer_driver",
        ("data-designer",),
        options={"buffer": 100},
        cases=frozenset({"killed"}),
    ),
    Contestant("distilabel", "distilabel_driver", ("distilabel", "openai", "instructor")),
)


def pinned_versions(text: str) -> dict[str, str]:
    """Distribution → version, of lines ``name==version``."""
    split = (line.partition("==") for line in text.split())
    return {name: version for name, _, version in split}
