"""Constraints on the form of an answer: a sentence of the prompt ↔ how to keep it, and its check."""

# ruff: noqa: E501  (a wording is one line, as the reader of a prompt sees it)

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.draft import Draft
from synth_assets.llm.offline.problem import INTEGER, Values, Wording

KINDS = {"n": INTEGER, "word": r"[a-z]+", "phrase": r'[^"]+'}


@dataclass(frozen=True)
class Constraint:
    """group: two constraints of one group cannot both be kept. keep, break_: make a draft keep
    or break it. check: whether a completion keeps it."""

    name: str
    group: str
    texts: tuple[str, ...]
    keep: Callable[[Draft, Values], None]
    break_: Callable[[Draft, Values], None]
    check: Callable[[str, Values], bool]

    @property
    def wordings(self) -> tuple[Wording, ...]:
        return _WORDINGS[self.name]


@dataclass(frozen=True)
class Demand:
    """One constraint as it stands in a prompt."""

    name: str
    wording: int
    values: Values

    def write(self) -> str:
        return CONSTRAINTS[self.name].wordings[self.wording].fill(self.values)

    def is_kept(self, completion: str) -> bool:
        return CONSTRAINTS[self.name].check(completion, self.values)


_PADDING = (
    "Let me say a little more about this, because a careful reader may wonder why each step is "
    "needed, and it never hurts to look at a question from another side before one goes on to "
    "the next one, even if nothing new comes of it in the end and the figures stay as they were, "
    "which is also worth saying once more for anybody who has come in late and missed the start "
    "of this explanation or would like to hear it again in other words."
)


def _nothing(draft: Draft, v: Values) -> None:
    """Broken by doing nothing."""


def _set_words(draft: Draft, v: Values) -> None:
    draft.most_words = int(v["n"])


def _pad(draft: Draft, v: Values) -> None:
    draft.steps.insert(0, " ".join([_PADDING] * (int(v["n"]) // 60 + 1)))


def _set_steps(draft: Draft, v: Values) -> None:
    draft.mark = "step"


def _set_numbers(draft: Draft, v: Values) -> None:
    draft.mark = "number"


def _set_bullets(draft: Draft, v: Values) -> None:
    draft.mark = "bullet"


def _unmark(draft: Draft, v: Values) -> None:
    draft.mark = "paragraph"


def _set_method(draft: Draft, v: Values) -> None:
    draft.top.insert(0, f"Method: {draft.method}.")


def _set_greeting(draft: Draft, v: Values) -> None:
    draft.top.insert(0, "Dear reader,")


def _set_answer_first(draft: Draft, v: Values) -> None:
    draft.is_answer_first = True


def _set_check(draft: Draft, v: Values) -> None:
    draft.tail.append(f"Check: going through the steps again gives {draft.answer} as well.")


def _set_close(draft: Draft, v: Values) -> None:
    draft.tail.append(v["phrase"])


def _set_units(draft: Draft, v: Values) -> None:
    draft.tail.insert(0, f"Units: {draft.unit or 'none'}")


def _set_bold(draft: Draft, v: Values) -> None:
    draft.is_bold = True


def _set_rule(draft: Draft, v: Values) -> None:
    draft.has_rule = True


def _set_phrase(draft: Draft, v: Values) -> None:
    phrase = v["phrase"]
    draft.connective = f"{phrase[0].upper()}{phrase[1:]}, the answer is"


def _avoid(draft: Draft, v: Values) -> None:
    draft.connective = "The answer is"


def _use(draft: Draft, v: Values) -> None:
    draft.connective = f"{v['word'].capitalize()} the answer is"


def _matches(pattern: str) -> Callable[[str, Values], bool]:
    compiled = re.compile(pattern)
    return lambda text, v: compiled.search(text) is not None


_ALL = (
    Constraint(
        "most_words",
        "length",
        ("Answer in at most {n} words.", "Use no more than {n} words in all."),
        _set_words,
        _pad,
        lambda text, v: len(text.split()) <= int(v["n"]),
    ),
    Constraint(
        "step_lines",
        "steps",
        ("Show each step on its own line.", 'Begin every step with the word "Step" on a new line.'),
        _set_steps,
        _unmark,
        _matches(r"(?m)^(?:Step \d+:|\d+\.|-) "),
    ),
    Constraint(
        "numbered",
        "steps",
        ("Number the steps from 1.", "Give the working as a numbered list."),
        _set_numbers,
        _unmark,
        _matches(r"(?m)^1\. "),
    ),
    Constraint(
        "bullets",
        "steps",
        ("Put the working into bullet points.", "Start each step with a dash."),
        _set_bullets,
        _unmark,
        _matches(r"(?m)^- "),
    ),
    Constraint(
        "method_first",
        "opening",
        ("Name the method first.", 'Open with a line that starts with "Method:".'),
        _set_method,
        _nothing,
        _matches(r"\AMethod:"),
    ),
    Constraint(
        "greeting",
        "opening",
        (
            'Address the reader as "Dear reader" at the start.',
            'Start with the words "Dear reader".',
        ),
        _set_greeting,
        _nothing,
        _matches(r"\ADear reader"),
    ),
    Constraint(
        "answer_first",
        "opening",
        (
            "State the answer in the first line, then explain it.",
            "Put the boxed answer before the working.",
        ),
        _set_answer_first,
        _nothing,
        _matches(r"\A[^\n]*\\boxed"),
    ),
    Constraint(
        "check_last",
        "ending",
        ("End with a check of the result.", 'Close with a line that starts with "Check:".'),
        _set_check,
        _nothing,
        _matches(r"(?m)^Check: [^\n]+\Z"),
    ),
    Constraint(
        "closing_words",
        "ending",
        ('Finish with the words "{phrase}".', 'Let the last line be "{phrase}".'),
        _set_close,
        _nothing,
        lambda text, v: text.rstrip().endswith(v["phrase"]),
    ),
    Constraint(
        "units",
        "units",
        ("State the units.", 'Name the units after the word "Units:".'),
        _set_units,
        _nothing,
        _matches(r"(?m)^Units: \w"),
    ),
    Constraint(
        "bold",
        "bold",
        (
            "Set the final answer in bold.",
            "Make the boxed answer bold with two asterisks on each side.",
        ),
        _set_bold,
        _nothing,
        _matches(r"\*\*[^*\n]*\\boxed[^*\n]*\*\*"),
    ),
    Constraint(
        "rule",
        "rule",
        ("Separate the working from the answer by a line of three dashes.",),
        _set_rule,
        _nothing,
        _matches(r"(?m)^---$"),
    ),
    Constraint(
        "phrase",
        "connective",
        ('Use the phrase "{phrase}" once.', 'Somewhere include the expression "{phrase}".'),
        _set_phrase,
        _nothing,
        lambda text, v: v["phrase"].lower() in text.lower(),
    ),
    Constraint(
        "avoid_word",
        "connective",
        ('Do not use the word "{word}".', 'Avoid the word "{word}" throughout.'),
        _avoid,
        _use,
        lambda text, v: re.search(rf"\b{v['word']}\b", text.lower()) is None,
    ),
)
CONSTRAINTS = {constraint.name: constraint for constraint in _ALL}
_WORDINGS = {c.name: tuple(Wording(text, KINDS) for text in c.texts) for c in _ALL}

_PHRASES = ("in other words", "as a result", "all in all", "to be exact", "at the end of the day")
_CLOSINGS = ("That is all.", "Best of luck!", "Done and dusted.", "Ask again any time.")


def draw_demand(dice: Dice, held: Sequence[Demand] = ()) -> Demand | None:
    """A constraint that can be kept beside those held; None where every group is taken."""
    taken = {CONSTRAINTS[demand.name].group for demand in held}
    free = [constraint for constraint in _ALL if constraint.group not in taken]
    if not free:
        return None
    constraint = dice.pick(free)
    wording = dice.integer(0, len(constraint.texts) - 1)
    phrases = _CLOSINGS if constraint.name == "closing_words" else _PHRASES
    values = {
        "n": str(dice.integer(9, 16) * 10),
        "word": dice.pick(("therefore", "hence", "thus")),
        "phrase": dice.pick(phrases),
    }
    slots = constraint.wordings[wording].slots
    return Demand(constraint.name, wording, {slot: values[slot] for slot in slots})


def find_demand(text: str, start: int) -> tuple[Demand, int] | None:
    """The constraint whose sentence begins at ``start``, and where it ends."""
    for constraint in _ALL:
        for number, wording in enumerate(constraint.wordings):
            if wording.landmark in text:
                match = wording.pattern.match(text, start)
                if match is not None:
                    return Demand(constraint.name, number, match.groupdict()), match.end()
    return None
