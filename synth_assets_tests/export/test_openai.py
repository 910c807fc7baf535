from __future__ import annotations

import json
from typing import Any

import pytest

from synth_assets.export.openai import dpo_lines, file_name, sft_lines, snippet
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


def check_message(message: Any, roles: set[str]) -> None:
    """Strict: exactly role and content, both text, the role a known one, the content not blank."""
    assert type(message) is dict
    assert set(message) == {"role", "content"}
    assert message["role"] in roles
    assert type(message["content"]) is str
    assert message["content"].strip()


def check_prompt(messages: Any) -> None:
    assert type(messages) is list
    assert messages
    for place, message in enumerate(messages):
        check_message(
            message, {"system", "user", "assistant"} if not place else {"user", "assistant"}
        )
    assert messages[-1]["role"] == "user"


def check_sft_line(record: Any) -> None:
    assert set(record) == {"messages"}
    check_prompt(record["messages"][:-1])
    check_message(record["messages"][-1], {"assistant"})


def check_dpo_line(record: Any) -> None:
    assert set(record) == {"input", "preferred_output", "non_preferred_output"}
    assert set(record["input"]) == {"messages"}
    check_prompt(record["input"]["messages"])
    for side in ("preferred_output", "non_preferred_output"):
        assert type(record[side]) is list
        assert len(record[side]) == 1
        check_message(record[side][0], {"assistant"})


def parse(lines: list[str]) -> list[Any]:
    """As a reader would: joined, split at every kind of line end that Python knows."""
    return [json.loads(line) for line in "".join(lines).splitlines()]


def test_sft_lines_are_strict_and_hold_the_turns() -> None:
    talk = [*CONVERSATION, assistant("Fine.")]
    records = parse(list(sft_lines(sft_rows(make_sft(make_example(1), make_example(2, talk))))))
    for record in records:
        check_sft_line(record)
    assert records == [
        {"messages": [user("Question 1"), assistant("Answer 1")]},
        {"messages": talk},
    ]


def test_dpo_lines_are_strict_and_hold_the_sides() -> None:
    pairs, _ = preference_rows(make_dpo(make_pair(1), make_pair(2, CONVERSATION)))
    records = parse(list(dpo_lines(pairs)))
    for record in records:
        check_dpo_line(record)
    assert records[1] == {
        "input": {"messages": CONVERSATION},
        "preferred_output": [assistant("Good 2")],
        "non_preferred_output": [assistant("Bad 2")],
    }


def test_other_scripts_stay_readable() -> None:
    (line,) = sft_lines(sft_rows(make_sft(make_example(1, [user("日本語"), assistant("é")]))))
    assert "日本語" in line


@pytest.mark.parametrize("bad", [{"id": "e1"}, {"messages": []}, {"messages": "x"}])
def test_the_checker_refuses_what_is_not_strict(bad: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, IndexError)):
        check_sft_line({"messages": [user("a"), assistant("b")], **bad})


def test_only_the_file_to_train_on_bears_the_short_name() -> None:
    assert file_name("sft", "train") == "exports/openai/sft.jsonl"
    assert file_name("dpo", "test") == "exports/openai/dpo_test.jsonl"


def test_the_snippet_is_python() -> None:
    code = snippet(["exports/openai/sft.jsonl"])
    compile(code, "snippet", "exec")
    assert "exports/openai/sft.jsonl" in code
