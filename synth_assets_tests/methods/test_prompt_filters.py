from __future__ import annotations

from typing import Any

import polars as pl

from synth_assets.methods.prompt_filters import PromptFilters, combine_prompts
from synth_assets.methods.prompt_rows import PROMPT_SCHEMA
from synth_assets_tests.methods.builders import a_prompt, make_evaluation, make_prompts, turn

LONG = "Explain in a few sentences how a bicycle keeps its balance on a bumpy road."
GERMAN = "Erkläre in wenigen Sätzen, wie ein Fahrrad auf schlechter Straße das Gleichgewicht hält."


def made(text: str | None, prompt_id: str, **values: Any) -> dict[str, Any]:
    return a_prompt(text, prompt_id, **{"method": "self_instruct", **values})


def combine(
    *rows: dict[str, Any],
    evaluation: pl.DataFrame | None = None,
    include_seeds: bool = True,
    maximum_characters: int = 1_000,
    **filters: Any,
) -> dict[str, str | None]:
    """prompt_id → drop reason."""
    result = combine_prompts(
        make_prompts(*rows),
        make_evaluation() if evaluation is None else evaluation,
        PromptFilters.model_validate(filters),
        include_seeds=include_seeds,
        maximum_characters=maximum_characters,
    )
    return dict(result.select("prompt_id", "drop_reason").iter_rows())


def test_a_row_keeps_the_reason_of_its_method():
    rows = [made(LONG, "a", drop_reason="keyword"), made(None, "b", drop_reason="failed_reply")]
    assert combine(*rows) == {"a": "keyword", "b": "failed_reply"}


def test_without_rules_all_is_kept():
    assert combine(made(LONG, "a"), a_prompt("A seed.", "b")) == {"a": None, "b": None}


def test_too_many_characters_are_those_of_all_turns():
    turns = [turn("user", "x" * 60), turn("assistant", "y" * 30), turn("user", "z" * 11)]
    rows = [made("z" * 11, "a", messages=turns), made("w" * 100, "b"), a_prompt("v" * 101, "c")]
    assert combine(*rows, maximum_characters=100) == {
        "a": "too_many_characters",
        "b": None,
        "c": "too_many_characters",
    }


def test_of_equal_prompts_the_earlier_round_wins_then_the_seed_then_the_lower_id():
    rows = [made(LONG, "a", round=2), made(LONG, "z", round=1), made(LONG, "y", round=1)]
    assert combine(*rows) == {"a": "duplicate_text", "y": None, "z": "duplicate_text"}
    assert combine(a_prompt(LONG, "z"), made(LONG, "a")) == {"z": None, "a": "duplicate_text"}
    assert combine(a_prompt(LONG, "z"), a_prompt(LONG, "a")) == {"a": None, "z": "duplicate_text"}


def test_a_dropped_prompt_makes_no_duplicate():
    assert combine(made(LONG, "a", drop_reason="not_novel"), made(LONG, "b"))["b"] is None


def test_the_same_last_turn_after_other_turns_is_no_duplicate():
    def dialogue(opening: str) -> list[dict[str, str]]:
        return [turn("user", opening), turn("assistant", "Yes."), turn("user", "Go on.")]

    rows = [made("Go on.", id, messages=dialogue(id)) for id in ("a", "b")]
    assert combine(*rows, made("Go on.", "c")) == {"a": None, "b": None, "c": None}
    assert combine(*rows, made("Go on.", "d", messages=dialogue("a")))["d"] == "duplicate_text"


def test_words_out_of_range_have_their_reasons():
    rows = [made("one two", "a"), made("one two three", "b"), made("1 2 3 4 5", "c")]
    assert combine(*rows, words=(3, 4)) == {
        "a": "too_few_words",
        "b": None,
        "c": "too_many_words",
    }


def test_another_language_is_dropped_and_an_unsure_one_is_kept():
    rows = [made(LONG, "en"), made(GERMAN, "de"), made("Hallo Welt!", "short")]
    assert combine(*rows, languages=("en",)) == {
        "en": None,
        "de": "other_language",
        "short": None,
    }
    assert combine(*rows, languages=("en", "de"))["de"] is None


def test_of_a_task_to_translate_back_the_person_s_own_text_has_the_language():
    task = {"method": "reverse_translation", "given_origin": "human"}
    rows = [
        made(f"Translate into English:\n\n{GERMAN}", "a", given_completion=LONG, **task),
        made(f"Translate into German:\n\n{LONG}", "b", given_completion=GERMAN, **task),
        made(GERMAN, "c", given_completion=LONG),
    ]
    assert combine(*rows, languages=("en",)) == {
        "a": None,
        "b": "other_language",
        "c": "other_language",
    }


def test_a_seed_is_not_dropped_for_its_length_or_language():
    rows = [a_prompt("Hi.", "a"), a_prompt(GERMAN, "b")]
    assert combine(*rows, words=(4, 150), languages=("en",)) == {"a": None, "b": None}


def test_an_overlap_with_evaluation_is_dropped_for_seeds_too():
    evaluation = make_evaluation(LONG)
    rows = [a_prompt(LONG, "a"), made(LONG + " Be brief.", "b"), made("Something else.", "c")]
    assert combine(*rows, evaluation=evaluation, decontaminate={}) == {
        "a": "contaminated",
        "b": "contaminated",
        "c": None,
    }
    assert set(combine(*rows, evaluation=evaluation).values()) == {None}


def test_each_turn_of_an_evaluation_prompt_counts():
    second = "Now rewrite the whole answer as a letter to your grandmother, please."
    evaluation = make_evaluation([LONG, second])
    assert combine(made(second, "a"), evaluation=evaluation, decontaminate={}) == {
        "a": "contaminated"
    }


def test_ngram_and_share_are_the_recipes():
    evaluation = make_evaluation(LONG)
    part = made("Explain in a few words how.", "a")
    settings = {"ngram": 3, "share": 0.2}
    assert combine(part, evaluation=evaluation, decontaminate={}) == {"a": None}
    assert combine(part, evaluation=evaluation, decontaminate=settings) == {"a": "contaminated"}


def test_seeds_that_are_not_included_are_dropped_and_so_are_their_copies():
    rows = [a_prompt(LONG, "a"), made(LONG, "b"), made("Something else.", "c")]
    assert combine(*rows, include_seeds=False) == {
        "a": "seeds_not_included",
        "b": "duplicate_text",
        "c": None,
    }


def test_the_first_rule_gives_the_reason():
    rows = [made(GERMAN, "a"), made(GERMAN, "b")]
    found = combine(*rows, words=(99, 150), languages=("en",), evaluation=make_evaluation(GERMAN))
    assert found == {"a": "too_few_words", "b": "duplicate_text"}


def test_rows_come_out_in_one_order_whatever_the_order_in():
    rows = [made("A text.", "b", round=2), made("More text.", "a"), a_prompt("A seed.", "z")]
    arguments: dict[str, Any] = {"include_seeds": True, "maximum_characters": 99}
    evaluation, filters = make_evaluation(), PromptFilters()
    first = combine_prompts(make_prompts(*rows), evaluation, filters, **arguments)
    second = combine_prompts(make_prompts(*reversed(rows)), evaluation, filters, **arguments)
    assert first.equals(second)
    assert first["prompt_id"].to_list() == ["z", "a", "b"]
    assert first.height == 3


def test_nothing_in_gives_nothing_out():
    result = combine_prompts(
        PROMPT_SCHEMA.empty(),
        make_evaluation(LONG),
        PromptFilters.model_validate({"decontaminate": {}}),
        include_seeds=True,
        maximum_characters=99,
    )
    assert result.equals(PROMPT_SCHEMA.empty())


def talk(*texts: str) -> list[dict[str, str]]:
    """Turns of user and assistant, in turn."""
    return [turn(("user", "assistant")[n % 2], text) for n, text in enumerate(texts)]


def test_the_words_of_a_conversation_are_those_of_all_its_user_turns():
    going_on = made("Go on.", "a", messages=talk(LONG, "Because of its speed.", "Go on."))
    chatter = made("Yes.", "b", messages=talk("Hi!", LONG, "Yes."))
    assert combine(going_on, chatter, words=[6, 20]) == {"a": None, "b": "too_few_words"}
    assert combine(going_on, words=[6, 14]) == {"a": "too_many_words"}


def test_the_language_of_a_conversation_is_that_of_its_user_turns():
    german = made("Und dann?", "a", messages=talk(GERMAN, LONG, "Und dann?"))
    english = made("And then?", "b", messages=talk(LONG, GERMAN, "And then?"))
    assert combine(german, english, languages=["en"]) == {"a": "other_language", "b": None}


def test_prompts_of_other_scripts_have_their_words_and_languages():
    rows = [
        made("自転車がでこぼこ道でも倒れずに走れる理由を三つの文で説明してください。", "ja"),
        made("اشرح في بضع جمل كيف تحافظ الدراجة على توازنها فوق طريق وعر.", "ar"),
        made(
            "Explique en quelques phrases pourquoi l'été dernier fut si frais à l'intérieur.", "fr"
        ),
    ]
    assert combine(*rows, words=[8, 40], languages=["ja", "ar", "fr"]) == dict.fromkeys(
        ("ja", "ar", "fr")
    )
    assert set(combine(*rows, languages=["en"]).values()) == {"other_language"}


def test_a_completion_that_came_with_its_prompt_may_not_be_an_evaluation_prompt():
    given = made("Translate into English: …", "a", given_completion=LONG)
    assert combine(given, evaluation=make_evaluation(LONG), decontaminate={}) == {
        "a": "contaminated"
    }


def test_an_instruction_is_replaced_by_its_instances():
    open_task, whole, rest = made("Sort.", "i"), made(LONG, "j"), made("Add.", "k")
    first = made("Sort.\n\n3, 1", "x", method="self_instruct_instances", derived_from=["i"])
    other = made(None, "y", method="self_instruct_instances", derived_from=["i"],
                 drop_reason="unparsed")  # fmt: skip
    same = made(LONG, "z", method="self_instruct_instances", derived_from=["j"])
    assert combine(open_task, whole, rest, first, other, same) == {
        "i": "replaced_by_instances",
        "j": "replaced_by_instances",
        "k": None,
        "x": None,
        "y": "unparsed",
        "z": None,
    }


def test_an_instruction_without_a_sound_instance_is_no_prompt():
    bad = made("Sort.\n\n3, 1", "x", method="self_instruct_instances", derived_from=["i"],
               drop_reason="empty_output")  # fmt: skip
    assert combine(made("Sort.", "i"), bad) == {"i": "without_instances", "x": "empty_output"}
    dropped = made("Sort.", "i", drop_reason="too_short")
    assert combine(dropped, bad)["i"] == "too_short"
