"""A transport that sends nothing: requests keep their identity, and one whose reply is not known
stops the run."""

from __future__ import annotations

from synth_assets.errors import RejectedCallError
from synth_assets.llm.replies import RawReply
from synth_assets.llm.request import Request
from synth_assets.llm.transports import Transport
from synth_assets.recipe import Model


class KnownOnly:
    """In the place of ``transport``, which only says what stands for its endpoint."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def endpoint(self, model: Model, request: Request) -> str:
        return self._transport.endpoint(model, request)

    async def send(self, model: Model, request: Request) -> RawReply:
        raise RejectedCallError(
            f"{model.model} would have to be asked anew: the reply is not among the calls that "
            "are known here",
            kind="not_found",
        )

    async def close(self) -> None:
        await self._transport.close()
