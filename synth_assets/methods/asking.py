"""Requests with what they are about in, each reply beside it out."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass
from typing import Generic, TypeVar

from synth_assets.errors import SynthError
from synth_assets.llm.request import Ask, Reply, Request

Item = TypeVar("Item")
Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Counted(Generic[Item]):
    """Items that are made one by one, and of which it is known before how many there will be.

    in_all: with all that may be asked after these, at most, corrections of replies apart. Said of
        the first of several steps, for who shows how far a stage has come.

    Errors: `SynthError` while they are taken, where they are more or fewer.
    """

    count: int
    items: Iterable[Item]
    in_all: int | None = None

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Item]:
        taken = 0
        for item in self.items:
            taken += 1
            if taken > self.count:
                raise SynthError(f"more than the {self.count} items that were counted before")
            yield item
        if taken < self.count:
            raise SynthError(f"{taken} items, where {self.count} were counted before")


def ask_about(
    ask: Ask,
    subjects: Iterable[tuple[Subject, Request]],
    counts: Counter[str] | None = None,
) -> Iterator[tuple[Subject, Reply]]:
    """Asks lazily and pairs each reply with its subject. Where ``subjects`` have a length (a list,
    or `Counted`), ``ask`` is told it. ``counts`` gains ``replies`` and ``failed_replies`` (no
    usable text: failed, empty, or refused by the provider)."""
    waiting: deque[Subject] = deque()

    def requests() -> Iterator[Request]:
        for subject, request in subjects:
            waiting.append(subject)
            yield request

    asked = requests()
    for reply in ask(counted_like(subjects, asked)):
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


def counted_like(other: Iterable[object], items: Iterable[Item]) -> Iterable[Item]:
    """The items, with what is known of how many the others are, which they are made of."""
    if isinstance(other, Counted):
        return Counted(other.count, items, other.in_all)
    return Counted(len(other), items) if isinstance(other, Sized) else items


def is_usable(reply: Reply) -> bool:
    """Did the model answer with text, even if it was cut?"""
    return reply.status in ("ok", "cut") and bool(reply.text and reply.text.strip())
