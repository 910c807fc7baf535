"""An HTTP answer that is no reply in, the call error it stands for out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import orjson

from synth_assets.errors import CallError, RejectedCallError, TransientCallError
from synth_assets.llm.transports.rate_limit_headers import read_limits

_TOO_LONG = ("context_length_exceeded", "maximum context length", "context window", "too long")
_POLICY = ("content_filter", "content_policy", "responsibleaipolicyviolation")
_NO_MONEY = ("insufficient_quota", "billing_hard_limit_reached", "credit balance is too low")


def call_error(status: int, headers: Mapping[str, str], body: str, place: str) -> CallError:
    """The error of an answer with ``status``; ``place`` says in its message who answered."""
    kind = _kind(status, body.lower())
    message = f"{place}: {kind}: HTTP {status}: {_message(body)}{_remedy(kind, status)}"
    limits = read_limits(headers)
    if kind in ("rate_limit", "server", "timeout"):
        wait_s = retry_after_s(headers)
        return TransientCallError(
            message, kind=kind, retry_after_s=wait_s, raw_reply=body, limits=limits
        )
    return RejectedCallError(message, kind=kind, raw_reply=body, limits=limits)


def _kind(status: int, body: str) -> str:
    if status == 429:
        # No money left looks like a rate limit, but no waiting mends it.
        return "out_of_credit" if has_no_credit(body) else "rate_limit"
    if status == 402:
        return "out_of_credit"
    if status in (408, 409, 425):
        return "timeout" if status == 408 else "server"
    if status >= 500:
        return "server"
    if has_no_credit(body):  # Anthropic says so with 400
        return "out_of_credit"
    about_text = rejection_of_text(body) if status >= 400 else None
    if about_text == "content_policy":
        return about_text
    if status in (401, 403):
        return "auth"
    if status < 400 or status in (404, 405, 410):
        return "not_found"
    return about_text or "bad_request"


def has_no_credit(words: str) -> bool:
    """Whether an endpoint's words, in lower case, say that the account has no money left."""
    return any(sign in words for sign in _NO_MONEY)


def rejection_of_text(words: str) -> str | None:
    """``content_policy`` or ``context_too_long`` where an endpoint's words, in lower case, say
    that the text itself was rejected; else None."""
    if any(sign in words for sign in _POLICY):
        return "content_policy"
    return "context_too_long" if any(sign in words for sign in _TOO_LONG) else None


def _message(body: str) -> str:
    """The server's own words, short."""
    try:
        error = orjson.loads(body)["error"]
        words = error["message"] if isinstance(error, dict) else error
    except (orjson.JSONDecodeError, LookupError, TypeError):
        words = body
    return str(words).strip()[:500] or "no message"


def _remedy(kind: str, status: int) -> str:
    if kind == "auth":
        return "; check the key that api_key names, and what it may use"
    if kind == "out_of_credit":
        return "; the account behind the key has no credit left"
    if status < 400:
        return "; redirects are not followed: write the final address as base_url"
    if kind == "not_found":
        return "; check model and base_url"
    return ""


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that an endpoint asks to wait, from ``retry-after-ms`` or ``Retry-After`` (seconds
    or a date); None where it does not say, or says nonsense."""
    milliseconds, value = headers.get("retry-after-ms"), headers.get("Retry-After")
    try:
        if milliseconds is not None:
            return max(0.0, float(milliseconds) / 1000)
        if value is None:
            return None
        if value.strip().replace(".", "", 1).isdigit():
            return float(value)
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
