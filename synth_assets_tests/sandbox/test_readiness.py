from __future__ import annotations

from pathlib import Path

import pytest

from synth_assets.sandbox import SandboxError, require_sandbox, run_python, why_no_sandbox
from synth_assets.sandbox.system_calls import REFUSED, system_call_filter
from synth_assets_tests.needs_bubblewrap import needs_sandbox


def plant(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bwrap of our own, alone on the PATH."""
    bubblewrap = folder / "bwrap"
    bubblewrap.write_text(f"#!/bin/sh\n{script}\n")
    bubblewrap.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_where_it_works_nothing_is_wrong() -> None:
    needs_sandbox()
    assert why_no_sandbox() is None
    require_sandbox()


def test_without_bubblewrap_code_is_refused_and_never_run_bare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    trace = tmp_path / "trace"
    for act in (require_sandbox, lambda: run_python(f"open({str(trace)!r}, 'w')")):
        with pytest.raises(SandboxError, match="bwrap is not on the PATH: install bubblewrap"):
            act()
    assert not trace.exists()
    assert "completions.tool_integrated" in str(why_no_sandbox())


def test_where_it_may_make_no_namespaces_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path, "echo 'bwrap: No permissions to create new namespace' >&2; exit 1", monkeypatch)
    with pytest.raises(SandboxError, match="No permissions to create new namespace"):
        run_python("print(1)")
    with pytest.raises(SandboxError, match="must be allowed to make user namespaces"):
        require_sandbox()


@pytest.mark.parametrize("script", ["exit 0", "echo .43", "echo 42"])
def test_what_only_seems_to_be_a_sandbox_is_refused(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path, script, monkeypatch)
    assert why_no_sandbox() is not None


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "arm64"), ("Linux", "riscv64")])
def test_a_system_without_the_kernels_filter_is_refused(
    system: str, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    with pytest.raises(SandboxError, match=f"this is {system} on {machine}"):
        require_sandbox()


@pytest.mark.parametrize("machine", sorted(REFUSED))
def test_the_filter_names_each_refused_call_once(machine: str) -> None:
    calls = REFUSED[machine][1]
    assert len(set(calls.values())) == len(calls)
    assert len(system_call_filter(machine)) == 8 * (8 + 2 * len(calls) + 1)
