"""Prompts of a pool in, conversations that go on from them out: a teacher answers, a simulated
person speaks next, turn by turn (in the manner of UltraChat, Ding et al. 2023, section 3).

The result is a prompt: turns that end with the person's, to be answered by the completions stage.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
from pydantic import Field

from synth_assets.identity import canonical_json
from synth_assets.llm.request import Message, Reply, Request, user
from synth_assets.method import POOL, Material, Resolve, Rule, method
from synth_assets.methods.asking import Counted, ask_about
from synth_assets.methods.draws import IdPool
from synth_assets.methods.elimination import copies_template
from synth_assets.methods.prompt_rows import (
    kept,
    messages_of,
    new_prompt_id,
    prompt_row,
    transcript,
)
from synth_assets.methods.result import MethodResult
from synth_assets.methods.thoughts import without_thoughts
from synth_assets.quality.tokens import tokenize
from synth_assets.recipe_parts import ModelName, Part, Sampling
from synth_assets.schemas import PROMPT_COLUMNS, Column, TableSchema
from synth_assets.templates import Template, load_template, quote

METHOD = "follow_up_turns"
NEXT_TURN = "follow_up_turns/next_user_turn"
COURTESIES = frozenset(
    re.findall(
        r"\w+",
        """
        a all bye day fine for good goodbye great have help helpful i is it lot much nice ok okay
        perfect so sure thank thanks that the this thx very was wonderful you your
        danke gracias grazie merci obrigado شكرا
        """,
    )
)
COURTEOUS_TEXTS = frozenset(("ありがとう", "ありがとうございます", "谢谢", "감사합니다"))
"""Words with which a person ends a conversation and asks for nothing."""

_OWN_LABEL = re.compile(r"\A(?:user|person|human)\s*:\s*", re.IGNORECASE)
_OTHER_LABEL = re.compile(r"\A(?:assistant|ai)\s*:", re.IGNORECASE)


class FollowUpTurns(Part):
    """Conversations of several turns (Ding et al. 2023; methods.md, "messages from the start").

    per_round: prompts of the pool that go on in each round.
    teacher, user: who answers, and who plays the person.
    turns: turns of the person that are added, each after an answer.
    """

    teacher: ModelName
    user: ModelName
    per_round: int = Field(ge=1)
    turns: int = Field(default=1, ge=1, le=10)
    sampling: Sampling = Sampling(temperature=0.8, top_p=0.95, max_tokens=1024)
    user_sampling: Sampling = Sampling(temperature=1.0, top_p=0.95, max_tokens=256)


COLUMNS = (Column("turns", pl.Int32, "Turns of the person that were added"),)
SCHEMA = TableSchema("conversation_prompts", "prompt_id", "", (*PROMPT_COLUMNS, *COLUMNS))


@dataclass(frozen=True)
class _Conversation:
    """A prompt as far as it has gone on. given: an answer that came with the prompt."""

    parent: Mapping[str, Any]
    messages: tuple[Message, ...]
    given: str | None
    turns: int = 0
    call_ids: tuple[str, ...] = ()
    drop_reason: str | None = None

    def after(self, reply: Reply, reason: str | None, turn: Message | None) -> _Conversation:
        messages = self.messages if turn is None else (*self.messages, turn)
        return replace(
            self, messages=messages, call_ids=(*self.call_ids, reply.call_id), drop_reason=reason
        )


def _templates(parameters: FollowUpTurns, resolve: Resolve) -> list[Template]:
    return [load_template(NEXT_TURN)]


def _may_follow(
    parameters: FollowUpTurns, unknown: Counter[str], teacher: str | None
) -> tuple[Counter[str], int]:
    """An unknown reply leaves open all turns of its conversation."""
    conversations = min(unknown.total(), parameters.per_round)
    turns = conversations * parameters.turns
    return Counter({parameters.teacher: turns}) + Counter({parameters.user: turns}), conversations


def _rules(parameters: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[Rule]:
    for reason in ("failed_answer", "refused_answer", "empty_answer", "cut_answer"):
        yield reason, parameters.get("teacher"), row.get("turns")
    for reason in (
        "failed_reply",
        "empty",
        "cut_off",
        "copies_template",
        "speaks_as_assistant",
        "repeats_a_turn",
        "says_nothing",
    ):
        yield reason, parameters.get("user"), row.get("text")


@method(
    METHOD,
    kind="prompts",
    table=SCHEMA.name,
    description="Conversations: prompts that were answered and went on (UltraChat, Ding et al. "
    "2023).",
    parameters=FollowUpTurns,
    columns=COLUMNS,
    templates=_templates,
    rewrites=True,
    rules=_rules,
    may_follow=_may_follow,
)
def continue_prompts(material: Material, parameters: FollowUpTurns) -> MethodResult:
    """One row per drawn prompt, kept or dropped by name. A prompt that came with a completion is
    answered by it. Conversations inherit family, split and licence, and are not drawn again; a
    reference answer does not carry over."""
    counts: Counter[str] = Counter()
    conversations = _drawn(material.frame(POOL), material.round, parameters)
    for turn in range(parameters.turns):
        conversations = _answer(conversations, turn, material, parameters, counts)
        conversations = _speak(conversations, turn, material, parameters, counts)
    rows = [_row(each, material.round, parameters) for each in conversations]
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), dict(counts))


def answer_reason(reply: Reply) -> str | None:
    """Why a teacher's reply cannot be gone on from."""
    if reply.status == "failed":
        return "failed_answer"
    if reply.status == "refused":
        return "refused_answer"
    if not (reply.text or "").strip():
        return "empty_answer"
    return "cut_answer" if reply.status == "cut" else None


def turn_reason(reply: Reply, messages: tuple[Message, ...]) -> str | None:
    """Why the simulated person's reply is no next turn."""
    if reply.status in ("failed", "refused"):
        return "failed_reply"
    text = spoken_text(reply)
    if not text:
        return "empty"
    if reply.status == "cut":
        return "cut_off"
    if copies_template(text, transcript(messages), load_template(NEXT_TURN)):
        return "copies_template"
    if _OTHER_LABEL.match(text):
        return "speaks_as_assistant"
    if any(_plain(turn["content"]) == _plain(text) for turn in messages):
        return "repeats_a_turn"
    return "says_nothing" if is_courtesy(text) else None


def is_courtesy(text: str) -> bool:
    """Thanks, a farewell, or only signs; a question is more ("Is that good for you?")."""
    if any(mark in text for mark in "?？؟") and tokenize(text):
        return False
    is_whole = _plain(text).strip(" .!。！") in COURTEOUS_TEXTS
    return is_whole or all(token in COURTESIES for token in tokenize(text))


def spoken_text(reply: Reply) -> str:
    """What the person says, without the label that the transcript puts before it."""
    return _OWN_LABEL.sub("", without_thoughts(reply.text)).strip()


def _drawn(pool: pl.DataFrame, round: int, parameters: FollowUpTurns) -> list[_Conversation]:
    pool = kept(pool).filter(pl.col("method") != METHOD)
    drawn = IdPool(pool["prompt_id"]).draw(parameters.per_round, METHOD, round)
    chosen = pool.filter(pl.col("prompt_id").is_in(drawn)).sort("prompt_id")
    return [
        _Conversation(row, tuple(messages_of(row)), row["given_completion"])
        for row in chosen.iter_rows(named=True)
    ]


def _answer(
    conversations: list[_Conversation],
    turn: int,
    material: Material,
    parameters: FollowUpTurns,
    counts: Counter[str],
) -> list[_Conversation]:
    given = [
        replace(each, messages=(*each.messages, _assistant(each.given)), given=None)
        if each.given is not None
        else each
        for each in conversations
    ]
    waiting = [place for place, each in enumerate(conversations) if each.given is None]

    def request(each: _Conversation) -> Request:
        return Request(
            parameters.teacher,
            each.messages,
            parameters.sampling.given(),
            round=material.round,
            sample_index=turn,
        )

    def after(each: _Conversation, reply: Reply) -> _Conversation:
        reason = answer_reason(reply)
        return each.after(reply, reason, None if reason else _assistant(reply.text or ""))

    # Each is answered and gone on from in each turn; what came with an answer is asked once less.
    in_all = (2 * parameters.turns - 1) * len(given) + len(waiting) if turn == 0 else None
    return _step(given, waiting, request, after, material, counts, in_all)


def _speak(
    conversations: list[_Conversation],
    turn: int,
    material: Material,
    parameters: FollowUpTurns,
    counts: Counter[str],
) -> list[_Conversation]:
    def request(each: _Conversation) -> Request:
        text = load_template(NEXT_TURN).render(
            conversation=quote("conversation", transcript(each.messages))
        )
        return Request(
            parameters.user,
            (user(text),),
            parameters.user_sampling.given(),
            round=material.round,
            sample_index=turn,
        )

    def after(each: _Conversation, reply: Reply) -> _Conversation:
        text = spoken_text(reply)
        reason = turn_reason(reply, each.messages)
        spoken = each.after(reply, reason, user(text) if text else None)
        return replace(spoken, turns=each.turns + bool(text))

    everyone = list(range(len(conversations)))
    return _step(conversations, everyone, request, after, material, counts)


def _step(
    conversations: list[_Conversation],
    places: list[int],
    request: Callable[[_Conversation], Request],
    after: Callable[[_Conversation, Reply], _Conversation],
    material: Material,
    counts: Counter[str],
    in_all: int | None = None,
) -> list[_Conversation]:
    """Asks about those at the places that are not dropped, and keeps the others as they are."""
    found = list(conversations)
    left = [place for place in places if conversations[place].drop_reason is None]
    about = Counted(len(left), ((place, request(conversations[place])) for place in left), in_all)
    for place, reply in ask_about(material.ask, about, counts):
        found[place] = after(conversations[place], reply)
    return found


def _assistant(text: str) -> Message:
    return {"role": "assistant", "content": text}


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _row(each: _Conversation, round: int, parameters: FollowUpTurns) -> dict[str, object]:
    parent = each.parent
    is_whole = each.messages[-1]["role"] == "user" and each.turns > 0
    text = each.messages[-1]["content"] if is_whole else None
    identity = canonical_json([dict(turn) for turn in each.messages])
    return prompt_row(
        prompt_id=new_prompt_id(METHOD, (parent["prompt_id"],), round, each.turns, 0, identity),
        text=text,
        round=round,
        method=METHOD,
        generation=1,
        derived_from=[parent["prompt_id"]],
        family_id=parent["family_id"],
        split=parent["split"],
        messages=list(each.messages) if is_whole else None,
        model=parameters.user,
        other_models=sorted({parameters.teacher} - {parameters.user}) or None,
        call_ids=list(each.call_ids),
        template_hash=load_template(NEXT_TURN).hash,
        licence=parent["licence"],
        origin=f"model:{parameters.user}",
        drop_reason=each.drop_reason,
        turns=each.turns,
    )
