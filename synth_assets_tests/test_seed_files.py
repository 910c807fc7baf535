from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth_assets.errors import RecipeError
from synth_assets.recipe import Recipe, load_recipe
from synth_assets.schemas import EVALUATION_PROMPTS, SEED_PROMPTS
from synth_assets.seed_files import (
    files_of,
    read_evaluation_prompts,
    read_seed_prompts,
    split_of,
)
from synth_assets_tests.real_data import real_data

MakeRecipe = Callable[..., Recipe]


@pytest.fixture
def make_recipe(tmp_path: Path) -> MakeRecipe:
    """Builds a recipe beside its files: ``make_recipe("a.jsonl", files={"a.jsonl": …})``."""

    def make(*prompts: Any, files: dict[str, Any] | None = None, **more: Any) -> Recipe:
        for name, content in (files or {}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else jsonl(content))
        evaluation = more.pop("evaluation", [])
        raw = {"name": "chat", "seeds": {"prompts": list(prompts), "evaluation": evaluation}}
        path = tmp_path / "chat.yaml"
        path.write_text(yaml.safe_dump({**raw, **more}), encoding="utf-8")
        return load_recipe(path)

    return make


def jsonl(records: Any) -> bytes:
    if isinstance(records, str):
        return records.encode()
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def read_one(make_recipe: MakeRecipe, content: Any, **declared: Any) -> pl.DataFrame:
    return read_seed_prompts(
        make_recipe({"path": "a.jsonl", **declared}, files={"a.jsonl": content})
    )


def refusal(make_recipe: MakeRecipe, content: Any, **declared: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        read_one(make_recipe, content, **declared)
    return str(caught.value)


USER = {"role": "user", "content": "Hello"}
ASSISTANT = {"role": "assistant", "content": "Hi"}


# What a file's lines become.


def test_a_line_becomes_a_row_of_the_declared_schema(make_recipe: MakeRecipe) -> None:
    line = {"prompt": "What is 6 x 7?", "reference": "42", "category": "math"}
    seeds = read_one(make_recipe, [line], licence="MIT")
    assert seeds.schema == SEED_PROMPTS.polars
    row = seeds.row(0, named=True)
    assert row["messages"] == [{"role": "user", "content": "What is 6 x 7?"}]
    assert row["text"] == row["instruction"] == "What is 6 x 7?"
    assert (row["reference"], row["category"]) == ("42", "math")
    assert (row["source_file"], row["source_line"]) == ("a.jsonl", 1)
    assert (row["licence"], row["origin"]) == ("MIT", "human")
    assert row["round"] == 0
    assert row["drop_reason"] is None


def test_what_a_line_does_not_say_is_null(make_recipe: MakeRecipe) -> None:
    row = read_one(make_recipe, [{"prompt": "Hello", "reference": " "}]).row(0, named=True)
    assert (row["reference"], row["category"], row["licence"]) == (None, None, None)


@pytest.mark.parametrize("key", ["prompt", "text", "instruction"])
def test_the_prompt_is_found_under_its_usual_keys(make_recipe: MakeRecipe, key: str) -> None:
    assert read_one(make_recipe, [{key: "Hello"}])["text"].to_list() == ["Hello"]


def test_a_null_prompt_gives_way_to_the_next_key(make_recipe: MakeRecipe) -> None:
    assert read_one(make_recipe, [{"prompt": None, "text": "Hello"}])["text"].to_list() == ["Hello"]


def test_the_input_of_an_instruction_belongs_to_its_text(make_recipe: MakeRecipe) -> None:
    seeds = read_one(make_recipe, [{"instruction": "Add.", "input": "1 2"}])
    assert seeds["text"].to_list() == ["Add.\n\n1 2"]
    assert seeds["instruction"].to_list() == ["Add."]


def test_fields_map_dotted_paths(make_recipe: MakeRecipe) -> None:
    lines = [{"task": {"question": "1+1?"}, "answers": ["2", "two"], "a.b": "sums"}]
    fields = {"prompt": "task.question", "reference": "answers.1", "category": "a.b"}
    row = read_one(make_recipe, lines, fields=fields).row(0, named=True)
    assert (row["text"], row["reference"], row["category"]) == ("1+1?", "two", "sums")


def test_a_number_as_reference_stays_as_it_is_written(make_recipe: MakeRecipe) -> None:
    text = (
        '{"prompt": "a", "reference": 1.10}\n'
        '{"prompt": "b", "reference": 123456789012345678901}\n'
        '{"prompt": "c", "reference": true}\n'
    )
    references = read_one(make_recipe, text)["reference"].to_list()
    assert references == ["1.10", "123456789012345678901", "true"]


def test_a_line_s_licence_and_origin_go_before_the_file_s(make_recipe: MakeRecipe) -> None:
    lines = [{"prompt": "a", "license": "CC0", "origin": "forum"}, {"prompt": "b"}]
    seeds = read_one(make_recipe, lines, licence="MIT", origin="web")
    assert seeds["licence"].to_list() == ["CC0", "MIT"]
    assert seeds["origin"].to_list() == ["forum", "web"]


def test_messages_may_hold_a_system_text_and_earlier_turns(make_recipe: MakeRecipe) -> None:
    messages = [{"role": "system", "content": "Be brief."}, USER, ASSISTANT, {**USER, "name": "x"}]
    row = read_one(make_recipe, [{"messages": messages}]).row(0, named=True)
    assert row["messages"] == [*messages[:3], USER]
    assert row["text"] == "Hello"


def test_an_empty_system_text_is_left_out(make_recipe: MakeRecipe) -> None:
    messages = [{"role": "system", "content": ""}, USER]
    assert read_one(make_recipe, [{"messages": messages}])["messages"].to_list() == [[USER]]


def test_self_instruct_joins_instruction_and_input(make_recipe: MakeRecipe) -> None:
    lines = [
        {
            "instruction": "Translate.",
            "instances": [{"input": "Hund", "output": "dog"}, {"input": "x", "output": "y"}],
            "is_classification": False,
        },
        {
            "instruction": "Is it a fruit?",
            "instances": [{"input": "", "output": "yes"}],
            "is_classification": True,
        },
    ]
    seeds = read_one(make_recipe, lines, format="self_instruct")
    assert seeds["text"].to_list() == ["Translate.\n\nHund", "Is it a fruit?"]
    assert seeds["instruction"].to_list() == ["Translate.", "Is it a fruit?"]
    assert seeds["reference"].to_list() == ["dog", "yes"]
    assert seeds["category"].to_list() == ["generation", "classification"]


def test_a_text_file_holds_one_prompt_a_line(make_recipe: MakeRecipe) -> None:
    recipe = make_recipe("a.txt", files={"a.txt": b"First\n\n  Second \r\n"})
    seeds = read_seed_prompts(recipe)
    assert seeds["text"].to_list() == ["First", "Second"]
    assert seeds["source_line"].to_list() == [1, 3]


def test_an_array_is_read_with_the_lines_of_its_objects(make_recipe: MakeRecipe) -> None:
    text = b'\n[\n {"prompt": "a"},\n\n {\n "prompt": "b"}\n]\n'
    seeds = read_seed_prompts(make_recipe("a.json", files={"a.json": text}))
    assert seeds["text"].to_list() == ["a", "b"]
    assert seeds["source_line"].to_list() == [3, 5]


def test_a_byte_order_mark_blank_lines_and_crlf_do_not_matter(make_recipe: MakeRecipe) -> None:
    text = b'\xef\xbb\xbf{"prompt": "a"}\r\n\r\n  \r\n{"prompt": "b"}'
    seeds = read_one(make_recipe, text)
    assert seeds["text"].to_list() == ["a", "b"]
    assert seeds["source_line"].to_list() == [1, 4]


def test_a_line_separator_inside_a_text_ends_no_line(make_recipe: MakeRecipe) -> None:
    text = '{"prompt": "a\u2028b\u0085c"}\n'.encode()
    assert read_one(make_recipe, text)["text"].to_list() == ["a\u2028b\u0085c"]


def test_nul_and_half_a_surrogate_pair_become_replacement_characters(
    make_recipe: MakeRecipe,
) -> None:
    text = '{"prompt": "a\\u0000b", "reference": "\\ud800"}\n{"prompt": "\\ud83d\\ude00"}\n'
    seeds = read_one(make_recipe, text)
    assert seeds["text"].to_list() == ["a\ufffdb", "😀"]
    assert seeds["reference"].to_list() == ["\ufffd", None]
    assert seeds["drop_reason"].to_list() == [None, None]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(), min_size=1).filter(lambda text: bool(text.strip())))
def test_any_text_can_be_a_prompt(make_recipe: MakeRecipe, text: str) -> None:
    seeds = read_one(make_recipe, [{"prompt": text}])
    if not set(text) & {"\0"} and not any("\ud800" <= one <= "\udfff" for one in text):
        assert seeds["text"].to_list() == [text]
    else:
        assert "\ufffd" in seeds["text"][0]


# Ids, duplicates, splits.


def test_the_same_prompt_again_is_kept_as_a_dropped_row(make_recipe: MakeRecipe) -> None:
    files = {"a.jsonl": [{"prompt": "x"}, {"prompt": "y"}], "b.jsonl": [{"text": "x"}] * 2}
    seeds = read_seed_prompts(make_recipe("a.jsonl", "b.jsonl", files=files))
    assert seeds["drop_reason"].to_list() == [None, None, "duplicate_seed", "duplicate_seed"]
    assert seeds["prompt_id"].n_unique() == 4
    assert seeds["text_hash"].n_unique() == 2
    assert seeds.filter(pl.col("text") == "x")["split"].n_unique() == 1


def test_another_system_text_makes_another_prompt(make_recipe: MakeRecipe) -> None:
    spoken = [{"role": "system", "content": "Be brief."}, USER]
    seeds = read_one(make_recipe, [{"messages": [USER]}, {"messages": spoken}])
    assert seeds["drop_reason"].to_list() == [None, None]


def test_ids_and_splits_do_not_move_when_seeds_are_added(make_recipe: MakeRecipe) -> None:
    lines = [{"prompt": f"Question {number}"} for number in range(40)]
    shares = {"datasets": {"test_share": 0.5}}
    path = {"path": "a.jsonl"}
    few = read_seed_prompts(make_recipe(path, files={"a.jsonl": lines[10:30]}, **shares))
    many = read_seed_prompts(make_recipe(path, files={"a.jsonl": lines}, **shares))
    both = few.join(many, on="prompt_id", suffix="_later")
    assert both.height == 20
    assert both["split"].equals(both["split_later"])
    assert both["split"].n_unique() == 2


def test_the_same_files_give_the_same_table(make_recipe: MakeRecipe) -> None:
    lines = [{"prompt": "a"}, {"prompt": "a"}, {"prompt": "b", "reference": 3}]
    assert read_one(make_recipe, lines).equals(read_one(make_recipe, lines))


@pytest.mark.parametrize(("share", "sides"), [(0.0, {"train"}), (1.0, {"test"})])
def test_a_whole_share_leaves_one_side(share: float, sides: set[str]) -> None:
    assert {split_of(f"id{number}", share) for number in range(50)} == sides


def test_the_test_share_is_near_what_the_recipe_says() -> None:
    tests = sum(split_of(f"id{number}", 0.2) == "test" for number in range(5000))
    assert 900 < tests < 1100


def test_a_prompt_over_the_limit_is_kept_as_a_dropped_row(make_recipe: MakeRecipe) -> None:
    long = [{"role": "system", "content": "x" * 6}, USER]
    recipe = make_recipe(
        "a.jsonl",
        files={"a.jsonl": [{"prompt": "x" * 10}, {"prompt": "x" * 11}, {"messages": long}]},
        limits={"prompt_characters": 10},
    )
    reasons = read_seed_prompts(recipe)["drop_reason"].to_list()
    assert reasons == [None, "too_many_characters", "too_many_characters"]


# Files and patterns.


def test_files_of_a_pattern_come_sorted_and_hidden_ones_stay_out(make_recipe: MakeRecipe) -> None:
    files = {f"seeds/{name}.jsonl": [{"prompt": name}] for name in ("b", "a", "sub/c", ".hidden")}
    seeds = read_seed_prompts(make_recipe("seeds/**/*.jsonl", files=files))
    assert seeds["source_file"].to_list() == [
        "seeds/a.jsonl",
        "seeds/b.jsonl",
        "seeds/sub/c.jsonl",
    ]


def test_a_file_whose_name_looks_like_a_pattern_is_read(make_recipe: MakeRecipe) -> None:
    recipe = make_recipe("a[1].jsonl", files={"a[1].jsonl": [{"prompt": "x"}]})
    assert read_seed_prompts(recipe)["source_file"].to_list() == ["a[1].jsonl"]


def test_a_path_from_the_environment_names_the_variable_and_no_machine(
    make_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEED_FOLDER", str(tmp_path / "far [1]"))
    files = {"far [1]/a.jsonl": [{"prompt": "x"}], "far [1]/b.jsonl": [{"prompt": "y"}]}
    recipe = make_recipe("${SEED_FOLDER}/a.jsonl", "${SEED_FOLDER}/b*.jsonl", files=files)
    labels = read_seed_prompts(recipe)["source_file"].to_list()
    assert labels == ["${SEED_FOLDER}/a.jsonl", "${SEED_FOLDER}/b.jsonl"]


def test_an_absolute_path_leaves_nothing_of_the_machine_in_the_rows(
    make_recipe: MakeRecipe, tmp_path: Path
) -> None:
    recipe = make_recipe(str(tmp_path / "in/a.jsonl"), files={"in/a.jsonl": [{"prompt": "x"}]})
    assert read_seed_prompts(recipe)["source_file"].to_list() == ["in/a.jsonl"]


def test_files_of_lists_every_file_once(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    files = {"b.jsonl": [{"prompt": "x"}], "a.jsonl": [{"prompt": "y"}]}
    recipe = make_recipe("b.jsonl", "*.jsonl", files=files, evaluation=["a.jsonl"])
    assert files_of(recipe) == [tmp_path / "b.jsonl", tmp_path / "a.jsonl"]


def test_a_variable_that_is_not_set_is_named_with_its_field(make_recipe: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match=r"chat.yaml: seeds.prompts\[0\].path .* NOT_SET_HERE"):
        read_seed_prompts(make_recipe("${NOT_SET_HERE}/a.jsonl"))


def test_a_missing_file_names_the_nearest_one(make_recipe: MakeRecipe) -> None:
    recipe = make_recipe("seed.jsonl", files={"seeds.jsonl": [{"prompt": "x"}]})
    with pytest.raises(RecipeError, match=r"seeds.prompts\[0\].*did you mean seeds.jsonl"):
        read_seed_prompts(recipe)


def test_a_pattern_that_matches_nothing_is_an_error(make_recipe: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match=r"'none/\*.jsonl': no file in .* matches"):
        read_seed_prompts(make_recipe("none/*.jsonl"))


def test_a_broken_pattern_is_an_error(make_recipe: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match="is no pattern"):
        read_seed_prompts(make_recipe("a**b/*.jsonl"))


def test_a_folder_is_no_file(make_recipe: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match=r"is a folder; name its files, such as seeds/\*.jsonl"):
        read_seed_prompts(make_recipe("seeds", files={"seeds/a.jsonl": [{"prompt": "x"}]}))


@pytest.mark.parametrize("pattern", ["a.jsonl", "*.jsonl"])
@pytest.mark.parametrize(
    ("target", "remedy"),
    [(".git/annex/objects/x/y/k.jsonl", "git annex get"), ("gone.jsonl", "mend the link|no file")],
)
def test_a_link_without_its_data_is_named(
    make_recipe: MakeRecipe, tmp_path: Path, pattern: str, target: str, remedy: str
) -> None:
    (tmp_path / "a.jsonl").symlink_to(tmp_path / target)
    with pytest.raises(RecipeError, match=remedy):
        read_seed_prompts(make_recipe(pattern))


# What is refused, and how it is said.


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ["a.jsonl", "is empty"]),
        (b"\n \n", ["holds no prompts"]),
        (b"[]", ["holds no prompts"]),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", ["git lfs pull"]),
        (b"/annex/objects/SHA256E-s1--0.jsonl\n", ["git annex get"]),
        ('{"prompt": "ü"}'.encode("utf-16"), ["UTF-16", "UTF-8"]),
        (b'{"prompt": "a"}\n{"prompt": "caf\xe9"}', ["line 2: byte 16 (0xe9) is not UTF-8"]),
        (b'[\n{"prompt": "caf\xe9"}]', ["line 2: byte 16 (0xe9)"]),
        (b'{"prompt": "a"}\n{"prompt" "b"}', ["line 2, column 11", "one JSON object a line"]),
        (b'{"prompt": "a"}{"prompt": "b"}', ["line 1, column 16: Extra data"]),
        (b'[{"prompt": "a"}\n{"prompt": "b"}]', ["line 2, column 1", "JSON array"]),
        (b'[{"prompt": "a"}', ["line 1, column 17"]),
        (b'[{"prompt": "a"}] x', ["line 1, column 19: Extra data"]),
        (b'{"prompt": "a", "score": NaN}', ["line 1: NaN is not JSON", "null"]),
        (b'{"prompt": "a", "score": -Infinity}', ["-Infinity is not JSON"]),
        (b"[" * 100_000, ["nested too deeply"]),
        (b'{"a":' * 100_000, ["nested too deeply"]),
        (b'"Hello"', ['line 1: "Hello" is not an object', '{"prompt": "…"}']),
        (b'{"prompt": "a"}\n5', ["line 2: 5 is not an object"]),
        (b'{"promt": "a"}', ["line 1: holds no prompt", "did you mean 'promt'?"]),
        (b'{"question": "a", "answer": 1}', ["answer, question", "fields: {prompt: question}"]),
        (b'{"prompt": null}', ["prompt = null"]),
        (b'{"prompt": " "}', ['prompt = " ": is empty']),
        (b'{"prompt": 5}', ["prompt = 5: is no text"]),
        (b'{"prompt": {"a": 1}}', ["is no text"]),
        (b'{"prompt": "a", "reference": ["x"]}', ['reference = ["x"]', "reference: answer.0"]),
        (b'{"prompt": "\\ud800", "text": 1}\n{"\\ud800": 1}', ["line 2", "\\ud800"]),
    ],
)
def test_a_bad_file_is_refused_with_its_place(
    make_recipe: MakeRecipe, content: bytes, said: list[str]
) -> None:
    message = refusal(make_recipe, content)
    message.encode("utf-8")
    for part in said:
        assert part in message


def turns(*roles: str) -> list[dict[str, str]]:
    return [{"role": role, "content": "x"} for role in roles]


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "messages ends without a user turn"),
        (turns("system"), "messages ends without a user turn"),
        (turns("user", "assistant"), "leave out the answer"),
        (turns("assistant", "user"), "messages[0].role = 'assistant': 'user' is due"),
        (turns("system", "user", "user"), "messages[2].role = 'user': 'assistant' is due"),
        (turns("user", "system", "user"), "messages[1].role = 'system'"),
        (turns("human"), 'messages[0].role = "human": write one of system, user, assistant'),
        (["Hello"], 'messages[0] = "Hello": is no message'),
        ([{"from": "human", "value": "x"}], "is no message"),
        ([{"role": "user", "content": None}], "messages[0].content = null: is no text"),
        ([{"role": "user", "content": [{"type": "text"}]}], "is no text"),
        ([{"role": "user", "content": "\n"}], "messages[0].content is empty"),
    ],
)
def test_malformed_messages_are_refused(make_recipe: MakeRecipe, messages: Any, said: str) -> None:
    assert said in refusal(make_recipe, [{"messages": messages}])


def test_a_mapped_prompt_that_a_line_lacks_is_refused(make_recipe: MakeRecipe) -> None:
    message = refusal(make_recipe, [{"questions": "a"}], fields={"prompt": "question"})
    assert "line 1: has no 'question', which fields.prompt names" in message
    assert "did you mean 'questions'?" in message


def test_a_mapped_field_that_no_line_has_is_refused(make_recipe: MakeRecipe) -> None:
    lines = [{"prompt": "a", "answer": "1"}]
    message = refusal(make_recipe, lines, fields={"reference": "anwser"})
    assert "seeds.prompts[0].fields.reference = 'anwser'" in message
    assert "did you mean 'answer'?" in message


def test_a_mapped_field_may_be_missing_in_some_lines(make_recipe: MakeRecipe) -> None:
    lines = [{"prompt": "a"}, {"prompt": "b", "answer": "1"}]
    seeds = read_one(make_recipe, lines, fields={"reference": "answer"})
    assert seeds["reference"].to_list() == [None, "1"]


@pytest.mark.parametrize("instances", ["x", ["x"], None])
def test_self_instruct_without_instances_is_refused(
    make_recipe: MakeRecipe, instances: Any
) -> None:
    lines = [{"instruction": "Add.", "instances": instances}]
    assert "format: prompts" in refusal(make_recipe, lines, format="self_instruct")


def test_a_kind_of_file_that_is_not_read_is_refused(make_recipe: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match=r"kind '.xlsx' are not read; convert it to JSONL"):
        read_seed_prompts(make_recipe("a.xlsx", files={"a.xlsx": b"PK"}))


def test_a_long_value_is_shortened_in_the_message(make_recipe: MakeRecipe) -> None:
    message = refusal(make_recipe, [{"prompt": ["x" * 5000]}])
    assert len(message) < 500


# Evaluation prompts.


def test_evaluation_prompts_have_their_own_schema_and_ids(make_recipe: MakeRecipe) -> None:
    files = {"a.jsonl": [{"prompt": "x"}], "e.jsonl": [{"prompt": "x"}, {"prompt": "x"}]}
    recipe = make_recipe("a.jsonl", files=files, evaluation=[{"path": "e.jsonl", "licence": "MIT"}])
    evaluation = read_evaluation_prompts(recipe)
    assert evaluation.schema == EVALUATION_PROMPTS.polars
    assert evaluation["licence"].to_list() == ["MIT", "MIT"]
    ids = [*evaluation["prompt_id"], *read_seed_prompts(recipe)["prompt_id"]]
    assert len(set(ids)) == 3


def test_evaluation_prompts_need_no_readable_reference(make_recipe: MakeRecipe) -> None:
    files = {"a.jsonl": [{"prompt": "x", "reference": ["one", "two"]}]}
    evaluation = read_evaluation_prompts(
        make_recipe("a.jsonl", files=files, evaluation=["a.jsonl"])
    )
    assert evaluation["text"].to_list() == ["x"]


def test_no_evaluation_files_give_an_empty_table(make_recipe: MakeRecipe) -> None:
    evaluation = read_evaluation_prompts(make_recipe("a.jsonl"))
    assert evaluation.is_empty()
    assert evaluation.schema == EVALUATION_PROMPTS.polars


# Real files.


def test_the_175_seed_tasks_are_read(make_recipe: MakeRecipe) -> None:
    real_data()
    path = "${SYNTH_TEST_DATA}/self-instruct/seed_tasks.jsonl"
    seeds = read_seed_prompts(make_recipe({"path": path, "format": "self_instruct"}))
    assert seeds.height == 175
    assert seeds["drop_reason"].null_count() == 175
    assert seeds["source_line"].to_list() == list(range(1, 176))
    assert seeds["source_file"].unique().to_list() == [path]
    assert seeds["category"].null_count() == 0
    assert seeds["reference"].null_count() == 0
    with_input = seeds.filter(pl.col("text") != pl.col("instruction"))
    assert 0 < with_input.height < 175
    assert with_input.select(
        pl.col("text").str.starts_with(pl.col("instruction") + "\n\n").all()
    ).item()


def test_school_math_is_read_through_mapped_fields(make_recipe: MakeRecipe) -> None:
    real_data()
    folder = "${SYNTH_TEST_DATA}/grade-school-math"
    recipe = make_recipe(
        {
            "path": f"{folder}/test.jsonl",
            "fields": {"prompt": "question", "reference": "answer"},
        },
        evaluation=[
            {"path": "${SYNTH_TEST_DATA}/mt-bench/*.jsonl", "fields": {"prompt": "turns.0"}}
        ],
    )
    seeds = read_seed_prompts(recipe)
    assert seeds.height == 1319
    assert seeds["reference"].str.contains("#### ").all()
    assert read_evaluation_prompts(recipe).height == 80


def read_shown(make_recipe: MakeRecipe, records: Any, **declared: Any) -> pl.DataFrame:
    """The seeds of a file whose answers are demonstrations."""
    file = {"path": "a.jsonl", "demonstrations": True, **declared}
    return read_seed_prompts(make_recipe(file, files={"a.jsonl": records}, completions={}))


@pytest.mark.parametrize(
    ("record", "declared"),
    [
        *(
            ({"prompt": "Why?", key: "Because."}, {})
            for key in ("demonstration", "completion", "response", "output", "answer")
        ),
        (
            {"prompt": "Why?", "answers": [{"by": "Ada", "text": "Because."}]},
            {"fields": {"demonstration": "answers.0.text"}},
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "Why?"},
                    {"role": "assistant", "content": "Because."},
                ]
            },
            {},
        ),
        (
            {"instruction": "Why?", "instances": [{"input": "", "output": "Because."}]},
            {"format": "self_instruct"},
        ),
    ],
)
def test_a_demonstration_is_the_answer_beside_its_prompt_or_the_last_turn(
    make_recipe: MakeRecipe, record: dict[str, Any], declared: dict[str, Any]
) -> None:
    row = read_shown(make_recipe, [record], **declared).row(0, named=True)
    assert (row["text"], row["demonstration"]) == ("Why?", "Because.")
    assert row["messages"] == [{"role": "user", "content": "Why?"}]


@pytest.mark.parametrize("nothing", [None, "", " \n"])
def test_a_prompt_that_nobody_answered_is_a_seed_without_a_demonstration(
    make_recipe: MakeRecipe, nothing: str | None
) -> None:
    seeds = read_shown(make_recipe, [{"prompt": "Why?", "answer": nothing}])
    assert seeds["demonstration"].to_list() == [None]


def test_an_answer_is_a_demonstration_only_where_the_recipe_says_so(
    make_recipe: MakeRecipe,
) -> None:
    seeds = read_one(make_recipe, [{"prompt": "Why?", "demonstration": "Because."}])
    assert seeds["demonstration"].to_list() == [None]


def test_a_demonstration_does_not_decide_the_id_of_its_seed(make_recipe: MakeRecipe) -> None:
    records = [{"prompt": "Why?", "answer": "Because."}]
    plain = read_one(make_recipe, records)
    assert read_shown(make_recipe, records)["prompt_id"].equals(plain["prompt_id"])


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"prompt": "Why?", "reply": "So."}, "line 1: holds no demonstration: none of demonstrat"),
        ({"prompt": "Why?", "answer": 42}, "line 1: answer = 42: is no text; write it in quotes"),
        ({"messages": [{"role": "user", "content": "Why?"}]}, "line 1: holds no demonstration"),
    ],
)
def test_a_demonstration_that_is_missing_or_no_text_is_named(
    make_recipe: MakeRecipe, record: dict[str, Any], problem: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        read_shown(make_recipe, [record])
    assert problem in str(caught.value)


def test_a_field_of_demonstrations_has_to_be_asked_for(make_recipe: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match="say demonstrations: true beside it"):
        make_recipe({"path": "a.jsonl", "fields": {"demonstration": "reply"}})
