"""A reply's text in, what the model says once its thoughts are over out.

Some servers leave a model's thoughts in the text, between the marks that Qwen3 and DeepSeek-R1 were
trained to write. They are no part of a verdict, and none of a prompt that a model writes.
"""

from __future__ import annotations

import re

_THOUGHTS = re.compile(r"\A\s*<think>.*?(?:</think>|\Z)", re.DOTALL)


def without_thoughts(text: str | None) -> str:
    """The text without the thoughts that it opens with and white space around it; empty where
    there is nothing else, as where the thoughts never end."""
    return _THOUGHTS.sub("", text or "").strip()
