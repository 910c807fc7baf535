"""A real server of a real, tiny, random model: OpenAI's older API of completions over HTTP, with
``echo`` and ``prompt_logprobs`` as vLLM has them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from aiohttp import web


class TextTooLong(ValueError):
    """The prompt and what is to be written do not fit the model's context."""


class CompletionsServer:
    """asked: the bodies so far. Draws are seeded by the request's ``seed``."""

    def __init__(self, folder: Path) -> None:
        self.torch: Any = import_module("torch")
        self.torch.set_num_threads(1)  # for so small a model, threads only wait for one another
        transformers = import_module("transformers")
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
        self.asked: list[dict[str, Any]] = []

    async def complete(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body)
        try:
            return web.json_response(self.answer(body))
        except TextTooLong as error:
            return web.json_response({"error": {"message": str(error)}}, status=400)

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        ids = self.tokenizer.encode(body["prompt"], add_special_tokens=False)
        most = self.model.config.n_positions
        if len(ids) + body.get("max_tokens", 16) > most:
            raise TextTooLong(f"the model's context is {most} tokens; the prompt has {len(ids)}")
        written, reason = self._write(ids, body)
        choice: dict[str, Any] = {"index": 0, "finish_reason": reason, "logprobs": None}
        choice["text"] = self._text(written, body)
        if body.get("prompt_logprobs") is not None:
            told = self._logprobs(ids)
            choice["prompt_logprobs"] = [
                None
                if value is None
                else {str(id): {"logprob": value, "rank": 1, "decoded_token": self._piece(id)}}
                for id, value in zip(ids, told, strict=True)
            ]
        if body.get("echo"):
            choice["text"] = body["prompt"] + choice["text"]
            everything = [*ids, *written]
            choice["logprobs"] = {
                "tokens": [self._piece(id) for id in everything],
                "token_logprobs": self._logprobs(everything),
            }
        usage = {"prompt_tokens": len(ids), "completion_tokens": len(written)}
        return {"object": "text_completion", "choices": [choice], "usage": usage}

    def _write(self, ids: list[int], body: dict[str, Any]) -> tuple[list[int], str]:
        draw = self.torch.Generator().manual_seed(body.get("seed", 0))
        written: list[int] = []
        for _ in range(body.get("max_tokens", 16)):
            logits = self._logits([*ids, *written])[-1]
            if body.get("temperature", 1.0) == 0:
                written.append(int(logits.argmax()))
            else:
                shares = (logits / body.get("temperature", 1.0)).softmax(dim=0)
                written.append(int(self.torch.multinomial(shares, 1, generator=draw)))
            if any(stop in self.tokenizer.decode(written) for stop in body.get("stop") or ()):
                return written, "stop"
        return written, "length"

    def _text(self, written: list[int], body: dict[str, Any]) -> str:
        text = self.tokenizer.decode(written)
        for stop in body.get("stop") or ():
            text = text.partition(stop)[0]
        return text

    def _logprobs(self, ids: list[int]) -> list[float | None]:
        logprobs = self._logits(ids).log_softmax(dim=-1)
        return [None, *(float(logprobs[place, id]) for place, id in enumerate(ids[1:]))]

    def _logits(self, ids: list[int]) -> Any:
        with self.torch.no_grad():
            return self.model(self.torch.tensor([ids])).logits[0]

    def _piece(self, id: int) -> str:
        return self.tokenizer.decode([id])


@contextmanager
def serving(server: CompletionsServer) -> Iterator[str]:
    """The server's address, ``http://127.0.0.1:PORT/v1``, while it runs in a thread of its own."""
    loop, ready, port = asyncio.new_event_loop(), threading.Event(), [0]

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/v1/completions", server.complete)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port[0] = runner.addresses[0][1]
        ready.set()
        return runner

    def run() -> None:
        runner = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(30)
        yield f"http://127.0.0.1:{port[0]}/v1"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
