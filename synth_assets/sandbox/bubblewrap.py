"""Limits in, the command out that runs Python behind bubblewrap with nothing of the host's but a
read-only Python."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from synth_assets.sandbox.limits import Limits

NOBODY = "65534"
PACKAGES = ("sympy", "mpmath")
"""What the code may import beside the standard library; both come with math-verify."""

ENVIRONMENT = {
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "LD_LIBRARY_PATH": "/python/lib",
    "PYTHONHASHSEED": "0",  # sets of words are printed in the same order each time
    "PYTHONPATH": "/packages",
    "TMPDIR": "/tmp",
}
"""All that the code sees of an environment: nothing is inherited."""

_LIBRARIES = ("/usr/lib", "/usr/lib64", "/lib", "/lib64")


def find_bubblewrap() -> str | None:
    """Where ``bwrap`` lies; None where it is not on the PATH."""
    return shutil.which("bwrap")


def command(
    bubblewrap: str, limits: Limits, *, code_bytes: int, filter_fd: int, info_fd: int
) -> list[str]:
    """The whole command line; code is read from standard input, and the process id of the sandbox
    is written to ``info_fd``."""
    return [
        bubblewrap,
        *_namespaces(),
        *_files(),
        *("--size", str(limits.tmp_bytes), "--tmpfs", "/tmp", "--chdir", "/tmp"),
        *("--remount-ro", "/"),  # else the root, a tmpfs, would be memory without a limit
        *("--seccomp", str(filter_fd), "--info-fd", str(info_fd)),
        "--",
        _python_inside(),
        *("-s", "-S", "-P", "-B", "-X", "utf8", "-c", _inside()),
        *map(str, (limits.cpu_seconds, limits.memory_bytes, limits.tmp_bytes)),
        str(code_bytes),
    ]


def _namespaces() -> list[str]:
    """Users, processes, network, messages and host name of its own, and no privilege in any."""
    spaces = ("user", "pid", "net", "ipc", "uts")
    return [
        *(f"--unshare-{space}" for space in spaces),
        "--unshare-cgroup-try",
        *("--uid", NOBODY, "--gid", NOBODY, "--hostname", "sandbox"),
        *("--cap-drop", "ALL", "--new-session", "--die-with-parent"),
    ]


def _files() -> Iterator[str]:
    for library in map(Path, _LIBRARIES):
        if library.is_symlink():
            yield from ("--symlink", str(library.readlink()), str(library))
        elif library.is_dir():
            yield from ("--ro-bind", str(library), str(library))
    yield from ("--dev-bind", "/dev/null", "/dev/null")
    for source, target in _python_files():
        yield from ("--ro-bind", str(source), target)
    for package in PACKAGES:
        for place in _places_of(package):
            yield from ("--ro-bind", place, f"/packages/{package}")


def _executable() -> Path:
    return Path(getattr(sys, "_base_executable", sys.executable) or sys.executable).resolve()


def _is_the_systems_python() -> bool:
    return Path(sys.base_prefix).resolve() == Path("/usr")


def _python_inside() -> str:
    executable = _executable()
    return str(executable) if _is_the_systems_python() else f"/python/bin/{executable.name}"


def _python_files() -> Sequence[tuple[Path, str]]:
    """The interpreter of this process and its library. One that lies under somebody's home is
    mounted elsewhere, so that the path to it need not be readable inside."""
    executable = _executable()
    if _is_the_systems_python():
        return [(executable, str(executable))]  # its library lies under /usr/lib
    library = Path(sys.base_prefix).resolve() / "lib"
    return [(executable, _python_inside()), (library, "/python/lib")]


def _places_of(package: str) -> list[str]:
    spec = find_spec(package)
    return list(spec.submodule_search_locations or ()) if spec else []


@cache
def _inside() -> str:
    return Path(__file__).with_name("inside.py").read_text(encoding="utf-8")
