"""Two answers in, math-verify's verdict out, or None where it does not come to one."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from functools import lru_cache
from pathlib import Path

from synth_assets.errors import SynthError

_WORKER = Path(__file__).with_name("math_worker.py")
_INHERITED = ("PATH", "PYTHONPATH", "PYTHONHOME", "HOME", "VIRTUAL_ENV", "LANG", "LC_ALL", "TMPDIR")


CPU_SECONDS = 5.0
"""What one comparison may use, math-verify's own limit: ordinary ones take milliseconds."""


class MathProcess:
    """The worker process: started with the first question, and again after one that ended it.

    Threads may share it; they wait for one another. A process that was forked off starts its own.
    """

    def __init__(self, cpu_seconds: float = CPU_SECONDS) -> None:
        self._cpu_seconds = cpu_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0

    def decide(self, gold: str, answer: str) -> bool | None:
        """None where a side cannot be read, or the comparison used up its time or memory."""
        with self._lock:
            process = self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(json.dumps({"gold": gold, "answer": answer}) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except BrokenPipeError:
                line = ""
            except BaseException:
                # Interrupted between question and verdict: the next one must not read this verdict.
                self._end()
                raise
            if line.endswith("\n"):
                return json.loads(line)
            code = self._end()
            if code is not None and code > 0:
                raise SynthError(
                    f"the process that compares answers ended with exit code {code}; "
                    "is math-verify installed? try: pip install 'math-verify>=0.9'"
                )
            return None

    def close(self) -> None:
        """Ends the process; a later question starts another."""
        with self._lock:
            self._end()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._owner != os.getpid():
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-W", "ignore", str(_WORKER), str(self._cpu_seconds)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _INHERITED if name in os.environ},
                encoding="utf-8",
            )
            self._owner = os.getpid()
        return self._process

    def _end(self) -> int | None:
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return None
        try:
            process.communicate(timeout=1)
        except (subprocess.TimeoutExpired, BrokenPipeError, ValueError):
            process.kill()
            process.communicate()
        return process.returncode


_process = MathProcess()
atexit.register(_process.close)


@lru_cache(maxsize=4096)
def math_verify(gold: str, answer: str) -> bool | None:
    """`MathProcess.decide` in this process's one worker; equal questions are asked once."""
    return _process.decide(gold, answer)
