"""An answer before it is text: steps, a boxed answer and marks of form in; a completion out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from synth_assets.llm.offline.problem import AnswerKind

_BOXED = re.compile(r"\\boxed\{(?:\\text\{([^{}]*)\}|([^{}]*))\}")

Mark = Literal["paragraph", "step", "number", "bullet"]


@dataclass
class Draft:
    """What an answer says, and the form in which it says it.

    top, tail: lines before the steps and after the boxed answer. extras: lines that may be left
    out when words are short. most_words: a limit, or None.
    """

    steps: list[str]
    answer: str
    kind: AnswerKind
    method: str = "working step by step"
    unit: str | None = None
    connective: str = "The answer is"
    mark: Mark = "paragraph"
    is_bold: bool = False
    is_answer_first: bool = False
    has_rule: bool = False
    most_words: int | None = None
    top: list[str] = field(default_factory=list)
    extras: list[str] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)

    def write(self) -> str:
        """The completion. Under a limit of words, extras and then steps are left out."""
        text = self._lay_out(self.steps, self.extras)
        if self.most_words is None or len(text.split()) <= self.most_words:
            return text
        for count in range(len(self.steps), -1, -1):
            text = self._lay_out(self.steps[len(self.steps) - count :], [])
            if len(text.split()) <= self.most_words:
                break
        return text

    def _lay_out(self, steps: list[str], extras: list[str]) -> str:
        answer = self._answer_line()
        lines = [answer] if self.is_answer_first else []
        lines += self.top
        lines += self._marked(steps)
        lines += extras
        if self.has_rule:
            lines.append("---")
        if not self.is_answer_first or self.has_rule:
            lines.append(answer)
        return "\n".join(lines + self.tail)

    def _marked(self, steps: list[str]) -> list[str]:
        if self.mark == "paragraph":
            return [" ".join(steps)] if steps else []
        marks = {
            "step": (f"Step {n}:" for n in range(1, 99)),
            "number": (f"{n}." for n in range(1, 99)),
            "bullet": ("-" for _ in range(1, 99)),
        }[self.mark]
        return [f"{mark} {step}" for mark, step in zip(marks, steps, strict=False)]

    def _answer_line(self) -> str:
        boxed = box(self.answer, self.kind)
        return f"{self.connective} {f'**{boxed}**' if self.is_bold else boxed}."


def box(answer: str, kind: AnswerKind) -> str:
    """A boxed answer. Words stand in \\text, or else they would be read as products of letters."""
    return f"\\boxed{{{answer}}}" if kind == "number" else f"\\boxed{{\\text{{{answer}}}}}"


def final_answer(completion: str) -> str | None:
    """What the last box of a completion holds; None without one."""
    found = _BOXED.findall(completion)
    return (found[-1][0] or found[-1][1]) if found else None
