"""Families: writing and parsing are inverse, and the answers are right."""

# ruff: noqa: E501  (a case is one line)

from __future__ import annotations

import re
import sqlite3
import statistics
from collections import Counter
from datetime import datetime, timedelta
from fractions import Fraction

import pytest

from synth_assets.llm.offline.families import FAMILIES
from synth_assets.llm.offline.problem import Problem, Wording, show
from synth_assets_tests.llm.offline.bodies import make_dice

DRAWS = 50


def answer(family: str, **values: str) -> str | None:
    work = FAMILIES[family].solve(Problem(family, 0, values))
    return None if work is None else work.answer


@pytest.mark.parametrize("name", FAMILIES)
def test_a_drawn_problem_is_parsed_back_from_each_of_its_wordings(name: str) -> None:
    family = FAMILIES[name]
    for wording in range(len(family.wordings)):
        for draw in range(DRAWS):
            dice = make_dice(name, wording, draw)
            problem = family.draw(dice if draw % 3 else dice.rarer(), wording=wording)
            assert family.parse(family.write(problem)) == problem


@pytest.mark.parametrize("name", FAMILIES)
def test_every_drawn_problem_has_an_answer_that_its_last_step_states(name: str) -> None:
    family = FAMILIES[name]
    for draw in range(DRAWS):
        work = family.solve(family.draw(make_dice("answer", name, draw)))
        assert work is not None
        assert work.answer
        assert work.answer in work.steps[-1]


@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if family.grown])
def test_an_enlarged_problem_has_more_input_and_an_answer(name: str) -> None:
    family = FAMILIES[name]
    for draw in range(DRAWS):
        dice = make_dice("grow", name, draw)
        problem = family.draw(dice)
        grown = family.grow(problem, dice)
        assert grown is not None
        assert len(family.write(grown)) > len(family.write(problem))
        assert family.parse(family.write(grown)) == grown
        assert family.solve(grown) is not None


def test_there_are_many_families_with_at_least_six_wordings_each() -> None:
    assert len(FAMILIES) >= 24
    assert min(len(family.wordings) for family in FAMILIES.values()) >= 6
    assert len({family.group for family in FAMILIES.values()}) >= 8


def test_no_text_is_parsed_by_two_families() -> None:
    for name, family in FAMILIES.items():
        for wording in range(len(family.wordings)):
            text = family.write(family.draw(make_dice("one", name, wording), wording=wording))
            assert [n for n, other in FAMILIES.items() if other.parse(text)] == [name]


@pytest.mark.parametrize(
    ("family", "values", "expected"),
    [
        ("stock", {"a": "412", "b": "57", "c": "120"}, "475"),
        ("change", {"a": "3", "price": "7.25", "b": "5", "other_price": "1.4", "d": "50"}, "21.25"),
        ("sharing", {"a": "238", "n": "12"}, "10"),
        ("discount", {"price": "320", "percent": "15", "c": "12"}, "260"),
        ("average", {"numbers": "34, 51, 28, 47, 90"}, "50"),
        ("sequence", {"numbers": "1, 4, 9, 16, 25"}, "36"),
        ("sequence", {"numbers": "3, 9, 27"}, "81"),
        ("sequence", {"numbers": "3, 9, 27, 28"}, None),
        ("probability", {"a": "7", "b": "5"}, "7/22"),
        ("unit_conversion", {"amount": "2.75", "unit": "kilograms", "target": "grams"}, "2750"),
        ("unit_conversion", {"amount": "2", "unit": "hours", "target": "grams"}, None),
        ("speed", {"a": "84", "b": "45"}, "63"),
        ("work_rate", {"a": "14", "b": "10", "c": "168"}, "7"),
        ("area", {"a": "24", "b": "18", "c": "5", "d": "4"}, "412"),
        ("proportion", {"n": "6", "a": "450", "b": "22"}, "1650"),
        ("coins", {"n": "188", "coins": "1, 2, 5, 10, 20, 50"}, "8"),
        ("coins", {"n": "6", "coins": "1, 3, 4"}, "2"),
        ("temperature", {"a": "235"}, "455"),
        ("date_after", {"day": "2024-02-10", "n": "45"}, "2024-03-26"),
        ("date_after", {"day": "2023-02-30", "n": "1"}, None),
        ("time_zone", {"start": "21:15", "offset": "-7", "other_offset": "+2"}, "06:15"),
        ("end_time", {"start": "22:50", "n": "195"}, "02:05"),
        ("end_time", {"start": "27:50", "n": "195"}, None),
        ("overlap", {"start": "09:30", "end": "12:15", "other_start": "11:05", "other_end": "14:00"}, "70"),
        ("overlap", {"start": "09:00", "end": "10:00", "other_start": "11:00", "other_end": "12:00"}, "0"),
        ("common_members", {"words": "rope, torch, bread", "other_words": "bread, rope"}, "bread, rope"),
        ("remove_repeats", {"words": "b, a, b, c, a"}, "b, a, c"),
        ("filter_by_length", {"words": "lantern, kite, basket", "n": "5"}, "lantern, basket"),
        ("count_by_initial", {"words": "silver, marble, stone", "letter": "s"}, "2"),
        ("nth_largest", {"numbers": "312, 287, 345", "n": "2"}, "312"),
        ("nth_largest", {"numbers": "312, 287", "n": "3"}, None),
        ("reverse_words", {"line": "the quiet river"}, "river quiet the"),
        ("spell_backwards", {"one_word": "light"}, "thgil"),
        ("count_letter", {"line": "every evening", "letter": "e"}, "4"),
        ("acronym", {"line": "shared heating costs"}, "SHC"),
        ("strike_vowels", {"line": "bring candles"}, "brng cndls"),
        ("strike_vowels", {"line": "aeiou"}, None),
        ("replace_letter", {"line": "a small hat", "letter": "a", "new_letter": "o"}, "o smoll hot"),
        ("table_sum", {"table": "Ana, owl, 12; Bo, hen, 7; Cem, owl, 31", "key": "owl"}, "43"),
        ("table_largest", {"table": "Ana, owl, 12; Bo, hen, 70"}, "Bo"),
        ("table_count", {"table": "Ana, owl, 12; Bo, hen, 7; Cem, owl, 31", "n": "7"}, "2"),
        ("json_value", {"json": '{"oven": {"degrees": 180}}', "key": "oven", "other_key": "degrees"}, "180"),
        ("json_value", {"json": '{"oven": [1]}', "key": "oven", "other_key": "degrees"}, None),
        ("caesar", {"line": "xyz abc", "n": "3"}, "abc def"),
        ("atbash", {"line": "abc xyz"}, "zyx cba"),
        ("to_roman", {"n": "1994"}, "MCMXCIV"),
        ("from_roman", {"roman": "MDCCXLVI"}, "1746"),
        ("from_roman", {"roman": "IIX"}, None),
        ("check_digit", {"digits": "123"}, "0"),
        ("last_in_order", {"facts": "Bo before Cy, Al before Bo"}, "Cy"),
        ("last_in_order", {"facts": "Bo before Cy, Cy before Bo"}, None),
        ("full_order", {"facts": "Bo before Cy, Al before Bo"}, "Al, Bo, Cy"),
        ("queue", {"a": "14", "b": "9"}, "22"),
        ("grid_walk", {"moves": "6 north, 4 east, 2 south, 9 west, 1 north"}, "10"),
        ("pairs", {"n": "18"}, "153"),
    ],
)  # fmt: skip
def test_answers_worked_by_hand(family: str, values: dict[str, str], expected: str | None) -> None:
    assert answer(family, **values) == expected


def drawn(name: str) -> list[tuple[dict[str, str], str]]:
    family = FAMILIES[name]
    found = []
    for draw in range(DRAWS):
        problem = family.draw(make_dice("check", name, draw))
        work = family.solve(problem)
        assert work is not None
        found.append((dict(problem.values), work.answer))
    return found


def test_medians_agree_with_the_statistics_module() -> None:
    for values, found in drawn("median"):
        assert float(found) == statistics.median(map(int, values["numbers"].split(", ")))


def test_weekdays_agree_with_strftime() -> None:
    for values, found in drawn("weekday"):
        assert found == datetime.fromisoformat(values["day"]).strftime("%A")


def test_days_between_agree_with_timedelta() -> None:
    for values, found in drawn("days_between"):
        start = datetime.fromisoformat(values["day"])
        assert (start + timedelta(days=int(found))).date().isoformat() == values["later_day"]


def test_bases_agree_with_int() -> None:
    for values, found in drawn("to_base"):
        assert int(found, int(values["base"])) == int(values["n"])


def test_sorting_agrees_with_sorted() -> None:
    for values, found in drawn("sort_words"):
        assert found.split(", ") == sorted(values["words"].split(", "))
    for values, found in drawn("sort_numbers"):
        assert [int(n) for n in found.split(", ")] == sorted(
            map(int, values["numbers"].split(", "))
        )[::-1]


def test_letters_agree_with_a_counter() -> None:
    for values, found in drawn("count_letter"):
        assert int(found) == Counter(values["line"])[values["letter"]]


def test_sql_agrees_with_sqlite() -> None:
    for values, found in drawn("sql"):
        relation = re.search(r"FROM (\w+)", values["query"])
        assert relation is not None
        with sqlite3.connect(":memory:") as connection:
            connection.execute(f"create table {relation.group(1)} (item, price int, qty int)")
            rows = [row.split(", ") for row in values["table"].split("; ")]
            insert = f"insert into {relation.group(1)} values (?, ?, ?)"
            connection.executemany(insert, rows)
            (expected,) = connection.execute(values["query"]).fetchone()
        connection.close()
        assert int(found) == expected


def test_numbers_are_shown_whole_as_decimals_or_as_fractions() -> None:
    shown = [show(Fraction(n, d)) for n, d in ((6, 2), (1, 8), (-5, 4), (1, 20), (2, 7))]
    assert shown == ["3", "0.125", "-1.25", "0.05", "2/7"]


def test_a_wording_is_found_only_where_a_sentence_begins() -> None:
    wording = Wording("Write {n} in Roman numerals.", {"n": r"\d+"})
    assert wording.search("Hello. Write 4 in Roman numerals. Thanks")
    assert not wording.search("Never Write 4 in Roman numerals.")
