"""Where everything lives, by three environment variables and no other setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth_assets.errors import LakeError
from synth_assets.store.home import Home


def test_a_home_lies_in_the_working_folder_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = Home.from_environment({})
    assert home.path == tmp_path / ".synth"
    assert home.catalog == f"sqlite:{tmp_path}/.synth/lake.sqlite"
    assert home.data == f"{tmp_path}/.synth/lake/"
    assert home.catalog_file == tmp_path / ".synth" / "lake.sqlite"


def test_empty_variables_count_as_unset() -> None:
    empty = {"SYNTH_HOME": "", "SYNTH_LAKE_CATALOG": "", "SYNTH_LAKE_DATA": ""}
    assert Home.from_environment(empty) == Home.from_environment({})


def test_every_path_is_absolute_so_that_a_process_elsewhere_finds_the_same_lake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/person")
    home = Home.from_environment(
        {
            "SYNTH_HOME": "state",
            "SYNTH_LAKE_CATALOG": "sqlite:lakes/mine.sqlite",
            "SYNTH_LAKE_DATA": "~/data",
        }
    )
    assert home.path == tmp_path / "state"
    assert home.catalog_file == tmp_path / "lakes" / "mine.sqlite"
    assert home.data == "/home/person/data/"


def test_a_home_of_a_test_does_not_listen_to_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTH_LAKE_DATA", "s3://bucket/lake")
    assert Home.at(tmp_path).data == f"{tmp_path}/lake/"


@pytest.mark.parametrize(
    ("given", "catalog"),
    [
        ("postgres:dbname=lake host=db", "postgres:dbname=lake host=db"),
        ("postgresql://ann:pw@db/lake", "postgres:postgresql://ann:pw@db/lake"),
        ("postgres://ann:pw@db/lake", "postgres:postgres://ann:pw@db/lake"),
    ],
)
def test_a_catalog_may_be_a_server_and_the_data_an_object_storage(given: str, catalog: str) -> None:
    home = Home.from_environment(
        {"SYNTH_LAKE_CATALOG": given, "SYNTH_LAKE_DATA": "s3://bucket/lake"}
    )
    assert (home.catalog, home.data) == (catalog, "s3://bucket/lake/")
    assert home.catalog_file is None
    assert not home.is_in_one_place


@pytest.mark.parametrize("given", ["lake.sqlite", "duckdb:x.db", "mysql:secret", "sqlite:", ":x"])
def test_a_catalog_of_another_kind_is_refused_without_being_shown(given: str) -> None:
    with pytest.raises(LakeError, match=r"SYNTH_LAKE_CATALOG: .* write\s+sqlite:<path>") as caught:
        Home.from_environment({"SYNTH_LAKE_CATALOG": given})
    assert "secret" not in str(caught.value)


def test_only_a_home_that_holds_both_halves_can_be_moved(tmp_path: Path) -> None:
    assert Home.at(tmp_path).is_in_one_place
    elsewhere = {"SYNTH_HOME": str(tmp_path), "SYNTH_LAKE_DATA": str(tmp_path / "other")}
    assert not Home.from_environment(elsewhere).is_in_one_place


def test_a_home_that_is_printed_shows_no_password() -> None:
    home = Home.from_environment({"SYNTH_LAKE_CATALOG": "postgresql://ann:hunter22@db/lake"})
    assert "hunter22" not in repr(home) + str(home)
