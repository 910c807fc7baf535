from __future__ import annotations

import pytest
from pydantic import BaseModel

from synth_assets.errors import ReplyError
from synth_assets.methods.structured_reply import parse_reply


class Form(BaseModel):
    value: int
    note: str = ""


@pytest.mark.parametrize(
    ("text", "was_repaired"),
    [
        ('{"value": 1}', False),
        ('  {"value": 1}\n', False),
        ('```json\n{"value": 1}\n```', False),
        ('Here it is: {"value": 1}. I hope it helps.', False),
        ('<think>{"value": 2}?</think>{"value": 1}', False),
        ('{"value": 1,}', True),
        ("{'value': 1}", True),
        ('{"value": 1, "note": "he said "no" to it"}', True),
        ('{"value": 1, "note": "cut o', True),
    ],
)
def test_an_object_is_found_and_repaired_where_it_is_broken(text: str, was_repaired: bool):
    parsed = parse_reply(text, Form)
    assert (parsed.value.value, parsed.was_repaired) == (1, was_repaired)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON object"),
        ("The value is 1.", "no JSON object"),
        ("[1, 2]", "no JSON object"),
        ('{"value": "one"}', "value"),
        ('{"note": "nothing"}', "value"),
        ('{"value": 1}{"value": 2}', "more than one"),
        ('{"value": 1} or {"value": 2}', "more than one"),
        ('{"value": 1, "value": 2}', "twice"),
        ('{"value": NaN}', "NaN"),
        ('{"value": -Infinity}', "Infinity"),
        ('{"value": NaN,}', "NaN"),
        ('{"value": 1e999}', "too large"),
        ('{"value": ' + "9" * 5_000 + "}", "number"),
        ('{"value": ' + "[" * 5_000, "nested"),
        ('{"value": ' + '{"a":' * 31, "nested"),
        ('{"value": "' + "x" * 100_000 + '"}', "characters"),
    ],
)
def test_what_is_out_of_form_is_refused(text: str, why: str):
    with pytest.raises(ReplyError, match=why):
        parse_reply(text, Form)


def test_brackets_inside_a_string_are_text():
    text = '{"value": 1, "note": "' + "[" * 100 + '\\" {"}'
    assert parse_reply(text, Form).value.note.startswith("[[[")
