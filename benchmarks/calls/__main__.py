"""``python -m benchmarks.calls [CASE …]``: every case, or those named; a Markdown table out.

``FULL=1`` takes a million requests where it otherwise takes 100,000.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heapify, heapreplace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.calls.client import prompts
from benchmarks.calls.project import project
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets_tests.server import Fault, ServingProcess, Settings, serving_process

FULL = bool(os.environ.get("FULL"))
MANY = 1_000_000 if FULL else 100_000


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    case: str
    measured: str
    beside: str
    target: str


def client(**case: Any) -> dict[str, Any]:
    """One measurement in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.calls.client", json.dumps(case)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def cpu() -> list[Row]:
    """CPU per call, everything on: identity, look-up, budget, limits, journal, rows in a lake."""
    calls = 5_000
    with serving_process() as server:
        raw = client(kind="aiohttp", base_url=server.base_url, calls=calls, concurrency=64)
        with project(server.base_url, max_concurrency=64) as folder:
            ours = client(kind="engine", folder=folder, calls=calls, warm=True)
    return [
        Row(
            "CPU a call, `openai_compatible`, everything on",
            f"{ours['cpu_ms_a_call']:.3f} ms",
            f"raw aiohttp {raw['cpu_ms_a_call']:.3f} ms",
            "≤ 0.25 ms",
        )
    ]


def throughput() -> list[Row]:
    """5,000 calls of 100 ms at concurrency 500."""
    with serving_process(Settings(latency_s=0.1)) as server:
        raw = client(kind="aiohttp", base_url=server.base_url, calls=5_000, concurrency=500)
        with project(server.base_url, max_concurrency=500) as folder:
            ours = client(kind="engine", folder=folder, calls=5_000, warm=True)
    rate, ceiling = 5_000 / ours["seconds"], 5_000 / raw["seconds"]
    return [
        Row(
            "5,000 calls of 100 ms, concurrency 500",
            f"{rate:,.0f} a second ({rate / ceiling:.2f} of raw)",
            f"raw aiohttp {ceiling:,.0f} a second",
            "≥ 0.85 of raw",
        )
    ]


def litellm() -> list[Row]:
    """Through litellm: with its transformations around our session, and by acompletion."""
    calls = 1_000
    with serving_process() as server:
        bare = client(
            kind="litellm", model="mistral/m", api_base=server.base_url, calls=calls, concurrency=64
        )
        with project(server.base_url, model="mistral/m", max_concurrency=64) as folder:
            ours = client(kind="engine", folder=folder, calls=calls * 3, warm=True)
        with project(server.base_url, model="mistral/m", max_concurrency=64) as folder:
            fallback = client(
                kind="engine", folder=folder, calls=calls, warm=True, acompletion=True
            )
    cpu, of_bare = fallback["cpu_ms_a_call"], bare["cpu_ms_a_call"]
    return [
        Row(
            "CPU a call through litellm's transformations (mistral)",
            f"{ours['cpu_ms_a_call']:.3f} ms",
            f"bare acompletion {bare['cpu_ms_a_call']:.3f} ms",
            "≤ 0.55 ms",
        ),
        Row(
            "CPU a call by `acompletion`, everything on",
            f"{cpu:.3f} ms ({cpu / of_bare:.2f} of bare)",
            f"bare acompletion {of_bare:.3f} ms",
            "≤ 1.15 of bare",
        ),
    ]


def rate_limited() -> list[Row]:
    """1,000 calls, 5 % 429 with Retry-After 1 s, concurrency 50."""
    seconds: list[float] = []
    for faults in ((), (Fault("rate_limit", 0.05, retry_after_s=1.0),)):
        with (
            serving_process(Settings(latency_s=0.1, faults=faults)) as server,
            project(server.base_url, max_concurrency=50) as folder,
        ):
            ours = client(kind="engine", folder=folder, calls=1_000, warm=True)
        assert ours["statuses"] == {"ok": 1_000}, ours
        seconds.append(ours["seconds"])
    return [
        Row(
            "1,000 calls, 5 % 429 with Retry-After 1 s, concurrency 50",
            f"{seconds[1]:.1f} s (+ {seconds[1] - seconds[0]:.1f} s)",
            f"without faults {seconds[0]:.1f} s",
            "+ 2 s",
        )
    ]


def slow_replies() -> list[Row]:
    """2,000 calls of 50 ms of which 1 % take 5 s, concurrency 50."""
    settings = Settings(latency_s=0.05, slow_share=0.01, slow_s=5.0)
    with (
        serving_process(settings) as server,
        project(server.base_url, max_concurrency=50) as folder,
    ):
        ours = client(kind="engine", folder=folder, calls=2_000, warm=True)
    slots = [0.0] * 50
    heapify(slots)
    for text in prompts(2_000, 200):
        heapreplace(slots, slots[0] + (5.0 if settings.is_slow(text, 0) else 0.05))
    return [
        Row(
            "2,000 calls of 50 ms, 1 % take 5 s, concurrency 50",
            f"{ours['seconds']:.1f} s",
            f"ideal schedule {max(slots):.1f} s",
            "ideal + 1 s",
        )
    ]


def storm() -> list[Row]:
    """2,000 structured calls under every fault at once, concurrency 128, a timeout of 30 s."""
    faults = (
        Fault("rate_limit", 0.05, retry_after_s=1.0),
        Fault("server_error", 0.03),
        Fault("reset", 0.01),
        Fault("hang", 0.01),
        Fault("truncated", 0.02),
        Fault("broken_content", 0.02),
    )
    with (
        serving_process(Settings(latency_s=0.1, faults=faults)) as server,
        project(server.base_url, max_concurrency=128, timeout_s=30) as folder,
    ):
        ours = client(kind="engine", folder=folder, calls=2_000, structured=True)
    rows = ", ".join(f"{count:,} {status}" for status, count in sorted(ours["statuses"].items()))
    return [
        Row(
            "2,000 structured calls: 5 % 429, 3 % 500, 1 % reset, 1 % hang (30 s), 2 % truncated, "
            "2 % malformed, concurrency 128",
            f"{ours['seconds']:.1f} s; {rows}",
            "",
            "all rows, ≤ 40 s",
        )
    ]


def ended() -> list[Row]:
    """Killed or terminated at half, then run again to the end."""
    return [
        _ended(signal.SIGKILL, "kill -9 at half of 2,000, then again", "0 lost, twice ≤ in flight"),
        _ended(signal.SIGTERM, "SIGTERM at half of 2,000, then again", "0 lost, 0 twice"),
    ]


def _ended(number: signal.Signals, name: str, target: str) -> Row:
    calls, concurrency = 2_000, 100
    with (
        serving_process(Settings(latency_s=0.1)) as server,
        project(server.base_url, max_concurrency=concurrency) as folder,
    ):
        case = {"kind": "engine", "folder": folder, "calls": calls, "announce": calls // 2}
        command = [sys.executable, "-m", "benchmarks.calls.client", json.dumps(case)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(number)
            process.wait(timeout=60)
        asked_before = _asked(server)
        again = client(**{**case, "announce": None})
        twice = _asked(server) - calls
    lost = asked_before - again["cached"] - min(twice, concurrency)
    return Row(
        name,
        f"{max(0, lost)} stored replies lost, {twice} sent twice",
        f"{concurrency} in flight",
        target,
    )


def cancelled() -> list[Row]:
    """A run with nothing but slow calls in flight, from the signal to the end of its process."""
    calls, concurrency = 2_000, 100
    settings = Settings(latency_s=0.05, slow_share=0.1, slow_s=300.0)
    with (
        serving_process(settings) as server,
        project(server.base_url, max_concurrency=concurrency) as folder,
    ):
        case = {"kind": "engine", "folder": folder, "calls": calls}
        command = [sys.executable, "-m", "benchmarks.calls.client", json.dumps(case)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            answered = -1
            while server.counters.at_once < concurrency or answered != server.counters.answered:
                answered = server.counters.answered
                time.sleep(0.5)  # until every slot holds a slow one
            start = time.perf_counter()
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
            seconds = time.perf_counter() - start
        with Lake(Home.at(Path(folder) / "home")) as lake:
            ((kept,),) = lake.execute("SELECT count(*) FROM lake.llm.calls WHERE status = 'ok'")
    return [
        Row(
            f"cancelled with {concurrency} slow calls in flight: until its process has ended",
            f"{seconds:.1f} s, {kept:,} of {answered:,} replies kept",
            "",
            "≤ 5 s, all kept",
        )
    ]


def _asked(server: ServingProcess) -> int:
    time.sleep(0.3)  # what is on its way when the client ends still arrives
    return server.counters.total


def memory() -> list[Row]:
    """Requests of 1 KB: peak memory, and how much of it came after the first 100,000."""
    with (
        serving_process() as server,
        project(server.base_url, max_concurrency=128) as folder,
    ):
        ours = client(kind="engine", folder=folder, calls=MANY, size=1_000)
        again = client(kind="engine", folder=folder, calls=MANY, size=1_000)
    peaks = [peak / 1e6 for peak in ours["peaks_kb"]]
    return [
        Row(
            f"memory, {MANY:,} requests of 1 KB",
            f"{peaks[-1]:.2f} GB peak ({peaks[0]:.2f} GB after a tenth)",
            f"{MANY / ours['seconds']:,.0f} calls a second",
            "≤ 3 GB, flat after the first 100,000",
        ),
        Row(
            f"{MANY:,} stored calls asked for again, through `ask`",
            f"{again['seconds']:.1f} s, {again['made']} calls made",
            f"{again['cpu_ms_a_call'] * 1000:.0f} µs of CPU each",
            "no call, ≤ 30 s a million",
        ),
    ]


CASES: dict[str, Callable[[], list[Row]]] = {
    "cpu": cpu,
    "throughput": throughput,
    "litellm": litellm,
    "rate_limited": rate_limited,
    "slow_replies": slow_replies,
    "storm": storm,
    "ended": ended,
    "cancelled": cancelled,
    "memory": memory,
}


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in CASES]
    if unknown:
        sys.exit(f"no such case: {', '.join(unknown)}; known: {', '.join(CASES)}")
    packages = ("aiohttp", "litellm", "duckdb")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {versions}\n")
    print("| case | measured | beside | to reach |\n|---|---|---|---|")
    for name in names or list(CASES):
        for row in CASES[name]():
            print(f"| {row.case} | {row.measured} | {row.beside} | {row.target} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
