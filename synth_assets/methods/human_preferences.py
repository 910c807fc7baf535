"""People's labels of pairs of completions in, preference pairs out. No model is asked.

Where people and judges speak of the same two texts, `dpo_set` goes by the people; what judges were
unsure of waits in `label_queue` for them (methods.md 14).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import polars as pl
from pydantic import AfterValidator, Field

from synth_assets.identity import content_id
from synth_assets.method import Material, Resolve, method
from synth_assets.methods import retraction
from synth_assets.methods.human_labels import Label, read_labels
from synth_assets.methods.pair_rows import UNKNOWN_COMPLETION, pair_row, why_no_pair
from synth_assets.methods.result import MethodResult
from synth_assets.recipe_parts import OwnFile, Part, each_once
from synth_assets.schemas import PAIR_COLUMNS, RETRACTIONS, Column, TableSchema
from synth_assets.templates import Template

METHOD = "human_preferences"
TIE = "tie"
NO_MAJORITY = "no_majority"
COLUMNS = (
    Column("label_file", pl.Int32, "Which of the recipe's files of labels, from 0"),
    Column("label_line", pl.Int32, "Line of the label in it"),
    Column("preferred", pl.String, "What it says: a, b or tie"),
)
SCHEMA = TableSchema("labelled", "pair_candidate_id", "Labels.", (*PAIR_COLUMNS, *COLUMNS))


class HumanPreferences(Part):
    """Labels by people, which go before a judge's (methods.md 14).

    files: of labels, JSON lines; none while there are none, so that `label_queue` is written first.
    margin_below: two rated completions whose mean ratings differ by less are asked of people (ours:
        half a point on the scale of 1 to 5, the margin that ``datasets.dpo.min_margin`` asks for).
    """

    files: Annotated[tuple[OwnFile, ...], AfterValidator(each_once)] = ()
    margin_below: float = Field(default=0.5, ge=0)


def _right_labels(parameters: HumanPreferences, resolve: Resolve) -> Sequence[Template]:
    """No template: the files are read where templates are, so that a label that is wrong stops a
    run before its first call."""
    read_labels([resolve(path) for path in parameters.files])
    return ()


@method(
    METHOD,
    kind="pairs",
    table="human_labels",
    description="Pairs of completions that people labelled, one row a label.",
    parameters=HumanPreferences,
    templates=_right_labels,
    reads=("mutated_prompts", "completions", RETRACTIONS.name),
    columns=COLUMNS,
    by_round=False,
    asks=False,
    marks_withdrawn=True,
    pairs_of_a_prompt=lambda parameters: 2016,  # all of them: no prompt has more (64 completions)
)
def pair_by_labels(material: Material, parameters: HumanPreferences) -> MethodResult:
    """One row for each label, of the labels' prompts in all rounds. Of labels on the same two texts
    more than half decide, else it is a tie; the first label that says what was decided is the
    pair, every other one is dropped by name."""
    labels, waiting = read_labels([material.resolve(path) for path in parameters.files])
    sides = _sides(material, {id for label in labels for id in _ids(label)})
    reasons = {label: _why_not(label, sides) for label in labels}
    reasons |= _decided([label for label in labels if reasons[label] is None], sides)
    said: Counter[tuple[str, ...]] = Counter()
    rows = [_row(label, reasons[label], sides, said) for label in labels]
    counts = Counter(f"pairs_{row['drop_reason'] or 'kept'}" for row in rows)
    counts["not_yet_labelled"] = waiting
    rows.sort(key=lambda row: str(row["pair_candidate_id"]))
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), dict(counts))


def _ids(label: Label) -> tuple[str, str]:
    return label.completion_a, label.completion_b


def _sides(material: Material, ids: set[str]) -> dict[str, dict[str, Any]]:
    """The completions that labels name, with what became of them and of their prompts."""
    named = material.frame("completions").filter(pl.col("completion_id").is_in(sorted(ids)))
    withdrawn = retraction.withdrawn_completions(named, material.frame(RETRACTIONS.name))
    prompts = material.frame("mutated_prompts").select(
        "prompt_id", prompt_drop_reason=pl.col("drop_reason")
    )
    columns = ("completion_id", "prompt_id", "round", "text", "status")
    rows = named.select(columns).join(prompts, on="prompt_id", how="left")
    return {
        row["completion_id"]: {
            **row,
            "is_retracted": row["completion_id"] in withdrawn
            or row["prompt_drop_reason"] == retraction.RETRACTED,
        }
        for row in rows.iter_rows(named=True)
    }


def _ordered(label: Label) -> tuple[str, str]:
    """(chosen, rejected); as the label names them where it is a tie."""
    a, b = _ids(label)
    return (b, a) if label.preferred == "b" else (a, b)


def _why_not(label: Label, sides: Mapping[str, Mapping[str, Any]]) -> str | None:
    chosen, rejected = (sides.get(id) for id in _ordered(label))
    if chosen is None or rejected is None:
        return UNKNOWN_COMPLETION
    if chosen["is_retracted"] or rejected["is_retracted"]:
        return retraction.RETRACTED
    if chosen["prompt_id"] != rejected["prompt_id"]:
        return "other_prompt"
    if chosen["prompt_drop_reason"] is not None:
        return "prompt_is_dropped"
    return why_no_pair(chosen, rejected)


def _decided(
    labels: Sequence[Label], sides: Mapping[str, Mapping[str, Any]]
) -> dict[Label, str | None]:
    """Label → why it is no pair, by what all labels say of its two texts."""
    boxes: dict[tuple[str, frozenset[str]], list[Label]] = defaultdict(list)
    for label in labels:
        texts = frozenset(sides[id]["text"] for id in _ids(label))
        boxes[sides[label.completion_a]["prompt_id"], texts].append(label)
    reasons: dict[Label, str | None] = {}
    for box in boxes.values():
        # A person may think again: the last word of each counts.
        last = {label.labeller: label for label in box if label.labeller is not None}
        votes = {
            label: None if label.preferred == "tie" else str(sides[_ordered(label)[0]]["text"])
            for label in box
            if label.labeller is None or last[label.labeller] == label
        }
        reasons |= dict.fromkeys(box, "labelled_again") | _counted(votes)
    return reasons


def _counted(votes: Mapping[Label, str | None]) -> dict[Label, str | None]:
    """Label → why it is no pair. votes: label → the text that it prefers; None for neither."""
    count = Counter(votes.values())
    decided = [vote for vote in count if count[vote] > len(votes) / 2]
    reasons: dict[Label, str | None] = {}
    for label, vote in votes.items():
        if not decided:
            reasons[label] = NO_MAJORITY
        elif vote != decided[0]:
            reasons[label] = "outvoted"
        elif vote is None:
            reasons[label] = TIE
        else:
            reasons[label] = "same_label" if None in reasons.values() else None
    return reasons


def _row(
    label: Label,
    reason: str | None,
    sides: Mapping[str, Mapping[str, Any]],
    said: Counter[tuple[str, ...]],
) -> dict[str, object]:
    chosen, rejected = _ordered(label)
    is_tie = label.preferred == "tie" or reason == NO_MAJORITY
    what = (chosen, rejected, "tie" if label.preferred == "tie" else "ok")
    said[what] += 1
    known = sides.get(label.completion_a) or sides.get(label.completion_b)
    return pair_row(
        METHOD,
        pair_candidate_id=content_id("pair", METHOD, *what, said[what]),
        chosen=chosen,
        rejected=rejected,
        prompt_id=known["prompt_id"] if known else None,
        round=known["round"] if known else 0,
        # Of what was erased nothing is kept, what a person noted of it neither.
        rationale=None if reason == UNKNOWN_COMPLETION else label.note,
        status="tie" if is_tie else "ok",
        drop_reason=reason,
        label_file=label.file,
        label_line=label.line,
        preferred=label.preferred,
    )
