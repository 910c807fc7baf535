from __future__ import annotations

from synth_assets.methods.prompt_rows import PROMPT_SCHEMA
from synth_assets.methods.seed import seeds_as_prompts
from synth_assets.schemas import ROUND_POOL, SEED_PROMPTS
from synth_assets_tests.methods.builders import make_pool, make_seeds, turn


def a_seed(id: str, **values: object) -> dict[str, object]:
    text = f"Task {id}"
    return {
        "prompt_id": id,
        "messages": [turn("user", text)],
        "text": text,
        "instruction": text,
        "text_hash": f"hash {id}",
        "split": "test",
        "licence": "mit",
        "origin": "human",
        "reference": "42",
        "category": "maths",
        **values,
    }


def test_a_seed_is_the_root_of_its_family_in_the_round_that_took_it_up():
    (row,) = seeds_as_prompts(make_seeds(a_seed("a")), make_pool(a=3)).to_dicts()
    assert (row["round"], row["method"], row["family_id"]) == (3, "seed", "a")
    assert (row["derived_from"], row["call_ids"], row["generation"]) == ([], [], 0)
    assert (row["split"], row["licence"], row["origin"]) == ("test", "mit", "human")
    assert (row["reference"], row["category"], row["text_hash"]) == ("42", "maths", "hash a")
    assert row["model"] is None
    assert row["nearest_score"] is None


def test_a_seed_that_no_round_took_up_waits():
    rows = seeds_as_prompts(make_seeds(a_seed("a"), a_seed("b")), make_pool(b=1))
    assert rows["prompt_id"].to_list() == ["b"]


def test_a_seed_keeps_its_drop_reason():
    seeds = make_seeds(a_seed("a", drop_reason="empty_text"))
    assert seeds_as_prompts(seeds, make_pool(a=1))["drop_reason"].to_list() == ["empty_text"]


def test_a_demonstration_is_the_completion_that_its_seed_came_with():
    seeds = make_seeds(a_seed("a", demonstration="So."), a_seed("b"))
    rows = seeds_as_prompts(seeds, make_pool(a=1, b=1)).select("given_completion", "given_origin")
    assert rows.rows() == [("So.", "human"), (None, None)]


def test_several_turns_stay_as_they_are():
    messages = [turn("user", "Hi"), turn("assistant", "Yes?"), turn("user", "Go on")]
    seeds = make_seeds(a_seed("a", messages=messages, text="Go on"))
    (row,) = seeds_as_prompts(seeds, make_pool(a=1)).to_dicts()
    assert row["messages"] == messages


def test_no_seeds_give_an_empty_table():
    rows = seeds_as_prompts(SEED_PROMPTS.empty(), ROUND_POOL.empty())
    assert rows.equals(PROMPT_SCHEMA.empty())
