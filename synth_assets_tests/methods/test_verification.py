from __future__ import annotations

import json
from collections import Counter

import pytest

from synth_assets.methods.verification import (
    Verification,
    extract_answer,
    is_equal_answer,
    verify_completions,
)
from synth_assets.schemas import COMPLETIONS, MUTATED_PROMPTS, VERIFICATIONS
from synth_assets_tests.methods.builders import a_prompt, make_completions, make_prompts
from synth_assets_tests.real_data import real_data


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{18}.", "18"),
        (r"\boxed{1} then \boxed{2}", "2"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}} and more }", r"\{1, 2\}"),
        (r"\boxed{5} and then \boxed{6", "5"),
        (r"\fbox{7}", "7"),
        (r"\boxed{8} and \fbox{7}", "8"),
        (r"\boxed{} or #### 5", None),
        ("A: 1\nA: 2", "2"),
        ("A: 1\nA:", "1"),
        (r"\boxed{3}" + "\nA: 4", "3"),
        ("A: 4\n#### 5", "4"),
        ("She has 9.\n#### 1,234\n", "1,234"),
        ("#### Conclusion\nThe answer is 5.", "5"),
        ("##### 5", None),
        ("The answer is 3.5. I am sure.", "3.5"),
        ("The answer is: **18**.", "18"),
        ("The answer is 1. No, the answer is 2", "2"),
        ("The final answer is Tuesday", "Tuesday"),
        ("It is 18.", None),
        ("", None),
    ],
)
def test_the_final_answer_is_found_in_this_order(text: str, answer: str | None):
    assert extract_answer(text, "^A:") == answer


def test_without_an_answer_line_none_is_looked_for():
    assert extract_answer("A: 5") is None


def test_many_boxes_that_never_close_are_read_in_good_time():
    assert extract_answer(r"\boxed{" * 20_000) is None


def verify(reference: str | None, text: str | None, answer_line: str | None = "^A:"):
    (row,) = verify_completions(
        make_completions({"prompt_id": "p", "text": text, "round": 3}),
        make_prompts(a_prompt("What is it?", "p", reference=reference)),
        parameters=Verification(answer_line=answer_line),
    ).to_dicts()
    return row


@pytest.mark.parametrize(
    ("reference", "text", "status"),
    [
        ("A: 18", "So\nA: 18.0", "verified"),
        ("18", "A: 18", "verified"),
        ("A: 18", "A: 19", "refuted"),
        ("A: 18", "I do not know.", "unparsed"),
        ("A: 18", None, "unparsed"),
        ("A: 18", "A: 9^9^9^9", "unparsed"),
        (None, "A: 18", "no_reference"),
        (None, None, "no_reference"),
        ("An essay about rivers.\nIt has no final answer.", "A: 18", "no_reference"),
        ("A long line. " * 20, "A: 18", "no_reference"),
        ("", "A: 18", "no_reference"),
    ],
)
def test_each_status(reference: str | None, text: str | None, status: str):
    assert verify(reference, text)["status"] == status


def test_the_row_holds_both_answers():
    row = verify("It is\nA: 18", "So\nA: 19")
    assert (row["completion_id"], row["prompt_id"], row["round"]) == ("c0", "p", 3)
    assert (row["extracted"], row["reference"]) == ("19", "18")


def test_rows_are_in_the_order_of_their_ids():
    completions = make_completions(*[{"prompt_id": "p", "text": f"A: {n}"} for n in range(3)])
    prompts = make_prompts(a_prompt("What?", "p", reference="1"))
    arguments = {"parameters": Verification(answer_line="^A:")}
    found = verify_completions(completions, prompts, **arguments)
    assert found.equals(verify_completions(completions.reverse(), prompts, **arguments))
    assert found["status"].to_list() == ["refuted", "verified", "refuted"]


def test_nothing_in_gives_nothing_out():
    found = verify_completions(
        COMPLETIONS.empty(), MUTATED_PROMPTS.empty(), parameters=Verification()
    )
    assert found.equals(VERIFICATIONS.empty())


def test_verdicts_agree_with_every_released_one():
    file = real_data() / "grade-school-math" / "example_model_solutions.jsonl"
    correct: Counter[str] = Counter()
    agreeing = total = 0
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        gold = extract_answer(row["ground_truth"], "^A:")
        assert gold is not None
        for model in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
            answer = extract_answer(row[model]["solution"], "^A:")
            is_correct = answer is not None and is_equal_answer(gold, answer)
            correct[model] += is_correct
            agreeing += is_correct == row[model]["is_correct"]
            total += 1
    assert (agreeing, total) == (5_276, 5_276)
    assert correct == {
        "6b_finetuning": 286,
        "6b_verification": 515,
        "175b_finetuning": 458,
        "175b_verification": 742,
    }
