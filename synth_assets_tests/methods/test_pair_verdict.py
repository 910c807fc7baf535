from __future__ import annotations

import json

import pytest

from synth_assets.llm.request import Request, user
from synth_assets.methods.pair_verdict import PairVerdict, ReadVerdict, read_verdict, verdicts_in
from synth_assets.methods.structured_asking import ask_structured
from synth_assets_tests.scripted_ask import in_turn


def said(verdict: str, rationale: str = "So it is.") -> str:
    return json.dumps({"rationale": rationale, "verdict": verdict})


def read(*texts: str | None) -> ReadVerdict:
    request = Request("judge", (user("Which?"),))
    ((_, found),) = ask_structured(in_turn(texts), [("it", request)], PairVerdict)
    return read_verdict(found)


@pytest.mark.parametrize(("word", "verdict"), [("A", "first"), ("B", "second"), ("tie", "tie")])
def test_a_verdict_in_the_form_asked_for_is_read(word: str, verdict: str):
    assert (read(said(word)).status, read(said(word)).verdict) == ("parsed", verdict)


@pytest.mark.parametrize("word", ["a", "C", "A or B", "", "both"])
def test_what_is_no_verdict_is_asked_for_once_more_and_then_unparsed(word: str):
    found = read(said(word), said(word))
    assert (found.status, found.verdict) == ("unparsed", None)
    assert len(found.call_ids) == 2


def test_a_corrected_verdict_counts_and_says_so():
    found = read("B is better.", said("B"))
    assert (found.status, found.verdict, len(found.call_ids)) == ("corrected", "second", 2)


@pytest.mark.parametrize("mark", ["[[B]]", "[[ C ]]", '"verdict": "B"', '\\"verdict\\": \\"tie\\"'])
def test_two_verdicts_in_one_reply_are_ambiguous_and_not_the_first_that_matches(mark: str):
    found = read(said("A", f"At first I thought {mark}."))
    assert (found.status, found.verdict) == ("ambiguous", None)


def test_the_same_verdict_twice_is_one():
    assert read(said("A", "Clearly [[A]].")).verdict == "first"


def test_two_objects_that_disagree_are_ambiguous_when_the_correction_is_no_better():
    two = f"{said('A')} {said('B')}"
    assert read(two, two).status == "ambiguous"
    assert read(two, said("B")).status == "corrected"


def test_no_text_is_a_failure():
    assert read(None).status == "failed"


def test_words_that_only_mention_a_side_are_no_verdicts():
    assert verdicts_in("A is longer than B, so [A] or (B)?") == set()
