"""Drives this package's engine with all of it on: identity, look-up, budget, limits, journal, a
lake of its own that is opened in the time measured."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from benchmarks.calls.project import write_recipe
from benchmarks.peers.driving import Task, drive, is_usable
from synth_assets.llm.engine import Engine
from synth_assets.llm.request import Ask, Request, user
from synth_assets.methods.structured_asking import ask_structured
from synth_assets.recipe import load_recipe
from synth_assets.store.calls import LakeCalls
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake

SAMPLING = {"temperature": 0.7, "max_tokens": 64}


class Answer(BaseModel):
    sentence: str
    number: int


def ask(task: Task, prompts: list[str], name: str) -> int:
    folder = task.subfolder(name)
    timeout = {} if task.timeout_s is None else {"timeout_s": task.timeout_s}
    path = write_recipe(folder, task.base_url, max_concurrency=task.concurrency, **timeout)
    recipe = load_recipe(path)
    with (
        Lake(Home.at(folder / "home")) as lake,
        Engine(
            recipe, home=lake.home.path, calls=LakeCalls(lake), asked_for="bench.completions"
        ) as engine,
    ):
        return sum(is_usable(task, said) for said in _replies(task, engine.ask, prompts))


def _replies(task: Task, ask: Ask, prompts: list[str]) -> Iterator[object]:
    requests = (Request("it", (user(text),), SAMPLING) for text in prompts)
    if not task.is_structured:
        yield from (reply.text for reply in ask(requests))
        return
    for _, reply in ask_structured(ask, ((None, request) for request in requests), Answer):
        yield None if reply.value is None else reply.value.model_dump()


if __name__ == "__main__":
    drive(ask)
