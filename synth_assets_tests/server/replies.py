"""A prompt in, the text that the test server says to it out: decided by content alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Prompt:
    """What of a body decides the reply, whatever protocol it came in.

    text: the contents of all messages, one a line. schema: of a structured reply. wants_json:
    any JSON object is asked for. tool: the name of a tool that has to be called.
    """

    text: str
    model: str
    seed: int | None = None
    n: int = 1
    max_tokens: int | None = None
    schema: Mapping[str, Any] | None = None
    wants_json: bool = False
    logprobs: bool = False
    tool: str | None = None


def text_of(prompt: Prompt, words: int, sample: int = 0) -> str:
    """The reply: an instance of the schema, or so many words that name the prompt."""
    said = f"re: {prompt.text[-60:]}"
    if prompt.schema is not None:
        return orjson.dumps(instance_of(prompt.schema, prompt.schema, said)).decode()
    if prompt.wants_json:
        return orjson.dumps({"answer": said}).decode()
    if sample:
        said = f"{said} ({sample})"
    return " ".join([said, *["word"] * max(0, words - len(said.split()))])


def tokens_of(text: str) -> int:
    """A token for each four characters, rounded up."""
    return -(-len(text) // 4)


def instance_of(schema: Mapping[str, Any], root: Mapping[str, Any], said: str) -> Any:
    """A value that the JSON schema allows; strings say ``said``. Known limit: patterns, formats
    and lengths are not looked at."""
    if "$ref" in schema:
        found: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return instance_of(found, root, said)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return instance_of(schema[choice][0], root, said)
    match schema.get("type"):
        case "object" | "OBJECT":
            properties = schema.get("properties", {})
            return {name: instance_of(part, root, said) for name, part in properties.items()}
        case "array" | "ARRAY":
            items = [instance_of(schema.get("items", {}), root, said)]
            return items * max(1, schema.get("minItems", 1))
        case "integer" | "INTEGER":
            return int(schema.get("minimum", 1))
        case "number" | "NUMBER":
            return float(schema.get("minimum", 1))
        case "boolean" | "BOOLEAN":
            return True
        case "null":
            return None
    return said
