"""Prompts that described people could write, and the check of the constraints they state."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from synth_assets.errors import RecipeError
from synth_assets.llm.request import Request, user
from synth_assets.method import Material
from synth_assets.methods.constraints import Constraints, check_constraints
from synth_assets.methods.personas import SCHEMA, Personas, read_personas, write_for_personas
from synth_assets.methods.result import MethodResult
from synth_assets.quality.verifiable_constraints import constraints_from_json
from synth_assets_tests.methods.builders import make_completions
from synth_assets_tests.offline_ask import offline_ask
from synth_assets_tests.scripted_ask import Answer, ScriptedAsk, in_turn, reply_to

TASK = "Plan a supper for nine."


def write(ask: ScriptedAsk, *, round: int = 1, **values: Any) -> MethodResult:
    parameters = Personas.model_validate({"teacher": "teacher", "per_round": 6} | values)
    return write_for_personas(Material(round, {}, ask), parameters)


def always(answer: Answer) -> ScriptedAsk:
    return ScriptedAsk(lambda request: answer)


def test_a_prompt_is_asked_for_each_person_and_skill_once() -> None:
    rows = [write(always(TASK), round=round, per_round=60).rows for round in (1, 2, 3)]
    pairs = Counter(pl.concat(rows).select("persona", "skill").rows())
    assert len(pairs) == 60 * 3
    assert set(pairs.values()) == {1}
    again = write(always(TASK), round=4, per_round=60)
    assert set(again.rows.select("persona", "skill").rows()) == set(
        rows[0].select("persona", "skill").rows()
    )


def test_prompts_of_instruction_following_state_one_to_three_constraints_word_for_word() -> None:
    rows = write(always(TASK), per_round=60, skills=["instruction_following"]).rows
    counts: Counter[int] = Counter()
    for row in rows.iter_rows(named=True):
        constraints = constraints_from_json(row["constraints"])
        counts[len(constraints)] += 1
        assert row["text"] == " ".join([TASK, *(each.sentence() for each in constraints)])
    assert set(counts) == {1, 2, 3}


def test_other_skills_state_none() -> None:
    rows = write(always(TASK), per_round=20, skills=["mathematics", "coding"]).rows
    assert rows["constraints"].null_count() == 20
    assert set(rows["text"]) == {TASK}
    assert set(rows["category"]) == {"mathematics", "coding"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "failed_reply"),
        (" \n", "empty"),
        ("[person 0123456789] asks for a plan.", "copies_template"),
        (TASK, None),
    ],
)
def test_every_reply_is_a_row_kept_or_dropped_by_name(answer: Answer, reason: str | None) -> None:
    result = write(always(answer), per_round=2)
    assert result.rows["drop_reason"].to_list() == [reason, reason]
    assert result.items_parsed == 2


def test_a_cut_prompt_is_dropped() -> None:
    ask = ScriptedAsk(lambda request: reply_to(request, TASK, "cut"))
    assert set(write(ask, per_round=2).rows["drop_reason"]) == {"cut_off"}


def test_a_model_may_describe_the_people() -> None:
    ask = in_turn(["A diver who collects bells.", "A diver who collects bells.", TASK, TASK, TASK])
    result = write(ask, from_model=2, per_round=3)
    assert set(result.rows["persona"]) == {"A diver who collects bells."}
    assert set(result.rows["skill"]) == {"instruction_following", "mathematics", "coding"}
    assert all(len(calls) == 2 for calls in result.rows["call_ids"])
    assert ask.prompts[0].count("\n- ") == 5


def test_nobody_described_means_no_prompts() -> None:
    assert write(in_turn([None, " "]), from_model=2).rows.height == 0


def test_a_file_of_the_recipe_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "people.txt"
    path.write_text("\ufeffAda.\n\n  Béla. \nAda.\n", encoding="utf-8")
    parameters = Personas(teacher="t", per_round=1, file="people.txt")
    assert read_personas(parameters, lambda name: tmp_path / name) == ["Ada.", "Béla."]
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"prompts\.personas\.file = 'people\.txt'.*one a line"):
        read_personas(parameters, lambda name: tmp_path / name)
    with pytest.raises(RecipeError, match="cannot be read"):
        read_personas(parameters, lambda name: tmp_path / "missing")


def test_the_package_describes_sixty_people() -> None:
    assert len(read_personas(Personas(teacher="t", per_round=1), Path)) == 60


def check(text: str | None, constraints: str, **values: Any) -> list[dict[str, Any]]:
    neutral: dict[str, Any] = dict.fromkeys(SCHEMA.polars.names())
    row: dict[str, object] = {**neutral, "prompt_id": "p", "constraints": constraints}
    prompts = SCHEMA.frame([row])
    status = "ok" if text is not None else "failed"
    completions = make_completions(
        {"prompt_id": "p", "text": text, "status": status}, {"prompt_id": "other", "text": "x"}
    )
    frames = {"persona_prompts": prompts, "completions": completions}
    result = check_constraints(Material(1, frames, always(None)), Constraints(**values))
    assert result.rows.height == result.items_parsed
    return list(result.rows.iter_rows(named=True))


TWO = '[{"name":"lower_case","values":{}},{"name":"at_most_words","values":{"n":"3"}}]'


def test_a_completion_is_dropped_by_the_constraint_it_breaks() -> None:
    found = check("only Three words", TWO)
    assert [(row["filter"], row["score"], row["drop_reason"]) for row in found] == [
        ("constraints:lower_case", 0.0, "breaks_lower_case"),
        ("constraints:at_most_words", 1.0, None),
    ]
    assert {row["holds_for"] for row in found} == {"sft"}
    assert {row["holds_for"] for row in check("x", TWO, holds_for="all")} == {"all"}


def test_without_a_text_there_is_no_score_and_no_reason() -> None:
    found = check(None, TWO)
    assert [(row["score"], row["status"], row["drop_reason"]) for row in found] == [
        (None, "failed", None),
        (None, "failed", None),
    ]


def test_the_offline_teacher_keeps_most_constraints_and_breaks_some() -> None:
    ask = offline_ask({"teacher": "careful", "hasty": "hasty"})
    prompts = write(ask, per_round=60, skills=["instruction_following"]).rows
    kept = prompts.filter(pl.col("drop_reason").is_null())
    answers: list[dict[str, Any]] = []
    for row in kept.iter_rows(named=True):
        request = Request("hasty", (user(row["text"]),), {"temperature": 0.8})
        (reply,) = ask([request])
        answers.append({"prompt_id": row["prompt_id"], "text": reply.text})
    frames = {"persona_prompts": prompts, "completions": make_completions(*answers)}
    rows = check_constraints(Material(1, frames, ask), Constraints()).rows
    share = rows["score"].mean()
    assert isinstance(share, float)
    assert 0.75 < share < 1.0
