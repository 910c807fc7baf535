"""An `ask` that the offline models answer, without engine, lake or server."""

from __future__ import annotations

from collections.abc import Mapping

from synth_assets.llm.offline.teacher import complete
from synth_assets.llm.request import Reply, Request
from synth_assets_tests.scripted_ask import ScriptedAsk, call_id_of


def offline_ask(models: Mapping[str, str] | None = None) -> ScriptedAsk:
    """models: the recipe's name of a model → the offline model behind it; its own name else."""

    def answer(request: Request) -> Reply:
        body = {
            "model": (models or {}).get(request.model, request.model),
            "messages": [dict(message) for message in request.messages],
            "seed": request.seed(),
            **request.sampling,
        }
        if request.response_schema is not None:
            schema = dict(request.response_schema)
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": schema.get("title", "reply"), "schema": schema},
            }
        choice = complete(body)["choices"][0]
        text = choice["message"]["content"]
        is_cut = choice["finish_reason"] == "length"
        status = "empty" if not text else "cut" if is_cut else "ok"
        return Reply(call_id_of(request), status, text or None)

    return ScriptedAsk(answer)
