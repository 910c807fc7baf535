"""Every provider that litellm knows: a request in, the body of its chat completion out.

Where a provider has a proven plan, its body goes through our own session, at a tenth of the CPU of
``acompletion``; all others go through ``acompletion``. What is kept as the raw reply is the
provider's body where it is a chat completion, else litellm's form of it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from synth_assets.errors import TransientCallError
from synth_assets.identity import canonical_json
from synth_assets.llm import litellm_library
from synth_assets.llm.credentials import api_key
from synth_assets.llm.replies import RawReply, read_reply
from synth_assets.llm.request import Request
from synth_assets.llm.transports.http_session import Answer, HttpSession
from synth_assets.llm.transports.litellm_errors import call_error
from synth_assets.llm.transports.litellm_plan import Plan, make_plan
from synth_assets.llm.transports.openai_compatible import dump
from synth_assets.llm.transports.rate_limit_headers import read_limits
from synth_assets.llm.wire import model_name, public_endpoint, wire_body
from synth_assets.recipe_model import Model


class LitellmProviders:
    """litellm's own retries are off.

    is_direct: False takes ``acompletion`` for all.
    """

    def __init__(self, *, is_direct: bool = True) -> None:
        self._is_direct = is_direct
        self._session = HttpSession()
        self._plans: dict[tuple[int, str], tuple[Model, Plan | None]] = {}
        self._takes_schema: dict[str, bool] = {}
        self._used_acompletion = False

    def endpoint(self, model: Model, request: Request) -> str:
        return public_endpoint(model.base_url)

    async def send(self, model: Model, request: Request) -> RawReply:
        plan, body = self.prepare(model, request)
        if plan is None:
            return await self._send_by_acompletion(model, body)
        messages = body["messages"]
        body = plan.body(messages)
        answer = await self._session.post(plan.place, dump(body))
        return self.read(plan, answer, messages)

    def prepare(self, model: Model, request: Request) -> tuple[Plan | None, dict[str, Any]]:
        """The plan, where there is one, and the body of a chat completion that it begins with.
        Errors: `CallError` where litellm refuses the parameters."""
        body = without_clashes(model, wire_body(model, request))
        if model.response_format is None and "response_format" in body:
            body["response_format"] = self._known_format(model, body["response_format"])
        return self._plan(model, body) if self._is_direct else None, body

    def read(self, plan: Plan, answer: Answer, messages: list[Any]) -> RawReply:
        """What a provider's answer means. Errors: `TransientCallError` where it is no reply."""
        limits = read_limits(answer.headers)
        try:
            raw = plan.read(answer, messages)
        except Exception as error:  # litellm meets a foreign body with whatever its code runs into
            raise TransientCallError(
                f"{plan.place.name}: truncated_body: the body is no whole reply "
                f"({type(error).__name__}): {answer.text[:200]!r}",
                kind="truncated_body",
                raw_reply=answer.text,
                limits=limits,
            ) from error
        return read_reply(raw, limits=limits)

    async def close(self) -> None:
        await self._session.close()
        self._plans.clear()
        if self._used_acompletion:
            await litellm_library.load().close_litellm_async_clients()

    def _plan(self, model: Model, body: dict[str, Any]) -> Plan | None:
        """The plan for bodies that differ in their messages only, made once."""
        kind = {name: value for name, value in body.items() if name not in ("model", "messages")}
        name = (id(model), canonical_json(kind))
        known = self._plans.get(name)
        if known is None:
            try:
                known = (model, make_plan(model, kind))
            except Exception as error:
                raise _mapped(error, model) from error
            self._plans[name] = known
        return known[1]

    def _known_format(self, model: Model, asked: dict[str, Any]) -> dict[str, Any]:
        """The response format as the model takes it, by litellm's table. What a provider takes
        not at all litellm leaves out, or turns into a tool that has to be called."""
        takes_schema = self._takes_schema.get(model.model)
        if takes_schema is None:
            takes_schema = litellm_library.takes_schema(model.model)
            self._takes_schema[model.model] = takes_schema
        return asked if takes_schema else {"type": "json_object"}

    async def _send_by_acompletion(self, model: Model, body: dict[str, Any]) -> RawReply:
        litellm = litellm_library.load()
        self._used_acompletion = True
        try:
            async with asyncio.timeout(model.timeout_s):
                response = await litellm.acompletion(
                    **{**body, "model": model.model},
                    api_key=api_key(model),
                    api_base=model.base_url,
                    timeout=model.timeout_s,
                    num_retries=0,
                    max_retries=0,
                    drop_params=True,
                )
        except TimeoutError as error:
            raise TransientCallError(
                f"{_place(model)}: timeout: no whole reply within {model.timeout_s:g} s",
                kind="timeout",
            ) from error
        except Exception as error:
            raise _mapped(error, model) from error
        return read_reply(response.model_dump_json(), limits=read_limits(_headers(response)))


def _headers(response: Any) -> dict[str, str]:
    """The endpoint's headers as litellm passes them on."""
    passed_on = response._hidden_params.get("additional_headers") or {}
    return {
        name.removeprefix("llm_provider-"): str(value)
        for name, value in passed_on.items()
        if name.startswith("llm_provider-")
    }


def without_clashes(model: Model, body: dict[str, Any]) -> dict[str, Any]:
    """The body without what its model refuses beside the rest of it, and litellm passes on.

    Claude's models from 4.1 on refuse a request that names both temperature and top_p, and all
    that think refuse a temperature, top_k, and most of top_p, while they do. They are spared those,
    wherever they are served.
    """
    if not (model.provider == "anthropic" or "claude" in model_name(model).lower()):
        return body
    clashes: tuple[str, ...] = ()
    if body.get("reasoning_effort", "none") != "none":
        clashes = ("temperature", "top_p", "top_k")
    elif "temperature" in body:
        clashes = ("top_p",)
    return {name: value for name, value in body.items() if name not in clashes}


def _place(model: Model) -> str:
    return f"{model.provider}/{model_name(model)}"


def _mapped(error: Exception, model: Model) -> Exception:
    """The call error for one of litellm's; one of the program's own stays what it is."""
    return call_error(error, _place(model)) or error
