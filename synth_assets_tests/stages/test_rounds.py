"""Rounds accumulate, and never change one another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from synth_assets.errors import CallError, RecipeError, RejectedCallError
from synth_assets_tests.recipes import SEEDS, TASKS, evolving
from synth_assets_tests.stages.bench import Bench, bench

NEW_SEED = "Which metal is liquid in a warm room?"


@pytest.fixture(scope="module")
def first_round(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the first round was made."""
    folder = tmp_path_factory.mktemp("first_round")
    with bench(folder) as made:
        made.run()
    return folder


@pytest.fixture
def one(first_round: Path, tmp_path: Path) -> Iterator[Bench]:
    """The recipe with its first round made, in a folder of the test's own."""
    copytree(first_round, tmp_path, dirs_exist_ok=True)
    with bench(tmp_path) as made:
        yield made


def test_the_first_run_opens_the_first_round(tmp_path: Path):
    with bench(tmp_path) as one:
        reports = one.run()
        assert one.read("rounds").select("round", "opened_because").rows() == [(1, "first")]
        assert one.read("self_instruct_prompts")["round"].to_list() == [1, 1]
    assert reports["rounds"].notes == {"opened": 1}


def test_a_second_run_asks_nothing_and_commits_nothing(one: Bench):
    hashes, commits, asked = one.hashes(), one.commits(), len(one.teacher.asked)
    reports = one.run()
    assert {name: report.rounds_made for name, report in reports.items()} == {
        "seed_prompts": [],
        "rounds": [],
        "self_instruct_prompts": [],
        "mutated_prompts": [],
    }
    assert (one.hashes(), one.commits(), len(one.teacher.asked)) == (hashes, commits, asked)


def test_a_second_round_differs_and_leaves_the_first_as_it_is(one: Bench):
    first = one.read("mutated_prompts")
    one.run(open_round="by_hand")
    assert one.read("mutated_prompts", "round = 1").equals(first)
    written = one.read("self_instruct_prompts")
    texts = {number: set(rows["text"]) for (number,), rows in written.group_by("round")}
    assert len(texts[1]) == len(texts[2]) == 2
    assert not texts[1] & texts[2]


def test_the_pool_of_a_round_is_its_seeds_and_what_earlier_rounds_accepted(one: Bench):
    accepted = one.ids("mutated_prompts", "method = 'self_instruct' AND drop_reason IS NULL")
    one.run(open_round="by_hand")
    assert one.ids("round_pool", "round = 1") == one.ids("seed_prompts")
    assert one.ids("round_pool", "round = 2") == accepted
    shown = one.teacher.asked[-1].messages[0]["content"]
    assert "Compose a short poem" in shown


def test_opening_is_idempotent_while_the_newest_round_is_unfinished(one: Bench):
    one.teacher.before = lambda _: RejectedCallError("no such model", kind="not_found")
    with pytest.raises(CallError):
        one.run(open_round="schedule")
    with pytest.raises(CallError):
        one.run(open_round="schedule")
    assert one.read("rounds")["round"].to_list() == [1, 2]
    one.teacher.before = None
    reports = one.run(open_round="schedule")
    assert one.read("rounds")["round"].to_list() == [1, 2]
    assert reports["rounds"].notes == {
        "finishing": "round 2: self_instruct_prompts, mutated_prompts"
    }
    one.run(open_round="schedule")
    assert one.read("rounds")["opened_because"].to_list() == ["first", "schedule", "schedule"]


def test_a_failure_in_round_two_leaves_round_one_and_the_next_run_goes_on(one: Bench):
    first = one.read("self_instruct_prompts")
    one.teacher.before = lambda request: (
        RejectedCallError("gone", kind="not_found") if request.sample_index == 1 else None
    )
    with pytest.raises(CallError):
        one.run(open_round="by_hand")
    assert one.read("self_instruct_prompts").equals(first)
    one.teacher.before = None
    asked = len(one.teacher.asked)
    one.run()
    assert one.read("self_instruct_prompts")["round"].to_list().count(2) == 2
    assert len(one.teacher.asked) == asked + 1, "the reply that came before the failure is kept"


def test_a_new_seed_waits_for_a_new_round(one: Bench):
    one.seeds(*SEEDS, NEW_SEED)
    asked = len(one.teacher.asked)
    reports = one.run()
    assert reports["rounds"].notes == {
        "seeds_that_wait": "1 seeds wait for a new round (run with --round new)"
    }
    assert len(one.teacher.asked) == asked
    assert NEW_SEED not in one.read("mutated_prompts")["text"].to_list()
    one.run(open_round="seeds")
    rounds = dict(
        one.read("mutated_prompts", "method = 'seed'").select("text", "round").iter_rows()
    )
    assert rounds == {**{seed["prompt"]: 1 for seed in SEEDS}, NEW_SEED: 2}
    assert {request.round for request in one.teacher.asked[asked:]} == {2}


def test_changed_generation_parameters_hold_from_the_next_round(one: Bench):
    first = one.read("self_instruct_prompts")
    one.change(prompts={"self_instruct": {"teacher": "teacher", "per_round": 3}})
    one.run()
    assert one.causes() == {}
    assert one.read("self_instruct_prompts").equals(first)
    one.run(open_round="by_hand")
    counts = one.read("self_instruct_prompts")["round"].to_list()
    assert (counts.count(1), counts.count(2)) == (2, 3)


def test_a_round_is_generated_anew_on_purpose(one: Bench):
    one.change(prompts={"self_instruct": {"teacher": "teacher", "per_round": 3}})
    asked = len(one.teacher.asked)
    one.run(regenerate=1)
    assert one.read("self_instruct_prompts").height == 3
    assert len(one.teacher.asked) == asked + 1, "the two requests of before are the same"
    assert one.causes() == {}


def test_a_seed_that_moves_in_its_file_makes_no_round_anew(one: Bench):
    one.seeds(NEW_SEED, *SEEDS)
    reports = one.run()
    assert reports["seed_prompts"].commits[0].rows_new == 4
    assert reports["self_instruct_prompts"].rounds_made == []


def test_a_seed_removed_from_its_file_is_in_no_later_pool(one: Bench):
    one.seeds(*SEEDS[1:])
    one.run(open_round="seeds")
    shown = one.teacher.asked[-1].messages[0]["content"]
    assert SEEDS[1]["prompt"] in shown
    assert SEEDS[0]["prompt"] not in shown
    assert one.read("round_pool", "kind = 'left'")["round"].to_list() == [2]


def test_a_filter_changed_later_is_done_with_in_one_run(one: Bench):
    """What a pool holds does not depend on what a later rule keeps of it."""
    one.run(open_round="by_hand")
    written, asked = one.read("self_instruct_prompts"), len(one.teacher.asked)
    one.change(prompts={"filters": {"words": [9, 150]}})
    assert one.causes().keys() == {"mutated_prompts"}
    one.run()
    dropped = one.read("mutated_prompts", "drop_reason = 'too_few_words' AND round = 1")
    assert set(dropped["text"]) & set(TASKS)
    assert one.causes() == {}
    assert len(one.teacher.asked) == asked
    assert one.read("self_instruct_prompts").equals(written)


def test_no_round_is_opened_before_the_newest_one_has_reached_every_table(one: Bench):
    """Not even where the table that lacks it is made as a whole."""
    one.run(open_round="schedule", until="self_instruct_prompts")
    reports = one.run(open_round="schedule")
    assert reports["rounds"].notes == {"finishing": "round 2: mutated_prompts"}
    assert one.run(open_round="schedule")["rounds"].notes == {"opened": 3}


def test_a_round_generated_anew_leaves_later_rounds_as_they_are(tmp_path: Path):
    answers = {"teachers": ["teacher"], "per_prompt": 1}
    evolved = {"evol_instruct": evolving(per_round=4)}
    with bench(tmp_path, prompts=evolved, completions=answers) as one:
        one.run()
        one.run(open_round="by_hand", until="mutated_prompts")
        names = ("self_instruct_prompts", "evolved_prompts")
        second = {name: one.read(name, "round = 2") for name in names}
        old = one.ids("self_instruct_prompts", "round = 1")
        one.change(prompts={"self_instruct": {"sampling": {"temperature": 0.1}}})
        one.teacher.before = lambda request: (
            f"Draw a plan of garden {request.sample_index}."
            if request.messages[0]["content"].startswith("People give")
            else None
        )
        one.run(regenerate=1, until="mutated_prompts")
        for name, rows in second.items():
            assert one.read(name, "round = 2").equals(rows), name
        superseded = one.read("self_instruct_prompts", "drop_reason = 'superseded'")
        assert set(superseded["prompt_id"]) == old
        assert one.causes().keys() == {"completions"}, "one run is enough"


def test_a_round_that_was_never_opened_cannot_be_generated_anew(one: Bench):
    with pytest.raises(RecipeError, match=r"no round 7 to regenerate; opened so far: 1"):
        one.run(regenerate=7)


def test_a_method_added_later_has_no_rows_in_earlier_rounds(one: Bench):
    one.change(prompts={"evol_instruct": evolving()}, completions={"teachers": ["teacher"]})
    reports = one.run(open_round="by_hand")
    assert reports["rounds"].notes["finishing"] == "round 1: completions"
    one.run(open_round="by_hand")
    assert one.read("evolved_prompts")["round"].to_list() == [2]
    assert one.causes() == {}
