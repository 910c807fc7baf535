"""Families of measuring: units, speed, work rates, areas, proportions, coins, temperature."""

# ruff: noqa: E501  (a wording is one line, as the reader of a prompt sees it)

from __future__ import annotations

from fractions import Fraction

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.problem import (
    INTEGER,
    NAME,
    NUMBER,
    NUMBERS,
    Family,
    Values,
    Work,
    items,
    join,
    show,
)

KINDS = {
    "name": NAME,
    "friend": NAME,
    "amount": NUMBER,
    "coins": NUMBERS,
    "unit": NAME,
    "target": NAME,
    **dict.fromkeys(("a", "b", "c", "d", "n", "percent"), INTEGER),
}

FACTORS = {
    ("kilometres", "metres"): Fraction(1000),
    ("metres", "centimetres"): Fraction(100),
    ("kilograms", "grams"): Fraction(1000),
    ("litres", "millilitres"): Fraction(1000),
    ("hours", "minutes"): Fraction(60),
    ("days", "hours"): Fraction(24),
    ("weeks", "hours"): Fraction(168),
    ("feet", "inches"): Fraction(12),
    ("yards", "feet"): Fraction(3),
    ("stones", "pounds"): Fraction(14),
    ("grams", "kilograms"): Fraction(1, 1000),
    ("centimetres", "metres"): Fraction(1, 100),
    ("millilitres", "litres"): Fraction(1, 1000),
    ("dozens", "pieces"): Fraction(12),
}


def _draw_conversion(dice: Dice) -> dict[str, str]:
    unit, target = dice.pick(tuple(FACTORS))
    amount = (
        Fraction(dice.integer(6, 1900), 4)
        if FACTORS[unit, target] > 1
        else Fraction(dice.integer(4, 900) * 5)
    )
    return dice.scene() | {"amount": show(amount), "unit": unit, "target": target}


def _work_conversion(v: Values) -> Work:
    factor, amount = FACTORS[v["unit"], v["target"]], Fraction(v["amount"])
    result = show(amount * factor)
    if factor > 1:
        steps = (
            f"One of the {v['unit']} is {show(factor)} {v['target']}.",
            f"{v['amount']} x {show(factor)} = {result}.",
        )
    else:
        steps = (
            f"It takes {show(1 / factor)} {v['unit']} for one of the {v['target']}.",
            f"{v['amount']} / {show(1 / factor)} = {result}.",
        )
    return Work(steps, result)


CONVERSION = Family(
    name="unit_conversion",
    group="measures",
    method="multiplying by the conversion factor",
    kind="number",
    unit="of the target unit",
    kinds=KINDS,
    texts=(
        "Convert {amount} {unit} to {target} for the {group} in {town}.",
        "How many {target} are {amount} {unit}? {name} asks because of the {occasion}.",
        "{name} measured {amount} {unit}, but the form of the {group} wants {target}. Which figure goes into the form?",
        "Express a quantity of {amount} {unit} in {target}, as {friend} from {town} would need for {subject}.",
        "The label on the {thing} says {amount} {unit}. Restate that in {target}.",
        "If someone in {town} says {amount} {unit} about the {thing}, what is the same quantity in {target}?",
    ),
    drawn=_draw_conversion,
    worked=_work_conversion,
)


def _draw_speed(dice: Dice) -> dict[str, str]:
    minutes, speed = dice.pick((15, 20, 30, 40, 45, 75, 80, 90, 105, 150)), dice.integer(2, 30) * 12
    return dice.scene() | {"a": str(speed), "b": str(minutes)}


def _work_speed(v: Values) -> Work:
    speed, minutes = int(v["a"]), int(v["b"])
    distance = show(Fraction(speed * minutes, 60))
    steps = (
        f"{minutes} minutes are {minutes}/60 of an hour.",
        f"{speed} x {minutes} / 60 = {distance} kilometres.",
    )
    return Work(steps, distance)


SPEED = Family(
    name="speed",
    group="measures",
    method="distance as speed times time",
    kind="number",
    unit="kilometres",
    kinds=KINDS,
    texts=(
        "A van with {thing} leaves {town} at {a} kilometres an hour. How far has it come after {b} minutes?",
        "{name} travels for {b} minutes at a steady {a} km/h to reach the {occasion}. What distance in kilometres is that?",
        "How many kilometres does the {group} cover in {b} minutes when its bus keeps to {a} km/h?",
        "At a constant speed of {a} kilometres per hour, {friend} needs {b} minutes from home to {town}. Find the length of the way in kilometres.",
        "The train that brings {thing} to {town} runs {a} km each hour. {b} minutes into the trip, how many kilometres lie behind it?",
        "Suppose a courier for the {group} rides {b} minutes without a stop, and the meter shows {a} km/h throughout. Give the kilometres ridden.",
    ),
    drawn=_draw_speed,
    worked=_work_speed,
)


def _draw_rate(dice: Dice) -> dict[str, str]:
    a, b = dice.integer(4, 40), dice.integer(4, 40)
    return dice.scene() | {"a": str(a), "b": str(b), "c": str((a + b) * dice.integer(2, 18))}


def _work_rate(v: Values) -> Work:
    a, b, c = int(v["a"]), int(v["b"]), int(v["c"])
    hours = show(Fraction(c, a + b))
    return Work(
        (f"Together they do {a} + {b} = {a + b} an hour.", f"{c} / {a + b} = {hours} hours."), hours
    )


RATE = Family(
    name="work_rate",
    group="measures",
    method="adding the rates and dividing the total by the sum",
    kind="number",
    unit="hours",
    kinds=KINDS,
    texts=(
        "{name} makes {a} {thing} an hour and {friend} makes {b}. Working together, how many hours do they need for {c} {thing}?",
        "Two machines in {town} turn out {a} and {b} {thing} per hour. In what number of hours do both together finish {c}?",
        "The {group} wants {c} {thing} for the {occasion}. One helper manages {a} each hour, another {b}. How long, in hours, if both work side by side?",
        "How many hours pass until {c} {thing} are done, given one line doing {a} an hour and a second line in {town} doing {b} an hour?",
        "An order of {c} {thing} is split between {friend}, who packs {a} hourly, and {name}, who packs {b} hourly. After how many hours is it packed?",
        "With {a} {thing} an hour from the old press and {b} from the new one, calculate the hours that the {group} must plan for {c} {thing}.",
    ),
    drawn=_draw_rate,
    worked=_work_rate,
)


def _draw_area(dice: Dice) -> dict[str, str]:
    a, b = dice.integer(12, 60), dice.integer(10, 45)
    return dice.scene() | {
        "a": str(a),
        "b": str(b),
        "c": str(dice.integer(2, 9)),
        "d": str(dice.integer(2, 9)),
    }


def _work_area(v: Values) -> Work:
    a, b, c, d = (int(v[slot]) for slot in "abcd")
    steps = (
        f"The whole is {a} x {b} = {a * b} square metres.",
        f"The part left out is {c} x {d} = {c * d} square metres.",
        f"{a * b} - {c * d} = {a * b - c * d} square metres.",
    )
    return Work(steps, str(a * b - c * d))


AREA = Family(
    name="area",
    group="measures",
    method="the whole rectangle less the smaller one",
    kind="number",
    unit="square metres",
    kinds=KINDS,
    texts=(
        "A yard in {town} is {a} metres long and {b} metres wide, with a shed of {c} by {d} metres on it. How many square metres stay free?",
        "{name} lays turf on a {a} m by {b} m field but leaves out a pond of {c} m by {d} m. What area gets turf?",
        "The hall of the {group} measures {a} by {b} metres. For the {occasion} a stage of {c} by {d} metres is built inside. Compute the floor area that is left, in square metres.",
        "Find the area in square metres of a rectangle {a} m x {b} m from which {friend} cuts a corner of {c} m x {d} m for {thing}.",
        "How much carpet, in square metres, does a room of {a} metres by {b} metres need when a fireplace of {c} metres by {d} metres stays bare? {name} from {town} is asking.",
        "Subtract a {c} m by {d} m bed of herbs from the {a} m by {b} m patch of the {group}. What remains, in square metres?",
    ),
    drawn=_draw_area,
    worked=_work_area,
)


def _draw_proportion(dice: Dice) -> dict[str, str]:
    n = dice.integer(2, 9)
    return dice.scene() | {
        "n": str(n),
        "a": str(n * dice.integer(15, 90)),
        "b": str(dice.integer(10, 36)),
    }


def _work_proportion(v: Values) -> Work:
    n, a, b = int(v["n"]), int(v["a"]), int(v["b"])
    each, total = show(Fraction(a, n)), show(Fraction(a * b, n))
    return Work(
        (f"For one it is {a} / {n} = {each}.", f"For {b} it is {each} x {b} = {total}."), total
    )


PROPORTION = Family(
    name="proportion",
    group="measures",
    method="the amount for one, times the new number",
    kind="number",
    unit="grams",
    kinds=KINDS,
    texts=(
        "A soup for {n} people takes {a} grams of lentils. How many grams does {name} need for {b} guests at the {occasion}?",
        "{n} {thing} weigh {a} grams together. By the same measure, what do {b} of them weigh in grams?",
        "The {group} in {town} mixes {a} grams of plaster for {n} moulds. Scale that up to {b} moulds, in grams.",
        "If {n} bowls call for {a} g of flour, then how much flour in g do {b} bowls call for? {friend} is cooking for the {group}.",
        "Feeding {n} goats near {town} takes {a} grams of salt. Work out the grams of salt for {b} goats.",
        "{name} knows that {a} grams of clay are enough for {n} {thing}. Say how many grams {b} {thing} would take.",
    ),
    drawn=_draw_proportion,
    worked=_work_proportion,
)


def _draw_coins(dice: Dice) -> dict[str, str]:
    coins = dice.pick(
        (
            "1, 2, 5, 10, 20, 50",
            "1, 5, 10, 25",
            "1, 2, 5, 10, 20",
            "1, 5, 10, 20, 50",
            "1, 5, 10, 25, 50",
        )
    )
    return dice.scene() | {"n": str(dice.integer(37, 399)), "coins": coins}


def _work_coins(v: Values) -> Work:
    """Greedy is best for the sets of coins that are drawn; any other set is searched in full."""
    total, coins = int(v["n"]), sorted({int(coin) for coin in items(v["coins"])}, reverse=True)
    if total > 5000 or coins[-1] != 1:
        raise ValueError("too large, or without a coin of 1")
    best: list[tuple[int, int]] = [(0, 0)]
    for amount in range(1, total + 1):
        best.append(min((best[amount - coin][0] + 1, -coin) for coin in coins if coin <= amount))
    used, rest = [], total
    while rest:
        used.append(-best[rest][1])
        rest -= used[-1]
    used.sort(reverse=True)
    parts = [f"{used.count(coin)} of {coin}" for coin in coins if coin in used]
    return Work(
        (f"Use large coins first: {join(parts)}.", f"That makes {len(used)} coins."), str(len(used))
    )


COINS = Family(
    name="coins",
    group="measures",
    method="using the largest coins first",
    kind="number",
    unit="coins",
    kinds=KINDS,
    texts=(
        "With coins of {coins} cents, what is the fewest that {name} needs to pay {n} cents for {thing}?",
        "The {group} in {town} owes {n} cents. Coins come in {coins} cents. How few coins can settle it?",
        "{friend} wants to hand over exactly {n} cents at the {occasion}, using as few coins as can be, from values {coins}. How many coins is that?",
        "Minimise the number of coins: the sum is {n} cents, the coins in {town} are {coins}. State the minimum.",
        "A machine for {thing} gives back {n} cents in the smallest possible number of coins. It holds plenty of {coins} cent pieces. Count the coins it gives.",
        "How many coins at least make {n} cents if the mint of {town} only strikes {coins}?",
    ),
    drawn=_draw_coins,
    worked=_work_coins,
)


def _draw_temperature(dice: Dice) -> dict[str, str]:
    return dice.scene() | {"a": str(dice.integer(0, 60) * 5)}


def _work_temperature(v: Values) -> Work:
    celsius = int(v["a"])
    scaled = Fraction(celsius * 9, 5)
    steps = (f"{celsius} x 9 / 5 = {show(scaled)}.", f"{show(scaled)} + 32 = {show(scaled + 32)}.")
    return Work(steps, show(scaled + 32))


TEMPERATURE = Family(
    name="temperature",
    group="measures",
    method="times nine fifths, plus 32",
    kind="number",
    unit="degrees Fahrenheit",
    kinds=KINDS,
    texts=(
        "The kiln of the {group} shows {a} degrees Celsius. What is that in Fahrenheit?",
        "{name} bakes at {a} °C, but the oven in {town} has a Fahrenheit dial. Which number must {name} set?",
        "Turn {a} degrees Celsius into degrees Fahrenheit for a note about {thing}.",
        "How hot in Fahrenheit is glue that must be warmed to {a} degrees Celsius before the {occasion}?",
        "An American guest at the {occasion} in {town} asks what {a} Celsius means in Fahrenheit. Answer with the number of degrees.",
        "Storing {thing} calls for at most {a} °C, says {friend}. Put the limit in °F.",
    ),
    drawn=_draw_temperature,
    worked=_work_temperature,
)

FAMILIES = (CONVERSION, SPEED, RATE, AREA, PROPORTION, COINS, TEMPERATURE)
