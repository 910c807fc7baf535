"""Whatever goes wrong: one row and one reply for each request, and accounts that agree with what
the endpoint counted. Faults, their order, duplicates and concurrency are drawn."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from synth_assets.errors import RejectedCallError, TransientCallError
from synth_assets.identity import canonical_json
from synth_assets.llm.breaker import Patience
from synth_assets.llm.budget import Ledger
from synth_assets.llm.call_store import MemoryCallStore
from synth_assets.llm.journal import Journal
from synth_assets.llm.replies import RawReply, body_of, read_reply
from synth_assets.llm.request import Request
from synth_assets.llm.transports.scripted import Scripted
from synth_assets.recipe import Budget
from synth_assets.recipe_model import Model
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe

TRANSIENT = ["rate_limit", "timeout", "connection", "server", "truncated_body"]
REJECTED = ["bad_request", "content_policy", "context_too_long"]
PATIENT = Patience(after=10, most_s=600.0, first_s=0.001, longest_s=0.002)


@dataclass
class Endpoint(Scripted):
    """Plays the faults of each prompt, then answers; counts what it sold."""

    faults: dict[str, list[str]]
    sold: Counter[str] = field(default_factory=Counter)
    tokens: int = 0

    def __post_init__(self) -> None:
        super().__init__([])

    async def send(self, model: Model, request: Request) -> RawReply:
        prompt = request.messages[0]["content"]
        await asyncio.sleep(0)
        left = self.faults.get(prompt, [])
        if left:
            kind = left.pop(0)
            if kind in REJECTED:
                raise RejectedCallError("no", kind=kind)
            retry_after_s = 0.001 if kind == "rate_limit" else None
            raise TransientCallError("not now", kind=kind, retry_after_s=retry_after_s)
        self.sold[prompt] += 1
        inputs, outputs = 3 + len(prompt), 5
        self.tokens += inputs + outputs
        body = body_of(f"re: {prompt}", model="m", input_tokens=inputs, output_tokens=outputs)
        return read_reply(canonical_json(body))


prompts = st.integers(0, 30).map(lambda n: f"p{n}")
faults = st.dictionaries(
    prompts, st.lists(st.sampled_from(TRANSIENT * 2 + REJECTED), max_size=7), max_size=25
)


@settings(max_examples=60, deadline=None)
@given(
    asked=st.lists(prompts, max_size=60),
    faults=faults,
    concurrency=st.sampled_from([1, 3, 16]),
    max_retries=st.integers(0, 3),
    tokens_per_minute=st.sampled_from([None, 10_000_000]),
    calls_per_run=st.sampled_from([None, 1000]),
)
def test_every_request_ends_in_one_row_and_one_reply_and_the_sums_agree(
    asked: list[str],
    faults: dict[str, list[str]],
    concurrency: int,
    max_retries: int,
    tokens_per_minute: int | None,
    calls_per_run: int | None,
):
    endpoint = Endpoint({prompt: list(kinds) for prompt, kinds in faults.items()})
    store = MemoryCallStore()
    recipe = make_recipe(
        {
            "model": "openai_compatible/m",
            "base_url": "http://127.0.0.1:1/v1",
            "max_concurrency": concurrency,
            "max_retries": max_retries,
            "tokens_per_minute": tokens_per_minute,
            "input_usd_per_million": 2.0,
            "output_usd_per_million": 2.0,
        },
        **({} if calls_per_run is None else {"calls_per_run": calls_per_run}),
    )
    with TemporaryDirectory() as folder:
        home = Path(folder)
        with make_engine(
            home,
            recipe=recipe,
            calls=store,
            transports={"it": endpoint},
            patience=PATIENT,
            run_id="r",
        ) as engine:
            replies = list(engine.ask([ask_for(prompt) for prompt in asked]))
        ledger = Ledger(
            home / "budget.sqlite", recipe="trial", run_id="r", limits=Budget(),
            journal=Journal(home),
        )  # fmt: skip
        spent = ledger.spent_in_run()
        ledger.close()
    assert len(replies) == len(asked)
    for prompt, reply in zip(asked, replies, strict=True):
        assert reply.text == f"re: {prompt}" or reply.status in ("failed", "refused")
    rows = store.rows
    assert Counter(row["key"] for row in rows) == Counter({row["key"]: 1 for row in rows})
    assert {row["call_id"] for row in rows} == {reply.call_id for reply in replies}
    assert len(rows) == len(set(asked)) == engine.stats.made == spent.calls
    assert sum(not reply.is_cached for reply in replies) == len(rows)
    ok = [row for row in rows if row["status"] == "ok"]
    assert len(ok) == sum(endpoint.sold.values()) == len(endpoint.sold), "nothing is bought twice"
    tokens = sum(row["input_tokens"] + row["output_tokens"] for row in ok)
    assert tokens == endpoint.tokens == spent.tokens
    assert spent.picodollars == endpoint.tokens * 2_000_000
    assert round(engine.stats.cost_usd * 10**12) == spent.picodollars
    assert engine.stats.failed == sum(row["status"] == "failed" for row in rows)
