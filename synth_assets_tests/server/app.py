"""A request in, its answer (or the fault it meets) out, counted."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

import orjson

from synth_assets_tests.server.batches import Batches
from synth_assets_tests.server.counters import Counters, prompt_key
from synth_assets_tests.server.http import Connection, HttpRequest, head
from synth_assets_tests.server.protocols import MESSAGES, Body, Format, format_of
from synth_assets_tests.server.replies import Prompt, text_of, tokens_of
from synth_assets_tests.server.settings import Fault, Settings
from synth_assets_tests.server.token_bucket import Limits

DEPTH = 100_000


class App:
    """One server's behaviour. ``settings`` may be changed while it runs, by `change`."""

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        self.counters = Counters()
        self.last: deque[HttpRequest] = deque(maxlen=100)
        self._loop = loop
        self._batches = Batches(self)
        self.change(settings)

    def change(self, settings: Settings) -> None:
        self.settings = settings
        self._limits = Limits(settings, self._loop.time())

    @property
    def now(self) -> float:
        return self._loop.time()

    def handle(self, request: HttpRequest, connection: Connection) -> None:
        """Answers now or later."""
        self.last.append(request)
        if request.path == "/__counters":
            connection.answer(200, orjson.dumps(self.counters.as_json()))
            return
        if request.path == "/__settings":
            self.change(Settings.from_json(orjson.loads(request.body)))
            connection.answer(200, b"{}")
            return
        form = format_of(request.path) if request.method == "POST" else None
        if form is None:
            self._say(connection, *self._batches.handle(request))
            return
        try:
            prompt = form.prompt(orjson.loads(request.body))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            self._refuse(connection, form, 400, "invalid_request_error", f"not like that: {error}")
            return
        self._answer(request, connection, form, prompt)

    def reply_to(self, form: Format, prompt: Prompt) -> tuple[Body, list[str]]:
        """A whole, right reply and its texts."""
        texts = [text_of(prompt, self.settings.reply_words, n) for n in range(prompt.n)]
        if self.settings.thinks:
            texts = [f"<think>hm</think>{text}" for text in texts]
        is_cut = prompt.max_tokens is not None and tokens_of(texts[0]) > prompt.max_tokens
        if is_cut:
            texts = [text[: 4 * (prompt.max_tokens or 0)] for text in texts]
        return form.reply(prompt, texts, is_cut), texts

    def count(self, prompt: Prompt) -> int:
        """Counts one request for a prompt; gives how many came before."""
        key = prompt_key(prompt.text, prompt.seed)
        attempt = self.counters.requests[key]
        self.counters.requests[key] = attempt + 1
        return attempt

    def charge(self, prompt: Prompt, texts: list[str]) -> None:
        """Counts a whole reply that was given."""
        taken, made = tokens_of(prompt.text), sum(map(tokens_of, texts))
        self.counters.answered += 1
        self.counters.input_tokens += taken
        self.counters.output_tokens += made
        prices = self.settings
        self.counters.picodollars += round(
            1e6 * (taken * prices.input_usd_per_million + made * prices.output_usd_per_million)
        )

    def _answer(
        self, request: HttpRequest, connection: Connection, form: Format, prompt: Prompt
    ) -> None:
        settings = self.settings
        attempt = self.count(prompt)
        body, texts = self.reply_to(form, prompt)
        taken, made = tokens_of(prompt.text), sum(map(tokens_of, texts))
        wait_s = self._limits.take(self.now, taken, made)
        shown = self._limits.headers(of_anthropic=form is MESSAGES) if settings.shows_limits else {}
        if wait_s:
            headers = {**shown, "Retry-After": f"{wait_s:.3f}"}
            self.counters.faults["over_limit"] += 1
            self._refuse(connection, form, 429, "rate_limit_exceeded", "too fast", headers)
            return
        latency_s = settings.latency_s
        if settings.is_slow(prompt.text, attempt):
            latency_s = settings.slow_s
        fault = settings.fault_of(prompt.text, attempt)
        if fault is not None:
            self.counters.faults[fault.kind] += 1

        def now() -> None:
            self.counters.at_once -= 1
            if fault is not None:
                self._fail(fault, request, connection, form, prompt, orjson.dumps(body))
            elif self._say(connection, 200, orjson.dumps(body), shown):
                self.charge(prompt, texts)

        self.counters.at_once += 1
        self.counters.most_at_once = max(self.counters.most_at_once, self.counters.at_once)
        if latency_s:
            self._loop.call_later(latency_s, now)
        else:
            now()

    def _say(
        self,
        connection: Connection,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
    ) -> bool:
        self.counters.statuses[status] += 1
        return connection.answer(status, body, headers)

    def _refuse(
        self,
        connection: Connection,
        form: Format,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._say(connection, status, orjson.dumps(form.error(status, code, message)), headers)

    def _fail(
        self,
        fault: Fault,
        request: HttpRequest,
        connection: Connection,
        form: Format,
        prompt: Prompt,
        body: bytes,
    ) -> None:
        after = fault.retry_after_s
        headers = {} if after is None else {"Retry-After": f"{after:g}"}
        refusals: dict[str, tuple[int, str, str]] = {
            "rate_limit": (429, "rate_limit_exceeded", "Rate limit reached"),
            "server_error": (500, "server_error", "The server had an error"),
            "unavailable": (503, "overloaded", "Overloaded"),
            "auth": (401, "invalid_api_key", "Incorrect API key provided"),
            "no_credit": (429, "insufficient_quota", "You exceeded your current quota"),
            "not_found": (404, "model_not_found", "The model does not exist"),
            "bad_request": (400, "invalid_request_error", "Unknown parameter"),
            "content_policy": (400, "content_filter", "Rejected by content_policy"),
            "too_long": (
                400,
                "context_length_exceeded",
                "prompt is too long: the maximum context length is 5 tokens",
            ),
        }
        if fault.kind in refusals:
            self._refuse(connection, form, *refusals[fault.kind], headers)
            return
        broken: dict[str, Callable[[], bytes]] = {
            "malformed": lambda: body[: len(body) // 2] + b"}",
            "wrong_shape": lambda: b'{"object": "list", "data": []}',
            "broken_content": lambda: self._with_text(form, prompt, '{"answer": "Hi", "rest": ['),
            "wrong_schema": lambda: self._with_text(form, prompt, '{"other": [1]}'),
            "invalid_utf8": lambda: body.replace(b"re: ", b"re: \xff\xfe\xc3 "),
            "deep": lambda: b'{"choices": ' + b"[" * DEPTH + b"]" * DEPTH + b"}",
        }
        if fault.kind in broken:
            self._say(connection, 200, broken[fault.kind]())
            return
        match fault.kind:
            case "reset":
                connection.abort()
            case "truncated":
                connection.write(head(200, len(body)) + body[: len(body) // 2])
                connection.close()
            case "drip":
                connection.write(head(200, 10_000_000) + b'{"choices": [')
                self._drip(connection)
            case "huge":
                connection.write(head(200, self.settings.huge_bytes))
                self._pour(connection, self.settings.huge_bytes)
            case "redirect":
                self._say(connection, 307, b"", {"Location": self.settings.elsewhere})
            case "echo":
                said = f"{request.path}?{request.query} {dict(request.headers)}"
                self._refuse(connection, form, 400, "invalid_request_error", said)
            case _:  # hang: never an answer
                pass

    def _with_text(self, form: Format, prompt: Prompt, text: str) -> bytes:
        return orjson.dumps(form.reply(prompt, [text] * prompt.n, False))

    def _drip(self, connection: Connection) -> None:
        if connection.is_open:
            connection.write(b" ")
            self._loop.call_later(self.settings.drip_s, self._drip, connection)

    def _pour(self, connection: Connection, left: int) -> None:
        """A megabyte at a time, so that a client that leaves ends it."""
        if left > 0 and connection.is_open:
            connection.write(b" " * min(left, 1_000_000))
            self._loop.call_later(0.001, self._pour, connection, left - 1_000_000)
