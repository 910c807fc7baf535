from __future__ import annotations

import pytest

from synth_assets.errors import ReplyError
from synth_assets.methods.yes_or_no import parse_yes_or_no


@pytest.mark.parametrize("text", ["Yes", "yes.", " YES\n", "**Yes**", '"yes"'])
def test_yes_is_true(text: str):
    assert parse_yes_or_no(text)


@pytest.mark.parametrize("text", ["No", "no.", "**No.**"])
def test_no_is_false(text: str):
    assert not parse_yes_or_no(text)


@pytest.mark.parametrize("text", ["", "Yes and no", "Not a classification", "True", "Yes, it is"])
def test_anything_else_is_no_verdict(text: str):
    with pytest.raises(ReplyError, match="Yes or No"):
        parse_yes_or_no(text)
