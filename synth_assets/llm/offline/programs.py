"""Small programs of Python: a parsed task in, the source that prints its answer out.

Only a task of a family below has one; each is written as a model would write it, with the figures
of the prompt in it. They are never run here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.extensions import Further
from synth_assets.llm.offline.task import Task

_FRACTIONS = "from fractions import Fraction\n"
_DATES = "from datetime import date, timedelta\n"
_MINUTES = """
def minutes(clock):
    hours, rest = clock.split(":")
    return int(hours) * 60 + int(rest)
"""
_ROWS = "rows = [[cell.strip() for cell in row.split(',')] for row in {table!r}.split(';')]\n"
_WORDS = "words = [word.strip() for word in {words!r}.split(',')]\n"
_ORDER = """
pairs = [fact.strip().split(" before ") for fact in {facts!r}.split(",")]
after = dict(pairs)
first = (set(after) - set(after.values())).pop()
order = [first]
while order[-1] in after:
    order.append(after[order[-1]])
"""

PROGRAMS: Mapping[str, str] = MappingProxyType(
    {
        "stock": "answer = {a} - {b} + {c}\n",
        "change": _FRACTIONS
        + "bill = {a} * Fraction('{price}') + {b} * Fraction('{other_price}')\n"
        + "answer = {d} - bill\n",
        "sharing": "answer = {a} % {n}\n",
        "discount": _FRACTIONS
        + "price = Fraction('{price}')\n"
        + "answer = price - price * {percent} / 100 - {c}\n",
        "average": _FRACTIONS
        + "numbers = [{numbers}]\n"
        + "answer = Fraction(sum(numbers), len(numbers))\n",
        "median": "from statistics import median\nanswer = median([{numbers}])\n",
        "probability": _FRACTIONS
        + "total = {a} + {b}\n"
        + "answer = Fraction({a}, total) * Fraction({a} - 1, total - 1)\n",
        "speed": _FRACTIONS + "answer = Fraction({a} * {b}, 60)\n",
        "work_rate": _FRACTIONS + "answer = Fraction({c}, {a} + {b})\n",
        "area": "answer = {a} * {b} - {c} * {d}\n",
        "proportion": _FRACTIONS + "answer = Fraction({a}, {n}) * {b}\n",
        "temperature": _FRACTIONS + "answer = Fraction({a} * 9, 5) + 32\n",
        "coins": "fewest = [0]\n"
        + "for amount in range(1, {n} + 1):\n"
        + "    fewest.append(1 + min(fewest[amount - c] for c in [{coins}] if c <= amount))\n"
        + "answer = fewest[-1]\n",
        "date_after": _DATES + "answer = date.fromisoformat('{day}') + timedelta(days={n})\n",
        "weekday": _DATES + "answer = date.fromisoformat('{day}').strftime('%A')\n",
        "days_between": _DATES
        + "gap = date.fromisoformat('{later_day}') - date.fromisoformat('{day}')\n"
        + "answer = abs(gap.days)\n",
        "overlap": _MINUTES
        + "begin = max(minutes('{start}'), minutes('{other_start}'))\n"
        + "end = min(minutes('{end}'), minutes('{other_end}'))\n"
        + "answer = max(0, end - begin)\n",
        "sort_numbers": "answer = ', '.join(map(str, sorted([{numbers}], reverse=True)))\n",
        "sort_words": _WORDS + "answer = ', '.join(sorted(words))\n",
        "remove_repeats": _WORDS + "answer = ', '.join(dict.fromkeys(words))\n",
        "count_by_initial": _WORDS
        + "answer = sum(word.startswith('{letter}') for word in words)\n",
        "nth_largest": "answer = sorted([{numbers}], reverse=True)[{n} - 1]\n",
        "reverse_words": "answer = ' '.join(reversed({line!r}.split()))\n",
        "spell_backwards": "answer = {one_word!r}[::-1]\n",
        "count_letter": "answer = {line!r}.lower().count('{letter}')\n",
        "acronym": "answer = ''.join(word[0] for word in {line!r}.split()).upper()\n",
        "replace_letter": "answer = {line!r}.replace('{letter}', '{new_letter}')\n",
        "table_sum": _ROWS + "answer = sum(int(row[2]) for row in rows if row[1] == {key!r})\n",
        "table_largest": _ROWS + "answer = max(rows, key=lambda row: int(row[2]))[0]\n",
        "table_count": _ROWS + "answer = sum(int(row[2]) > {n} for row in rows)\n",
        "json_value": "import json\nanswer = json.loads({json!r})[{key!r}][{other_key!r}]\n",
        "to_base": "rest, digits = {n}, ''\n"
        + "while rest:\n"
        + "    rest, digit = divmod(rest, {base})\n"
        + "    digits = str(digit) + digits\n"
        + "answer = digits or '0'\n",
        "check_digit": "total = sum(int(d) * (1, 3)[n % 2] for n, d in enumerate({digits!r}))\n"
        + "answer = -total % 10\n",
        "last_in_order": _ORDER + "answer = order[-1]\n",
        "full_order": _ORDER + "answer = ', '.join(order)\n",
        "queue": "answer = {a} + {b} - 1\n",
        "grid_walk": "x = y = 0\n"
        + "for move in {moves!r}.split(','):\n"
        + "    steps, way = move.split()\n"
        + "    x += int(steps) * ((way == 'east') - (way == 'west'))\n"
        + "    y += int(steps) * ((way == 'north') - (way == 'south'))\n"
        + "answer = abs(x) + abs(y)\n",
        "pairs": "from math import comb\nanswer = comb({n}, 2)\n",
    }
)
"""Family → its program, with the slots of its wordings."""

FURTHER: Mapping[str, str] = MappingProxyType(
    {
        "times": "answer = answer * {k}\n",
        "plus": "answer = answer + {k}\n",
        "from": "answer = {k} - answer\n",
    }
)
"""Extension → what it adds to the program, where the answer so far is a number of Python's."""


def write_program(task: Task) -> str | None:
    """The program without its last line, which prints ``answer``; None where there is none."""
    if task.problem.family not in PROGRAMS:
        return None
    if task.further and (task.family.kind != "number" or task.problem.family == "to_base"):
        return None
    if any(further.name not in FURTHER for further in task.further):
        return None
    parts = [PROGRAMS[task.problem.family].format_map(task.problem.values)]
    parts += [_further(further) for further in task.further]
    return "".join(parts).lstrip("\n")


def _further(further: Further) -> str:
    return FURTHER[further.name].format_map(further.values)


def slip_in(program: str, dice: Dice) -> str:
    """The program with one figure off by a little, or the answer short of its last part."""
    figures = [match for match in re.finditer(r"\b\d+\b", program) if match[0] not in ("0", "1")]
    if not figures:
        return f"{program}answer = str(answer)[:-1]\n"
    figure = dice.pick(figures)
    wrong = str(int(figure[0]) + dice.pick((1, 2, 10)))
    return program[: figure.start()] + wrong + program[figure.end() :]
