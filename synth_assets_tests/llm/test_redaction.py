from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

import pytest

from synth_assets.errors import RejectedCallError
from synth_assets.llm.call_store import MemoryCallStore, Rows
from synth_assets.llm.redaction import Redactor
from synth_assets.recipe import Recipe
from synth_assets_tests.llm.loopback import Asked, fails, loopback, says
from synth_assets_tests.llm.making import ask_for, make_engine, make_recipe

KEY = 'sk-planted/"4711"'
PASSWORD = "pass-wörd"


def planted(base_url: str = "http://127.0.0.1:1/v1") -> Recipe:
    """A key in the environment, a user and password in the address, a secret parameter."""
    with_login = base_url.replace("://", f"://planted-user:{quote(PASSWORD)}@")
    return make_recipe(
        {
            "model": "openai_compatible/m",
            "base_url": f"{with_login}?api-version=2&sig=planted-signature",
            "api_key": "env:KEY_OF_TRIAL",
            "max_retries": 0,
        }
    )


def secrets() -> list[str]:
    pair = base64.b64encode(f"planted-user:{PASSWORD}".encode()).decode()
    return [
        KEY,
        "sk-planted",
        quote(KEY, safe=""),
        PASSWORD,
        quote(PASSWORD),
        "planted-user",
        "planted-signature",
        pair,
    ]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_OF_TRIAL", KEY)


@pytest.mark.parametrize("secret", secrets())
def test_a_secret_is_masked_in_every_form(secret: str):
    shown = Redactor(planted()).message(f"before {secret} after")
    if secret == "sk-planted":
        assert secret in shown, "a part of a key is not the key"
    else:
        assert shown == "before *** after"


def test_userinfo_of_any_address_is_masked_in_messages():
    shown = Redactor(make_recipe()).message("cannot reach https://me:pw@example.org/v1")
    assert shown == "cannot reach https://***@example.org/v1"


def test_keys_of_the_environment_are_masked_and_plain_words_are_not(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("OTHER_API_KEY", "abcdef0123456789")
    monkeypatch.setenv("LOCAL_API_KEY", "not-a-key-at-all")
    redactor = Redactor(make_recipe())
    assert redactor.text("abcdef0123456789 not-a-key-at-all") == "*** not-a-key-at-all"


@pytest.mark.parametrize("word", ["EMPTY", "none", "not-needed", "placeholder"])
def test_what_stands_for_no_key_does_not_spoil_replies(monkeypatch: pytest.MonkeyPatch, word: str):
    monkeypatch.setenv("KEY_OF_TRIAL", word)
    text = f"The basket is {word}."
    assert Redactor(make_recipe({"api_key": "env:KEY_OF_TRIAL"})).text(text) is text


def echo_all(asked: Asked) -> str:
    """What a careless server says back."""
    return " ".join(
        [asked.headers["Authorization"], asked.path, KEY, "planted-user", PASSWORD, *secrets()[2:]]
    )


def everything_under(home: Path) -> str:
    files = [path for path in home.rglob("*") if path.is_file()]
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in files)


def assert_nothing_leaked(text: str) -> None:
    assert [secret for secret in secrets() if secret in text] == []


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_key_that_a_server_echoes_is_in_no_row_no_reply_and_no_file(tmp_path: Path, status: int):
    def respond(asked: Asked):
        if status == 200:
            return says(echo_all(asked))
        return fails(status, echo_all(asked), X_Echo=asked.headers["Authorization"])

    class Lost(MemoryCallStore):
        """Keeps nothing, so that the journal stays to be looked at."""

        seen = ""

        def append(self, rows: Rows) -> None:
            Lost.seen += repr(rows)
            raise RejectedCallError("out of reach", kind="connection")

    shown = ""
    with (
        loopback(respond) as server,
        pytest.raises(RejectedCallError, match="out of reach"),
        make_engine(tmp_path, recipe=planted(server.base_url), calls=Lost()) as engine,
    ):
        shown += repr(list(engine.ask([ask_for("a")])))
    assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    assert "sig=planted-signature" in server.asked[0].path
    assert "***" in shown
    assert "***" in everything_under(tmp_path / "journal")
    assert_nothing_leaked(shown + Lost.seen + everything_under(tmp_path))


def test_an_error_that_stops_the_run_carries_no_key_nor_a_cause_that_does(tmp_path: Path):
    with (
        loopback(lambda asked: fails(401, f"wrong key {KEY}")) as server,
        pytest.raises(RejectedCallError) as caught,
        make_engine(tmp_path, recipe=planted(server.base_url)) as engine,
    ):
        list(engine.ask([ask_for("a")]))
    error = caught.value
    assert "wrong key ***" in str(error)
    assert (error.__cause__, error.__context__, error.raw_reply) == (None, None, None)
    assert_nothing_leaked(str(error))
