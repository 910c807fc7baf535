from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sized

import pytest

from synth_assets.errors import SynthError
from synth_assets.llm.request import Reply, Request, user
from synth_assets.methods.asking import Counted, ask_about
from synth_assets_tests.scripted_ask import ScriptedAsk, reply_to


def a_request(text: str) -> Request:
    return Request("model", (user(text),))


def test_each_reply_stands_beside_its_subject():
    ask = ScriptedAsk(lambda request: request.messages[0]["content"].upper())
    pairs = ask_about(ask, ((text, a_request(text)) for text in "abc"))
    assert [(subject, reply.text) for subject, reply in pairs] == [
        ("a", "A"), ("b", "B"), ("c", "C"),
    ]  # fmt: skip


def test_requests_are_made_while_replies_come():
    made: list[str] = []

    def subjects():
        for text in "abc":
            made.append(text)
            yield text, a_request(text)

    next(ask_about(ScriptedAsk(lambda _: "yes"), subjects()))
    assert made == ["a"]


def test_counted_requests_are_made_while_replies_come():
    made: list[str] = []

    def subjects():
        for text in "abc":
            made.append(text)
            yield text, a_request(text)

    next(ask_about(ScriptedAsk(lambda _: "yes"), Counted(3, subjects())))
    assert made == ["a"]


def test_the_asked_are_told_how_many_requests_come_where_it_is_known():
    told: list[int | None] = []

    def ask(requests: Iterable[Request]) -> Iterator[Reply]:
        told.append(len(requests) if isinstance(requests, Sized) else None)
        return ScriptedAsk(lambda _: "yes")(requests)

    pairs = [(text, a_request(text)) for text in "abc"]
    for subjects in (pairs, Counted(3, iter(pairs)), iter(pairs)):
        assert len(list(ask_about(ask, subjects))) == 3
    assert told == [3, 3, None]


def test_the_asked_are_told_how_many_come_in_all_where_these_are_the_first_of_several_steps():
    told: list[object] = []

    def ask(requests: Iterable[Request]) -> Iterator[Reply]:
        told.append(requests.in_all if isinstance(requests, Counted) else None)
        return ScriptedAsk(lambda _: "yes")(requests)

    for subjects in (Counted(1, [("a", a_request("a"))], in_all=3), [("a", a_request("a"))]):
        assert len(list(ask_about(ask, subjects))) == 1
    assert told == [3, None]


@pytest.mark.parametrize(
    ("count", "problem"), [(2, "more than the 2 items"), (4, "3 items, where 4 were counted")]
)
def test_a_wrong_count_is_an_error(count: int, problem: str):
    subjects = Counted(count, ((text, a_request(text)) for text in "abc"))
    with pytest.raises(SynthError, match=problem):
        list(ask_about(ScriptedAsk(lambda _: "yes"), subjects))


def test_failed_empty_and_refused_replies_are_counted():
    counts: Counter[str] = Counter()
    replies = {
        "a": "text",
        "b": None,
        "c": reply_to(a_request("c"), None, "empty"),
        "d": reply_to(a_request("d"), "No.", "refused"),
        "e": reply_to(a_request("e"), "half a te", "cut"),
    }
    ask = ScriptedAsk(lambda request: replies[request.messages[0]["content"]])
    list(ask_about(ask, ((text, a_request(text)) for text in replies), counts))
    assert counts == {"replies": 5, "failed_replies": 3}


def test_too_few_replies_are_an_error():
    with pytest.raises(SynthError, match="1 requests were left"):
        list(ask_about(lambda requests: iter(list(requests)[:0]), [("a", a_request("a"))]))  # type: ignore[arg-type]
