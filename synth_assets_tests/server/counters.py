"""What a test server was asked for and what it gave, counted."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

PICO = 10**12


@dataclass
class Counters:
    """requests: how often each distinct prompt was asked for, by `prompt_key`; those in batches
    count too. statuses: answers by HTTP status. faults: by kind. answered, input_tokens,
    output_tokens, picodollars: whole, right replies that were handed to the network; what a
    truncated reply cost is not in it. most_at_once: requests that waited for an answer together.
    """

    requests: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    batches: int = 0
    files: int = 0
    answered: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    picodollars: int = 0
    at_once: int = 0
    most_at_once: int = 0

    @property
    def usd(self) -> float:
        return self.picodollars / PICO

    @property
    def total(self) -> int:
        """All requests for replies."""
        return self.requests.total()

    @property
    def repeated(self) -> int:
        """Requests beyond the first for each prompt."""
        return self.requests.total() - len(self.requests)

    def times(self, text: str, seed: int | None = None) -> int:
        """How often the prompt was asked for; ``text`` is its contents, one a line."""
        return self.requests[prompt_key(text, seed)]

    def as_json(self) -> dict[str, Any]:
        shown = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            **shown,
            "statuses": {str(status): n for status, n in self.statuses.items()},
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Counters:
        return cls(
            **{
                **value,
                "requests": Counter(value["requests"]),
                "statuses": Counter({int(key): n for key, n in value["statuses"].items()}),
                "faults": Counter(value["faults"]),
            }
        )


def prompt_key(text: str, seed: int | None = None) -> str:
    """A prompt and its seed as 16 characters, so that a million of them are small."""
    words = f"{text}\0{seed}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(words, digest_size=8).hexdigest()
