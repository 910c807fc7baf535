"""The student behind an endpoint of this machine, for the length of a block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from benchmarks.collapse.student import Student
from synth_assets.llm.offline_server import LOOPBACK, make_app


class Endpoint:
    """Serves whichever student it holds, under one name: a server that loads new weights."""

    def __init__(self, student: Student) -> None:
        self.student = student
        self.base_url = ""

    def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.student.complete(body)


@contextmanager
def serving(student: Student) -> Iterator[Endpoint]:
    """The endpoint in a thread of its own, at a port that is free."""
    endpoint, loop = Endpoint(student), asyncio.new_event_loop()
    runner = web.AppRunner(make_app(endpoint.complete), access_log=None)

    async def start() -> None:
        await runner.setup()
        site = web.TCPSite(runner, LOOPBACK, 0)
        await site.start()
        endpoint.base_url = f"http://{LOOPBACK}:{runner.addresses[0][1]}/v1"

    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield endpoint
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(runner.cleanup())
        loop.close()
