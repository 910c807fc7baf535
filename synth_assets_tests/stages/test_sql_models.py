"""A person's own SQL project in dbt's layout, on a lake: seeds, a view, an incremental model, and
tests that warn or refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree

import polars as pl
import pytest

from synth_assets.errors import CheckFailed, SqlModelError
from synth_assets.stages.datasets import dataset_stages, load_sql_project
from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets_tests.stages.bench import Bench, bench

FILES = {
    "dbt_project.yml": "name: mine\nvars: {since: 2024-01-01}\nmodels: {+materialized: table}\n",
    "seeds/words.csv": "word,weight\nbees,1.5\nrain,2\n",
    "models/answers.sql": (
        "{{ config(materialized='incremental', unique_key='completion_id') }}\n"
        "select completion_id, prompt_id, round, sample_index,\n"
        "  {% if is_incremental() %}'added'{% else %}'at first'{% endif %} as seen\n"
        "from {{ source('lake', 'completions') }}\n"
        "{% if is_incremental() %}"
        "where round > (select max(round) from {{ this }}){% endif %}\n"
    ),
    "models/counted.sql": (
        "{{ config(materialized='view') }}\n"
        "select seen, count(*) as answers, cast('{{ var('since') }}' as date) as since\n"
        "from {{ ref('answers') }} group by seen"
    ),
    "models/weighed.sql": (
        "select w.word, w.weight * 2 as twice from {{ source('raw', 'words') }} as w"
    ),
    "models/schema.yml": """
sources:
  - {name: lake, tables: [{name: completions}]}
  - {name: raw, tables: [{name: words}]}
models:
  - name: answers
    columns:
      - {name: completion_id, data_tests: [unique, not_null]}
      - name: sample_index
        data_tests:
          - accepted_values: {values: [0], quote: false, config: {severity: warn}}
          - accepted_values:
              name: at_most_some_later_samples
              arguments: {values: [0]}
              config: {error_if: '> 1000', warn_if: '> 0', where: 'round > 0'}
  - name: counted
    columns: [{name: seen, data_tests: [unique, not_null]}]
  - name: weighed
    columns: [{name: word, data_tests: [unique, not_null, {relationships: {
      arguments: {to: ref('words'), field: word}}}]}]
""",
    "seeds/schema.yml": (
        "seeds: [{name: words, columns: [{name: word, data_tests: [unique, not_null]}]}]"
    ),
}
SETS = ("words", "answers", "counted", "weighed")
ANSWERED = {"completions": {}, "judgments": None}


def write(folder: Path, changed: Mapping[str, str]) -> None:
    """Writes files of the project, which is then read anew."""
    for name, text in changed.items():
        path = folder / "dbt_like_sql" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    load_sql_project.cache_clear()


@contextmanager
def at_work_in(folder: Path) -> Iterator[Bench]:
    """The project in ``folder``, as it was last left, or new."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SYNTH_PROJECT", str(folder))
        write(folder, FILES)
        with bench(folder, **ANSWERED) as made:
            made.sets = SETS
            yield made
    load_sql_project.cache_clear()


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[Bench]:
    """Before its first run."""
    with at_work_in(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the project after its first run."""
    folder = tmp_path_factory.mktemp("first_run")
    with at_work_in(folder) as made:
        made.run()
    return folder


@pytest.fixture
def ran(tmp_path: Path, first_run: Path) -> Iterator[Bench]:
    """A copy of it, to change."""
    copytree(first_run, tmp_path, dirs_exist_ok=True)
    with at_work_in(tmp_path) as made:
        yield made


def rows(made: Bench, table: str) -> pl.DataFrame:
    return made.lake.frame(f"SELECT * EXCLUDE (row_hash) FROM lake.tiny.{table} ORDER BY ALL")


def test_seeds_views_and_tables_are_tables_of_the_lake(ran: Bench) -> None:
    assert rows(ran, "words").rows() == [("bees", 1.5), ("rain", 2.0)]
    assert rows(ran, "weighed").rows() == [("bees", 3.0), ("rain", 4.0)]
    assert rows(ran, "counted")["answers"].to_list() == [rows(ran, "answers").height]
    assert {name: report.rounds_made for name, report in ran.run().items() if name in SETS} == {
        name: [] for name in SETS
    }


def test_an_incremental_model_adds_to_its_table_while_its_sql_stays(ran: Bench) -> None:
    before = rows(ran, "answers")
    assert set(before["seen"]) == {"at first"}
    ran.run(open_round="by_hand")
    after = rows(ran, "answers")
    added = after.filter(pl.col("seen") == "added")
    assert after.filter(pl.col("seen") == "at first").equals(before)
    assert set(added["round"]) == {2} and added.height > 0
    text = FILES["models/answers.sql"]
    write(ran.folder, {"models/answers.sql": "-- a comment\n" + text.replace("select ", "SELECT ")})
    assert ran.causes() == {}
    write(ran.folder, {"models/answers.sql": text.replace("'at first'", "'anew'")})
    assert set(ran.causes()) >= {"answers"}
    ran.run()
    assert set(rows(ran, "answers")["seen"]) == {"anew"}
    assert rows(ran, "answers").height == after.height


def test_a_full_refresh_makes_an_incremental_model_as_a_whole(ran: Bench) -> None:
    ran.run(open_round="by_hand")
    assert set(rows(ran, "answers")["seen"]) == {"at first", "added"}
    reports = ran.run(full_refresh=True)
    assert set(rows(ran, "answers")["seen"]) == {"at first"}
    assert reports["answers"].rounds_made == [0]
    assert reports["weighed"].rounds_made == [], "which is no incremental model"
    model = FILES["models/answers.sql"].replace("unique_key=", "full_refresh=false, unique_key=")
    write(ran.folder, {"models/answers.sql": model})
    ran.run()
    ran.run(open_round="by_hand")
    ran.run(full_refresh=True)
    assert "added" in set(rows(ran, "answers")["seen"]), "the model's own word goes first"


def test_a_test_that_only_warns_lets_the_rows_in_and_shows_them(mine: Bench) -> None:
    checks = mine.run()["answers"].checks
    told = {name: (check.passed, check.is_blocking) for name, check in checks.items()}
    assert told == {
        "unique": (True, True),
        "not_null": (True, True),
        "accepted_values_warning": (False, False),
        "accepted_values": (False, False),
    }
    shown = checks["accepted_values"].offending
    assert set(shown["test"]) == {"at_most_some_later_samples"}
    assert set(shown["sample_index"]) == {1}


def test_more_offending_rows_than_error_if_allows_are_refused(mine: Bench) -> None:
    schema = FILES["models/schema.yml"].replace("'> 1000'", "'> 2'")
    write(mine.folder, {"models/schema.yml": schema})
    with pytest.raises(CheckFailed, match="answers: accepted_values"):
        mine.run()
    assert not mine.lake.has("tiny", "answers")


def test_a_seed_that_changes_makes_what_reads_it_due(ran: Bench) -> None:
    write(ran.folder, {"seeds/words.csv": FILES["seeds/words.csv"] + "sea,3\n"})
    assert ran.causes() == {
        "words": ("its seed changed",), "weighed": ("words is out of date",)
    }  # fmt: skip
    ran.run()
    assert rows(ran, "weighed").height == 3


def test_lineage_and_inputs_name_tables_of_the_lake(mine: Bench) -> None:
    stages = recipe_stages(mine.recipe)
    assert [item.table for item in stages["weighed"].inputs] == ["words"]
    catalogue = stages["weighed"].catalogue()
    assert catalogue.column_lineage == {"word": [("words", "word")], "twice": [("words", "weight")]}
    assert stages["words"].catalogue().source == mine.folder / "dbt_like_sql/seeds/words.csv"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"models/weighed.sql": "select\n  wrd from {{ ref('words') }}"},
         r"weighed\.sql, line 2: unknown column 'wrd'; did you mean 'word'"),
        ({"models/schema.yml": FILES["models/schema.yml"].replace("field: word", "field: wrd")},
         "relationships_word_in_words of weighed.*'wrd'"),
        ({"seeds/words.csv": "word\n"}, "weighed.sql, line 1: unknown column 'weight'"),
        ({"models/schema.yml": FILES["models/schema.yml"].replace("words}", "other}")},
         "weighed.sql, line 1: source.'raw', 'words'. names no model or table; did you mean"),
        ({"seeds/schema.yml": ""}, "words.csv: schema.yml names no column of it as its key"),
        ({"seeds/words.csv": ""}, "words.csv, line 1: give each column a name"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found_when_the_definitions_load(
    mine: Bench, changed: dict[str, str], message: str
) -> None:
    write(mine.folder, changed)
    with pytest.raises(SqlModelError, match=message):
        dataset_stages(mine.recipe)


def test_a_source_that_the_lake_cannot_hold_is_an_error(mine: Bench) -> None:
    far = "{name: words}, {name: far, columns: [{name: a, data_type: int}]}"
    schema = FILES["models/schema.yml"].replace("{name: words}", far, 1)
    model = "{{ config(unique_key='a') }} select a from {{ source('raw', 'far') }}"
    write(mine.folder, {"models/schema.yml": schema, "models/far_away.sql": model})
    with pytest.raises(SqlModelError, match=r"'raw\.far' is no table of the lake"):
        dataset_stages(mine.recipe)
