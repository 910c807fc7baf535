"""Checks of rows: which rows offend, and when a share is too large."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from synth_assets.stages.row_checks import (
    RowCheck,
    every_candidate_is_there,
    failed_replies_are_few,
    ids_are_unique,
    parents_exist,
    replies_are_parsed,
    run_row_checks,
    something_is_kept,
    values_are_known,
)


@dataclass(frozen=True)
class Around:
    """Surroundings that a test writes."""

    failed_replies_limit: float = 0.02
    items_parsed: int | None = None
    known: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def present(self, table: str, column: str, values: pl.Series) -> pl.Series:
        known = pl.Series(column, self.known.get((table, column), []), pl.String)
        return values.filter(values.is_in(known.implode()))


def offending(check: RowCheck, rows: pl.DataFrame, around: Around | None = None) -> list[tuple]:
    return check.offending(rows, around or Around()).rows()


def frame(**columns: list) -> pl.DataFrame:
    return pl.DataFrame(columns)


def test_an_id_may_stand_once_and_never_be_missing():
    rows = frame(id=["a", "b", "b", None])
    assert offending(ids_are_unique("id"), rows) == [("b",), ("b",), (None,)]
    assert offending(ids_are_unique("id"), rows.head(2)) == []


def test_a_parent_is_a_row_of_one_of_the_tables():
    check = parents_exist("of", ("left", "id"), ("right", "id"))
    around = Around(known={("left", "id"): ["a"], ("right", "id"): ["b"]})
    rows = frame(of=["a", "b", "c", None])
    assert offending(check, rows, around) == [("c",), (None,)]


def test_each_of_several_parents_must_exist_and_none_is_allowed():
    check = parents_exist("of", ("left", "id"), own="id")
    rows = pl.DataFrame(
        {"id": ["x", "y", "z"], "of": [["a", "x"], ["a", "gone"], []]},
        schema={"id": pl.String, "of": pl.List(pl.String)},
    )
    assert offending(check, rows, Around(known={("left", "id"): ["a"]})) == [("y", ["a", "gone"])]


def test_rows_are_as_many_as_the_items_parsed():
    check, rows = every_candidate_is_there(), frame(id=["a", "b"])
    assert offending(check, rows, Around(items_parsed=3)) == [(3, 2, 1)]
    assert offending(check, rows, Around(items_parsed=1)) == [(1, 2, -1)]
    assert offending(check, rows, Around(items_parsed=2)) == []
    assert offending(check, rows, Around(items_parsed=None)) == []


def test_failed_replies_up_to_the_limit_itself_pass():
    check = failed_replies_are_few()
    rows = frame(status=["failed", "ok", "ok", "cut"])
    assert offending(check, rows, Around(failed_replies_limit=0.25)) == []
    assert offending(check, rows, Around(failed_replies_limit=0.24)) == [("failed",)]
    assert offending(check, rows.clear(), Around(failed_replies_limit=0.0)) == []


def test_replies_about_what_was_withdrawn_are_in_no_share():
    rows = frame(status=["failed", "ok", "retracted", "retracted"])
    check = failed_replies_are_few()
    assert offending(check, rows, Around(failed_replies_limit=0.4)) == [("failed",)]
    rows = frame(status=["unparsed", "ok", "retracted", "retracted"])
    assert offending(replies_are_parsed(limit=0.4), rows) == [("unparsed",)]
    assert offending(replies_are_parsed(limit=0.4), rows.tail(2)) == []


def test_a_judge_that_cannot_be_read_is_a_warning():
    check = replies_are_parsed(limit=0.5)
    rows = frame(status=["unparsed", "missing", "out_of_scale", "ok"])
    assert not check.is_blocking
    assert [status for (status,) in offending(check, rows)] == [
        "unparsed",
        "missing",
        "out_of_scale",
    ]
    assert offending(check, rows.tail(2)) == []


def test_a_judge_that_says_not_applicable_was_read():
    rows = frame(status=["not_applicable", "not_applicable", "failed"])
    assert offending(replies_are_parsed(), rows) == []


def test_something_is_kept_warns_where_every_row_was_dropped():
    check = something_is_kept()
    dropped = frame(drop_reason=["keyword", "not_novel"])
    assert offending(check, dropped) == [("keyword",), ("not_novel",)]
    assert offending(check, pl.DataFrame({"drop_reason": ["keyword", None]})) == []
    assert offending(check, dropped.clear()) == []
    assert not check.is_blocking


def test_a_value_that_is_missing_is_not_known():
    rows = pl.DataFrame({"split": ["train", "dev", None]})
    assert offending(values_are_known("split", "train", "test"), rows) == [("dev",), (None,)]


def test_every_check_gives_a_result_by_name():
    rows = frame(id=["a", "a"])
    results = run_row_checks([ids_are_unique("id"), values_are_known("id", "a")], rows, Around())
    assert [(each.name, each.passed) for each in results] == [
        ("ids_are_unique", False),
        ("id_is_known", True),
    ]
