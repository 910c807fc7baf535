"""Bytes of HTTP/1.1 in, requests out, answers back, at as little CPU as Python allows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """Names of headers are in lower case; ``path`` is without query."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


Handle = Callable[[HttpRequest, "Connection"], None]


class Connection(asyncio.Protocol):
    """One client: requests are handled one after the other. A handler ends with exactly one of
    `answer`, `abort` and `hang`, now or later."""

    def __init__(self, handle: Handle, open_connections: set[Connection]) -> None:
        self._handle = handle
        self._all = open_connections
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._is_busy = False

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self._all.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._all.discard(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._go_on()

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> bool:
        """Sends a whole answer; False where the client has gone."""
        is_sent = self.is_open
        self.write(head(status, len(body), headers) + body)
        self._is_busy = False
        if self._received:
            self._go_on()
        return is_sent

    def write(self, data: bytes) -> None:
        """Sends bytes as they are; nothing where the client has gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def abort(self) -> None:
        """Resets the connection."""
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Ends the connection after what was written."""
        if self._transport is not None:
            self._transport.close()

    def _go_on(self) -> None:
        while not self._is_busy:
            request = self._take()
            if request is None:
                return
            self._is_busy = True
            self._handle(request, self)

    def _take(self) -> HttpRequest | None:
        """The next whole request of what was received."""
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return None
        lines = self._received[:end].decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        start = end + 4
        if headers.get("transfer-encoding", "").lower() == "chunked":
            unchunked = _unchunk(self._received, start)
            if unchunked is None:
                return None
            body, stop = unchunked
        else:
            stop = start + int(headers.get("content-length", 0))
            if len(self._received) < stop:
                return None
            body = bytes(self._received[start:stop])
        del self._received[:stop]
        method, target, _ = lines[0].split(" ", 2)
        path, _, query = target.partition("?")
        return HttpRequest(method, path, query, headers, body)


def head(status: int, length: int, headers: Mapping[str, str] | None = None) -> bytes:
    """Status line and headers of an answer whose body has ``length`` bytes."""
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items()).encode()
    return b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b\r\n" % (
        status,
        _REASONS.get(status, b"Odd"),
        length,
        more,
    )


def _unchunk(received: bytearray, start: int) -> tuple[bytes, int] | None:
    """The body that comes in chunks from ``start`` and where it ends; None where more is due."""
    body = bytearray()
    while True:
        end = received.find(b"\r\n", start)
        if end < 0:
            return None
        size = int(received[start:end].split(b";")[0], 16)
        start = end + 2 + size + 2
        if len(received) < start:
            return None
        if size == 0:
            return bytes(body), start
        body += received[end + 2 : end + 2 + size]
