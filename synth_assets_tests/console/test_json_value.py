from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from math import inf, nan
from typing import Any

import pytest

from synth_assets.console.json_value import to_json


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (2**70, 2**70),
        (1.5, 1.5),
        (nan, None),
        (-inf, None),
        ("日本語", "日本語"),
        ("\ud800", "?"),
        (Decimal("12"), 12),
        (Decimal("1.25"), 1.25),
        (Decimal("NaN"), None),
        (datetime(2024, 2, 29, 1, 2, 3, 4), "2024-02-29T01:02:03.000004"),
        (datetime(2024, 2, 29, tzinfo=UTC), "2024-02-29T00:00:00+00:00"),
        (date(2024, 2, 29), "2024-02-29"),
        (time(1, 2), "01:02:00"),
        (timedelta(minutes=2), 120.0),
        (b"\x00\xff", "00ff"),
        ([{"role": "user", "n": Decimal(1)}, nan], [{"role": "user", "n": 1}, None]),
        ({1: {"a": (1, 2)}}, {"1": {"a": [1, 2]}}),
    ],
    ids=repr,
)
def test_every_value_has_standard_json(value: Any, expected: Any) -> None:
    found = json.loads(to_json({"value": value}), parse_constant=pytest.fail)
    assert found == {"value": expected}


def test_a_number_keeps_its_kind() -> None:
    assert to_json([Decimal("3"), 3.0, True]) == "[3, 3.0, true]"


def test_it_is_one_line_that_a_terminal_only_shows() -> None:
    text = to_json(["a\nb", "\x1b[2J", "\x9b2J", "\u202e"])
    assert text == '["a\\nb", "\\u001b[2J", "\\u009b2J", "\\u202e"]'
