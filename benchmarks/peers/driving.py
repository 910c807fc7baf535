"""What the drivers share: a task as JSON on the command line in, one line of JSON out.

A driver runs under its own library's interpreter, so only the standard library is imported here.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.calls.client import WARM, prompts

SIZE = 200
"""Characters of a prompt."""

WARMING = 16
"""Prompts asked before anything is measured, so that what is imported and opened once is."""

ANSWER = {
    "title": "Answer",
    "type": "object",
    "properties": {"sentence": {"type": "string"}, "number": {"type": "integer"}},
    "required": ["sentence", "number"],
    "additionalProperties": False,
}
"""The form of a structured reply."""


@dataclass(frozen=True)
class Task:
    """What a driver is to do.

    folder: its own, kept between the two runs of a case that is killed half way.
    is_structured: replies have the form `ANSWER`. timeout_s: of one request; None for the
    library's own. is_warmed: other prompts are asked first. buffer: rows that a library keeps
    before it writes them, where that can be chosen; None for the library's own.
    """

    base_url: str
    case: str
    count: int
    concurrency: int
    folder: str
    is_structured: bool = False
    timeout_s: int | None = None
    is_warmed: bool = True
    buffer: int | None = None

    def prompts(self) -> list[str]:
        """The prompts to measure with: the same for all drivers."""
        return list(prompts(self.count, SIZE))

    def warming_prompts(self) -> list[str]:
        """Other prompts, and none where nothing is to be warmed."""
        return list(prompts(WARMING, SIZE, WARM)) if self.is_warmed else []

    def subfolder(self, name: str) -> Path:
        """A folder in the driver's own, made where it is missing."""
        path = Path(self.folder) / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def as_json(self) -> str:
        return json.dumps(asdict(self))


Ask = Callable[[Task, list[str], str], int]
"""Asks for all prompts, with files under the name given; gives how many usable replies came."""


def drive(ask: Ask) -> None:
    """Does the task on the command line and prints its figures. CPU seconds are those of this
    process and of the children that it started and waited for in the meantime."""
    task = Task(**json.loads(sys.argv[1]))
    if warming := task.warming_prompts():
        ask(task, warming, "warming")
    asked = task.prompts()
    start, cpu = time.perf_counter(), _cpu_seconds()
    rows = ask(task, asked, "measured")
    seconds, cpu = time.perf_counter() - start, _cpu_seconds() - cpu
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "rows": rows}), flush=True)


def is_answer(value: object) -> bool:
    """Whether a value, or its JSON, has the form `ANSWER`."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return False
    return (
        isinstance(value, dict)
        and isinstance(value.get("sentence"), str)
        and isinstance(value.get("number"), int)
    )


def is_usable(task: Task, value: object) -> bool:
    """Whether a reply counts as a row: of the form asked for, or any text."""
    if task.is_structured:
        return is_answer(value)
    return isinstance(value, str) and bool(value)


def _cpu_seconds() -> float:
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
