"""Simulated language models: a body of the chat API or of the raw one in, its reply out, offline.

The reply is a function of the body alone: nothing else is read, no clock, no state. At
temperature 0 the draw (``seed``) does not matter, as with a model that decodes greedily.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth_assets.identity import content_id, seeded_random
from synth_assets.llm.offline.answering import answer_prompt
from synth_assets.llm.offline.behaviours import behave
from synth_assets.llm.offline.choosing import choose_completion, tell_logprobs
from synth_assets.llm.offline.comparing import compare_prompts
from synth_assets.llm.offline.conversing import speak
from synth_assets.llm.offline.crafts import practise_craft
from synth_assets.llm.offline.criticising import criticise_completion, rate_overall
from synth_assets.llm.offline.describing import score_pair, write_instruction
from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.habits import in_own_words
from synth_assets.llm.offline.instancing import judge_task, write_instances
from synth_assets.llm.offline.judging import rate_completions
from synth_assets.llm.offline.persons import describe_person, write_for_person
from synth_assets.llm.offline.preferring import prefer_completion
from synth_assets.llm.offline.reckoning import reckon
from synth_assets.llm.offline.recognise import recognise
from synth_assets.llm.offline.revising import revise_completion
from synth_assets.llm.offline.rewriting import rewrite_prompt
from synth_assets.llm.offline.skills import MODELS, Skill
from synth_assets.llm.offline.task import can_parse, truth
from synth_assets.llm.offline.translating import same_task, translate
from synth_assets.llm.offline.writing import begin_conversation, write_prompts

__all__ = ["MODELS", "Skill", "UnknownModel", "can_parse", "complete", "count_tokens", "truth"]

CHARACTERS_PER_TOKEN = 4
"""The plain estimate behind ``usage`` and ``max_tokens``: a token is four characters of text."""

TOKENS_PER_MESSAGE = 4
"""What the marks around one message count for."""


class UnknownModel(ValueError):
    """The body names a model that is not simulated here; the message lists those that are."""


def complete(body: Mapping[str, Any]) -> dict[str, Any]:
    """Answers one request as an endpoint would.

    body: ``model`` (a name in `MODELS`), ``messages`` or, of the raw API, ``prompt``; optionally
    ``temperature``, ``max_tokens``, ``seed``, ``response_format`` and other sampling parameters.
    """
    name = body.get("model")
    skill = MODELS.get(name) if isinstance(name, str) else None
    if skill is None:
        raise UnknownModel(f"there is no offline model {name!r}; known are {', '.join(MODELS)}")
    identity = {key: value for key, value in body.items() if value is not None}
    if identity.get("temperature") == 0:
        identity.pop("seed", None)
    text, is_cut = _reply(body, Dice(seeded_random("offline teacher", identity)), skill)
    text, is_cut = _limit(text, is_cut, body.get("max_tokens"))
    logprobs = tell_logprobs(body, text, skill.preferring)
    return _as_wire(identity, text, "length" if is_cut else "stop", logprobs)


def count_tokens(text: str) -> int:
    """The documented estimate: a token for every four characters begun."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _reply(body: Mapping[str, Any], dice: Dice, skill: Skill) -> tuple[str, bool]:
    asked = recognise(body)
    if asked.kind == "begin":
        return begin_conversation(dice, skill.writing)
    if asked.kind == "write":
        return write_prompts(asked, dice, skill.writing)
    if asked.kind == "rewrite":
        return rewrite_prompt(asked.text, asked.name, dice, skill.rewriting), False
    if asked.kind == "compare":
        return compare_prompts(asked, dice, skill.judging), False
    if asked.kind == "judge_task":
        return judge_task(asked, dice, skill.instancing), False
    if asked.kind == "write_instances":
        return write_instances(asked, dice, skill.instancing, skill.answering)
    if asked.kind == "rate":
        return rate_completions(asked, dice, skill.judging), False
    if asked.kind == "translate":
        return translate(asked, dice, skill.translating), False
    if asked.kind == "same_task":
        return same_task(asked, dice, skill.judging.wrong_verdict), False
    if asked.kind == "describe":
        return write_instruction(asked, dice, skill.describing), False
    if asked.kind == "score_pair":
        return score_pair(asked, dice, skill.judging), False
    if asked.kind == "person":
        return write_for_person(asked, dice), False
    if asked.kind == "describe_person":
        return describe_person(dice), False
    if asked.kind == "speak":
        return speak(asked, dice, skill.conversing), False
    if asked.kind == "reckon":
        return reckon(asked, dice, skill.reckoning, skill.answering), False
    if asked.kind == "craft":
        return practise_craft(asked, dice, skill.crafting), False
    if asked.kind == "prefer":
        name, habit = str(body.get("model")), skill.habit
        return prefer_completion(asked, dice, skill.preferring, name=name, habit=habit), False
    if asked.kind == "choose":
        temperature = body.get("temperature")
        return choose_completion(asked, dice, skill.preferring, temperature), False
    if asked.kind == "overall":
        return rate_overall(asked, dice, skill.judging), False
    if asked.kind == "criticise":
        return criticise_completion(asked, dice, skill.revising), False
    is_revision = asked.kind == "revise"
    answer = (
        revise_completion(asked, dice, skill)
        if is_revision
        else answer_prompt(asked, dice, skill.answering)
    )
    answer = behave(answer, asked, dice, skill.crafting)
    return in_own_words(answer.text, skill.habit), answer.is_cut


def _limit(text: str, is_cut: bool, max_tokens: Any) -> tuple[str, bool]:
    if not isinstance(max_tokens, int) or count_tokens(text) <= max_tokens:
        return text, is_cut
    return text[: max(0, max_tokens) * CHARACTERS_PER_TOKEN], True


def _as_wire(
    identity: Mapping[str, Any], text: str, finish_reason: str, logprobs: Any
) -> dict[str, Any]:
    messages = identity.get("messages", ())
    read = sum(count_tokens(str(m.get("content"))) + TOKENS_PER_MESSAGE for m in messages)
    written = count_tokens(text)
    is_raw = "prompt" in identity
    if is_raw:
        read = count_tokens(str(identity.get("prompt")))
    said = {"text": text} if is_raw else {"message": {"role": "assistant", "content": text}}
    return {
        "id": f"{'cmpl' if is_raw else 'chatcmpl'}-{content_id('offline reply', identity)}",
        "object": "text_completion" if is_raw else "chat.completion",
        "created": 0,
        "model": identity["model"],
        "choices": [
            {"index": 0, **said, "finish_reason": finish_reason, "logprobs": logprobs},
        ],
        "usage": {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
        },
    }
