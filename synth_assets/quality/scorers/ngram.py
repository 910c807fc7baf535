"""An n-gram model with a memory: texts to learn from in, log-probabilities of tokens out.

The embedded default: no installation, no download, the same numbers on every machine. Words that
stood before in the same text become more probable (a cache model, Kuhn and De Mori 1990), for an
n-gram alone forgets a prompt after two words and would find no use in it. What counts is how many
*other* texts hold an n-gram: a text that is scored with what was learnt from itself knows itself by
heart, and needs no prompt.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from synth_assets.quality.scorers import ScoredText
from synth_assets.quality.tokens import UNSPACED

_TOKEN = re.compile(rf"[{UNSPACED}]|(?:(?![{UNSPACED}])\w)+|[^\w\s]")

_UNKNOWN = -1
Context = tuple[int, ...]


@dataclass(frozen=True)
class NgramScorer:
    """``order`` 1 without a memory is a unigram model, to which context says nothing.

    vocabulary: token → its number, of tokens in two texts or more. followers: the tokens before →
    in how many texts each token followed, less one.
    memory: the share of a token's probability that comes from the tokens before it in its text.
    """

    order: int
    memory: float
    max_tokens: int
    vocabulary: dict[str, int]
    followers: dict[Context, Counter[int]]
    totals: dict[Context, int]

    @classmethod
    def trained_on(
        cls,
        texts: Iterable[str],
        *,
        order: int = 3,
        memory: float = 0.2,
        max_tokens: int = 1024,
    ) -> NgramScorer:
        """Counts the texts of every n-gram up to ``order``; their order does not matter."""
        if order < 1 or not 0 <= memory < 1:
            raise ValueError(
                f"an order of at least 1 and a memory in [0, 1), not {order}, {memory}"
            )
        numbers: dict[str, int] = {}
        texts_with: dict[Context, Counter[int]] = defaultdict(Counter)
        for text in texts:
            known = [
                numbers.setdefault(found.group().casefold(), len(numbers))
                for found in _TOKEN.finditer(text)
            ]
            for *context, token in _ngrams(known, order):
                texts_with[tuple(context)][token] += 1
        followers = {
            context: Counter({token: count - 1 for token, count in counts.items() if count > 1})
            for context, counts in texts_with.items()
        }
        followers = {context: counts for context, counts in followers.items() if counts}
        totals = {context: counts.total() for context, counts in followers.items()}
        seen = followers.get((), Counter())
        vocabulary = {token: number for token, number in numbers.items() if number in seen}
        return cls(order, memory, max_tokens, vocabulary, followers, totals)

    def token_logprobs(self, texts: Iterable[str]) -> Iterator[ScoredText]:
        for text in texts:
            yield self._score(text)

    def _score(self, text: str) -> ScoredText:
        found = list(_TOKEN.finditer(text))
        kept = found[: self.max_tokens]
        numbers = self._numbers(match.group().casefold() for match in kept)
        seen: Counter[int] = Counter()
        logprobs = []
        for place, token in enumerate(numbers):
            context = tuple(numbers[max(0, place - self.order + 1) : place])
            probability = self._probability(token, context)
            if self.memory and place:
                remembered = seen[token] / place
                probability = (1 - self.memory) * probability + self.memory * remembered
            seen[token] += 1
            logprobs.append(math.log(probability))
        return ScoredText(
            tuple(match.start() for match in kept),
            tuple(match.end() for match in kept),
            tuple(logprobs),
            len(kept) < len(found),
        )

    def _numbers(self, tokens: Iterable[str]) -> list[int]:
        """Tokens that were not learnt get numbers of their own, so that memory tells them apart."""
        new: dict[str, int] = {}
        return [
            self.vocabulary[token]
            if token in self.vocabulary
            else new.setdefault(token, _UNKNOWN - len(new))
            for token in tokens
        ]

    def _probability(self, token: int, context: Context) -> float:
        """Interpolated, each order as far as it varies (Witten and Bell 1991, method C)."""
        probability = 1 / (len(self.vocabulary) + 1)
        for length in range(len(context) + 1):
            followers = self.followers.get(context[len(context) - length :])
            if followers is None:
                break
            total = self.totals[context[len(context) - length :]]
            kinds = len(followers)
            probability = (followers[token] + kinds * probability) / (total + kinds)
        return probability


def _ngrams(tokens: list[int], order: int) -> set[Context]:
    """All n-grams of 1 to ``order`` tokens, each once."""
    return {
        tuple(tokens[place - length : place + 1])
        for place in range(len(tokens))
        for length in range(min(order - 1, place) + 1)
    }
