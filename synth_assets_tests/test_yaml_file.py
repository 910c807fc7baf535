from __future__ import annotations

from pathlib import Path

import pytest

from synth_assets.errors import RecipeError
from synth_assets.yaml_file import MAX_BYTES, read_yaml


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "r.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(folder: Path, text: str | bytes) -> str:
    """What is said of a file, after its path."""
    path = write(folder, text)
    with pytest.raises(RecipeError) as caught:
        read_yaml(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    return message.removeprefix(str(path)).lstrip(", ")


def test_plain_data_comes_out_with_the_line_of_every_field(tmp_path: Path) -> None:
    read = read_yaml(write(tmp_path, "name: a\nseeds:\n  prompts:\n    - x\n    - {path: y}\n"))
    assert read.data == {"name": "a", "seeds": {"prompts": ["x", {"path": "y"}]}}
    assert read.line(("name",)) == 1
    assert read.line(("seeds", "prompts")) == 3
    assert read.line(("seeds", "prompts", 1, "path")) == 5


def test_a_field_that_is_not_there_has_the_line_of_what_is_around_it(tmp_path: Path) -> None:
    read = read_yaml(write(tmp_path, "a: 1\nseeds:\n  prompts: []\n"))
    assert read.line(("seeds", "limit")) == 2
    assert read.line(("name",)) == 1


def test_an_empty_file_has_no_data(tmp_path: Path) -> None:
    assert read_yaml(write(tmp_path, "# nothing\n")).data is None


def test_a_key_that_stands_twice_is_an_error_and_not_the_last_one_wins(tmp_path: Path) -> None:
    said = refusal(tmp_path, "name: a\nlimits: {}\nname: b\n")
    assert said == "line 3: the key 'name' stands twice, first in line 1; keep one of them"


def test_a_key_that_stands_twice_deep_inside_is_found(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a:\n  - b: {c: 1, c: 2}\n").startswith("line 2: the key 'c' stands")


@pytest.mark.parametrize(("key", "shown"), [("1", "1"), ("on", "on"), ("2024-01-01", "2024-01-01")])
def test_a_key_that_yaml_reads_as_no_text_is_refused(tmp_path: Path, key: str, shown: str) -> None:
    said = refusal(tmp_path, f"a: 0\n{key}: x\n")
    assert said == f"line 2: the key '{shown}' is no text; put it in quotes"


def test_a_mapping_as_a_key_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "? {a: 1}\n: x\n") == "line 1: the key is no text; put it in quotes"


def test_anchors_and_merges_are_read(tmp_path: Path) -> None:
    text = "base: &b {x: 1, y: 2}\nother: {<<: *b, y: 3}\n"
    assert read_yaml(write(tmp_path, text)).data["other"] == {"x": 1, "y": 3}


def test_aliases_of_aliases_do_not_blow_up(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 10):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]")
    said = refusal(tmp_path, "\n".join(lines))
    assert "holds more than 20,000 values with its aliases spelt out" in said


def test_an_alias_inside_what_it_names_is_refused(tmp_path: Path) -> None:
    assert "an alias stands inside what it names" in refusal(tmp_path, "a: &a [1, *a]\n")


def test_deep_nesting_is_refused_before_it_is_built(tmp_path: Path) -> None:
    assert "is nested deeper than 40 levels" in refusal(tmp_path, "a: " + "[" * 50_000)


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    assert "is larger than 1,000,000 bytes" in refusal(tmp_path, "#" * (MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\n\tb: 2\n", "line 2: found character '\\t' that cannot start any token; indent"),
        ("a: 1\nb: ^A: x\n", "line 2: mapping values are not allowed here; put a text that holds"),
        ("a: [1\nb: 2\n", "line 2: "),
        ("a: 'x\n", "line 2: found unexpected end of stream"),
        ("a: 1\n---\nb: 2\n", "line 2: but found another document; leave out the second '---'"),
        ("a: !!python/object:os.system x\n", "line 1: could not determine a constructor"),
        ("a: *x\n", "line 1: found undefined alias"),
        ("a: 1\nb: x\x07y\n", "line 2: holds a control character (U+0007); delete it"),
    ],
)
def test_a_syntax_error_names_line_and_remedy(tmp_path: Path, text: str, expected: str) -> None:
    assert refusal(tmp_path, text).startswith(expected)


def test_a_syntax_error_never_repeats_the_line_which_may_hold_a_key(tmp_path: Path) -> None:
    assert "hunter2" not in refusal(tmp_path, "api_key: 'hunter2\n")
    assert "hunter2" not in refusal(tmp_path, "api_key: hunter2: x\n")


def test_a_date_that_does_not_exist_is_an_error_of_the_file(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a: 2024-13-45\n").endswith("put the value in quotes")


def test_a_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    assert refusal(tmp_path, b"a: 1\nb: \xff\n") == "line 2: is not UTF-8; save the file as UTF-8"


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    assert read_yaml(write(tmp_path, "\ufeffname: a\n")).data == {"name": "a"}
