"""A causal language model of the library transformers: texts in, log-probabilities of tokens out.

The libraries are the optional extra ``superfiltering`` and are imported only where a model is
loaded. Texts of like length go through the model together, on a GPU where there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from typing import Any, Literal

from synth_assets.errors import SynthError
from synth_assets.quality.scorers import ScoredText

Precision = Literal["float32", "bfloat16"]

LIBRARIES = ("torch", "transformers")

WINDOW = 4096
"""Texts that are tokenised and sorted by length together."""

LEAST_FILLED = 0.8
"""A text shorter than this share of the longest begins another batch: what is padded is reckoned
with all the same, and a processor has nothing to spare for it."""

TOKENS_PER_BATCH = {"cuda": 32_768, "cpu": 512}
"""Device → tokens at once: a GPU wants many, a processor no more than stay in its caches."""


class ScorerError(SynthError):
    """The model cannot be loaded or run; the message says what to install or to change."""


@dataclass(frozen=True)
class CausalScorer:
    """tokens_per_batch: the most tokens, padding counted, that go through the model at once."""

    model: Any
    tokenizer: Any
    device: str
    max_tokens: int = 1024
    tokens_per_batch: int = TOKENS_PER_BATCH["cpu"]

    @classmethod
    def load(
        cls, name: str, *, precision: Precision = "float32", max_tokens: int = 1024
    ) -> CausalScorer:
        """A model by its name on the Hub or its folder.

        Errors: `ScorerError` where the extra is not installed, or the model cannot be loaded.
        """
        torch, transformers = _library("torch"), _library("transformers")
        device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(name, use_fast=True)
            model = transformers.AutoModelForCausalLM.from_pretrained(
                name, dtype=getattr(torch, precision)
            )
        except (OSError, ValueError) as error:
            raise ScorerError(
                f"the scorer's model {name!r} cannot be loaded ({error}); name a folder with a "
                "model, or one of the Hub that this machine can reach"
            ) from error
        model = model.to(device).eval()
        return cls(model, tokenizer, device, max_tokens, TOKENS_PER_BATCH[device])

    def __post_init__(self) -> None:
        if not self.tokenizer.is_fast:
            raise ScorerError(
                f"the tokenizer of {self.tokenizer.name_or_path!r} does not tell where tokens "
                "stand; name a model that has a fast one"
            )

    def token_logprobs(self, texts: Iterable[str]) -> Iterator[ScoredText]:
        """No token is put before a text, so that its first token has no log-probability."""
        remaining = iter(texts)
        while window := list(islice(remaining, WINDOW)):
            yield from self._score(window)

    def _score(self, texts: list[str]) -> list[ScoredText]:
        encoded = self.tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True)
        ids = [numbers[: self.max_tokens] for numbers in encoded["input_ids"]]
        scored: list[ScoredText | None] = [None] * len(texts)
        for places in self._batches(ids):
            logprobs = self._run([ids[place] for place in places])
            for place, values in zip(places, logprobs, strict=True):
                spans = encoded["offset_mapping"][place][: self.max_tokens]
                scored[place] = ScoredText(
                    tuple(start for start, _ in spans),
                    tuple(end for _, end in spans),
                    (None, *values) if spans else (),
                    len(encoded["input_ids"][place]) > self.max_tokens,
                )
        return [each for each in scored if each is not None]

    def _batches(self, ids: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        """Places of texts, the longest first, so that memory runs out at once or not at all."""
        batch: list[int] = []
        for place in sorted(range(len(ids)), key=lambda place: (-len(ids[place]), place)):
            longest = len(ids[batch[0]]) if batch else 0
            is_full = longest * (len(batch) + 1) > self.tokens_per_batch
            if batch and (is_full or len(ids[place]) < LEAST_FILLED * longest):
                yield batch
                batch = []
            batch.append(place)
        if batch:
            yield batch

    def _run(self, batch: list[list[int]]) -> list[list[float]]:
        """The log-probabilities of all tokens of each text but its first."""
        torch = _library("torch")
        longest = max(map(len, batch))
        if longest < 2:
            return [[] for _ in batch]
        ids = torch.zeros((len(batch), longest), dtype=torch.long)
        mask = torch.zeros((len(batch), longest), dtype=torch.long)
        for row, numbers in enumerate(batch):
            ids[row, : len(numbers)] = torch.tensor(numbers, dtype=torch.long)
            mask[row, : len(numbers)] = 1
        ids, mask = ids.to(self.device), mask.to(self.device)
        with torch.inference_mode():
            logits = self.model(input_ids=ids, attention_mask=mask).logits
            values = torch.cat(
                [
                    _chosen(logits[row, : len(numbers) - 1], ids[row, 1 : len(numbers)])
                    for row, numbers in enumerate(batch)
                    if numbers
                ]
            )
        told = iter(values.tolist())
        return [list(islice(told, max(0, len(numbers) - 1))) for numbers in batch]


def _chosen(logits: Any, targets: Any) -> Any:
    """log softmax at the targets, in float32 whatever the model's precision; of one text, so that
    no more than its places are held with their whole vocabulary a second time."""
    logits = logits.float()
    return logits.gather(1, targets[:, None])[:, 0] - logits.logsumexp(dim=1)


def why_no_library() -> str | None:
    """Which library is not installed, and what to do; None where all are. Imports none."""
    missing = next((name for name in LIBRARIES if find_spec(name) is None), None)
    return None if missing is None else _remedy(missing)


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ScorerError(_remedy(name)) from error


def _remedy(name: str) -> str:
    return (
        f"the scorer `transformers` needs {name}: install it with pip install "
        "'synth-assets[superfiltering]', or take the scorer `ngram`"
    )
