"""The cases: what the server does, how much is asked of it, what the table shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.peers.measurement import Measurement
from synth_assets_tests.server import Fault, Settings


@dataclass(frozen=True)
class Case:
    """limit_s: how long one run of a driver may take. is_killed: half way, then started again.
    figure: what the table shows of a measurement that has figures."""

    name: str
    heading: str
    settings: Settings
    count: int
    concurrency: int
    figure: Callable[[Measurement], str]
    limit_s: float = 240
    is_structured: bool = False
    timeout_s: int | None = None
    is_killed: bool = False


def _cpu_a_call(it: Measurement) -> str:
    return f"{1000 * (it.cpu_seconds or 0) / it.count:.2f} ms"


def _rate(it: Measurement) -> str:
    return f"{it.count / (it.seconds or 1):,.0f} a second"


def _seconds(it: Measurement) -> str:
    return f"{it.seconds:.1f} s"


def _seconds_and_rows(it: Measurement) -> str:
    return f"{it.seconds:.1f} s, {it.rows:,} rows"


def _repeated(it: Measurement) -> str:
    return f"{it.repeated:,} ({it.unanswered} without a reply)"


FAULTS = (
    Fault("rate_limit", 0.05, retry_after_s=1.0),
    Fault("server_error", 0.03),
    Fault("reset", 0.01),
    Fault("hang", 0.01),
    Fault("truncated", 0.02),
    Fault("broken_content", 0.02),
)

_ALL = (
    Case("cpu", "CPU a call", Settings(), 5_000, 64, _cpu_a_call),
    Case(
        "throughput",
        "calls of 100 ms, 500 at once",
        Settings(latency_s=0.1),
        5_000,
        500,
        _rate,
    ),
    Case(
        "rate_limited",
        "1,000 calls of 100 ms, 5 % 429 (Retry-After 1 s), 50 at once",
        Settings(latency_s=0.1, faults=FAULTS[:1]),
        1_000,
        50,
        _seconds,
    ),
    Case(
        "slow_replies",
        "2,000 calls of 50 ms, 1 % take 5 s, 50 at once",
        Settings(latency_s=0.05, slow_share=0.01, slow_s=5.0),
        2_000,
        50,
        _seconds,
    ),
    Case(
        "storm",
        "2,000 structured of 100 ms: 5 % 429, 3 % 500, 1 % reset, 1 % hang (timeout 30 s), "
        "2 % truncated, 2 % malformed, 128 at once",
        Settings(latency_s=0.1, faults=FAULTS),
        2_000,
        128,
        _seconds_and_rows,
        limit_s=1_800,
        is_structured=True,
        timeout_s=30,
    ),
    Case(
        "killed",
        "kill -9 at half of 2,000, then again: bought twice, 100 at once",
        Settings(latency_s=0.1),
        2_000,
        100,
        _repeated,
        limit_s=120,
        is_killed=True,
    ),
)

CASES = {case.name: case for case in _ALL}
