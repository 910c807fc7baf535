"""A whole prompt (scene, problem, further questions, constraints) ↔ its text, and its answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from synth_assets.llm.offline.constraints import Demand, find_demand
from synth_assets.llm.offline.extensions import EXTENSIONS, Further, find_further
from synth_assets.llm.offline.families import FAMILIES
from synth_assets.llm.offline.problem import AnswerKind, Family, Problem, Work

MOST_CHARACTERS = 4000
"""Longer texts are not one of our tasks; this also bounds the cost of looking."""

_COURTESY = re.compile(
    r"^(?:(?:please answer this|please|kindly|hello|hi|dear assistant|"
    r"could you (?:please )?help(?: me)?|i would like to know this)[,.!?:]?\s+)+",
    re.IGNORECASE,
)
_THANKS = re.compile(r"\s+(?:thanks|thank you|many thanks|thanks in advance)[.!]?$", re.IGNORECASE)


@dataclass(frozen=True)
class Task:
    """A parsed prompt. ``setting`` is what stands before the problem; it decides nothing."""

    problem: Problem
    setting: str = ""
    further: tuple[Further, ...] = ()
    demands: tuple[Demand, ...] = ()

    @property
    def family(self) -> Family:
        return FAMILIES[self.problem.family]

    @property
    def kind(self) -> AnswerKind:
        return "number" if self.further else self.family.kind

    def write(self) -> str:
        parts = [self.setting, self.family.write(self.problem)]
        parts += [further.write() for further in self.further]
        parts += [demand.write() for demand in self.demands]
        return " ".join(part for part in parts if part)

    def solve(self) -> Work | None:
        """Steps and answer; None where the figures make no sense."""
        work = self.family.solve(self.problem)
        kind = self.family.kind
        for further in self.further:
            extension = EXTENSIONS[further.name]
            if work is None or extension.takes != kind:
                return None
            try:
                more = extension.worked(work.answer, further.values)
            except (ValueError, ArithmeticError, LookupError, StopIteration):
                return None
            work, kind = Work(work.steps + more.steps, more.answer), "number"
        return work


def parse_task(text: str) -> Task | None:
    """The task that a prompt sets, or None: every sentence after the problem must be known."""
    if len(text) > MOST_CHARACTERS:
        return None
    return _parse(" ".join(text.split()))


@lru_cache(maxsize=4096)
def _parse(text: str) -> Task | None:
    text = strip_courtesy(text)
    for family in FAMILIES.values():
        found = family.find(text)
        if found is None:
            continue
        problem, (start, end) = found
        task = _parse_rest(Task(problem, text[:start].strip()), text, end)
        if task is not None and task.solve() is not None:
            return task
    return None


def _parse_rest(task: Task, text: str, position: int) -> Task | None:
    while position < len(text):
        position += text[position] == " "
        further = find_further(text, position)
        if further is not None:
            task, position = replace(task, further=(*task.further, further[0])), further[1]
            continue
        demand = find_demand(text, position)
        if demand is None:
            return None
        task, position = replace(task, demands=(*task.demands, demand[0])), demand[1]
    return task


def strip_courtesy(text: str) -> str:
    """The text on one line without "please" before it and "thank you" after it."""
    return _THANKS.sub("", _COURTESY.sub("", " ".join(text.split())))


def truth(prompt_text: str) -> str | None:
    """The right final answer of a prompt of the offline families; None for any other."""
    task = parse_task(prompt_text)
    work = None if task is None else task.solve()
    return None if work is None else work.answer


def can_parse(prompt_text: str) -> bool:
    """Whether the offline teacher knows what a prompt asks, and so its answer."""
    return parse_task(prompt_text) is not None
