"""Bytes of an answer over a real socket in, the answer or its kind of error out."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence

import pytest
from yarl import URL

from synth_assets.errors import CallError, RejectedCallError, TransientCallError
from synth_assets.llm.transports import http_session
from synth_assets.llm.transports.http_session import Answer, HttpSession, Place

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Of: one\r\n\r\nhi"


class Served:
    """What a server saw: whole requests, and how many connections it was asked over."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0


async def post_all(
    answers: Sequence[bytes],
    *,
    ends: bool = False,
    timeout_s: float = 30.0,
    headers: dict[str, str] | None = None,
) -> tuple[list[Answer | CallError], Served]:
    """Posts ``{}`` once an answer, one after the other; the server says each answer's bytes in
    two pieces and, with ``ends``, ends the connection after each."""
    served, left = Served(), list(answers)
    serving: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        serving.append(asyncio.current_task())
        try:
            while left:
                head = await reader.readuntil(b"\r\n\r\n")
                served.requests.append(head + await reader.readexactly(2))
                answer = left.pop(0)
                writer.write(answer[: len(answer) // 2])
                await writer.drain()
                await asyncio.sleep(0.005)
                writer.write(answer[len(answer) // 2 :])
                await writer.drain()
                if ends:
                    break
            if not ends:
                await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    place = Place("it", URL(f"http://127.0.0.1:{port}/v1?a=b"), headers or {}, timeout_s)
    session = HttpSession()
    found: list[Answer | CallError] = []
    try:
        for _ in answers:
            try:
                found.append(await session.post(place, b"{}"))
            except CallError as error:
                found.append(error)
    finally:
        await session.close()
        server.close()
        await asyncio.gather(*(task for task in serving if task is not None))
    return found, served


def post(*answers: bytes, ends: bool = False, timeout_s: float = 30.0):
    return asyncio.run(post_all(answers, ends=ends, timeout_s=timeout_s))


def text_of(answer: Answer | CallError) -> str:
    assert isinstance(answer, Answer), answer
    return answer.text


def kind_of(answer: Answer | CallError) -> str:
    assert isinstance(answer, CallError), answer
    return answer.kind


def test_the_request_is_whole_and_names_its_host():
    _, served = asyncio.run(post_all([WHOLE], headers={"Authorization": "Bearer k"}))
    lines = served.requests[0].decode().split("\r\n")
    assert lines[0] == "POST /v1?a=b HTTP/1.1"
    assert lines[1].startswith("Host: 127.0.0.1:")
    assert "Authorization: Bearer k" in lines
    assert lines[-3:] == ["Content-Length: 2", "", "{}"]


def test_a_connection_is_used_again():
    found, served = post(WHOLE, WHOLE, WHOLE)
    assert [text_of(answer) for answer in found] == ["hi"] * 3
    assert served.connections == 1


def test_headers_may_be_looked_up_in_any_case():
    (answer,), _ = post(WHOLE)
    assert isinstance(answer, Answer)
    assert answer.headers.get("x-oF") == "one"


def test_a_connection_that_the_server_closes_is_not_used_again():
    closing = WHOLE.replace(b"X-Of: one", b"Connection: close")
    found, served = post(closing, closing, ends=True)
    assert [text_of(answer) for answer in found] == ["hi", "hi"]
    assert served.connections == 2


def test_chunks_are_put_together():
    chunks = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\n you\r\n0\r\n\r\n"
    )
    found, served = post(chunks.replace(b"3\r\n", b"4\r\n"), WHOLE)
    assert [text_of(answer) for answer in found] == ["hi you", "hi"]
    assert served.connections == 1


def test_a_body_without_a_length_ends_with_its_connection():
    (answer,), _ = post(b"HTTP/1.1 200 OK\r\n\r\nall of it", ends=True)
    assert text_of(answer) == "all of it"


def test_what_comes_before_the_answer_itself_is_passed_over():
    (answer,), _ = post(b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE)
    assert text_of(answer) == "hi"


def test_a_packed_body_is_unpacked():
    body = gzip.compress(b"hi there")
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    (answer,), _ = post(head + body)
    assert text_of(answer) == "hi there"


def test_a_packed_body_is_not_unpacked_beyond_the_limit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_session, "MAX_REPLY_BYTES", 1000)
    body = gzip.compress(b"0" * 100_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    (answer,), _ = post(head + body)
    assert kind_of(answer) == "bad_request"


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf of",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
def test_a_body_that_is_not_whole_is_no_answer(sent: bytes):
    (answer,), _ = post(sent, ends=True)
    assert isinstance(answer, TransientCallError)
    assert answer.kind == "truncated_body"


@pytest.mark.parametrize("sent", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nConte", b""])
def test_what_is_no_http_is_a_connection_that_failed(sent: bytes):
    (answer,), _ = post(sent, ends=True)
    assert isinstance(answer, TransientCallError)
    assert answer.kind == "connection"


def test_headers_without_end_are_cut_off(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_session, "MAX_REPLY_BYTES", 1000)
    (answer,), _ = post(b"HTTP/1.1 200 OK\r\n" + b"X-More: more\r\n" * 20_000)
    assert kind_of(answer) == "bad_request"


def test_an_answer_that_never_ends_is_given_up():
    (answer,), _ = post(WHOLE[:-1], timeout_s=0.1)
    assert kind_of(answer) == "timeout"


def test_more_than_was_asked_for_ends_the_connection():
    found, served = post(WHOLE + WHOLE.replace(b"hi", b"no") + b"more of it", WHOLE)
    assert [text_of(answer) for answer in found] == ["hi", "hi"]
    assert served.connections == 2


def test_a_key_with_a_line_break_is_not_sent():
    found, served = asyncio.run(post_all([WHOLE], headers={"Authorization": "a\r\nX: b"}))
    assert isinstance(found[0], RejectedCallError)
    assert "line break" in str(found[0])
    assert served.requests == []


def test_a_call_that_is_cancelled_gives_its_connection_up():
    async def cancelled() -> int:
        served, serving = 0, []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal served
            served += 1
            serving.append(asyncio.current_task())
            await reader.readuntil(b"{}")
            if served > 1:
                writer.write(WHOLE)
            await reader.read()  # until the client has gone
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        place = Place("it", URL(f"http://127.0.0.1:{port}/"), {}, 30)
        session = HttpSession()
        call = asyncio.create_task(session.post(place, b"{}"))
        while not served:
            await asyncio.sleep(0.001)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await session.post(place, b"{}")).text == "hi"
        await session.close()
        server.close()
        await asyncio.gather(*serving)
        return served

    assert asyncio.run(cancelled()) == 2
