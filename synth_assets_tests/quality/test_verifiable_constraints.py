"""Constraints that plain code checks: each kept and broken text, and that draws can be kept."""

from __future__ import annotations

import random

import pytest

from synth_assets.errors import LakeError
from synth_assets.quality.verifiable_constraints import (
    KINDS,
    Constraint,
    constraints_from_json,
    constraints_to_json,
    draw_constraints,
    find_constraints,
)


@pytest.mark.parametrize(
    ("name", "values", "kept", "broken"),
    [
        ("at_least_words", {"n": "3"}, "one two three", "one two"),
        ("at_least_words", {"n": "3"}, "日本語の文", "日本語"),
        ("at_most_words", {"n": "2"}, "one two", "one two three"),
        ("at_most_words", {"n": "2"}, "one", "…"),
        ("contains_word", {"word": "time"}, "It is Time.", "sometimes"),
        ("avoids_word", {"word": "time"}, "sometimes", "It is time."),
        ("bullet_points", {"n": "2"}, "Two:\n- a\n- b", "- a\n- b\n- c"),
        ("bullet_points", {"n": "2"}, "* a\n* b", "-a\n-b"),
        ("paragraphs", {"n": "2"}, "a\n\nb\n", "a\nb"),
        ("lower_case", {}, "só ñandú 123", "só Ñandú"),
        ("upper_case", {}, "ÉTÉ 1!", "ÉTé"),
        ("starts_with", {"phrase": "In short,"}, "\nIn short, yes", "in short, yes"),
        ("ends_with", {"phrase": "that is all."}, "Yes: that is all.\n", "that is all"),
        ("no_commas", {}, "one and two", "one، two"),
        ("json_only", {}, ' {"a": 1}\n', '{"a": 1} Done.'),
        ("json_only", {}, "{}", "[1]"),
        ("json_only", {}, '{"a": {"b": []}}', "```json\n{}\n```"),
    ],
)
def test_a_check_tells_kept_from_broken(
    name: str, values: dict[str, str], kept: str, broken: str
) -> None:
    constraint = Constraint(name, values)
    assert constraint.is_kept(kept)
    assert not constraint.is_kept(broken)


@pytest.mark.parametrize("name", KINDS)
def test_an_empty_answer_keeps_no_constraint(name: str) -> None:
    constraint = Constraint(name, KINDS[name].draw(random.Random(1)))
    assert not constraint.is_kept("")
    assert not constraint.is_kept("  \n")


@pytest.mark.parametrize("name", KINDS)
def test_a_sentence_is_found_again_with_its_values(name: str) -> None:
    constraint = Constraint(name, KINDS[name].draw(random.Random(2)))
    text = f"Plan a picnic. {constraint.sentence()} Thank you."
    found, rest = find_constraints(text)
    assert found == [constraint]
    assert constraint.sentence() not in rest


def test_drawn_constraints_share_no_part_of_an_answer() -> None:
    for seed in range(200):
        drawn = draw_constraints(random.Random(seed), 3)
        places = [place for each in drawn for place in KINDS[each.name].places]
        assert len(places) == len(set(places))
        assert 1 <= len(drawn) <= 3
    assert draw_constraints(random.Random(1), 0) == []


def test_every_kind_is_drawn_sooner_or_later() -> None:
    drawn = {each.name for seed in range(200) for each in draw_constraints(random.Random(seed), 3)}
    assert drawn == set(KINDS)


def test_a_table_keeps_constraints_as_json() -> None:
    drawn = draw_constraints(random.Random(5), 3)
    assert constraints_from_json(constraints_to_json(drawn)) == drawn
    with pytest.raises(LakeError, match="rhymes"):
        constraints_from_json('[{"name": "rhymes", "values": {}}]')
