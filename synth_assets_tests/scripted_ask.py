"""An `ask` that a test writes: a function from a request to a text or a reply."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from synth_assets.identity import content_id
from synth_assets.llm.request import Reply, ReplyStatus, Request

Answer = Reply | str | None
"""A whole reply, a text that ended naturally, or None for a call that failed."""


def call_id_of(request: Request) -> str:
    """The id of the call that `ScriptedAsk` makes for a request."""
    return content_id("call", request.model, request.canonical())


def reply_to(request: Request, text: str | None, status: ReplyStatus = "ok") -> Reply:
    """A reply with the request's call_id."""
    return Reply(call_id_of(request), status, text, error="server" if status == "failed" else None)


@dataclass
class ScriptedAsk:
    """Answers each request by ``answer``, one by one and lazily, and keeps what was asked."""

    answer: Callable[[Request], Answer]
    requests: list[Request] = field(default_factory=list)

    def __call__(self, requests: Iterable[Request]) -> Iterator[Reply]:
        for request in requests:
            self.requests.append(request)
            answer = self.answer(request)
            if isinstance(answer, Reply):
                yield answer
            else:
                yield reply_to(request, answer, "failed" if answer is None else "ok")

    @property
    def prompts(self) -> list[str]:
        """The last turn of each request, in the order asked."""
        return [request.messages[-1]["content"] for request in self.requests]


def in_turn(answers: Sequence[Answer]) -> ScriptedAsk:
    """Gives ``answers`` one after another; more requests than answers is an error."""
    remaining = iter(answers)
    return ScriptedAsk(lambda _: next(remaining))


def never_asked() -> ScriptedAsk:
    """Fails the test at the first request."""

    def refuse(request: Request) -> Answer:
        raise AssertionError(f"nothing should be asked, and {request} was")

    return ScriptedAsk(refuse)
