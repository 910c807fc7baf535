"""What a strange, broken or hostile endpoint sends: each bounded, each told by its kind."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from synth_assets.errors import RejectedCallError
from synth_assets.llm.call_store import MemoryCallStore
from synth_assets.llm.limits import Allowance
from synth_assets.llm.request import Reply
from synth_assets.llm.transports.openai_compatible import OpenAICompatible
from synth_assets.llm.transports.rate_limit_headers import read_limits, seconds_until
from synth_assets.recipe_model import Model
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe
from synth_assets_tests.server import Fault, Settings, serving

KEY = "sk-planted-4711-0815"


def ask_once(home: Path, base_url: str, *, text: str = "q", **model: Any) -> tuple[Reply, Any]:
    """The reply and its row."""
    store = MemoryCallStore()
    recipe = make_recipe(
        {"model": "openai_compatible/m", "base_url": base_url, "max_retries": 0, **model}
    )
    with make_engine(home, recipe=recipe, calls=store) as engine:
        (reply,) = engine.ask([ask_for(text)])
    return reply, store.rows[0]


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("reset", "connection", ""),
        ("truncated", "truncated_body", ""),
        ("malformed", "truncated_body", "no whole chat completion"),
        ("wrong_shape", "truncated_body", "no whole chat completion"),
        ("invalid_utf8", "truncated_body", "no UTF-8"),
        ("deep", "truncated_body", "no whole chat completion"),
        ("huge", "bad_request", "over 20,000,000 bytes"),
        ("hang", "timeout", "within 0.3 s"),
        ("drip", "timeout", "within 0.3 s"),
        ("unavailable", "server", "Overloaded"),
    ],
)
def test_a_fault_is_a_row_of_its_kind(tmp_path: Path, fault: Any, kind: str, words: str):
    timeout_s = 0.3 if fault in ("hang", "drip") else 60
    with serving(Settings(faults=(Fault(fault, attempts=None),))) as server:
        reply, row = ask_once(tmp_path, server.base_url, timeout_s=timeout_s)
    assert reply.status == "failed"
    assert (reply.error or "").startswith(f"{kind}: ")
    assert words in (reply.error or "")
    assert len(row["raw_reply"] or "") < 300_000


def test_a_body_that_is_no_utf8_is_kept_as_it_can_be(tmp_path: Path):
    with serving(Settings(faults=(Fault("invalid_utf8"),))) as server:
        _, row = ask_once(tmp_path, server.base_url)
    assert "\ufffd" in row["raw_reply"] and "choices" in row["raw_reply"]


def test_a_reply_of_another_form_is_still_the_models_words(tmp_path: Path):
    with serving(Settings(faults=(Fault("broken_content"),))) as server:
        reply, _ = ask_once(tmp_path, server.base_url)
    assert (reply.status, reply.text) == ("ok", '{"answer": "Hi", "rest": [')


def test_a_redirect_is_not_followed_and_takes_no_key_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KEY_OF_TRIAL", KEY)
    with serving() as elsewhere:
        fault = Fault("redirect", attempts=None)
        settings = Settings(faults=(fault,), elsewhere=f"{elsewhere.base_url}/chat/completions")
        with (
            serving(settings) as server,
            pytest.raises(RejectedCallError, match="redirects are not followed"),
        ):
            ask_once(tmp_path, server.base_url, api_key="env:KEY_OF_TRIAL")
        assert server.last[0].headers["authorization"] == f"Bearer {KEY}"
        assert elsewhere.last == []


def test_an_endpoint_that_says_path_and_headers_back_tells_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KEY_OF_TRIAL", KEY)
    with serving(Settings(faults=(Fault("echo", attempts=None),))) as server:
        address = server.base_url.replace("://", "://me:planted-word@") + "?sig=planted-sign"
        reply, row = ask_once(tmp_path, address, api_key="env:KEY_OF_TRIAL")
    assert "authorization" in row["raw_reply"] and "***" in row["raw_reply"]
    shown = repr(reply) + repr(row)
    assert [word for word in (KEY, "planted-word", "planted-sign") if word in shown] == []


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate that nobody vouches for."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.mark.skipif(not shutil.which("openssl"), reason="makes a certificate by openssl")
def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_key_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KEY_OF_TRIAL", KEY)
    with (
        serving(tls=self_signed(tmp_path)) as server,
        pytest.raises(RejectedCallError, match="certificate"),
    ):
        ask_once(tmp_path, server.base_url, api_key="env:KEY_OF_TRIAL")
    assert server.last == []


async def send(base_url: str, text: str = "q") -> Any:
    transport = OpenAICompatible()
    try:
        model = Model(model="openai_compatible/m", base_url=base_url)
        return await transport.send(model, ask_for(text))
    finally:
        await transport.close()


def test_limits_of_the_headers_come_with_replies_and_with_errors():
    settings = Settings(requests_per_minute=60, tokens_per_minute=6000, shows_limits=True)
    with serving(settings) as server:
        reply = asyncio.run(send(server.base_url))
        with pytest.raises(Exception, match="rate_limit") as caught:
            asyncio.run(send(server.base_url))
    for limits in (reply.limits, caught.value.limits):  # type: ignore[attr-defined]
        assert limits.requests.limit == 60
        assert limits.requests.remaining == 0
        assert 0 < limits.requests.reset_s <= 1
        assert limits.tokens.limit == 6000
        assert limits.input_tokens is None
    assert 0 < (caught.value.retry_after_s or 0) <= 1  # type: ignore[attr-defined]


def test_headers_of_anthropic_tell_input_and_output_apart():
    limits = read_limits(
        {
            "anthropic-ratelimit-input-tokens-limit": "40000",
            "anthropic-ratelimit-input-tokens-remaining": "39000",
            "anthropic-ratelimit-input-tokens-reset": "2020-01-01T00:00:00Z",
        }
    )
    assert limits is not None
    assert limits.input_tokens == Allowance(40000, 39000, 0)
    assert (limits.requests, limits.output_tokens) == (None, None)


def test_headers_without_limits_or_with_nonsense_say_nothing():
    assert read_limits({"Content-Type": "application/json"}) is None
    assert read_limits({"x-ratelimit-other": "1"}) is None
    limits = read_limits({"x-ratelimit-remaining-requests": "many"})
    assert limits is not None and limits.requests == Allowance(None, None, None)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("12", 12),
        ("1.5s", 1.5),
        ("6m0s", 360),
        ("2m59.56s", 179.56),
        ("20ms", 0.02),
        ("1h2m3s", 3723),
        ("1577836800", 0),
        ("1577836800000", 0),
        ("2020-01-01T00:00:00+00:00", 0),
        ("soon", None),
        ("1x2s", None),
        (None, None),
    ],
)
def test_a_reset_is_seconds_a_duration_or_a_time(value: str | None, seconds: float | None):
    found = seconds_until(value)
    assert found == (None if seconds is None else pytest.approx(seconds))
