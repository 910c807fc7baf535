"""The content hash: equal rows, equal hash, whoever wrote them and in whatever order."""

from __future__ import annotations

import hashlib

import polars as pl
import pytest

from synth_assets.identity import content_id
from synth_assets.store.content_hash import OF_NOTHING, content_hash_sql, hash_after
from synth_assets.store.lake import Lake
from synth_assets.store.staging import stage_frame, stage_query
from synth_assets_tests.store.notebook import NOTES, make_notes

AWKWARD = [
    None,
    "",
    "null",
    "plain",
    "a\0b",
    "a\0c",
    "\0",
    "tab\tline\r\nquote\" ' back\\slash",
    "👩‍👩‍👧 é e\u0301 \u202e \ufeff \ufffd",
    "\u007f\u0080\x01",
    "x" * 10_000,
]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def hash_of(lake: Lake, recipe: str, notes: pl.DataFrame) -> str:
    staged = stage_frame(lake, recipe, NOTES, notes, {})
    try:
        return staged.content()[0]
    finally:
        staged.drop()


def hash_of_query(lake: Lake, recipe: str, sql: str, key: str = "note_id") -> str:
    staged = stage_query(lake, recipe, "notes", key, sql)
    try:
        return staged.content()[0]
    finally:
        staged.drop()


def test_order_of_rows_does_not_matter(lake: Lake, recipe: str) -> None:
    notes = make_notes({"a": "one", "b": "two", "c": "three"})
    assert hash_of(lake, recipe, notes) == hash_of(lake, recipe, notes.reverse())


def test_a_row_present_three_times_counts_three_times(lake: Lake, recipe: str) -> None:
    note = make_notes({"a": "one"})
    copies = [hash_of(lake, recipe, pl.concat([note] * n)) for n in (1, 2, 3)]
    assert len(set(copies)) == 3


def test_no_rows_have_a_hash_of_their_own(lake: Lake, recipe: str) -> None:
    assert hash_of(lake, recipe, NOTES.empty()) == OF_NOTHING
    assert hash_of(lake, recipe, make_notes({"a": ""})) != OF_NOTHING


@pytest.mark.parametrize("written", ["NULL", "''", "'not a hash'"])
def test_a_row_written_without_its_hash_changes_the_hash_of_all(
    lake: Lake, recipe: str, written: str
) -> None:
    staged = stage_frame(lake, recipe, NOTES, make_notes({"a": "one"}), {})
    with_it = f"(SELECT row_hash FROM {staged.relation} UNION ALL SELECT {written})"
    found, rows = lake.execute(content_hash_sql(with_it))[0]
    assert rows == 2 and found != staged.content()[0]
    staged.drop()


def test_a_hash_follows_from_the_one_before_and_what_came_and_went(lake: Lake, recipe: str) -> None:
    one, two, three = (make_notes({name: name}) for name in ("one", "two", "three"))
    before, gone, new, after = (
        hash_of(lake, recipe, pl.concat(notes))
        for notes in ([one, two, two], [two, two], [two, three], [one, two, three])
    )
    assert hash_after(before, gone, new) == after
    assert hash_after(after, new, gone) == before
    assert hash_after(before, before, OF_NOTHING) == OF_NOTHING


def test_the_hash_is_what_its_scheme_says(lake: Lake, recipe: str) -> None:
    """Worked out by hand, so that it is the same on every machine and version."""
    types = {
        "note_id": "VARCHAR",
        "round": "INTEGER",
        "text": "VARCHAR",
        "messages": "STRUCT(ROLEVARCHAR,CONTENTVARCHAR)[]",
        "score": "DOUBLE",
    }
    rows = [
        f'{{"note_id":"{note_id}","round":1,"text":{text},'
        f'"messages":[{{"role":"user","content":{text}}}],"score":0.5}}'
        for note_id, text in (("a", '"one\\u0000é"'), ("b", "null"))
    ]
    hashes = [sha256(content_id("types", types) + row) for row in rows]
    words = [[int(each[at : at + 16], 16) for each in hashes] for at in (0, 16, 32, 48)]
    expected = "".join(f"{sum(word) % 2**64:016x}" for word in words)
    assert hash_of(lake, recipe, make_notes({"a": "one\0é", "b": None})) == expected


@pytest.mark.parametrize("text", AWKWARD, ids=lambda text: repr(text)[:20])
def test_rows_written_by_polars_and_by_sql_hash_equally(
    lake: Lake, recipe: str, text: str | None
) -> None:
    notes = make_notes({"a": text})
    literal = "NULL" if text is None else "'" + text.replace("'", "''") + "'"
    literal = literal.replace("\0", "' || chr(0) || '")
    sql = (
        f"SELECT 'a' AS note_id, 1::INTEGER AS round, ({literal})::VARCHAR AS text, "
        f"[{{'role': 'user', 'content': ({literal})::VARCHAR}}] AS messages, "
        "0.5::DOUBLE AS score"
    )
    assert hash_of(lake, recipe, notes) == hash_of_query(lake, recipe, sql)


def test_no_two_awkward_texts_hash_alike(lake: Lake, recipe: str) -> None:
    hashes = {hash_of(lake, recipe, make_notes({"a": text})) for text in AWKWARD}
    assert len(hashes) == len(AWKWARD)


def test_empty_list_null_list_and_list_of_null_differ(lake: Lake, recipe: str) -> None:
    note = make_notes({"a": "one"})
    lists = [
        pl.Series("messages", [value], dtype=NOTES.polars["messages"])
        for value in (None, [], [None], [{"role": None, "content": None}])
    ]
    assert len({hash_of(lake, recipe, note.with_columns(one)) for one in lists}) == 4


def test_floats_that_differ_in_the_last_bit_differ(lake: Lake, recipe: str) -> None:
    note = make_notes({"a": "one"})
    scores = [0.3, 0.1 + 0.2, float("nan"), float("inf"), -0.0, 0.0, None, 1e300, 5e-324]
    frames = [note.with_columns(score=pl.Series([s], dtype=pl.Float64)) for s in scores]
    assert len({hash_of(lake, recipe, frame) for frame in frames}) == len(scores)


def test_whole_numbers_beyond_a_double_are_told_apart(lake: Lake, recipe: str) -> None:
    hashes = {
        hash_of_query(lake, recipe, f"SELECT {n}::{kind} AS n", key="n")
        for kind in ("BIGINT", "HUGEINT", "DECIMAL(38, 2)")
        for n in (9007199254740992, 9007199254740993)
    }
    assert len(hashes) == 6


def test_a_changed_type_changes_the_hash(lake: Lake, recipe: str) -> None:
    """Else a table whose column became wider would keep its old rows."""
    as_integer = hash_of_query(lake, recipe, "SELECT 1::INTEGER AS n", key="n")
    assert as_integer != hash_of_query(lake, recipe, "SELECT 1::BIGINT AS n", key="n")


def test_times_with_a_zone_do_not_hang_on_the_machines_zone(lake: Lake) -> None:
    assert lake.execute("SELECT to_json(TIMESTAMPTZ '2024-01-01 00:00:00+02')") == [
        ('"2023-12-31 22:00:00+00"',)
    ]


def test_half_of_a_surrogate_pair_is_refused_before_it_is_staged() -> None:
    """No UTF-8 file can hold one: whoever reads a model's reply has replaced it by then."""
    with pytest.raises(UnicodeEncodeError):
        make_notes({"a": "\ud800"})


def test_the_hash_covers_only_the_rows_asked_for(lake: Lake, recipe: str) -> None:
    both = stage_frame(
        lake,
        recipe,
        NOTES,
        pl.concat([make_notes({"a": "one"}), make_notes({"b": "two"}, round=2)]),
        {},
    )
    second = lake.execute(content_hash_sql(both.relation, "round = 2"))[0][0]
    both.drop()
    assert second == hash_of(lake, recipe, make_notes({"b": "two"}, round=2))
