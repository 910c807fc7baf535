"""Drives distilabel: a pipeline of one step. As many prompts are sent at once as a batch has."""

from __future__ import annotations

from typing import Any

from distilabel.models import OpenAILLM  # pyright: ignore[reportMissingImports]
from distilabel.pipeline import Pipeline  # pyright: ignore[reportMissingImports]
from distilabel.steps import LoadDataFromDicts  # pyright: ignore[reportMissingImports]
from distilabel.steps.tasks import TextGeneration  # pyright: ignore[reportMissingImports]

from benchmarks.peers.driving import ANSWER, Task, drive, is_usable


def ask(task: Task, prompts: list[str], name: str) -> int:
    settings: dict[str, Any] = {} if task.timeout_s is None else {"timeout": task.timeout_s}
    if task.is_structured:
        settings["structured_output"] = {"schema": ANSWER, "max_retries": 3}
    model = OpenAILLM(
        model="m",
        base_url=task.base_url,
        api_key="none",
        generation_kwargs={"temperature": 0.7, "max_new_tokens": 64},
        **settings,
    )
    with Pipeline(name=name, cache_dir=task.subfolder(name)) as pipeline:
        load = LoadDataFromDicts(
            data=[{"instruction": text} for text in prompts], batch_size=task.concurrency
        )
        generate = TextGeneration(llm=model, input_batch_size=task.concurrency)
        load.connect(generate)
    rows = pipeline.run(use_cache=True)["default"]["train"]
    return sum(is_usable(task, row["generation"]) for row in rows)


if __name__ == "__main__":
    drive(ask)
