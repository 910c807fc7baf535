"""Seeded draws of numbers, names and nouns: a seeded generator in, values out.

Only ``random()`` of the generator is used, so that draws are the same on every Python version.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from synth_assets.llm.offline import vocabulary

T = TypeVar("T")


class Dice:
    """Draws from the vocabulary. ``is_rare`` takes the rarer nouns (Evol-Instruct's breadth)."""

    def __init__(self, source: random.Random, *, is_rare: bool = False) -> None:
        self._source = source
        self.is_rare = is_rare

    def share(self) -> float:
        """Uniform in [0, 1)."""
        return self._source.random()

    def chance(self, probability: float) -> bool:
        return self.share() < probability

    def integer(self, low: int, high: int) -> int:
        """Uniform over low … high, both included."""
        return low + int(self.share() * (high - low + 1))

    def pick(self, values: Sequence[T]) -> T:
        return values[int(self.share() * len(values))]

    def sample(self, values: Sequence[T], count: int) -> list[T]:
        """``count`` different positions of ``values``, in random order."""
        rest = list(values)
        return [rest.pop(int(self.share() * len(rest))) for _ in range(min(count, len(rest)))]

    def shuffle(self, values: Sequence[T]) -> list[T]:
        return self.sample(values, len(values))

    def integers(self, count: int, low: int, high: int) -> list[int]:
        return [self.integer(low, high) for _ in range(count)]

    def spread(self, width: float) -> float:
        """Symmetric noise in (-width, width), densest at zero; exact on every machine."""
        return (self.share() + self.share() - 1.0) * width

    def names(self, count: int) -> list[str]:
        return self.sample(vocabulary.RARE_NAMES if self.is_rare else vocabulary.NAMES, count)

    def name(self) -> str:
        return self.names(1)[0]

    def town(self) -> str:
        return self.pick(vocabulary.RARE_TOWNS if self.is_rare else vocabulary.TOWNS)

    def things(self, count: int) -> list[str]:
        return self.sample(vocabulary.RARE_THINGS if self.is_rare else vocabulary.THINGS, count)

    def thing(self) -> str:
        return self.things(1)[0]

    def words(self, count: int) -> list[str]:
        """``count`` different lower-case words, at most as many as the pool holds."""
        return self.sample(vocabulary.RARE_WORDS if self.is_rare else vocabulary.WORDS, count)

    def group(self) -> str:
        return self.pick(vocabulary.RARE_GROUPS if self.is_rare else vocabulary.GROUPS)

    def occasion(self) -> str:
        return self.pick(vocabulary.OCCASIONS)

    def subject(self) -> str:
        return self.pick(vocabulary.SUBJECTS)

    def money(self) -> str:
        return self.pick(vocabulary.UNITS_OF_MONEY)

    def scene(self) -> dict[str, str]:
        """People, places and things for the slots of a wording that do not decide the answer."""
        (name, friend), (thing, other_thing) = self.names(2), self.things(2)
        return {
            "name": name,
            "friend": friend,
            "thing": thing,
            "other_thing": other_thing,
            "town": self.town(),
            "group": self.group(),
            "occasion": self.occasion(),
            "subject": self.subject(),
            "money": self.money(),
        }

    def rarer(self) -> Dice:
        """The same generator, drawing the rarer nouns."""
        return Dice(self._source, is_rare=True)
