"""One record of a seed file in, one prompt with its reference and source out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from synth_assets.errors import RecipeError
from synth_assets.recipe import SeedFile
from synth_assets.seed_files.records import shorten

PROMPT_KEYS = ("prompt", "text", "instruction", "messages")
OPTIONAL_KEYS = {
    "reference": ("reference",),
    "category": ("category",),
    "licence": ("licence", "license"),
    "origin": ("origin",),
}
DEMONSTRATION = "demonstration"
DEMONSTRATION_KEYS = (DEMONSTRATION, "completion", "response", "output", "answer")
SEED_KEYS = (*OPTIONAL_KEYS, DEMONSTRATION)
ROLES = ("system", "user", "assistant")

BROKEN_CHARACTERS = re.compile("[\x00\ud800-\udfff]")
"""NUL, which ends a text for many a tokenizer and database, and half of a surrogate pair, which no
UTF-8 can hold. Both become U+FFFD, as a decoder would write it."""


class _Missing:
    """The value of a key that is not there, which null is not."""


MISSING = _Missing()

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands, for messages. unit: what is counted, ``line`` or ``row``."""

    path: Path
    line: int
    unit: str = "line"

    def refuse(self, problem: str) -> NoReturn:
        raise RecipeError(f"{self.path}, {self.unit} {self.line}: {problem}")


@dataclass(frozen=True, slots=True)
class ReadPrompt:
    """What a record says. instruction is the text without its input."""

    messages: list[Message]
    instruction: str
    reference: str | None
    category: str | None
    licence: str | None
    origin: str | None
    demonstration: str | None = None

    @property
    def text(self) -> str:
        return self.messages[-1]["content"]

    @property
    def characters(self) -> int:
        return sum(len(message["content"]) for message in self.messages)


def read_prompt(
    record: dict[str, Any],
    declared: SeedFile,
    place: Place,
    wanted: Collection[str] = SEED_KEYS,
) -> ReadPrompt:
    """The prompt of ``record`` in the format ``declared`` says; `RecipeError` where it has none.

    wanted: the optional parts to read; the others are null, whatever the record holds there.
    """
    optional = {
        name: _optional(record, name, declared, place) if name in wanted else None
        for name in OPTIONAL_KEYS
    }
    shows_answer = declared.demonstrations and DEMONSTRATION in wanted
    if shows_answer:
        record, optional[DEMONSTRATION] = _split_demonstration(record, declared, place)
    if declared.format == "self_instruct":
        key, value = _prompt_value(record, declared, place, ("instruction",))
        instruction = _text(value, key, place)
        instance = _first_instance(record, place)
        given = _instance_text(instance, "input", place)
        if "reference" in wanted and "reference" not in declared.fields:
            optional["reference"] = optional["reference"] or _instance_text(
                instance, "output", place
            )
        if "category" in wanted and "category" not in declared.fields:
            optional["category"] = optional["category"] or _classification(record, place)
        messages = [_user(_join(instruction, given))]
    else:
        key, value = _prompt_value(record, declared, place, PROMPT_KEYS)
        if isinstance(value, list):
            messages = _messages(value, key, place)
            instruction = messages[-1]["content"]
        else:
            instruction = _text(value, key, place)
            # Alpaca's shape: the instruction alone would be a prompt without its material.
            given = record.get("input") if key == "instruction" else None
            given = None if given is None else _plain(given, "input", place)
            messages = [_user(_join(instruction, given))]
    if declared.system_text is not None and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": clean(declared.system_text)})
    return ReadPrompt(messages=messages, instruction=instruction, **optional)


def _split_demonstration(
    record: dict[str, Any], declared: SeedFile, place: Place
) -> tuple[dict[str, Any], str | None]:
    """The record without the answer that ends its messages, and the answer; None where that is null
    or blank, which is a prompt that nobody answered."""
    mapped = declared.fields.get(DEMONSTRATION)
    holder, where = record, ""
    if declared.format == "self_instruct" and mapped is None:
        holder, where = _first_instance(record, place), "instances[0]."
    keys = DEMONSTRATION_KEYS if mapped is None else (mapped,)
    found = {key: value for key in keys if (value := dig(holder, key)) is not MISSING}
    for key, value in found.items():
        if value is not None and type(value) is not str:
            place.refuse(f"{where}{key} = {shorten(value)}: is no text; write it in quotes")
        if value is not None and value.strip():
            return record, clean(value)
    turns_key = declared.fields.get("prompt", "messages")
    turns = None if mapped else dig(record, turns_key)
    if isinstance(turns, list) and turns:
        last = _message(turns[-1], f"{turns_key}[{len(turns) - 1}]", place)
        if last["role"] == "assistant":
            spoken = last["content"] if last["content"].strip() else None
            return {**record, turns_key: turns[:-1]}, spoken
    if not found:
        place.refuse(
            f"holds no demonstration: none of {', '.join(keys)} is there{name_keys(record, keys)}; "
            "rename the key, say in the recipe which it is, as in fields: {demonstration: reply}, "
            "or write null where nobody answered"
        )
    return record, None


def dig(record: Any, path: str) -> Any:
    """The value at a dotted path (a number reaches into a list), or ``MISSING``. A key that holds
    dots itself is taken as it stands."""
    if isinstance(record, dict) and path in record:
        return record[path]
    for step in path.split("."):
        if isinstance(record, dict) and step in record:
            record = record[step]
        elif isinstance(record, list) and step.isdecimal() and int(step) < len(record):
            record = record[int(step)]
        else:
            return MISSING
    return record


def clean(text: str) -> str:
    """``text`` as Arrow, DuckDB and the endpoints can hold it."""
    return BROKEN_CHARACTERS.sub("\ufffd", text)


def _prompt_value(
    record: dict[str, Any], declared: SeedFile, place: Place, keys: Iterable[str]
) -> tuple[str, Any]:
    mapped = declared.fields.get("prompt")
    if mapped is not None:
        value = dig(record, mapped)
        if value is MISSING:
            place.refuse(
                f"has no {mapped!r}, which fields.prompt names{name_keys(record, [mapped])}"
            )
        return mapped, value
    present = [key for key in keys if key in record]
    if not present:
        place.refuse(
            f"holds no prompt: none of {', '.join(keys)} is there{name_keys(record, keys)}; rename "
            "the key, or say in the recipe which it is, as in fields: {prompt: question}"
        )
    filled = [key for key in present if record[key] is not None]
    if not filled:
        place.refuse(f"{present[0]} = null: a prompt is a text or messages; leave the line out")
    return filled[0], record[filled[0]]


def name_keys(keys: Iterable[str], wanted: Iterable[str]) -> str:
    """The end of a message: the key nearest to one of ``wanted``, if any, and all keys."""
    names = sorted(keys)
    for name in wanted:
        near = difflib.get_close_matches(name, names, n=1)
        if near:
            return f"; did you mean {clean(near[0])!r}? Keys: {shorten(', '.join(names), 200)}"
    return f"; keys: {shorten(', '.join(names), 200)}"


def _user(text: str) -> Message:
    return {"role": "user", "content": text}


def _join(instruction: str, given: str | None) -> str:
    return f"{instruction}\n\n{given}" if given else instruction


def _text(value: Any, key: str, place: Place) -> str:
    if type(value) is not str:
        place.refuse(f"{key} = {shorten(value)}: is no text; write it in quotes")
    if not value.strip():
        place.refuse(f"{key} = {shorten(value)}: is empty; write a prompt or leave the line out")
    return clean(value)


def _plain(value: Any, key: str, place: Place) -> str | None:
    """A text or a number as text; null where it is blank."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        place.refuse(
            f"{key} = {shorten(value)}: is neither text nor number; name a part of it in the "
            "recipe's fields, as in fields: {reference: answer.0}"
        )
    return clean(str(value)) if value.strip() else None


def _optional(record: dict[str, Any], name: str, declared: SeedFile, place: Place) -> str | None:
    mapped = declared.fields.get(name)  # type: ignore[call-overload]
    for key in (mapped,) if mapped else OPTIONAL_KEYS[name]:
        value = dig(record, key) if mapped else record.get(key)
        if value is not MISSING and value is not None:
            return _plain(value, key, place)
    return None


def _first_instance(record: dict[str, Any], place: Place) -> dict[str, Any]:
    instances = record.get("instances", MISSING)
    if not isinstance(instances, list) or not all(isinstance(one, dict) for one in instances):
        shown = "is missing" if instances is MISSING else f"= {shorten(instances)}"
        place.refuse(
            f"instances {shown}: format self_instruct has a list of objects with input and output; "
            "write that, or format: prompts in the recipe"
        )
    return instances[0] if instances else {}


def _instance_text(instance: dict[str, Any], key: str, place: Place) -> str | None:
    value = instance.get(key)
    return None if value is None else _plain(value, f"instances[0].{key}", place)


def _classification(record: dict[str, Any], place: Place) -> str | None:
    value = record.get("is_classification")
    if value is None:
        return None
    if not isinstance(value, bool):
        place.refuse(f"is_classification = {shorten(value)}: write true or false")
    return "classification" if value else "generation"


def _messages(value: list[Any], key: str, place: Place) -> list[Message]:
    """Turns: a system text or none, then user and assistant in turn, ending with the user; what
    every chat template and every consumer of the exports takes."""
    turns = [_message(item, f"{key}[{index}]", place) for index, item in enumerate(value)]
    if turns and turns[0]["role"] == "system" and not turns[0]["content"].strip():
        turns = turns[1:]
    spoken = turns[1:] if turns and turns[0]["role"] == "system" else turns
    for index, turn in enumerate(spoken):
        place_in_list = f"{key}[{len(value) - len(spoken) + index}]"
        expected = "assistant" if index % 2 else "user"
        if turn["role"] != expected:
            place.refuse(
                f"{place_in_list}.role = {turn['role']!r}: {expected!r} is due here; a prompt is a "
                "system text or none, then user and assistant in turn"
            )
        if not turn["content"].strip():
            place.refuse(f"{place_in_list}.content is empty; write it or leave the line out")
    if not spoken or spoken[-1]["role"] != "user":
        place.refuse(f"{key} ends without a user turn; leave out the answer that follows it")
    return turns


def _message(item: Any, where: str, place: Place) -> Message:
    if not isinstance(item, dict) or "role" not in item or "content" not in item:
        place.refuse(
            f'{where} = {shorten(item)}: is no message; write {{"role": "user", "content": "…"}}'
        )
    role, content = item["role"], item["content"]
    if role not in ROLES:
        place.refuse(f"{where}.role = {shorten(role)}: write one of {', '.join(ROLES)}")
    if type(content) is not str:
        place.refuse(f"{where}.content = {shorten(content)}: is no text; write it in quotes")
    return {"role": str(role), "content": clean(content)}
