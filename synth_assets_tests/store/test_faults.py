"""What goes wrong is said in words that help, and never with a password in them."""

from __future__ import annotations

import traceback
from pathlib import Path

import duckdb
import pytest

from synth_assets.errors import LakeError
from synth_assets.store.faults import faults_explained, is_lost_race, lake_error, redacted
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake

PASSWORD = "hunter2-Xy%21"
CATALOGS = [
    f"postgresql://ann:{PASSWORD}@127.0.0.1:1/lake",
    f"postgres:host=127.0.0.1 port=1 dbname=lake user=ann password={PASSWORD}",
    f"postgres:host=127.0.0.1 port=1 dbname=lake user=ann password='{PASSWORD} with spaces'",
    f"postgres:host=127.0.0.1 port=1 password='{PASSWORD}' 'cannot be parsed {PASSWORD}'",
    f"postgres:host=127.0.0.1 port=1 pasword={PASSWORD}",
    f"postgresql://127.0.0.1:1/lake?user=ann&password={PASSWORD}",
    f"postgresql://ann:{PASSWORD}@[::1/lake",
]


def home_with(catalog: str, path: Path, data: str = "") -> Home:
    return Home.from_environment(
        {"SYNTH_HOME": str(path), "SYNTH_LAKE_CATALOG": catalog, "SYNTH_LAKE_DATA": data}
    )


@pytest.mark.parametrize("catalog", CATALOGS)
def test_a_server_that_does_not_answer_is_named_without_its_password(
    tmp_path: Path, catalog: str
) -> None:
    with pytest.raises(LakeError, match="cannot be opened") as caught:
        _ = Lake(home_with(catalog, tmp_path)).connection
    shown = "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in shown
    assert "Xy!" not in shown


def test_the_host_that_does_not_answer_stays_readable(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match=r"127\.0\.0\.1.*port 1 failed: Connection refused"):
        _ = Lake(home_with(CATALOGS[0], tmp_path)).connection


@pytest.mark.parametrize("catalog", [CATALOGS[0], CATALOGS[1], CATALOGS[5]])
def test_a_password_alone_is_hidden_too(tmp_path: Path, catalog: str) -> None:
    home = home_with(catalog, tmp_path)
    shown = redacted(f"FATAL: bad password hunter2-Xy%21 or '{PASSWORD}' for ann", home)
    assert "hunter2" not in shown
    assert "for ann" in shown


def test_keys_in_the_address_of_the_data_are_hidden(tmp_path: Path) -> None:
    home = home_with("", tmp_path, "s3://bucket/lake?s3_secret_access_key=abc")
    assert redacted(f"cannot read {home.data}", home) == "cannot read s3://bucket/lake***"


def test_a_home_without_secrets_hides_nothing(tmp_path: Path) -> None:
    text = 'Binder Error: column "password" = "x" of "lake.sqlite" at sqlite:/x'
    assert redacted(text, Home.at(tmp_path)) == text


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("IO Error: Could not write: No space left on device", "disk that holds .* is full"),
        ("Failed to flush changes: database or disk is full", "disk that holds .* is full"),
        ("Invalid Input Error: No snapshot found at version 99", "there is no such version"),
        ('IO Error: Cannot open file "/x/a.parquet": No such file', "its file /x/a.parquet"),
    ],
)
def test_what_can_be_mended_says_how(tmp_path: Path, text: str, remedy: str) -> None:
    error = lake_error(duckdb.IOException(text), Home.at(tmp_path))
    with pytest.raises(LakeError, match=remedy):
        raise error


def test_a_full_disk_seen_by_python_is_the_same_error(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="is full"), faults_explained(Home.at(tmp_path)):
        raise OSError(28, "No space left on device")


def test_an_error_names_what_was_done(tmp_path: Path) -> None:
    with (
        pytest.raises(LakeError, match=r"^query: Binder Error: no$"),
        faults_explained(Home.at(tmp_path), "query"),
    ):
        raise duckdb.BinderException("Binder Error: no")


def test_ctrl_c_within_duckdb_is_ctrl_c(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), faults_explained(Home.at(tmp_path)):
        raise RuntimeError("Query interrupted")


def test_a_programming_error_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="mine"), faults_explained(Home.at(tmp_path)):
        raise RuntimeError("mine")


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (duckdb.TransactionException("Failed to flush changes: database is locked"), True),
        (duckdb.TransactionException("Transaction conflict - attempting to insert"), True),
        (duckdb.IOException("Failed to execute query: database is locked"), True),
        (duckdb.TransactionException("cannot start a transaction within a transaction"), False),
        (duckdb.ConversionException("Could not convert 'database is locked'"), False),
        (duckdb.ConstraintException("duplicate key 'transaction conflict'"), False),
        (duckdb.ParserException("syntax error at 'database is locked'"), False),
        (duckdb.IOException("No space left on device"), False),
    ],
)
def test_only_a_lost_race_is_worth_another_try(error: duckdb.Error, is_one: bool) -> None:
    assert is_lost_race(error) is is_one
