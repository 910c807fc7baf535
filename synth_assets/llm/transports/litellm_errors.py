"""An exception of litellm in, the call error it stands for out. The only place that knows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth_assets.errors import CallError, RejectedCallError, TransientCallError
from synth_assets.llm.call_store import TRANSIENT_KINDS
from synth_assets.llm.transports.http_errors import (
    has_no_credit,
    rejection_of_text,
    retry_after_s,
)
from synth_assets.llm.transports.rate_limit_headers import read_limits

KINDS: Mapping[str, str] = {
    "AuthenticationError": "auth",
    "PermissionDeniedError": "auth",
    "PaymentRequiredError": "out_of_credit",
    "BudgetExceededError": "auth",
    "NotFoundError": "not_found",
    "LiteLLMUnknownProvider": "not_found",
    "ModelNotMappedError": "not_found",
    "ContextWindowExceededError": "context_too_long",
    "ContentPolicyViolationError": "content_policy",
    "RejectedRequestError": "content_policy",
    "GuardrailRaisedException": "content_policy",
    "BlockedPiiEntityError": "content_policy",
    "ModifyResponseException": "content_policy",
    "SensitiveDataRouteException": "content_policy",
    "BadRequestError": "bad_request",
    "InvalidRequestError": "bad_request",
    "UnprocessableEntityError": "bad_request",
    "UnsupportedParamsError": "bad_request",
    "ImageFetchError": "bad_request",
    "VectorStoreSearchError": "bad_request",
    "RateLimitError": "rate_limit",
    "Timeout": "timeout",
    "APITimeoutError": "timeout",
    "APIConnectionError": "connection",
    "APIResponseValidationError": "truncated_body",
    "JSONSchemaValidationError": "truncated_body",
    "InternalServerError": "server",
    "ServiceUnavailableError": "server",
    "BadGatewayError": "server",
    "MidStreamFallbackError": "server",
    "APIError": "server",
    "OpenAIError": "server",
}
"""The kind of each class, by name, so that litellm need not be imported to read it. A class that
is not here has the kind of its nearest ancestor that is."""


def kind_of(error: Exception) -> str | None:
    """The kind of an exception of litellm; None for one that is not litellm's."""
    for ancestor in type(error).__mro__:
        if ancestor.__module__.partition(".")[0] in ("litellm", "openai"):
            kind = KINDS.get(ancestor.__name__)
            if kind is not None:
                return kind
    return None


def call_error(error: Exception, place: str) -> CallError | None:
    """The call error for an exception of litellm; None for one that is not litellm's, which is a
    fault of the program and must not become a row."""
    kind = kind_of(error)
    if kind is None:
        return None
    if _is_out_of_credit(error, kind):
        kind = "out_of_credit"
    if kind == "bad_request":
        kind = rejection_of_text(str(error).lower()) or kind
    message = f"{place}: {kind}: {type(error).__name__}: {str(error)[:500]}"
    headers = _headers(error)
    if kind in TRANSIENT_KINDS:
        wait_s = retry_after_s(headers)
        return TransientCallError(
            message, kind=kind, retry_after_s=wait_s, limits=read_limits(headers)
        )
    return RejectedCallError(message, kind=kind, limits=read_limits(headers))


def _is_out_of_credit(error: Exception, kind: str) -> bool:
    """No waiting brings money. OpenAI's code is lost on the way, and its words stand for it; of
    Gemini the same words mean a rate limit."""
    words = str(error).lower()
    if kind == "rate_limit" and getattr(error, "llm_provider", "") == "openai":
        return "insufficient_quota" in words or "exceeded your current quota" in words
    return kind in ("rate_limit", "bad_request") and has_no_credit(words)


def _headers(error: Exception) -> Mapping[str, str]:
    """The endpoint's headers: its response's own are often litellm's, made up and empty."""
    told: Any = getattr(error, "litellm_response_headers", None)
    made: Any = getattr(getattr(error, "response", None), "headers", None)
    return told or made or {}
