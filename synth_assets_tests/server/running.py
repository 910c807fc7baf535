"""A test server that runs, in a thread or in a process of its own, until the block ends."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from synth_assets_tests.server.app import App
from synth_assets_tests.server.counters import Counters
from synth_assets_tests.server.http import Connection, HttpRequest
from synth_assets_tests.server.settings import Settings

LOOPBACK = "127.0.0.1"


def new_loop() -> asyncio.AbstractEventLoop:
    """The quickest loop there is."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class Serving:
    """A server in this process. ``base_url`` is for a recipe."""

    def __init__(self, app: App, address: str, loop: asyncio.AbstractEventLoop) -> None:
        self.address = address
        self.base_url = f"{address}/v1"
        self._app = app
        self._loop = loop

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    @property
    def counters(self) -> Counters:
        return self._app.counters

    @property
    def last(self) -> list[HttpRequest]:
        """The newest requests, at most 100, the last one last."""
        return list(self._app.last)

    def change(self, **settings: Any) -> None:
        """Changes settings from the next request on."""
        changed = replace(self._app.settings, **settings)
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (self._app.change(changed), done.set()))
        done.wait()


async def serve(
    settings: Settings,
    port: int,
    started: Callable[[App, str], None],
    stop: asyncio.Event,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serves on the port, 0 for any, until ``stop`` is set; connections are dropped then."""
    loop = asyncio.get_running_loop()
    app = App(settings, loop)
    connections: set[Connection] = set()
    server = await loop.create_server(
        lambda: Connection(app.handle, connections), LOOPBACK, port, backlog=4096, ssl=tls
    )
    host, taken = server.sockets[0].getsockname()[:2]
    started(app, f"{'https' if tls else 'http'}://{host}:{taken}")
    await stop.wait()
    server.close()
    for connection in list(connections):
        connection.abort()
    await server.wait_closed()
    await asyncio.sleep(0)


@contextmanager
def serving(
    settings: Settings | None = None, *, port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[Serving]:
    """In a thread: for tests."""
    loop = new_loop()
    stop = asyncio.Event()
    found: list[Serving] = []
    is_up = threading.Event()

    def started(app: App, address: str) -> None:
        found.append(Serving(app, address, loop))
        is_up.set()

    def run() -> None:
        try:
            loop.run_until_complete(serve(settings or Settings(), port, started, stop, tls))
        finally:
            is_up.set()

    thread = threading.Thread(target=run)
    thread.start()
    is_up.wait()
    try:
        if not found:
            raise OSError(f"the port {port} cannot be served")
        yield found[0]
    finally:
        if found:
            loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


class ServingProcess:
    """A server in another process, which ends when this one does."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.base_url = f"{address}/v1"

    @property
    def counters(self) -> Counters:
        return Counters.from_json(self._ask("/__counters"))

    def change(self, settings: Settings) -> None:
        """Puts other settings in the place of all."""
        self._ask("/__settings", json.dumps(settings.as_json()).encode())

    def _ask(self, path: str, data: bytes | None = None) -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.address + path, data=data, timeout=30) as response:
            return json.load(response)


@contextmanager
def serving_process(settings: Settings | None = None, *, port: int = 0) -> Iterator[ServingProcess]:
    """In a process: for benchmarks, where it must not share the client's interpreter."""
    command = [sys.executable, "-m", "synth_assets_tests.server", "--port", str(port)]
    command += ["--settings", json.dumps((settings or Settings()).as_json())]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            if not address:
                raise OSError("the server did not start")
            yield ServingProcess(address)
        finally:
            process.stdin.close()  # it ends by itself
            process.wait()
