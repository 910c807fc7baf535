"""Families of reasoning: orders, queues, walks on a grid, odd ones out by a rule."""

# ruff: noqa: E501  (a wording is one line, as the reader of a prompt sees it)

from __future__ import annotations

from itertools import pairwise

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.problem import (
    INTEGER,
    LIST,
    NAME,
    Family,
    Values,
    Work,
    items,
    join,
)

KINDS = {
    "name": NAME,
    "friend": NAME,
    "facts": LIST,
    "moves": LIST,
    "n": INTEGER,
    "a": INTEGER,
    "b": INTEGER,
    "third": NAME,
}


def _draw_order(dice: Dice) -> dict[str, str]:
    chain = dice.names(dice.integer(4, 6))
    facts = [f"{a} before {b}" for a, b in pairwise(chain)]
    return dice.scene() | {"facts": join(dice.shuffle(facts))}


def _grow_order(v: Values, dice: Dice) -> dict[str, str]:
    last = _chain(v)[-1]
    fresh = [name for name in dice.names(12) if name not in v["facts"]][:3]
    facts = [f"{a} before {b}" for a, b in pairwise([last, *fresh])]
    return dict(v) | {"facts": join([v["facts"], *facts])}


def _chain(v: Values) -> list[str]:
    following: dict[str, str] = {}
    for fact in items(v["facts"]):
        first, second = fact.split(" before ")
        following[first] = second
    starts = set(following) - set(following.values())
    if len(starts) != 1:
        raise ValueError("no single order")
    chain = [starts.pop()]
    while chain[-1] in following and len(chain) <= len(following):
        chain.append(following[chain[-1]])
    if len(chain) != len(following) + 1:
        raise ValueError("no single order")
    return chain


def _work_last(v: Values) -> Work:
    chain = _chain(v)
    return Work(
        (f"Chained together: {join(chain)}.", f"The last in the chain is {chain[-1]}."), chain[-1]
    )


LAST = Family(
    name="last_in_order",
    group="logic",
    method="chaining the facts",
    kind="text",
    kinds=KINDS,
    grown=_grow_order,
    texts=(
        "Runners came in like this: {facts}. Who was last?",
        "At the {occasion} the speakers are set: {facts}. Which speaker ends the day?",
        "The {group} in {town} calls its members one by one, {facts}. Whose call comes at the very end?",
        "We know about a queue for {thing}: {facts}. Name the person at the back.",
        "From the hints {facts}, deduce who arrived in {town} after everybody else.",
        "If the birthdays of some friends fall {facts}, who of them is the youngest?",
    ),
    drawn=_draw_order,
    worked=_work_last,
)


def _work_full_order(v: Values) -> Work:
    chain = _chain(v)
    return Work(
        (f"Nobody stands before {chain[0]}.", f"Following the facts from there: {join(chain)}."),
        join(chain),
    )


FULL_ORDER = Family(
    name="full_order",
    group="logic",
    method="finding who has nobody before them and going on from there",
    kind="text",
    kinds=KINDS,
    grown=_grow_order,
    texts=(
        "Reconstruct the complete order, first to last, from {facts}.",
        "The {group} plans turns for {subject} under these rules: {facts}. Write the plan from first to last.",
        "Who sits where in the row at the {occasion}, from left to right, if left means earlier and {facts} hold?",
        "Put the visitors to {town} into the one sequence that fits: {facts}.",
        "Only one line-up agrees with {facts}. State it in full, starting with the first, for the {thing} parade.",
        "Sort these people by the clues alone: {facts}. {group} rules allow no ties, so list all from the first on.",
    ),
    drawn=_draw_order,
    worked=_work_full_order,
)


def _draw_queue(dice: Dice) -> dict[str, str]:
    a, b = dice.integer(3, 40), dice.integer(3, 40)
    return dice.scene() | {"a": str(a), "b": str(b)}


def _work_queue(v: Values) -> Work:
    a, b = int(v["a"]), int(v["b"])
    steps = (
        f"Counting from both ends counts the person twice: {a} + {b} = {a + b}.",
        f"{a + b} - 1 = {a + b - 1}.",
    )
    return Work(steps, str(a + b - 1))


QUEUE = Family(
    name="queue",
    group="logic",
    method="adding both places and taking one away",
    kind="number",
    unit="people",
    kinds=KINDS,
    texts=(
        "{name} is number {a} from the front and number {b} from the back of a queue for {thing}. How many people queue?",
        "In a row at the {occasion}, {friend} sits on place {a} from the left, which is also place {b} from the right. What is the length of the row?",
        "Counting from the top, the {group} ranks {a}; counting from the bottom, it ranks {b}. How many groups are ranked in {town}?",
        "One book on a shelf in {town} is at position {a} from one end and {b} from the other. Tell how many books the shelf holds.",
        "How many runners were there if {name} had place {a} and, read from the end of the results, place {b}?",
        "A lamp is the lamp number {a} on the way to {town} and number {b} on the way back. How many lamps line the way?",
    ),
    drawn=_draw_queue,
    worked=_work_queue,
)

_STEPS = {"north": (0, 1), "south": (0, -1), "east": (1, 0), "west": (-1, 0)}


def _moves(dice: Dice, count: int) -> list[str]:
    return [f"{dice.integer(1, 15)} {dice.pick(tuple(_STEPS))}" for _ in range(count)]


def _draw_walk(dice: Dice) -> dict[str, str]:
    return dice.scene() | {"moves": join(_moves(dice, dice.integer(4, 7)))}


def _grow_walk(v: Values, dice: Dice) -> dict[str, str]:
    return dict(v) | {"moves": join([v["moves"], *_moves(dice, 4)])}


def _work_walk(v: Values) -> Work:
    x = y = 0
    for move in items(v["moves"]):
        length, where = move.split()
        dx, dy = _STEPS[where]
        x, y = x + int(length) * dx, y + int(length) * dy
    steps = (
        f"East less west gives {x}, north less south gives {y}.",
        f"Along the grid that is |{x}| + |{y}| = {abs(x) + abs(y)}.",
    )
    return Work(steps, str(abs(x) + abs(y)))


WALK = Family(
    name="grid_walk",
    group="logic",
    method="adding up both directions on their own",
    kind="number",
    unit="blocks",
    kinds=KINDS,
    grown=_grow_walk,
    texts=(
        "{name} walks these blocks in {town}: {moves}. How many blocks is the shortest way back along the streets?",
        "A robot of the {group} moves {moves}. At what grid distance from its start does it stop?",
        "Starting at the well, {friend} goes {moves} in search of {thing}. How far away is the well then, counted in whole blocks along the grid?",
        "After the moves {moves}, what is the sum of the distances east-west and north-south to the start?",
        "The treasure of the {occasion} lies {moves} of the oak. Along a grid, how many steps from the oak is that at least?",
        "Reduce the route {moves} to its shortest form on the street grid of {town} and give its length in blocks.",
    ),
    drawn=_draw_walk,
    worked=_work_walk,
)


def _draw_handshakes(dice: Dice) -> dict[str, str]:
    return dice.scene() | {"n": str(dice.integer(5, 48))}


def _work_handshakes(v: Values) -> Work:
    n = int(v["n"])
    total = n * (n - 1) // 2
    return Work(
        (
            f"Each of {n} meets {n - 1} others: {n} x {n - 1} = {n * (n - 1)}.",
            f"Every pair was counted twice: {total}.",
        ),
        str(total),
    )


PAIRS = Family(
    name="pairs",
    group="logic",
    method="each with each, halved",
    kind="number",
    unit="pairs",
    kinds=KINDS,
    texts=(
        "{n} members of the {group} each shake hands once with every other. How many handshakes is that?",
        "In a league in {town} with {n} teams, every team plays every other exactly once. How many matches are played?",
        "{name} ties a string between each two of {n} {thing}. What number of strings is needed?",
        "How many different pairs can the {occasion} form out of {n} guests?",
        "If {n} friends of {friend} send one another a single shared card per pair, count the cards.",
        "Choose two of {n} {thing} to test together. How many choices does {name} have?",
    ),
    drawn=_draw_handshakes,
    worked=_work_handshakes,
)

FAMILIES = (LAST, FULL_ORDER, QUEUE, WALK, PAIRS)
