"""A real server on 127.0.0.1 that answers, or fails, as a test tells it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from synth_assets.identity import canonical_json
from synth_assets.llm.replies import body_of


@dataclass
class Answer:
    """One answer. fault: ``reset`` drops the connection, ``hang`` never answers, ``cut_off``
    promises more bytes than it sends."""

    text: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    fault: str | None = None


@dataclass
class Asked:
    """What a request brought: its path, headers and body."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        return self.body["messages"][-1]["content"]


def says(text: str) -> Answer:
    """A whole chat completion with ``text``, of 3 input and 2 output tokens."""
    body = body_of(text, model="m", input_tokens=3, output_tokens=2)
    return Answer(canonical_json({"id": "x", "created": 1, **body}))


def fails(status: int, body: str = "", **headers: str) -> Answer:
    return Answer(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


class Loopback:
    """``asked`` holds the requests in their order, ``base_url`` is for a recipe."""

    def __init__(self, respond: Callable[[Asked], Answer], delay_s: float) -> None:
        self.asked: list[Asked] = []
        self.base_url = ""
        self.most_at_once = 0
        self._now = 0
        self._respond, self._delay_s = respond, delay_s
        self._stop = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(request.path_qs, dict(request.headers), await request.json())
        self.asked.append(asked)
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            return await self._answer(request, self._respond(asked))
        finally:
            self._now -= 1

    async def _answer(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        await asyncio.sleep(self._delay_s)
        if answer.fault == "hang":
            await self._stop.wait()
        if answer.fault == "reset":
            assert request.transport is not None
            request.transport.abort()
        if answer.fault == "cut_off":
            response = web.StreamResponse(headers={"Content-Length": "1000"})
            await response.prepare(request)
            await response.write(b'{"choices": [')
            assert request.transport is not None
            request.transport.close()
            return response
        return web.Response(
            text=answer.text,
            status=answer.status,
            headers=answer.headers,
            content_type="application/json",
        )

    async def serve(self, started: Callable[[], None]) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}/v1"
        started()
        await self._stop.wait()
        await runner.cleanup()

    def stop(self) -> None:
        self._stop.set()


@contextmanager
def loopback(respond: Callable[[Asked], Answer], delay_s: float = 0.0) -> Iterator[Loopback]:
    """Serves until the block ends."""
    loop = asyncio.new_event_loop()
    server = Loopback(respond, delay_s)
    started = threading.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve(started.set)))
    thread.start()
    started.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(server.stop)
        thread.join()
        loop.close()


def in_turn(*answers: Answer) -> Callable[[Asked], Answer]:
    """The answers in their order; the last one for ever."""
    left = list(answers)
    return lambda asked: left.pop(0) if len(left) > 1 else left[0]
