"""Requests that differ in their sample index alone, sent as one with ``n``, in; each its own
choice out, so that a prompt's tokens are paid for once.

Each choice is a reply of its own whose body holds that choice alone. Endpoints tell tokens for all
choices together: the prompt's are counted with the first, the replies' are shared out by length,
so that the sums are exact while a single row's number is an estimate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from synth_assets.errors import CallError, RejectedCallError, TransientCallError
from synth_assets.identity import canonical_json
from synth_assets.llm.replies import RawReply, parse_body, read_reply
from synth_assets.llm.request import Request
from synth_assets.recipe_model import Model

GATHER_S = 0.002
"""How long the first sample of a prompt waits for the others: they are asked for together."""

MOST = 64
"""Samples in one request."""

SendSamples = Callable[[Model, Request, int], Awaitable[RawReply]]
Asked = tuple[Request, asyncio.Future[RawReply]]


@dataclass
class _Group:
    model: Model
    asked: list[Asked] = field(default_factory=list)


class MergedSamples:
    """Gathers what is asked for at the same time."""

    def __init__(self, send: SendSamples) -> None:
        self._send = send
        self._groups: dict[tuple[int, str], _Group] = {}
        self._sending: set[asyncio.Task[None]] = set()

    async def send(self, model: Model, request: Request) -> RawReply:
        """The reply of one sample. Errors are those of the one request, for each of its samples;
        a choice that is missing is a `TransientCallError` of kind ``truncated_body``."""
        name = (id(model), _without_sample(request))
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = _Group(model)
            task = asyncio.create_task(self._send_soon(name, group))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        future: asyncio.Future[RawReply] = asyncio.get_running_loop().create_future()
        group.asked.append((request, future))
        if len(group.asked) == MOST:
            del self._groups[name]  # its task has it in its hands; the next begins another
        return await future

    async def _send_soon(self, name: tuple[int, str], group: _Group) -> None:
        await asyncio.sleep(GATHER_S)
        if self._groups.get(name) is group:
            del self._groups[name]
        asked = [(request, future) for request, future in group.asked if not future.done()]
        if not asked:
            return
        futures = [future for _, future in asked]
        try:
            replies = split(await self._send(group.model, asked[0][0], len(asked)), len(asked))
        except CallError as error:
            for future in futures:
                if not future.done():
                    future.set_exception(_copy(error))
            return
        except BaseException:
            for future in futures:
                future.cancel()
            raise
        for future, reply in zip(futures, replies, strict=True):
            if future.done():
                continue
            if isinstance(reply, CallError):
                future.set_exception(reply)
            else:
                future.set_result(reply)


def split(reply: RawReply, count: int) -> list[RawReply | CallError]:
    """One reply a sample, each with its own choice. Those that have none get an error."""
    body: dict[str, Any] = parse_body(reply.raw)
    choices = body["choices"][:count]
    usage = body.get("usage")
    shares = _shares([len(orjson.dumps(choice, default=str)) for choice in choices], usage)
    replies: list[RawReply | CallError] = []
    for place, choice in enumerate(choices):
        one = {**body, "choices": [choice]}
        if shares is not None and isinstance(usage, Mapping):
            taken = usage.get("prompt_tokens") if place == 0 else 0
            one["usage"] = {"prompt_tokens": taken, "completion_tokens": shares[place]}
        raw = canonical_json(one)
        try:
            replies.append(read_reply(raw, limits=reply.limits))
        except TransientCallError as error:
            replies.append(error)
    missing = TransientCallError(
        f"of {count} samples asked for in one request, {len(choices)} came",
        kind="truncated_body",
        raw_reply=None,
    )
    return replies + [_copy(missing) for _ in range(count - len(choices))]


def _shares(lengths: list[int], usage: Any) -> list[int] | None:
    """The replies' tokens shared out by length; the shares add up to what was told."""
    total = usage.get("completion_tokens") if isinstance(usage, Mapping) else None
    if type(total) is not int or total < 0 or not lengths:
        return None
    ends = [total * sum(lengths[: n + 1]) // max(1, sum(lengths)) for n in range(len(lengths))]
    return [end - start for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _without_sample(request: Request) -> str:
    canonical = request.canonical()
    return canonical.replace(f'"sample_index":{request.sample_index}', "", 1)


def _copy(error: CallError) -> CallError:
    """One error an asker: an exception that is raised twice mixes up its traces."""
    kind = RejectedCallError if isinstance(error, RejectedCallError) else TransientCallError
    return kind(
        str(error),
        kind=error.kind,
        retry_after_s=error.retry_after_s,
        raw_reply=error.raw_reply,
        limits=error.limits,
    )
