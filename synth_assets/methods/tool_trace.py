"""A trace of reasoning with programs: replies and outputs in, its text and its next request out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from synth_assets.llm.request import Message, Reply, user
from synth_assets.methods.asking import is_usable
from synth_assets.sandbox import Outcome
from synth_assets.templates import load_template

_PROGRAM = re.compile(
    r"^[ \t]*(?P<fence>`{3,})[ \t]*(?:python|py)[ \t]*\n(?P<code>.*?)^[ \t]*(?P=fence)`*[ \t]*$",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
_OUTPUT = re.compile(r"^[ \t]*`{3,}[ \t]*output\b", re.MULTILINE | re.IGNORECASE)
_FENCES = re.compile(r"`{3,}")
REMARKS = {
    "timed_out": "[stopped: the time was up]",
    "output_cut": "[cut: it printed more than is shown]",
    "killed": "[stopped: the program crashed]",
}


@dataclass
class Trace:
    """One sample of one prompt, as it grows.

    parts: replies and blocks of output in turn. outcomes: the status of each program's run.
    status: None while it goes on; else the completion's.
    """

    prompt_id: str
    round: int
    teacher: str
    sample_index: int
    pass_number: int
    messages: tuple[Message, ...]
    parts: list[str] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    call_ids: list[str] = field(default_factory=list)
    status: str | None = None
    error: str | None = None

    @property
    def text(self) -> str | None:
        """The whole trace; None where a call gave nothing to go on from."""
        text = "\n".join(self.parts)
        return text if self.status in ("ok", "cut") and text.strip() else None

    def take_reply(self, reply: Reply, code_turns: int) -> str | None:
        """The program that the reply asks to have run; None where the trace ends with it."""
        self.call_ids.append(reply.call_id)
        if not is_usable(reply):
            self.status = "empty" if reply.status in ("ok", "cut") else reply.status
            self.error = reply.error
            return None
        assert reply.text is not None
        said, code = split_reply(reply.text)
        self.parts.append(said)
        if code is None:
            self.status = reply.status if said else "empty"
        elif len(self.outcomes) >= code_turns:
            self.status = "cut"  # it goes on writing programs and never answers
            return None
        return code

    def take_outcome(self, outcome: Outcome, code_turns: int) -> None:
        """Adds what a program printed, and what the model is told of it."""
        block = output_block(outcome)
        said = self.parts[-1]
        self.parts.append(block)
        self.outcomes.append(outcome.status)
        if len(self.outcomes) == code_turns:
            block = load_template("tool_integrated/last_turn").render(output=block)
        turn: Message = {"role": "assistant", "content": said}
        self.messages = (*self.messages, turn, user(block))


def split_reply(text: str) -> tuple[str, str | None]:
    """A reply up to the end of its first program, and the program. What follows is left out: the
    model went on as if it knew the output. Output that stands before any program was invented too.
    """
    program = _PROGRAM.search(text)
    invented = _OUTPUT.search(text)
    if program is None:
        return (text if invented is None else text[: invented.start()]).rstrip(), None
    if invented is not None and invented.start() < program.start():
        return text[: invented.start()].rstrip(), None
    return text[: program.end()].rstrip(), program["code"]


def output_block(outcome: Outcome) -> str:
    """What a program printed, between fences that are longer than any in it."""
    printed = outcome.output.rstrip()
    remark = REMARKS.get(outcome.status)
    lines = [line for line in (printed, remark) if line] or ["[nothing was printed]"]
    longest = max((len(fence) for fence in _FENCES.findall(printed)), default=2)
    fence = "`" * (longest + 1)
    body = "\n".join(lines)
    return f"{fence}output\n{body}\n{fence}"
