"""The headers of an answer in, what they say of the endpoint's limits out.

OpenAI's names (Groq's, Azure's, vLLM gateways' too), Anthropic's, and the plain three.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from synth_assets.llm.limits import Allowance, RateLimits

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS_OF = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_EPOCH = 1_000_000_000
"""A bare number over this is a point in time (1 billion seconds is 2001), not a duration."""


def read_limits(headers: Mapping[str, str]) -> RateLimits | None:
    """None where the headers say nothing of limits. Names may come in any case only where
    ``headers`` looks them up in any case."""
    # Most servers of one's own send none: one pass over the names is all that it costs then.
    if not any("ratelimit" in name.lower() for name in headers):
        return None
    found = RateLimits(
        requests=_allowance(headers, "requests") or _plain(headers),
        tokens=_allowance(headers, "tokens"),
        input_tokens=_allowance(headers, "input-tokens"),
        output_tokens=_allowance(headers, "output-tokens"),
    )
    return None if found == RateLimits() else found


def _allowance(headers: Mapping[str, str], of: str) -> Allowance | None:
    def value(what: str) -> str | None:
        return headers.get(f"x-ratelimit-{what}-{of}") or headers.get(
            f"anthropic-ratelimit-{of}-{what}"
        )

    return _made(value("limit"), value("remaining"), value("reset"))


def _plain(headers: Mapping[str, str]) -> Allowance | None:
    return _made(*(headers.get(f"x-ratelimit-{what}") for what in ("limit", "remaining", "reset")))


def _made(limit: str | None, remaining: str | None, reset: str | None) -> Allowance | None:
    if remaining is None and limit is None:
        return None
    return Allowance(_number(limit), _number(remaining), seconds_until(reset))


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else None
    except ValueError:
        return None
    return number if number is None or 0 <= number < 1e15 else None


def seconds_until(value: str | None) -> float | None:
    """Seconds from now: ``12``, ``1.5s``, ``6m0s``, ``20ms``, a date of RFC 3339, or a Unix time
    in seconds or milliseconds; None for what is none of these."""
    if value is None:
        return None
    value = value.strip()
    number = _number(value)
    if number is not None:
        if number > 1000 * _EPOCH:
            number /= 1000
        return max(0.0, number - datetime.now(UTC).timestamp()) if number > _EPOCH else number
    parts = _DURATION.findall(value)
    if parts and "".join(amount + unit for amount, unit in parts) == value:
        return sum(float(amount) * _SECONDS_OF[unit] for amount, unit in parts)
    try:
        date = datetime.fromisoformat(value)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
