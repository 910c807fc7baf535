"""A change marks what rests on it, with the cause, and nothing else; only that is made anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from synth_assets.llm.request import Request
from synth_assets_tests.graph.conftest import WHOLE, Finished
from synth_assets_tests.recipes import SEEDS
from synth_assets_tests.stages.bench import Bench, bench

AFTER_RATINGS = {"judgments", "scored_completions", "sft_set", "dpo_set", "dropped_rows",
                 "round_health", "cost_by_stage", "cost_of_accepted"}  # fmt: skip
OWN_TEMPLATE = """A strict reader rates {{ count }} texts from 1 to 5.
{{ prompt }}
{{ completions }}
Rate all {{ count }} as {"ratings": [{"rating": 1, "rationale": "…"}]}.
"""


@pytest.fixture
def done(finished: Finished, tmp_path: Path) -> Iterator[Bench]:
    copytree(finished.folder, tmp_path, dirs_exist_ok=True)
    with bench(tmp_path, **{"completions": {}, "judgments": {}, **WHOLE}) as made:
        yield made


def kind(request: Request) -> str:
    """The first words of what was asked."""
    return " ".join(request.messages[-1]["content"].split()[:3])


def test_a_judge_template_of_ones_own_marks_the_ratings_and_what_follows(done: Bench):
    (done.folder / "strict.txt").write_text(OWN_TEMPLATE)
    rated = {"ultrafeedback": {"templates": {"helpfulness": "strict.txt"}}}
    assert done.causes() == {}
    done.change(judgments={"verification": {}, **rated})
    causes = done.causes()
    assert causes.keys() == {"ratings"} | AFTER_RATINGS
    assert causes["ratings"] == ("its templates changed",)
    assert causes["judgments"] == ("ratings is out of date",)
    done.run()
    assert {kind(request) for request in done.teacher.asked} == {"A strict reader"}
    assert len(done.teacher.asked) == 6
    assert "ratings" not in done.causes()
    (done.folder / "strict.txt").write_text(OWN_TEMPLATE.replace("strict", "mild"))
    assert done.causes().keys() == {"ratings"} | AFTER_RATINGS


def test_a_changed_reference_is_verified_anew_without_a_call(done: Bench):
    done.seeds({**SEEDS[0], "reference": "45"}, *SEEDS[1:])
    assert done.causes()["seed_prompts"] == ("a file changed",)
    done.run()
    assert done.teacher.asked == []
    verdicts = done.read("verifications", "status <> 'no_reference'")
    shown = {(row["extracted"], row["status"]) for row in verdicts.iter_rows(named=True)}
    assert shown == {("46", "refuted"), ("45", "verified")}
    assert done.causes().keys() <= AFTER_RATINGS


def test_a_seed_removed_from_its_file_stays_marked_and_leaves_the_sets(done: Bench):
    done.seeds(*SEEDS[1:])
    done.sets = ("scored_completions", "sft_set")
    done.run()
    assert done.teacher.asked == []
    gone = done.read("seed_prompts", "drop_reason IS NOT NULL")
    assert gone.select("text", "drop_reason").rows() == [
        (SEEDS[0]["prompt"], "no_longer_in_its_file")
    ]
    gone_id = gone["prompt_id"].item()
    for table in ("completions", "ratings"):
        assert gone_id not in done.ids(table)
    sets = done.lake.frame("SELECT prompt_id FROM lake.tiny.sft_set")
    assert gone_id not in sets["prompt_id"].to_list()
    assert sets.height == 5
    assert done.causes().keys() <= AFTER_RATINGS


def test_an_evaluation_file_marks_no_seed(done: Bench):
    (done.folder / "held_out.jsonl").write_text('{"prompt": "Another question."}\n')
    causes = done.causes()
    assert causes["evaluation_prompts"] == ("a file changed",)
    assert not {"seed_prompts", "self_instruct_prompts"} & causes.keys()


def test_a_file_that_cannot_be_read_is_a_cause(done: Bench):
    (done.folder / "seeds.jsonl").unlink()
    assert "there is no file" in done.causes()["seed_prompts"][0]


def test_addresses_keys_and_limits_mark_nothing(done: Bench):
    done.change(
        models={"teacher": {"max_concurrency": 3, "timeout_s": 7, "input_usd_per_million": 1}},
        limits={"budget": {"calls_per_run": 10_000}},
        description="Other words.",
    )
    assert done.causes() == {}
