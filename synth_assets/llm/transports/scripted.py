"""A script in, its replies out: the fake that ships with the package, for tests and examples.

A script is registered under a name and used by a recipe as ``scripted/<name>``.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from synth_assets.errors import RejectedCallError
from synth_assets.identity import canonical_json
from synth_assets.llm.replies import RawReply, body_of, read_reply
from synth_assets.llm.request import Request
from synth_assets.llm.tokens import count_tokens
from synth_assets.llm.wire import model_name
from synth_assets.recipe_model import Model

Line = str | Mapping[str, Any] | Exception
"""One reply: its text, the whole body of a chat completion, or an error to raise."""

Script = Callable[[Request], Line | Awaitable[Line]] | Sequence[Line]
"""A function of the request, or replies in the order in which they are asked for."""

_SCRIPTS: dict[str, Script] = {}


def register(name: str, script: Script) -> None:
    """Makes ``script`` the model ``scripted/<name>``, in the place of an earlier one."""
    _SCRIPTS[name] = script if callable(script) else list(script)


def forget(name: str) -> None:
    """Removes a script; nothing where there is none."""
    _SCRIPTS.pop(name, None)


class Scripted:
    """Plays the registered script of the model's name, or the one given.

    ``requests`` holds what was asked, in the order of asking.
    """

    def __init__(self, script: Script | None = None) -> None:
        self._script: Script | None = script if script is None or callable(script) else list(script)
        self._played: dict[str, int] = {}
        self.requests: list[Request] = []

    def endpoint(self, model: Model, request: Request) -> str:
        return ""

    async def send(self, model: Model, request: Request) -> RawReply:
        self.requests.append(request)
        line = self._next_line(model_name(model), request)
        if inspect.isawaitable(line):
            line = await line
        if isinstance(line, Exception):
            raise line
        if isinstance(line, str):
            line = body_of(
                line,
                model=model_name(model),
                input_tokens=sum(count_tokens(turn["content"]) for turn in request.messages),
                output_tokens=count_tokens(line),
            )
        return read_reply(canonical_json(line))

    async def close(self) -> None:
        pass

    def _next_line(self, name: str, request: Request) -> Line | Awaitable[Line]:
        script = self._script if self._script is not None else _SCRIPTS.get(name)
        if script is None:
            raise RejectedCallError(
                f"no script is registered as {name!r}; known: {', '.join(sorted(_SCRIPTS))}",
                kind="not_found",
            )
        if callable(script):
            return script(request)
        place = self._played.get(name, 0)
        self._played[name] = place + 1
        if place >= len(script):
            raise RejectedCallError(
                f"the script {name!r} has {len(script)} replies and was asked for one more",
                kind="not_found",
            )
        return script[place]
