"""Tiny recipes for tests, written into a folder as a person would write them, and the scripted
model that serves them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from synth_assets.llm.request import Request
from synth_assets.llm.transports.scripted import Line, forget, register
from synth_assets.recipe import Recipe, load_recipe

SEEDS: tuple[dict[str, str], ...] = (
    {"prompt": "What is the sum of forty and six?", "reference": "46"},
    {"prompt": "Name a river that crosses three countries."},
    {"prompt": "Give two reasons to mend old shoes."},
)
"""Three prompts; the first has a reference answer."""

TASKS = (
    "Compose a short poem about rain falling on tin roofs.",
    "Convert ninety kilometres into nautical miles.",
    "Invent a name for a bakery near the harbour.",
    "Which planet has the most moons today?",
    "Prove that the root of two is irrational.",
    "Recommend a novel in which nobody travels.",
    "Explain how bees find their way home.",
    "Plan a supper for guests without an oven.",
    "Translate the word lighthouse into Latin.",
    "List five verbs that rhyme with sing.",
)
"""What the scripted teacher writes, one after the other: no two alike."""

NO_ANSWERS: dict[str, Any] = {"completions": None, "judgments": None}
"""A recipe that ends with its prompts: four tables, so that a test is quick."""


def tiny_parts(**parts: Any) -> dict[str, Any]:
    """A recipe as plain data: one scripted model writes two prompts a round, answers each prompt
    twice, and rates.

    parts: replaces parts by name; a dict is merged into the part, None takes it out.
    """
    tiny: dict[str, Any] = {
        "name": "tiny",
        "seeds": {"prompts": ["seeds.jsonl"]},
        "models": {
            "teacher": {"model": "scripted/teacher", "max_retries": 0},
            "judge": {"model": "scripted/teacher", "max_retries": 0},
        },
        "prompts": {"self_instruct": {"teacher": "teacher", "per_round": 2, "items_per_call": 1}},
        "completions": {"teachers": ["teacher"], "per_prompt": 2},
        "judgments": {"ultrafeedback": {"judge": "judge", "criteria": ["helpfulness"]}},
        "datasets": {"test_share": 0.0},
    }
    return _without_marks(merged(tiny, parts))


def evolving(**changes: Any) -> dict[str, Any]:
    """The part of a recipe that rewrites one prompt a round, once."""
    return {"teacher": "teacher", "judge": "judge", "per_round": 1, "generations": 1, **changes}


def write_seeds(
    folder: Path, seeds: Sequence[Mapping[str, Any]] = SEEDS, file: str = "seeds.jsonl"
) -> Path:
    """A JSONL file of seeds, one a line."""
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(seed) + "\n" for seed in seeds))
    return path


def write_recipe(folder: Path, file: str = "tiny.yaml", **parts: Any) -> Recipe:
    """The recipe of `tiny_parts` as a file in ``folder``, with seeds beside it where there are
    none yet; gives it loaded."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "seeds.jsonl").exists():
        write_seeds(folder)
    path = folder / file
    path.write_text(yaml.safe_dump(tiny_parts(**parts), sort_keys=False))
    return load_recipe(path)


class Teacher:
    """The model ``scripted/teacher``: writes prompts, rewrites, answers, rates.

    asked: every request so far. before: called with each request first; it may return a line of
    its own (or an error), so that a test decides what goes wrong.
    """

    def __init__(self, before: Callable[[Request], Line | None] | None = None) -> None:
        self.asked: list[Request] = []
        self.before = before

    def __call__(self, request: Request) -> Line:
        self.asked.append(request)
        line = self.before(request) if self.before else None
        return self.answer(request) if line is None else line

    def answer(self, request: Request) -> str:
        text = request.messages[-1]["content"]
        if text.startswith("People give an assistant tasks"):
            return TASKS[(2 * request.round - 2 + request.sample_index) % len(TASKS)]
        if text.startswith("You rewrite prompts"):
            return f"{TASKS[-request.round]} Give a reason for each choice."
        if text.startswith("Compare two prompts"):
            return "Different"
        if "Rate all" in text:
            count = int(text.partition("Rate all ")[2].partition(" ")[0])
            ratings = [{"rating": 5 - place, "rationale": "Seen."} for place in range(count)]
            return json.dumps({"ratings": ratings})
        return f"Answer {request.sample_index}, with \\boxed{{{46 - request.sample_index}}}."


@contextmanager
def teaching(teacher: Teacher | None = None) -> Iterator[Teacher]:
    """The teacher, registered for the length of the block."""
    teacher = teacher or Teacher()
    register("teacher", teacher)
    try:
        yield teacher
    finally:
        forget("teacher")


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes`` merged into it, part by part; None stays as the mark of a part that
    is to go."""
    result = dict(base)
    for name, value in changes.items():
        known = result.get(name)
        if isinstance(value, Mapping) and isinstance(known, Mapping):
            result[name] = merged(known, value)
        else:
            result[name] = value
    return result


def _without_marks(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_marks(value) if isinstance(value, Mapping) else value
        for name, value in parts.items()
        if value is not None
    }
