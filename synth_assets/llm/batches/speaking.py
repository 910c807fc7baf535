"""A model of a recipe in; bodies for its provider's batch API, and replies read, out."""

from __future__ import annotations

from typing import Any

from synth_assets.errors import RecipeError
from synth_assets.llm.batches.shapes import AnthropicBatches, BatchApi, OpenAIBatches
from synth_assets.llm.replies import RawReply, read_reply
from synth_assets.llm.request import Request
from synth_assets.llm.transports.http_session import Answer, HttpSession
from synth_assets.llm.transports.litellm_providers import LitellmProviders
from synth_assets.llm.transports.openai_compatible import PATHS, place_of
from synth_assets.llm.wire import wire_body
from synth_assets.recipe_model import Model


class BatchSpeaker:
    """What is sent for a request in a batch is what would be sent for it alone."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._session = HttpSession()
        self._providers = LitellmProviders()
        self.api = self._make_api()

    def body(self, request: Request) -> dict[str, Any]:
        """The provider's body of one request."""
        if self._model.provider == "openai_compatible":
            return wire_body(self._model, request)
        plan, body = self._providers.prepare(self._model, request)
        assert plan is not None
        return plan.body(body["messages"])

    def read(self, request: Request, text: str) -> RawReply:
        """The reply of one item. Errors: `TransientCallError` for what is no reply."""
        if self._model.provider == "openai_compatible":
            return read_reply(text)
        plan, body = self._providers.prepare(self._model, request)
        assert plan is not None
        return self._providers.read(plan, Answer({}, text), body["messages"])

    async def close(self) -> None:
        await self._session.close()
        await self._providers.close()

    def _make_api(self) -> BatchApi:
        if self._model.provider == "openai_compatible":
            return OpenAIBatches(self._session, place_of(self._model, PATHS["chat"]))
        plan, _ = self._providers.prepare(self._model, Request("", ()))
        if plan is None:
            raise RecipeError(
                f"{self._model.model} is out of reach for batches (is its key set? does it take "
                "chat completions?): leave out batch, or choose another model"
            )
        if self._model.provider == "anthropic":
            return AnthropicBatches(self._session, plan.place)
        return OpenAIBatches(self._session, plan.place)
