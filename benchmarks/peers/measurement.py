"""One library's figures in one case: a JSON line in and out, a cell's words out."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Measurement:
    """problem: why there are no figures; None where there are some.

    count: the calls asked for. rows: usable replies. repeated: requests beyond the first for each
    prompt, counted where the driver was killed. unanswered: those without a reply at that moment.
    """

    who: str
    case: str
    count: int
    seconds: float | None = None
    cpu_seconds: float | None = None
    rows: int | None = None
    repeated: int | None = None
    unanswered: int | None = None
    problem: str | None = None

    @classmethod
    def from_line(cls, line: str) -> Measurement:
        return cls(**json.loads(line))

    def as_line(self) -> str:
        return json.dumps(asdict(self))

    @property
    def missing(self) -> str:
        """What to say after a figure where some rows were not obtained; else nothing."""
        if self.rows is None or self.rows >= self.count:
            return ""
        return f" ({self.count - self.rows:,} of {self.count:,} rows missing)"
