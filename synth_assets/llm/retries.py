"""A request in; its reply, or its last error after as many tries as the model allows, out."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from synth_assets.errors import TransientCallError
from synth_assets.llm.replies import RawReply
from synth_assets.llm.request import Request
from synth_assets.llm.transports import Transport
from synth_assets.recipe import Model


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the n-th retry: a random time up to ``first_s`` doubled n times
    and at most ``most_s`` (full jitter keeps those who failed together from returning together).

    An endpoint's own Retry-After holds instead, plus up to a tenth; where it asks for more than
    ``longest_s`` the call is given up, and the next run asks again.
    """

    first_s: float = 0.5
    most_s: float = 30.0
    longest_s: float = 300.0

    def wait_s(self, retry: int, asked_for_s: float | None) -> float | None:
        """Seconds before retry number ``retry`` (from 0); None where it is not worth waiting."""
        if asked_for_s is None:
            return random.uniform(0, min(self.most_s, self.first_s * 2.0**retry))
        if asked_for_s > self.longest_s:
            return None
        return asked_for_s * random.uniform(1, 1.1)


async def send_with_retries(
    transport: Transport,
    model: Model,
    request: Request,
    backoff: Backoff,
    is_stopping: Callable[[], bool],
) -> RawReply:
    """Sends until a reply comes, an error is for good, or ``model.max_retries`` are used up.

    Errors: the last `TransientCallError`, or a `RejectedCallError` at once. A run that is
    stopping retries nothing.
    """
    retry = 0
    while True:
        try:
            return await transport.send(model, request)
        except TransientCallError as error:
            if retry >= model.max_retries or is_stopping():
                raise
            wait_s = backoff.wait_s(retry, error.retry_after_s)
            if wait_s is None:
                raise
        await asyncio.sleep(wait_s)
        retry += 1
