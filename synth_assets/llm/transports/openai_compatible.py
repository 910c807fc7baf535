"""Chat completions over HTTP (vLLM, llama.cpp, Ollama, OpenAI …): a request in, the body out.

TLS is verified, redirects are not followed (they would carry the key elsewhere), and a reply
over 20 MB is cut off.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import aiohttp
import orjson
from yarl import URL

from synth_assets.errors import RejectedCallError, TransientCallError
from synth_assets.identity import canonical_json
from synth_assets.llm.credentials import api_key
from synth_assets.llm.replies import RawReply, read_reply
from synth_assets.llm.request import Request
from synth_assets.llm.transports.http_errors import call_error
from synth_assets.llm.wire import public_endpoint, wire_body
from synth_assets.recipe import Model

MAX_REPLY_BYTES = 20_000_000


class OpenAICompatible:
    """One session for all models of a run; the engine's limits bound its connections."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    def endpoint(self, model: Model, request: Request) -> str:
        return public_endpoint(model.base_url)

    async def send(self, model: Model, request: Request) -> RawReply:
        place = f"{model.model} at {public_endpoint(model.base_url)}"
        try:
            status, headers, body = await self._post(model, wire_body(model, request), place)
        except TimeoutError as error:
            raise TransientCallError(
                f"{place}: timeout: no whole reply within {model.timeout_s:g} s", kind="timeout"
            ) from error
        except (aiohttp.InvalidURL, aiohttp.ClientSSLError) as error:
            raise RejectedCallError(
                f"{place}: not_found: {error}; check base_url", kind="not_found"
            ) from error
        except aiohttp.ClientPayloadError as error:
            raise TransientCallError(
                f"{place}: truncated_body: {error}", kind="truncated_body"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise TransientCallError(
                f"{place}: connection: {error or type(error).__name__}", kind="connection"
            ) from error
        if status != 200:
            raise call_error(status, headers, body, place)
        return read_reply(body)

    async def _post(self, model: Model, body: dict[str, Any], place: str) -> tuple[int, Any, str]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
            )
        url, headers = _address(model)
        async with self._session.post(
            url,
            data=_dump(body),
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=model.timeout_s),
        ) as response:
            received = bytearray()
            async for chunk in response.content.iter_any():
                received += chunk
                if len(received) > MAX_REPLY_BYTES:
                    raise RejectedCallError(
                        f"{place}: bad_request: the reply is over {MAX_REPLY_BYTES:,} bytes; "
                        "lower max_tokens",
                        kind="bad_request",
                    )
            return response.status, response.headers, received.decode("utf-8", "replace")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def _dump(body: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:  # a lone surrogate, which JSON can hold only escaped
        return canonical_json(body).encode("utf-8", "replace")


def _address(model: Model) -> tuple[URL, dict[str, str]]:
    """Where to post, and the headers. Userinfo of the address becomes a header unless a key is
    declared: two ways to log in at once are none."""
    parts = urlsplit(model.base_url or "")
    host = parts.netloc.rpartition("@")[2]
    path = parts.path.rstrip("/") + "/chat/completions"
    headers = {"Content-Type": "application/json"}
    key = api_key(model)
    if key:
        headers["Authorization"] = f"Bearer {key}"
    elif parts.username is not None:
        login = aiohttp.encode_basic_auth(unquote(parts.username), unquote(parts.password or ""))
        headers["Authorization"] = login
    return URL(urlunsplit((parts.scheme, host, path, parts.query, ""))), headers
