"""The quickstart's seed prompts: understood by the teacher, spread over it, references right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from synth_assets.llm.offline.families import FAMILIES
from synth_assets.llm.offline.memorised import MEMORISED
from synth_assets.llm.offline.task import parse_task, truth

QUICKSTART = Path(__file__).parents[3] / "recipes" / "quickstart"


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def seeds() -> list[dict[str, Any]]:
    return [row for path in sorted((QUICKSTART / "seeds").glob("*.jsonl")) for row in read(path)]


def seed_prompts() -> list[str]:
    return [row["prompt"] for row in seeds()]


def held_out() -> list[str]:
    return [row["prompt"] for row in read(QUICKSTART / "evaluation" / "held_out.jsonl")]


def test_there_are_at_least_66_seeds_and_none_twice() -> None:
    assert len(seeds()) >= 66
    assert len({" ".join(text.lower().split()) for text in seed_prompts()}) == len(seeds())


def test_all_but_a_few_general_seeds_are_understood_and_filed_under_their_group() -> None:
    for row in seeds():
        task = parse_task(row["prompt"])
        assert row["category"] == ("general" if task is None else task.family.group)
    assert 3 <= sum(row["category"] == "general" for row in seeds()) <= 4


def test_every_family_has_a_seed() -> None:
    tasks = [parse_task(text) for text in seed_prompts()]
    assert {task.problem.family for task in tasks if task} == set(FAMILIES)


def test_about_two_thirds_of_the_seeds_have_a_reference_and_it_is_the_truth() -> None:
    with_reference = [row for row in seeds() if "reference" in row]
    assert 0.6 <= len(with_reference) / len(seeds()) <= 0.72
    for row in with_reference:
        assert row["reference"] == truth(row["prompt"])


def test_two_held_out_prompts_stand_among_the_seeds() -> None:
    own = [text for text in held_out() if text not in MEMORISED]
    assert len(own) == 12
    assert len(set(own) & set(seed_prompts())) == 2


def test_the_memorised_texts_are_those_of_the_evaluation_set() -> None:
    assert [text for text in held_out() if text in MEMORISED] == list(MEMORISED)
    assert not set(MEMORISED) & set(seed_prompts())
