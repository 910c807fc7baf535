"""Code in, an outcome out: the process is started, watched, and gone when this returns."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import select
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Literal

from synth_assets.sandbox.bubblewrap import ENVIRONMENT, command
from synth_assets.sandbox.limits import Limits
from synth_assets.sandbox.readiness import SandboxError, bubblewrap_or_error
from synth_assets.sandbox.system_calls import system_call_filter

__all__ = ["Limits", "Outcome", "run_many", "run_python"]

OutcomeStatus = Literal["ok", "error", "timed_out", "output_cut", "killed"]
"""``error``: an exception, whose traceback ends the output. ``timed_out``: CPU or wall time.
``output_cut``: it printed more than it may. ``killed``: a signal ended it."""

MOST_BYTES_A_CHARACTER = 4
_CHUNK = 65_536


@dataclass(frozen=True)
class Outcome:
    """output: what was printed, errors included, up to the limit."""

    status: OutcomeStatus
    output: str


def run_python(code: str, limits: Limits | None = None) -> Outcome:
    """Runs the code in the sandbox. Errors: `SandboxError` where there is none; it is never run
    in any other way."""
    limits = limits or Limits()
    source = code.encode("utf-8", "replace")
    bubblewrap = bubblewrap_or_error()
    read_info, write_info = os.pipe()
    with (
        os.fdopen(read_info, "rb") as info,
        tempfile.TemporaryFile() as rules,
        tempfile.TemporaryFile() as complaints,
    ):
        rules.write(system_call_filter(platform.machine()))
        rules.seek(0)
        try:
            process = subprocess.Popen(
                command(
                    bubblewrap,
                    limits,
                    code_bytes=len(source),
                    filter_fd=rules.fileno(),
                    info_fd=write_info,
                ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=ENVIRONMENT,
                cwd="/",
                pass_fds=(rules.fileno(), write_info),
                start_new_session=True,
            )
        finally:
            os.close(write_info)
        with _first_process(process, info):
            printed, ended = _watch(process, source, limits)
        if printed is None:
            complaints.seek(0)
            said = complaints.read(_CHUNK).decode("utf-8", "replace").strip()
            raise SandboxError(
                f"the sandbox could not be set up: {said or f'exit code {process.returncode}'}"
            )
    text = printed.decode("utf-8", "replace")
    if len(text) > limits.output_characters:
        return Outcome("output_cut", text[: limits.output_characters])
    return Outcome(ended or _status(process.returncode), text)


def run_many(
    codes: Iterable[str], limits: Limits | None = None, *, at_once: int | None = None
) -> Iterator[Outcome]:
    """The outcome of each code in their order, a few at once (by default a process per core)."""
    with ThreadPoolExecutor(max_workers=at_once or os.cpu_count() or 1) as pool:
        yield from pool.map(lambda code: run_python(code, limits), codes)


def _watch(
    process: subprocess.Popen[bytes], source: bytes, limits: Limits
) -> tuple[bytes | None, OutcomeStatus | None]:
    """What the code printed, None where it never began; and why it is to be ended, None where it
    ended by itself."""
    assert process.stdout is not None
    most = limits.output_characters * MOST_BYTES_A_CHARACTER
    deadline = time.monotonic() + limits.wall_seconds
    printed: bytearray | None = None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not selector.select(left):
                break
            chunk = os.read(process.stdout.fileno(), _CHUNK)
            if not chunk:  # it closed its output: by ending, or else time will tell
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline - time.monotonic()))
                    return None if printed is None else bytes(printed), None
                break
            if printed is None:
                printed, chunk = bytearray(), chunk[1:]
                _hand_over(process, source)
            printed += chunk
            if len(printed) > most:
                return bytes(printed), "output_cut"
    return bytes(printed or b""), "timed_out"


def _hand_over(process: subprocess.Popen[bytes], source: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it has ended; its exit code will tell
        process.stdin.write(source)
        process.stdin.close()


@contextlib.contextmanager
def _first_process(process: subprocess.Popen[bytes], info: IO[bytes]) -> Iterator[None]:
    """Whatever happens in the block, all that runs inside is gone after it: its process number 1
    is ended and waited for, and the kernel lets that one end as the last."""
    handle = None
    try:
        with contextlib.suppress(ValueError, KeyError, ProcessLookupError):
            handle = os.pidfd_open(json.loads(info.read())["child-pid"])
        yield
    finally:
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        if handle is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [])
            os.close(handle)
        if process.poll() is None and handle is None:
            process.kill()
        process.wait()


def _status(code: int) -> OutcomeStatus:
    """bubblewrap gives 128 and the number of the signal that ended the code."""
    if code in (128 + signal.SIGXCPU, 128 + signal.SIGKILL):
        return "timed_out"
    if code < 0 or code > 128:
        return "killed"
    return "ok" if code == 0 else "error"
