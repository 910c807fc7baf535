"""The wire formats the test server speaks: a body in, the prompt in it out, and a reply's body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import orjson

from synth_assets_tests.server.replies import Prompt, tokens_of

Body = dict[str, Any]


class Format(Protocol):
    """One provider's form of a request and of its reply."""

    def prompt(self, body: Body) -> Prompt: ...

    def reply(self, prompt: Prompt, texts: Sequence[str], is_cut: bool) -> Body: ...

    def error(self, status: int, code: str, message: str) -> Body: ...


def _content(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


class ChatCompletions:
    """OpenAI's ``/chat/completions``, also Mistral's, Groq's, vLLM's and others'."""

    def prompt(self, body: Body) -> Prompt:
        wanted = body.get("response_format") or {}
        tools = body.get("tools") or []
        schema = (wanted.get("json_schema") or {}).get("schema")
        return Prompt(
            text="\n".join(_content(message["content"]) for message in body["messages"]),
            model=body["model"],
            seed=body.get("seed"),
            n=body.get("n") or 1,
            max_tokens=body.get("max_tokens") or body.get("max_completion_tokens"),
            schema=schema or (tools[0]["function"]["parameters"] if tools else None),
            tool=tools[0]["function"]["name"] if tools else None,
            wants_json=wanted.get("type") == "json_object",
            logprobs=bool(body.get("logprobs")),
        )

    def reply(self, prompt: Prompt, texts: Sequence[str], is_cut: bool) -> Body:
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": prompt.model,
            "service_tier": "default",
            "choices": [
                {
                    "index": index,
                    "message": {"role": "assistant", **_said(prompt, text)},
                    "finish_reason": "length"
                    if is_cut
                    else "tool_calls"
                    if prompt.tool
                    else "stop",
                    **({"logprobs": {"content": _logprobs(text)}} if prompt.logprobs else {}),
                }
                for index, text in enumerate(texts)
            ],
            "usage": _usage(prompt, texts),
        }

    def error(self, status: int, code: str, message: str) -> Body:
        return {"error": {"message": message, "type": code, "param": None, "code": code}}


class Completions(ChatCompletions):
    """OpenAI's older ``/completions``: a text in, its continuation out."""

    def prompt(self, body: Body) -> Prompt:
        return Prompt(
            text=body["prompt"],
            model=body["model"],
            seed=body.get("seed"),
            n=body.get("n") or 1,
            max_tokens=body.get("max_tokens"),
            logprobs=body.get("logprobs") is not None,
        )

    def reply(self, prompt: Prompt, texts: Sequence[str], is_cut: bool) -> Body:
        def logprobs(text: str) -> Body:
            return {"tokens": text.split(), "token_logprobs": [-0.5 for _ in text.split()]}

        return {
            "id": "cmpl-1",
            "object": "text_completion",
            "created": 1_700_000_000,
            "model": prompt.model,
            "choices": [
                {
                    "index": index,
                    "text": text,
                    "finish_reason": "length" if is_cut else "stop",
                    "logprobs": logprobs(text) if prompt.logprobs else None,
                }
                for index, text in enumerate(texts)
            ],
            "usage": _usage(prompt, texts),
        }


class Messages:
    """Anthropic's ``/messages``."""

    def prompt(self, body: Body) -> Prompt:
        system = _content(body.get("system"))
        turns = [_content(message["content"]) for message in body["messages"]]
        form = (body.get("output_format") or body.get("output_config", {}).get("format")) or {}
        tools = body.get("tools") or []
        return Prompt(
            text="\n".join([*([system] if system else []), *turns]),
            model=body["model"],
            max_tokens=body["max_tokens"],
            schema=form.get("schema") or (tools[0]["input_schema"] if tools else None),
            tool=tools[0]["name"] if tools else None,
        )

    def reply(self, prompt: Prompt, texts: Sequence[str], is_cut: bool) -> Body:
        if prompt.tool is not None:
            called = {"name": prompt.tool, "input": orjson.loads(texts[0])}
            content: Body = {"type": "tool_use", "id": "toolu_1", **called}
            reason = "tool_use"
        else:
            content, reason = {"type": "text", "text": texts[0]}, "end_turn"
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": prompt.model,
            "content": [content],
            "stop_reason": "max_tokens" if is_cut else reason,
            "stop_sequence": None,
            "usage": {
                "input_tokens": tokens_of(prompt.text),
                "output_tokens": tokens_of(texts[0]),
            },
        }

    def error(self, status: int, code: str, message: str) -> Body:
        kinds = {
            400: "invalid_request_error",
            401: "authentication_error",
            403: "permission_error",
            404: "not_found_error",
            429: "rate_limit_error",
            503: "overloaded_error",
        }
        kind = kinds.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}}


class GenerateContent:
    """Google's ``models/…:generateContent``."""

    def prompt(self, body: Body) -> Prompt:
        system = body.get("system_instruction") or body.get("systemInstruction") or {}
        turns = [system, *body["contents"]] if system else body["contents"]
        wanted = body.get("generationConfig") or body.get("generation_config") or {}
        schema = wanted.get("response_json_schema") or wanted.get("responseJsonSchema")
        return Prompt(
            text="\n".join(_content(turn["parts"]) for turn in turns),
            model="",
            max_tokens=wanted.get("max_output_tokens") or wanted.get("maxOutputTokens"),
            schema=schema or wanted.get("response_schema") or wanted.get("responseSchema"),
            wants_json="json" in str(wanted.get("response_mime_type")),
        )

    def reply(self, prompt: Prompt, texts: Sequence[str], is_cut: bool) -> Body:
        taken, made = tokens_of(prompt.text), tokens_of(texts[0])
        return {
            "candidates": [
                {
                    "content": {"parts": [{"text": texts[0]}], "role": "model"},
                    "finishReason": "MAX_TOKENS" if is_cut else "STOP",
                    "index": 0,
                }
            ],
            "usageMetadata": {
                "promptTokenCount": taken,
                "candidatesTokenCount": made,
                "totalTokenCount": taken + made,
            },
            "modelVersion": prompt.model,
            "responseId": "r1",
        }

    def error(self, status: int, code: str, message: str) -> Body:
        names = {
            400: "INVALID_ARGUMENT",
            401: "UNAUTHENTICATED",
            404: "NOT_FOUND",
            429: "RESOURCE_EXHAUSTED",
            503: "UNAVAILABLE",
        }
        return {
            "error": {"code": status, "message": message, "status": names.get(status, "INTERNAL")}
        }


def format_of(path: str) -> Format | None:
    """The format spoken at a path; None where nothing is asked for replies there."""
    if path.endswith("/chat/completions"):
        return CHAT
    if path.endswith("/completions"):
        return COMPLETIONS
    if path.endswith("/messages"):
        return MESSAGES
    return GENERATE if path.endswith(":generateContent") else None


def _usage(prompt: Prompt, texts: Sequence[str]) -> Body:
    taken, made = tokens_of(prompt.text), sum(map(tokens_of, texts))
    return {"prompt_tokens": taken, "completion_tokens": made, "total_tokens": taken + made}


def _reason(prompt: Prompt, is_cut: bool) -> str:
    if is_cut:
        return "length"
    return "tool_calls" if prompt.tool else "stop"


def _said(prompt: Prompt, text: str) -> Body:
    """A reply as content, or as the arguments of the tool that has to be called."""
    if prompt.tool is None:
        return {"content": text}
    called = {"name": prompt.tool, "arguments": text}
    return {"content": None, "tool_calls": [{"id": "1", "type": "function", "function": called}]}


def _logprobs(text: str) -> list[Body]:
    return [
        {"token": word, "logprob": -0.5, "bytes": None, "top_logprobs": []} for word in text.split()
    ]


CHAT, COMPLETIONS, MESSAGES, GENERATE = (
    ChatCompletions(),
    Completions(),
    Messages(),
    GenerateContent(),
)
