"""Code that wants out, or wants everything: contained within seconds, and nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from synth_assets.sandbox import Limits, Outcome, run_python
from synth_assets_tests.needs_bubblewrap import needs_sandbox

MEGABYTE = 1024 * 1024
_marks = count(1)


@pytest.fixture(autouse=True)
def _sandbox() -> None:
    needs_sandbox()


@pytest.fixture
def limits() -> Iterator[Limits]:
    """Tight ones, whose bytes of /tmp mark the processes of one test on their command line."""
    mark = 2 * MEGABYTE + (os.getpid() % 100_000) * 10 + next(_marks) % 10
    yield Limits(cpu_seconds=1, wall_seconds=4, memory_bytes=256 * MEGABYTE, tmp_bytes=mark)
    assert processes_with(str(mark)) == []


def processes_with(word: str) -> list[str]:
    """Command lines on this machine that hold the word."""
    found: list[str] = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                line = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:  # it has ended
                continue
            if word.encode() in line:
                found.append(process.name)
    return found


def last_line(outcome: Outcome) -> str:
    return outcome.output.strip().splitlines()[-1]


def test_the_network_is_refused(limits: Limits) -> None:
    code = "import socket\nsocket.create_connection(('127.0.0.1', 80), timeout=1)"
    outcome = run_python(code, limits)
    assert outcome.status == "error"
    assert last_line(outcome) == "PermissionError: [Errno 1] Operation not permitted"


def test_a_planted_file_of_the_host_cannot_be_read(limits: Limits, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the launch code")
    outcome = run_python(f"print(open({str(secret)!r}).read())", limits)
    assert outcome.status == "error"
    assert "the launch code" not in outcome.output
    assert last_line(outcome).startswith("FileNotFoundError")


@pytest.mark.parametrize(
    "path", ["/etc/shadow", "/etc/passwd", "/root", "/home", "/proc/1/environ"]
)
def test_files_of_the_host_are_not_there(path: str, limits: Limits) -> None:
    assert run_python(f"import os\nprint(os.path.lexists({path!r}))", limits).output == "False\n"


def test_the_lake_and_its_home_are_not_there(
    limits: Limits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTH_HOME", str(tmp_path))
    code = f"import os\nprint(os.path.lexists({str(tmp_path)!r}), os.environ.get('SYNTH_HOME'))"
    assert run_python(code, limits).output == "False None\n"


def test_this_package_is_not_there(limits: Limits) -> None:
    outcome = run_python("import synth_assets", limits)
    assert last_line(outcome) == "ModuleNotFoundError: No module named 'synth_assets'"


def test_the_environment_is_not_inherited(limits: Limits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    outcome = run_python("import os\nprint(sorted(os.environ))", limits)
    assert "OPENAI_API_KEY" not in outcome.output
    assert "sk-planted" not in run_python("import os\nprint(os.environ)", limits).output


def test_open_files_of_ours_are_not_inherited(limits: Limits, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the launch code")
    code = "import os\nfor n in range(3, 64):\n try: print(os.read(n, 99))\n except OSError: pass"
    with secret.open() as file:
        os.set_inheritable(file.fileno(), True)
        assert "the launch code" not in run_python(code, limits).output


def test_nothing_can_be_written_but_into_tmp(limits: Limits) -> None:
    code = (
        "import os\n"
        "for path in ('/x', '/usr/lib/x', '/python/x', '/packages/x', '/dev/x', '/tmp/x'):\n"
        "    try: open(path, 'w').write('x'); print(path)\n"
        "    except OSError: pass"
    )
    assert run_python(code, limits).output == "/tmp/x\n"


def test_tmp_is_empty_each_time(limits: Limits) -> None:
    code = "import os\nprint(os.listdir('.'))\nopen('x', 'w').write('x')"
    assert run_python(code, limits).output == run_python(code, limits).output == "[]\n"


def test_tmp_is_bounded_by_one_file_and_by_many(limits: Limits) -> None:
    one = "f = open('a', 'wb')\nwhile True: f.write(bytes(100_000))"
    assert last_line(run_python(one, limits)) == "OSError: [Errno 27] File too large"
    many = "for n in range(1000): open(str(n), 'wb').write(bytes(500_000))"
    assert last_line(run_python(many, limits)) == "OSError: [Errno 28] No space left on device"


@pytest.mark.parametrize(
    "code",
    [
        "x = []\nwhile True: x.append('a' * 1_000_000)",
        "bytearray(10**10)",
        "import mmap\nx = mmap.mmap(-1, 10**9)",
    ],
)
def test_a_memory_bomb_ends_in_an_error(code: str, limits: Limits) -> None:
    outcome = run_python(code, limits)
    assert outcome.status == "error"
    assert last_line(outcome) in ("MemoryError", "OSError: [Errno 12] Cannot allocate memory")


@pytest.mark.parametrize(
    "code",
    [
        "import os\nwhile True: os.fork()",
        "import subprocess\nsubprocess.run(['/bin/sh'])",
        "import threading\nwhile True: threading.Thread(target=print).start()",
        "import os\nos.posix_spawn('/bin/sh', ['sh'], {})",
    ],
)
def test_a_fork_bomb_ends_with_its_first_fork(code: str, limits: Limits) -> None:
    outcome = run_python(code, limits)
    assert outcome.status == "error"
    assert last_line(outcome).startswith(("PermissionError", "RuntimeError: can't start new"))


def test_a_fork_that_goes_past_python_is_refused_too(limits: Limits) -> None:
    numbers = {"x86_64": (56, 57, 58, 435), "aarch64": (220, 435)}[os.uname().machine]
    code = (
        "import ctypes\n"
        "call = ctypes.CDLL(None, use_errno=True).syscall\n"
        f"print([call(n, 17, 0, 0, 0, 0) for n in {numbers}])"
    )
    assert run_python(code, limits).output == f"{[-1] * len(numbers)}\n"


def test_an_endless_loop_ends_with_its_cpu_time_and_what_it_printed_is_kept(
    limits: Limits,
) -> None:
    code = "print('so far', flush=True)\nwhile True: pass"
    assert run_python(code, limits) == Outcome("timed_out", "so far\n")


def test_a_loop_that_refuses_to_end_ends_all_the_same(limits: Limits) -> None:
    code = (
        "import os, signal\n"
        "for n in range(1, 65):\n"
        "    try: signal.signal(n, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n"
        "os.close(1); os.close(2)\n"
        "while True: pass"
    )
    assert run_python(code, limits).status == "timed_out"


def test_code_that_sleeps_ends_with_the_wall_clock() -> None:
    limits = Limits(wall_seconds=0.5)
    assert run_python("import time\ntime.sleep(60)", limits).status == "timed_out"


def test_limits_cannot_be_raised_from_inside(limits: Limits) -> None:
    code = (
        "import resource\n"
        "for what in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE):\n"
        "    try: resource.setrlimit(what, (-1, -1)); print('raised')\n"
        "    except (ValueError, OSError): print('refused')"
    )
    assert run_python(code, limits).output == "refused\n" * 3


def test_endless_output_is_cut(limits: Limits) -> None:
    outcome = run_python("while True: print('x' * 1000)", limits)
    assert outcome.status == "output_cut"
    assert len(outcome.output) == limits.output_characters


def test_a_namespace_of_users_cannot_be_made_inside(limits: Limits) -> None:
    number = {"x86_64": 272, "aarch64": 97}[os.uname().machine]
    code = f"import ctypes\nprint(ctypes.CDLL(None).syscall({number}, 0x10000000))"
    assert run_python(code, limits).output == "-1\n"


def test_code_cannot_end_what_is_outside(limits: Limits) -> None:
    code = (
        "import os, signal\n"
        f"for pid in (1, {os.getpid()}):\n"
        "    try: os.kill(pid, signal.SIGKILL)\n"
        "    except (ProcessLookupError, PermissionError): pass\n"
        "print('done')"
    )
    assert run_python(code, limits).output == "done\n"


def test_the_sandbox_goes_when_its_caller_is_killed() -> None:
    mark = 3 * MEGABYTE + os.getpid() % 1_000_000
    code = (
        "from synth_assets.sandbox import Limits, run_python\n"
        f"run_python('while True: pass', Limits(cpu_seconds=60, wall_seconds=60, tmp_bytes={mark}))"
    )
    caller = subprocess.Popen([sys.executable, "-c", code])
    while len(processes_with(str(mark))) < 2:
        assert caller.poll() is None
        time.sleep(0.02)
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    for _ in range(250):
        if not processes_with(str(mark)):
            break
        time.sleep(0.02)
    assert processes_with(str(mark)) == []
