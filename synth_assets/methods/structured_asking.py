"""Requests and the form their replies should have in; values of that form, or why not, out.

A reply is parsed; where it is broken it is repaired; where that is not enough the model is asked
once more, with its reply and what is wrong with it. The correction is a request like any other, so
it is a row of its own, and known the next time. Parsing stands apart from asking: it is no part of
a request's key, so that a better parser reads stored replies again and buys none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from synth_assets.errors import ReplyError
from synth_assets.identity import canonical_json
from synth_assets.llm.request import Ask, Reply, Request, user
from synth_assets.methods.asking import ask_about, counted_like, is_usable
from synth_assets.methods.structured_reply import parse_reply
from synth_assets.templates import load_template

Form = TypeVar("Form", bound=BaseModel)
Subject = TypeVar("Subject")

StructuredStatus = Literal["parsed", "repaired", "corrected", "unparsed", "failed"]
"""``parsed``: valid as it came. ``repaired``: its JSON was broken and mended. ``corrected``: the
correction is valid, as it came or mended. ``unparsed``: neither is. ``failed``: no text came."""

CHUNK = 1_000
"""Replies that are read before their corrections are asked for together."""


@dataclass(frozen=True)
class StructuredReply(Generic[Form]):
    """value is there exactly when status is parsed, repaired or corrected. reply: the first one;
    correction: the second, where it was asked for. problem: what was wrong with the last.
    was_repaired: the JSON of the one that was read was broken and mended."""

    status: StructuredStatus
    value: Form | None
    reply: Reply
    correction: Reply | None = None
    problem: str | None = None
    was_repaired: bool = False

    @property
    def may_lack_its_end(self) -> bool:
        """Was the text that was read cut, and mended? Then its last number may be a part of one."""
        read = self.correction if self.status == "corrected" else self.reply
        return self.was_repaired and read is not None and read.status == "cut"

    @property
    def call_ids(self) -> list[str]:
        """The calls that the value rests on, the newest last."""
        correction = [] if self.correction is None else [self.correction.call_id]
        return [self.reply.call_id, *correction]


def schema_of(form: type[BaseModel]) -> dict[str, Any]:
    """The form's JSON schema with all properties required and no others allowed, as endpoints
    want it that keep to a schema strictly. Defaults are left out: there is nothing to leave out."""
    return _strict(form.model_json_schema())


def ask_structured(
    ask: Ask,
    subjects: Iterable[tuple[Subject, Request]],
    form: type[Form],
    counts: Counter[str] | None = None,
) -> Iterator[tuple[Subject, StructuredReply[Form]]]:
    """Asks lazily and pairs each subject with its structured reply, in order. A request without a
    ``response_schema`` gets the form's. ``counts`` gains each status. Where ``subjects`` have a
    length, ``ask`` is told it, and that of the corrections when they are asked for."""
    schema = schema_of(form)

    def with_schema() -> Iterator[tuple[tuple[Subject, Request], Request]]:
        for subject, request in subjects:
            if request.response_schema is None:
                request = replace(request, response_schema=schema)
            yield (subject, request), request

    asked = ask_about(ask, counted_like(subjects, with_schema()))
    while chunk := list(islice(asked, CHUNK)):
        read = [(subject, request, _read(reply, form)) for (subject, request), reply in chunk]
        wrong = [
            (n, _correction(request, first, schema))
            for n, (_, request, first) in enumerate(read)
            if first.status == "unparsed"
        ]
        corrected = dict(ask_about(ask, wrong))
        for n, (subject, _, first) in enumerate(read):
            found = _corrected(first, corrected[n], form) if n in corrected else first
            if counts is not None:
                counts[found.status] += 1
            yield subject, found


def _read(reply: Reply, form: type[Form]) -> StructuredReply[Form]:
    if not is_usable(reply) or reply.text is None:
        return StructuredReply("failed", None, reply, problem=reply.error or reply.status)
    try:
        parsed = parse_reply(reply.text, form)
    except ReplyError as error:
        return StructuredReply("unparsed", None, reply, problem=str(error))
    status = "repaired" if parsed.was_repaired else "parsed"
    return StructuredReply(status, parsed.value, reply, was_repaired=parsed.was_repaired)


def _correction(request: Request, wrong: StructuredReply[Any], schema: dict[str, Any]) -> Request:
    """The same conversation with the reply and what is wrong with it."""
    said = {"role": "assistant", "content": wrong.reply.text or ""}
    text = load_template("structured_reply/correction").render(
        problem=wrong.problem or "", schema=canonical_json(dict(request.response_schema or schema))
    )
    return replace(request, messages=(*request.messages, said, user(text)))


def _corrected(
    first: StructuredReply[Form], correction: Reply, form: type[Form]
) -> StructuredReply[Form]:
    second = _read(correction, form)
    if second.value is None:
        # The first reply is what the model said; that the second is none better changes nothing.
        return replace(first, correction=correction, problem=second.problem)
    return replace(second, status="corrected", reply=first.reply, correction=correction)


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _strict(part) for name, part in schema.items() if name != "default"}
    properties = schema.get("properties")
    if isinstance(properties, dict):
        # Property names are names, not keywords: one may well be called "default".
        kept["properties"] = {name: _strict(part) for name, part in properties.items()}
        kept |= {"required": list(properties), "additionalProperties": False}
    return kept
