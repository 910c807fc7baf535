"""The scorer of causal models against raw logits, with a model that the test builds."""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from synth_assets.quality.ifd import IfdMode, instruction_following_difficulty
from synth_assets.quality.scorers.causal import CausalScorer, ScorerError
from synth_assets_tests.quality.scorers.tiny_model import save_tiny_model

ROWS = (
    ("Name the colours of the flag of Chad.\n", "The colours are blue, yellow and red."),
    ("Spell harbour backwards.\n", "ruobrah"),
    ("What is the size?\n", "Größe, 東京, 🙂."),
    ("Sum.\n3 4\n", "Three and four are seven. " * 5),
)
MOST = 40


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> CausalScorer:
    folder = save_tiny_model(tmp_path_factory.mktemp("model"))
    return CausalScorer.load(str(folder), max_tokens=MOST)


@pytest.mark.full
@pytest.mark.parametrize("mode", ["parity", "strict"])
def test_ifd_is_that_of_the_raw_logits(scorer: CausalScorer, mode: IfdMode):
    """Released code's way of counting: labels before the completion are left out."""
    texts = [text for before, after in ROWS for text in (after, before + after)]
    scored = scorer.token_logprobs(texts)
    found = []
    for before, _ in ROWS:
        ifd = instruction_following_difficulty(
            next(scored), next(scored), prompt_length=len(before), mode=mode, max_tokens=MOST
        )
        assert ifd.ifd is not None
        found.append(ifd.ifd)
    wanted = [direct_ifd(scorer, *row, mode) for row in ROWS]
    assert found == pytest.approx(wanted, rel=1e-5)
    assert len({round(value, 3) for value in found}) == len(ROWS)


@pytest.mark.full
def test_one_at_a_time_and_all_together_give_the_same(scorer: CausalScorer):
    texts = [before + after for before, after in ROWS] * 3
    together = list(scorer.token_logprobs(texts))
    for text, found in zip(texts, together, strict=True):
        (alone,) = scorer.token_logprobs([text])
        assert found.logprobs[0] is None and alone.logprobs[0] is None
        assert found.logprobs[1:] == pytest.approx(alone.logprobs[1:], abs=1e-5)
        assert (found.starts, found.ends) == (alone.starts, alone.ends)


@pytest.mark.full
def test_tokens_stand_where_they_are_in_the_text(scorer: CausalScorer):
    text = "Name the flag."
    (found,) = scorer.token_logprobs([text])
    spans = zip(found.starts, found.ends, strict=True)
    assert "".join(text[start:end] for start, end in spans) == text


@pytest.mark.full
def test_a_text_without_tokens_has_no_scores(scorer: CausalScorer):
    empty, one = scorer.token_logprobs(["", "N"])
    assert (empty.logprobs, one.logprobs) == ((), (None,))


@pytest.mark.full
def test_a_long_text_is_cut_where_the_scorer_says(scorer: CausalScorer):
    (found,) = scorer.token_logprobs(["the flag of " * 40])
    assert (len(found.logprobs), found.is_truncated) == (MOST, True)


@pytest.mark.full
def test_a_model_that_is_not_there_says_what_to_do(tmp_path: Path):
    with pytest.raises(ScorerError, match="name a folder with a model"):
        CausalScorer.load(str(tmp_path / "nothing"))


def direct_ifd(scorer: CausalScorer, before: str, after: str, mode: IfdMode) -> float:
    """From one forward pass each, unpadded, by log softmax over all logits."""
    prompt, whole = tokens_of(scorer, before), tokens_of(scorer, before + after)[:MOST]
    assert whole[: len(prompt)] == prompt
    bare = tokens_of(scorer, after)[: MOST - len(prompt) + 1]
    conditional = losses(scorer, whole)[len(prompt) - 1 :]
    direct = losses(scorer, bare)
    if mode == "strict":
        conditional = conditional[1:]
        direct = direct[: len(conditional)]
    return math.exp(sum(conditional) / len(conditional) - sum(direct) / len(direct))


def tokens_of(scorer: CausalScorer, text: str) -> list[int]:
    return scorer.tokenizer.encode(text, add_special_tokens=False)


def losses(scorer: CausalScorer, ids: list[int]) -> list[float]:
    """-log p of each token but the first."""
    torch: Any = import_module("torch")
    with torch.no_grad():
        logits = scorer.model(torch.tensor([ids])).logits[0].double()
    logprobs = torch.log_softmax(logits, dim=-1)
    return [-float(logprobs[place, token]) for place, token in enumerate(ids[1:])]


def test_without_the_extra_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(ScorerError, match=r"pip install 'synth-assets\[superfiltering\]'"):
        CausalScorer.load("gpt2")
