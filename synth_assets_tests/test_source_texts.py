"""Source texts: a person's documents in, their segments with file, line and reason out."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from synth_assets.errors import RecipeError
from synth_assets.recipe import load_recipe
from synth_assets.seed_files import read_seed_prompts
from synth_assets.seed_files.source_texts import read_source_texts
from synth_assets_tests.recipes import write_recipe

RECIPES = Path(__file__).parent.parent / "recipes"
PROSE = "Sourdough needs time more than skill, so feed the starter well before you go to bed."
OTHER = "Night trains are slower than they could be, and for a sleeper that is the point of them."


def read(folder: Path, *entries: Any, **parts: Any) -> pl.DataFrame:
    sized = [
        {"characters": [20, 120], **({"path": entry} if isinstance(entry, str) else entry)}
        for entry in entries
    ]
    return read_source_texts(write_recipe(folder, seeds={"source_texts": sized}, **parts))


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
    return path


def test_a_segment_names_its_file_line_and_licence(tmp_path: Path) -> None:
    write(tmp_path, "texts/a.md", f"\n# Bread\n\n{PROSE}\n\n# Trains\n\n{OTHER}\n")
    rows = read(tmp_path, {"path": "texts/*.md", "licence": "cc-by-4.0"}).to_dicts()
    assert [(row["source_file"], row["source_line"], row["position"]) for row in rows] == [
        ("texts/a.md", 2, 0),
        ("texts/a.md", 6, 1),
    ]
    assert [row["text"] for row in rows] == [f"# Bread\n\n{PROSE}", f"# Trains\n\n{OTHER}"]
    assert {(row["licence"], row["origin"], row["drop_reason"]) for row in rows} == {
        ("cc-by-4.0", "human", None)
    }


def test_a_text_is_a_slice_of_its_file_byte_for_byte(tmp_path: Path) -> None:
    document = f"{PROSE}\r\n\r\n  Zoë – “naïve”…\t日本語。 \r\n\r\n{OTHER}  \r\n"
    raw = write(tmp_path, "a.txt", document).read_bytes()
    rows = read(tmp_path, "a.txt")
    assert rows.height == 2
    for text in rows["text"]:
        assert text.encode("utf-8") in raw


def test_each_line_of_a_jsonl_file_is_a_document(tmp_path: Path) -> None:
    lines = [{"body": {"en": PROSE}}, {"body": {"en": OTHER}}, {"body": {"en": PROSE}}]
    write(tmp_path, "notes.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    rows = read(tmp_path, {"path": "notes.jsonl", "field": "body.en", "origin": "web"})
    assert rows["source_line"].to_list() == [1, 2, 3]
    assert rows["drop_reason"].to_list() == [None, None, "duplicate_text"]
    assert rows["source_text_id"].n_unique() == 3
    assert set(rows["origin"]) == {"web"}


def test_a_document_is_one_family_on_one_side_of_the_split(tmp_path: Path) -> None:
    for name in "abcdefgh":
        write(tmp_path, f"{name}.txt", f"{PROSE} {name}.\n\n{OTHER} {name}.")
    rows = read(tmp_path, "*.txt", datasets={"test_share": 0.5})
    assert rows["family_id"].n_unique() == 8
    assert rows.group_by("family_id").agg(pl.col("split").n_unique())["split"].to_list() == [1] * 8
    assert set(rows["split"]) == {"train", "test"}


def test_every_segment_is_a_row_kept_or_dropped(tmp_path: Path) -> None:
    write(tmp_path, "a.md", f"# MENU\n\n{PROSE}")
    write(tmp_path, "b.md", PROSE.upper())
    write(tmp_path, "c.md", "Short.")
    rows = read(tmp_path, "*.md")
    assert rows["drop_reason"].to_list() == ["navigation_heading", "all_caps", "too_short"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.jsonl",
            b'{"body": "x"}\n',
            r"a\.jsonl, line 1: has no text 'text'; .*body.*field: body",
        ),
        ("a.jsonl", b'{"text": 3}\n', "has no text 'text'"),
        ("a.md", b"\xff\xfeA\x00", "is UTF-16; save it as UTF-8"),
        ("a.md", b"caf\xe9", r"line 1: byte 4 \(0xe9\) is not UTF-8"),
        ("a.md", b"", "is empty"),
        ("a.pdf", b"%PDF", "files of kind '.pdf' are not read"),
    ],
)
def test_a_bad_file_says_what_to_mend(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecipeError, match=message):
        read(tmp_path, name)


def test_a_missing_file_names_the_field(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"seeds\.source_texts\[0\]\.path = 'x/\*\.md'.*no file"):
        read(tmp_path, "x/*.md")


def test_the_recipe_to_copy_keeps_prose_and_drops_the_rest_by_name() -> None:
    rows = read_source_texts(load_recipe(RECIPES / "instruction_backtranslation.yaml"))
    reasons = Counter(rows["drop_reason"])
    assert reasons == {
        None: 7,
        "navigation_heading": 1,
        "all_caps_heading": 1,
        "repetitive": 1,
    }
    assert set(rows["licence"]) == {"cc-by-4.0"}


def test_a_system_text_of_a_seed_file_stands_before_its_prompts() -> None:
    recipe = load_recipe(RECIPES / "instruction_backtranslation.yaml")
    messages = read_seed_prompts(recipe)["messages"].to_list()
    assert {each[0]["content"] for each in messages} == {"Answer as a helpful assistant would."}
    assert {len(each) for each in messages} == {2}


def test_both_recipes_to_copy_load() -> None:
    for name in ("back_translation", "instruction_backtranslation"):
        recipe = load_recipe(RECIPES / f"{name}.yaml")
        assert recipe.name == name
        assert name in {method.name for method, _ in recipe.methods("prompts")}
