"""Seeds, evaluation prompts and source texts of CSV and Parquet files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from synth_assets.errors import RecipeError
from synth_assets.recipe import Recipe, load_recipe
from synth_assets.seed_files import read_evaluation_prompts, read_seed_prompts
from synth_assets.seed_files.source_texts import read_source_texts

USER = {"role": "user", "content": "Hello"}
ASSISTANT = {"role": "assistant", "content": "Hi"}


def recipe_of(folder: Path, **seeds: Any) -> Recipe:
    path = folder / "chat.yaml"
    path.write_text(yaml.safe_dump({"name": "chat", "seeds": seeds}), encoding="utf-8")
    return load_recipe(path)


def csv(folder: Path, content: str | bytes, name: str = "a.csv", **declared: Any) -> pl.DataFrame:
    raw = content if isinstance(content, bytes) else content.encode()
    (folder / name).write_bytes(raw)
    return read_seed_prompts(recipe_of(folder, prompts=[{"path": name, **declared}]))


def parquet(
    folder: Path, columns: Mapping[str, Sequence[Any]] | pl.DataFrame, **declared: Any
) -> pl.DataFrame:
    pl.DataFrame(columns).write_parquet(folder / "a.parquet")
    return read_seed_prompts(recipe_of(folder, prompts=[{"path": "a.parquet", **declared}]))


def refusal_of_csv(folder: Path, content: str | bytes, **declared: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        csv(folder, content, **declared)
    return str(caught.value).removeprefix(f"{folder}/")


# CSV.


def test_a_row_of_csv_becomes_a_prompt(tmp_path: Path) -> None:
    rows = csv(tmp_path, "prompt,reference,category\nWhat is 6 x 7?,42,math\nSay hello.,,\n")
    assert rows["text"].to_list() == ["What is 6 x 7?", "Say hello."]
    assert rows["reference"].to_list() == ["42", None]
    assert rows["category"].to_list() == ["math", None]
    assert rows.select("source_file", "source_line").rows() == [("a.csv", 2), ("a.csv", 3)]


def test_a_cell_in_quotes_may_hold_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    rows = csv(tmp_path, 'prompt,reference\n"Sort:\na, ""b""\nc",x\nSay hello.,y\n')
    assert rows["text"].to_list() == ['Sort:\na, "b"\nc', "Say hello."]
    assert rows["source_line"].to_list() == [2, 5], "a row is at its first line"


def test_a_row_is_the_prompt_that_the_same_line_of_json_is(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"prompt": "Größe?", "reference": 1.10}\n')
    same = read_seed_prompts(recipe_of(tmp_path, prompts=["a.jsonl"]))
    rows = csv(tmp_path, "prompt,reference\nGröße?,1.10\n")
    apart = ("source_file", "source_line")
    assert rows.drop(apart).equals(same.drop(apart))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "\ufeffprompt,reference\r\nSay hello.,x\r\n\r\n,\r\n"),
        ("a.csv", "prompt;reference\nSay hello.;x\n"),
        ("a.tsv", "prompt\treference\nSay hello.\tx\n"),
        ("a.csv", " prompt , reference \nSay hello.,x"),
        ("a.csv", ",prompt,reference,\n0,Say hello.,x,\n"),
    ],
    ids=["as Excel writes it", "semicolons", "tabs", "spaces in the header", "unnamed columns"],
)
def test_spreadsheets_write_the_same_in_several_ways(
    tmp_path: Path, name: str, content: str
) -> None:
    rows = csv(tmp_path, content, name)
    assert rows.select("text", "reference").rows() == [("Say hello.", "x")]


def test_columns_are_mapped_as_keys_are(tmp_path: Path) -> None:
    fields = {"prompt": "question", "reference": "answer.short"}
    rows = csv(tmp_path, "question,answer.short\nSay hello.,x\n", fields=fields)
    assert rows.select("text", "reference").rows() == [("Say hello.", "x")]


def test_a_conversation_stands_in_csv_as_json(tmp_path: Path) -> None:
    cell = '"[{""role"": ""user"", ""content"": ""Hello""}]"'
    assert csv(tmp_path, f"messages\n{cell}\n")["messages"].to_list() == [[USER]]


def test_a_cell_may_be_longer_than_the_reader_of_csv_allows_by_itself(tmp_path: Path) -> None:
    assert csv(tmp_path, f"prompt\n{'a' * 150_000}\n")["text"].str.len_chars().to_list() == [150000]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "prompt,reference\na,b\nx,y,z\n",
            "a.csv, line 3: has 3 cells, and the first line names 2",
        ),
        ('prompt\n"a"b\n', "a.csv, line 2: is no row of CSV ("),
        ('prompt\na\n"never ends\n\n', "a.csv, line 3: is no row of CSV ("),
        ("prompt,prompt\na,b\n", "a.csv, line 1: two columns are called 'prompt'; rename one"),
        ("promt,reference\na,b\n", "a.csv, line 2: holds no prompt: none of prompt, text, instruc"),
        ("prompt,reference\n,b\n", "a.csv, line 2: prompt = null: a prompt is a text or messages"),
        ("messages\nHello\n", 'a.csv, line 2: messages = "Hello": is no JSON ('),
        (b"prompt\na\nb\xff\n", "a.csv, line 3: byte 2 (0xff) is not UTF-8; save the file as UTF"),
        ("prompt\n", "a.csv: holds no prompts; add some or take it out of the recipe"),
        ("prompt\na\n".encode("utf-16"), "a.csv: is UTF-16; save it as UTF-8"),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_what_to_do(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    assert refusal_of_csv(tmp_path, content).startswith(said)


def test_a_column_that_is_mapped_and_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    said = refusal_of_csv(tmp_path, "prompt,answr\na,b\n", fields={"reference": "answer"})
    assert "seeds.prompts[0].fields.reference = 'answer': no line of" in said
    assert said.endswith("did you mean 'answr'? Keys: \"answr, prompt\"")


# Parquet.


def test_a_row_of_parquet_becomes_a_prompt_with_its_number(tmp_path: Path) -> None:
    rows = parquet(tmp_path, {"prompt": ["a", "b"], "reference": [46, None], "extra": [1.5, 2.5]})
    assert rows.select("text", "reference", "source_line").rows() == [
        ("a", "46", 1),
        ("b", None, 2),
    ]


def test_a_conversation_is_a_list_of_structs(tmp_path: Path) -> None:
    turns = [[USER, ASSISTANT, USER], [USER]]
    rows = parquet(tmp_path, {"messages": turns})
    assert rows["messages"].to_list() == turns


def test_parts_of_structs_and_lists_are_mapped(tmp_path: Path) -> None:
    columns = {"q": ["a"], "answer": [{"short": "x", "all": ["y", "z"]}]}
    for path, expected in (("answer.short", "x"), ("answer.all.1", "z")):
        rows = parquet(tmp_path, columns, fields={"prompt": "q", "reference": path})
        assert rows["reference"].to_list() == [expected]


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (1.5, "1.5"), (float("nan"), None), (date(2026, 1, 2), "2026-01-02")],
)
def test_what_is_no_text_becomes_what_json_would_hold(
    tmp_path: Path, value: Any, text: str | None
) -> None:
    rows = parquet(tmp_path, {"prompt": ["a"], "reference": [value]})
    assert rows["reference"].to_list() == [text]


def test_embeddings_and_pictures_are_not_read(tmp_path: Path) -> None:
    columns = {"prompt": ["a"], "embedding": [[0.1, 0.2]], "picture": [b"\x89PNG"]}
    assert parquet(tmp_path, columns)["text"].to_list() == ["a"]
    with pytest.raises(RecipeError, match=r"no row of .* has it; keys: \"prompt\"$"):
        parquet(tmp_path, columns, fields={"reference": "embedding"})


def test_categories_of_a_dictionary_are_read(tmp_path: Path) -> None:
    frame = pl.DataFrame({"prompt": ["a"], "category": ["math"]}).cast({"category": pl.Categorical})
    assert parquet(tmp_path, frame)["category"].to_list() == ["math"]


def test_a_bad_row_of_parquet_is_told_with_its_number(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        parquet(tmp_path, {"prompt": ["a", None]})
    assert str(caught.value) == (
        f"{tmp_path}/a.parquet, row 2: prompt = null: a prompt is a text or messages; leave the "
        "line out"
    )


def test_what_is_no_parquet_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 half of it")
    with pytest.raises(RecipeError, match=r"a\.parquet: cannot be read as Parquet \("):
        read_seed_prompts(recipe_of(tmp_path, prompts=["a.parquet"]))


# The other tables.


def test_evaluation_prompts_and_source_texts_are_read_from_both(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("question\nWhat is 6 x 7?\n")
    text = "A bee finds its way home by the sun. " * 20
    pl.DataFrame({"body": [text]}).write_parquet(tmp_path / "s.parquet")
    recipe = recipe_of(
        tmp_path,
        prompts=["e.csv"],
        evaluation=[{"path": "e.csv", "fields": {"prompt": "question"}}],
    )
    assert read_evaluation_prompts(recipe)["text"].to_list() == ["What is 6 x 7?"]
    sources = {"path": "s.parquet", "field": "body"}
    recipe = recipe_of(tmp_path, prompts=["e.csv"], source_texts=[sources])
    found = read_source_texts(recipe)
    assert found["text"].to_list() == [text.strip()]
    assert found.select("source_file", "source_line").rows() == [("s.parquet", 1)]
    recipe = recipe_of(tmp_path, prompts=["e.csv"], source_texts=["s.parquet"])
    with pytest.raises(
        RecipeError, match=r"s\.parquet, row 1: has no text 'text'; keys: \"body\";"
    ):
        read_source_texts(recipe)
