"""An `ask` that the simulated models answer, as they would behind an endpoint."""

from __future__ import annotations

from synth_assets.identity import canonical_json
from synth_assets.llm.offline.teacher import complete
from synth_assets.llm.replies import read_reply
from synth_assets.llm.request import Reply, Request
from synth_assets.llm.wire import wire_body
from synth_assets.recipe_model import Model
from synth_assets_tests.scripted_ask import ScriptedAsk, call_id_of


def offline_ask() -> ScriptedAsk:
    """A recipe's name of a model is its name among the offline models."""

    def answer(request: Request) -> Reply:
        body = complete(wire_body(Model(model=f"offline/{request.model}"), request))
        reply = read_reply(canonical_json(body))
        kept = reply.raw if request.wants_body else None
        return Reply(call_id_of(request), reply.status, reply.text, body=kept)

    return ScriptedAsk(answer)


def offline_models(*names: str) -> dict[str, Model]:
    return {name: Model(model=f"offline/{name}") for name in names}
