"""Rounds of a recipe whose student is refitted between them: settings in, `round_health` out.

Each round is opened as `synth-assets run RECIPE --round new` opens it. In between the student is
fitted on the set that the lake holds: on all of it (accumulate), or on what it wrote in the newest
round alone (replace). Where a blocking check fails, no further round can be opened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.collapse.endpoint import serving
from benchmarks.collapse.opening import OpenRound, by_run
from benchmarks.collapse.student import KINDS, Student, answer_with_slips, count_kinds, write_kind
from synth_assets.identity import seeded_random
from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.task import truth
from synth_assets.quality.collapse_simulation import Feeding
from synth_assets.recipe import Recipe, load_recipe
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake

RECIPE = Path(__file__).with_name("rounds.yaml")
NAME = "collapse"
LEARNT: dict[Feeding, str] = {
    "accumulate": "method <> 'seed' OR origin = 'human'",
    "replace": "method <> 'seed' AND round = (SELECT max(round) FROM {sft_set})",
}
"""What the student learns from after a round. Its answers to the exam are in neither: they would
be new prompts of people's in every round."""


@dataclass(frozen=True)
class Sizes:
    """people: prompts with answers that the student learns from first. exam: problems of people's
    that come in each round."""

    people: int = 300
    exam: int = 60
    per_round: int = 210


@dataclass(frozen=True)
class Seen:
    """A round, as its run left it. kept: prompts that the student wrote and the graph kept. kinds:
    how many there are of them. problems: the checks that stopped the run."""

    round: int
    kept: int
    kinds: int
    health: Mapping[str, float | None]
    problems: tuple[str, ...]


def run_rounds(
    folder: Path,
    feeding: Feeding,
    *,
    rounds: int,
    seed: int,
    sizes: Sizes | None = None,
    open_round: OpenRound = by_run,
) -> list[Seen]:
    """Up to ``rounds`` rounds in ``folder``, which becomes the home of a lake. The same settings
    give the same numbers."""
    sizes = sizes or Sizes()
    people = write_people(folder, sizes, seed)
    home = Home.at(folder / "home")
    seen: list[Seen] = []
    with serving(Student(people, seed)) as endpoint:
        recipe = write_recipe(folder, endpoint.base_url, sizes)
        for round in range(1, rounds + 1):
            write_exam(folder, round, sizes, seed)
            problems = open_round(recipe, home)
            seen.append(look(home, round, problems))
            if problems:
                break
            endpoint.student = Student(learnt_from(home, feeding), seed)
    return seen


def write_people(folder: Path, sizes: Sizes, seed: int) -> list[tuple[str, str]]:
    """What stands for people's work: prompts whose kinds are drawn evenly, with right answers."""
    dice = Dice(seeded_random("people", seed))
    examples = [(text, answer_with_slips(text, dice, 0)) for text in _prompts(sizes.people, dice)]
    _write_lines(
        folder / "people.jsonl",
        [{"prompt": prompt, "demonstration": answer} for prompt, answer in examples],
    )
    return examples


def write_exam(folder: Path, round: int, sizes: Sizes, seed: int) -> None:
    """The problems that come with a round, and their references."""
    dice = Dice(seeded_random("exam", seed, round))
    problems = [{"prompt": text, "reference": truth(text)} for text in _prompts(sizes.exam, dice)]
    _write_lines(folder / f"new_{round:02}.jsonl", problems)


def write_recipe(folder: Path, base_url: str, sizes: Sizes) -> Recipe:
    """The study's recipe in ``folder``, with the endpoint's address."""
    parts: dict[str, Any] = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    parts["models"]["student"]["base_url"] = base_url
    parts["prompts"]["self_instruct"]["per_round"] = sizes.per_round
    path = folder / RECIPE.name
    path.write_text(yaml.safe_dump(parts, sort_keys=False), encoding="utf-8")
    return load_recipe(path)


def learnt_from(home: Home, feeding: Feeding) -> list[tuple[str, str]]:
    """(prompt, answer) of the examples in the lake's set that the next student is fitted on."""
    sft_set = Lake.relation(NAME, "sft_set")
    examples = "SELECT messages[-2].content, messages[-1].content FROM {sft_set} WHERE "
    with Lake(home, read_only=True) as lake:
        rows = lake.execute((examples + LEARNT[feeding]).format(sft_set=sft_set))
    return [(str(prompt), str(answer)) for prompt, answer in rows]


def look(home: Home, round: int, problems: tuple[str, ...]) -> Seen:
    """What the lake says of a round. Where a check refused `round_health`, its rows lie apart."""
    health = "round_health__rejected" if problems else "round_health"
    with Lake(home, read_only=True) as lake:
        prompts = lake.execute(
            f"SELECT text FROM {Lake.relation(NAME, 'mutated_prompts')} "
            "WHERE round = ? AND method <> 'seed' AND drop_reason IS NULL",
            [round],
        )
        metrics = lake.execute(
            f"SELECT metric, value FROM {Lake.relation(NAME, health)} WHERE round = ?", [round]
        )
    kinds = len(count_kinds(text for (text,) in prompts))
    return Seen(round, len(prompts), kinds, dict(metrics), problems)


def _prompts(count: int, dice: Dice) -> list[str]:
    return [write_kind(dice.pick(KINDS), dice) for _ in range(count)]


def _write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
