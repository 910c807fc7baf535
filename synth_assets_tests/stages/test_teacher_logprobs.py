"""Asked for, kept, and left alone: the probabilities of a teacher's tokens in a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synth_assets.llm.replies import body_of
from synth_assets.llm.request import Request
from synth_assets.llm.transports.scripted import Line
from synth_assets_tests.stages.bench import bench

PARTS: dict[str, Any] = {"prompts": {"self_instruct": None}, "judgments": None}


def with_logprobs(request: Request) -> Line | None:
    """Answers one word with its probability, where it is asked for."""
    if not request.sampling.get("logprobs"):
        return None
    assert request.sampling["top_logprobs"] == 3
    body = body_of("Yes", model="teacher", input_tokens=1, output_tokens=1)
    tops = [{"token": "Yes", "logprob": -0.1}, {"token": "No", "logprob": -2.4}]
    told = {"content": [{"token": "Yes", "logprob": -0.1, "top_logprobs": tops}]}
    body["choices"][0]["logprobs"] = told
    return body


def test_they_are_asked_for_and_kept_beside_the_completions(tmp_path: Path) -> None:
    completions = {"teachers": ["teacher"], "per_prompt": 1, "top_logprobs": 3}
    with bench(tmp_path, completions=completions, **PARTS) as one:
        one.teacher.before = with_logprobs
        one.run()
        rows = one.read("teacher_logprobs")
        assert set(rows["completion_id"]) == set(one.read("completions")["completion_id"])
        assert rows["status"].unique().to_list() == ["ok"]
        (token,) = rows["tokens"][0].to_list()
        assert (token["token"], token["logprob"]) == ("Yes", -0.1)
        assert [each["token"] for each in token["alternatives"]] == ["Yes", "No"]


def test_where_nobody_asks_for_them_there_is_no_such_table(tmp_path: Path) -> None:
    completions = {"teachers": ["teacher"], "per_prompt": 1}
    with bench(tmp_path, completions=completions, **PARTS) as one:
        one.teacher.before = with_logprobs
        assert "teacher_logprobs" not in one.run()
