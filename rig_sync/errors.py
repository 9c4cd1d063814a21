"""Everything rig_sync raises: one tree, and what to do about each.

* RigError
  - ConfigError: a mistake in the calling code or its environment; says what to set
  - TransportError: the bytes did not come
      + ConnectFailed: UntrustedCertificate
      + ReadFailed
      + LimitExceeded: SSELimitError
      + StreamTimeout: ConnectTimeout, FirstEventTimeout, IdleTimeout, TotalTimeout, PauseTimeout,
        ToolTimeout
  - ProviderError: the provider answered, and the answer is an error
      + AuthenticationError, PermissionDenied, NotFound, BadRequest, ContextLengthExceeded,
        RateLimited, Overloaded, ServerError
      + ResponseDecodeError: a frame or body that could not be understood
  - StreamTruncated: the body ended before the provider said that it was done
  - PromptError: MaxTurnsExceeded, PromptCancelled, UnknownToolCall, ToolRetriesExceeded,
      HookFailed, OutputInvalid; and RunSuspended of `rig_sync.agent.run`
  - ToolError: what a tool raises to speak to the model
      + ModelRetry: call it again, differently
  - StreamMisuse: read twice, read from two threads, read after close

Foreign exceptions are translated into these once, in `rig_sync.transport`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rig_sync.completion import CompletionResponse
    from rig_sync.message import Message

__all__ = [
    "Attempt",
    "AuthenticationError",
    "BadRequest",
    "ConfigError",
    "ConnectFailed",
    "ConnectTimeout",
    "ContextLengthExceeded",
    "FirstEventTimeout",
    "HookFailed",
    "IdleTimeout",
    "LimitExceeded",
    "MaxTurnsExceeded",
    "ModelRetry",
    "NotFound",
    "OutputInvalid",
    "Overloaded",
    "PauseTimeout",
    "PermissionDenied",
    "PromptCancelled",
    "PromptError",
    "ProviderError",
    "RateLimited",
    "ReadFailed",
    "ResponseDecodeError",
    "RigError",
    "SSELimitError",
    "ServerError",
    "StreamMisuse",
    "StreamTimeout",
    "StreamTruncated",
    "ToolError",
    "ToolRetriesExceeded",
    "ToolTimeout",
    "TotalTimeout",
    "TransportError",
    "UnknownToolCall",
    "UntrustedCertificate",
    "error_fields",
    "error_from_fields",
]


class Attempt(NamedTuple):
    """One try of a request that failed: what came of it, and how long we waited afterwards.

    `kind` is the name of the error's class.
    """

    error: str
    status: int | None
    waited: float
    kind: str = ""


class RigError(Exception):
    """The base of everything rig_sync raises.

    Attributes:
        recoverable: The stream goes on after this error (one bad frame); else it is over.
        partial: What had arrived of the response when a stream failed.
        history: Messages that every provider accepts, to go on from; set when an agent's run ends.
        attempts: The tries that failed before this one, oldest first.
    """

    recoverable: bool = False
    partial: CompletionResponse | None = None
    history: tuple[Message, ...] = ()
    attempts: tuple[Attempt, ...] = ()

    def __reduce__(self) -> tuple[object, ...]:
        # keyword arguments of the subclasses live in __dict__; args alone would lose them
        return (_rebuild, (type(self), self.args, dict(self.__dict__)))


def error_fields(error: RigError) -> dict[str, object]:
    """An error as plain fields, for JSON: its kind, its words, and what is known beside them.

    >>> error_fields(RateLimited("slow down", status=429))
    {'kind': 'RateLimited', 'message': 'slow down', 'status': 429}
    """
    fields: dict[str, object] = {"kind": type(error).__name__}
    fields["message"] = error.message if isinstance(error, ProviderError) else str(error)
    for name in _JSON_FIELDS:
        value = getattr(error, name, None)
        if value:
            fields[name] = value
    return fields


def error_from_fields(fields: dict[str, object]) -> RigError:
    """The error that `error_fields` took apart; of an unknown kind, a plain `RigError`.

    >>> error_from_fields({"kind": "RateLimited", "message": "slow down", "status": 429}).status
    429
    """
    kind = _kinds().get(str(fields.get("kind")), RigError)
    error = kind(str(fields.get("message", "")))
    for name, kinds in _JSON_FIELDS.items():
        if isinstance(fields.get(name), kinds):
            setattr(error, name, fields[name])
    return error


_JSON_FIELDS: dict[str, type | tuple[type, ...]] = {
    "recoverable": bool,
    "provider": str,
    "status": int,
    "code": str,
    "body": str,
    "request_id": str,
    "retry_after": (int, float),
    "limit": str,
}


def _kinds() -> dict[str, type[RigError]]:
    found, waiting = {"RigError": RigError}, [RigError]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            if kind.__module__.startswith("rig_sync."):  # others may want other arguments
                found[kind.__name__] = kind
            waiting.append(kind)
    return found


def _rebuild(kind: type[RigError], args: tuple[object, ...], state: dict[str, object]) -> RigError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigError(RigError):
    """A mistake in the calling code or its environment; the message says what to write instead."""


class TransportError(RigError):
    """The bytes of a response did not come, or not all of them."""


class ConnectFailed(TransportError):
    """No connection: name not found, refused, TLS or proxy trouble. Retried by default."""


class UntrustedCertificate(ConnectFailed):
    """No trusted certificate; never retried. An authority of your own: `REQUESTS_CA_BUNDLE`."""


class ReadFailed(TransportError):
    """The connection broke while the response was being read; `partial` has what came."""


class LimitExceeded(TransportError):
    """The server sent more than `Limits` allows. Raise that limit, or suspect the server.

    Attributes:
        limit: The field of `Limits` that says how much.
    """

    def __init__(self, message: str, *, limit: str = "") -> None:
        super().__init__(message)
        self.limit = limit


class SSELimitError(LimitExceeded):
    """One event, frame or line of a stream is larger than `Limits.event_bytes`."""


class StreamTimeout(TransportError):
    """A deadline of `Timeouts` passed; the subclass says which."""


class ConnectTimeout(StreamTimeout):
    """No connection within `Timeouts.connect` seconds."""


class FirstEventTimeout(StreamTimeout):
    """No content within `Timeouts.first_event` seconds of the request."""


class IdleTimeout(StreamTimeout):
    """No further content within `Timeouts.idle` seconds."""


class TotalTimeout(StreamTimeout):
    """The whole run took longer than `Timeouts.total` seconds."""


class PauseTimeout(StreamTimeout):
    """A stream was paused for longer than `Timeouts.max_pause` seconds."""


class ToolTimeout(StreamTimeout):
    """One tool call took longer than `Timeouts.tool` seconds; its thread was abandoned."""


class ProviderError(RigError):
    """The provider answered, and the answer is an error (also inside a response of status 200).

    Attributes:
        provider: The client's name, as `openai`.
        status: The HTTP status; 200 when the error came inside a stream.
        code: The provider's own word for it, where it has one.
        body: The first 4 KiB of what arrived, with keys taken out.
        request_id: The provider's id of this request, to quote to its support.
        retry_after: Seconds the provider asked us to wait.
        should_retry: Whether the same request may do better, if the provider said so.
    """

    hint: str = ""
    should_retry: bool | None = None

    def __init__(
        self,
        message: str,
        *,
        provider: str = "",
        status: int | None = None,
        code: str | None = None,
        body: str = "",
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.status = status
        self.code = code
        self.body = body
        self.request_id = request_id
        self.retry_after = retry_after

    @property
    def message(self) -> str:
        """What the provider said, alone."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        known = (("status", self.status), ("code", self.code), ("request id", self.request_id))
        facts = ", ".join(f"{name} {value}" for name, value in known if value not in (None, ""))
        text = f"{self.provider}: {self.message}" if self.provider else self.message
        text = f"{text} ({facts})" if facts else text
        return f"{text}. {self.hint}" if self.hint else text


class AuthenticationError(ProviderError):
    """401: the key is missing, wrong or expired."""

    hint = "Check the API key that the client was given."


class PermissionDenied(ProviderError):
    """403: the key is good, but not for this."""

    hint = "Check that this key's project may use the model and the endpoint."


class NotFound(ProviderError):
    """404: no such model or no such route."""

    hint = "Check the model's name and the base_url."


class BadRequest(ProviderError):
    """400, 413, 422: the provider does not take the request as it is. Never retried."""


class ContextLengthExceeded(BadRequest):
    """The prompt and history are longer than the model's context."""

    hint = "Shorten the history or choose a model with a longer context."


class RateLimited(ProviderError):
    """429: too many requests or no quota left; `retry_after` says when to come back."""


class Overloaded(ProviderError):
    """503, 529: the provider is busy. Retried by default."""


class ServerError(ProviderError):
    """5xx: the provider failed. Retried by default."""


class ResponseDecodeError(ProviderError):
    """A frame or body that could not be understood; `recoverable` when the stream goes on."""

    def __init__(
        self,
        message: str,
        *,
        recoverable: bool = True,
        provider: str = "",
        status: int | None = None,
        code: str | None = None,
        body: str = "",
        request_id: str | None = None,
    ) -> None:
        super().__init__(
            message,
            provider=provider,
            status=status,
            code=code,
            body=body,
            request_id=request_id,
        )
        self.recoverable = recoverable


class StreamTruncated(RigError):
    """The body ended before the provider said that it was done; `partial` holds what came."""


class PromptError(RigError):
    """The agent's run ended without an answer; `history` goes on from there."""


class MaxTurnsExceeded(PromptError):
    """The model still asks for tools after `max_turns` model calls."""


class PromptCancelled(PromptError):
    """A one-shot call was cancelled, or a hook stopped the run; then `reason` is the hook's."""

    reason: str = ""


class UnknownToolCall(PromptError):
    """The model called a tool that it was not given."""


class ToolRetriesExceeded(PromptError):
    """A tool failed more often in a row than its `retries` allow."""


class HookFailed(PromptError):
    """A hook raised: see `__cause__`. The run is over, `history` goes on from there."""


class OutputInvalid(PromptError):
    """The answer does not fit the type asked for, and the retries are used up.

    The message lists what does not fit. Allow more retries, or ask for a simpler type.

    Attributes:
        raw: The model's last answer, as text.
    """

    def __init__(self, message: str, *, raw: str = "") -> None:
        super().__init__(message)
        self.raw = raw


class ToolError(RigError):
    """Raise it in a tool: the model reads the message as the call's result, marked as an error."""


class ModelRetry(ToolError):
    """Raise it in a tool when another call may do: the model is told to correct it and try again.

    How often in a row the model may do so is the tool's `retries`.
    """


class StreamMisuse(RigError):
    """The stream was read twice, from two threads at once, or after it was closed."""
