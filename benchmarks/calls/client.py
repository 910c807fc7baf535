"""One measurement in a process of its own: a case as JSON on the command line in, figures out.

A process of its own, so that CPU seconds and peak memory are this case's alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
os.environ.setdefault("MISTRAL_API_KEY", "none")  # the server on loopback wants no key

WARM = 10**8
"""The number of the first prompt that is asked before anything is measured."""

WORDS = "Write one sentence about a harbour at dusk, and name the number"


def prompts(count: int, size: int, first: int = 0) -> Iterator[str]:
    """``count`` prompts of about ``size`` characters, no two alike."""
    filling = "x" * max(0, size - len(WORDS) - 12)
    for number in range(first, first + count):
        yield f"{WORDS} {number:09d}. {filling}"


def run_engine(case: dict[str, Any]) -> dict[str, Any]:
    """All of it: identity, look-up, budget, limits, sending, journal, rows in a lake."""
    from pydantic import BaseModel

    from synth_assets.llm.engine import Engine
    from synth_assets.llm.request import Ask, Request, user
    from synth_assets.llm.transports import Transport
    from synth_assets.llm.transports.litellm_providers import LitellmProviders
    from synth_assets.methods.structured_asking import ask_structured
    from synth_assets.recipe import load_recipe
    from synth_assets.store.calls import LakeCalls
    from synth_assets.store.home import Home
    from synth_assets.store.lake import Lake

    folder = Path(case["folder"])
    recipe = load_recipe(folder / "bench.yaml")
    sampling = {"temperature": 0.7, "max_tokens": 64}

    class Answer(BaseModel):
        sentence: str
        number: int

    def requests() -> Iterator[Request]:
        for text in prompts(case["calls"], case.get("size", 200)):
            yield Request("it", (user(text),), sampling)

    def replies(ask: Ask) -> Iterator[str]:
        if not case.get("structured"):
            yield from (reply.status for reply in ask(requests()))
            return
        for _, reply in ask_structured(ask, ((None, r) for r in requests()), Answer):
            yield reply.status

    def transports() -> dict[str, Transport] | None:
        return {"it": LitellmProviders(is_direct=False)} if case.get("acompletion") else None

    peaks: list[int] = []
    statuses: dict[str, int] = {}
    with Lake(Home.at(folder / "home")) as lake:
        store = LakeCalls(lake)
        if case.get("warm"):  # opens the lake and imports what is imported once
            with Engine(
                recipe,
                home=lake.home.path,
                calls=store,
                asked_for="bench.warm",
                transports=transports(),
            ) as first:
                list(first.ask(Request("it", (user(t),)) for t in prompts(16, 20, WARM)))
        start, cpu = time.perf_counter(), time.process_time()
        with Engine(
            recipe,
            home=lake.home.path,
            calls=store,
            asked_for="bench.completions",
            transports=transports(),
        ) as engine:
            for number, status in enumerate(replies(engine.ask), start=1):
                statuses[status] = statuses.get(status, 0) + 1
                if number % max(1, case["calls"] // 10) == 0:
                    peaks.append(_peak_kb())
                if case.get("announce") and number == case["announce"]:
                    print("HALF", flush=True)
            stats = engine.stats
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {
        "seconds": seconds,
        "cpu_ms_a_call": 1000 * cpu / case["calls"],
        "statuses": statuses,
        "made": stats.made,
        "cached": stats.cached,
        "retries": stats.retries,
        "peaks_kb": peaks,
    }


def run_aiohttp(case: dict[str, Any]) -> dict[str, Any]:
    """The ceiling: the same bodies over the same library, and nothing else."""
    texts = prompts(case["calls"], case.get("size", 200))
    return _timed(case, lambda: post_all(case["base_url"], texts, case["concurrency"]))


def post_all(base_url: str, texts: Iterator[str], concurrency: int) -> int:
    """Posts the texts, so many at once, and reads the replies; gives how many came."""
    import aiohttp
    import orjson

    answered = 0

    async def all_of_them() -> None:
        async def worker(session: aiohttp.ClientSession) -> None:
            nonlocal answered
            for text in texts:
                body = {
                    "model": "m",
                    "messages": [{"role": "user", "content": text}],
                    "temperature": 0.7,
                    "max_tokens": 64,
                    "seed": 0,
                }
                async with session.post(
                    f"{base_url}/chat/completions",
                    data=orjson.dumps(body),
                    headers={"Content-Type": "application/json"},
                ) as reply:
                    orjson.loads(await reply.read())["choices"][0]["message"]["content"]
                    answered += 1

        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            await asyncio.gather(*(worker(session) for _ in range(concurrency)))

    _run(all_of_them)
    return answered


def run_litellm(case: dict[str, Any]) -> dict[str, Any]:
    """Bare ``litellm.acompletion``, as its documentation shows it."""
    import litellm  # the thing measured

    async def all_of_them() -> None:
        waiting = prompts(case["calls"], case.get("size", 200))

        async def worker() -> None:
            for text in waiting:
                await litellm.acompletion(
                    model=case["model"],
                    messages=[{"role": "user", "content": text}],
                    api_base=case["api_base"],
                    api_key="none",
                    temperature=0.7,
                    max_tokens=64,
                )

        await worker_once()
        await asyncio.gather(*(worker() for _ in range(case["concurrency"])))

    async def worker_once() -> None:
        await litellm.acompletion(
            model=case["model"],
            messages=[{"role": "user", "content": "warm"}],
            api_base=case["api_base"],
            api_key="none",
        )

    return _timed(case, lambda: asyncio.run(all_of_them()))


def _timed(case: dict[str, Any], act: Callable[[], object]) -> dict[str, Any]:
    start, cpu = time.perf_counter(), time.process_time()
    act()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {"seconds": seconds, "cpu_ms_a_call": 1000 * cpu / case["calls"]}


def _run(main: Callable[[], Any]) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(main())
    else:
        uvloop.run(main())


def _peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


KINDS = {"engine": run_engine, "aiohttp": run_aiohttp, "litellm": run_litellm}

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupt)
    asked = json.loads(sys.argv[1])
    try:
        print(json.dumps(KINDS[asked["kind"]](asked)), flush=True)
    except KeyboardInterrupt:
        sys.exit(130)
