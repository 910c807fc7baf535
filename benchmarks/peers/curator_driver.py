"""Drives Bespoke Labs' Curator, by its backend for OpenAI's protocol, which is its quickest."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

# The tokenizer's table is fetched from the network where it is not found; litellm brings one along.
if (litellm := importlib.util.find_spec("litellm")) is not None and litellm.origin is not None:
    tables = Path(litellm.origin).parent / "litellm_core_utils" / "tokenizers"
    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(tables))

from bespokelabs import curator  # pyright: ignore[reportMissingImports]
from pydantic import BaseModel

from benchmarks.peers.driving import Task, drive, is_usable

UNLIMITED = 10**9
"""A minute; else Curator keeps to limits of its own."""


class Answer(BaseModel):
    sentence: str
    number: int


class Asker(curator.LLM):
    def prompt(self, input: dict) -> str:
        return input["text"]

    def parse(self, input: dict, response: object) -> dict:
        said = response.model_dump_json() if isinstance(response, BaseModel) else response
        return {"said": said}


def ask(task: Task, prompts: list[str], name: str) -> int:
    backend = {
        "base_url": task.base_url,
        "api_key": "none",
        "max_requests_per_minute": UNLIMITED,
        "max_tokens_per_minute": UNLIMITED,
        "max_concurrent_requests": task.concurrency,
        "seconds_to_pause_on_rate_limit": 1,  # what the server says in Retry-After
        "require_all_responses": False,
    }
    if task.timeout_s is not None:
        backend["request_timeout"] = task.timeout_s
    asker = Asker(
        model_name="gpt-4o-mini",  # by its name it is known to take a schema
        backend="openai",
        response_format=Answer if task.is_structured else None,
        generation_params={"temperature": 0.7, "max_tokens": 64},
        backend_params=backend,
    )
    replies = asker([{"text": text} for text in prompts], working_dir=str(task.subfolder(name)))
    return sum(is_usable(task, row["said"]) for row in replies.dataset)


if __name__ == "__main__":
    drive(ask)
