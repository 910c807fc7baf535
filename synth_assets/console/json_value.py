"""Any value of ours in, one line of JSON that every program reads out."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from synth_assets.console.plain_text import escape_harmful


def to_json(value: Any) -> str:
    """Standard JSON: NaN and infinity are null, times are ISO 8601, durations are seconds, bytes
    are hexadecimal; a decimal is a number, an integer where it is whole."""
    return escape_harmful(json.dumps(plain_value(value), ensure_ascii=False, allow_nan=False))


def plain_value(value: Any) -> Any:
    """``value`` made of what JSON knows."""
    match value:
        case None | bool() | int():
            return value
        case str():  # half of a surrogate pair has no UTF-8
            return value.encode("utf-8", "replace").decode() if not value.isascii() else value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            if not value.is_finite():
                return None
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return value.hex()
        case dict():
            return {str(plain_value(key)): plain_value(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain_value(inner) for inner in value]
        case _:
            return str(value)
