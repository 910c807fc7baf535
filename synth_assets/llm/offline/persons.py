"""Prompts that a described person could write, and descriptions of people: a request in, a text
out."""

from __future__ import annotations

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.recognise import Asked
from synth_assets.llm.offline.writing import draw_task

_TEXTS = (
    "Write a short note to the {group} in {town} about the {occasion}",
    "Give me a plan for {subject} before the {occasion}",
    "Explain to {friend} why {thing} matter more than {other_thing} at the {occasion}",
    "Put together what a newcomer to the {group} should know about {thing}",
    "Draft a message to {name} that turns down {thing} and offers {other_thing}",
    "Tell the {group} what went well with {thing} this year",
)
_CODE = (
    "Write a function that takes a list of {thing} with their weights and gives back the heaviest "
    'one. For the input [("a", 2), ("b", 5)] the output is "b".',
    "I need a function that counts how often each of the {thing} stands in a list. For the input "
    '["a", "b", "a"] the output is {"a": 2, "b": 1}.',
    "Write a function that splits a list of {thing} into pages of ten. For eleven items the output "
    "has two pages, the second with one item.",
)
_PEOPLE = (
    "A {group} member from {town} who looks after the {thing} and thinks of nothing but {subject}.",
    "A student in {town} who earns a living with {thing}.",
    "The treasurer of the {group} in {town}, who is tired of {subject}.",
    "A newcomer to {town} who sells {thing} and misses {other_thing}.",
)


def write_for_person(asked: Asked, dice: Dice) -> str:
    """One prompt of the skill that the request names."""
    if asked.name == "mathematics":
        return draw_task(dice).write()
    scene = dice.scene()
    if asked.name == "coding":
        return dice.pick(_CODE).replace("{thing}", scene["thing"])
    return f"{dice.pick(_TEXTS).format_map(scene)}."


def describe_person(dice: Dice) -> str:
    return dice.pick(_PEOPLE).format_map(dice.scene())
