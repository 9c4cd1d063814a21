"""The error bodies of all providers, made into one tree by table."""

from __future__ import annotations

import re

from rig_sync._json import Json, JsonObject, compact, is_deeper, parse
from rig_sync.errors import (
    AuthenticationError,
    BadRequest,
    ContextLengthExceeded,
    NotFound,
    Overloaded,
    PermissionDenied,
    ProviderError,
    RateLimited,
    ServerError,
)
from rig_sync.limits import Limits

__all__ = ["BODY_LIMIT", "CODE_LIMIT", "error_from_body", "error_from_payload", "seconds_in"]

BODY_LIMIT = 4096
"""Characters of a body that an error keeps, and of what it says."""

CODE_LIMIT = 200
"""Characters of a code, or an id, that an error keeps."""

LONGEST = 1e9  # seconds: 31 years
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+").fullmatch

BY_STATUS: dict[int, type[ProviderError]] = {
    400: BadRequest,
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFound,
    408: ServerError,
    409: ServerError,
    413: BadRequest,
    422: BadRequest,
    424: ServerError,
    429: RateLimited,
    503: Overloaded,
    529: Overloaded,
}

BY_CODE: dict[str, type[ProviderError]] = {
    "authentication_error": AuthenticationError,
    "content_filter": BadRequest,
    "content_policy_violation": BadRequest,
    "invalid_api_key": AuthenticationError,
    "context_length_exceeded": ContextLengthExceeded,
    "exceed_context_size_error": ContextLengthExceeded,
    "insufficient_quota": RateLimited,
    "invalid_request_error": BadRequest,
    "model_not_found": NotFound,
    "not_found_error": NotFound,
    "overloaded": Overloaded,
    "overloaded_error": Overloaded,
    "permission_error": PermissionDenied,
    "rate_limit_error": RateLimited,
    "rate_limit_exceeded": RateLimited,
    "request_too_large": BadRequest,
    "server_error": ServerError,
    "api_error": ServerError,
    "timeout_error": ServerError,
    "tool_use_failed": BadRequest,
    "too_many_prompt_tokens": ContextLengthExceeded,
    "TOO_MANY_TOKENS": ContextLengthExceeded,
    "unavailable_error": Overloaded,
    # AWS, inside an event stream
    "accessDeniedException": PermissionDenied,
    "internalServerException": ServerError,
    "modelErrorException": ServerError,
    "modelNotReadyException": Overloaded,
    "modelStreamErrorException": ServerError,
    "modelTimeoutException": ServerError,
    "resourceNotFoundException": NotFound,
    "serviceQuotaExceededException": RateLimited,
    "serviceUnavailableException": Overloaded,
    "throttlingException": RateLimited,
    "validationException": BadRequest,
    "API_KEY_INVALID": AuthenticationError,
    "DEADLINE_EXCEEDED": ServerError,
    "FAILED_PRECONDITION": BadRequest,
    "INTERNAL": ServerError,
    "INVALID_ARGUMENT": BadRequest,
    "NOT_FOUND": NotFound,
    "OUT_OF_RANGE": BadRequest,
    "PERMISSION_DENIED": PermissionDenied,
    "RESOURCE_EXHAUSTED": RateLimited,
    "UNAUTHENTICATED": AuthenticationError,
    "UNAVAILABLE": Overloaded,
}

TOO_LONG = (
    "available context size",
    "exceed context limit",
    "exceeds the context window",
    "input is too long",
    "input tokens exceeded",
    "max context length",
    "maximum context length",
    "maximum number of tokens allowed",
    "maximum prompt length",
    "prompt is too long",
    "too many tokens",
)
"""What providers that have no code for it say of a prompt that is too long, in small letters."""


def error_from_body(body: str, status: int | None) -> ProviderError:
    """The error in a response that is one: JSON of any known shape, else what the text says."""
    try:
        payload = None if is_deeper(body, Limits().json_depth) else parse(body)
    except ValueError:
        payload = None
    if isinstance(payload, list) and payload:  # Gemini wraps the object in an array
        payload = payload[0]
    if isinstance(payload, dict):
        return error_from_payload(payload, status)
    return _build(_describe(body, status), status, None, body)


def error_from_payload(payload: JsonObject, status: int | None) -> ProviderError:
    """The error in a JSON object: OpenAI's `{"error": {…}}`, `{"error": "…"}`, or flat.

    >>> error_from_payload({"error": {"message": "No", "code": "invalid_api_key"}}, 401)
    AuthenticationError('No')
    >>> error_from_payload({"detail": "Unauthorized"}, 401).message
    'Unauthorized'
    """
    inner = payload.get("error")
    fields: JsonObject = inner if isinstance(inner, dict) else payload
    message = inner if isinstance(inner, str) else _message_of(fields)
    code = _word(fields.get("code"))
    if isinstance(fields.get("code"), int) and isinstance(fields.get("status"), str):
        code = _word(fields["status"])  # Google's word; its code is the HTTP status again
    kind = _word(fields.get("type"))
    details = _details(fields)
    reasons = (_word(details.get("reason")), code, kind, _word(fields.get("error_type")))
    number = _status_in(fields) or status
    text = compact(payload)
    found = next((BY_CODE[word] for word in reasons if word in BY_CODE), None)
    error = _build(message or text, number, code or kind, text, found)
    error.retry_after = _seconds(details.get("retryDelay"))
    return error


def _build(
    message: str,
    status: int | None,
    code: str | None,
    body: str,
    by_code: type[ProviderError] | None = None,
) -> ProviderError:
    by_status = BY_STATUS.get(status or 0)
    if by_status is None and status is not None and status >= 500:
        by_status = ServerError
    kind = by_code if by_status in (None, BadRequest, ServerError) else by_status
    kind = kind or by_status or ProviderError
    if kind is BadRequest and any(words in message.lower() for words in TOO_LONG):
        kind = ContextLengthExceeded
    return kind(message[:BODY_LIMIT], status=status, code=code, body=body[:BODY_LIMIT])


def _message_of(fields: JsonObject) -> str:
    for name in ("message", "Message", "detail", "msg", "title"):
        value = fields.get(name)
        if value:
            return value if isinstance(value, str) else compact(value)
    return ""


def _details(fields: JsonObject) -> JsonObject:
    """What Google adds in a list of objects, as one: the reason, and when to try again."""
    details = fields.get("details")
    joined: JsonObject = {}
    for detail in details if isinstance(details, list) else ():
        joined.update(detail if isinstance(detail, dict) else {})
    return joined


def seconds_in(text: str) -> float | None:
    """A number of seconds, as servers ask us to wait; None where `text` is none.

    More than `LONGEST` is `LONGEST`: no thread can wait for ever.

    >>> seconds_in("34.4"), seconds_in("-1"), seconds_in("²"), seconds_in("9" * 400)
    (34.4, None, None, 1000000000.0)
    """
    return min(float(text), LONGEST) if _NUMBER(text) else None


def _seconds(delay: Json) -> float | None:
    """The seconds in a duration as Google writes it.

    >>> _seconds("34.4s"), _seconds(None)
    (34.4, None)
    """
    return seconds_in(delay.removesuffix("s")) if isinstance(delay, str) else None


def _word(value: Json) -> str | None:
    """A code; `value` may be a number."""
    return str(value)[:CODE_LIMIT] if isinstance(value, (str, int)) and value != "" else None


def _status_in(fields: JsonObject) -> int | None:
    """The HTTP status inside the body, as OpenRouter, Groq and Azure send after a 200."""
    for name in ("status_code", "code", "status"):
        value = fields.get(name)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return None


def _describe(body: str, status: int | None) -> str:
    text = body.strip()
    if not text:
        return f"an empty answer with status {status}"
    if text[0] == "<":
        return f"an HTML page instead of an answer: {text[:200]!r}"
    return text
