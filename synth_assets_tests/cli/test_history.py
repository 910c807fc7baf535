"""`versions`, `diff`, `tag`, `restore`, `vacuum` and `what-if`, as a person types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth_assets_tests.cli.conftest import Ran
from synth_assets_tests.cli.words import say
from synth_assets_tests.recipes import Teacher, write_recipe


def test_versions_are_listed_newest_first(ran: Ran) -> None:
    (version,) = say("versions", "tiny", "sft_set", "--json").value
    assert (version["changed"], version["tags"], version["rows_gone"]) == (["first"], [], 0)
    said = say("versions", "tiny", "sft_set").error
    assert str(version["version"]) in said and version["content_hash"][:12] in said
    assert version["fingerprint"][:12] in said


def test_a_tag_is_read_compared_and_restored(copy: Path, teacher: Teacher) -> None:
    count = "select count(*) as n from tiny.sft_set"
    before = say("query", count, "--json").value
    assert say("tag", "tiny", "v1", "--note", "as it was", "--json").value["tag"] == "v1"
    write_recipe(copy / "recipes", datasets={"sft": {"per_prompt": 2}})
    assert say("run", "tiny", "--select", "sft_set", "--json").code == 0
    assert say("query", count, "--json").value != before
    assert say("query", count, "--at", "v1", "--json").value == before

    found = say("diff", "tiny", "sft_set", "v1", "--json").value
    assert [each["causes"] for each in found["because"]] == [["threshold"]]
    assert "because of threshold" in say("diff", "tiny", "sft_set", "v1").error

    assert say("restore", "tiny", "v1", "--table", "sft_set", "--yes", "--json").code == 0
    assert say("query", count, "--json").value == before
    assert say("restore", "tiny", "v1", "--table", "sft_set", "--yes").error.startswith("Nothing")


def test_restoring_asks_first(ran: Ran) -> None:
    said = say("restore", "tiny", "1")
    assert said.code != 0 and "Bring every table of tiny back to version 1?" in said.error


def test_a_vacuum_tells_before_it_acts(copy: Path, teacher: Teacher) -> None:
    planned = say("vacuum", "--older-than", "0", "--dry-run", "--json").value
    assert planned["expired"]
    assert "would be given up" in say("vacuum", "--older-than", "0", "--dry-run").error
    assert say("vacuum", "--older-than", "0", "--json").value["expired"] == planned["expired"]
    assert say("query", "select 1 from tiny.sft_set", "--at", str(planned["expired"][0])).code == 2


def test_what_if_answers_and_writes_nothing(ran: Ran) -> None:
    sft, dpo = say("what-if", "tiny", "--set", "datasets.sft.per_prompt=2", "--json").value
    assert (sft["table"], dpo["table"]) == ("sft_set", "dpo_set")
    assert sft["added"] > 0 == sft["removed"] == dpo["added"]
    said = say("what-if", "tiny", "--set", "datasets.sft.min_rating=4.9").error
    assert "No call was made and nothing was written." in said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("versions", "tiny", "sft_sets"), "did you mean 'sft_set'"),
        (("diff", "tiny", "sft_set", "nine"), "there is no tag 'nine'"),
        (("diff", "tiny", "sft_set", "999"), "there is no version 999"),
        (("tag", "tiny", "1.0"), "begins with a letter"),
        (("what-if", "tiny", "--set", "datasets.sft.min_rating"), "write FIELD=VALUE"),
        (("what-if", "tiny", "--set", "a=[1"), "the value is no YAML"),
        (("what-if", "tiny", "--set", "completions.per_prompt=9"), "not made by SQL alone"),
    ],
)
def test_what_is_wrong_is_named_and_ends_with_2(
    ran: Ran, words: tuple[str, ...], named: str
) -> None:
    said = say(*words)
    assert (said.code, named in said.error) == (2, True), said.error
    assert named in say(*words, "--json").value["errors"][0]


def test_before_the_first_run_there_are_no_versions(tiny: Path) -> None:
    for words in (
        ("versions", "tiny", "sft_set"),
        ("tag", "tiny", "v1"),
        ("vacuum", "--older-than", "1"),
    ):
        assert "there is no lake in" in say(*words).error
    assert not (tiny / ".synth").exists()
