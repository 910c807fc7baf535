from __future__ import annotations

import json
from collections import Counter
from typing import Any

import polars as pl
import pytest

from synth_assets.llm.request import Request
from synth_assets.methods.prompt_rows import PROMPT_SCHEMA
from synth_assets.methods.result import MethodResult
from synth_assets.methods.self_instruct import (
    Novelty,
    SelfInstruct,
    instruction_filter_reason,
    write_prompts,
)
from synth_assets.templates import load_template
from synth_assets_tests.methods.builders import EIGHT_TASKS, a_prompt, make_prompts, turn
from synth_assets_tests.real_data import real_data
from synth_assets_tests.scripted_ask import ScriptedAsk, call_id_of, never_asked, reply_to

NEW = (
    "Compose a short poem about rain falling.",
    "Convert forty kilometres into nautical miles.",
    "Invent a name for a bakery.",
    "Which planet has the most moons today?",
    "Prove that root two is irrational.",
    "Give feedback on this cover letter.",
    "Recommend a novel about the sea.",
)


def parameters(**values: Any) -> SelfInstruct:
    return SelfInstruct.model_validate({"teacher": "teacher", "per_round": 7} | values)


def numbered(*items: str, start: int = 9) -> str:
    """A reply that goes on where the request ended: its first number is not repeated."""
    lines = [f"{number}. {item}" for number, item in enumerate(items, start=start)]
    return "\n".join(lines).removeprefix(f"{start}. ")


def write(
    reply: str | ScriptedAsk, *, pool: pl.DataFrame | None = None, round: int = 1, **values: Any
) -> MethodResult:
    ask = reply if isinstance(reply, ScriptedAsk) else ScriptedAsk(lambda _: reply)
    pool = make_prompts(*EIGHT_TASKS) if pool is None else pool
    return write_prompts(pool, round=round, parameters=parameters(**values), ask=ask)


def reasons(result: MethodResult) -> dict[str, str | None]:
    return dict(result.rows.select("text", "drop_reason").iter_rows())


def shown_in(request: Request) -> list[str]:
    """The examples of a request, in their order."""
    lines = request.messages[-1]["content"].splitlines()
    tasks = lines[lines.index("Tasks:") + 1 : -1]
    return [line.partition(". ")[2] for line in tasks]


def test_new_prompts_are_rows_with_their_call():
    ask = ScriptedAsk(lambda _: numbered(*NEW))
    result = write(ask)
    rows = result.rows.to_dicts()
    assert [row["text"] for row in rows] == list(NEW)
    assert result.items_parsed == result.rows.height == 7
    row = rows[1]
    assert row["messages"] == [turn("user", NEW[1])]
    assert row["instruction"] == NEW[1]
    assert (row["position"], row["round"], row["method"]) == (1, 1, "self_instruct")
    assert (row["derived_from"], row["family_id"]) == ([], row["prompt_id"])
    assert (row["split"], row["licence"], row["origin"]) == ("train", None, "model:teacher")
    assert row["call_ids"] == [call_id_of(ask.requests[0])]
    assert row["drop_reason"] is None
    # All eight of the pool, and the item before it.
    assert [len(row["nearest"]) for row in rows] == [8, 9, 10, 10, 10, 10, 10]


def test_a_call_shows_six_human_and_two_machine_made_prompts():
    human = [a_prompt(f"human {n}", f"h{n}") for n in range(20)]
    machine = [a_prompt(f"machine {n}", f"m{n}", method="evol_instruct") for n in range(20)]
    result = write(numbered(*NEW), pool=make_prompts(*human, *machine), per_round=70)
    assert len(result.shown_with) == 10
    for shown in result.shown_with.values():
        assert Counter(id[0] for id in shown) == {"h": 6, "m": 2}


def test_human_prompts_fill_in_until_there_are_machine_made_ones():
    human = [a_prompt(f"human {n}", f"h{n}") for n in range(20)]
    one = a_prompt("machine", "m0", method="self_instruct")
    (shown,) = write(numbered(*NEW), pool=make_prompts(*human)).shown_with.values()
    assert Counter(id[0] for id in shown) == {"h": 8}
    (shown,) = write(numbered(*NEW), pool=make_prompts(*human, one)).shown_with.values()
    assert Counter(id[0] for id in shown) == {"h": 7, "m": 1}


def test_examples_are_shuffled_so_that_machine_made_ones_stand_anywhere():
    human = [a_prompt(f"human {n}", f"h{n}") for n in range(20)]
    machine = [a_prompt(f"machine {n}", f"m{n}", method="self_instruct") for n in range(20)]
    result = write("", pool=make_prompts(*human, *machine), per_round=7_000)
    places = Counter(
        place for shown in result.shown_with.values() for place in range(8) if shown[place] > "m"
    )
    # 1,000 calls, each with 2 of 8 places: near 250 a place.
    assert all(200 < places[place] < 300 for place in range(8))


def test_no_example_comes_from_the_test_side_or_was_dropped():
    train = [a_prompt(text) for text in EIGHT_TASKS]
    test = [a_prompt(f"secret {n}", f"t{n}", split="test") for n in range(30)]
    dropped = a_prompt("dropped", "d", drop_reason="too_short")
    ask = ScriptedAsk(lambda _: numbered(*NEW))
    result = write(ask, pool=make_prompts(*train, *test, dropped), per_round=70)
    assert not any("secret" in prompt or "dropped" in prompt for prompt in ask.prompts)
    assert {id for shown in result.shown_with.values() for id in shown} == {
        row["prompt_id"] for row in train
    }


def test_a_new_prompt_is_compared_with_the_test_side_too():
    secret = a_prompt(NEW[0] + " please", "t", split="test")
    pool = make_prompts(*[a_prompt(text) for text in EIGHT_TASKS], secret)
    assert reasons(write(numbered(*NEW), pool=pool))[NEW[0]] == "not_novel"


def test_examples_are_one_line_each_without_a_colon_at_the_end():
    rows = [a_prompt(text) for text in EIGHT_TASKS[:7]]
    ask = ScriptedAsk(lambda _: "Name a river of Asia.")
    write(ask, pool=make_prompts(*rows, a_prompt("Sort these \n  numbers :")))
    assert "Sort these numbers" in shown_in(ask.requests[0])
    assert ask.prompts[0].endswith("\n9.")
    assert "Below are 8 of them" in ask.prompts[0]
    assert "up to number 15" in ask.prompts[0]


def test_case_of_examples_is_kept():
    """Upstream capitalises: "Who runs nasa in houston?"."""
    rows = [a_prompt(text) for text in EIGHT_TASKS[:7]]
    ask = ScriptedAsk(lambda _: "")
    write(ask, pool=make_prompts(*rows, a_prompt("who runs NASA in Houston?")))
    assert "who runs NASA in Houston?" in shown_in(ask.requests[0])


def test_a_round_makes_as_many_calls_as_it_needs_and_numbers_its_draws():
    ask = ScriptedAsk(lambda _: numbered(*NEW))
    write(ask, per_round=15, round=4)
    assert [(each.round, each.sample_index) for each in ask.requests] == [(4, 0), (4, 1), (4, 2)]
    assert ask.requests[0].sampling == {
        "temperature": 0.7, "top_p": 0.5, "presence_penalty": 2.0, "max_tokens": 1024,
    }  # fmt: skip


def test_the_order_of_the_pool_changes_nothing():
    rows = [a_prompt(f"Human task number {n} of many", f"h{n}") for n in range(30)]
    first = write(numbered(*NEW), pool=make_prompts(*rows), per_round=21)
    second = write(numbered(*NEW), pool=make_prompts(*reversed(rows)), per_round=21)
    assert first.rows.equals(second.rows)
    assert first.shown_with == second.shown_with


def test_another_round_shows_other_examples():
    pool = make_prompts(*[a_prompt(f"Task number {n}", f"h{n}") for n in range(60)])
    (first,) = write("x", pool=pool, round=1).shown_with.values()
    (second,) = write("x", pool=pool, round=2).shown_with.values()
    assert set(first) != set(second)


def test_an_empty_pool_asks_nothing():
    result = write(never_asked(), pool=make_prompts())
    assert result.rows.equals(PROMPT_SCHEMA.empty())
    assert result.items_parsed == 0


def test_a_pool_of_two_shows_two():
    ask = ScriptedAsk(lambda _: numbered(NEW[0], NEW[1], start=3))
    result = write(ask, pool=make_prompts(*EIGHT_TASKS[:2]))
    assert len(shown_in(ask.requests[0])) == 2
    assert [row["text"] for row in result.rows.to_dicts()] == list(NEW[:2])


def test_items_beyond_those_asked_for_are_no_candidates():
    result = write(numbered(*NEW), items_per_call=3, per_round=3)
    assert result.rows["text"].to_list() == list(NEW[:3])
    assert (result.items_parsed, result.notes["surplus_items"]) == (3, 4)


def test_a_failed_reply_gives_no_items_and_is_counted():
    answers = {0: None, 1: numbered(*NEW)}
    result = write(ScriptedAsk(lambda request: answers[request.sample_index]), per_round=14)
    assert result.rows.height == 7
    assert (result.notes["replies"], result.notes["failed_replies"]) == (2, 1)


def test_a_cut_reply_loses_its_last_item_only():
    ask = ScriptedAsk(lambda request: reply_to(request, numbered(*NEW[:3]), "cut"))
    assert reasons(write(ask)) == {NEW[0]: None, NEW[1]: None, NEW[2]: "cut_off"}


def test_a_cut_reply_is_dropped_whole_where_the_recipe_says_so():
    ask = ScriptedAsk(lambda request: reply_to(request, numbered(*NEW[:2]), "cut"))
    result = write(ask, drop_whole_cut_reply=True)
    assert reasons(result) == {NEW[0]: "cut_off", NEW[1]: "cut_off"}


def test_a_cut_in_a_surplus_item_cuts_no_candidate():
    ask = ScriptedAsk(lambda request: reply_to(request, numbered(*NEW[:3]), "cut"))
    assert reasons(write(ask, items_per_call=2, per_round=2)) == {NEW[0]: None, NEW[1]: None}


def test_a_prompt_near_an_accepted_one_of_the_same_round_is_not_novel():
    near = NEW[0].replace("falling", "pouring")
    result = write(numbered(NEW[0], near))
    assert reasons(result) == {NEW[0]: None, near: "not_novel"}
    row = result.rows.to_dicts()[1]
    assert row["nearest"][0]["prompt_id"] == result.rows["prompt_id"][0]
    assert row["nearest_score"] == pytest.approx(6 / 7)


def test_a_prompt_at_the_threshold_is_novel():
    words = [f"w{n}" for n in range(10)]
    other = [*words[:7], "x", "y", "z"]
    pool = make_prompts(" ".join(words))
    assert reasons(write(" ".join(other), pool=pool))[" ".join(other)] is None


def test_what_another_rule_dropped_is_not_compared_and_rejects_nothing():
    drawn = "Draw a short poem about rain falling."
    result = write(numbered(drawn, NEW[0]))
    assert reasons(result) == {drawn: "keyword", NEW[0]: None}
    assert result.rows["nearest_score"][0] is None


def test_japanese_prompts_are_written_and_compared():
    items = ("猫と犬の違いを三つ説明してください。", "猫と犬の違いを三つ説明して下さい。")
    result = write(numbered(*items))
    assert reasons(result) == {items[0]: None, items[1]: "not_novel"}
    upstream = Novelty(tokenizer="ascii")
    assert reasons(write(numbered(*items), novelty=upstream))[items[1]] is None


def test_instances_of_one_instruction_are_one_example():
    instances = [
        a_prompt(f"Sort.\n\n{n}, 1", f"m{n}", method="self_instruct_instances", instruction="Sort.")
        for n in range(5)
    ]
    ask = ScriptedAsk(lambda _: numbered(*NEW))
    result = write(ask, pool=make_prompts(*EIGHT_TASKS, *instances), per_round=70)
    for shown in result.shown_with.values():
        assert sum(id.startswith("m") for id in shown) == 1
    assert [line for line in shown_in(ask.requests[0]) if line == "Sort."] == ["Sort."]
    assert len(result.rows["nearest"][0]) == 9


def test_tasks_that_may_need_an_input_are_asked_for_with_another_template():
    ask = ScriptedAsk(lambda _: numbered(*NEW))
    rows = write(ask, may_need_input=True).rows
    assert "it may need an input" in ask.prompts[0]
    expected = load_template("self_instruct/instructions_with_input").hash
    assert set(rows["template_hash"]) == {expected}


def test_no_stop_string_can_fire_inside_a_figure():
    """Upstream stops at "16.", and so inside "216."; its reply then ends in the middle."""
    ask = ScriptedAsk(lambda _: "Add 9 to 216.\n10. Name a river of Asia.")
    rows = write(ask).rows
    assert "stop" not in ask.requests[0].sampling
    assert rows["text"].to_list() == ["Add 9 to 216.", "Name a river of Asia."]


def test_two_runs_write_the_same_rows_in_the_same_order():
    """Upstream takes a set apart, whose order is another in each run."""
    pool = make_prompts(*EIGHT_TASKS)
    first, second = (write(numbered(*NEW), pool=pool, per_round=21) for _ in range(2))
    assert first.rows.equals(second.rows)
    assert list(first.shown_with) == list(second.shown_with)


def test_equal_texts_of_two_calls_are_two_rows():
    result = write(numbered(NEW[0]), per_round=14)
    assert result.rows["prompt_id"].n_unique() == 2
    assert result.rows["drop_reason"].to_list() == [None, "not_novel"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Name three rivers", "too_short"),
        ("", "too_short"),
        ("word " * 151, "too_long"),
        ("word " * 150, None),
        ("Describe the Image in three words", "keyword"),
        ("What makes an imagery strong in poems?", None),
        ("Where should we go\nto eat tonight?", "keyword"),
        ("Write a program that adds two numbers", "starts_with_write_a_program"),
        ("(Optional) add a heading to it", "starts_with_punctuation"),
        ("¿Qué es lo que comes hoy?", None),
        ("Über was sprechen wir heute Abend?", None),
        ("Play some music for my guests", None),
        ("Name four rivers, please.", None),
    ],
)
def test_each_rule_has_its_reason(text: str, reason: str | None):
    assert instruction_filter_reason(text, parameters()) == reason


def test_the_first_rule_that_is_broken_gives_the_reason():
    assert instruction_filter_reason("!draw it", parameters()) == "too_short"
    assert instruction_filter_reason("!draw it now please", parameters()) == "keyword"


def test_alpaca_keywords_are_an_option():
    text = "Play some music for my guests"
    assert instruction_filter_reason(text, parameters(alpaca_keywords=True)) == "keyword"
    assert instruction_filter_reason(text, parameters(keywords=())) is None


def test_an_ascii_start_is_an_option():
    text = "Über was sprechen wir heute Abend?"
    reason = instruction_filter_reason(text, parameters(require_ascii_start=True))
    assert reason == "starts_with_non_ascii"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("seed_tasks.jsonl", {None: 172, "too_short": 2, "starts_with_write_a_program": 1}),
        ("user_oriented_instructions.jsonl", {None: 247, "keyword": 4, "too_short": 1}),
    ],
)
def test_the_rules_keep_the_published_counts(file: str, expected: dict[str | None, int]):
    lines = (real_data() / "self-instruct" / file).read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["instruction"] for line in lines]
    assert Counter(instruction_filter_reason(text, parameters()) for text in texts) == expected


def test_a_later_turn_of_a_conversation_is_no_example():
    talk = [turn("user", "Hello!"), turn("assistant", "Hello."), turn("user", "Go on.")]
    briefed = [turn("system", "Be brief."), turn("user", "Name a river.")]
    pool = make_prompts(
        a_prompt("Go on.", "talk", messages=talk),
        a_prompt("Name a river.", "brief", messages=briefed),
    )
    (shown,) = write("x", pool=pool).shown_with.values()
    assert shown == ("brief",)
