"""A model, its sampling and its schema in; how litellm would send and read a request of that kind,
worked out once, out.

litellm's own transformations of a provider, without its client around them: what is the same for
all requests of a kind (address, headers, the provider's names of the parameters) is asked of
litellm once. `ROUTES` holds the providers whose direct way was compared with ``acompletion`` by a
test, in what is sent and in what is understood; for all others there is no plan.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from yarl import URL

from synth_assets.errors import RecipeError
from synth_assets.llm import litellm_library
from synth_assets.llm.credentials import api_key
from synth_assets.llm.transports.http_session import Answer, Place, proxy_of
from synth_assets.llm.wire import public_endpoint
from synth_assets.recipe_model import Model


@dataclass(frozen=True, slots=True)
class Route:
    """Where ``acompletion`` looks for a provider's address and key when neither the recipe nor
    `get_llm_provider` gives them; ``suffix``: what it adds to an address that does not end so."""

    default_base: str | None = None
    bases: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    suffix: str = ""


ROUTES: Mapping[str, Route] = {
    "openai": Route(
        "https://api.openai.com/v1", ("OPENAI_BASE_URL", "OPENAI_API_BASE"), ("OPENAI_API_KEY",)
    ),
    "anthropic": Route(
        "https://api.anthropic.com/v1/messages",
        ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"),
        ("ANTHROPIC_API_KEY",),
        "/v1/messages",
    ),
    "gemini": Route(None, ("GEMINI_API_BASE",), ("GOOGLE_API_KEY", "GEMINI_API_KEY")),
    "mistral": Route(),
    "groq": Route(),
    "deepseek": Route(),
    "xai": Route(),
    "together_ai": Route(),
    "fireworks_ai": Route(),
}

SPEAK_OTHERWISE = frozenset({"anthropic", "gemini"})
"""Providers whose reply is no chat completion as it is."""


class _NoLog:
    """litellm's transformations tell a logger what they do; this one does not listen."""

    def __init__(self) -> None:
        self.model_call_details: dict[str, Any] = {}
        self.optional_params: dict[str, Any] = {}

    def pre_call(self, *_: Any, **__: Any) -> None: ...

    def post_call(self, *_: Any, **__: Any) -> None: ...


class _RawResponse:
    """What litellm's transformations read of an answer: it is not worth a response of httpx."""

    status_code = 200

    def __init__(self, answer: Answer) -> None:
        self.text = answer.text
        self.content = answer.text
        self.headers = {name.lower(): value for name, value in answer.headers.items()}

    def json(self) -> Any:
        return orjson.loads(self.text)


class Plan:
    """Sends nothing itself: `body` makes what is sent to `place`, `read` what it means.

    added: what the recipe adds to each body, after all of litellm's transformations: some of them
    leave it out, and some send it as a key of that name.
    """

    def __init__(
        self,
        place: Place,
        config: Any,
        model: str,
        parameters: dict[str, Any],
        provider: str,
        added: Mapping[str, Any],
    ) -> None:
        self._config = config
        self._model = model
        self._is_json_mode = bool(parameters.pop("json_mode", False))
        self._added = {**(parameters.pop("extra_body", None) or {}), **added}
        parameters.pop("fake_stream", None)
        self._parameters = parameters
        self._has_nested = any(isinstance(value, dict | list) for value in parameters.values())
        self._provider = provider
        self._headers = dict(place.headers)
        self.place = replace(place, headers=self._headers)
        self.body([{"role": "user", "content": "x"}])
        if provider == "anthropic":
            self._headers = _filtered(self._headers)
        self.place = replace(place, headers=self._headers)

    def body(self, messages: list[Any]) -> dict[str, Any]:
        """The provider's body. ``messages`` may be changed."""
        # Only parameters that hold something inside can be changed by a transformation.
        parameters = copy.deepcopy(self._parameters) if self._has_nested else dict(self._parameters)
        if self._provider == "gemini":
            from litellm.llms.vertex_ai.gemini import transformation

            made = transformation._transform_request_body(
                messages=messages,
                model=self._model,
                optional_params=parameters,
                custom_llm_provider="gemini",
                litellm_params={},
                cached_content=None,
            )
            return self._with_added(made)
        body = self._config.transform_request(
            model=self._model,
            messages=messages,
            optional_params=parameters,
            litellm_params={},
            headers=self._headers,  # a feature's own header is added here: once, for the plan
        )
        return self._with_added(body)

    def _with_added(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The body with what the recipe adds. Errors: `RecipeError` where that would replace what
        the request says already, its bound on tokens among them."""
        if taken := sorted(set(body) & set(self._added)):
            raise RecipeError(
                f"extra_body: the request to {self._provider} has {', '.join(taken)} already; "
                "leave it out, and say it by sampling"
            )
        return {**body, **self._added}

    def read(self, answer: Answer, messages: list[Any]) -> str:
        """The JSON of a chat completion: the provider's own, or litellm's form of it.

        Errors: whatever litellm raises for a body that is not the provider's.
        """
        if self._provider not in SPEAK_OTHERWISE:
            if not self._is_json_mode and "<think" not in answer.text:
                return answer.text
            if '"choices"' not in answer.text:  # litellm makes an empty reply of anything
                raise ValueError("no choices")
        litellm = litellm_library.load()
        response = self._config.transform_response(
            model=self._model,
            raw_response=_RawResponse(answer),
            model_response=litellm.ModelResponse(),
            logging_obj=_NoLog(),
            request_data={},
            messages=messages,
            optional_params=self._parameters,
            litellm_params={},
            encoding=None,
            api_key="",
            json_mode=self._is_json_mode,
        )
        return response.model_dump_json()


def _filtered(headers: dict[str, str]) -> dict[str, str]:
    """Without the names of features that the provider does not know."""
    from litellm.anthropic_beta_headers_manager import update_headers_with_filtered_beta

    return dict(update_headers_with_filtered_beta(headers=headers, provider="anthropic"))


def make_plan(model: Model, kind: Mapping[str, Any]) -> Plan | None:
    """The plan for requests of a kind: their body without model and messages. None where there
    is no proven way around ``acompletion``, which then has to be taken.

    Errors: litellm's, where it refuses the parameters.
    """
    provider, _, name = model.model.partition("/")
    route = ROUTES.get(provider)
    litellm = litellm_library.load()
    if route is None or _takes_other_api(litellm, model.model, name):
        return None
    _, _, usual_key, usual_base = litellm.get_llm_provider(
        model=model.model, api_base=model.base_url, api_key=api_key(model)
    )
    key = api_key(model) or usual_key or _first_of_environment(route.keys)
    base = model.base_url or usual_base or _first_of_environment(route.bases)
    if not key or litellm.api_base or litellm.api_key:
        return None
    from litellm.types.utils import LlmProviders
    from litellm.utils import ProviderConfigManager, get_optional_params

    config: Any = ProviderConfigManager.get_provider_chat_config(
        model=name, provider=LlmProviders(provider)
    )
    # Without a stream, as acompletion leaves it: False would be sent.
    asked: dict[str, Any] = {**kind, "stream": None, "drop_params": True}
    added = asked.pop("extra_body", {})
    parameters: dict[str, Any] = get_optional_params(
        model=name, custom_llm_provider=provider, **asked
    )
    address, headers = _address(config, provider, route, base, key, name, parameters)
    url = URL(address, encoded=True)
    where = f"{provider}/{name}"
    if model.base_url:
        where += f" at {public_endpoint(model.base_url)}"
    place = Place(where, url, headers, model.timeout_s, proxy_of(url))
    return Plan(place, config, name, parameters, provider, added)


def _first_of_environment(names: tuple[str, ...]) -> str | None:
    return next(filter(None, map(os.environ.get, names)), None)


def _takes_other_api(litellm: Any, model: str, name: str) -> bool:
    """Models that litellm reaches by OpenAI's API of responses."""
    known = litellm.model_cost.get(model) or litellm.model_cost.get(name) or {}
    return known.get("mode", "chat") != "chat"


def _address(
    config: Any,
    provider: str,
    route: Route,
    base: str | None,
    key: str,
    name: str,
    parameters: dict[str, Any],
) -> tuple[str, dict[str, str]]:
    """The whole address and the headers, as litellm makes them."""
    if provider == "gemini":
        return _gemini_address(config, base, key, name, parameters)
    address = base or route.default_base or ""
    if route.suffix and not address.endswith(route.suffix):
        address += route.suffix
    headers: dict[str, str] = config.validate_environment(
        api_key=key,
        headers={},
        model=name,
        messages=[],
        optional_params=parameters,
        litellm_params={},
        api_base=address,
    )
    if provider != "anthropic":
        address = config.get_complete_url(
            api_base=address,
            api_key=key,
            model=name,
            optional_params=parameters,
            litellm_params={},
            stream=False,
        )
    return address, {"Content-Type": "application/json", **headers}


def _gemini_address(
    config: Any, base: str | None, key: str, name: str, parameters: dict[str, Any]
) -> tuple[str, dict[str, str]]:
    from litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini import VertexLLM

    header, address = VertexLLM()._get_token_and_url(
        model=name,
        gemini_api_key=key,
        auth_header=None,
        vertex_project=None,
        vertex_location=None,
        vertex_credentials=None,
        stream=False,
        custom_llm_provider="gemini",
        api_base=base,
    )
    headers: dict[str, str] = config.validate_environment(
        api_key=header,
        headers=None,
        model=name,
        messages=[],
        optional_params=parameters,
        litellm_params={},
    )
    return address, {"Content-Type": "application/json", **headers}
