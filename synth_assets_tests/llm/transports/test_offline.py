from __future__ import annotations

from pathlib import Path

import pytest

from synth_assets.errors import RejectedCallError
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe


def test_an_offline_model_answers_for_nothing_and_the_same_each_time(tmp_path: Path):
    recipe = make_recipe({"model": "offline/careful"})
    replies = []
    for home in ("one", "two"):
        with make_engine(tmp_path / home, recipe=recipe) as engine:
            replies += engine.ask([ask_for("What is 12 + 30?", sampling={"temperature": 0.7})])
    assert replies[0] == replies[1]
    assert (replies[0].status, replies[0].cost_usd) == ("ok", 0.0)
    assert replies[0].input_tokens and replies[0].output_tokens


def test_an_offline_model_that_does_not_exist_stops_the_run_and_names_those_that_do(
    tmp_path: Path,
):
    recipe = make_recipe({"model": "offline/nobody"})
    with (
        make_engine(tmp_path, recipe=recipe) as engine,
        pytest.raises(RejectedCallError, match=r"no offline model 'nobody'; known are .*careful"),
    ):
        list(engine.ask([ask_for("a")]))
