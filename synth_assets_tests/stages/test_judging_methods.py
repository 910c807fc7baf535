"""Judges of pairs, critiques and a constitution on a lake, played by the simulated models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets_tests.llm.offline.bodies import make_tasks
from synth_assets_tests.recipes import write_recipe
from synth_assets_tests.stages.bench import Bench, bench

MODELS = {
    "teacher": {"model": "offline/hasty"},
    "careful": {"model": "offline/careful"},
    "judge": {"model": "offline/judge"},
}
PARTS: dict[str, Any] = {
    "models": MODELS,
    "prompts": {"self_instruct": None},
    "completions": {
        "teachers": ["teacher"],
        "per_prompt": 2,
        "are_for_pairs_only": True,
        "constitutional": {"teacher": "careful", "revisions": 2, "constitution": "own.yaml"},
    },
    "judgments": {"ultrafeedback": None, "critique": {"judge": "judge"}},
    "pairs": {
        "pairwise": {"judges": ["judge"]},
        "constitutional_pairs": {},
        "constitutional_preference": {"judge": "judge", "label": "logprobs"},
    },
    "datasets": {"dpo": {"pairs": "constitutional_pairs"}},
    "limits": {"failed_replies": 1.0},
}
OWN = """principles:
  - {name: truth, critique: "Is it true?", revision: Mend it., choice: The true one.}
  - {name: whole, critique: "Is it whole?", revision: Finish it., choice: The whole one.}
"""
COUNT = 10


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("judges")
    (folder / "own.yaml").write_text(OWN)
    with bench(folder, **PARTS) as table:
        table.seeds(*[task.write() for task in make_tasks(COUNT)])
        table.sets = ("scored_completions", "sft_candidates", "sft_set", "dpo_set", "judge_biases")
        table.run()
        yield table


def of_set(made: Bench, table: str) -> pl.DataFrame:
    return made.lake.frame(f"SELECT * FROM lake.tiny.{table}")


def test_first_completions_are_asked_for_once_and_stand_beside_the_revisions(made: Bench):
    chains = made.read("constitutional_revisions")
    firsts = set(made.read("completions", "method = 'teacher'")["call_id"])
    assert {calls[0] for calls in chains["earlier_call_ids"]} <= firsts
    revised = made.read("completions", "method = 'constitutional'")
    assert sorted(revised["completion_id"]) == sorted(chains["completion_id"])


def test_only_last_revisions_are_examples(made: Bench):
    last = set(made.read("constitutional_revisions", "is_last")["completion_id"])
    examples = set(of_set(made, "sft_set")["completion_id"])
    assert examples and examples <= last


def test_pairs_of_revisions_are_the_preference_set_of_that_name(made: Bench):
    pairs, sets = made.read("revision_pairs", "drop_reason is null"), of_set(made, "dpo_set")
    assert sets.height == pairs.height > 0
    assert set(sets["pairing"]) == {"constitutional_pairs"}
    assert set(sets["chosen_completion_id"]) == set(pairs["chosen_completion_id"])


def test_every_method_that_makes_pairs_has_its_candidates_in_one_table(made: Bench):
    candidates = made.read("preference_candidates")
    for table, method in (
        ("pairwise_verdicts", "pairwise"),
        ("revision_pairs", "constitutional_pairs"),
        ("constitutional_choices", "constitutional_preference"),
    ):
        assert made.read(table).height == candidates.filter(method=method).height > 0


def test_the_biases_of_a_judge_are_a_table_where_judges_compare_and_nowhere_else(made: Bench):
    told = {row["measure"]: row for row in of_set(made, "judge_biases").to_dicts() if row["round"]}
    assert set(told) == {"consistent", "first_place", "longer_wins", "kin_wins", "unread"}
    assert {row["judge"] for row in told.values()} == {"judge"}
    assert told["unread"]["cases"] == made.read("pairwise_verdicts").height
    assert 0 < told["consistent"]["cases"] <= told["unread"]["cases"]
    alone = write_recipe(made.folder / "alone")
    assert "judge_biases" in recipe_stages(made.recipe)
    assert "judge_biases" not in recipe_stages(alone)


def test_soft_labels_come_from_probabilities_stored_with_the_calls(made: Bench):
    read = made.read("constitutional_choices", "status = 'ok'")
    assert read.height > 0
    assert all(0.5 < label <= 1 for label in read["soft_label"])
    assert any(label not in (0.5, 1.0) for label in read["soft_label"])


def test_critiques_are_judgments_of_a_kind_of_their_own_and_no_part_of_the_mean(made: Bench):
    said = made.read("judgments", "kind = 'critique'")
    assert said.height == made.read("critiques").height > 0
    assert said["rating"].drop_nulls().max() > 5  # type: ignore[operator]
    assert of_set(made, "scored_completions")["mean_rating"].null_count() == 2 * COUNT + len(
        made.read("constitutional_revisions")
    )


def test_all_of_it_is_current_and_a_changed_principle_makes_stale_what_rests_on_it(made: Bench):
    assert made.causes() == {}
    (made.folder / "own.yaml").write_text(OWN.replace("Finish it.", "End it."))
    try:
        assert "constitutional_revisions" in made.causes()
    finally:
        (made.folder / "own.yaml").write_text(OWN)


def test_another_way_of_asking_first_makes_the_chains_stale(made: Bench):
    before = made.parts
    made.change(completions={"sampling": {"temperature": 0.5}})
    try:
        assert "constitutional_revisions" in made.causes()
    finally:
        made.parts = before
        made.change()


def test_what_is_known_is_not_asked_again(made: Bench):
    for table in ("pairwise_verdicts", "constitutional_choices", "critiques"):
        made.write(f"DELETE FROM lake.tiny.{table}")
        made.write(f"DELETE FROM lake.tiny.commits WHERE table_name = '{table}'")
    reports = made.run()
    for table in ("pairwise_verdicts", "constitutional_choices", "critiques"):
        assert reports[table].stats.made == 0 < reports[table].stats.cached
