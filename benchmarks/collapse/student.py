"""A student that is refitted each round on its set: prompts with answers in, more like them out.

It knows a prompt by its kind (task family and wording) and by what stands in the slots of its
family, and writes each as often as it stands in its set: the maximum-likelihood model of the two.
So it can forget a kind, a name or a number, and never learn one. Its answers are right as often as
those of their family were in its set, but for slips of its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from synth_assets.identity import seeded_random
from synth_assets.llm.offline.answering import answer_prompt
from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.families import FAMILIES
from synth_assets.llm.offline.problem import Problem
from synth_assets.llm.offline.recognise import Asked, recognise
from synth_assets.llm.offline.skills import Answering
from synth_assets.llm.offline.task import Task, parse_task, truth
from synth_assets.llm.replies import body_of
from synth_assets.llm.tokens import count_tokens
from synth_assets.methods.verification import verdict_on

SLIPS = 0.05
"""How often a student is wrong where all that it learnt from was right."""
TRIES = 20
"""How often it puts a prompt together anew, until one makes sense."""

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


def answer_with_slips(prompt: str, dice: Dice, slips: float) -> str:
    """An answer with its steps, wrong at the rate of ``slips`` and flawless else."""
    return answer_prompt(Asked("answer", prompt), dice, _flaws(slips)).text


class Student:
    """A model behind an endpoint: `complete` takes a chat body as OpenAI's API has it.

    examples: (prompt, answer) of the set that it is fitted on. A prompt of no family is passed
        over.
    """

    def __init__(self, examples: Iterable[tuple[str, str]], seed: int) -> None:
        self._seed = seed
        self._problems: list[Problem] = []
        self._values: dict[tuple[str, str], list[str]] = defaultdict(list)
        right: dict[str, list[bool]] = defaultdict(list)
        for prompt, answer in sorted(examples):
            task = parse_task(prompt)
            if task is None:
                continue
            self._problems.append(task.problem)
            for slot, value in task.problem.values.items():
                self._values[task.problem.family, slot].append(value)
            right[task.problem.family].append(verdict_on(answer, truth(prompt)) == "verified")
        self._right = {family: sum(found) / len(found) for family, found in right.items()}

    def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The reply: prompts where a list is to be continued, else an answer."""
        dice = Dice(seeded_random("student", self._seed, body["messages"], body.get("seed")))
        asked = recognise(body)
        if asked.kind == "write":
            numbers = range(asked.first_number, asked.last_number + 1)
            text = "\n".join(f"{number}. {self.write(dice)}" for number in numbers)
        else:
            text = answer_with_slips(asked.text, dice, self.share_wrong(asked.text))
        read = sum(count_tokens(str(message["content"])) for message in body["messages"])
        return body_of(
            text, model=body["model"], input_tokens=read, output_tokens=count_tokens(text)
        )

    def write(self, dice: Dice) -> str:
        """A prompt of a kind that it knows, its slots filled one by one with what it knows; as in
        one of its examples where those do not go together."""
        example = dice.pick(self._problems)
        family = FAMILIES[example.family]
        for _ in range(TRIES):
            slots = family.wordings[example.wording].slots
            values = {slot: dice.pick(self._values[family.name, slot]) for slot in slots}
            text = Task(Problem(family.name, example.wording, values)).write()
            if parse_task(text) is not None:
                return text
        return Task(example).write()

    def share_wrong(self, prompt: str) -> float:
        """How often its answer to a prompt is wrong: always, where it knows nothing like it."""
        task = parse_task(prompt)
        if task is None:
            return 1.0
        return 1 - (1 - SLIPS) * self._right.get(task.problem.family, 0.0)


def _flaws(slips: float) -> Answering:
    return Answering(slip=slips, ignored_constraint=0, refusal=0, rambling=0, cut_off=0, nothing=0)
