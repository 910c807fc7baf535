"""A model and token counts in, money out. An unknown price is None and never zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synth_assets.llm import litellm_library
from synth_assets.llm.wire import model_name
from synth_assets.recipe_model import Model

FREE_PROVIDERS = frozenset({"offline", "recorded", "scripted"})
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens; None where it is not known.

    Known limit: rebates for cached tokens are not modelled.
    """

    input_usd_per_million: float | None
    output_usd_per_million: float | None

    @property
    def is_known(self) -> bool:
        return self.input_usd_per_million is not None and self.output_usd_per_million is not None

    def cost_usd(self, input_tokens: int | None, output_tokens: int | None) -> float | None:
        """Cost of one call; None where a price or a count is missing. What is free costs nothing
        whatever the counts."""
        if self.input_usd_per_million == 0 and self.output_usd_per_million == 0:
            return 0.0
        if self.input_usd_per_million is None or self.output_usd_per_million is None:
            return None
        if input_tokens is None or output_tokens is None:
            return None
        return (
            input_tokens * self.input_usd_per_million + output_tokens * self.output_usd_per_million
        ) / MILLION


def price_of(model: Model) -> Price:
    """The recipe's own prices, else litellm's bundled table, else unknown.

    A price of the recipe wins for its direction alone. An ``openai_compatible`` endpoint, or an
    ``openai`` model at an address of one's own, is not looked up: there the name of the model
    does not say who serves it. What a model with ``batch`` is asked goes by batch, so that its
    price is that of a batch: less the recipe's ``batch_discount``, else as the table says.
    """
    if model.provider in FREE_PROVIDERS:
        return Price(0.0, 0.0)
    given = Price(
        _discounted(model, model.input_usd_per_million),
        _discounted(model, model.output_usd_per_million),
    )
    is_elsewhere = model.provider == "openai" and model.base_url is not None
    if given.is_known or is_elsewhere or model.provider == "openai_compatible":
        return given
    bundled = _bundled(model)
    return Price(
        bundled.input_usd_per_million
        if given.input_usd_per_million is None
        else given.input_usd_per_million,
        bundled.output_usd_per_million
        if given.output_usd_per_million is None
        else given.output_usd_per_million,
    )


def _discounted(model: Model, usd: float | None) -> float | None:
    if usd is None or not model.batch_discount:
        return usd
    return round(usd * (1 - model.batch_discount), 9)


def _bundled(model: Model) -> Price:
    table = litellm_library.bundled_prices()
    entry = table.get(model.model)
    if entry is None:
        entry = table.get(model_name(model), {})
        if entry.get("litellm_provider") != model.provider:
            return Price(None, None)
    return Price(
        _of_table(model, entry, "input_cost_per_token"),
        _of_table(model, entry, "output_cost_per_token"),
    )


def _of_table(model: Model, entry: Mapping[str, Any], name: str) -> float | None:
    """A price of litellm's table; that of batches where the model is asked by batch, the table
    has it, and the recipe says nothing else."""
    of_batches = entry.get(f"{name}_batches")
    if model.batch and model.batch_discount is None and of_batches is not None:
        return _per_million(of_batches)
    return _discounted(model, _per_million(entry.get(name)))


def _per_million(per_token: float | None) -> float | None:
    return None if per_token is None else round(per_token * MILLION, 9)
