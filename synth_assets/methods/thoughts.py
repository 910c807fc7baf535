"""A reply's text in, what the model says once its thoughts are over out.

Some servers leave a model's thoughts in the text, between the marks that Qwen3 and DeepSeek-R1 were
trained to write. They are no part of a verdict, and none of a prompt that a model writes.
"""

from __future__ import annotations

import re

_THOUGHTS = re.compile(r"\A\s*<think>.*?(?:</think>|\Z)", re.DOTALL)
_MARK = re.compile(r"<(/?)think>")


def without_thoughts(text: str | None) -> str:
    """The text without the thoughts that it opens with and white space around it; empty where
    there is nothing else, as where the thoughts never end.

    A chat template may end the prompt with ``<think>`` (DeepSeek-R1's does), so that the reply has
    the closing mark alone: all up to the last ``</think>`` that closes nothing is thoughts too.
    """
    said = _THOUGHTS.sub("", text or "")
    return said[_end_of_lone_mark(said) :].strip()


def _end_of_lone_mark(text: str) -> int:
    """Where the last closing mark without an opening one before it ends; 0 without one."""
    end = opened = 0
    for mark in _MARK.finditer(text):
        if not mark[1]:
            opened += 1
        elif opened:
            opened -= 1
        else:
            end = mark.end()
    return end
