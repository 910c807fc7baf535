from __future__ import annotations

from collections import Counter

from synth_assets.methods.draws import IdPool

IDS = [f"p{n}" for n in range(40)]


def test_a_draw_depends_on_ids_and_seed_and_not_on_their_order():
    assert IdPool(IDS).draw(6, "round", 1) == IdPool(reversed(IDS)).draw(6, "round", 1)
    assert IdPool(IDS).draw(6, "round", 1) != IdPool(IDS).draw(6, "round", 2)


def test_a_draw_is_the_same_on_every_machine():
    assert IdPool(["a", "b", "c", "d", "e"]).draw(3, "fixed", 1) == ["e", "a", "c"]


def test_a_draw_is_without_replacement_and_gives_what_there_is():
    assert sorted(IdPool(IDS).draw(99, 1)) == sorted(IDS)
    assert IdPool(IDS).draw(0, 1) == []
    assert IdPool([]).draw(3, 1) == []


def test_an_id_that_leaves_changes_only_the_draws_that_held_it():
    without = IdPool(id for id in IDS if id != "p7")
    for n in range(50):
        before, after = IdPool(IDS).draw(5, n), without.draw(5, n)
        if "p7" in before:
            assert set(before) - {"p7"} <= set(after)
        else:
            assert before == after


def test_every_id_has_the_same_chance():
    drawn = Counter(id for n in range(4_000) for id in IdPool(IDS[:8]).draw(2, n))
    assert all(900 < drawn[id] < 1_100 for id in IDS[:8])
