"""An event loop in a thread of its own: uvloop where it is installed, else asyncio's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

Result = TypeVar("Result")


class LoopThread:
    """Runs from `__init__` until `stop`. A thread that cannot be ended does not keep the process
    alive."""

    def __init__(self, name: str, died: Callable[[BaseException], None]) -> None:
        self._died = died
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        self.loop = self._started.result()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(self._wait())
        except BaseException as error:
            self._died(error)

    async def _wait(self) -> None:
        self._ending = asyncio.Event()
        self._started.set_result(asyncio.get_running_loop())
        await self._ending.wait()

    def call(self, function: Callable[..., Any], *arguments: Any) -> bool:
        """Runs ``function`` in the loop, later; False where the loop is no more."""
        try:
            self.loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            return False
        return True

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def submit(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Runs ``work`` in the loop; its result can be waited for here."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def stop(self, timeout_s: float) -> bool:
        """Ends the loop; False where it did not end in time."""
        self.call(self._ending.set)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop for calls."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
