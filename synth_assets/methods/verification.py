"""Completions and their prompts' references in, math-verify's verdict on each answer out.

A verifier's reject is no proof of wrongness: ``refuted`` says that the answer found differs from
the reference, ``unparsed`` that none was found or compared.
"""

from __future__ import annotations

import polars as pl

from synth_assets.methods.answer_equality import compare_answers, is_equal_answer
from synth_assets.methods.answer_extraction import (
    AnswerLine,
    extract_answer,
    extract_reference,
)
from synth_assets.recipe_parts import Part
from synth_assets.schemas import VERIFICATIONS

__all__ = ["extract_answer", "is_equal_answer", "verdict_on", "verify_completions"]


class Verification(Part):
    """answer_line: pattern whose match is followed by the final answer, such as ``^A:``."""

    answer_line: AnswerLine = None


def verify_completions(
    completions: pl.DataFrame, prompts: pl.DataFrame, *, parameters: Verification
) -> pl.DataFrame:
    """One row per completion of a known prompt, in the order of their ids."""
    references = {
        prompt_id: None if text is None else extract_reference(text, parameters.answer_line)
        for prompt_id, text in prompts.select("prompt_id", "reference").iter_rows()
    }
    columns = completions.select("completion_id", "prompt_id", "round", "text")
    rows: list[dict[str, object]] = []
    for completion_id, prompt_id, round, text in columns.sort("completion_id").iter_rows():
        if prompt_id not in references:
            continue
        reference = references[prompt_id]
        extracted = None if text is None else extract_answer(text, parameters.answer_line)
        rows.append(
            {
                "completion_id": completion_id,
                "prompt_id": prompt_id,
                "round": round,
                "status": _status(reference, extracted),
                "extracted": extracted,
                "reference": reference,
            }
        )
    return VERIFICATIONS.frame(rows)


def verdict_on(text: str | None, reference: str | None, answer_line: str | None = None) -> str:
    """The status that a completion's row would have: verified, refuted, unparsed, no_reference."""
    known = None if reference is None else extract_reference(reference, answer_line)
    return _status(known, None if text is None else extract_answer(text, answer_line))


def _status(reference: str | None, extracted: str | None) -> str:
    if reference is None:
        return "no_reference"
    if extracted is None:
        return "unparsed"
    verdict = compare_answers(reference, extracted)
    if verdict is None:
        return "unparsed"
    return "verified" if verdict else "refuted"
