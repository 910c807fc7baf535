from __future__ import annotations

import json
from pathlib import Path

import pytest

from synth_assets.errors import RecipeError
from synth_assets.llm.call_store import MemoryCallStore
from synth_assets.llm.request import Reply, Request
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe
from synth_assets_tests.real_data import real_data


def write(path: Path, *records: object) -> Path:
    path.write_text("\n".join(json.dumps(record) for record in records))
    return path


def ask_all(
    home: Path, replies: Path, *requests: Request, calls: MemoryCallStore | None = None, **model
) -> list[Reply]:
    recipe = make_recipe({"model": "recorded/theirs", "replies": str(replies), **model})
    with make_engine(home, recipe=recipe, calls=calls) as engine:
        return list(engine.ask(requests))


def test_a_prompt_gets_its_recorded_reply_and_sample_n_the_nth(tmp_path: Path):
    file = write(
        tmp_path / "replies.jsonl",
        {"prompt": "1+1?", "reply": "2"},
        {"prompt": "2+2?", "reply": "4"},
        {"prompt": "1+1?", "reply": "two"},
    )
    replies = ask_all(
        tmp_path, file, ask_for("1+1?"), ask_for("2+2?"), ask_for("1+1?", sample_index=1)
    )
    assert [(reply.status, reply.text, reply.cost_usd) for reply in replies] == [
        ("ok", "2", 0.0),
        ("ok", "4", 0.0),
        ("ok", "two", 0.0),
    ]


def test_a_prompt_that_was_not_recorded_is_a_failed_row(tmp_path: Path):
    file = write(tmp_path / "replies.jsonl", {"prompt": "1+1?", "reply": "2"})
    replies = ask_all(tmp_path, file, ask_for("1+1? "), ask_for("1+1?", sample_index=1))
    assert [reply.status for reply in replies] == ["failed", "failed"]
    assert all((reply.error or "").startswith("not_recorded: ") for reply in replies)


def test_what_is_recorded_later_is_found_and_what_was_known_stays(tmp_path: Path):
    store = MemoryCallStore()
    file = write(tmp_path / "replies.jsonl", {"prompt": "a", "reply": "1"})
    before = ask_all(tmp_path, file, ask_for("a"), ask_for("b"), calls=store)
    write(file, {"prompt": "a", "reply": "1"}, {"prompt": "b", "reply": "2"})
    after = ask_all(tmp_path, file, ask_for("a"), ask_for("b"), calls=store)
    assert [reply.text for reply in before] == ["1", None]
    assert [reply.text for reply in after] == ["1", "2"]
    assert [reply.is_cached for reply in after] == [True, False]


def test_a_reply_that_was_mended_in_the_file_is_another_call(tmp_path: Path):
    store = MemoryCallStore()
    file = write(tmp_path / "replies.jsonl", {"prompt": "a", "reply": "1"})
    ask_all(tmp_path, file, ask_for("a"), calls=store)
    write(file, {"prompt": "a", "reply": "one"})
    assert [reply.text for reply in ask_all(tmp_path, file, ask_for("a"), calls=store)] == ["one"]


def test_fields_reach_into_objects_and_keys_with_dots_come_first(tmp_path: Path):
    file = write(tmp_path / "r.jsonl", {"q": {"text": "a"}, "a.b": "dotted", "a": {"b": "nested"}})
    (reply,) = ask_all(tmp_path, file, ask_for("a"), fields={"prompt": "q.text", "reply": "a.b"})
    assert reply.text == "dotted"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"prompt": "b"', r"replies.jsonl, line 3: not JSON"),
        ('{"prompt": "b", "answer": "2"}', r"line 3: there is no 'reply'.* Here: answer, prompt"),
        ('{"prompt": "b", "reply": 2}', r"line 3: 'reply' = '2' is no text"),
        ("[1]", r"line 3: there is no 'prompt'.* Here: no object"),
    ],
)
def test_an_error_names_file_line_and_key(tmp_path: Path, line: str, message: str):
    file = tmp_path / "replies.jsonl"
    file.write_text('{"prompt": "a", "reply": "1"}\n\n' + line)
    with pytest.raises(RecipeError, match=message):
        ask_all(tmp_path, file, ask_for("a"))


def test_a_file_that_is_missing_is_named(tmp_path: Path):
    with pytest.raises(RecipeError, match=r"none\.jsonl: recorded replies cannot be read"):
        ask_all(tmp_path, tmp_path / "none.jsonl", ask_for("a"))


def test_real_completions_of_four_models_are_read(tmp_path: Path):
    file = real_data() / "grade-school-math" / "example_model_solutions.jsonl"
    records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    for name in ("6b_finetuning", "175b_verification"):
        replies = ask_all(
            tmp_path,
            file,
            *(ask_for(record["question"]) for record in records),
            fields={"prompt": "question", "reply": f"{name}.solution"},
        )
        assert len(replies) == 1319
        assert [reply.text for reply in replies] == [
            record[name]["solution"] or None for record in records
        ]
