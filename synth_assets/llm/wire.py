"""What is sent: a model of the recipe and a request in, the chat-completions body and the address
that stands for the endpoint out. The only place that builds either."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from synth_assets.llm.request import Request
from synth_assets.recipe_model import PROVIDERS_OF_OURS, Model

TAKES_SEED = frozenset({"offline", "openai_compatible"})
MOST_FORMATS = 64
_FORMATS: dict[int, tuple[Mapping[str, Any], dict[str, Any]]] = {}
_SECRET_PARAMETER = re.compile(r"key|token|secret|sig|pass|auth|code|credential", re.IGNORECASE)


def model_name(model: Model) -> str:
    """The model without its provider: what the endpoint is asked for."""
    return model.model.partition("/")[2]


def model_in_key(model: Model) -> str:
    """The model's name in a request's identity, with the declared way of asking for structure,
    which changes what is sent."""
    name = model_name(model)
    return name if model.response_format is None else f"{name} {model.response_format}"


def sampling_of(model: Model, request: Request) -> Mapping[str, Any]:
    """What a request is asked with: its own sampling, and before that the model's."""
    of_model = model.asked_with()
    return {**of_model, **request.sampling} if of_model else request.sampling


def wire_body(model: Model, request: Request) -> dict[str, Any]:
    """The body of one chat completion, ready for JSON. It is all that an offline model sees.

    ``api: completions`` takes one text, and for ``logprobs`` how many tokens of each place. What a
    recipe adds stands beside the rest, except for litellm, which puts it there itself."""
    body: dict[str, Any] = {"model": model_name(model)}
    sampling = {name: _as_json(value) for name, value in sampling_of(model, request).items()}
    if model.provider in PROVIDERS_OF_OURS:
        body.update(sampling.pop("extra_body", {}))
    if model.api == "completions":
        body["prompt"] = "\n\n".join(message["content"] for message in request.messages)
        if sampling.get("logprobs") is True:
            sampling["logprobs"] = sampling.pop("top_logprobs", None) or 1
    else:
        body["messages"] = [dict(message) for message in request.messages]
    body.update(sampling)
    if request.response_schema is not None and model.response_format != "none":
        is_any = model.response_format == "json_object"
        body["response_format"] = (
            {"type": "json_object"} if is_any else _known_format(request.response_schema)
        )
    if model.provider in TAKES_SEED:
        body["seed"] = request.seed()
    return body


def _as_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _known_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`_response_format`, made once for each schema object: a stage asks with the same one."""
    known = _FORMATS.get(id(schema))
    if known is None or known[0] is not schema:
        if len(_FORMATS) >= MOST_FORMATS:
            _FORMATS.clear()
        known = _FORMATS[id(schema)] = (schema, _response_format(schema))
    return known[1]


def _response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON schema as endpoints want it; its name may hold letters, digits, _ and - only."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", str(schema.get("title") or "reply"))[:64]
    return {
        "type": "json_schema",
        "json_schema": {"name": name, "schema": dict(schema), "strict": _is_strict(schema)},
    }


def _is_strict(schema: Any) -> bool:
    """True where every object of the schema lists all its properties as required and allows no
    other: an endpoint refuses ``strict`` for any other schema."""
    if isinstance(schema, list | tuple):
        return all(_is_strict(part) for part in schema)
    if not isinstance(schema, Mapping):
        return True
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        required = set(schema.get("required") or ())
        if schema.get("additionalProperties") is not False or required != set(properties):
            return False
        parts = [value for name, value in schema.items() if name != "properties"]
        return _is_strict(parts) and _is_strict(list(properties.values()))
    if schema.get("type") == "object":
        return False
    return _is_strict(list(schema.values()))


@lru_cache(maxsize=256)
def public_endpoint(base_url: str | None) -> str:
    """The address for identities and rows: no userinfo, no parameter that may be a secret, host
    in lower case, no slash at the end; empty where the recipe gives no address. Asked twice a
    call, so that it is worked out once an address."""
    if not base_url:
        return ""
    parts = urlsplit(base_url)
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    if parts.port:
        host = f"{host}:{parts.port}"
    kept = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if not _SECRET_PARAMETER.search(name)
    ]
    query = urlencode(sorted(kept))
    return urlunsplit((parts.scheme.lower(), host, parts.path.rstrip("/"), query, ""))


def secret_parts(base_url: str | None) -> list[str]:
    """The parts of an address that `public_endpoint` leaves out: user, password, parameters."""
    if not base_url:
        return []
    parts = urlsplit(base_url)
    found = [parts.username, parts.password]
    found += [value for name, value in parse_qsl(parts.query) if _SECRET_PARAMETER.search(name)]
    return [value for value in found if value]
