"""A reply that must be one word in, true or false out; anything else is no verdict."""

from __future__ import annotations

from synth_assets.errors import ReplyError
from synth_assets.methods.thoughts import without_thoughts

_MARKS = "*_\"'`"


def parse_yes_or_no(text: str) -> bool:
    """Whether the reply says yes. Any reply but the one word raises `ReplyError`."""
    word = without_thoughts(text).strip(_MARKS).rstrip(".!,;:").strip(_MARKS).casefold()
    if word not in ("yes", "no"):
        raise ReplyError(f"the answer must be Yes or No, and is {text.strip()[:80]!r}")
    return word == "yes"
