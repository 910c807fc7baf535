"""A prompt that is withdrawn: its rows stay in every table, marked; no set, mean or request has
them, and no model is asked about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import Any

import polars as pl
import pytest

from synth_assets.history.rebuilding import rebuild
from synth_assets.history.tagging import tag_version
from synth_assets.lineage.trace import trace_row
from synth_assets.lineage.withdrawal import Withdrawal, plan_withdrawal
from synth_assets.stages.bystander import looking_at
from synth_assets.stages.datasets import SqlStage
from synth_assets.stages.finishing import counted_rows
from synth_assets.stages.rehearsal import rehearse
from synth_assets.stages.retracting import Retracted, retract
from synth_assets.stages.status import table_statuses
from synth_assets.stages.withdrawn import mark_column
from synth_assets.stages.workshop import RunOptions, Workshop
from synth_assets.store.home import Home
from synth_assets_tests.llm.offline.bodies import make_tasks
from synth_assets_tests.recipes import evolving
from synth_assets_tests.stages.bench import Bench, bench

REASON = "its author asked"
PARTS: dict[str, Any] = {
    "models": {"teacher": {"model": "offline/hasty"}, "judge": {"model": "offline/judge"}},
    "prompts": {"self_instruct": None, "evol_instruct": evolving(per_round=3)},
    "completions": {
        "teachers": ["teacher"],
        "per_prompt": 2,
        "top_logprobs": 2,
        "constitutional": {"teacher": "teacher", "revisions": 1},
    },
    "judgments": {
        "verification": {},
        "ultrafeedback": {"judge": "judge", "criteria": ["helpfulness"]},
    },
    "pairs": {"pairwise": {"judges": ["judge"]}, "constitutional_pairs": {}},
    "filters": {"hygiene": {}, "rejection_sampling": {"score": "mean_rating"}},
    "datasets": {"dpo": {"pairs": "pairwise"}},
    "limits": {"failed_replies": 1.0},
}
STAYING = {
    "constitutional_revisions", "completions", "teacher_logprobs", "verifications", "ratings",
    "judgments", "pairwise_verdicts", "revision_pairs", "preference_candidates", "hygiene",
    "rejection_sampling_selections", "completion_filters",
}  # fmt: skip
SETS = ("sft_set", "control_set", "dpo_set")
BESIDE = ("scored_completions", "dropped_rows", "cost_by_stage")


@contextmanager
def bench_in(folder: Path) -> Iterator[Bench]:
    with bench(folder, **PARTS) as one:
        one.sets = (*SETS, *BESIDE)
        yield one


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of five seeds and their rewrites, answered, revised, rated, paired, filtered."""
    folder = tmp_path_factory.mktemp("first_run")
    with bench_in(folder) as one:
        one.seeds(*(task.write() for task in make_tasks(5)))
        one.run()
    return folder


@dataclass
class Known:
    """What was there before and how it went. rows: table → its rows; descent: what the seed had
    become."""

    seed: str
    rows: dict[str, pl.DataFrame]
    descent: list[dict[str, Any]]
    calls: int
    done: Retracted


def known_after_withdrawal(made: Bench) -> Known:
    """Withdraws a seed that was rewritten, and of which something is in a set."""
    ((seed,),) = made.lake.execute(
        "SELECT min(s.prompt_id) FROM lake.tiny.seed_prompts s SEMI JOIN lake.tiny.sft_set USING "
        "(prompt_id) WHERE s.prompt_id IN "
        "(SELECT unnest(derived_from) FROM lake.tiny.evolved_prompts)"
    )
    rows = {name: table(made, name) for name in (*STAYING, *SETS, "cost_by_stage")}
    descent, calls = trace_row(made.lake, made.recipe, seed)["descent"], calls_stored(made)
    return Known(seed, rows, descent, calls, withdraw(made, seed)[0])


@pytest.fixture(scope="module")
def withdrawn_once(
    first_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Bench, Known]]:
    folder = tmp_path_factory.mktemp("withdrawn")
    copytree(first_run, folder, dirs_exist_ok=True)
    with bench_in(folder) as made:
        yield made, known_after_withdrawal(made)


@pytest.fixture
def withdrawn(withdrawn_once: tuple[Bench, Known]) -> Bench:
    """The seed was withdrawn; to look at."""
    return withdrawn_once[0]


@pytest.fixture
def known(withdrawn_once: tuple[Bench, Known]) -> Known:
    return withdrawn_once[1]


@pytest.fixture
def changing(withdrawn: Bench, tmp_path: Path) -> Iterator[Bench]:
    """A copy of it, to go on with."""
    copytree(withdrawn.folder, tmp_path, dirs_exist_ok=True)
    with bench_in(tmp_path) as made:
        yield made


@pytest.fixture
def made(first_run: Path, tmp_path: Path) -> Iterator[Bench]:
    """A copy of the first run, from which nothing was withdrawn."""
    copytree(first_run, tmp_path, dirs_exist_ok=True)
    with bench_in(tmp_path) as one:
        yield one


def withdraw(made: Bench, source: str) -> tuple[Retracted, Withdrawal]:
    stages = {
        name: stage
        for name, stage in made.workshop().stages.items()
        if name in made.sets or not isinstance(stage, SqlStage)
    }
    options = RunOptions(makes_calls=False)
    workshop = Workshop(made.recipe, made.lake, stages, "retract", options)
    withdrawal = plan_withdrawal(made.lake, made.recipe, source)
    return retract(workshop, withdrawal, REASON), withdrawal


def table(made: Bench, name: str, where: str = "true") -> pl.DataFrame:
    key = made.workshop().stages[name].key
    rows = made.lake.frame(f"SELECT * FROM lake.tiny.{name} WHERE {where} ORDER BY {key}")
    return rows.drop("row_hash")


def family(made: Bench) -> str:
    """The withdrawn prompts, as a SQL condition."""
    ids = made.ids("mutated_prompts", "drop_reason = 'retracted'")
    return f"prompt_id IN ({', '.join(map(repr, sorted(ids)))})"


def marked_rows(made: Bench) -> dict[str, pl.DataFrame]:
    """Table → its rows about the withdrawn prompts."""
    return {name: table(made, name, family(made)) for name in sorted(STAYING)}


def calls_stored(made: Bench) -> int:
    return made.lake.execute("SELECT count(*) FROM lake.llm.calls")[0][0]


def test_every_row_about_it_stays_marked_and_others_are_as_they_were(
    withdrawn: Bench, known: Known
):
    assert known.done.waiting == () and calls_stored(withdrawn) == known.calls
    gone = withdrawn.ids("mutated_prompts", "drop_reason = 'retracted'")
    assert gone > {known.seed}
    mine = pl.col("prompt_id").is_in(sorted(gone))
    for name in STAYING:
        before, after = known.rows[name], table(withdrawn, name)
        mark = mark_column(after.columns)
        assert after.filter(mine).height > 0, name
        assert after.filter(mine).drop(mark).equals(before.filter(mine).drop(mark)), name
        assert set(after.filter(mine)[mark]) == {"retracted"}, name
        assert after.filter(~mine).equals(before.filter(~mine)), name


def test_no_set_no_count_and_no_mean_has_it(withdrawn: Bench, known: Known):
    gone = family(withdrawn)
    for name in SETS:
        assert table(withdrawn, name, gone).height == 0 < table(withdrawn, name).height
        assert table(withdrawn, name).equals(known.rows[name].filter(pl.sql_expr(f"NOT ({gone})")))
    scored = table(withdrawn, "scored_completions", gone)
    assert set(scored["is_retracted"]) == {True}
    assert scored["mean_rating"].null_count() == scored.height > 0
    dropped = table(withdrawn, "dropped_rows", f"{gone} AND stage = 'completions'")["reason"]
    assert set(dropped) == {"retracted"} and dropped.len() == scored.height
    workshop = withdrawn.workshop()
    counted = counted_rows(workshop, workshop.stages["ratings"])
    shown = counted.filter(pl.col("rating").is_not_null())["copies"].sum()
    assert shown == withdrawn.read("ratings", f"NOT {gone} AND rating IS NOT NULL").height


def test_what_was_paid_for_it_stays_charged(withdrawn: Bench, known: Known):
    paid = table(withdrawn, "cost_by_stage")
    kept = "rows_kept"
    assert paid.drop(kept).equals(known.rows["cost_by_stage"].drop(kept))
    rated = paid.filter(stage="ultrafeedback")[kept].sum()
    assert rated == withdrawn.read("ratings", "status = 'ok'").height


def test_its_lineage_leads_to_its_rows_and_tells_that_they_were_withdrawn_and_why(
    withdrawn: Bench, known: Known
):
    told = trace_row(withdrawn.lake, withdrawn.recipe, known.seed)
    sets = ("example", "control example", "pair")
    staying = {row["id"] for row in known.descent if row["kind"] not in sets}
    assert {row["id"] for row in told["descent"]} == staying
    said = {(row["state"], row["reason"], row["because"]) for row in told["descent"]}
    assert said == {("dropped", "retracted", REASON)}
    for kind in ("completion", "judgment"):
        id = next(row["id"] for row in told["descent"] if row["kind"] == kind)
        above = trace_row(withdrawn.lake, withdrawn.recipe, id)
        assert [each["reason"] for each in above["retractions"]] == [REASON]
        completion = next(each for each in above["ancestry"] if each["kind"] == "completion")
        assert completion["judgments"] and all(j["is_retracted"] for j in completion["judgments"])
        assert ("retracted", "dropped") in {
            (rule["rule"], rule["result"]) for rule in completion["filters"]
        }


def test_its_lineage_tells_what_left_the_sets_and_the_version_that_last_had_it(
    withdrawn: Bench, known: Known
):
    (retraction,) = trace_row(withdrawn.lake, withdrawn.recipe, known.seed)["retractions"]
    assert set(retraction["left"]) >= {"sft_set"}
    for name, count in retraction["left"].items():
        then = f"lake.tiny.{name} AT (VERSION => {retraction['last_version']})"
        held = withdrawn.lake.execute(f"SELECT count(*) FROM {then} WHERE {family(withdrawn)}")
        assert held == [(count,)]


def test_what_it_reaches_is_found_once_more_in_every_table(withdrawn: Bench, known: Known):
    found = plan_withdrawal(withdrawn.lake, withdrawn.recipe, known.seed).affected
    counts = {name: rows.height for name, rows in marked_rows(withdrawn).items()}
    assert {name: found.get(name) for name in counts} == counts
    assert not set(SETS) & set(found)


def test_a_second_run_asks_nothing_and_changes_nothing(changing: Bench):
    assert changing.causes() == {}
    hashes = changing.hashes()
    reports = changing.run()
    assert changing.hashes() == hashes
    assert [name for name, each in reports.items() if each.rounds_made] == ["rounds"]
    assert all(report.stats.made == report.stats.cached == 0 for report in reports.values())


@pytest.mark.full
def test_other_parameters_ask_nothing_about_it_and_leave_its_rows_as_they_stood(changing: Bench):
    marked = marked_rows(changing)
    changing.change(
        completions={"system_text": "Answer in one line."},
        judgments={"ultrafeedback": {"criteria": ["honesty"]}},
    )
    kept = changing.ids("mutated_prompts", "drop_reason IS NULL")
    with looking_at(changing.recipe, changing.lake.home) as workshop:
        planned = rehearse(workshop, table_statuses(workshop))
    # The revisions ask for each prompt's first answer before.
    assert planned["completions"]["teacher"].most == len(kept)
    assert planned["constitutional_revisions"]["teacher"].certain == len(kept)
    reports = changing.run()
    assert reports["completions"].stats.made == len(kept)
    assert set(changing.read("ratings", "status <> 'retracted'")["criterion"]) == {"honesty"}
    after = marked_rows(changing)
    assert {name for name, rows in after.items() if not rows.equals(marked[name])} == set()


@pytest.mark.full
def test_a_later_round_draws_on_others(changing: Bench, known: Known):
    marked = marked_rows(changing)
    changing.run(open_round="by_hand")
    assert known.seed not in changing.ids("round_pool", "round = 2 AND kind <> 'left'")
    parents = changing.read("evolved_prompts", "round = 2")["derived_from"].explode()
    gone = changing.ids("mutated_prompts", "drop_reason = 'retracted'")
    assert parents.len() > 0 and not gone & set(parents)
    after = marked_rows(changing)
    assert {name for name, rows in after.items() if not rows.equals(marked[name])} == set()


@pytest.mark.full
def test_a_table_that_waits_for_another_reason_is_marked_at_once_and_goes_on_waiting(made: Bench):
    made.change(completions={"system_text": "Answer in one line."})
    known = known_after_withdrawal(made)
    assert {"completions", "ratings"} <= set(known.done.waiting)
    assert calls_stored(made) == known.calls
    for name, rows in marked_rows(made).items():
        assert rows.height and set(rows[mark_column(rows.columns)]) == {"retracted"}, name
    assert "retracted" not in set(made.read("completions", f"NOT {family(made)}")["status"])
    assert "completions" in made.causes()


@pytest.mark.full
def test_what_a_withdrawn_judge_said_is_told_though_its_row_has_no_mark(made: Bench):
    withdraw(made, "judge")
    (rating, *_) = made.read("ratings").to_dicts()
    told = trace_row(made.lake, made.recipe, rating["prompt_id"])["descent"]
    judged = {(row["reason"], row["because"]) for row in told if row["kind"] == "judgment"}
    assert judged == {("retracted", REASON)}
    assert "retracted" not in {row["reason"] for row in told if row["kind"] == "completion"}
    (node, *_) = trace_row(made.lake, made.recipe, rating["completion_id"])["ancestry"]
    because = {each["judge"]: each["because"] for each in node["judgments"]}
    assert because == {"judge": REASON, "math_verify": None}


@pytest.mark.full
def test_a_tag_of_a_lake_with_it_is_rebuilt_to_the_same_content(
    changing: Bench, monkeypatch: pytest.MonkeyPatch
):
    changing.sets = tuple(changing.workshop().stages)
    changing.run()
    (changing.folder / "recipes").mkdir()
    (changing.folder / "recipes" / "tiny.yaml").write_bytes(changing.recipe.path.read_bytes())
    monkeypatch.setenv("SYNTH_PROJECT", str(changing.folder))
    tag_version(changing.workshop(), "v1")
    found = rebuild(Home.at(changing.folder / "home"), "v1")
    assert [each.table for each in found if not each.is_equal] == []
    assert {each.table for each in found} >= {*STAYING, *SETS}
