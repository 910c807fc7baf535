"""The test server itself, asked by the standard library over a real socket."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from typing import Any

import pytest

from synth_assets_tests.server import (
    Fault,
    Serving,
    ServingProcess,
    Settings,
    serving,
    serving_process,
)


def post(server: Serving | ServingProcess, path: str, body: Any, timeout: float = 5) -> Any:
    """(status, headers, body) of one answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection(server.address.partition("//")[2], timeout=timeout)
    try:
        connection.request("POST", path, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


def ask(server: Serving | ServingProcess, text: str, **fields: Any) -> Any:
    body = {"model": "m", "messages": [{"role": "user", "content": text}], **fields}
    return post(server, "/v1/chat/completions", body)


def said(answer: Any) -> str:
    return json.loads(answer[2])["choices"][0]["message"]["content"]


def test_a_reply_is_decided_by_its_prompt_and_counted():
    with serving(Settings(reply_words=3)) as server:
        assert said(ask(server, "hello", seed=1)) == "re: hello word"
        ask(server, "hello", seed=1)
        ask(server, "hello", seed=2)
        counters = server.counters
    assert counters.times("hello", 1) == 2
    assert (counters.total, counters.repeated, counters.answered) == (3, 1, 3)
    assert (counters.input_tokens, counters.output_tokens) == (6, 12)
    assert counters.usd == pytest.approx(6e-6 + 24e-6)


def test_several_samples_logprobs_and_a_cut_reply():
    with serving(Settings(reply_words=3)) as server:
        many = json.loads(ask(server, "hello", n=3, logprobs=True)[2])
        cut = json.loads(ask(server, "hello", max_tokens=1)[2])
    assert [choice["message"]["content"] for choice in many["choices"]] == [
        "re: hello word",
        "re: hello (1)",
        "re: hello (2)",
    ]
    assert many["choices"][0]["logprobs"]["content"][0]["logprob"] == -0.5
    assert many["usage"]["prompt_tokens"] == 2
    assert cut["choices"][0]["finish_reason"] == "length"


def test_a_structured_reply_fits_its_schema():
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "kind": {"enum": ["a", "b"]},
            "ratings": {"type": "array", "items": {"$ref": "#/$defs/one"}},
        },
        "$defs": {"one": {"type": "integer", "minimum": 4}},
    }
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    with serving() as server:
        value = json.loads(said(ask(server, "q", response_format=form)))
    assert value == {"name": "re: q", "kind": "a", "ratings": [4]}


def test_the_other_protocols_are_spoken():
    turn = [{"role": "user", "content": "hi"}]
    with serving(Settings(reply_words=1)) as server:
        text = json.loads(post(server, "/v1/completions", {"model": "m", "prompt": "hi"})[2])
        body = {"model": "m", "max_tokens": 9, "messages": turn}
        claude = json.loads(post(server, "/v1/messages", body)[2])
        asked = {"contents": [{"parts": [{"text": "hi"}]}]}
        gemini = json.loads(post(server, "/v1beta/models/g:generateContent", asked)[2])
    assert text["choices"][0]["text"] == "re: hi"
    assert claude["content"] == [{"type": "text", "text": "re: hi"}]
    assert gemini["candidates"][0]["content"]["parts"] == [{"text": "re: hi"}]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("rate_limit", 429),
        ("server_error", 500),
        ("unavailable", 503),
        ("auth", 401),
        ("no_credit", 429),
        ("not_found", 404),
        ("bad_request", 400),
        ("content_policy", 400),
        ("too_long", 400),
        ("redirect", 307),
        ("echo", 400),
    ],
)
def test_a_refusal_strikes_the_first_attempt_only(kind: Any, status: int):
    fault = Fault(kind, attempts=1, retry_after_s=0.5)
    with serving(Settings(faults=(fault,))) as server:
        first, second = ask(server, "q"), ask(server, "q")
    assert (first[0], second[0]) == (status, 200)
    assert first[1].get("Retry-After") == (None if kind in ("redirect", "echo") else "0.5")
    assert server.counters.faults == {kind: 1}
    assert server.counters.answered == 1


@pytest.mark.parametrize("kind", ["malformed", "invalid_utf8"])
def test_a_body_may_be_no_json(kind: Any):
    with serving(Settings(faults=(Fault(kind),))) as server, pytest.raises(ValueError):
        json.loads(ask(server, "q")[2])


def test_a_reply_may_have_another_form():
    faults = tuple(
        Fault(kind, containing=kind)
        for kind in ("wrong_shape", "wrong_schema", "broken_content", "deep")
    )
    with serving(Settings(faults=faults)) as server:
        assert "choices" not in json.loads(ask(server, "wrong_shape")[2])
        assert json.loads(said(ask(server, "wrong_schema"))) == {"other": [1]}
        assert said(ask(server, "broken_content")) == '{"answer": "Hi", "rest": ['
        assert ask(server, "deep")[2].count(b"[") == 100_000


def test_a_connection_may_break_stop_or_never_end():
    faults = tuple(
        Fault(kind, containing=kind) for kind in ("reset", "truncated", "hang", "drip", "huge")
    )
    body = {"model": "m", "messages": [{"role": "user", "content": "hang"}]}
    with serving(Settings(faults=faults, huge_bytes=3_000_000)) as server:
        with pytest.raises(ConnectionError):
            ask(server, "reset")
        with pytest.raises(http.client.IncompleteRead):
            ask(server, "truncated")
        with pytest.raises(TimeoutError):
            post(server, "/v1/chat/completions", body, timeout=0.2)
        assert len(ask(server, "huge")[2]) == 3_000_000
        drip = http.client.HTTPConnection(server.address.partition("//")[2], timeout=5)
        drip.request("POST", "/v1/chat/completions", json.dumps(body).replace("hang", "drip"))
        assert drip.getresponse().read(20) == b'{"choices": [       '
        drip.close()
        assert server.counters.answered == 0


def test_faults_are_drawn_by_content_and_seed():
    def struck(seed: int) -> list[int]:
        settings = Settings(seed=seed, faults=(Fault("server_error", share=0.3),))
        with serving(settings) as server:
            return [n for n in range(60) if ask(server, f"q {n}")[0] == 500]

    assert struck(1) == struck(1) != struck(2)
    assert 8 <= len(struck(1)) <= 30


def test_who_overshoots_the_bucket_is_told_to_wait():
    settings = Settings(requests_per_minute=60, burst_s=2, shows_limits=True, penalty=1)
    with serving(settings) as server:
        answers = [ask(server, f"q {n}") for n in range(4)]
    assert [status for status, _, _ in answers] == [200, 200, 429, 429]
    assert answers[0][1]["x-ratelimit-limit-requests"] == "60"
    assert answers[0][1]["x-ratelimit-remaining-requests"] == "1"
    waits = [float(answer[1]["Retry-After"]) for answer in answers[2:]]
    assert 0 < waits[0] <= 1 < waits[1] <= 2, "a 429 costs a request of its own"


def test_a_process_serves_is_changed_and_ends_with_its_input():
    with serving_process(Settings(reply_words=1)) as server:
        assert said(ask(server, "q")) == "re: q"
        server.change(Settings(faults=(Fault("server_error"),)))
        assert ask(server, "p")[0] == 500
        assert server.counters.total == 2
    command = [sys.executable, "-m", "synth_assets_tests.server"]
    ended = subprocess.run(
        command, input="", capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout.startswith("http://127.0.0.1:")
