from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_assets.identity import (
    ID_LENGTH,
    canonical_bytes,
    canonical_json,
    content_hash,
    content_id,
    seeded_random,
    text_hash,
)

ANY_TEXT = st.text(st.characters(exclude_categories=[]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
).filter(lambda value: "Infinity" not in json.dumps(value))


@given(VALUES)
def test_canonical_json_says_the_same_as_the_value(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


@given(VALUES)
def test_canonical_json_is_what_the_standard_library_writes(value: Any) -> None:
    """However it is written in fact: lakes of years ago hold ids that were made so."""
    expected = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    assert canonical_json(value) == expected
    assert canonical_bytes(value) == expected.encode("utf-8", "surrogatepass")


@given(st.dictionaries(st.text(), st.integers(), max_size=6))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical_json(turned) == canonical_json(value)
    assert content_id("row", turned) == content_id("row", value)


@given(VALUES, VALUES)
def test_values_that_differ_as_json_have_different_ids(first: Any, second: Any) -> None:
    same = canonical_json(first) == canonical_json(second)
    assert (content_id("row", first) == content_id("row", second)) == same


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, {"a": [math.nan]}])
def test_what_has_no_json_has_no_identity(value: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(value)


def test_no_white_space_and_no_escapes_stand_between_a_value_and_its_hash() -> None:
    assert canonical_json({"b": [1, 2.5, None], "a": "ä日"}) == '{"a":"ä日","b":[1,2.5,null]}'


def test_ids_never_change_from_version_to_version() -> None:
    """A lake of years ago is read with them."""
    assert text_hash("a") == "69518962c6f3a9d12e9098db"
    assert content_id("row", {"b": [1, 2.5, None], "a": "ä日"}) == "c48ba5c8eea0769b3f90906f"
    assert seeded_random("draw", "x").random() == 0.9928287783304541


def test_half_of_a_surrogate_pair_has_an_id_of_its_own() -> None:
    ids = {text_hash("\ud800"), text_hash("\udfff"), text_hash("\ufffd"), text_hash("")}
    assert len(ids) == 4


def test_kinds_keep_ids_of_unlike_things_apart() -> None:
    assert content_id("prompt", "x") != content_id("completion", "x")
    assert content_id("a", "b", "c") != content_id("a", "bc")
    assert content_id("a", ["b", "c"]) != content_id("a", "b", "c")


def test_true_one_and_the_text_one_are_three_things() -> None:
    assert len({content_id("x", True), content_id("x", 1), content_id("x", "1")}) == 3


def test_an_id_is_the_beginning_of_the_hash() -> None:
    assert content_hash("row", 1).startswith(content_id("row", 1))
    assert len(content_id("row", 1)) == ID_LENGTH
    assert len(content_hash("row", 1)) == 64


@given(st.lists(ANY_TEXT, min_size=1, max_size=3))
def test_draws_are_the_same_for_the_same_content(parts: list[str]) -> None:
    assert seeded_random(*parts).random() == seeded_random(*parts).random()


def test_draws_for_other_content_are_others() -> None:
    draws = {seeded_random("draw", number).random() for number in range(1000)}
    assert len(draws) == 1000
