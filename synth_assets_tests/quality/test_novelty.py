from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_assets.quality.novelty import NoveltyIndex, reject_similar, rouge_l
from synth_assets_tests.quality.rouge_oracle import RougeScorer
from synth_assets_tests.real_data import real_data


def instructions(file: str) -> list[str]:
    return [row["instruction"] for row in read_rows(real_data() / "self-instruct" / file)]


def read_rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def index_of(texts: list[str], tokenizer: str = "ascii") -> NoveltyIndex:
    index = NoveltyIndex("ascii" if tokenizer == "ascii" else "unicode")
    for place, text in enumerate(texts):
        index.add(str(place), text)
    return index


def similar_places(texts: list[str], index: NoveltyIndex, threshold: float = 0.7) -> list[int]:
    named = [(f"new {place}", text) for place, text in enumerate(texts)]
    found = reject_similar(named, index, threshold=threshold)
    return [place for place, comparison in enumerate(found) if comparison.is_similar]


def test_the_score_is_twice_the_common_subsequence_over_both_lengths():
    assert rouge_l("a b c d", "a c d x y z") == pytest.approx(2 * 3 / 10)


def test_a_text_without_tokens_is_like_nothing():
    assert rouge_l("???", "???") == 0.0
    assert not NoveltyIndex().compare("???", threshold=0.0, k=3).is_similar


@pytest.mark.parametrize(("common", "is_similar"), [(6, False), (7, False), (8, True)])
def test_a_score_at_the_threshold_is_accepted_and_above_it_is_rejected(
    common: int, is_similar: bool
):
    words = [f"w{n}" for n in range(10)]
    other = words[:common] + [f"other{n}" for n in range(10 - common)]
    index = index_of([" ".join(words)])
    assert index.compare(" ".join(other), threshold=0.7, k=1).is_similar is is_similar


@given(st.lists(st.text("abc ", max_size=12), min_size=1, max_size=6), st.text("abc ", max_size=12))
def test_scores_agree_with_rouge_score(texts: list[str], text: str):
    scorer = RougeScorer(["rougeL"])
    found = {each.id: each.score for each in index_of(texts).nearest(text, len(texts))}
    for place, earlier in enumerate(texts):
        expected = scorer.score(earlier, text)["rougeL"].fmeasure
        assert found[str(place)] == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.text("abcd ", max_size=14), max_size=150))
def test_rejecting_in_blocks_is_rejecting_one_after_another(texts: list[str]):
    index, singly = NoveltyIndex(), NoveltyIndex()
    expected: list[int] = []
    for place, text in enumerate(texts):
        if singly.compare(text, threshold=0.7, k=1).is_similar:
            expected.append(place)
        else:
            singly.add(str(place), text)
    assert similar_places(texts, index) == expected
    assert len(index) == len(singly)


def test_a_rejected_text_rejects_nothing():
    index = NoveltyIndex()
    chain = ["a b c d e f g h i j", "a b c d e f g h x y", "a b c d e f z w x y"]
    # The second is near the first (0.8), the third is near the second (0.8) and not the first.
    assert similar_places(chain, index) == [1]


def test_ties_are_in_the_order_of_ids_whatever_the_order_of_adding():
    index = NoveltyIndex()
    for id in ("c", "a", "b"):
        index.add(id, "the same words")
    assert [each.id for each in index.nearest("the same words", 2)] == ["a", "b"]


def test_nearest_gives_what_there_is():
    assert NoveltyIndex().nearest("anything", 10) == ()
    assert len(index_of(["one", "two"]).nearest("one", 10)) == 2


def test_japanese_is_compared_by_the_unicode_tokenizer():
    assert rouge_l("猫の絵を説明して", "猫の絵を説明して") == 1.0
    assert rouge_l("猫の絵を説明して", "猫の絵を説明して", "ascii") == 0.0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("猫の絵を説明して", "鉄道の駅を数えて"),
        ("اكتب قصيدة عن البحر", "احسب مجموع هذه الأرقام"),
        ("Où êtes-vous né ?", "Ça coûte très cher à l'été"),
        ("Напиши стих о море", "Сложи эти числа"),
    ],
)
def test_the_unicode_tokenizer_keeps_texts_of_other_scripts_apart(first: str, second: str):
    assert rouge_l(first, first) == 1.0
    assert rouge_l(first, second) < 0.5


def test_accents_tell_words_apart_and_their_form_does_not():
    assert rouge_l("été", "ete") == 0.0
    assert rouge_l("\u00e9t\u00e9", "e\u0301te\u0301") == 1.0
    # By the published tokens only the letters between the accents are left.
    assert rouge_l("été", "ôtô", "ascii") == 1.0


def test_the_seed_pairs_have_the_published_scores():
    seeds = instructions("seed_tasks.jsonl")
    assert len(seeds) == 175
    index = NoveltyIndex("ascii")
    scores: dict[tuple[int, int], float] = {}
    for place, text in enumerate(seeds):
        for found in index.nearest(text, len(seeds)):
            scores[int(found.id), place] = found.score
        index.add(str(place), text)
    assert len(scores) == 15_225
    assert max(scores, key=lambda pair: scores[pair]) == (47, 74)
    assert scores[47, 74] == pytest.approx(0.823529, abs=1e-6)
    assert sum(score > 0.7 for score in scores.values()) == 2
    assert sum(scores.values()) / len(scores) == pytest.approx(0.102433, abs=1e-6)
    expected = read_rows(real_data() / "derived" / "rougeL_seed_pairs.jsonl")
    assert len(expected) == 309
    for row in expected:
        assert scores[row["i"], row["j"]] == pytest.approx(row["f"], abs=1e-9)


@pytest.mark.parametrize("tokenizer", ["ascii", "unicode"])
def test_greedy_rejection_keeps_173_of_the_175_seeds(tokenizer: str):
    seeds = instructions("seed_tasks.jsonl")
    assert similar_places(seeds, index_of([], tokenizer)) == [74, 113]


@pytest.mark.parametrize("tokenizer", ["ascii", "unicode"])
def test_248_of_252_user_instructions_are_new_to_the_seeds(tokenizer: str):
    index = index_of(instructions("seed_tasks.jsonl"), tokenizer)
    users = instructions("user_oriented_instructions.jsonl")
    assert len(users) == 252
    assert similar_places(users, index) == [32, 89, 124, 240]


def test_user_instructions_have_the_scores_of_rouge_score():
    index = index_of(instructions("seed_tasks.jsonl"))
    users = instructions("user_oriented_instructions.jsonl")
    expected = read_rows(real_data() / "derived" / "rougeL_user_vs_seed.jsonl")
    maxima: list[float] = []
    for row in expected:
        scores = {int(each.id): each.score for each in index.nearest(users[row["user_idx"]], 175)}
        best = max(scores.values())
        maxima.append(best)
        assert best == pytest.approx(row["max_f"], abs=1e-9)
        assert scores[row["argmax_seed_idx"]] == pytest.approx(best, abs=1e-9)
        assert sum(scores.values()) / 175 == pytest.approx(row["mean_f"], abs=1e-9)
        assert sum(score > 0.7 for score in scores.values()) == row["n_over_0.7"]
    assert len(maxima) == 252
    assert sum(maxima) / 252 == pytest.approx(0.33882, abs=1e-5)
