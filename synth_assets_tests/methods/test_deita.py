"""DEITA: scores as expected values, and the greedy choice of what is good and not alike."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy
import polars as pl
import pytest

from synth_assets.llm.request import Reply, Request
from synth_assets.methods.deita import SCHEMA, Candidate, Deita, choose_diverse, select_diverse
from synth_assets.methods.deita_scores import SCHEMA as SCORES
from synth_assets.methods.deita_scores import DeitaScores, read_score, score_prompts
from synth_assets.quality.embeddings import HashedWords
from synth_assets.recipe_parts import Sampling
from synth_assets.schemas import RETRACTIONS
from synth_assets_tests.methods.builders import (
    a_prompt,
    make_completions,
    make_journal,
    make_prompts,
)
from synth_assets_tests.methods.material import make_material
from synth_assets_tests.scripted_ask import ScriptedAsk, reply_to

PROMPTS = make_prompts(a_prompt("Why is the sky blue?", "p0"))


def reply(text: str | None, logprobs: list[dict[str, Any]] | None = None) -> Reply:
    body = json.dumps({"choices": [{"logprobs": {"content": logprobs}}]}) if logprobs else None
    return Reply("c", "ok" if text else "failed", text, body=body)


def token(text: str, **alternatives: float) -> dict[str, Any]:
    tops = [{"token": t.strip("_"), "logprob": math.log(p)} for t, p in alternatives.items()]
    return {"token": text, "logprob": tops[0]["logprob"], "top_logprobs": tops}


@pytest.mark.parametrize(
    ("text", "status", "value"),
    [
        ("4", "ok", 4.0),
        (" 5.\n", "ok", 5.0),
        ("4.5", "ok", 4.5),
        ("7", "out_of_scale", None),
        ("0", "out_of_scale", None),
        ("four", "unparsed", None),
        ("4/6", "unparsed", None),
        ("between 2 and 3", "unparsed", None),
        (None, "failed", None),
    ],
)
def test_a_reply_is_one_number_of_the_scale_or_none(
    text: str | None, status: str, value: float | None
):
    found = read_score(reply(text))
    assert (found.status, found.value) == (status, value)


def test_with_probabilities_the_score_is_the_expected_value():
    # 0.5 · 4 + 0.25 · 5 + 0.05 · 2, over 0.8: what is no digit does not count.
    told = [token("4", _4=0.5, _5=0.25, _2=0.05, _x=0.2)]
    assert read_score(reply("4", told)).value == pytest.approx((2 + 1.25 + 0.1) / 0.8)


def test_the_probabilities_of_the_one_digit_count_wherever_it_stands():
    told = [token("Score", Score=1.0), token("3", _3=0.5, _4=0.5)]
    assert read_score(reply("Score3", told)).value == pytest.approx(3.5)


@pytest.mark.parametrize(
    ("text", "tokens", "status", "value"),
    [
        ("between 2 and 3", ("between", " 2", " and", " 3"), "unparsed", None),
        ("2 steps, so 4", ("2", " steps", ", so", " 4"), "unparsed", None),
        ("4.5", ("4", ".", "5"), "ok", 4.5),
        ("<think>2 steps</think>\n4", ("<think>", "2", " steps", "</think>", "4"), "ok", 4.0),
        ("42", ("42",), "out_of_scale", None),
        ("2 steps</think>\nfour", ("2", " steps", "</think>", "\n", "four"), "unparsed", None),
    ],
)
def test_of_several_figures_no_probabilities_make_a_score(
    text: str, tokens: Sequence[str], status: str, value: float | None
):
    told = [token(each, **{each: 1.0}) for each in tokens]
    found = read_score(reply(text, told))
    assert (found.status, found.value) == (status, value)


def test_a_prompt_is_scored_once_for_all_its_completions():
    completions = make_completions(
        {"prompt_id": "p0", "text": "Because."}, {"prompt_id": "p0", "text": "Light scatters."}
    )
    ask = ScriptedAsk(lambda request: "2" if "complex" in request.messages[0]["content"] else "5")
    rows = score_prompts(make_material(PROMPTS, completions, ask), DeitaScores(judge="judge")).rows
    assert len(ask.requests) == 3
    assert rows.select("completion_id", "criterion", "rating").rows() == [
        ("c0", "complexity", 2.0),
        ("c1", "complexity", 2.0),
        ("c0", "quality", 5.0),
        ("c1", "quality", 5.0),
    ]


def test_the_likeliest_digit_is_asked_for_unless_the_recipe_says_otherwise():
    def asked_with(**parameters: Any) -> dict[str, Any]:
        ask = ScriptedAsk(lambda request: "3")
        completions = make_completions({"prompt_id": "p0", "text": "So."})
        material = make_material(PROMPTS, completions, ask)
        score_prompts(material, DeitaScores(judge="judge", **parameters))
        first, second = ask.requests
        assert first.sampling == second.sampling
        return dict(first.sampling)

    assert asked_with() == {"temperature": 0.0, "max_tokens": 8}
    assert asked_with(sampling=Sampling(reasoning_effort="low", max_tokens=512)) == {
        "reasoning_effort": "low",
        "max_tokens": 512,
    }


def test_probabilities_are_asked_for_only_where_the_recipe_says():
    def answer(request: Request) -> Reply:
        assert request.sampling["top_logprobs"] == 10
        told = [token("4", _4=0.5, _6=0.5)]
        return reply_to(request, "4")._replace(body=reply("4", told).body)

    material = make_material(
        PROMPTS, make_completions({"prompt_id": "p0", "text": "So."}), ScriptedAsk(answer)
    )
    rows = score_prompts(material, DeitaScores(judge="judge", logprobs=10)).rows
    assert rows["rating"].to_list() == [5.0, 5.0]


TEXTS = (
    "Light of short waves is scattered more by the air.",
    "Light of short waves is scattered more by the air!",
    "Bread rises because yeast makes gas in the dough.",
    "Ships float since they push water aside.",
)


def selected(
    quality: Sequence[float | None],
    journal: pl.DataFrame | None = None,
    complexity: Sequence[float] = (2.0, 2.0, 2.0, 2.0),
    **parameters: Any,
) -> dict[str, str | None]:
    """Drop reasons of c0, c1, …"""
    completions = make_completions(*({"prompt_id": "p0", "text": text} for text in TEXTS))
    neutral = dict.fromkeys(SCORES.polars.names())
    scores = SCORES.frame(
        [
            {
                **neutral,
                "judgment_id": f"{criterion}{place}",
                "completion_id": f"c{place}",
                "criterion": criterion,
                "judge": "judge",
                "rating": value,
                "status": "ok" if value is not None else "unparsed",
            }
            for place, each in enumerate(quality)
            for criterion, value in (("complexity", complexity[place]), ("quality", each))
        ]
    )
    frames = {SCORES.name: scores, RETRACTIONS.name: make_journal() if journal is None else journal}
    material = make_material(PROMPTS, completions, frames=frames)
    rows = select_diverse(material, Deita(**parameters)).rows
    assert rows.schema == SCHEMA.polars
    return dict(rows.select("completion_id", "drop_reason").iter_rows())


def test_the_better_of_two_alike_is_kept():
    assert selected([3.0, 4.0, 5.0, 1.0]) == {
        "c0": "too_similar",
        "c1": None,
        "c2": None,
        "c3": None,
    }


def test_rows_come_in_the_order_of_complexity_times_quality():
    # 9, 8, 5 and 6: neither the best answer (c2) nor the hardest prompt (c3) comes first.
    found = selected([3.0, 4.0, 5.0, 1.0], complexity=(3.0, 2.0, 1.0, 6.0), keep=2)
    assert found == {"c0": None, "c1": "too_similar", "c2": "beyond_count", "c3": None}


class Listed:
    """An embedder that gives the vectors it was made with, in the order of the scores."""

    def __init__(self, *vectors: Sequence[float]) -> None:
        self.vectors = numpy.array(vectors)

    def embed(self, texts: Sequence[str]) -> numpy.ndarray:
        return self.vectors


@pytest.mark.parametrize(("cosine", "reason"), [(0.9, None), (0.9001, "too_similar")])
def test_a_similarity_at_the_limit_is_kept_and_above_it_is_not(cosine: float, reason: str | None):
    better, worse = (
        Candidate(f"c{n}", "p0", 1, "text", complexity=2.0, quality=5.0 - n) for n in (0, 1)
    )
    vectors = Listed([1.0, 0.0], [cosine, math.sqrt(1 - cosine**2)])
    found = {each.completion_id: each for each in choose_diverse([worse, better], Deita(), vectors)}
    assert found["c0"].drop_reason is None
    assert (found["c1"].drop_reason, found["c1"].nearest) == (reason, "c0")
    assert found["c1"].similarity == cosine


def test_of_equal_scores_the_smaller_id_comes_first():
    assert selected([4.0, 4.0, 5.0, 1.0])["c1"] == "too_similar"


def test_so_many_are_kept_as_the_recipe_says():
    assert selected([3.0, 4.0, 5.0, 1.0], keep=2) == {
        "c0": "beyond_count",
        "c1": None,
        "c2": None,
        "c3": "beyond_count",
    }


def test_what_nobody_scored_is_dropped_as_unknown():
    assert selected([3.0, None, 5.0, 1.0])["c1"] == "score_unknown"


def test_what_a_withdrawn_judge_scored_is_unknown():
    journal = make_journal({"kind": "model", "target": "judge"})
    assert set(selected([3.0, 4.0, 5.0, 1.0], journal).values()) == {"score_unknown"}
    other = make_journal({"kind": "model", "target": "another judge"})
    assert selected([3.0, 4.0, 5.0, 1.0], other) == selected([3.0, 4.0, 5.0, 1.0])


def test_a_withdrawn_score_does_not_count():
    journal = make_journal({"target": "quality2", "row_ids": ["quality2"]})
    assert selected([3.0, 4.0, 5.0, 1.0], journal)["c2"] == "score_unknown"


def test_a_withdrawn_completion_takes_nobodys_place():
    journal = make_journal({"target": "c1", "row_ids": ["c1"]})
    assert selected([3.0, 4.0, 5.0, 1.0], journal, keep=2) == {
        "c0": None,
        "c1": "retracted",
        "c2": None,
        "c3": "beyond_count",
    }


def test_vectors_have_length_one_and_equal_texts_the_same():
    one, same, other, none = HashedWords(64).embed(["a cat sat", "A cat sat!", "my dog ran", "?"])
    assert numpy.linalg.norm(one) == pytest.approx(1)
    assert one @ same == pytest.approx(1)
    assert abs(one @ other) < 0.5
    assert not none.any()
