"""Seeds: CSV files as typed tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from synth_assets.errors import SqlModelError
from synth_assets.sql.model_config import ModelConfig
from synth_assets.sql.seeds import Seed, read_seed
from synth_assets_tests.sql.projects import make_project


def seed(folder: Path, text: str, **config: Any) -> Seed:
    path = folder / "s.csv"
    path.write_bytes(text.encode())
    return read_seed(path, ModelConfig(**config))


def rows(made: Seed) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.register("cells", made.texts)
        return connection.execute(made.select("cells")).fetchall()


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2"], "INTEGER"),
        (["1", "3000000000"], "BIGINT"),
        (["1", "2.5"], "DOUBLE"),
        (["1e3"], "DOUBLE"),
        (["true", "False"], "BOOLEAN"),
        (["2024-02-29"], "DATE"),
        (["2024-02-29 10:00:00", "2024-02-28"], "TIMESTAMP"),
        (["2024-02-30"], "VARCHAR"),
        (["1", "x"], "VARCHAR"),
        (["", ""], "VARCHAR"),
        (["", "7"], "INTEGER"),
        (["99999999999999999999", "1"], "HUGEINT"),
        (["nan", "inf"], "VARCHAR"),
        (["2024-02-29 10:00:00", "2024-02-29 00:00:00"], "TIMESTAMP"),
    ],
)
def test_a_column_is_the_first_type_that_all_its_cells_are(
    tmp_path: Path, cells: list[str], kind: str
) -> None:
    text = "a,b\n" + "".join(f'"{cell}",x\n' for cell in cells)
    assert seed(tmp_path, text).types["a"] == kind


def test_cells_keep_quotes_breaks_and_absence(tmp_path: Path) -> None:
    text = '\ufeffa;b\r\n"x; ""y""\nz";\r\n;2\r\n'
    made = seed(tmp_path, text, delimiter=";")
    assert rows(made) == [('x; "y"\nz', None), (None, 2)]


def test_declared_types_hold(tmp_path: Path) -> None:
    types = {"a": "varchar", "b": "decimal(9, 2)", "c": "integer[]"}
    made = seed(tmp_path, 'a,b,c\n007,1.5,"[1, 2]"\n', column_types=types)
    (row,) = rows(made)
    assert (row[0], str(row[1]), row[2]) == ("007", "1.50", [1, 2])


def test_its_hash_is_of_rows_and_types(tmp_path: Path) -> None:
    one = seed(tmp_path, "a\n1\n").hash
    assert seed(tmp_path, 'a\r\n"1"\r\n').hash == one
    assert seed(tmp_path, "a\n2\n").hash != one
    assert seed(tmp_path, "a\n1\n", column_types={"a": "bigint"}).hash != one


@pytest.mark.parametrize(
    ("text", "types", "message"),
    [
        ("a,b\n1\n", {}, r"row 2 has 1 cells, not 2 \(1\)"),
        ("a,b\n1,x, y\n", {}, "put a text that holds ',' in double quotes"),
        ("a,A\n1,2\n", {}, "line 1: give each column a name of its own"),
        ("", {}, "line 1: give each column a name"),
        ('a\n"x\n', {}, "cannot be read as CSV"),
        ("a\nx\n", {"a": "integer"}, "column a: 'x' is no integer"),
        ("a\n1.6\n", {"a": "integer"}, "column a: '1.6' is no integer"),
        ("a\n2024-02-29 10:00:00\n", {"a": "date"}, "is no date"),
        ("a\nnan\n", {"a": "double"}, "'nan' is no double"),
        ("a\n1\n", {"b": "integer"}, "column_types names 'b', which is no column"),
        ("a\n1\n", {"a": "integr"}, "column_types.a: 'integr'"),
        ("a\n1\n", {"a": "integer); drop table x; --"}, "column_types.a"),
    ],
)
def test_a_seed_that_is_wrong_says_where(
    tmp_path: Path, text: str, types: dict[str, str], message: str
) -> None:
    with pytest.raises(SqlModelError, match=rf"s\.csv.*{message}"):
        seed(tmp_path, text, column_types=types)


def test_a_model_reads_a_seed_by_ref(tmp_path: Path) -> None:
    files = {
        "seeds/weights.csv": "word,weight\nbees,1.5\n",
        "marts/m.sql": "select word, weight * 2 as twice from {{ ref('weights') }}",
    }
    project = make_project(tmp_path, files)
    assert project.inputs("m") == ("weights",)
    assert project.types("m") == {"word": "VARCHAR", "twice": "DOUBLE"}
    assert project.lineage("m")["twice"] == [("weights", "weight")]
