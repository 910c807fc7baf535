"""Can code be run behind bubblewrap here? If not, why, and what to do."""

from __future__ import annotations

import platform
from functools import cache

from synth_assets.errors import SynthError
from synth_assets.sandbox.bubblewrap import find_bubblewrap
from synth_assets.sandbox.system_calls import REFUSED

INSTALL = (
    "install bubblewrap (Debian, Ubuntu: apt-get install bubblewrap; Fedora: dnf install "
    "bubblewrap)"
)


class SandboxError(SynthError):
    """There is no sandbox here, so code of a model is not run; the message says what is missing."""


def bubblewrap_or_error() -> str:
    """Where bubblewrap lies. Errors: `SandboxError`."""
    machine = platform.machine()
    if platform.system() != "Linux" or machine not in REFUSED:
        raise SandboxError(
            "model-written code runs only in a sandbox, which needs Linux on "
            f"{' or '.join(REFUSED)}; this is {platform.system()} on {machine}. Leave out "
            "completions.tool_integrated"
        )
    found = find_bubblewrap()
    if found is None:
        raise SandboxError(
            "model-written code runs only in a sandbox, and bwrap is not on the PATH: "
            f"{INSTALL}, or leave out completions.tool_integrated"
        )
    return found


def why_no_sandbox() -> str | None:
    """Runs a small sum in the sandbox; None where it comes out, else what is wrong."""
    try:
        return _why_not(bubblewrap_or_error())
    except SandboxError as error:
        return str(error)


def require_sandbox() -> None:
    """Errors: `SandboxError` where no code can be run; call it before the first paid request."""
    problem = why_no_sandbox()
    if problem is not None:
        raise SandboxError(problem)


@cache
def _why_not(bubblewrap: str) -> str | None:
    # Imported here: running needs to know whether it may.
    from synth_assets.sandbox.execution import run_python

    try:
        outcome = run_python("print(6 * 7)")
    except SandboxError as error:
        return (
            f"{error}. bwrap ({bubblewrap}) must be allowed to make user namespaces: see "
            "/proc/sys/user/max_user_namespaces, and on Ubuntu "
            "kernel.apparmor_restrict_unprivileged_userns; it must be of version 0.8 or newer"
        )
    if outcome.output.strip() != "42":
        return f"the sandbox does not work: it printed {outcome.output!r} ({outcome.status}) for 42"
    return None
