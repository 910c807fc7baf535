"""JSON of the exports: a value in, one line of text out that every reader of lines takes whole."""

from __future__ import annotations

import json
from typing import Any

LINE_ENDS = str.maketrans({"\u0085": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})
"""What JSON leaves as it is and readers such as ``str.splitlines`` end a line at."""


def to_json_line(value: Any) -> str:
    """``value`` as JSON without a line end; other scripts stay readable."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).translate(LINE_ENDS)
