from __future__ import annotations

from pathlib import Path
from typing import Any

from synth_assets.stages.trial import trial_recipe
from synth_assets_tests.recipes import evolving, tiny_parts, write_recipe
from synth_assets_tests.stages.bench import Bench, bench

ANSWERED: dict[str, Any] = {name: tiny_parts()[name] for name in ("completions", "judgments")}


def test_a_trial_has_a_name_of_its_own_and_no_more_than_was_asked_for(tmp_path: Path) -> None:
    recipe = write_recipe(
        tmp_path, prompts={"self_instruct": {"per_round": 9}, "evol_instruct": evolving()}
    )
    trial = trial_recipe(recipe, 2)
    assert (trial.name, trial.seeds.limit, trial.path) == ("tiny_trial", 2, recipe.path)
    assert trial.parameters_of("self_instruct").per_round == 2
    assert trial.parameters_of("evol_instruct").per_round == 1
    assert recipe.name == "tiny" and recipe.seeds.limit is None


def test_a_recipes_own_smaller_limits_stand(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, seeds={"limit": 1})
    trial = trial_recipe(recipe, 5)
    assert trial.seeds.limit == 1
    assert trial.parameters_of("self_instruct").per_round == 2


def test_a_trial_leaves_the_real_tables_alone_and_pays_part_of_them(tmp_path: Path) -> None:
    with bench(tmp_path, prompts={"self_instruct": None}, **ANSWERED) as ready:
        real = ready.recipe
        ready.recipe = trial_recipe(real, 2)
        ready.run()
        assert ready.read("completions").height == 4
        assert ready.lake.table_names("tiny") == []
        ready.recipe = real
        assert paid(ready) == 3  # of three seeds one is new: two answers, one rating
        assert ready.read("completions").height == 6


def paid(ready: Bench) -> int:
    return sum(report.stats.made for report in ready.run().values())
