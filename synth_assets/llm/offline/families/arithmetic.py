"""Families of reckoning: amounts, shares, percentages, averages, sequences, chances."""

# ruff: noqa: E501  (a wording is one line, as the reader of a prompt sees it)

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import gcd

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
    "numbers": NUMBERS,
    "price": NUMBER,
    "other_price": NUMBER,
    **dict.fromkeys(("a", "b", "c", "d", "n", "percent"), INTEGER),
}


def _numbers(v: Values) -> list[int]:
    return [int(part) for part in items(v["numbers"])]


def _draw_stock(dice: Dice) -> dict[str, str]:
    a, b, c = dice.integer(120, 900), dice.integer(15, 99), dice.integer(10, 240)
    return dice.scene() | {"a": str(a), "b": str(b), "c": str(c)}


def _work_stock(v: Values) -> Work:
    a, b, c = int(v["a"]), int(v["b"]), int(v["c"])
    steps = (
        f"Take away what left: {a} - {b} = {a - b}.",
        f"Add what came: {a - b} + {c} = {a - b + c}.",
    )
    return Work(steps, str(a - b + c))


STOCK = Family(
    name="stock",
    group="arithmetic",
    method="subtraction and addition in order",
    kind="number",
    unit="pieces",
    kinds=KINDS,
    texts=(
        "The {group} in {town} had {a} {thing} on the shelf, sold {b} of them at the {occasion} and then received {c} more. How many {thing} are there now?",
        "If {name} starts the week with {a} {thing}, gives away {b} and later buys another {c}, what number of {thing} does {name} own in the end?",
        "Work out the closing count: opening {a} {thing}, minus {b} broken on the way to {town}, plus {c} delivered for the {occasion}.",
        "{name} counted {a} {thing} before the {occasion}. {friend} took {b} away, and the {group} brought {c}. What is the new count?",
        "A store room in {town} holds {a} {thing}. After {b} were lent to the {group} and {c} came back from repair, how many lie there?",
        "How many {thing} remain with {name} when {b} out of {a} are lost in {town} but {c} extra ones turn up during the {occasion}?",
    ),
    drawn=_draw_stock,
    worked=_work_stock,
)


def _draw_change(dice: Dice) -> dict[str, str]:
    price, other = Fraction(dice.integer(30, 900), 20), Fraction(dice.integer(20, 600), 20)
    a, b = dice.integer(2, 9), dice.integer(2, 9)
    total = a * price + b * other
    d = next(note for note in (50, 100, 200, 500, 1000) if note > total)
    figures = {"price": show(price), "other_price": show(other), "a": str(a), "b": str(b)}
    return dice.scene() | figures | {"d": str(d)}


def _work_change(v: Values) -> Work:
    a, b, paid = int(v["a"]), int(v["b"]), int(v["d"])
    first, second = a * Fraction(v["price"]), b * Fraction(v["other_price"])
    total = first + second
    steps = (
        f"The first item costs {a} x {v['price']} = {show(first)}.",
        f"The second item costs {b} x {v['other_price']} = {show(second)}, so the bill is {show(total)}.",
        f"The change is {paid} - {show(total)} = {show(paid - total)}.",
    )
    return Work(steps, show(paid - total))


CHANGE = Family(
    name="change",
    group="arithmetic",
    method="adding the bill and subtracting it from what is paid",
    kind="number",
    unit="of the currency",
    kinds=KINDS,
    texts=(
        "{name} buys {a} {thing} at {price} {money} each and {b} {other_thing} at {other_price} {money} each and pays with {d} {money}. How much change is due?",
        "At the {occasion} in {town}, {thing} cost {price} {money} and {other_thing} cost {other_price} {money}. Someone takes {a} of the former and {b} of the latter. What comes back from {d} {money}?",
        "What is left of {d} {money} after the {group} has paid for {a} {thing} ({price} {money} apiece) plus {b} {other_thing} ({other_price} {money} apiece)?",
        "Price list of the {group}: {thing} {price}, {other_thing} {other_price}, all in {money}. {name} hands over {d} for {a} {thing} with {b} {other_thing}. State the change.",
        "For the {occasion}, {name} ordered {a} units of {thing} and {b} units of {other_thing}; a unit costs {price} and {other_price} {money} respectively. From a budget of {d} {money}, what sum stays unspent?",
        "Find the money that {friend} gets back: {d} {money} handed in, {a} times {price} spent on {thing}, {b} times {other_price} spent on {other_thing}.",
    ),
    drawn=_draw_change,
    worked=_work_change,
)


def _draw_sharing(dice: Dice) -> dict[str, str]:
    return dice.scene() | {"a": str(dice.integer(80, 980)), "n": str(dice.integer(3, 19))}


def _work_sharing(v: Values) -> Work:
    a, n = int(v["a"]), int(v["n"])
    steps = (
        f"Each gets {a} // {n} = {a // n}.",
        f"That uses {n} x {a // n} = {n * (a // n)}, so {a} - {n * (a // n)} = {a % n} are left.",
    )
    return Work(steps, str(a % n))


SHARING = Family(
    name="sharing",
    group="arithmetic",
    method="division with a remainder",
    kind="number",
    unit="pieces",
    kinds=KINDS,
    texts=(
        "{name} packs {a} {thing} into boxes of {n} for the {occasion}. How many {thing} do not fill a box?",
        "The {group} shares {a} {thing} equally among {n} volunteers from {town}. What number of {thing} is left over?",
        "When {n} children each receive the same, largest possible number out of {a} {thing}, how many stay with {name}?",
        "{a} {thing} arrive in {town} and go into rows of {n}. Tell me how many the last, unfinished row has.",
        "Suppose {friend} ties {thing} in bundles of {n}. Starting with {a} of them at the {occasion}, how many cannot be bundled?",
        "How large is the remainder if the {group} divides {a} {thing} by {n} shelves without cutting any?",
    ),
    drawn=_draw_sharing,
    worked=_work_sharing,
)


def _draw_discount(dice: Dice) -> dict[str, str]:
    price = dice.integer(40, 480)
    percent, c = dice.pick((5, 10, 15, 20, 25, 30, 35, 40, 60)), dice.integer(1, 15)
    return dice.scene() | {"price": str(price), "percent": str(percent), "c": str(c)}


def _work_discount(v: Values) -> Work:
    price, percent, voucher = Fraction(v["price"]), int(v["percent"]), int(v["c"])
    cut = price * percent / 100
    steps = (
        f"{percent}% of {v['price']} is {show(cut)}.",
        f"The reduced price is {v['price']} - {show(cut)} = {show(price - cut)}.",
        f"With the voucher: {show(price - cut)} - {voucher} = {show(price - cut - voucher)}.",
    )
    return Work(steps, show(price - cut - voucher))


DISCOUNT = Family(
    name="discount",
    group="arithmetic",
    method="a percentage of the price, then a fixed sum off",
    kind="number",
    unit="of the currency",
    kinds=KINDS,
    texts=(
        "A set of {thing} costs {price} {money}. The {group} takes {percent}% off, and {name} has a voucher worth {c} {money} more. What does {name} pay?",
        "Starting from {price} {money}, lower the price of the {thing} by {percent} per cent and afterwards by {c} {money}. What is the final price in {town}?",
        "During the {occasion} all {thing} are reduced by {percent}%. {friend} picks one for {price} {money} and uses a coupon of {c} {money} after the reduction. How much is that?",
        "How many {money} does the {group} charge for {thing} listed at {price} when {percent}% is taken off first and then a further {c}?",
        "{name} from {town} found {thing} for {price} {money}, with {percent}% discount for members. After the discount, {c} {money} is refunded for the bag. Give the amount that {name} has spent.",
        "The bill for the {occasion} reads {price} {money}. Early payers save {percent}% of it and get {c} {money} back on top. Compute what an early payer spends.",
    ),
    drawn=_draw_discount,
    worked=_work_discount,
)


def _draw_average(dice: Dice) -> dict[str, str]:
    numbers = dice.integers(dice.pick((4, 5, 8)), 3, 140)
    return dice.scene() | {"numbers": join(numbers)}


def _grow_numbers(v: Values, dice: Dice) -> dict[str, str]:
    return dict(v) | {"numbers": join([v["numbers"], *dice.integers(5, 11, 180)])}


def _work_average(v: Values) -> Work:
    numbers = _numbers(v)
    total = sum(numbers)
    mean = Fraction(total, len(numbers))
    steps = (
        f"The sum is {' + '.join(map(str, numbers))} = {total}.",
        f"There are {len(numbers)} values, so the mean is {total} / {len(numbers)} = {show(mean)}.",
    )
    return Work(steps, show(mean))


AVERAGE = Family(
    name="average",
    group="arithmetic",
    method="the sum divided by the number of values",
    kind="number",
    kinds=KINDS,
    grown=_grow_numbers,
    texts=(
        "{name} noted these daily visitor counts of the {group}: {numbers}. What is their arithmetic mean?",
        "Find the average of {numbers}, the scores of the {town} team at the {occasion}.",
        "The weights of some {thing} in {town}, in grams, are {numbers}. How heavy is one on average?",
        "On average, how many {thing} were sold a day if the daily sales were {numbers}?",
        "Add up {numbers} and divide by how many there are. {friend} needs that mean for the {occasion}.",
        "Over several weeks the {group} used {numbers} {thing}. State the mean weekly use.",
    ),
    drawn=_draw_average,
    worked=_work_average,
)


def _draw_median(dice: Dice) -> dict[str, str]:
    return dice.scene() | {"numbers": join(dice.integers(dice.integer(5, 10), 2, 160))}


def _work_median(v: Values) -> Work:
    ordered = sorted(_numbers(v))
    half = len(ordered) // 2
    if len(ordered) % 2:
        return Work(
            (f"In order: {join(ordered)}.", f"The middle value is {ordered[half]}."),
            str(ordered[half]),
        )
    middle = Fraction(ordered[half - 1] + ordered[half], 2)
    steps = (
        f"In order: {join(ordered)}.",
        f"The two middle values are {ordered[half - 1]} and {ordered[half]}; half of their sum is {show(middle)}.",
    )
    return Work(steps, show(middle))


MEDIAN = Family(
    name="median",
    group="arithmetic",
    method="ordering the values and taking the middle",
    kind="number",
    kinds=KINDS,
    grown=_grow_numbers,
    texts=(
        "Which value is the median of {numbers}, the ages at the {occasion}?",
        "The {group} measured {thing} and wrote down {numbers} millimetres. Determine the median length.",
        "{name} lists waiting times in minutes from {town}: {numbers}. Give the median.",
        "Order the results {numbers} of the {group} by size and say what stands in the middle, taking half the sum of two middle ones if need be.",
        "What is the middle value, statistically speaking, of the rents {numbers} that {friend} found in {town}?",
        "Half of the {thing} at the {occasion} weigh less than the median. The weights are {numbers}. Name that median.",
    ),
    drawn=_draw_median,
    worked=_work_median,
)


def _draw_sequence(dice: Dice) -> dict[str, str]:
    kind, start = dice.integer(0, 2), dice.integer(2, 30)
    step = dice.integer(3, 17)
    if kind == 0:
        terms = [start + n * step for n in range(6)]
    elif kind == 1:
        ratio = dice.pick((2, 3))
        terms = [start * ratio**n for n in range(5)]
    else:
        terms = [start + n * step + n * (n - 1) // 2 * 2 for n in range(6)]
    return dice.scene() | {"numbers": join(terms)}


def _work_sequence(v: Values) -> Work:
    terms = _numbers(v)
    gaps = [b - a for a, b in pairwise(terms)]
    if len(set(gaps)) == 1:
        return Work(
            (
                f"Each term is {gaps[0]} more than the one before.",
                f"{terms[-1]} + {gaps[0]} = {terms[-1] + gaps[0]}.",
            ),
            str(terms[-1] + gaps[0]),
        )
    ratio = Fraction(terms[1], terms[0])
    if all(Fraction(b, a) == ratio for a, b in pairwise(terms)):
        following = terms[-1] * ratio
        return Work(
            (
                f"Each term is {show(ratio)} times the one before.",
                f"{terms[-1]} x {show(ratio)} = {show(following)}.",
            ),
            show(following),
        )
    growth = {b - a for a, b in pairwise(gaps)}
    if len(growth) != 1:
        raise ValueError("no rule found")
    gap = gaps[-1] + growth.pop()
    return Work(
        (
            f"The differences are {join(gaps)}; the next one is {gap}.",
            f"{terms[-1]} + {gap} = {terms[-1] + gap}.",
        ),
        str(terms[-1] + gap),
    )


SEQUENCE = Family(
    name="sequence",
    group="arithmetic",
    method="finding the rule of the differences or ratios",
    kind="number",
    kinds=KINDS,
    texts=(
        "Which number continues the sequence {numbers} that {name} chalked on a wall in {town}?",
        "A riddle from the {occasion}: {numbers}, and then what?",
        "The {group} numbers its {thing} {numbers} and so on by a fixed rule. What is the next number?",
        "Spot the rule behind {numbers} and name the term after the last. {friend} uses it for {subject}.",
        "Weekly sales of {thing} in {town} were {numbers}. If the rule holds, how many follow in the next week?",
        "{name} and {friend} wrote {numbers} on cards for the {group}. Say what the following card must show.",
    ),
    drawn=_draw_sequence,
    worked=_work_sequence,
)


def _draw_probability(dice: Dice) -> dict[str, str]:
    colour, other = dice.sample(("red", "blue", "green", "yellow", "white", "black", "purple"), 2)
    a, b = dice.integer(3, 14), dice.integer(2, 12)
    return dice.scene() | {"a": str(a), "b": str(b), "colour": colour, "other_colour": other}


def _work_probability(v: Values) -> Work:
    a, total = int(v["a"]), int(v["a"]) + int(v["b"])
    both = Fraction(a * (a - 1), total * (total - 1))
    divisor = gcd(a * (a - 1), total * (total - 1))
    steps = (
        f"First: {a} of {total}; second: {a - 1} of {total - 1}.",
        f"The product is {a * (a - 1)}/{total * (total - 1)}, cancelled by {divisor}: {both.numerator}/{both.denominator}.",
    )
    return Work(
        steps, show(both) if both.denominator == 1 else f"{both.numerator}/{both.denominator}"
    )


PROBABILITY = Family(
    name="probability",
    group="arithmetic",
    method="multiplying the chances of the two draws",
    kind="number",
    kinds=KINDS | {"colour": NAME, "other_colour": NAME},
    texts=(
        "A bag at the {occasion} holds {a} {colour} and {b} {other_colour} marbles. {name} takes two without putting any back. With what probability are both {colour}? Give a fraction in lowest terms.",
        "Two {thing} are taken at random, one after the other and without replacement, from {a} {colour} and {b} {other_colour} ones. As a reduced fraction, how likely are two {colour} ones?",
        "What are the odds, as a reduced fraction, that {friend} pulls two {colour} socks in a row out of a drawer in {town} with {a} {colour} and {b} {other_colour} socks?",
        "In a raffle of the {group}, {a} tickets are {colour} and {b} are {other_colour}. Two winners are picked together. State the exact chance that both are {colour}, fully reduced.",
        "{name} shuffles {a} {colour} cards with {b} {other_colour} cards and deals two. Compute P(both {colour}) as a fraction that cannot be cancelled.",
        "Of the {thing} that the {group} owns, {a} are {colour} and {b} are {other_colour}. If two get lost by chance, find the probability, fully cancelled, that each lost one was {colour}.",
    ),
    drawn=_draw_probability,
    worked=_work_probability,
)

FAMILIES = (STOCK, CHANGE, SHARING, DISCOUNT, AVERAGE, MEDIAN, SEQUENCE, PROBABILITY)
