"""The errors that providers tell inside a stream of status 200, in every shape that is known.

Source: what providers document and servers were seen to send; each shape says whose it is.
"""

from __future__ import annotations

from msgspec import Struct

from rig_sync._json import Json, JsonObject
from rig_sync.errors import (
    AuthenticationError,
    BadRequest,
    ContextLengthExceeded,
    Overloaded,
    PermissionDenied,
    ProviderError,
    RateLimited,
    ServerError,
)
from tests.faults.matrix.moments import KEY, events, named
from tests.wire.aws_frames import aws_error, aws_exception
from tests.wire.conformance import cohere_chat as command
from tests.wire.conformance import gemini_generate as google
from tests.wire.conformance import gemini_interactions as steps
from tests.wire.conformance import ollama_chat as llama
from tests.wire.frames import chat_chunk

__all__ = ["IN_BAND", "InBand"]


class InBand(Struct, frozen=True):
    """An error that a provider tells inside a stream.

    Attributes:
        shape: In words.
        frame: Its bytes.
        kind: What is raised.
        says: What its message has in it.
        code: The provider's word for it.
        mends: Another try may help.
    """

    shape: str
    frame: bytes
    kind: type[ProviderError]
    says: str
    code: str | None = None
    mends: bool = False


def event_named_error(data: str) -> bytes:
    """An event whose name is `error`."""
    return f"event: error\ndata: {data}\n\n".encode()


SLOW: JsonObject = {"message": "Slow down", "type": "requests", "code": "rate_limit_exceeded"}
LONG: JsonObject = {"message": "too long", "type": "x", "code": "context_length_exceeded"}
LEAKY: JsonObject = {"message": f"no such key: {KEY}", "type": "x", "code": "invalid_api_key"}
WORDS = "upstream connect error"
GROQ = (
    '{"error":{"message":"Failed to call a function","type":"invalid_request_error",'
    '"code":"tool_use_failed","failed_generation":"<f>","status_code":400}}'
)
RESOURCE: Json = {
    "code": 429,
    "message": "Quota exceeded",
    "status": "RESOURCE_EXHAUSTED",
    "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0s"}],
}
INTERNAL: Json = {"code": 500, "message": "Oh no", "status": "INTERNAL"}

SSE_WORDS = InBand("`event: error`, in words", event_named_error(WORDS), ProviderError, WORDS)

CHAT = (
    InBand(
        '`{"error": {…}}`',
        events({"error": SLOW}),
        RateLimited,
        "Slow down",
        "rate_limit_exceeded",
        True,
    ),
    InBand(
        '`{"error": {…}}`, of the request',
        events({"error": LONG}),
        ContextLengthExceeded,
        "too long",
        "context_length_exceeded",
    ),
    InBand(
        '`{"error": {…}}` that says the key',
        events({"error": LEAKY}),
        AuthenticationError,
        "no such key: [key]",
        "invalid_api_key",
    ),
    InBand('`{"error": "words"}`', events({"error": "No capacity"}), ProviderError, "No capacity"),
    InBand(
        "`error` beside `choices` (OpenRouter)",
        events(chat_chunk({"content": ""}, "error", error={"code": 502, "message": "Upstream"})),
        ServerError,
        "Upstream",
        "502",
        True,
    ),
    InBand(
        "`error` with empty `choices`",
        events({"choices": [], "error": {"code": 429, "message": "Later"}}),
        RateLimited,
        "Later",
        "429",
        True,
    ),
    InBand(
        "`event: error` (Groq)",
        event_named_error(GROQ),
        BadRequest,
        "Failed to call",
        "tool_use_failed",
    ),
    InBand(
        '`{"object": "error"}` (vLLM)',
        events({"object": "error", "message": "Bad", "type": "BadRequestError", "code": 400}),
        BadRequest,
        "Bad",
        "400",
    ),
    InBand(
        "a flat object",
        events({"message": "Gone", "type": "x", "code": "server_error"}),
        ServerError,
        "Gone",
        "server_error",
        True,
    ),
    InBand(
        "the finish reason `error`",
        events(chat_chunk({}, "error")),
        ProviderError,
        "error",
    ),
    SSE_WORDS,
)

FAILED: JsonObject = {
    "id": "resp-1",
    "status": "failed",
    "error": {"code": "server_error", "message": "Oh no"},
}
RESPONSES = (
    InBand(
        "`type: error`, then `response.failed`",
        named(
            {"type": "error", "code": "rate_limit_exceeded", "message": "Slow down", "param": None},
            {"type": "response.failed", "response": FAILED},
        ),
        RateLimited,
        "Slow down",
        "rate_limit_exceeded",
        True,
    ),
    InBand(
        "`response.failed`",
        named({"type": "response.failed", "response": FAILED}),
        ServerError,
        "Oh no",
        "server_error",
        True,
    ),
    InBand(
        "`type: error` with an `error` inside",
        named({"type": "error", "error": LONG}),
        ContextLengthExceeded,
        "too long",
        "context_length_exceeded",
    ),
    InBand(
        '`{"error": {…}}` without a type',
        events({"error": LEAKY}),
        AuthenticationError,
        "no such key: [key]",
        "invalid_api_key",
    ),
    InBand(
        '`{"code", "error": "words"}` (xAI)',
        events({"code": "overloaded", "error": "At capacity"}),
        Overloaded,
        "At capacity",
        "overloaded",
        True,
    ),
    SSE_WORDS,
)

CLAUDE = (
    InBand(
        "`event: error`, overloaded",
        named({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
        Overloaded,
        "Overloaded",
        "overloaded_error",
        True,
    ),
    InBand(
        "`event: error`, of the key",
        named({"type": "error", "error": {"type": "authentication_error", "message": KEY}}),
        AuthenticationError,
        "[key]",
        "authentication_error",
    ),
    InBand(
        "`event: error`, of the server",
        named({"type": "error", "error": {"type": "api_error", "message": "Internal"}}),
        ServerError,
        "Internal",
        "api_error",
        True,
    ),
    InBand(
        '`{"error": {…}}` without a type',
        events({"error": {"type": "rate_limit_error", "message": "Slow down"}}),
        RateLimited,
        "Slow down",
        "rate_limit_error",
        True,
    ),
    SSE_WORDS,
)

GOOGLE = (
    InBand(
        '`{"error": {…}}` with `RetryInfo`',
        google.stream({"error": RESOURCE}),
        RateLimited,
        "Quota exceeded",
        "RESOURCE_EXHAUSTED",
        True,
    ),
    InBand(
        "the same in an array",
        google.stream([{"error": INTERNAL}]),
        ServerError,
        "Oh no",
        "INTERNAL",
        True,
    ),
    InBand(
        "a flat object",
        google.stream({"code": 400, "message": "Bad", "status": "INVALID_ARGUMENT"}),
        BadRequest,
        "Bad",
        "INVALID_ARGUMENT",
    ),
    SSE_WORDS,
)

STEPS = (
    InBand(
        "the event `error`",
        events(steps.event("error", error=RESOURCE)),
        RateLimited,
        "Quota exceeded",
        "RESOURCE_EXHAUSTED",
        True,
    ),
    InBand(
        "`interaction.failed`",
        events(
            steps.event(
                "interaction.failed", interaction=steps.interaction("failed", error=INTERNAL)
            )
        ),
        ServerError,
        "Oh no",
        "INTERNAL",
        True,
    ),
    InBand(
        '`{"error": {…}}` without a type',
        events({"error": {"code": 403, "message": "No", "status": "PERMISSION_DENIED"}}),
        PermissionDenied,
        "No",
        "PERMISSION_DENIED",
    ),
    SSE_WORDS,
)

COMMAND = (
    InBand(
        "`message-end` with `ERROR`",
        named(command.over("ERROR", error="Out of service")),
        ProviderError,
        "Out of service",
    ),
    InBand(
        '`{"id", "message"}`',
        events({"id": "e-1", "message": "Out of service"}),
        ProviderError,
        "Out of service",
    ),
    InBand(
        '`{"error": {…}}`',
        events({"error": SLOW}),
        RateLimited,
        "Slow down",
        "rate_limit_exceeded",
        True,
    ),
    SSE_WORDS,
)

LLAMA = (
    InBand(
        '`{"error": "words"}`',
        llama.lines({"error": "model runner has unexpectedly stopped"}),
        ProviderError,
        "model runner",
    ),
    InBand(
        '`{"error": {…}}`',
        llama.lines({"error": {"message": "busy", "code": 503}}),
        Overloaded,
        "busy",
        "503",
        True,
    ),
)

AWS = (
    *(
        InBand(f"`{name}`", aws_exception(name, {"message": "Told"}), kind, "Told", name, mends)
        for name, kind, mends in (
            ("throttlingException", RateLimited, True),
            ("serviceUnavailableException", Overloaded, True),
            ("internalServerException", ServerError, True),
            ("modelStreamErrorException", ServerError, True),
            ("validationException", BadRequest, False),
        )
    ),
    InBand(
        "an exception that is new",
        aws_exception("freshException", {"message": "Told"}),
        ProviderError,
        "Told",
        "freshException",
    ),
    InBand(
        "an error without a model",
        aws_error("InternalFailure", "Told"),
        ProviderError,
        "Told",
        "InternalFailure",
    ),
)

IN_BAND: dict[str, tuple[InBand, ...]] = {
    "openai_chat": CHAT,
    "openai_responses": RESPONSES,
    "anthropic_messages": CLAUDE,
    "gemini_generate": GOOGLE,
    "gemini_interactions": STEPS,
    "cohere_chat": COMMAND,
    "ollama_chat": LLAMA,
    "bedrock_converse": AWS,
}
"""By the name of the wire."""
