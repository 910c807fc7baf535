from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from synth_assets.errors import CheckFailed
from synth_assets.export.rows import META, preference_rows, sft_rows, unpaired_rows
from synth_assets_tests.export.builders import (
    assistant,
    make_dpo,
    make_example,
    make_pair,
    make_sft,
    system,
    user,
)

RESERVED = {
    "text", "labels", "input_ids", "completion_mask", "assistant_masks", "images",
    "chat_template_kwargs", "tools", "seq_lengths", "conversations",
}  # fmt: skip


def test_top_level_columns_are_only_those_a_trainer_reads() -> None:
    pairs, _ = preference_rows(make_dpo(make_pair(1)))
    columns = {
        "sft": sft_rows(make_sft(make_example(1))).columns,
        "preference": pairs.columns,
        "unpaired_preference": unpaired_rows(pairs).columns,
    }
    assert columns == {
        "sft": ["id", "messages", "meta", "split"],
        "preference": ["id", "prompt", "chosen", "rejected", "meta", "split"],
        "unpaired_preference": ["id", "prompt", "completion", "label", "meta", "split"],
    }
    assert not RESERVED & {name for names in columns.values() for name in names}


def test_what_a_row_rests_on_lies_in_meta() -> None:
    meta = sft_rows(make_sft(make_example(1, mean_rating=None)))["meta"][0]
    assert list(meta) == [column.name for column in META["sft"]]
    assert (meta["completion_id"], meta["round"], meta["mean_rating"]) == ("c1", 1, None)


def test_a_number_that_is_none_becomes_null() -> None:
    rows = sft_rows(make_sft(make_example(1, mean_rating=float("nan"))))
    assert rows["meta"][0]["mean_rating"] is None


def test_the_order_of_the_input_does_not_matter() -> None:
    examples = [make_example(number) for number in (3, 1, 2)]
    assert sft_rows(make_sft(*examples)).equals(sft_rows(make_sft(*reversed(examples))))
    assert sft_rows(make_sft(*examples))["id"].to_list() == ["e1", "e2", "e3"]


def test_messages_whose_fields_come_in_another_order_are_read_by_name() -> None:
    turned = [[{"content": "Hi", "role": "user"}, {"content": "Yes", "role": "assistant"}]]
    sft = make_sft(make_example(1)).with_columns(messages=pl.Series(turned))
    assert sft_rows(sft)["messages"].to_list() == [[user("Hi"), assistant("Yes")]]


def test_empty_sets_give_empty_rows() -> None:
    pairs, ties = preference_rows(make_dpo())
    assert (sft_rows(make_sft()).height, pairs.height, ties) == (0, 0, 0)
    assert unpaired_rows(pairs).height == 0


def test_a_tie_is_left_out_and_counted() -> None:
    pairs, ties = preference_rows(make_dpo(make_pair(1), make_pair(2, is_tie=True)))
    assert (pairs["id"].to_list(), ties) == (["d1"], 1)


def test_a_pair_gives_one_row_a_side() -> None:
    pairs, _ = preference_rows(make_dpo(make_pair(1)))
    rows = unpaired_rows(pairs).sort("label", descending=True)
    assert rows["label"].to_list() == [True, False]
    assert rows["completion"].to_list() == [[assistant("Good 1")], [assistant("Bad 1")]]
    assert [meta["rating"] for meta in rows["meta"]] == [4.5, 2.0]
    assert [meta["model"] for meta in rows["meta"]] == ["offline/careful", "offline/hasty"]


def test_a_completion_of_several_pairs_is_labelled_once() -> None:
    dpo = make_dpo(
        make_pair(1, family_id="f"),
        make_pair(2, family_id="f", chosen_completion_id="c1", chosen=[assistant("Good 1")]),
    )
    rows = unpaired_rows(preference_rows(dpo)[0])
    assert sorted(meta["completion_id"] for meta in rows["meta"]) == ["c1", "r1", "r2"]
    assert rows["id"].n_unique() == 3


def test_an_unpaired_id_does_not_depend_on_other_pairs() -> None:
    alone = unpaired_rows(preference_rows(make_dpo(make_pair(1)))[0])
    among = unpaired_rows(preference_rows(make_dpo(make_pair(0), make_pair(1)))[0])
    assert set(alone["id"]) < set(among["id"])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"messages": [user("Hi")]}, "messages end with no answer in 1 of 2 rows, first e2"),
        ({"messages": [user("Hi"), assistant(" ")]}, "messages end with no answer"),
        ({"messages": [assistant("Hi")]}, "an answer without a prompt"),
        ({"messages": [{"role": "tool", "content": "x"}, assistant("x")]}, "unknown role"),
        ({"messages": [{"role": "user", "content": None}, assistant("x")]}, "hold a null"),
        ({"messages": None}, "messages end with no answer"),
        ({"split": "dev"}, "neither train nor test"),
        ({"split": None}, "neither train nor test"),
        ({"example_id": "e1"}, "the id stands twice"),
        ({"example_id": None}, "the id is null"),
        ({"family_id": "f1", "split": "test"}, "its family stands in train and in test"),
    ],
)
def test_a_row_that_is_no_example_is_refused(changed: dict[str, Any], said: str) -> None:
    sft = make_sft(make_example(1), {**make_example(2), **changed})
    with pytest.raises(CheckFailed, match=said):
        sft_rows(sft)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"prompt": [user("Hi"), assistant("x")]}, "prompt ends without a user turn"),
        ({"prompt": [system("x")]}, "prompt ends without a user turn"),
        ({"chosen": []}, "chosen is not one turn of the assistant"),
        ({"rejected": [user("x")]}, "rejected is not one turn of the assistant"),
        ({"rejected": [assistant("x"), assistant("y")]}, "rejected is not one turn"),
        ({"rejected": None}, "rejected is not one turn"),
    ],
)
def test_a_row_that_is_no_pair_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(CheckFailed, match=f"dpo_set: {said}"):
        preference_rows(make_dpo(make_pair(1), {**make_pair(2), **changed}))


def test_a_set_that_lacks_columns_is_refused_by_their_names() -> None:
    with pytest.raises(CheckFailed, match=r"sft_set: .* without the columns licence, call_id"):
        sft_rows(make_sft().drop("licence", "call_id"))
