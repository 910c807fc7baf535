"""A SQL model of a person's own whose columns get other types: `diff` tells them as changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from synth_assets.history.diff import diff
from synth_assets.stages.datasets import load_sql_project
from synth_assets_tests.stages.bench import Bench, bench

FILES = {
    "dbt_project.yml": "name: mine\nmodels: {+materialized: table}\n",
    "seeds/words.csv": "word,weight\nbees,1\nrain,2\n",
    "models/schema.yml": "seeds: [{name: words, key: word}]\n"
    "models: [{name: typed, key: word}, {name: keyed, key: number}]",
}
AT_FIRST = {"number": "w.weight", "listed": "[w.weight]", "record": "{'a': 1}", "kept": "1"}
"""Column of the model → what it says."""

TEXT, SMALL = "cast(w.weight as varchar)", "cast(w.weight as smallint)"


def write(folder: Path, **said: str) -> None:
    """Writes the project, the model with these values."""
    columns = ", ".join(f"{text} as {name}" for name, text in {**AT_FIRST, **said}.items())
    model = f"select w.word, {columns} from {{{{ ref('words') }}}} as w"
    keyed = f"select {columns} from {{{{ ref('words') }}}} as w"
    for name, text in {**FILES, "models/typed.sql": model, "models/keyed.sql": keyed}.items():
        path = folder / "dbt_like_sql" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    load_sql_project.cache_clear()


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("SYNTH_PROJECT", str(tmp_path))
    write(tmp_path)
    with bench(tmp_path, completions={}, judgments=None) as ready:
        ready.sets = ("words", "typed", "keyed")
        ready.run()
        yield ready
    load_sql_project.cache_clear()


def remade(made: Bench, **said: str) -> int:
    """The version in which the model says so."""
    write(made.folder, **said)
    made.run()
    return made.lake.version()


def test_rows_whose_column_has_another_type_are_changed_by_it_alone(made: Bench) -> None:
    listed = {"listed": "[cast(w.weight as varchar)]"}
    versions = [
        made.lake.version(),
        remade(made, number=TEXT),
        remade(made, number=TEXT, **listed),
        remade(made, number=TEXT, **listed, record="{'a': '1'}"),
        remade(made, number=SMALL, **listed, record="{'a': 1}", kept="2"),
    ]
    all_three = {"number", "listed", "record"}
    for before, after, columns in (
        (0, 1, {"number"}),
        (1, 2, {"listed"}),
        (2, 3, {"record"}),
        (0, 3, all_three),
        (3, 0, all_three),
        # Of an equal number as large as another; the record has come back to what it was.
        (0, 4, {"number", "listed", "kept"}),
    ):
        found = diff(made.workshop(), "typed", versions[before], versions[after])
        assert found.columns == dict.fromkeys(columns, 2), (before, after)
        assert (found.added, found.removed, found.changed) == (0, 0, 2)
        assert set(found.because) == {("filter",)}
        assert {(cause.table, cause.part) for cause in found.causes} == {("typed", "sql")}


def test_rows_whose_key_has_another_type_are_the_same_rows_where_it_is_written_alike(
    made: Bench,
) -> None:
    versions = [
        made.lake.version(),
        remade(made, number=TEXT),
        remade(made, number="'n' || w.weight"),
        remade(made, number=SMALL),
    ]
    for before, after, added, changed in (
        (0, 1, 0, 2),
        (1, 0, 0, 2),
        (1, 2, 2, 0),
        (2, 3, 2, 0),
        (0, 2, 2, 0),
        (0, 3, 0, 2),
    ):
        found = diff(made.workshop(), "keyed", versions[before], versions[after])
        assert (found.added, found.removed, found.changed) == (added, added, changed)
        assert found.columns == ({"number": 2} if changed else {}), (before, after)
    numbers = diff(made.workshop(), "keyed", versions[0], versions[2]).rows["number"]
    assert sorted(numbers) == ["1", "2", "n1", "n2"]
