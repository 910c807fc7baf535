"""The bench of peers: its table from lines of JSON, and our own driver against the server."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.peers.cases import CASES, Case
from benchmarks.peers.contestants import CONTESTANTS, VERSIONS, Contestant, pinned_versions
from benchmarks.peers.driving import is_answer
from benchmarks.peers.environments import NotInstalled, environment
from benchmarks.peers.measurement import Measurement
from benchmarks.peers.measuring import measure, surroundings
from benchmarks.peers.table import table
from synth_assets_tests.server import Fault, Settings

OURS = Contestant("this package", "engine_driver")


def make_case(count: int = 20, **more: object) -> Case:
    settings = Settings(latency_s=0.05)
    kept = {"settings": settings, "concurrency": 4, "limit_s": 300, **more}
    return Case("tiny", "tiny", count=count, figure=lambda it: f"{it.rows} rows", **kept)  # pyright: ignore[reportArgumentType]


def line(**values: object) -> Measurement:
    return Measurement.from_line(json.dumps(values))


def test_a_case_is_a_column_and_a_library_a_line() -> None:
    measured = [
        line(who="it", case="cpu", count=1000, seconds=2.0, cpu_seconds=0.5, rows=1000),
        line(who="it", case="throughput", count=5000, seconds=2.5, cpu_seconds=1.0, rows=5000),
        line(who="peer", case="cpu", count=1000, seconds=9.0, cpu_seconds=4.0, rows=1000),
    ]
    assert table(measured, ["it", "peer"], [CASES["cpu"], CASES["throughput"]]) == (
        "|  | CPU a call | calls of 100 ms, 500 at once |\n"
        "| --- | --- | --- |\n"
        "| it | 0.50 ms | 2,000 a second |\n"
        "| peer | 4.00 ms | – |"
    )


def test_a_library_without_figures_says_why() -> None:
    stopped = line(who="it", case="cpu", count=10, problem="not done after 240 s, killed")
    assert table([stopped], ["it"], [CASES["cpu"]]).endswith(
        "| it | not done after 240 s, killed |"
    )


def test_rows_that_were_not_obtained_are_said() -> None:
    figures = {"count": 2000, "seconds": 9.0, "cpu_seconds": 1.0, "rows": 1950}
    measured = [
        line(who="it", case="slow_replies", **figures),
        line(who="it", case="storm", **figures),
        line(who="it", case="killed", **figures, repeated=56, unanswered=100),
    ]
    cases = [CASES[name] for name in ("slow_replies", "storm", "killed")]
    assert table(measured, ["it"], cases).splitlines()[-1] == (
        "| it | 9.0 s (50 of 2,000 rows missing) | 9.0 s, 1,950 rows "
        "| 56 (100 without a reply) (50 of 2,000 rows missing) |"
    )


def test_a_measurement_is_read_back_from_its_line() -> None:
    it = Measurement("it", "cpu", 10, seconds=1.5, cpu_seconds=0.5, rows=10)
    assert Measurement.from_line(it.as_line()) == it


def test_only_a_reply_of_the_form_asked_for_is_an_answer() -> None:
    assert is_answer('{"sentence": "a", "number": 1}')
    assert is_answer({"sentence": "a", "number": 1})
    assert not is_answer('{"sentence": "a", "number": 1')
    assert not is_answer({"sentence": "a"})
    assert not is_answer(None)


def test_whatever_is_installed_has_a_version() -> None:
    installed = {name for it in CONTESTANTS for name in it.distributions}
    assert pinned_versions(VERSIONS.read_text()).keys() == installed


def test_a_peer_that_cannot_be_installed_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled, match="a b"):
        environment(tmp_path, ["a b==1"])


def test_a_driver_sees_no_key_and_no_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    seen = surroundings(tmp_path)
    assert "secret" not in seen.values()
    assert seen["HTTPS_PROXY"] == "http://127.0.0.1:9"
    assert seen["HOME"] == str(tmp_path)


def test_our_driver_gets_every_row_under_faults(tmp_path: Path) -> None:
    settings = Settings(faults=(Fault("server_error", 0.2), Fault("reset", 0.1)))
    case = make_case(settings=settings, is_structured=True, timeout_s=30)
    it = measure(OURS, Path(sys.executable), case, tmp_path)
    assert (it.problem, it.rows, it.repeated) == (None, 20, None)
    assert it.seconds is not None and it.seconds > 0
    assert it.cpu_seconds is not None and it.cpu_seconds > 0


@pytest.mark.full
def test_our_driver_killed_half_way_and_started_again_gets_every_row(tmp_path: Path) -> None:
    it = measure(OURS, Path(sys.executable), make_case(80, is_killed=True), tmp_path)
    assert (it.problem, it.rows) == (None, 80)
    assert it.repeated is not None and it.repeated < 40
    assert it.unanswered is not None and it.unanswered <= 4


def test_a_driver_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    case = make_case(settings=Settings(latency_s=600), limit_s=1)
    it = measure(OURS, Path(sys.executable), case, tmp_path)
    assert (it.problem, it.rows) == ("not done after 1 s, killed", None)


def test_a_driver_that_fails_points_to_its_log(tmp_path: Path) -> None:
    nobody = Contestant("nobody", "no_driver")
    it = measure(nobody, Path(sys.executable), make_case(), tmp_path)
    assert it.problem == "failed with 2, see nobody-tiny.log"
    assert "no_driver.py" in (tmp_path / "logs" / "nobody-tiny.log").read_text()
