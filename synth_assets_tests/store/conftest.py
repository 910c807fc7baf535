from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from synth_assets.store.home import Home
from synth_assets.store.lake import Lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """One lake for the tests of a module, since opening one costs 0.1 s; each has a ``recipe``."""
    with Lake(Home.at(tmp_path_factory.mktemp("home"))) as lake:
        yield lake


@pytest.fixture
def recipe(request: pytest.FixtureRequest) -> str:
    """A schema of this test's own."""
    return "r_" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]
