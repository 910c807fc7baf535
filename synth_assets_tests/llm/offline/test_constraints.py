"""Constraints: a draft that keeps one passes its check, one that breaks it does not."""

from __future__ import annotations

from synth_assets.llm.offline.constraints import CONSTRAINTS, Demand, draw_demand
from synth_assets.llm.offline.draft import Draft, box, final_answer
from synth_assets_tests.llm.offline.bodies import make_dice


def make_draft() -> Draft:
    return Draft(steps=["4 + 5 = 9.", "9 - 2 = 7."], answer="7", kind="number", unit="pieces")


def make_demands(count: int) -> list[Demand]:
    found = [draw_demand(make_dice("constraint", n)) for n in range(count)]
    return [demand for demand in found if demand is not None]


def test_every_kept_constraint_passes_its_check() -> None:
    for demand in make_demands(300):
        draft = make_draft()
        CONSTRAINTS[demand.name].keep(draft, demand.values)
        assert demand.is_kept(draft.write()), demand


def test_every_broken_constraint_fails_its_check() -> None:
    for demand in make_demands(300):
        draft = make_draft()
        CONSTRAINTS[demand.name].break_(draft, demand.values)
        assert not demand.is_kept(draft.write()), demand


def test_constraints_of_different_groups_can_all_be_kept_at_once() -> None:
    for draw in range(100):
        dice, demands = make_dice("together", draw), []
        while (demand := draw_demand(dice, demands)) is not None:
            demands.append(demand)
        draft = make_draft()
        for demand in demands:
            CONSTRAINTS[demand.name].keep(draft, demand.values)
        text = draft.write()
        assert all(demand.is_kept(text) for demand in demands), text
        assert final_answer(text) == "7"


def test_there_are_at_least_ten_constraints() -> None:
    assert len(CONSTRAINTS) >= 10


def test_the_last_box_is_the_final_answer() -> None:
    assert final_answer("\\boxed{3} and then \\boxed{\\text{fig, pear}}.") == "fig, pear"
    assert final_answer("no box") is None


def test_words_are_boxed_as_text_and_numbers_plainly() -> None:
    assert box("7/22", "number") == "\\boxed{7/22}"
    assert box("fig, pear", "text") == "\\boxed{\\text{fig, pear}}"
