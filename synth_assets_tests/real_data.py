"""The folder of real test data, or a skip that says why; in CI a missing folder is a failure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def real_data() -> Path:
    """The folder named by ``SYNTH_TEST_DATA``."""
    folder = os.environ.get("SYNTH_TEST_DATA")
    if folder and Path(folder).is_dir():
        return Path(folder)
    reason = f"SYNTH_TEST_DATA is {'not a folder' if folder else 'not set'}"
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; CI must run the tests on real data", pytrace=False)
    pytest.skip(reason)
