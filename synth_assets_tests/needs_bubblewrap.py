"""A skip with its reason where code cannot be run in the sandbox; in CI that is a failure."""

from __future__ import annotations

import os

import pytest

from synth_assets.sandbox import why_no_sandbox


def needs_sandbox() -> None:
    problem = why_no_sandbox()
    if problem is None:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI must run the tests of the sandbox: {problem}", pytrace=False)
    pytest.skip(problem)
