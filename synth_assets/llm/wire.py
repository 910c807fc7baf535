"""What is sent: a model of the recipe and a request in, the chat-completions body and the address
that stands for the endpoint out. The only place that builds either."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from synth_assets.llm.request import Request
from synth_assets.recipe import Model

TAKES_SEED = frozenset({"offline", "openai_compatible"})
_SECRET_PARAMETER = re.compile(r"key|token|secret|sig|pass|auth|code|credential", re.IGNORECASE)


def model_name(model: Model) -> str:
    """The model without its provider: what the endpoint is asked for."""
    return model.model.partition("/")[2]


def wire_body(model: Model, request: Request) -> dict[str, Any]:
    """The body of one chat completion, ready for JSON. It is all that an offline model sees."""
    body: dict[str, Any] = {
        "model": model_name(model),
        "messages": [dict(message) for message in request.messages],
        **{name: _as_json(value) for name, value in request.sampling.items()},
    }
    if request.response_schema is not None:
        body["response_format"] = _response_format(request.response_schema)
    if model.provider in TAKES_SEED:
        body["seed"] = request.seed()
    return body


def _as_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


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


def public_endpoint(base_url: str | None) -> str:
    """The address for identities and rows: no userinfo, no parameter that may be a secret, host
    in lower case, no slash at the end; empty where the recipe gives no address."""
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
