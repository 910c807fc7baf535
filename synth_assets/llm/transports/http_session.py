"""An address and a body in, a whole and bounded answer, or the call error it stands for, out.

TLS is verified, redirects are not followed (they would carry the key elsewhere), a reply over
20 MB is cut off, and a whole reply has to be here within the time given, however it drips.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
import httptools
from yarl import URL

from synth_assets.errors import RejectedCallError, TransientCallError
from synth_assets.llm.transports.http_errors import call_error
from synth_assets.llm.transports.plain_http import CutOff, PlainHttp, TooLarge
from synth_assets.llm.transports.rate_limit_headers import read_limits

MAX_REPLY_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where to send. name: how messages call it, without secrets."""

    name: str
    url: URL
    headers: Mapping[str, str]
    timeout_s: float
    proxy: str | None = None
    timeout: aiohttp.ClientTimeout = field(init=False)
    host: tuple[str, int] = field(init=False)
    is_plain: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "timeout", aiohttp.ClientTimeout(total=self.timeout_s))
        object.__setattr__(self, "host", (self.url.raw_host or "", self.url.port or 0))
        object.__setattr__(self, "is_plain", PlainHttp.takes(self))


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of status 200; its text is valid UTF-8."""

    headers: Mapping[str, str]
    text: str


class HttpSession:
    """One session for all of a transport's endpoints; the engine's limits bound its connections."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._plain = PlainHttp()

    async def post(
        self, place: Place, body: bytes | aiohttp.FormData, *, most_bytes: int | None = None
    ) -> Answer:
        """Errors: `TransientCallError`, `RejectedCallError`, by kind."""
        return await self._send("POST", place, body, most_bytes)

    async def get(self, place: Place, *, most_bytes: int | None = None) -> Answer:
        """As `post`, without a body."""
        return await self._send("GET", place, None, most_bytes)

    async def close(self) -> None:
        self._plain.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(
        self,
        method: str,
        place: Place,
        body: bytes | aiohttp.FormData | None,
        most_bytes: int | None,
    ) -> Answer:
        most = most_bytes or MAX_REPLY_BYTES
        try:
            if place.is_plain and type(body) is bytes:
                status, headers, received = await self._plain.post(place, body, most)
            else:
                status, headers, received = await self._send_by_aiohttp(method, place, body, most)
        except TimeoutError as error:
            raise TransientCallError(
                f"{place.name}: timeout: no whole reply within {place.timeout_s:g} s",
                kind="timeout",
            ) from error
        except (aiohttp.InvalidURL, aiohttp.ClientSSLError) as error:
            raise RejectedCallError(
                f"{place.name}: not_found: {error}; check base_url", kind="not_found"
            ) from error
        except TooLarge:
            raise RejectedCallError(
                f"{place.name}: bad_request: the reply is over {most:,} bytes; lower max_tokens",
                kind="bad_request",
            ) from None
        except (aiohttp.ClientPayloadError, CutOff) as error:
            raise TransientCallError(
                f"{place.name}: truncated_body: {error}", kind="truncated_body"
            ) from error
        except (aiohttp.ClientError, httptools.HttpParserError, OSError) as error:
            raise TransientCallError(
                f"{place.name}: connection: {error or type(error).__name__}", kind="connection"
            ) from error
        if status != 200:
            raise call_error(status, headers, received.decode("utf-8", "replace"), place.name)
        try:
            text = received.decode()
        except UnicodeDecodeError as error:
            # Kept as it can be kept; a reply with holes in it must not pass for the model's words.
            raise TransientCallError(
                f"{place.name}: truncated_body: the body is no UTF-8 ({error.reason} at byte "
                f"{error.start})",
                kind="truncated_body",
                raw_reply=received.decode("utf-8", "replace"),
                limits=read_limits(headers),
            ) from error
        return Answer(headers, text)

    async def _send_by_aiohttp(
        self, method: str, place: Place, body: bytes | aiohttp.FormData | None, most_bytes: int
    ) -> tuple[int, Mapping[str, str], bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
            )
        async with self._session.request(
            method,
            place.url,
            data=body,
            headers=place.headers,
            allow_redirects=False,
            timeout=place.timeout,
            proxy=place.proxy,
        ) as response:
            received = await _read(response.content, most_bytes)
            return response.status, response.headers, received


async def _read(content: aiohttp.StreamReader, most_bytes: int) -> bytes:
    """All that comes. Errors: `TooLarge`."""
    received = await content.readany()
    if len(received) <= most_bytes and content.at_eof():  # nearly every reply is one piece
        return received
    parts = [received]
    size = len(received)
    while size <= most_bytes:
        part = await content.readany()
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
    raise TooLarge


def proxy_of(url: URL) -> str | None:
    """The proxy that the environment names for an address; looked up once a place, because the
    look-up costs as much as a call."""
    host = url.host or ""
    if urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(url.scheme)
