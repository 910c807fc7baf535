"""The body of a chat completion in, what it says out. Stored bodies can be read again by a better
reader, because the body itself is what is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from synth_assets.errors import TransientCallError
from synth_assets.llm.limits import RateLimits
from synth_assets.llm.request import ReplyStatus


@dataclass(frozen=True, slots=True)
class RawReply:
    """A body as it came, and what `read_reply` found in it. ``limits``: what the headers that
    came with it say about the endpoint's limits."""

    raw: str
    status: ReplyStatus
    text: str | None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    limits: RateLimits | None = None


def read_reply(raw: str, *, limits: RateLimits | None = None) -> RawReply:
    """Reads the body of a chat completion, or of the older API's completion, which has ``text``
    in the place of a message.

    Status: ``empty`` where there is no text at all, ``refused`` where a content filter ended it
    or the model filled ``refusal``, ``cut`` where the finish reason is ``length``, else ``ok``.

    Errors: `TransientCallError` of kind ``truncated_body`` where the body is no JSON or holds no
    choice (a connection cut short, or a proxy's error page), with the body.
    """
    try:
        body = parse_body(raw)
        choice = body["choices"][0]
        message = choice["message"] if "text" not in choice else {"content": choice["text"]}
        finish_reason = choice.get("finish_reason")
        content, refusal = _text(message.get("content")), _text(_refusal(message))
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise TransientCallError(
            f"the body is no whole chat completion: {raw[:200]!r}",
            kind="truncated_body",
            raw_reply=raw,
            limits=limits,
        ) from error
    usage = body.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    text = well_formed(content or refusal)
    return RawReply(
        raw=raw,
        status=_status(text, refusal if not content else "", finish_reason),
        text=text or None,
        finish_reason=None if finish_reason is None else str(finish_reason),
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        limits=limits,
    )


def _refusal(message: Mapping[str, Any]) -> Any:
    """What the model said in the place of an answer; litellm's form has it one level down."""
    said = message.get("refusal")
    if said is None and message.get("provider_specific_fields"):
        return message["provider_specific_fields"].get("refusal")
    return said


def parse_body(raw: str) -> Any:
    """The JSON of a body. Errors: `ValueError`, `RecursionError`."""
    try:
        return orjson.loads(raw)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return json.loads(raw)  # slower, but takes the lone surrogates that some servers escape


def _text(content: Any) -> str:
    """Content is a string, null, or a list of parts of which the texts count."""
    if isinstance(content, list):
        return "".join(
            str(part.get("text") or "") for part in content if part.get("type") == "text"
        )
    if content is not None and not isinstance(content, str):
        raise TypeError("content is neither text nor parts")
    return content or ""


def _status(text: str, refusal: str, finish_reason: Any) -> ReplyStatus:
    if not text:
        return "empty"
    if refusal or finish_reason == "content_filter":
        return "refused"
    return "cut" if finish_reason in ("length", "max_tokens") else "ok"


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def well_formed(text: str) -> str:
    """``text`` with lone surrogates, which no UTF-8 file can hold, as U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def body_of(
    text: str | None,
    *,
    model: str,
    finish_reason: str = "stop",
    input_tokens: int | None = None,
    output_tokens: int | None = None,
) -> dict[str, Any]:
    """A chat completion's body, for transports that have no server behind them."""
    body: dict[str, Any] = {
        "object": "chat.completion",
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": finish_reason,
            }
        ],
    }
    if input_tokens is not None and output_tokens is not None:
        body["usage"] = {
            "prompt_tokens": input_tokens,
            "completion_tokens": output_tokens,
            "total_tokens": input_tokens + output_tokens,
        }
    return body
