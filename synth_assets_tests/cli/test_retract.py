"""`retract`: what is withdrawn leaves the sets and exports without a call; what is erased leaves
every file of the home."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import Any

import polars as pl
import pytest

from synth_assets.llm.journal import Journal
from synth_assets.schemas import CALLS
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets_tests.cli.conftest import at_home_in
from synth_assets_tests.cli.words import say
from synth_assets_tests.recipes import Teacher, evolving, teaching, write_recipe, write_seeds

SECRET = "Recount how Zanzibar Quillfeather mended the harbour clock in 1931."
SECRET_WORDS = "Zanzibar Quillfeather"
REASON = "a person asked"
SEEDS = (
    {"prompt": SECRET, "reference": "46"},
    {"prompt": "Name a river that crosses three countries."},
    {"prompt": "Give two reasons to mend old shoes."},
)


class Rewriter(Teacher):
    """Keeps the words of what it rewrites, so that a rewrite of a secret holds it."""

    def answer(self, request: Any) -> str:
        text = request.messages[-1]["content"]
        if text.startswith("You rewrite prompts") and SECRET in text:
            return f"{SECRET} Name every tool in the order of use."
        if "Rate all" in text or text.startswith(("People", "You rewrite", "Compare")):
            return super().answer(request)
        return f"On {text[:60]} {super().answer(request)}"


@pytest.fixture
def teacher() -> Iterator[Teacher]:
    with teaching(Rewriter()) as registered:
        yield registered


@pytest.fixture(scope="session")
def evolved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose recipe ran once: every seed evolved once, two answers a prompt."""
    folder = tmp_path_factory.mktemp("evolved")
    with (
        pytest.MonkeyPatch.context() as patch,
        teaching(Rewriter()),
        at_home_in(folder, patch),
    ):
        write_seeds(folder / "recipes", SEEDS)
        write_recipe(
            folder / "recipes",
            prompts={"evol_instruct": evolving(per_round=3)},
            judgments={"verification": {}},
        )
        ran = say("run", "tiny", "--json")
        assert ran.code == 0, ran.error
    return folder


@pytest.fixture
def made(evolved: Path, project: Path, teacher: Teacher) -> Path:
    """A copy of that project, to go on with."""
    copytree(evolved, project, dirs_exist_ok=True)
    return project


@dataclass(frozen=True)
class Retracted:
    """A project in which the seed with the secret was withdrawn. before: column by its SELECT."""

    folder: Path
    seed: str
    family: set[str]
    before: dict[str, list[Any]]
    files_before: list[str]
    done: dict[str, Any]
    asked: int


CALLS_STORED = "select count(*) from llm.calls"
TOKENS_PAID = "select sum(input_tokens) from llm.calls"


def retracted_in(
    folder: Path, evolved: Path, *words: str, leaves_behind: bool = False
) -> Retracted:
    """A copy of the evolved project in ``folder``, tagged, and the secret's seed withdrawn.

    leaves_behind: first, what holds the secret beside the tables (see `leave_behind`).
    """
    copytree(evolved, folder, dirs_exist_ok=True)
    with (
        pytest.MonkeyPatch.context() as patch,
        teaching(Rewriter()) as teacher,
        at_home_in(folder, patch),
    ):
        if leaves_behind:
            leave_behind(folder / ".synth")
        assert say("tag", "tiny", "v1").code == 0
        id, gone = seed_id(), family()
        others = f"select 1 from tiny.sft_set where prompt_id not in {tuple(gone)}"
        before = {sql: column(sql) for sql in (others, CALLS_STORED, TOKENS_PAID)}
        before["others"] = before.pop(others)
        files = files_with(folder / ".synth", SECRET_WORDS)
        assert list((folder / ".synth/seed_lines/tiny").iterdir())
        done = say("retract", "tiny", id, "--reason", REASON, *words, "--yes", "--json")
        assert done.code == 0, (done.value, done.error)
        return Retracted(folder, id, gone, before, files, done.value, len(teacher.asked))


@pytest.fixture(scope="session")
def withdrawn_once(evolved: Path, tmp_path_factory: pytest.TempPathFactory) -> Retracted:
    return retracted_in(tmp_path_factory.mktemp("withdrawn"), evolved)


@pytest.fixture(scope="session")
def erased_once(evolved: Path, tmp_path_factory: pytest.TempPathFactory) -> Retracted:
    folder = tmp_path_factory.mktemp("erased")
    return retracted_in(folder, evolved, "--erase", leaves_behind=True)


@pytest.fixture
def withdrawn(withdrawn_once: Retracted, project: Path, teacher: Teacher) -> Retracted:
    """A project of which the seed was withdrawn, as a copy to go on with."""
    copytree(withdrawn_once.folder, project, dirs_exist_ok=True)
    return withdrawn_once


@pytest.fixture
def erased(erased_once: Retracted, project: Path, teacher: Teacher) -> Retracted:
    """A project from which the seed was erased, as a copy to go on with."""
    copytree(erased_once.folder, project, dirs_exist_ok=True)
    return erased_once


def rows(sql: str) -> list[dict[str, Any]]:
    said = say("query", sql, "--json")
    assert said.code == 0, said.error
    return said.value


def column(sql: str) -> list[Any]:
    return [next(iter(row.values())) for row in rows(sql)]


def seed_id(text: str = SECRET) -> str:
    (id,) = column(f"select prompt_id from tiny.seed_prompts where text = '{text}'")
    return id


def family(text: str = SECRET) -> set[str]:
    return set(
        column(f"select prompt_id from tiny.mutated_prompts where family_id='{seed_id(text)}'")
    )


def exported(config: str) -> list[dict[str, Any]]:
    folder = Path(".synth") / "exports" / "tiny" / "data" / config
    return [
        row for file in sorted(folder.glob("*.parquet")) for row in pl.read_parquet(file).to_dicts()
    ]


def states() -> dict[str, str]:
    return {name: told["state"] for name, told in say("status", "tiny", "--json").value.items()}


def test_without_yes_it_tells_what_it_would_reach_and_changes_nothing(made: Path) -> None:
    version = column("select max(number) from tiny.commits")
    said = say("retract", "tiny", seed_id(), "--reason", "asked to")
    assert said.code == 0 and "Nothing was changed" in said.error
    planned = say("retract", "tiny", seed_id(), "--reason", "asked to", "--json").value
    assert planned["status"] == "planned"
    assert planned["tags"] == []
    assert planned["affected"] == {
        "completions": 4,
        "dpo_set": 1,
        "evolved_prompts": 1,
        "judgments": 8,
        "mutated_prompts": 2,
        "ratings": 4,
        "scored_completions": 4,
        "seed_prompts": 1,
        "sft_set": 2,
        "verifications": 4,
    }
    assert column("select max(number) from tiny.commits") == version
    assert set(states().values()) == {"current"}


def test_a_seed_takes_all_that_was_made_from_it_out_of_sets_and_exports_without_a_call(
    withdrawn: Retracted,
) -> None:
    gone = withdrawn.family
    assert len(gone) == 2
    assert withdrawn.asked == 0
    marked = "select drop_reason from tiny.mutated_prompts where prompt_id in "
    assert column(f"{marked} {tuple(gone)}") == ["retracted"] * 2
    for table in ("sft_set", "dpo_set"):
        assert not gone & set(column(f"select prompt_id from tiny.{table}"))
    assert column("select 1 from tiny.sft_set") == withdrawn.before["others"] != []
    for config in ("sft", "preference", "unpaired_preference"):
        found = {row["meta"]["prompt_id"] for row in exported(config)}
        assert found and not gone & found
    assert set(states().values()) == {"current"}


@pytest.mark.full
def test_a_later_run_and_a_later_round_stay_without_it(
    withdrawn: Retracted, teacher: Teacher
) -> None:
    assert say("run", "tiny", "--json").value["calls_made"] == 0
    new_round = ("run", "tiny", "--round", "new", "--select", "+sft_set", "--json")
    assert say(*new_round).code == 0
    assert column("select max(round) from tiny.sft_set") == [2]
    assert not withdrawn.family & set(column("select prompt_id from tiny.sft_set"))
    assert not any(SECRET in str(request.messages) for request in teacher.asked)


def test_the_journal_keeps_what_why_and_how_many_and_why_tells_it(withdrawn: Retracted) -> None:
    id = withdrawn.seed
    (row,) = rows("select * from tiny.retractions")
    assert (row["kind"], row["target"], row["reason"]) == ("row", id, REASON)
    assert json.loads(row["affected"])["sft_set"] == 2
    told = say("why", "tiny", id, "--json").value
    assert [each["reason"] for each in told["retractions"]] == [REASON]
    assert {row["kind"] for row in told["descent"]} == {"prompt", "completion", "judgment"}
    assert {(row["reason"], row["because"]) for row in told["descent"]} == {("retracted", REASON)}
    said = say("why", "tiny", id).out
    assert f"(retracted: {REASON})" in said and "4 completions, 0 kept" in said
    assert f"sft_set 2, dpo_set 1; last in version {told['retractions'][0]['last_version']}" in said


def test_tagged_versions_list_what_was_affected(withdrawn: Retracted) -> None:
    done, id = withdrawn.done, withdrawn.seed
    (tag,) = done["tags"]
    assert tag == {"tag": "v1", "version": tag["version"], "affected": done["affected"]}
    held = f"select count(*) from tiny.sft_set where prompt_id in {tuple(withdrawn.family)}"
    (count,) = say("query", held, "--at", "v1", "--json").value[0].values()
    assert count == tag["affected"]["sft_set"] == 2
    (journaled,) = column("select tagged from tiny.retractions")
    assert json.loads(journaled) == {"v1": tag["affected"]}
    assert say("why", "tiny", id, "--json").value["retractions"][0]["tagged"] == {
        "v1": tag["affected"]
    }
    assert "v1 held rows of it: completions 4, dpo_set 1," in say("why", "tiny", id).out
    _, first = say("versions", "tiny", "sft_set", "--json").value
    said = {"tag": "v1", "retraction_id": done["retraction_id"], "rows": 2}
    assert (first["tags"], first["withdrawn"]) == (["v1"], [said])
    assert "v1 holds 2 rows withdrawn since" in say("versions", "tiny", "sft_set").error
    # Planned once more: today's sets are without it, the tagged version is not.
    again = say("retract", "tiny", id, "--reason", "x", "--json").value
    assert "sft_set" not in again["affected"] and again["tags"] == [tag]
    table = say("retract", "tiny", id, "--reason", "x").error
    assert "Tagged versions that hold rows of it:" in table and re.search(r"v1 +sft_set +2", table)


def test_a_completion_makes_way_for_its_sibling(made: Path, teacher: Teacher) -> None:
    (best, prompt) = rows("select completion_id, prompt_id from tiny.sft_set order by 1 limit 1")[
        0
    ].values()
    assert say("retract", "tiny", best, "--reason", "wrong", "--yes").code == 0
    assert teacher.asked == []
    (now,) = column(f"select completion_id from tiny.sft_set where prompt_id = '{prompt}'")
    assert now != best
    reason = f"select reason from tiny.dropped_rows where row_id = '{best}'"
    assert column(reason) == ["retracted"]
    assert prompt not in column("select prompt_id from tiny.dpo_set")


@pytest.mark.full
def test_an_example_of_the_export_stands_for_its_completion(made: Path) -> None:
    example = exported("sft")[0]
    say("retract", "tiny", example["id"], "--reason", "wrong", "--yes")
    (row,) = rows("select row_ids from tiny.retractions")
    assert row["row_ids"] == [example["meta"]["completion_id"]]


def test_a_pair_says_which_of_its_sides_can_be_withdrawn(made: Path) -> None:
    pair = exported("preference")[0]
    said = say("retract", "tiny", pair["id"], "--reason", "wrong", "--yes")
    assert said.code == 2 and pair["meta"]["chosen_completion_id"] in said.error


def test_a_model_takes_its_completions_along_and_a_judge_its_ratings(made: Path) -> None:
    assert say("retract", "tiny", "judge", "--reason", "biased", "--yes").code == 0
    assert column("select count(mean_rating) from tiny.scored_completions") == [0]
    assert column("select count(*) from tiny.dpo_set") == [0]
    assert column("select count(*) from tiny.sft_set") != [0]
    assert say("retract", "tiny", "teacher", "--reason", "its terms", "--yes").code == 0
    assert column("select count(*) from tiny.sft_set") == [0]
    assert exported("sft") == []
    kept = "select method from tiny.mutated_prompts where drop_reason is null"
    assert set(column(kept)) == {"seed"}


@pytest.mark.full
def test_a_seed_file_takes_every_seed_of_it_and_what_it_gains_later(
    made: Path, teacher: Teacher
) -> None:
    assert say("retract", "tiny", "seeds.jsonl", "--reason", "terms", "--yes").code == 0
    assert set(column("select drop_reason from tiny.seed_prompts")) == {"retracted"}
    write_seeds(made / "recipes", [*SEEDS, {"prompt": "Count the boats in the old port."}])
    say("run", "tiny", "--json")
    assert column("select count(*) from tiny.seed_prompts where drop_reason is null") == [0]


@pytest.mark.full
def test_through_context_takes_what_was_written_with_it_as_example(made: Path) -> None:
    beside = set(column("select prompt_id from tiny.self_instruct_prompts"))
    shown = column(
        "select count(*) from tiny.edges where kind = 'shown_with' "
        f"and table_name = 'self_instruct_prompts' and parent_id = '{seed_id()}'"
    )
    assert shown != [0] and beside
    words = ("retract", "tiny", seed_id(), "--reason", "terms", "--json")
    without = say(*words).value["affected"]
    assert "self_instruct_prompts" not in without
    assert say(*words, "--through-context", "--yes").value["affected"]["self_instruct_prompts"] == 2
    taken = "select prompt_id from tiny.mutated_prompts where drop_reason = 'retracted'"
    assert beside <= set(column(taken))


def test_an_unknown_source_names_the_nearest(made: Path) -> None:
    said = say("retract", "tiny", "seed.jsonl", "--reason", "x", "--yes")
    assert said.code == 2 and "did you mean 'seeds.jsonl'?" in said.error


# Erasing.


@pytest.mark.full
def test_what_stays_of_a_withdrawn_seed_can_be_erased_later(withdrawn: Retracted) -> None:
    words = ("retract", "tiny", withdrawn.seed, "--reason", REASON, "--erase", "--yes", "--json")
    done = say(*words)
    assert (done.code, done.value["left_in"]) == (0, []), done.error
    assert files_with(Path(".synth"), SECRET_WORDS) == []
    gone = tuple(withdrawn.family)
    for table in ("completions", "ratings", "judgments", "verifications"):
        assert column(f"select count(*) from tiny.{table} where prompt_id in {gone}") == [0]


def files_with(home: Path, text: str) -> list[str]:
    """Files that hold the text, Parquet read value by value."""
    found = []
    for file in sorted(path for path in home.rglob("*") if path.is_file()):
        data = file.read_bytes()
        if file.suffix == ".parquet":
            values = json.dumps(pl.read_parquet(file).to_dicts(), default=str, ensure_ascii=False)
            data += values.encode()
        if text.encode() in data:
            found.append(str(file.relative_to(home)))
    return found


def leave_behind(home: Path) -> None:
    """Refused rows, and a journal whose writer died, that hold the secret too."""
    with Lake(Home.at(home)) as lake:
        refused = "CREATE TABLE lake.tiny.mutated_prompts__rejected AS SELECT *, 'x' AS why FROM "
        lake.transaction(lambda c: c.execute(f"{refused} lake.tiny.mutated_prompts"))
        call = lake.frame("SELECT * FROM lake.llm.calls LIMIT 1").to_dicts()[0]
    journal = Journal(home)
    row = {name: call[name] for name in CALLS.polars.names()}
    journal.append({**row, "call_id": "0" * 24, "key": "k", "text": f"I said: {SECRET}"})
    journal.close()


def test_erasing_leaves_the_text_in_no_file_of_the_home(erased: Retracted) -> None:
    for part in (
        "lake.sqlite",
        "lake/llm/calls",
        "lake/tiny/seed_prompts",
        "lake/tiny/mutated_prompts__rejected",
        "journal/",
        "dagster/history",
        "exports/",
    ):
        assert any(name.startswith(part) for name in erased.files_before), part
    assert erased.asked == 0
    assert erased.done["left_in"] == [] and erased.done["calls"] > 0
    assert files_with(erased.folder / ".synth", SECRET_WORDS) == []
    assert not (erased.folder / ".synth/seed_lines/tiny").exists()
    assert column("select count(*) from tiny.sft_set") != [0]


def test_what_is_left_after_erasing_is_current_and_costs_no_call(erased: Retracted) -> None:
    assert set(states().values()) == {"current"}
    ran = say("run", "tiny", "--json")
    assert (ran.code, ran.value["calls_made"]) == (0, 0), ran.error
    # The file still has the seed; its text does not come back.
    assert files_with(Path(".synth"), SECRET_WORDS) == []
    said = say("why", "tiny", erased.seed)
    assert said.code == 2 and f"was erased, because: {REASON}" in said.error


def test_erasing_keeps_the_accounts_of_its_calls(erased: Retracted) -> None:
    left_behind = 1  # the call of the dead writer's journal, which the next start stores
    (count,) = erased.before[CALLS_STORED]
    assert column(CALLS_STORED) == [count + left_behind]
    assert column(TOKENS_PAID)[0] >= erased.before[TOKENS_PAID][0] > 0
    of_the_secret = "select count(*) from llm.calls where key like 'erased:%' and request is null"
    assert column(of_the_secret) != [0]


def test_versions_that_held_it_are_gone_and_told(erased: Retracted) -> None:
    first, last = erased.done["versions_gone"]
    (row,) = rows("select first_version, last_version from tiny.erasures")
    assert (row["first_version"], row["last_version"]) == (first, last)
    assert say("query", "select 1 from tiny.seed_prompts", "--at", str(last)).code != 0


def test_a_tag_whose_version_held_it_is_marked(erased: Retracted) -> None:
    assert rows("select tag, erased from llm.tags") == [
        {"tag": "v1", "erased": f"what retraction {erased.done['retraction_id']} withdrew"}
    ]
    assert "was erased from it" in say("query", "select 1", "--at", "v1").error
    assert "was erased from it" in say("rebuild", "v1").error


@pytest.mark.full
def test_a_text_that_another_recipe_holds_too_is_told(made: Path, teacher: Teacher) -> None:
    write_recipe(made / "recipes", "other.yaml", name="other", completions=None, judgments=None)
    assert say("run", "other", "--json").code == 0
    done = say("retract", "tiny", seed_id(), "--reason", "x", "--erase", "--yes", "--json")
    assert done.code == 1
    assert all("/other/" in path or "lake.sqlite" in path for path in done.value["left_in"])
    assert any("/lake/other/" in path for path in done.value["left_in"])
