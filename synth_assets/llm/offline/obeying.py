"""Words outside of quotations in, the orders to a judge among them out.

The simulated judges obey whoever speaks outside of a quotation, as a credulous model would: so a
completion that got out of its quotation would show in every rate. What is quoted is material.
"""

from __future__ import annotations

import re

from synth_assets.llm.offline.recognise import read_blocks

_SIDE = re.compile(r"\b(?i:choose|prefer|pick|select)\s+(?i:completion\s+)?\(?([AB])\b")
_RATING = re.compile(r"\brate\s+(?:me|this|it|us)\s+(?:an?\s+)?(\d{1,2})\b", re.IGNORECASE)


def ordered_side(text: str) -> str | None:
    """``A`` or ``B`` where someone orders to choose it."""
    found = _SIDE.search(read_blocks(text)[1])
    return found.group(1) if found else None


def ordered_rating(text: str) -> int | None:
    """The rating that someone orders to give."""
    found = _RATING.search(read_blocks(text)[1])
    return int(found.group(1)) if found else None
