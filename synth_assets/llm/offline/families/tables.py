"""Families of data: sums and look-ups in small tables, values in JSON, queries in SQL."""

# ruff: noqa: E501  (a wording is one line, as the reader of a prompt sees it)

from __future__ import annotations

import json
import re

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.problem import (
    INTEGER,
    NAME,
    ROWS,
    Family,
    Values,
    Work,
    join,
    rows,
)

KINDS = {
    "name": NAME,
    "friend": NAME,
    "table": ROWS,
    "key": NAME,
    "other_key": NAME,
    "n": INTEGER,
    "json": r"\{.+\}",
    "query": r"SELECT [^;]+?",
}


def _table(dice: Dice, keys: list[str], count: int) -> str:
    people = dice.names(count)
    return "; ".join(f"{who}, {dice.pick(keys)}, {dice.integer(3, 95)}" for who in people)


def _draw_table(dice: Dice) -> dict[str, str]:
    keys = dice.words(3)
    table = _table(dice, keys, dice.integer(5, 7))
    return dice.scene() | {"table": table, "key": rows(table)[0][1], "n": str(dice.integer(20, 60))}


def _grow_table(v: Values, dice: Dice) -> dict[str, str]:
    keys = sorted({row[1] for row in rows(v["table"])})
    return dict(v) | {"table": f"{v['table']}; {_table(dice, keys, 5)}"}


def _work_sum(v: Values) -> Work:
    found = [int(row[2]) for row in rows(v["table"]) if row[1] == v["key"]]
    steps = (
        f"The rows with {v['key']} hold {join(found) or 'nothing'}.",
        f"Their sum is {sum(found)}.",
    )
    return Work(steps, str(sum(found)))


TABLE_SUM = Family(
    name="table_sum",
    group="tables",
    method="picking the rows and adding their figures",
    kind="number",
    kinds=KINDS,
    grown=_grow_table,
    texts=(
        "Rows of person, team, points: {table}. What is the total of points for team {key}?",
        "The {group} keeps this table (member, section, hours): {table}. Add up the hours of section {key}.",
        "From the sales sheet with seller, colour code, pieces: {table}. How many pieces carry the code {key}?",
        "Sum the last column over all lines whose middle column says {key}. The lines are {table}. They come from the {occasion} in {town}.",
        "{subject} calls for one figure: the combined amount under {key} in this ledger of who, what, amount: {table}.",
        "Donations at the {occasion}, as donor, fund, amount: {table}. How much did the fund {key} get altogether?",
    ),
    drawn=_draw_table,
    worked=_work_sum,
)


def _draw_table_best(dice: Dice) -> dict[str, str]:
    figures = [str(figure) for figure in dice.sample(range(3, 99), 7)]
    keys = dice.words(3)
    table = "; ".join(
        f"{who}, {dice.pick(keys)}, {figures.pop()}" for who in dice.names(dice.integer(5, 7))
    )
    return dice.scene() | {"table": table}


def _grow_table_best(v: Values, dice: Dice) -> dict[str, str]:
    keys = sorted({row[1] for row in rows(v["table"])})
    people = [name for name in dice.names(14) if name not in v["table"]][:4]
    figures = dice.sample(range(100, 199), len(people))
    fresh = "; ".join(f"{who}, {dice.pick(keys)}, {figures.pop()}" for who in people)
    return dict(v) | {"table": f"{v['table']}; {fresh}"}


def _work_best(v: Values) -> Work:
    table = rows(v["table"])
    best = max(table, key=lambda row: int(row[2]))
    return Work(
        (
            f"The figures are {join(row[2] for row in table)}.",
            f"The largest, {best[2]}, belongs to {best[0]}.",
        ),
        best[0],
    )


TABLE_BEST = Family(
    name="table_largest",
    group="tables",
    method="comparing the figures of all rows",
    kind="text",
    kinds=KINDS,
    grown=_grow_table_best,
    texts=(
        "Here are name, street and age of guests: {table}. Who is the oldest?",
        "In the results of the {occasion} (runner, club, score), {table}, find the person with the top score.",
        "Each entry gives member, room and debt: {table}. Which member of the {group} owes most?",
        "Look at this list of keeper, animal, weight from {town}: {table}. Name the keeper in the row with the greatest weight.",
        "{table}. In these rows of grower, plant, height, whose plant is tallest?",
        "{friend} gives the prize to the highest bidder. Bidder, lot and bid are {table}. Who wins it?",
    ),
    drawn=_draw_table_best,
    worked=_work_best,
)


def _work_above(v: Values) -> Work:
    least = int(v["n"])
    found = [row[0] for row in rows(v["table"]) if int(row[2]) > least]
    return Work(
        (f"Above {least} are the rows of {join(found) or 'nobody'}.", f"That makes {len(found)}."),
        str(len(found)),
    )


TABLE_COUNT = Family(
    name="table_count",
    group="tables",
    method="testing each row and counting",
    kind="number",
    unit="rows",
    kinds=KINDS,
    grown=_grow_table,
    texts=(
        "How many rows of this table have more than {n} in the last column? {table}.",
        "Pupil, class, marks: {table}. Count the pupils with marks above {n}.",
        "The {group} in {town} logs rider, route, minutes: {table}. What number of rides took over {n} minutes?",
        "A ticket counts as late when its third entry exceeds {n}. With clerk, desk, days as {table}, how many are late?",
        "Given baker, cake, votes at the {occasion}: {table}. For how many bakers do the votes exceed {n}?",
        "Only loads heavier than {n} kilograms need a second helper. Driver, goods and load are {table}. How many loads need one?",
    ),
    drawn=_draw_table,
    worked=_work_above,
)


def _draw_json(dice: Dice) -> dict[str, str]:
    keys, outer = dice.words(5), dice.words(2)
    inner = {key: dice.integer(10, 990) for key in keys[:4]}
    record = {"owner": dice.name(), outer[0]: inner, "tags": dice.words(3)}
    return dice.scene() | {
        "json": json.dumps(record),
        "key": outer[0],
        "other_key": dice.pick(keys[:4]),
    }


def _grow_json(v: Values, dice: Dice) -> dict[str, str]:
    record = json.loads(v["json"])
    held = set(record[v["key"]])
    fresh = [word for word in dice.words(12) if word not in held][:4]
    record[v["key"]] |= {word: dice.integer(10, 990) for word in fresh}
    return dict(v) | {"json": json.dumps(record)}


def _work_json(v: Values) -> Work:
    try:
        found = json.loads(v["json"])[v["key"]][v["other_key"]]
    except (TypeError, RecursionError) as error:
        raise ValueError("no such path") from error
    if type(found) is not int:  # a bool is an int too, but no number to reckon with
        raise ValueError("not a whole number")
    return Work(
        (f"Open the object under {v['key']}.", f"There {v['other_key']} has the value {found}."),
        str(found),
    )


JSON_VALUE = Family(
    name="json_value",
    group="tables",
    method="following the keys from the outside in",
    kind="number",
    kinds=KINDS,
    grown=_grow_json,
    texts=(
        "Extract the value at {key}.{other_key} from this JSON: {json}.",
        'The server of the {group} sends {json}. What does it say under "{key}" for "{other_key}"?',
        '{name} parses {json} and reads the field "{other_key}" inside "{key}". Which number is read?',
        "In the record {json} of a customer in {town}, look up {other_key} within {key} and report it.",
        'Given data = {json}, evaluate data["{key}"]["{other_key}"] for {friend}.',
        "A settings record for the {occasion} holds {json}. State the setting called {other_key} in the section {key}.",
    ),
    drawn=_draw_json,
    worked=_work_json,
)

_QUERY = re.compile(
    r"SELECT (SUM\(qty\)|COUNT\(\*\)|MAX\(qty\)|MIN\(qty\)) FROM (\w+) WHERE (price|qty) (>|<|>=|<=) (\d+)"
)


def _draw_sql(dice: Dice) -> dict[str, str]:
    table = "; ".join(
        f"{word}, {dice.integer(2, 60)}, {dice.integer(1, 90)}"
        for word in dice.words(dice.integer(4, 7))
    )
    prices, amounts = ([int(row[place]) for row in rows(table)] for place in (1, 2))
    column = dice.pick(("price", "qty"))
    held = sorted(prices if column == "price" else amounts)
    sign = dice.pick((">", "<", ">=", "<="))
    bound = held[len(held) // 2]  # on each side of the middle there is at least one row
    if sign == ">":
        bound -= 1
    elif sign == "<":
        bound += 1
    measure = dice.pick(("SUM(qty)", "COUNT(*)", "MAX(qty)", "MIN(qty)"))
    relation = dice.pick(("stock", "orders", "goods", "wares", "parts"))
    query = f"SELECT {measure} FROM {relation} WHERE {column} {sign} {bound}"
    return dice.scene() | {"table": table, "query": query}


def _grow_sql(v: Values, dice: Dice) -> dict[str, str]:
    fresh = "; ".join(
        f"{word}, {dice.integer(2, 60)}, {dice.integer(1, 90)}" for word in dice.words(4)
    )
    return dict(v) | {"table": f"{v['table']}; {fresh}"}


def _holds(left: int, sign: str, right: int) -> bool:
    return {">": left > right, "<": left < right, ">=": left >= right, "<=": left <= right}[sign]


def _work_sql(v: Values) -> Work:
    match = _QUERY.fullmatch(v["query"])
    if match is None:
        raise ValueError("not a query of this family")
    measure, _, column, sign, bound = match.groups()
    place = 1 if column == "price" else 2
    found = [int(row[2]) for row in rows(v["table"]) if _holds(int(row[place]), sign, int(bound))]
    result = {
        "SUM(qty)": sum(found),
        "COUNT(*)": len(found),
        "MAX(qty)": max(found, default=0),
        "MIN(qty)": min(found, default=0),
    }[measure]
    return Work(
        (
            f"The rows with {column} {sign} {bound} have qty {join(found) or 'none'}.",
            f"{measure} gives {result}.",
        ),
        str(result),
    )


SQL = Family(
    name="sql",
    group="tables",
    method="filtering the rows, then aggregating",
    kind="number",
    kinds=KINDS,
    grown=_grow_sql,
    texts=(
        "A table has the columns item, price, qty and the rows {table}. What does {query} return?",
        "Run {query} in your head on these rows of item, price, qty: {table}. Which number comes back?",
        "{name} stored item, price, qty of the {group} as {table}. Evaluate {query} for {subject}.",
        "Suppose the database in {town} holds (item, price, qty) = {table}. State the result of the query {query}.",
        "With data {table} in columns item, price and qty, what single value does {friend} see after typing {query}?",
        "After the {occasion} these rows (item, price, qty) are left: {table}. Answer the query {query}.",
    ),
    drawn=_draw_sql,
    worked=_work_sql,
)

FAMILIES = (TABLE_SUM, TABLE_BEST, TABLE_COUNT, JSON_VALUE, SQL)
