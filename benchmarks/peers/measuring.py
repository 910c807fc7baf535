"""A case and a driver in, its measurement out: starts the server, runs the driver, watches it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.cases import Case
from benchmarks.peers.contestants import Contestant
from benchmarks.peers.driving import Task
from benchmarks.peers.measurement import Measurement
from synth_assets_tests.server import ServingProcess, serving_process

ROOT = Path(__file__).parents[2]
LOOK_S = 0.05
SETTLES_S = 0.5
REFUSES = "http://127.0.0.1:9"
"""Nobody listens there."""


class NoFigures(Exception):
    """A driver gave none; says why in a few words."""


def measure(contestant: Contestant, python: Path, case: Case, folder: Path) -> Measurement:
    """Runs the driver, twice where the case kills it. Its files are gone afterwards, its log is
    in ``folder/logs``."""
    name = f"{contestant.name.replace(' ', '_').replace(',', '')}-{case.name}"
    files, logs = folder / "files" / name, folder / "logs"
    shutil.rmtree(files, ignore_errors=True)
    for made in (files, logs):
        made.mkdir(parents=True, exist_ok=True)
    with serving_process(case.settings) as server:
        task = Task(
            base_url=server.base_url,
            case=case.name,
            count=case.count,
            concurrency=case.concurrency,
            folder=str(files),
            is_structured=case.is_structured,
            timeout_s=case.timeout_s,
            is_warmed=not case.is_killed,
            **contestant.options,
        )
        command = [str(python), str(Path(__file__).with_name(f"{contestant.driver}.py"))]
        log = logs / f"{name}.log"
        log.unlink(missing_ok=True)
        driver = Driver([*command, task.as_json()], files, log)
        unanswered: dict[str, Any] = {}
        figures: dict[str, Any]
        try:
            if case.is_killed:
                driver.kill_when(lambda: _is_half_way(server, case), case.limit_s)
                unanswered = {"unanswered": _unanswered(server, case)}
            figures = driver.figures(case.limit_s) | unanswered
        except NoFigures as problem:
            again = "started again: " if unanswered else ""
            figures = {"problem": f"{again}{problem}"}
        if case.is_killed and "problem" not in figures:
            figures["repeated"] = server.counters.repeated
    shutil.rmtree(files, ignore_errors=True)
    return Measurement(contestant.name, case.name, case.count, **figures)


@dataclass(frozen=True)
class Driver:
    """A driver's command, the folder that it takes for its home, and its log."""

    command: list[str]
    home: Path
    log: Path

    def figures(self, limit_s: float) -> dict[str, Any]:
        """Runs it to its end; gives what it printed. Errors: `NoFigures`."""
        with self._started() as process:
            try:
                process.wait(limit_s)
            except subprocess.TimeoutExpired:
                raise NoFigures(f"not done after {limit_s:,.0f} s, killed") from None
            finally:
                _kill_group(process)
        for line in reversed(self.log.read_text(errors="replace").splitlines()):
            with contextlib.suppress(ValueError, TypeError):
                found = json.loads(line)
                if isinstance(found, dict) and found.keys() == {"seconds", "cpu_seconds", "rows"}:
                    return found
        raise NoFigures(f"failed with {process.returncode}, see {self.log.name}")

    def kill_when(self, is_time: Callable[[], bool], limit_s: float) -> None:
        """Runs it until it is time, and kills it. Errors: `NoFigures` where that never comes."""
        ends = time.monotonic() + limit_s
        with self._started() as process:
            try:
                while not is_time():
                    if process.poll() is not None:
                        raise NoFigures(
                            f"ended with {process.returncode} before half, see {self.log.name}"
                        )
                    if time.monotonic() > ends:
                        raise NoFigures(f"not half way after {limit_s:,.0f} s, killed")
                    time.sleep(LOOK_S)
            finally:
                _kill_group(process)

    def _started(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command,
                env=surroundings(self.home),
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a process group of its own, to be killed as one
            )


def surroundings(home: Path) -> dict[str, str]:
    """The environment of a driver: telemetry, viewers and hubs off, caches in its own folder, and
    a proxy that refuses whatever is not on loopback."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HTTP_PROXY": REFUSES,
        "HTTPS_PROXY": REFUSES,
        "NO_PROXY": "127.0.0.1,localhost",
        "DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "OPENAI_API_KEY": "none",
        "CURATOR_VIEWER": "0",
        "TELEMETRY_ENABLED": "false",
        "NEMO_TELEMETRY_ENABLED": "false",
        "DISTILABEL_LOG_LEVEL": "WARNING",
    }


def _is_half_way(server: ServingProcess, case: Case) -> bool:
    return server.counters.answered >= case.count // 2


def _unanswered(server: ServingProcess, case: Case) -> int:
    """Requests that were without a reply when the driver was killed: what the server has to say to
    a connection that is gone counts as no answer."""
    time.sleep(case.settings.latency_s + SETTLES_S)
    counted = server.counters
    return counted.total - counted.answered


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kills the driver with all that it started; nothing where all of it has ended."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
