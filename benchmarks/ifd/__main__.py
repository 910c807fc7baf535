"""``python -m benchmarks.ifd [MODEL]``: tokens a second of the IFD scorer beside a plain loop.

MODEL is a folder or a name on the Hub; without one, a model of GPT-2's size (124 million
parameters) with random weights is made, for its speed is that of the real one. ``ROWS`` sets how
many pairs are scored, ``PRECISION`` is float32 or bfloat16. Prints a Markdown table; its own floor:
scores agree with those of one text at a time, and the scorer is not slower.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, cast, get_args

from synth_assets.quality.scorers import ScoredText
from synth_assets.quality.scorers.causal import TOKENS_PER_BATCH, CausalScorer, Precision
from synth_assets_tests.quality.scorers.tiny_model import tiny_model, tiny_tokenizer

GPT2: dict[str, Any] = {"width": 768, "layers": 12, "positions": 1024, "spread": 0.02}
GPT2_VOCABULARY = 50_257


def pairs(count: int) -> list[tuple[str, str]]:
    """(prompt, completion): Self-Instruct's seed tasks where they are, else made-up sentences."""
    folder = os.environ.get("SYNTH_TEST_DATA")
    if folder:
        lines = (Path(folder) / "self-instruct" / "seed_tasks.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        found = [
            (f"{row['instruction']}\n{each['input']}\n", each["output"])
            for row in rows
            for each in row["instances"]
        ]
    else:
        words = ("the", "a", "cat", "dog", "ran", "sat", "home", "under", "seven", "harbour")
        draw = random.Random(1)
        found = [
            (
                " ".join(draw.choices(words, k=draw.randint(8, 60))) + "\n",
                " ".join(draw.choices(words, k=draw.randint(8, 200))),
            )
            for _ in range(200)
        ]
    return [found[place % len(found)] for place in range(count)]


def load(name: str | None, precision: Precision, corpus: list[str]) -> CausalScorer:
    if name is not None:
        return CausalScorer.load(name, precision=precision)
    torch: Any = import_module("torch")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = tiny_model(GPT2_VOCABULARY, **GPT2).to(device, getattr(torch, precision))
    tokenizer = tiny_tokenizer(corpus, 8000)
    return CausalScorer(model, tokenizer, device, 1024, TOKENS_PER_BATCH[device])


def one_by_one(scorer: CausalScorer, texts: list[str]) -> Iterator[ScoredText]:
    """As a loop over rows does it: a forward pass a text."""
    for text in texts:
        yield from scorer.token_logprobs([text])


def main() -> int:
    rows = int(os.environ.get("ROWS", "24"))
    precision = os.environ.get("PRECISION", "float32")
    if precision not in get_args(Precision):
        raise SystemExit(f"PRECISION is float32 or bfloat16, not {precision}")
    texts = [text for before, after in pairs(rows) for text in (after, before + after)]
    name = sys.argv[1] if len(sys.argv) > 1 else None
    scorer = load(name, cast(Precision, precision), texts)
    list(scorer.token_logprobs(texts[:4]))  # the first calls load kernels
    times: dict[str, float] = {}
    scores: dict[str, list[ScoredText]] = {}
    for way, run in (("one text at a time", one_by_one), ("batched", CausalScorer.token_logprobs)):
        begin = time.perf_counter()
        scores[way] = list(run(scorer, texts))
        times[way] = time.perf_counter() - begin
    tokens = sum(len(each.logprobs) for each in scores["batched"])
    print(f"{rows} rows, {tokens:,} tokens, {precision}, {_device(scorer)}\n")
    print("| way | seconds | tokens a second |\n|---|---|---|")
    for way, seconds in times.items():
        print(f"| {way} | {seconds:.2f} | {tokens / seconds:,.0f} |")
    widest = max(_difference(*both) for both in zip(*scores.values(), strict=True))
    print(f"\nWidest difference of a log-probability: {widest:.1e}")
    is_equal = widest < (1e-3 if precision == "float32" else 0.5)
    return 0 if is_equal and times["batched"] <= times["one text at a time"] else 1


def _difference(one: ScoredText, other: ScoredText) -> float:
    told = zip(one.logprobs, other.logprobs, strict=True)
    return max((abs(a - b) for a, b in told if a is not None and b is not None), default=0.0)


def _device(scorer: CausalScorer) -> str:
    if scorer.device == "cpu":
        return f"{os.cpu_count()} cores"
    return import_module("torch").cuda.get_device_name()


if __name__ == "__main__":
    raise SystemExit(main())
