from __future__ import annotations

import json
from typing import Any

import yaml

from synth_assets.export.llamafactory import (
    array_lines,
    dataset_info,
    ranking_items,
    sft_items,
    snippet,
)
from synth_assets.export.rows import preference_rows, sft_rows
from synth_assets_tests.export.builders import (
    CONVERSATION,
    assistant,
    make_dpo,
    make_example,
    make_pair,
    make_sft,
    user,
)

FILES = [
    "exports/llamafactory/sft.json",
    "exports/llamafactory/dpo.json",
    "exports/llamafactory/dpo_test.json",
]


def convert(item: dict[str, Any], entry: dict[str, Any]) -> tuple[list[Any], list[Any], str]:
    """(prompt turns, responses, system text) by the rules of LLaMA-Factory's sharegpt reader: a
    leading system turn is taken off, turns alternate, a ranking row has an odd number of them, and
    its sides are dicts."""
    tags, columns = entry["tags"], entry["columns"]
    turns = item[columns["messages"]]
    text = ""
    if turns[0][tags["role_tag"]] == tags["system_tag"]:
        text, turns = turns[0][tags["content_tag"]], turns[1:]
    for place, turn in enumerate(turns):
        assert turn[tags["role_tag"]] == tags["assistant_tag" if place % 2 else "user_tag"]
    contents = [turn[tags["content_tag"]] for turn in turns]
    if not entry.get("ranking"):
        assert len(turns) % 2 == 0
        return contents[:-1], contents[-1:], text
    assert len(turns) % 2 == 1
    sides = [item[columns["chosen"]], item[columns["rejected"]]]
    assert all(isinstance(side, dict) for side in sides)
    assert all(side[tags["role_tag"]] == tags["assistant_tag"] for side in sides)
    return contents, [side[tags["content_tag"]] for side in sides], text


def test_sft_items_convert_with_their_system_text() -> None:
    rows = sft_rows(make_sft(make_example(1, [*CONVERSATION, assistant("Fine.")])))
    (item,) = sft_items(rows)
    assert set(item) == {"messages"}
    prompt, answers, text = convert(item, dataset_info("chat", FILES)["chat_sft"])
    assert prompt == [turn["content"] for turn in CONVERSATION[1:]]
    assert (answers, text) == (["Fine."], "Be brief.")


def test_ranking_items_hold_each_side_as_one_turn() -> None:
    pairs, _ = preference_rows(make_dpo(make_pair(1)))
    (item,) = ranking_items(pairs)
    assert item == {
        "messages": [user("Question 1")],
        "chosen": assistant("Good 1"),
        "rejected": assistant("Bad 1"),
    }
    entry = dataset_info("chat", FILES)["chat_dpo"]
    assert convert(item, entry) == (["Question 1"], ["Good 1", "Bad 1"], "")


def test_the_declaration_names_every_file_and_says_sharegpt() -> None:
    info = dataset_info("chat", FILES)
    assert {name: entry["file_name"] for name, entry in info.items()} == {
        "chat_sft": "sft.json",
        "chat_dpo": "dpo.json",
        "chat_dpo_test": "dpo_test.json",
    }
    assert {entry["formatting"] for entry in info.values()} == {"sharegpt"}
    assert [entry.get("ranking") for entry in info.values()] == [True, True, None]


def test_an_array_is_json_of_any_length() -> None:
    items = [{"messages": []}, {"messages": ["a\u2028b"]}]
    for count in range(3):
        assert json.loads("".join(array_lines(items[:count]))) == items[:count]


def test_the_snippet_is_yaml_that_names_the_declared_sets() -> None:
    config = yaml.safe_load(snippet("chat", "dpo", has_test=True))
    assert config["stage"] == "dpo"
    assert {config["dataset"], config["eval_dataset"]} <= set(dataset_info("chat", FILES))
    assert "eval_dataset" not in yaml.safe_load(snippet("chat", "sft", has_test=False))
