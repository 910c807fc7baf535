"""A row that no table has any more and a tagged version still holds: it can be withdrawn, and
erased from there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from synth_assets.errors import QueryError
from synth_assets.graph.retraction import Retraction
from synth_assets.history.tagging import tag_version
from synth_assets.llm.request import Request
from synth_assets_tests.cli.test_retract import files_with
from synth_assets_tests.stages.bench import Bench

SAID = "Zanzibar Quillfeather mended it"


@pytest.fixture
def gone(made: Bench) -> Iterator[tuple[Bench, str]]:
    """The bench, and a completion that the tag has alone: the teacher is asked otherwise since."""
    river = made.read("seed_prompts", "text LIKE '%river%'")["prompt_id"].item()

    def answer(request: Request) -> str | None:
        is_first = request.sample_index == 0 and request.messages[0]["content"] == "Be brief."
        return SAID if is_first and "river" in request.messages[-1]["content"] else None

    made.teacher.before = answer
    made.change(completions={"system_text": "Be brief."})
    made.run()
    (id,) = made.read("completions", f"prompt_id = '{river}' AND sample_index = 0")["completion_id"]
    tag_version(made.workshop(), "v1")
    made.change(completions={"system_text": "Be long."})
    made.run()
    assert made.read("completions", f"completion_id = '{id}'").height == 0
    yield made, id


def test_it_is_found_in_the_tag_journaled_and_listed(gone: tuple[Bench, str]) -> None:
    made, id = gone
    hashes = made.hashes()
    with Retraction.of(made.recipe, made.lake.home, id[:12]) as retraction:
        plan = retraction.plan(through_context=False, erase=False)
        assert (plan.withdrawal.target, plan.withdrawal.affected) == (id, {})
        (tagged,) = plan.withdrawal.tagged
        assert (tagged.tag, tagged.affected["completions"], tagged.affected["ratings"]) == (
            "v1", 1, 1,
        )  # fmt: skip
        retraction.carry_out(plan, "asked to")
    (row,) = made.read("retractions").to_dicts()
    assert (row["kind"], row["target"], row["row_ids"]) == ("row", id, [id])
    assert json.loads(row["tagged"]) == {"v1": dict(tagged.affected)}
    assert made.hashes() == hashes


@pytest.mark.full
def test_erasing_it_removes_the_text_with_the_tagged_version(gone: tuple[Bench, str]) -> None:
    made, id = gone
    home = made.folder / "home"
    assert files_with(home, SAID)
    with Retraction.of(made.recipe, made.lake.home, id) as retraction:
        plan = retraction.plan(through_context=False, erase=True)
        assert retraction.carry_out(plan, "asked to").left_in == ()
    assert files_with(home, SAID) == []


def test_what_no_tag_has_either_is_an_error(made: Bench, tmp_path: Path) -> None:
    with (
        Retraction.of(made.recipe, made.lake.home, "f" * 24) as retraction,
        pytest.raises(QueryError, match="no row has the id"),
    ):
        retraction.plan(through_context=False, erase=False)
