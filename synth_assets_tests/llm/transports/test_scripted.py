from __future__ import annotations

from pathlib import Path

import pytest

from synth_assets.errors import RejectedCallError
from synth_assets.llm.transports.scripted import forget, register
from synth_assets_tests.llm.making import ask_for, make_engine


def test_a_registered_script_is_a_model_of_a_recipe(tmp_path: Path):
    register("it", lambda request: f"sample {request.sample_index}")
    try:
        with make_engine(tmp_path) as engine:
            replies = list(engine.ask(ask_for("p", sample_index=n) for n in range(2)))
    finally:
        forget("it")
    assert [reply.text for reply in replies] == ["sample 0", "sample 1"]
    assert [reply.input_tokens for reply in replies] == [1, 1]


def test_a_script_that_nobody_registered_is_named(tmp_path: Path):
    forget("it")
    with (
        make_engine(tmp_path) as engine,
        pytest.raises(RejectedCallError, match="no script is registered as 'it'"),
    ):
        list(engine.ask([ask_for("a")]))


def test_a_list_that_is_used_up_says_so(tmp_path: Path):
    with (
        make_engine(tmp_path, ["one"]) as engine,
        pytest.raises(RejectedCallError, match="has 1 replies and was asked for one more"),
    ):
        list(engine.ask([ask_for("a"), ask_for("b")]))
