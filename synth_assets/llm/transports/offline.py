"""The embedded models: the wire body goes to the offline teacher, its answer comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth_assets.errors import RejectedCallError
from synth_assets.identity import canonical_json
from synth_assets.llm.replies import RawReply, read_reply
from synth_assets.llm.request import Request
from synth_assets.llm.wire import wire_body
from synth_assets.recipe_model import Model


class Offline:
    """Computes in the loop itself: the work is all CPU, so threads would only add switching."""

    def endpoint(self, model: Model, request: Request) -> str:
        return ""

    async def send(self, model: Model, request: Request) -> RawReply:
        return read_reply(canonical_json(complete(wire_body(model, request))))

    async def close(self) -> None:
        pass


def complete(body: Mapping[str, Any]) -> dict[str, Any]:
    """The teacher's answer to a body.

    Errors: `RejectedCallError` of kind ``not_found`` where there is no such offline model.
    """
    from synth_assets.llm.offline import teacher  # loads its word lists, so only when used

    try:
        return teacher.complete(body)
    except teacher.UnknownModel as error:
        raise RejectedCallError(str(error), kind="not_found") from error
