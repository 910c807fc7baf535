from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree

import pytest

from benchmarks.collapse.line_chart import Line, Panel, draw_panels, round_ticks
from benchmarks.collapse.rounds import run_rounds
from benchmarks.collapse.student import KINDS, Student, count_kinds, write_kind
from synth_assets.llm.request import Request, user
from synth_assets.methods.numbered_items import parse_numbered_items
from synth_assets_tests.llm.offline.bodies import make_dice


def test_a_prompt_of_a_kind_is_counted_as_that_kind():
    dice = make_dice("kinds")
    assert count_kinds(write_kind(kind, dice) for kind in KINDS) == Counter(KINDS)
    assert count_kinds(["Why is the sky blue?"]) == {}


def test_a_student_writes_only_kinds_of_its_set():
    dice = make_dice("student")
    known = KINDS[:2]
    student = Student([write_kind(kind, dice) for kind in known], items=40, seed=1)
    (reply,) = student([Request("student", (user("…"),), round=1)])
    written = count_kinds(parse_numbered_items(reply.text or "", 9))
    assert set(written) == set(known)
    assert all(10 < count < 30 for count in written.values())


def test_rounds_that_replace_lose_kinds_that_rounds_that_accumulate_keep():
    replace, accumulate = (
        run_rounds(feeding, rounds=4, per_round=70, seed=1) for feeding in ("replace", "accumulate")
    )
    assert replace[:2] == accumulate[:2]
    kinds = [held.kinds for held in replace]
    assert kinds == sorted(kinds, reverse=True)
    assert replace[4].kinds < 0.8 * accumulate[4].kinds
    assert replace[4].effective_kinds < accumulate[4].effective_kinds


def test_the_picture_is_xml_with_a_line_for_each_series():
    lines = [Line("a < b", [1.0, 2.0], [0.1, 0.1]), Line("theory", [1.0, 2.0], is_dashed=True)]
    picture = draw_panels([Panel("Errors & more", "round", lines)] * 2)
    root = ElementTree.fromstring(picture)
    assert len(root.findall(".//{*}polyline")) == 4
    assert "a < b" in [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (1.22, [0, 0.2, 0.4, 0.6, 0.8, 1, 1.2]),
        (166.5, [0, 50, 100, 150]),
        (7, [0, 1, 2, 3, 4, 5, 6, 7]),
        (0.019, [0, 0.005, 0.01, 0.015]),
    ],
)
def test_ticks_are_round_numbers(most: float, ticks: list[float]):
    assert round_ticks(most) == pytest.approx(ticks)
