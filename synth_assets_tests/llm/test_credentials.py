from __future__ import annotations

import pytest

from synth_assets.llm.credentials import api_key, check_credentials
from synth_assets.recipe_model import Model
from synth_assets_tests.llm.making import make_recipe


def test_every_model_in_use_whose_key_is_missing_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("KEY_OF_TRIAL", raising=False)
    recipe = make_recipe({"api_key": "env:KEY_OF_TRIAL"})
    (line,) = check_credentials(recipe)
    assert line.startswith("models.it.api_key = 'env:KEY_OF_TRIAL'")
    assert "KEY_OF_TRIAL is not set" in line


@pytest.mark.parametrize(("value", "missing"), [("", 1), ("sk-trial-1", 0)])
def test_an_empty_key_is_a_missing_key(monkeypatch: pytest.MonkeyPatch, value: str, missing: int):
    monkeypatch.setenv("KEY_OF_TRIAL", value)
    assert len(check_credentials(make_recipe({"api_key": "env:KEY_OF_TRIAL"}))) == missing


def test_a_model_that_nothing_uses_needs_no_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("KEY_OF_TRIAL", raising=False)
    recipe = make_recipe()
    spare = Model(model="scripted/spare", api_key="env:KEY_OF_TRIAL")
    recipe = recipe.model_copy(update={"models": {**recipe.models, "spare": spare}})
    assert check_credentials(recipe) == []


def test_models_of_ours_need_no_key():
    assert check_credentials(make_recipe({"model": "offline/careful"})) == []
    assert api_key(Model(model="offline/careful")) is None
