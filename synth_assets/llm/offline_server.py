"""The offline models behind a loopback server, as any endpoint serves its models.

    python -m synth_assets.llm.offline_server --port 8000

and in a recipe ``{model: openai_compatible/careful, base_url: http://127.0.0.1:8000/v1}``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click
import orjson
from aiohttp import web

from synth_assets.errors import RejectedCallError
from synth_assets.identity import canonical_json
from synth_assets.llm.transports.offline import complete

Complete = Callable[[Mapping[str, Any]], dict[str, Any]]
LOOPBACK = "127.0.0.1"


def make_app(complete: Complete = complete) -> web.Application:
    """An application that answers ``POST /v1/chat/completions`` by ``complete``."""

    async def chat_completions(request: web.Request) -> web.Response:
        try:
            body = orjson.loads(await request.read())
        except orjson.JSONDecodeError as error:
            return _error(400, "invalid_request_error", f"the body is no JSON: {error}")
        if not isinstance(body, dict) or not {"model", "messages"} <= body.keys():
            return _error(400, "invalid_request_error", "a body needs model and messages")
        try:
            answer = complete(body)
        except RejectedCallError as error:
            status = 404 if error.kind == "not_found" else 400
            return _error(status, error.kind, str(error))
        return web.Response(text=canonical_json(answer), content_type="application/json")

    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/chat/completions", chat_completions)
    return app


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "code": code}}, status=status)


@click.command()
@click.option("--port", default=8000, show_default=True, help="Port on 127.0.0.1")
def main(port: int) -> None:
    """Serves the offline models at http://127.0.0.1:PORT/v1, on this machine only."""
    web.run_app(make_app(), host=LOOPBACK, port=port)


if __name__ == "__main__":
    main()
