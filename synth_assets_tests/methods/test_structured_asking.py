from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from pydantic import BaseModel

from synth_assets.llm.call_store import MemoryCallStore
from synth_assets.llm.request import Request, user
from synth_assets.methods.structured_asking import CHUNK, ask_structured, schema_of
from synth_assets_tests.llm.making import ask_for, make_engine
from synth_assets_tests.scripted_ask import ScriptedAsk, in_turn


class Verdict(BaseModel):
    score: int
    why: str = ""


def asked(*texts: str) -> list[tuple[str, Request]]:
    return [(text, Request("it", (user(text),))) for text in texts]


def test_a_reply_is_parsed_or_repaired_without_another_request():
    ask = in_turn(['{"score": 1, "why": "so"}', '{"score": 2,'])
    (_, first), (_, second) = ask_structured(ask, asked("a", "b"), Verdict)
    assert (first.status, first.value) == ("parsed", Verdict(score=1, why="so"))
    assert (second.status, second.value) == ("repaired", Verdict(score=2))
    assert first.correction is None and len(first.call_ids) == 1


def test_one_correction_shows_the_reply_and_what_is_wrong_with_it():
    ask = in_turn(['{"score": "high"}', '{"score": 3}'])
    ((_, found),) = ask_structured(ask, asked("a"), Verdict)
    assert (found.status, found.value) == ("corrected", Verdict(score=3))
    first, second = ask.requests
    assert second.messages[:2] == (user("a"), {"role": "assistant", "content": '{"score": "high"}'})
    assert "score: Input should be a valid integer" in ask.prompts[1]
    assert '"required":["score","why"]' in ask.prompts[1]
    assert second.response_schema == first.response_schema == schema_of(Verdict)
    assert len(set(found.call_ids)) == 2


def test_a_second_wrong_reply_is_the_end():
    ask = in_turn(["no", "still no"])
    ((_, found),) = ask_structured(ask, asked("a"), Verdict)
    assert (found.status, found.value) == ("unparsed", None)
    assert found.problem == "the reply holds no JSON object"
    assert found.reply.text == "no" and found.correction is not None


@pytest.mark.parametrize("text", [None, "  "])
def test_where_there_is_no_text_nothing_can_be_corrected(text: str | None):
    ask = in_turn([text])
    ((_, found),) = ask_structured(ask, asked("a"), Verdict)
    assert (found.status, found.value, found.correction) == ("failed", None, None)
    assert len(ask.requests) == 1


def test_corrections_of_a_chunk_are_asked_together_and_subjects_keep_their_order():
    def answer(request: Request) -> str:
        text = request.messages[0]["content"]
        is_first = len(request.messages) == 1
        return "?" if is_first and int(text) % 2 else f'{{"score": {text}}}'

    ask = ScriptedAsk(answer)
    counts: Counter[str] = Counter()
    texts = [str(n) for n in range(CHUNK + 10)]
    found = list(ask_structured(ask, asked(*texts), Verdict, counts))
    assert [subject for subject, _ in found] == texts
    assert [reply.value and reply.value.score for _, reply in found] == list(range(CHUNK + 10))
    assert counts == {"parsed": CHUNK // 2 + 5, "corrected": CHUNK // 2 + 5}
    turns = [len(request.messages) for request in ask.requests]
    assert turns[:CHUNK] == [1] * CHUNK and turns[CHUNK : CHUNK + CHUNK // 2] == [3] * (CHUNK // 2)


def test_another_form_reads_stored_replies_again_and_buys_none(tmp_path: Path):
    class Strict(Verdict):
        score: float  # type: ignore[assignment]

    store = MemoryCallStore()
    request = ask_for("a", response_schema=schema_of(Verdict))
    with make_engine(tmp_path, ['{"score": 1}'], calls=store) as engine:
        list(ask_structured(engine.ask, [("a", request)], Verdict))
    with make_engine(tmp_path, [], calls=store) as engine:
        ((_, found),) = ask_structured(engine.ask, [("a", request)], Strict)
    assert found.value == Strict(score=1.0)
    assert found.reply.is_cached


def test_a_correction_is_a_row_and_is_known_the_next_time(tmp_path: Path):
    store = MemoryCallStore()
    script = ["?", '{"score": 1}']
    with make_engine(tmp_path, script, calls=store) as engine:
        ((_, first),) = ask_structured(engine.ask, [("a", ask_for("a"))], Verdict)
    with make_engine(tmp_path, [], calls=store) as engine:
        ((_, again),) = ask_structured(engine.ask, [("a", ask_for("a"))], Verdict)
    assert [row["call_id"] for row in store.rows] == first.call_ids == again.call_ids
    assert (first.status, again.status) == ("corrected", "corrected")


def test_a_schema_requires_all_and_allows_no_more_at_every_depth():
    class Inner(BaseModel):
        default: int = 3

    class Outer(BaseModel):
        items: list[Inner] = []

    schema = schema_of(Outer)
    assert schema["required"] == ["items"] and schema["additionalProperties"] is False
    inner = schema["$defs"]["Inner"]
    assert (inner["required"], inner["additionalProperties"]) == (["default"], False)
    assert inner["properties"]["default"] == {"title": "Default", "type": "integer"}
