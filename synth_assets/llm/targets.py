"""A recipe's name of a model in, all that the engine needs to call it out."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from synth_assets.errors import RecipeError
from synth_assets.identity import canonical_bytes
from synth_assets.llm.credentials import missing_credential
from synth_assets.llm.prices import Price, price_of
from synth_assets.llm.request import Request, key_parts
from synth_assets.llm.transports import Transport
from synth_assets.llm.transports.registry import make_transport
from synth_assets.llm.wire import model_in_key, public_endpoint, sampling_of
from synth_assets.recipe import Recipe
from synth_assets.recipe_model import Model


@dataclass(frozen=True, slots=True)
class Target:
    """One model, its transport and its price."""

    name: str
    model: Model
    transport: Transport
    price: Price
    _prefixes: dict[str, bytes] = field(default_factory=dict, compare=False)

    def endpoint(self, request: Request) -> str:
        """What stands for the place that answers, without credentials."""
        return self.transport.endpoint(self.model, request)

    def key(self, request: Request) -> str:
        """Identity of ``request`` as sent to this model."""
        return self.identify(request)[0]

    @property
    def place(self) -> str:
        """The model and where it is, for people."""
        address = public_endpoint(self.model.base_url)
        return self.model.model + (f" at {address}" if address else "")

    def identify(self, request: Request) -> tuple[str, str]:
        """Identity of ``request`` as sent to this model (`Request.key`), and its canonical form.

        A request costs some ten microseconds here, known or not: what is the same for all is
        written once.
        """
        canonical = request.canonical(sampling_of(self.model, request))
        endpoint = self.transport.endpoint(self.model, request)
        prefix = self._prefixes.get(endpoint)
        if prefix is None:
            parts = key_parts(self.model.provider, endpoint, model_in_key(self.model))
            prefix = canonical_bytes(parts)[:-1] + b","
            self._prefixes[endpoint] = prefix
        text = b"%b%b]" % (prefix, canonical_bytes(canonical))
        return hashlib.sha256(text).hexdigest(), canonical


class Targets:
    """The targets of one engine, made when first asked for.

    given: transports in the place of the usual ones, by the recipe's name of a model or by
    provider.
    """

    def __init__(self, recipe: Recipe, given: Mapping[str, Transport]) -> None:
        self._recipe = recipe
        self._given = given
        self._targets: dict[str, Target] = {}
        self._transports: dict[str, Transport] = {}
        self._ready: set[str] = set()

    def __getitem__(self, name: str) -> Target:
        target = self._targets.get(name)
        if target is None:
            target = self._targets[name] = self._make(name)
        return target

    def require_callable(self, name: str) -> None:
        """Errors: `RecipeError` where the model's key is missing, or where a limit in dollars
        cannot be held because its price is not known."""
        if name in self._ready:
            return
        target = self[name]
        if name not in self._given and target.model.provider not in self._given:
            missing = missing_credential(name, target.model)
            if missing:
                raise RecipeError(f"{self._recipe.path}: {missing}")
        budget = self._recipe.limits.budget
        dollars = (budget.usd_per_run, budget.usd_per_day, budget.usd_per_recipe)
        has_dollars = any(limit is not None for limit in dollars)
        if has_dollars and not target.price.is_known:
            raise RecipeError(
                f"{self._recipe.path}: models.{name}: the price of {target.model.model} is not "
                "known, so limits.budget in dollars cannot be held; give input_usd_per_million "
                "and output_usd_per_million (0 for a server of your own)"
            )
        self._ready.add(name)

    async def close(self) -> None:
        """Closes every transport that was used, those given too."""
        used = {id(target.transport): target.transport for target in self._targets.values()}
        for transport in used.values():
            await transport.close()

    def _make(self, name: str) -> Target:
        model = self._recipe.models.get(name)
        if model is None:
            known = sorted(self._recipe.models)
            near = difflib.get_close_matches(name, known, n=1)
            raise RecipeError(
                f"{self._recipe.path}: no model is named {name!r}"
                + (f"; did you mean {near[0]!r}?" if near else "")
                + f" Declared under models: {', '.join(known) or 'none'}"
            )
        return Target(name, model, self._transport(name, model.provider), price_of(model))

    def _transport(self, name: str, provider: str) -> Transport:
        for place in (name, provider):
            if place in self._given:
                return self._given[place]
        if provider not in self._transports:
            self._transports[provider] = make_transport(provider, self._recipe)
        return self._transports[provider]
