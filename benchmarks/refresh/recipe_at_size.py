"""A number of completions in, a recipe of that size with its seeds out, and the models that answer.

Four completions a prompt, every prompt a seed: so that a changed line of the file is a changed
prompt. The models reply at once, by rule, so that what is timed is the refresh and no endpoint.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from synth_assets.llm.request import Request
from synth_assets.llm.transports.scripted import register
from synth_assets.recipe import Recipe, load_recipe

NAME = "refresh"
PER_PROMPT = 4
CRITERION = "instruction_following"
FILLER = "and so the sum is reached step by step "
ANSWER_WORDS, PROMPT_WORDS = 20, 4


def write_recipe(folder: Path, completions: int) -> Path:
    """The recipe's file, beside a file of ``completions / 4`` seeds."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = range(completions // PER_PROMPT)
    write_seeds(folder, [seed(number) for number in seeds])
    path = folder / "refresh.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "name": NAME,
                "seeds": {"prompts": [{"path": "seeds.jsonl", "licence": "apache-2.0"}]},
                "models": {
                    name: {"model": f"scripted/{name}", "max_concurrency": 64}
                    for name in ("teacher", "judge")
                },
                "completions": {"teachers": ["teacher"], "per_prompt": PER_PROMPT},
                "judgments": {
                    "verification": {},
                    "ultrafeedback": {"judge": "judge", "criteria": [CRITERION]},
                },
                "datasets": {"test_share": 0.0},
            },
            sort_keys=False,
        )
    )
    return path


def seed(number: int, *, asked_anew: bool = False, reference: int | None = None) -> dict[str, str]:
    """A seed: the task of adding a number to itself.

    asked_anew: in other words, which makes it another prompt. reference: another answer, which
        leaves the prompt as it is.
    """
    words = "Please add" if asked_anew else "Add"
    return {
        "prompt": f"{words} {number} and {number}, {FILLER * PROMPT_WORDS}".strip(),
        "reference": str(2 * number if reference is None else reference),
    }


def write_seeds(folder: Path, seeds: list[dict[str, str]]) -> None:
    (folder / "seeds.jsonl").write_text("".join(json.dumps(each) + "\n" for each in seeds))


def change_seeds(folder: Path, count: int, *, in_words: bool) -> None:
    """Changes ``count`` seeds, spread over the file: in their words, or in their references."""
    lines = (folder / "seeds.jsonl").read_text().splitlines()
    step = len(lines) // count
    for number in range(0, step * count, step):
        changed = seed(number, asked_anew=in_words, reference=None if in_words else 7)
        lines[number] = json.dumps(changed)
    (folder / "seeds.jsonl").write_text("".join(f"{line}\n" for line in lines))


def load(folder: Path) -> Recipe:
    """The recipe, with its two models registered."""
    register("teacher", _answer)
    register("judge", _rate)
    return load_recipe(folder / "refresh.yaml")


def _answer(request: Request) -> str:
    number = next(word for word in request.messages[-1]["content"].split() if word.isdigit())
    filler = FILLER * ANSWER_WORDS
    return f"{filler}\\boxed{{{2 * int(number)}}} {request.sample_index}"


def _rate(request: Request) -> str:
    ratings = [{"rating": 5 - place, "rationale": "It adds."} for place in range(PER_PROMPT)]
    return json.dumps({"ratings": ratings})
