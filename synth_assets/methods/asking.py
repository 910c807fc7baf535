"""Requests with what they are about in, each reply beside it out."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

from synth_assets.errors import SynthError
from synth_assets.llm.request import Ask, Reply, Request

Subject = TypeVar("Subject")


def ask_about(
    ask: Ask,
    subjects: Iterable[tuple[Subject, Request]],
    counts: Counter[str] | None = None,
) -> Iterator[tuple[Subject, Reply]]:
    """Asks lazily and pairs each reply with its subject. ``counts`` gains ``replies`` and
    ``failed_replies`` (no usable text: failed, empty, or refused by the provider)."""
    waiting: deque[Subject] = deque()

    def requests() -> Iterator[Request]:
        for subject, request in subjects:
            waiting.append(subject)
            yield request

    for reply in ask(requests()):
        if not waiting:
            raise SynthError("more replies than requests: one reply per request is expected")
        if counts is not None:
            counts["replies"] += 1
            counts["failed_replies"] += not is_usable(reply)
        yield waiting.popleft(), reply
    if waiting:
        raise SynthError(
            f"{len(waiting)} requests were left without a reply: one reply per request is expected"
        )


def is_usable(reply: Reply) -> bool:
    """Did the model answer with text, even if it was cut?"""
    return reply.status in ("ok", "cut") and bool(reply.text and reply.text.strip())
