"""Chat completions over HTTP (vLLM, llama.cpp, Ollama, OpenAI …): a request in, the body out."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import aiohttp
import orjson
from yarl import URL

from synth_assets.identity import canonical_json
from synth_assets.llm.credentials import api_key
from synth_assets.llm.replies import RawReply, read_reply
from synth_assets.llm.request import Request
from synth_assets.llm.transports.http_session import HttpSession, Place, proxy_of
from synth_assets.llm.transports.merged_samples import MergedSamples
from synth_assets.llm.transports.rate_limit_headers import read_limits
from synth_assets.llm.wire import public_endpoint, wire_body
from synth_assets.recipe_model import Model

PATHS = {"chat": "/chat/completions", "completions": "/completions"}


class OpenAICompatible:
    """One session for all models of a run. Keys are read once, at the first call of a model."""

    def __init__(self) -> None:
        self._session = HttpSession()
        self._places: dict[int, tuple[Model, Place]] = {}
        self._merged = MergedSamples(self._send_samples)

    def endpoint(self, model: Model, request: Request) -> str:
        """The address; the older API of completions is another endpoint than chat."""
        address = public_endpoint(model.base_url)
        return address if model.api == "chat" else address + PATHS[model.api]

    async def send(self, model: Model, request: Request) -> RawReply:
        if model.merge_samples:
            return await self._merged.send(model, request)
        return await self._send(model, wire_body(model, request))

    async def close(self) -> None:
        await self._session.close()
        self._places.clear()

    async def _send(self, model: Model, body: dict[str, Any]) -> RawReply:
        answer = await self._session.post(self._place(model), dump(body))
        return read_reply(answer.text, limits=read_limits(answer.headers))

    async def _send_samples(self, model: Model, request: Request, count: int) -> RawReply:
        return await self._send(model, {**wire_body(model, request), "n": count})

    def _place(self, model: Model) -> Place:
        # By identity: hashing a model of pydantic costs more than all the rest of a place.
        known = self._places.get(id(model))
        if known is None:
            known = self._places[id(model)] = (model, place_of(model, PATHS[model.api]))
        return known[1]


def dump(body: dict[str, Any]) -> bytes:
    """The body as JSON."""
    try:
        return orjson.dumps(body)
    except TypeError:  # a lone surrogate, which JSON can hold only escaped
        return canonical_json(body).encode("utf-8", "replace")


def place_of(model: Model, path: str) -> Place:
    """Where a model's ``path`` is, and the headers. Userinfo of the address becomes a header
    unless a key is declared: two ways to log in at once are none."""
    parts = urlsplit(model.base_url or "")
    host = parts.netloc.rpartition("@")[2]
    headers = {"Content-Type": "application/json"}
    key = api_key(model)
    if key:
        headers["Authorization"] = f"Bearer {key}"
    elif parts.username is not None:
        login = aiohttp.encode_basic_auth(unquote(parts.username), unquote(parts.password or ""))
        headers["Authorization"] = login
    url = URL(urlunsplit((parts.scheme, host, parts.path.rstrip("/") + path, parts.query, "")))
    name = f"{model.model} at {public_endpoint(model.base_url)}"
    return Place(name, url, headers, model.timeout_s, proxy_of(url))
