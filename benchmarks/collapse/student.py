"""A student that is refitted each round on its set: prompts in, prompts like them out.

It knows prompts by kind (the task family and its wording) and writes a kind as often as it stands
in its set: the maximum-likelihood unigram model over kinds. So it can forget a kind, and never
learn one. Figures and names in a prompt are fresh each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from synth_assets.identity import content_hash, seeded_random
from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.families import FAMILIES
from synth_assets.llm.offline.task import Task, parse_task
from synth_assets.llm.request import Reply, Request

Kind = tuple[str, int]
"""(family, wording)."""

KINDS: tuple[Kind, ...] = tuple(
    (name, wording) for name, family in FAMILIES.items() for wording in range(len(family.wordings))
)


def count_kinds(prompts: Iterable[str]) -> Counter[Kind]:
    """How often each kind stands among the prompts; what is of no kind is not counted."""
    tasks = (parse_task(prompt) for prompt in prompts)
    return Counter((task.problem.family, task.problem.wording) for task in tasks if task)


def write_kind(kind: Kind, dice: Dice) -> str:
    """A prompt of a kind, with figures and names of its own."""
    family, wording = kind
    return Task(FAMILIES[family].draw(dice, wording=wording)).write()


class Student:
    """An `ask` that answers every request with ``items`` prompts, drawn from its set's kinds."""

    def __init__(self, prompts: Iterable[str], items: int, seed: int) -> None:
        counts = count_kinds(prompts)
        self._kinds = [kind for kind in KINDS for _ in range(counts[kind])]
        self._items = items
        self._seed = seed

    def __call__(self, requests: Iterable[Request]) -> Iterator[Reply]:
        for request in requests:
            draw = ("student", self._seed, request.round, request.sample_index)
            dice = Dice(seeded_random(*draw))
            texts = (write_kind(dice.pick(self._kinds), dice) for _ in range(self._items))
            # The request ends with the number of the first item, eight examples before it.
            lines = [f"{number}. {text}" for number, text in enumerate(texts, start=9)]
            yield Reply(content_hash(*draw), "ok", "\n".join(lines))
