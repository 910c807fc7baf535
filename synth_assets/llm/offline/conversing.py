"""The next words of a simulated person: a conversation in, one turn out."""

from __future__ import annotations

from dataclasses import fields

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.recognise import Asked
from synth_assets.llm.offline.skills import Conversing
from synth_assets.llm.offline.writing import draw_task

_QUESTIONS = (
    "Can you say the last step again in simpler words?",
    "What would change if {name} from {town} did it instead?",
    "I did not get that. Could you give an example with {thing}?",
    "Shorten this for the {group}, please.",
    "And how would I explain that to {friend}?",
)
_THANKS = ("Thanks!", "Great, thank you.", "OK, thanks, bye.")


def speak(asked: Asked, dice: Dice, rates: Conversing) -> str:
    """A question about the answer, or the next task, or one of the declared failures."""
    left = dice.share()
    for field in fields(rates):
        left -= getattr(rates, field.name)
        if left < 0:
            return _fail(field.name, asked, dice)
    if dice.chance(0.4):
        return f"Now another one. {draw_task(dice).write()}"
    return dice.pick(_QUESTIONS).format_map(dice.scene())


def _fail(kind: str, asked: Asked, dice: Dice) -> str:
    if kind == "thanks":
        return dice.pick(_THANKS)
    if kind == "as_assistant":
        return "assistant: Of course, I am glad to help with that."
    turns = [part for part in asked.blocks[-1].text.split("\n\n") if part.startswith("user: ")]
    return turns[-1].removeprefix("user: ") if turns else asked.blocks[-1].text
