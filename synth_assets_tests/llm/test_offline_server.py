"""The server as a person starts it, over a real socket."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synth_assets.errors import RejectedCallError
from synth_assets.llm.request import Reply
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe

PROMPTS = [
    "What is 12 + 30?",
    "Sort these words alphabetically: pear, apple, fig.",
    "Tom has 3 boxes of 4 pens and gives away 5. How many pens are left?",
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "synth_assets.llm.offline_server", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            wait_for(port, server)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert server.poll() is None, "the server ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the server does not listen")


def ask_all(home: Path, **model: Any) -> list[Reply]:
    with make_engine(home, recipe=make_recipe(model)) as engine:
        return list(
            engine.ask(
                ask_for(prompt, sampling={"temperature": 0.7, "max_tokens": 200}, sample_index=n)
                for prompt in PROMPTS
                for n in range(3)
            )
        )


def test_served_models_say_what_they_say_in_process(tmp_path: Path, base_url: str):
    served = ask_all(tmp_path / "1", model="openai_compatible/careful", base_url=base_url)
    here = ask_all(tmp_path / "2", model="offline/careful")
    assert [reply.text for reply in served] == [reply.text for reply in here]
    assert len({reply.text for reply in here}) > 1
    assert {one.call_id for one in served}.isdisjoint(one.call_id for one in here)


def test_a_model_that_does_not_exist_stops_the_run_as_with_any_endpoint(
    tmp_path: Path, base_url: str
):
    with pytest.raises(RejectedCallError, match="no offline model 'nobody'"):
        ask_all(tmp_path, model="openai_compatible/nobody", base_url=base_url)


@pytest.mark.parametrize("body", [b"{", b"[]", json.dumps({"model": "careful"}).encode()])
def test_a_body_that_is_no_request_is_a_bad_request(base_url: str, body: bytes):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{base_url}/chat/completions", data=body)
    with caught.value as answer:
        assert answer.code == 400
        assert json.load(answer)["error"]["code"] == "invalid_request_error"
