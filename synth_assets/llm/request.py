"""What goes to an endpoint and what comes back, before it means anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import orjson

from synth_assets.identity import canonical_json, content_hash

Message = Mapping[str, str]
"""One turn: ``{"role": "system" | "user" | "assistant", "content": text}``."""

ReplyStatus = Literal["ok", "cut", "refused", "empty", "failed"]
"""``ok``: text with a natural end. ``cut``: finish_reason length. ``refused``: the provider's
content filter. ``empty``: no text. ``failed``: no reply; the error's kind is in ``Reply.error``."""


@dataclass(frozen=True, slots=True)
class Request:
    """One thing asked of one model.

    model: the recipe's own name of a model (``careful``), resolved by the engine.
    messages: the turns, system text first where there is one.
    sampling: ``temperature``, ``top_p``, ``max_tokens``, ``presence_penalty``, ``stop`` …: all
        of it is part of the identity, with what the model is always asked with.
    response_schema: a JSON schema for a structured reply, or None. Its ``title`` names it.
    round, sample_index: which draw this is. Generation counts its draws inside a round; a
        completion counts per prompt, with round 0, so that every round shares it.
    """

    model: str
    messages: tuple[Message, ...]
    sampling: Mapping[str, Any] = field(default_factory=dict)
    response_schema: Mapping[str, Any] | None = None
    round: int = 0
    sample_index: int = 0

    @property
    def wants_body(self) -> bool:
        """Does it ask for probabilities of tokens? They stand in the body of the reply only."""
        of_reply = self.sampling.get("logprobs")
        of_prompt = self.sampling.get("prompt_logprobs")
        is_wanted = of_reply is not None and of_reply is not False
        return is_wanted or (of_prompt is not None and of_prompt is not False)

    def seed(self) -> int:
        """The draw as one number for endpoints that take a ``seed`` (round 0 keeps the index)."""
        return self.round * 1_000_003 + self.sample_index

    def canonical(self, sampling: Mapping[str, Any] | None = None) -> str:
        """The part of the identity that does not depend on where the model is served.

        sampling: what it is asked with, where the model adds to its own.
        """
        schema = self.response_schema
        sampling = self.sampling if sampling is None else sampling
        return (
            f'{{"messages":{_messages_json(self.messages)},'
            f'"response_schema":{"null" if schema is None else canonical_json(_as_dict(schema))},'
            f'"round":{self.round:d},"sample_index":{self.sample_index:d},'
            f'"sampling":{canonical_json(_as_dict(sampling))}}}'
        )

    def key(self, *, provider: str, endpoint: str, model: str) -> str:
        """Identity of the request as sent; ``endpoint`` comes without userinfo or credentials."""
        return content_hash(*key_parts(provider, endpoint, model), self.canonical())


class Reply(NamedTuple):
    """What came back for one request. ``text`` is None exactly when status is empty or failed.
    body: as it came, where the request asked for probabilities of tokens (see `read_logprobs`)."""

    call_id: str
    status: ReplyStatus
    text: str | None
    finish_reason: str | None = None
    error: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    is_cached: bool = False
    body: str | None = None


def _messages_json(messages: tuple[Message, ...]) -> str:
    """`canonical_json` of the turns. Most of a request is text, which orjson writes in the same
    way and in a tenth of the time; it does not so with numbers, nor with a lone surrogate."""
    turns = [_as_dict(message) for message in messages]
    if all(type(value) is str for turn in turns for value in turn.values()):
        try:
            return orjson.dumps(turns, option=orjson.OPT_SORT_KEYS).decode()
        except TypeError:
            pass
    return canonical_json(turns)


def _as_dict(value: Mapping[str, Any]) -> dict[str, Any]:
    """For JSON; nearly all are dicts already."""
    return value if type(value) is dict else dict(value)


def key_parts(provider: str, endpoint: str, model: str) -> list[str]:
    """What a key is made of beside the request's canonical form, which comes last."""
    return ["request-1", provider, endpoint, model]


Ask = Callable[[Iterable[Request]], Iterator[Reply]]
"""The only effect a method has: one reply per request, in the order of the requests. Requests
are consumed, and replies given, in batches, so that a million never sit in memory at once."""


def user(text: str) -> Message:
    """One user turn."""
    return {"role": "user", "content": text}


def system(text: str) -> Message:
    """The system text of a request."""
    return {"role": "system", "content": text}
