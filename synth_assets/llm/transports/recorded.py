"""Completions that a person made elsewhere, as a JSONL file; a request in, the recorded reply to
its last user turn out.

``Model.fields`` says which keys hold ``prompt`` and ``reply`` (their defaults); dots reach into
objects. Sample n is the n-th recorded reply to the prompt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synth_assets.errors import RecipeError, RejectedCallError
from synth_assets.identity import canonical_json, text_hash
from synth_assets.llm.replies import RawReply, body_of, read_reply
from synth_assets.llm.request import Request
from synth_assets.llm.wire import model_name
from synth_assets.recipe import Recipe
from synth_assets.recipe_model import Model

Replies = dict[str, list[str]]
"""The recorded replies of each prompt, in the order of the file."""


class Recorded:
    """Reads each file once, at its first use."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._replies: dict[tuple[str, str], Replies] = {}

    def endpoint(self, model: Model, request: Request) -> str:
        """The recorded reply itself stands for the endpoint: a line that is mended or added
        later is another call, and the lines around it stay known."""
        reply = self._find(model, request)
        return "" if reply is None else f"reply:{text_hash(reply)}"

    async def send(self, model: Model, request: Request) -> RawReply:
        reply = self._find(model, request)
        if reply is None:
            raise RejectedCallError(
                f"{model.replies} holds no reply number {request.sample_index} to the prompt "
                f"{_last_user_turn(request)[:80]!r}; record it, or ask for fewer samples",
                kind="not_recorded",
            )
        return read_reply(canonical_json(body_of(reply, model=model_name(model))))

    async def close(self) -> None:
        pass

    def _find(self, model: Model, request: Request) -> str | None:
        name = (model.replies or "", canonical_json(model.fields))
        if name not in self._replies:
            self._replies[name] = load_replies(self._recipe.resolve(name[0]), model.fields)
        replies = self._replies[name].get(_last_user_turn(request), [])
        return replies[request.sample_index] if request.sample_index < len(replies) else None


def load_replies(path: Path, fields: Mapping[Any, str]) -> Replies:
    """Reads a file of recorded replies.

    Errors: `RecipeError` naming file, line and key.
    """
    prompt_key, reply_key = fields.get("prompt", "prompt"), fields.get("reply", "reply")
    replies: Replies = {}
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    place = f"{path}, line {number}"
                    record = _parse(line, place)
                    prompt = _text_at(record, prompt_key, place)
                    replies.setdefault(prompt, []).append(_text_at(record, reply_key, place))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: recorded replies cannot be read ({error})") from error
    return replies


def _parse(line: str, place: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{place}: not JSON ({error}); one object a line") from error


def _text_at(record: Any, key: str, place: str) -> str:
    """The text under a key, which may itself hold dots, or under a path of keys."""
    found = record
    if isinstance(record, Mapping) and key in record:
        found = record[key]
    else:
        for step in key.split("."):
            if not isinstance(found, Mapping) or step not in found:
                known = ", ".join(sorted(record)) if isinstance(record, Mapping) else "no object"
                raise RecipeError(
                    f"{place}: there is no {key!r}; name the keys of prompt and reply under the "
                    f"model's fields. Here: {known}"
                )
            found = found[step]
    if not isinstance(found, str):
        raise RecipeError(f"{place}: {key!r} = {str(found)[:80]!r} is no text")
    return found


def _last_user_turn(request: Request) -> str:
    for message in reversed(request.messages):
        if message["role"] == "user":
            return message["content"]
    return ""
