from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from synth_assets.llm.prices import price_of
from synth_assets.recipe_model import Model

LOCAL = {"model": "openai_compatible/gpt-5-mini", "base_url": "http://127.0.0.1:1/v1"}


def price(**model: Any):
    return price_of(Model.model_validate(model))


@pytest.mark.parametrize("model", ["offline/careful", "scripted/x"])
def test_what_runs_here_costs_nothing_even_where_tokens_are_unknown(model: str):
    assert price(model=model).cost_usd(None, None) == 0.0
    assert price(model="recorded/x", replies="r.jsonl").cost_usd(10, 10) == 0.0


def test_the_recipes_price_counts():
    found = price(**LOCAL, input_usd_per_million=2, output_usd_per_million=10)
    assert found.cost_usd(1_000, 500) == pytest.approx(0.007)


def test_an_unknown_price_is_null_and_not_zero():
    assert price(**LOCAL).cost_usd(10, 10) is None
    assert price(**LOCAL, input_usd_per_million=2).cost_usd(10, 10) is None
    assert price(model="openai/no-such-model").cost_usd(10, 10) is None
    assert price(model="openai/gpt-5-mini", base_url="http://127.0.0.1:1/v1").is_known is False


def test_unknown_tokens_of_a_priced_model_are_an_unknown_cost():
    found = price(**LOCAL, input_usd_per_million=2, output_usd_per_million=10)
    assert found.cost_usd(None, 10) is None


def test_providers_prices_come_from_the_bundled_table():
    found = price(model="openai/gpt-4o-mini")
    assert (found.input_usd_per_million, found.output_usd_per_million) == (0.15, 0.6)


def test_a_price_of_the_recipe_wins_for_its_direction_alone():
    found = price(model="openai/gpt-4o-mini", input_usd_per_million=9)
    assert (found.input_usd_per_million, found.output_usd_per_million) == (9, 0.6)


def test_a_model_that_is_asked_by_batch_has_the_price_of_batches():
    found = price(model="openai/gpt-4o-mini", batch=True)
    assert (found.input_usd_per_million, found.output_usd_per_million) == (0.075, 0.3)


def test_a_discount_of_the_recipe_wins_over_the_table():
    found = price(model="openai/gpt-4o-mini", batch=True, batch_discount=0.2)
    assert (found.input_usd_per_million, found.output_usd_per_million) == (0.12, 0.48)


def test_the_recipes_price_is_discounted_only_by_the_recipe():
    own = {**LOCAL, "input_usd_per_million": 2, "output_usd_per_million": 10, "batch": True}
    assert price(**own).cost_usd(1_000, 500) == pytest.approx(0.007)
    assert price(**own, batch_discount=0.5).cost_usd(1_000, 500) == pytest.approx(0.0035)


def test_a_discount_without_batches_is_refused():
    with pytest.raises(ValidationError, match="batch_discount belongs to a model with batch"):
        price(model="openai/gpt-4o-mini", batch_discount=0.5)


def test_a_models_name_under_another_provider_is_not_its_price():
    assert price(model="groq/gpt-4o-mini").is_known is False


def test_neither_prices_nor_the_engine_import_litellm():
    code = (
        "import sys; import synth_assets.llm.engine, synth_assets.llm.prices as p;"
        "from synth_assets.recipe import Model; p.price_of(Model(model='openai/gpt-4o-mini'));"
        "print('litellm' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
