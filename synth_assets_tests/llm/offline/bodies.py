"""Wire bodies as the methods send them: material in, a chat/completions body out."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.task import Task
from synth_assets.llm.offline.teacher import complete
from synth_assets.llm.offline.writing import draw_task
from synth_assets.templates import load_template, quote

RATINGS_FORMAT = {"type": "json_schema", "json_schema": {"name": "ratings", "schema": {}}}


def make_body(text: str, *, model: str = "careful", seed: int = 0, **more: Any) -> dict[str, Any]:
    system = more.pop("system", None)
    turns = [{"role": "system", "content": system}] if system else []
    turns.append({"role": "user", "content": text})
    return {"model": model, "messages": turns, "temperature": 0.7, "seed": seed} | more


def make_list_text(examples: Sequence[str]) -> str:
    count = len(examples)
    return load_template("self_instruct/instructions").render(
        count=str(count),
        last_number=str(count + 7),
        next_number=str(count + 1),
        examples="\n".join(f"{n}. {text}" for n, text in enumerate(examples, start=1)),
    )


def make_rewrite_text(operator: str, prompt: str) -> str:
    return load_template(f"evol_instruct/{operator}").render(prompt=quote("prompt", prompt))


def make_equality_text(first: str, second: str) -> str:
    return load_template("evol_instruct/is_equal").render(
        first=quote("first prompt", first), second=quote("second prompt", second)
    )


def make_rating_text(
    criterion: str, prompt: str, completions: Sequence[str], *, reference: str | None = None
) -> str:
    shown = "\n\n".join(quote(f"completion {n}", c) for n, c in enumerate(completions, start=1))
    values = {
        "prompt": quote("prompt", prompt),
        "completions": shown,
        "count": str(len(completions)),
    }
    template = load_template(f"ultrafeedback/{criterion}")
    if "reference" in template.slots:
        values["reference"] = "" if reference is None else quote("reference answer", reference)
    return template.render(**values)


def make_dice(*parts: object) -> Dice:
    return Dice(random.Random("/".join(map(str, parts))))


def make_tasks(count: int) -> list[Task]:
    return [draw_task(make_dice("task", n)) for n in range(count)]


def reply_text(body: dict[str, Any]) -> str:
    return complete(body)["choices"][0]["message"]["content"]


def ratings(text: str, **more: Any) -> list[Any] | None:
    """The ratings in the judge's reply to ``text``, None where the JSON is malformed."""
    more = {"model": "judge", "response_format": RATINGS_FORMAT} | more
    body = make_body(text, **more)
    try:
        return [
            item["rating"]
            for item in json.loads(reply_text(body | {"temperature": 1.0}))["ratings"]
        ]
    except (json.JSONDecodeError, KeyError, TypeError):
        return None
