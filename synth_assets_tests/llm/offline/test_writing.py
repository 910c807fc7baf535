"""New prompts: the list goes on, most items are sound and novel, rubbish comes at its rates."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from rapidfuzz.distance import LCSseq

from synth_assets.llm.offline.recognise import USER_TURN
from synth_assets.llm.offline.skills import MODELS
from synth_assets.llm.offline.task import can_parse
from synth_assets.llm.offline.teacher import complete
from synth_assets.llm.offline.writing import draw_kind, write_item
from synth_assets.llm.request import Request, user
from synth_assets.llm.wire import wire_body
from synth_assets.recipe_model import Model
from synth_assets_tests.llm.offline.bodies import (
    make_body,
    make_dice,
    make_list_text,
    make_tasks,
    reply_text,
)
from synth_assets_tests.llm.offline.test_seeds import seed_prompts

PER_ROUND = 150
ITEM = re.compile(r"^\d+\. (.*)$", re.MULTILINE)
BLOCKED = re.compile(
    r"\b(?:images?|graphs?|pictures?|files?|maps?|draw|plot|go to)\b", re.IGNORECASE
)


def tokens(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def rouge_l(first: list[str], second: list[str]) -> float:
    if not first or not second:
        return 0.0
    return 2 * LCSseq.similarity(first, second) / (len(first) + len(second))


def is_well_formed(text: str) -> bool:
    return (
        4 <= len(text.split()) <= 150
        and BLOCKED.search(text) is None
        and not text.lower().startswith("write a program")
        and text[0].isalnum()
    )


def accept_rounds(model: str, rounds: int) -> list[float]:
    """The share of each round's candidates that form and novelty let through."""
    seeds = seed_prompts()
    pool, accepted, shares = [tokens(seed) for seed in seeds], [], []
    for round in range(1, rounds + 1):
        dice, candidates, before = make_dice(model, round), 0, len(accepted)
        while candidates < PER_ROUND:
            shown = dice.sample(seeds, 6) + dice.sample(accepted or seeds, 2)
            body = make_body(
                make_list_text(shown), model=model, seed=round * 1_000_003 + candidates
            )
            for text in ITEM.findall(reply_text(body)):
                candidates += 1
                if is_well_formed(text) and max(rouge_l(tokens(text), o) for o in pool) <= 0.7:
                    pool.append(tokens(text))
                    accepted.append(text)
        shares.append((len(accepted) - before) / candidates)
    return shares


def test_later_rounds_still_find_novel_prompts() -> None:
    shares = accept_rounds("careful", 4)
    assert shares[0] >= 0.6
    assert min(shares[2:]) >= 0.5
    assert shares[2] >= shares[0] / 2


def test_a_reply_continues_the_numbers_up_to_the_last() -> None:
    examples = [task.write() for task in make_tasks(8)]
    for seed in range(20):
        reply = complete(make_body(make_list_text(examples), seed=seed))["choices"][0]
        numbers = [
            int(number) for number in re.findall(r"^(\d+)\. ", reply["message"]["content"], re.M)
        ]
        assert numbers == list(range(9, 16))
        assert reply["message"]["content"].count("\n") == 6


@pytest.mark.parametrize("model", ["careful", "hasty"])
def test_each_kind_of_rubbish_comes_at_its_declared_rate(model: str) -> None:
    rates = MODELS[model].writing
    draws = 4000
    found = Counter(draw_kind(make_dice("kind", n), rates) for n in range(draws))
    for kind in set(found) - {"good"}:
        assert abs(found[kind] / draws - getattr(rates, kind)) < 0.012
    assert set(found) == set(rates.__dataclass_fields__) - {"cut_reply"} | {"good"}


def test_rubbish_meets_the_filter_that_it_is_planted_for() -> None:
    rates = MODELS["hasty"].writing
    shown = tuple(task.write() for task in make_tasks(3))
    for draw in range(800):
        kind = draw_kind(make_dice("filter", draw), rates)
        text = write_item(make_dice("filter", draw), rates, shown)
        if kind == "near_duplicate":
            assert max(rouge_l(tokens(text), tokens(other)) for other in shown) > 0.7
        elif kind in ("too_short", "too_long", "keyword", "program", "punctuation"):
            assert not is_well_formed(text), (kind, text)
        elif kind == "good":
            assert is_well_formed(text)
            assert can_parse(text)


def test_some_replies_are_cut_in_their_last_item() -> None:
    text = make_list_text([task.write() for task in make_tasks(8)])
    reasons = Counter(
        complete(make_body(text, seed=seed, model="hasty"))["choices"][0]["finish_reason"]
        for seed in range(300)
    )
    assert 0.02 < reasons["length"] / 300 < 0.12


def test_after_its_template_s_beginning_a_model_writes_what_a_user_would_ask() -> None:
    beginning = Model(model="offline/hasty", api="completions", template_prefix=USER_TURN)
    draws = [
        Request("teacher", (user(USER_TURN),), {"temperature": 1.0}, None, 1, n) for n in range(60)
    ]
    replies = [complete(wire_body(beginning, draw)) for draw in draws]
    assert {reply["object"] for reply in replies} == {"text_completion"}
    texts = [reply["choices"][0]["text"] for reply in replies]
    assert len(set(texts)) > 50 and sum(map(can_parse, texts)) > 30
    assert not any("\n" in text for text in texts)
    assert {reply["choices"][0]["finish_reason"] for reply in replies} == {"stop", "length"}


def test_behind_a_user_s_words_it_answers_them() -> None:
    task = make_tasks(1)[0].write()
    raw = {"model": "careful", "prompt": task, "temperature": 0}
    chat = {"model": "careful", "messages": [{"role": "user", "content": task}], "temperature": 0}
    said = complete(raw)["choices"][0]["text"]
    assert "\\boxed" in said
    assert "\\boxed" in complete(chat)["choices"][0]["message"]["content"]
