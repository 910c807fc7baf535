"""One module per way to reach a model. A transport takes a request and gives the reply's body."""

from __future__ import annotations

from typing import Protocol

from synth_assets.llm.replies import RawReply
from synth_assets.llm.request import Request
from synth_assets.recipe_model import Model


class Transport(Protocol):
    """A way to reach models. It sends once: retries, limits and budgets are the engine's."""

    def endpoint(self, model: Model, request: Request) -> str:
        """What stands for the place that answers, in the identity of the request and in rows:
        an address without credentials, or whatever else decides the reply."""
        ...

    async def send(self, model: Model, request: Request) -> RawReply:
        """The reply. Errors: `TransientCallError`, `RejectedCallError`, by kind."""
        ...

    async def close(self) -> None:
        """Gives connections back. Called once, in the loop that sent."""
        ...
