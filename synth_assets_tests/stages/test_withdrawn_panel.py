"""A judge that is withdrawn: pairs of its panel are found, marked and out of the set, and what it
scored selects nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from synth_assets.lineage.withdrawal import Withdrawal, plan_withdrawal
from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets.stages.retracting import retract, write_journal
from synth_assets.stages.workshop import RunOptions, Workshop
from synth_assets_tests.llm.offline.bodies import make_tasks
from synth_assets_tests.stages.bench import Bench, bench

PARTS: dict[str, Any] = {
    "models": {
        "teacher": {"model": "offline/hasty"},
        "judge": {"model": "offline/judge"},
        "second": {"model": "offline/harsh_judge"},
        "third": {"model": "offline/careful"},
    },
    "prompts": {"self_instruct": None},
    "completions": {"teachers": ["teacher"], "per_prompt": 2},
    "judgments": {"ultrafeedback": None},
    "pairs": {
        "pairwise": {"judges": ["judge", "second", "third"]},
        "constitutional_preference": {"judge": "judge"},
    },
    "datasets": {"dpo": {"pairs": "pairwise"}},
    "limits": {"failed_replies": 1.0},
}
PANEL = "judge, second, third"


@pytest.fixture
def made(tmp_path) -> Iterator[Bench]:
    with bench(tmp_path, **PARTS) as table:
        table.seeds(*[task.write() for task in make_tasks(12)])
        table.sets = ("scored_completions", "dpo_set")
        table.run()
        yield table


def withdraw(made: Bench, model: str) -> Withdrawal:
    options = RunOptions(makes_calls=False)
    workshop = Workshop(made.recipe, made.lake, recipe_stages(made.recipe), "retract", options)
    found = plan_withdrawal(made.lake, made.recipe, model)
    retract(workshop, found, "biased")
    return found


def reasons(made: Bench, method: str) -> set[str | None]:
    return set(made.read("preference_candidates", f"method = '{method}'")["drop_reason"])


def test_a_judge_inside_a_panel_takes_its_pairs_along_until_the_panel_is_without_it(made: Bench):
    verdicts = set(made.read("pairwise_verdicts")["pair_candidate_id"])
    chosen = made.lake.frame("SELECT * FROM lake.tiny.dpo_set")
    assert chosen.height > 0 and set(made.read("pairwise_verdicts")["judge"]) == {PANEL}
    others = reasons(made, "constitutional_preference")
    found = withdraw(made, "third")
    assert found.rows["pairwise_verdicts"] == found.rows["preference_candidates"] == verdicts
    assert found.rows["dpo_set"] == set(chosen["pair_id"])
    assert "constitutional_choices" not in found.rows
    assert reasons(made, "pairwise") == {"retracted"}
    assert reasons(made, "constitutional_preference") == others != {"retracted"}
    assert made.lake.frame("SELECT * FROM lake.tiny.dpo_set").height == 0
    assert made.causes() == {}
    made.change(pairs={"pairwise": {"judges": ["judge", "second"]}})
    reports = made.run()
    assert reports["pairwise_verdicts"].stats.made == 0
    assert set(made.read("pairwise_verdicts")["judge"]) == {"judge, second"}
    assert None in reasons(made, "pairwise")
    assert made.lake.frame("SELECT * FROM lake.tiny.dpo_set").height > 0


def test_nothing_is_selected_by_what_a_withdrawn_judge_scored(tmp_path):
    parts = {
        "models": PARTS["models"],
        "prompts": {"self_instruct": None},
        "completions": {"teachers": ["teacher"], "per_prompt": 2},
        "judgments": {"ultrafeedback": None, "deita_scores": {"judge": "second"}},
        "filters": {"deita": {"keep": 6}, "rejection_sampling": {"score": "deita_scores"}},
        "limits": {"failed_replies": 1.0},
    }
    with bench(tmp_path, **parts) as made:
        made.seeds(*[task.write() for task in make_tasks(6)])
        made.run()
        assert made.read("deita_selection", "score IS NOT NULL").height == 12
        assert made.read("rejection_sampling_selections", "is_selected").height > 0
        withdrawal = plan_withdrawal(made.lake, made.recipe, "second")
        write_journal(made.workshop(), withdrawal, "biased")
        made.run(makes_calls=False)
        assert set(made.read("deita_selection")["drop_reason"]) == {"score_unknown"}
        chosen = made.read("rejection_sampling_selections")
        assert chosen["score"].null_count() == chosen.height == 12
        assert not chosen["is_selected"].any() and not chosen["is_control"].any()
