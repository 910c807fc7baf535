"""Sentences that set a scene before a problem: a seeded draw in, one or two sentences out.

They never decide an answer. Seen by a parser, they are whatever stands before the problem.
"""

from __future__ import annotations

from synth_assets.llm.offline.dice import Dice

_OPENINGS = (
    "{name} keeps the books of the {group} in {town}.",
    "Since the {occasion}, {name} and {friend} have been busy with {subject}.",
    "My cousin {name} moved from {town} to {other_town} and took all the {thing} along.",
    "Nobody at the {group} could agree on this while {subject}.",
    "A note from {name}, found among the {thing}, asks for help.",
    "I volunteer for the {group} near {town} and get stuck on small questions.",
    "Rain kept the {occasion} indoors, so {name} passed the time with riddles.",
    "We are {subject} in {town} this month.",
    "{friend} owes me {thing} if I solve this before {name} does.",
    "Our {group} trades {thing} with a partner in {other_town}.",
    "Last autumn the {occasion} of {town} had to be planned by two people, {name} and {friend}.",
    "You are helping {name}, who has little time between {thing} and {subject}.",
    "Here is something that came up during the {occasion} in {other_town}.",
    "The {group} asked {friend} to write this up in plain words.",
    "Imagine a stall with {thing} and {other_thing} somewhere in {town}.",
    "Every winter {name} visits {other_town} and comes home with a question like the following.",
    "{thing} are sold out in {town}, says {friend}.",
    "Between {town} and {other_town} there is a small {group}.",
    "It all began when {name} mistook {thing} for {other_thing}.",
    "While {subject}, {friend} came across an old exercise.",
    "Help the {group}.",
    "An exercise sheet for newcomers at the {group} has this task.",
    "For years {friend} has told the same story about {other_thing} and the {occasion}.",
    "Someone from {town} wrote in.",
)


def draw_setting(dice: Dice) -> str:
    """One sentence that names people, places or things."""
    scene = dice.scene()
    scene["other_town"] = dice.town()
    while scene["other_town"] == scene["town"]:
        scene["other_town"] = dice.town()
    text = dice.pick(_OPENINGS).format_map(scene)
    return text[0].upper() + text[1:]
