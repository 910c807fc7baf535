from __future__ import annotations

import json

import pytest

from synth_assets.quality.refusals import is_refusal
from synth_assets_tests.real_data import real_data


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, I cannot assist with that request.",
        "Sorry, I am not able to answer this question.",
        "Sorry, I cannot help to find somebody's private details.",
        "I cannot provide instructions for that.",
        "I can't.",
        "Unfortunately, I am unable to fulfil this request.",
        "I apologize, but as an AI model, I cannot generate that.",
        "As an AI language model, I can't do that.",
        "I must respectfully decline.",
        "I won't help with this.\n\nIf you are struggling, please call someone.",
        '"I am not able to comply."',
    ],
)
def test_a_text_that_opens_by_declining_is_a_refusal(text: str):
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I cannot stress enough how much water matters.",
        "Sorry to hear that! Here are three ideas.",
        "You cannot help with that.",
        "Here is a story: \"I'm sorry, I can't help,\" said the fox.",
        "Unfortunately, the answer is no: 7 is prime.",
        "The word sorry has five letters.",
        "I can help with that.",
        "Nein, das kann ich nicht tun.",
    ],
)
def test_other_texts_are_not(text: str):
    assert not is_refusal(text)


@pytest.mark.parametrize(
    ("model", "count"),
    [("davinci-self-instruct", 0), ("text-davinci-001", 0), ("text-davinci-002", 0),
     ("text-davinci-003", 0)],
)  # fmt: skip
def test_on_real_completions(model: str, count: int):
    file = real_data() / "self-instruct" / f"{model}_predictions.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    found = [line for line in lines if is_refusal(str(json.loads(line)["response"]))]
    assert len(found) == count
