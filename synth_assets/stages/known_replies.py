"""A recipe in, transports that send nothing out: known replies are found, whatever else is asked
stops the stage."""

from __future__ import annotations

from collections.abc import Mapping

from synth_assets.errors import RejectedCallError
from synth_assets.llm.replies import RawReply
from synth_assets.llm.request import Request
from synth_assets.llm.transports import Transport
from synth_assets.llm.transports.registry import make_transport
from synth_assets.recipe import Recipe
from synth_assets.recipe_model import Model


class KnownRepliesOnly:
    """Identifies requests as the transport would that it stands for, and refuses to send."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def endpoint(self, model: Model, request: Request) -> str:
        return self._transport.endpoint(model, request)

    async def send(self, model: Model, request: Request) -> RawReply:
        # Of a kind that stops the run and leaves no row behind.
        raise RejectedCallError(
            f"{model.model} has not answered this yet, and no call is made here", kind="not_found"
        )

    async def close(self) -> None:
        await self._transport.close()


def known_replies_only(recipe: Recipe) -> Mapping[str, Transport]:
    """One for each provider of the recipe."""
    providers = {model.provider for model in recipe.models.values()}
    return {name: KnownRepliesOnly(make_transport(name, recipe)) for name in sorted(providers)}
