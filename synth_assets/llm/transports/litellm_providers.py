"""Every provider that litellm knows: a request in, the body of its chat completion out."""

from __future__ import annotations

import asyncio

from synth_assets.errors import TransientCallError
from synth_assets.llm import litellm_library
from synth_assets.llm.credentials import api_key
from synth_assets.llm.replies import RawReply, read_reply
from synth_assets.llm.request import Request
from synth_assets.llm.transports.litellm_errors import call_error
from synth_assets.llm.wire import model_name, public_endpoint, wire_body
from synth_assets.recipe import Model


class LitellmProviders:
    """Calls ``acompletion`` once a request; litellm's own retries are off. What is kept as the
    raw reply is litellm's form of the body, because it gives no other."""

    def __init__(self) -> None:
        self._was_used = False

    def endpoint(self, model: Model, request: Request) -> str:
        return public_endpoint(model.base_url)

    async def send(self, model: Model, request: Request) -> RawReply:
        litellm = litellm_library.load()
        self._was_used = True
        place = f"{model.provider}/{model_name(model)}"
        try:
            async with asyncio.timeout(model.timeout_s):
                response = await litellm.acompletion(
                    **{**wire_body(model, request), "model": model.model},
                    api_key=api_key(model),
                    api_base=model.base_url,
                    timeout=model.timeout_s,
                    num_retries=0,
                    max_retries=0,
                    drop_params=True,
                )
        except TimeoutError as error:
            raise TransientCallError(
                f"{place}: timeout: no whole reply within {model.timeout_s:g} s", kind="timeout"
            ) from error
        except Exception as error:
            mapped = call_error(error, place)
            if mapped is None:
                raise
            raise mapped from error
        return read_reply(response.model_dump_json())

    async def close(self) -> None:
        if self._was_used:
            await litellm_library.load().close_litellm_async_clients()
