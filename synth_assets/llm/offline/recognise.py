"""What a request asks for: a wire body in, one `Ask` with its material out.

The models know our templates by the stable phrases below, and by the quotation marks of
`templates.quote`; a phrase survives an edit of the rest of its template. Whatever is not
recognised is a prompt to be answered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from synth_assets.templates import quote

AskKind = Literal[
    "write", "rewrite", "compare", "rate", "judge_task", "write_instances", "reckon", "craft",
    "answer",
    "prefer", "choose", "overall", "criticise", "revise",
    "translate", "same_task", "describe", "score_pair", "person", "describe_person", "speak",
    "begin",
]  # fmt: skip

USER_TURN = "<|im_start|>user\n"
"""The models' own chat template (ChatML) up to a user's words: with nothing behind it, whoever
goes on writes what a user would ask."""

WRITE_PHRASE = "continue the list with new tasks"
OPEN_PHRASE = "may need an input"
COMPARE_PHRASE = "equal or different"
DESCRIBE_PHRASE = "write the instruction that a person gave"
SCORE_PAIR_PHRASE = "score the pair"
PERSON_PHRASES = {
    "could this person ask an assistant to write": "instruction_following",
    "problem with numbers could come up": "mathematics",
    "piece of code could this person need": "coding",
}
SPEAK_PHRASE = "what the person says next"
DESCRIBE_PERSON_PHRASE = "describe one more person"
SAME_TASK_PHRASE = "same or other"
RECKON_PHRASE = "the program is run for you"
LAST_TURN_PHRASE = "that was the last program"
TASK_PHRASE = "a classification task"
INSTANCE_PHRASES = {"examples of the task": "Input", "go through its labels": "Label"}
RATE_PHRASES = ("rate completions", "rate all", "rate the completions")
REWRITE_PHRASES = {
    "add_constraint": "add one constraint or requirement",
    "deepen": "widen and deepen",
    "concretise": "replace general terms",
    "add_reasoning": "several steps of reasoning",
    "complicate_input": "more complicated input",
    "breadth": "write one new prompt",
}
JUDGE_PHRASES: dict[str, AskKind] = {
    "compare two completions": "prefer",
    "choose between two completions": "choose",
    "feedback on one completion": "overall",
    "criticise a completion": "criticise",
    "revise a completion": "revise",
}
CRITERIA = {
    "instruction following": "instruction_following",
    "honesty": "honesty",
    "truthfulness": "truthfulness",
    "helpfulness": "helpfulness",
}
PRINCIPLE_PHRASES = {
    "how sure you are": "verbalised_calibration",
    "answer honestly": "honesty",
    "what is true": "truthfulness",
    "person is helped": "helpfulness",
}
SCHEMA_NAME = "ratings"
CRAFT_PHRASES = {
    "write a rubric": "rubric",
    "grade an answer by a rubric": "grade",
    "reply with one digit": "score",
    "show a certain behaviour": "shows",
    "list the constraints": "relax",
    "sort a prompt": "tag",
}

_BLOCK = re.compile(r"^\[([^\[\]\n]+) ([0-9a-f]{10})\]$", re.MULTILINE)
_NUMBERED = re.compile(r"^(\d+)\. (.*)$", re.MULTILINE)
_NEXT = re.compile(r"^(\d+)\.\s*\Z", re.MULTILINE)
_TRANSLATE = re.compile(r"translate the text below from (.+? into .+?)\.", re.IGNORECASE)
_OUTPUT = re.compile(r"(?P<fence>`{3,})output\n(?P<printed>.*?)^(?P=fence)$", re.M | re.S)
_UP_TO = re.compile(r"up to number (\d+)")
_COUNT = re.compile(r"up to (\d{1,2})\b")


@dataclass(frozen=True)
class Block:
    """One quotation: its label and the text that it holds."""

    label: str
    text: str


@dataclass(frozen=True)
class Asked:
    """kind, and its material: blocks quoted, the operator or criterion, the words around.

    outputs, said, is_last_turn: of a trace with programs, what they printed, the last reply, and
    whether no other program may follow.
    """

    kind: AskKind
    text: str
    system: str = ""
    name: str = ""
    blocks: tuple[Block, ...] = ()
    examples: tuple[str, ...] = ()
    first_number: int = 1
    last_number: int = 7
    outputs: tuple[str, ...] = ()
    said: str = ""
    is_last_turn: bool = False


def recognise(body: Mapping[str, Any]) -> Asked:
    """What the last user turn of a chat body asks for, or the one text of a raw body."""
    raw = body.get("prompt")
    if raw == USER_TURN:
        return Asked("begin", USER_TURN)
    messages: list[Mapping[str, Any]] = body.get("messages") or [{"role": "user", "content": raw}]
    system = " ".join(_content(m) for m in messages if m.get("role") == "system")
    text = next((_content(m) for m in reversed(messages) if m.get("role") == "user"), "")
    if RECKON_PHRASE in system.lower():
        return _reckoning(messages, system)
    blocks, words = read_blocks(text)
    spoken = words.lower()
    craft = next((name for phrase, name in CRAFT_PHRASES.items() if phrase in spoken), None)
    if craft is not None and blocks:
        return Asked("craft", text, system, craft, blocks)
    if _is_rating(body, spoken, blocks):
        return Asked("rate", text, system, _criterion(spoken), blocks)
    judged = _judged(spoken, blocks)
    if judged is not None:
        name = "with_reasons" if "step by step" in spoken else ""
        return Asked(judged, text, system, name, blocks)
    if COMPARE_PHRASE in spoken and len(blocks) >= 2:
        return Asked("compare", text, system, "", blocks)
    if SAME_TASK_PHRASE in spoken and len(blocks) >= 2:
        return Asked("same_task", text, system, "", blocks)
    if (found := _TRANSLATE.search(words)) and blocks:
        return Asked("translate", text, system, found.group(1), blocks)
    if DESCRIBE_PHRASE in spoken and blocks:
        return Asked("describe", text, system, "", blocks)
    if SCORE_PAIR_PHRASE in spoken and len(blocks) >= 2:
        return Asked("score_pair", text, system, "", blocks)
    if blocks and (person := _person(spoken)):
        return Asked("person", text, system, person, blocks)
    if SPEAK_PHRASE in spoken and blocks:
        return Asked("speak", text, system, "", blocks)
    if DESCRIBE_PERSON_PHRASE in spoken:
        return Asked("describe_person", text, system)
    task = _last(blocks, "task")
    if task is not None and TASK_PHRASE in spoken:
        return Asked("judge_task", task, system)
    first = next((part for phrase, part in INSTANCE_PHRASES.items() if phrase in spoken), None)
    if task is not None and first:
        count = _COUNT.search(words)
        most = int(count.group(1)) if count else 1
        return Asked("write_instances", task, system, first, last_number=most)
    operator = _operator(spoken)
    if operator and (blocks or len(words.split("\n\n")) > 2):
        prompt = _last(blocks, "prompt") or _middle(text)
        return Asked("rewrite", prompt, system, operator, blocks)
    if WRITE_PHRASE in spoken:
        return _writing(text, system)
    return Asked("answer", text, system, _principle(system))


def read_blocks(text: str) -> tuple[tuple[Block, ...], str]:
    """The true quotations of a text, and the words outside of them.

    A quotation counts only if its mark is the hash of what it holds, so that a completion which
    imitates a closing mark stays one quotation.
    """
    blocks, outside, position = [], [], 0
    while (opening := _BLOCK.search(text, position)) is not None:
        label, mark = opening.groups()
        closing = f"\n[end of {label} {mark}]"
        end = text.find(closing, opening.end())
        inner = text[opening.end() + 1 : end]
        if end < 0 or text[opening.start() : end + len(closing)] != quote(label, inner):
            outside.append(text[position : opening.end()])
            position = opening.end()
            continue
        blocks.append(Block(label, inner))
        outside.append(text[position : opening.start()])
        position = end + len(closing)
    outside.append(text[position:])
    return tuple(blocks), "".join(outside)


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):  # the form with parts, of which only text concerns us
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _is_rating(body: Mapping[str, Any], spoken: str, blocks: tuple[Block, ...]) -> bool:
    if not any(block.label.startswith("completion") for block in blocks):
        return False
    schema = (body.get("response_format") or {}).get("json_schema") or {}
    return schema.get("name") == SCHEMA_NAME or any(phrase in spoken for phrase in RATE_PHRASES)


def _judged(spoken: str, blocks: tuple[Block, ...]) -> AskKind | None:
    """The first of the judges' phrases, where a completion is shown."""
    if not any(block.label.startswith("completion") for block in blocks):
        return None
    return next((kind for phrase, kind in JUDGE_PHRASES.items() if phrase in spoken), None)


def _criterion(spoken: str) -> str:
    """The criterion named first; helpfulness where an edited rubric names none."""
    places = {spoken.find(words): name for words, name in CRITERIA.items() if words in spoken}
    return places[min(places)] if places else "helpfulness"


def _operator(spoken: str) -> str | None:
    found = (name for name, phrase in REWRITE_PHRASES.items() if phrase in spoken)
    return next(found, None)


def _person(spoken: str) -> str | None:
    found = (name for phrase, name in PERSON_PHRASES.items() if phrase in spoken)
    return next(found, None)


def _principle(system: str) -> str:
    spoken = system.lower()
    return next((name for phrase, name in PRINCIPLE_PHRASES.items() if phrase in spoken), "")


def _last(blocks: tuple[Block, ...], label: str) -> str | None:
    return next((block.text for block in reversed(blocks) if block.label == label), None)


def _middle(text: str) -> str:
    """A prompt that stands unquoted between two paragraphs of instruction and a last one."""
    return "\n\n".join(text.split("\n\n")[2:-1]) or text


def _reckoning(messages: list[Mapping[str, Any]], system: str) -> Asked:
    """The prompt is the last user turn before the model's first program ran."""
    prompt = last = said = ""
    outputs: list[str] = []
    for message in messages:
        content = _content(message)
        if message.get("role") == "assistant":
            said = content
        elif message.get("role") == "user":
            last, output = content, _OUTPUT.match(content)
            if output is not None:
                outputs.append(output["printed"])
            elif not outputs:
                prompt = content
    is_last = bool(outputs) and LAST_TURN_PHRASE in last.lower()
    return Asked("reckon", prompt, system, outputs=tuple(outputs), said=said, is_last_turn=is_last)


def _writing(text: str, system: str) -> Asked:
    examples = tuple(item for _, item in _NUMBERED.findall(text) if item.strip())
    following, last = _NEXT.search(text), _UP_TO.search(text)
    first_number = int(following.group(1)) if following else len(examples) + 1
    last_number = int(last.group(1)) if last else first_number + 6
    last_number = min(max(last_number, first_number), first_number + 6)
    name = "open" if OPEN_PHRASE in text.lower() else ""
    return Asked("write", text, system, name, (), examples, first_number, last_number)
