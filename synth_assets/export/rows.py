"""Rows of the export: frames of ``sft_set`` and ``dpo_set`` in, checked and ordered rows out.

Top-level columns are those a trainer reads; everything of ours lies in one struct, ``meta``,
because trainers take names such as ``labels`` or ``text`` for their own. Rows are ordered by id.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from synth_assets.errors import CheckFailed
from synth_assets.identity import content_id
from synth_assets.schemas import MESSAGES, Column

SPLITS = ("train", "test")

LICENCES = Column(
    "licences", pl.List(pl.String), "Licences of its seeds and of every model that wrote part of it"
)

SFT_META = (
    Column("prompt_id", pl.String, "Prompt answered"),
    Column("completion_id", pl.String, "Completion accepted"),
    Column("round", pl.Int32, "Round that made the row"),
    Column("family_id", pl.String, "Root of the prompt's ancestry; one side of the split each"),
    Column("teacher", pl.String, "The recipe's name of the model that answered"),
    Column("model", pl.String, "Model that answered"),
    Column("mean_rating", pl.Float64, "Mean of the judges' ratings, 1 to 5; null where unrated"),
    Column("verification", pl.String, "Verdict on the final answer; null where not verified"),
    Column("licence", pl.String, "Licence of the source, inherited; null where undeclared"),
    LICENCES,
    Column("origin", pl.String, "Who wrote the completion"),
    Column("method", pl.String, "Method that made the prompt; seed for a seed prompt"),
    Column("call_id", pl.String, "Call the completion rests on"),
)
CONTROL_META = (
    *(column for column in SFT_META if column.name not in ("mean_rating", "verification")),
    Column("score", pl.Float64, "Score by which others were selected; this one was drawn"),
    Column("is_selected", pl.Boolean, "Chosen by its score as well, and so in sft too"),
)
PREFERENCE_META = (
    Column("prompt_id", pl.String, "Prompt answered"),
    Column("chosen_completion_id", pl.String, "Completion preferred"),
    Column("rejected_completion_id", pl.String, "Completion not preferred"),
    Column("round", pl.Int32, "Round that made the pair"),
    Column("family_id", pl.String, "Root of the prompt's ancestry; one side of the split each"),
    Column("chosen_rating", pl.Float64, "Mean rating of the chosen; null where unrated"),
    Column("rejected_rating", pl.Float64, "Mean rating of the rejected; null where unrated"),
    Column("margin", pl.Float64, "Difference of the ratings; null where unrated"),
    Column("pairing", pl.String, "Rule that made the pair"),
    Column("chosen_model", pl.String, "Model that wrote the chosen"),
    Column("rejected_model", pl.String, "Model that wrote the rejected"),
    Column("licence", pl.String, "Licence of the source, inherited; null where undeclared"),
    LICENCES,
    Column("method", pl.String, "Method that made the prompt; seed for a seed prompt"),
)
UNPAIRED_META = (
    Column("pair_id", pl.String, "First pair that the completion stands in"),
    Column("prompt_id", pl.String, "Prompt answered"),
    Column("completion_id", pl.String, "Completion labelled"),
    Column("round", pl.Int32, "Round that made the pair"),
    Column("family_id", pl.String, "Root of the prompt's ancestry; one side of the split each"),
    Column("rating", pl.Float64, "Mean rating; null where unrated"),
    Column("model", pl.String, "Model that wrote the completion"),
    Column("licence", pl.String, "Licence of the source, inherited; null where undeclared"),
    LICENCES,
    Column("method", pl.String, "Method that made the prompt; seed for a seed prompt"),
)
META = {
    "sft": SFT_META,
    "preference": PREFERENCE_META,
    "unpaired_preference": UNPAIRED_META,
    "sft_control": CONTROL_META,
}


def sft_rows(sft: pl.DataFrame) -> pl.DataFrame:
    """``sft_set`` as id, messages, meta, split; `CheckFailed` where a row is no SFT example."""
    return _examples(sft, "sft_set", SFT_META)


def control_rows(control: pl.DataFrame) -> pl.DataFrame:
    """``control_set`` in the same form."""
    return _examples(control, "control_set", CONTROL_META)


def _examples(rows: pl.DataFrame, table: str, meta: tuple[Column, ...]) -> pl.DataFrame:
    _require(rows, table, ["example_id", "messages", "split"], meta)
    rows = rows.select(
        pl.col("example_id").cast(pl.String).alias("id"),
        _turns("messages"),
        _meta(meta),
        pl.col("split").cast(pl.String),
    )
    _check_frame(rows, table)
    turns = pl.col("messages").list
    _check(rows, table, _is_broken("messages"), "messages hold a null or an unknown role")
    _check(rows, table, ~_ends_with("messages", "assistant"), "messages end with no answer")
    _check(rows, table, turns.len() < 2, "messages hold an answer without a prompt")
    return rows.sort("id")


def _is_tie() -> pl.Expr:
    return pl.col("is_tie").cast(pl.Boolean).fill_null(False)


def preference_rows(dpo: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """``dpo_set`` as id, prompt, chosen, rejected, meta, split, and the number of ties left out:
    a tie prefers neither side, and a trainer would learn from the order alone."""
    _require(
        dpo,
        "dpo_set",
        ["pair_id", "prompt", "chosen", "rejected", "is_tie", "split"],
        PREFERENCE_META,
    )
    decided = dpo.filter(~_is_tie())
    rows = decided.select(
        pl.col("pair_id").cast(pl.String).alias("id"),
        _turns("prompt"),
        _turns("chosen"),
        _turns("rejected"),
        _meta(PREFERENCE_META),
        pl.col("split").cast(pl.String),
    )
    _check_frame(rows, "dpo_set")
    for name in ("prompt", "chosen", "rejected"):
        _check(rows, "dpo_set", _is_broken(name), f"{name} holds a null or an unknown role")
    _check(rows, "dpo_set", ~_ends_with("prompt", "user"), "prompt ends without a user turn")
    for name in ("chosen", "rejected"):
        is_one = (pl.col(name).list.len() == 1) & _ends_with(name, "assistant")
        _check(rows, "dpo_set", ~is_one, f"{name} is not one turn of the assistant")
    return rows.sort("id"), dpo.height - decided.height


def unpaired_rows(pairs: pl.DataFrame) -> pl.DataFrame:
    """Rows of `preference_rows` as id, prompt, completion, label, meta, split: each completion
    once for each label it has, though it may stand in several pairs."""
    sides = [_side(pairs, "chosen", label=True), _side(pairs, "rejected", label=False)]
    rows = pl.concat(sides).sort("pair_id")
    rows = rows.unique(["completion_id", "label"], keep="first", maintain_order=True)
    ids = [
        content_id("unpaired", completion_id, label)
        for completion_id, label in rows.select("completion_id", "label").iter_rows()
    ]
    return rows.select(
        pl.Series("id", ids, dtype=pl.String),
        "prompt",
        "completion",
        "label",
        _meta(UNPAIRED_META),
        "split",
    ).sort("id")


def _side(pairs: pl.DataFrame, side: str, *, label: bool) -> pl.DataFrame:
    meta = pl.col("meta").struct
    shared = ("prompt_id", "round", "family_id", "licence", "licences", "method")
    return pairs.select(
        pl.col("id").alias("pair_id"),
        "prompt",
        pl.col(side).alias("completion"),
        pl.lit(label).alias("label"),
        meta.field(f"{side}_completion_id").alias("completion_id"),
        meta.field(f"{side}_rating").alias("rating"),
        meta.field(f"{side}_model").alias("model"),
        *(meta.field(name) for name in shared),
        "split",
    )


def _require(frame: pl.DataFrame, table: str, names: list[str], meta: tuple[Column, ...]) -> None:
    missing = [
        name for name in (*names, *(column.name for column in meta)) if name not in frame.columns
    ]
    if missing:
        raise CheckFailed(
            f"{table}: cannot be exported without the columns {', '.join(missing)}; let the model "
            "select them"
        )


def _turns(name: str) -> pl.Expr:
    # A null list would slip through every check below; an empty one fails them.
    return pl.col(name).cast(MESSAGES).fill_null(pl.lit([], dtype=MESSAGES)).alias(name)


def _meta(columns: tuple[Column, ...]) -> pl.Expr:
    fields = [pl.col(column.name).cast(column.dtype) for column in columns]
    floats = {column.name for column in columns if column.dtype == pl.Float64}
    return pl.struct(
        field.fill_nan(None) if column.name in floats else field
        for field, column in zip(fields, columns, strict=True)
    ).alias("meta")


def _is_broken(name: str) -> pl.Expr:
    turn = pl.element().struct
    is_broken = (
        ~turn.field("role").is_in(["system", "user", "assistant"]).fill_null(False)
        | turn.field("content").is_null()
    )
    return pl.col(name).list.eval(is_broken).list.any().fill_null(False)


def _ends_with(name: str, role: str) -> pl.Expr:
    last = pl.col(name).list.last().struct
    has_text = last.field("content").str.strip_chars().str.len_bytes() > 0
    return ((last.field("role") == role) & has_text).fill_null(False)


def _check_frame(rows: pl.DataFrame, table: str) -> None:
    _check(rows, table, pl.col("id").is_null(), "the id is null")
    _check(rows, table, pl.col("id").is_duplicated(), "the id stands twice")
    is_split = pl.col("split").is_in(SPLITS).fill_null(False)
    _check(rows, table, ~is_split, "split is neither train nor test")
    check_families(rows.select("id", "split", family_id=_family()), table)


def _family() -> pl.Expr:
    return pl.col("meta").struct.field("family_id")


def check_families(rows: pl.DataFrame, table: str) -> None:
    """`CheckFailed` where a family of ``rows`` (id, split, family_id) is on both sides."""
    sides = pl.col("split").n_unique().over("family_id")
    both = pl.col("family_id").is_not_null() & (sides > 1)
    _check(rows, table, both, "its family stands in train and in test")


def family_sides(rows: pl.DataFrame) -> pl.DataFrame:
    """id, split and family_id of export rows, for `check_families` across tables."""
    return rows.select("id", "split", family_id=_family())


def other_licences(rows: pl.DataFrame, allowed: Sequence[str] | None) -> pl.DataFrame:
    """The rows of a set that a licence bears on which the recipe does not allow in its export:
    their id, and those licences. None allows all; a table without licences is no set, and goes to
    nobody."""
    if allowed is None or "licences" not in rows.columns:
        return rows.clear()
    others = pl.col("licences").list.set_difference(pl.lit(list(allowed), pl.List(pl.String)))
    key = rows.columns[0]
    found = rows.select(key, licences_not_allowed=others.list.sort())
    return found.filter(pl.col("licences_not_allowed").list.len() > 0).sort(key)


def _check(rows: pl.DataFrame, table: str, is_wrong: pl.Expr, what: str) -> None:
    wrong = rows.filter(is_wrong)
    if wrong.height:
        first = wrong["id"].sort(nulls_last=True)[0]
        raise CheckFailed(
            f"{table}: {what} in {wrong.height} of {rows.height} rows, first {first}; nothing was "
            "exported; mend the model or the rows it reads"
        )
