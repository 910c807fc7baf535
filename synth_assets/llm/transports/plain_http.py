"""A body for an ``http://`` address in, the answer's status, headers and bytes out.

What servers of one's own are asked over: HTTP/1.1 on kept connections, parsed by llhttp, at a
third of aiohttp's CPU a call. Addresses with TLS or behind a proxy go through aiohttp.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

import httptools
from multidict import CIMultiDict

from synth_assets.errors import RejectedCallError

if TYPE_CHECKING:
    from synth_assets.llm.transports.http_session import Place

KEPT_S = 15.0
"""How long a connection may rest before it is no longer trusted to be open."""

MOST_HEAD_BYTES = 64_000
"""What an answer's headers, and the framing of its pieces, may take."""

_ENDS_MESSAGE = frozenset("\r\n\0")


class Received(NamedTuple):
    """One whole answer. Header names may be looked up in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class CutOff(Exception):
    """The answer's head came, and not all of its body."""


class TooLarge(Exception):
    """The answer is longer than it may be."""


class PlainHttp:
    """The connections of one session. Lives in one event loop."""

    def __init__(self) -> None:
        self._resting: dict[tuple[str, int], list[Connection]] = {}
        self._open: set[Connection] = set()
        self._heads: dict[int, tuple[Place, dict[str, str], bytes]] = {}

    @staticmethod
    def takes(place: Place) -> bool:
        """Whether this is for ``place``, rather than aiohttp."""
        return place.url.scheme == "http" and bool(place.url.raw_host) and place.proxy is None

    async def post(self, place: Place, body: bytes, most_bytes: int) -> Received:
        """Errors: `TimeoutError`, `OSError`, `CutOff`, `TooLarge`, `httptools.HttpParserError`,
        `RejectedCallError` where a header holds what no header may."""
        head = self._head(place)
        connection = self._rested(place)
        if connection is None:
            began = time.monotonic()
            async with asyncio.timeout(place.timeout_s):
                connection = await self._connect(place)
            left_s = max(0.0, place.timeout_s - (time.monotonic() - began))
        else:
            left_s = place.timeout_s
        message = b"%b%d\r\n\r\n%b" % (head, len(body), body)
        return await connection.exchange(message, most_bytes, left_s)

    def close(self) -> None:
        """Ends all connections."""
        for connection in list(self._open):
            connection.abort()
        self._resting.clear()
        self._heads.clear()

    def _rested(self, place: Place) -> Connection | None:
        resting = self._resting.get(place.host)
        while resting:
            connection = resting.pop()  # the newest: it is the likeliest to be open still
            if connection.is_open and time.monotonic() - connection.rested_at < KEPT_S:
                return connection
            connection.abort()
        return None

    async def _connect(self, place: Place) -> Connection:
        loop = asyncio.get_running_loop()
        host, port = place.host
        _, made = await loop.create_connection(lambda: Connection(self, place.host), host, port)
        return cast(Connection, made)

    def opened(self, connection: Connection) -> None:
        self._open.add(connection)

    def rests(self, connection: Connection) -> None:
        """``connection`` may be used again."""
        resting = self._resting.get(connection.host)
        if resting is None:
            resting = self._resting[connection.host] = []
        resting.append(connection)

    def closed(self, connection: Connection) -> None:
        self._open.discard(connection)
        resting = self._resting.get(connection.host)
        if resting and connection in resting:
            resting.remove(connection)

    def _head(self, place: Place) -> bytes:
        """Everything before the number of bytes, made once a place while its headers stay."""
        known = self._heads.get(id(place))
        if known is not None and known[0] is place and known[1] == place.headers:
            return known[2]
        url = place.url
        headers = {
            "Host": url.host_port_subcomponent or "",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "User-Agent": "synth_assets",
            **place.headers,
        }
        for name, value in headers.items():
            if not _ENDS_MESSAGE.isdisjoint(name + value):
                raise RejectedCallError(
                    f"{place.name}: auth: the header {name} holds a line break; check the key",
                    kind="auth",
                )
        lines = [f"POST {url.raw_path_qs} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "Content-Length: "]).encode("utf-8", "surrogateescape")
        self._heads[id(place)] = (place, dict(place.headers), head)
        return head


class Connection(asyncio.Protocol):
    """One connection: one exchange at a time. Its parser calls the methods named ``on_…``."""

    def __init__(self, pool: PlainHttp, host: tuple[str, int]) -> None:
        self._pool = pool
        self.host = host
        self.rested_at = 0.0
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Received] | None = None
        self._begin(0)

    def _begin(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._size = self._raw_size = 0
        self._parts: list[bytes] = []
        self._fields: list[tuple[bytes, bytes]] = []
        self._status = 0

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def exchange(self, message: bytes, most_bytes: int, timeout_s: float) -> Received:
        """Sends ``message`` and waits for the whole answer. A connection whose exchange did not
        end well is closed."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("Server disconnected")
        self._begin(most_bytes)
        answer = self._answer = self._loop.create_future()
        timer = self._loop.call_later(timeout_s, self._expire)
        self._transport.write(message)
        try:
            return await answer
        finally:
            timer.cancel()
            if self._answer is answer:  # it did not end well; else another exchange may run by now
                self._answer = None
                self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self._pool.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._pool.closed(self)
        if not self._status:
            self._fail(exc if isinstance(exc, OSError) else ConnectionResetError(_GONE))
        elif exc is None and self._ends_with_connection():
            self._give()
        else:
            self._fail(CutOff(f"the connection ended after {self._size:,} bytes of the body"))

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.abort()  # nobody asked for this, so that nothing after it can be trusted
            return
        self._raw_size += len(data)
        try:
            if self._raw_size > 2 * self._most + MOST_HEAD_BYTES:
                raise TooLarge
            self._parser.feed_data(data)
        except Exception as error:
            cause = error.__context__ if isinstance(error, httptools.HttpParserError) else None
            self._fail(cause if isinstance(cause, TooLarge) else error)

    def on_message_begin(self) -> None:
        if self._answer is None:  # in one piece with the answer before it
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()

    def on_body(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._most:
            raise TooLarge
        self._parts.append(part)

    def on_message_complete(self) -> None:
        if self._status < 200:  # "continue", and the like, before the answer itself
            self._begin(self._most)
            return
        is_kept = self._parser.should_keep_alive()
        if not self._give() or not is_kept:
            self.abort()
            return
        self.rested_at = time.monotonic()
        self._pool.rests(self)

    def _give(self) -> bool:
        """Gives the answer to whoever waits; False where nobody does or it cannot be read."""
        answer = self._answer
        if answer is None or answer.done():
            return False
        headers = CIMultiDict(
            (name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape"))
            for name, value in self._fields
        )
        parts = self._parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        encoding = headers.get("Content-Encoding", "identity").lower()
        try:
            if encoding != "identity":
                body = _decoded(body, encoding, self._most)
        except (CutOff, TooLarge) as error:
            answer.set_exception(error)
            return False
        answer.set_result(Received(self._status, headers, body))
        self._answer = None
        return True

    def _ends_with_connection(self) -> bool:
        """Neither a length nor chunks: whatever came until the end is the body."""
        names = {name.lower() for name, _ in self._fields}
        return names.isdisjoint((b"content-length", b"transfer-encoding"))

    def _expire(self) -> None:
        self._fail(TimeoutError())

    def _fail(self, error: BaseException) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self.abort()


_GONE = "Server disconnected"


def _decoded(body: bytes, encoding: str, most_bytes: int) -> bytes:
    """A body that was packed although nobody asked for that."""
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise CutOff(f"the body is encoded as {encoding!r}, which was not asked for")
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # finds gzip and zlib by their heads
    try:
        plain = unpacker.decompress(body, most_bytes + 1)
    except zlib.error as error:
        raise CutOff(f"the body is no {encoding}: {error}") from error
    if len(plain) > most_bytes:
        raise TooLarge
    if not unpacker.eof:
        raise CutOff(f"the body ends within its {encoding}")
    return plain
