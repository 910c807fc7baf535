"""What a rewording may not change, and what does not count as a change."""

from __future__ import annotations

import pytest

from synth_assets.quality.preserved_parts import (
    change_reason,
    code_spans,
    digit_runs,
    numbers_of,
    placeholders,
    protected_spans,
)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("Add 3 and 4.", "Sum 4 and 3.", None),
        ("Add 3 and 4.", "Sum 3 and 5.", "numbers_changed"),
        ("Add 3 and 3.", "Double 3.", "numbers_changed"),
        ("Take 1,000 steps.", "Go 1000 steps.", None),
        ("Take 1,000 steps.", "Go 1.000 steps.", "numbers_changed"),
        ("Meet at 12:30.", "Be there at 12:30.", None),
        ("Meet at 12:30.", "Be there at 12.", "numbers_changed"),
        ("أضف ٣ و ٤", "اجمع 3 و 4", None),
        ("Run `x = 1`.", "Execute `x = 1`.", None),
        ("Run `x = 1`.", "Execute `x = 2`.", "code_changed"),
        ("Run `x`.", "Execute x.", "code_changed"),
        ("Greet {name}.", "Say hello to {name}.", None),
        ("Greet {name}.", "Say hello to {nom}.", "placeholders_changed"),
        ("Write [CITY] twice.", "Name [CITY] two times.", None),
        ("Write %s and %(who)s.", "Put %(who)s after %s.", None),
        ("Make <b>it</b> bold.", "Make it bold.", "placeholders_changed"),
    ],
)
def test_numbers_code_and_placeholders_are_compared_as_multisets(
    before: str, after: str, reason: str | None
) -> None:
    assert change_reason(before, after) == reason


def test_another_language_may_write_its_separators() -> None:
    before, after = "It costs 1,234.50 and 3.5 more.", "Es kostet 1.234,50 und 3,5 mehr."
    assert change_reason(before, after) == "numbers_changed"
    assert change_reason(before, after, is_other_language=True) is None
    assert digit_runs(after) == {"123450": 1, "35": 1}


def test_a_placeholder_inside_code_is_code() -> None:
    text = "Print `{name}` and {name}."
    assert code_spans(text) == {"`{name}`": 1}
    assert placeholders(text) == {"{name}": 1}
    assert [text[start:end] for start, end in protected_spans(text)] == ["`{name}`", "{name}"]


def test_a_percentage_is_a_number_and_no_placeholder() -> None:
    assert placeholders("Take 5% of it, or 5 %.") == {}
    assert numbers_of("Take 5% of it, or 5 %.") == {"5": 2}
