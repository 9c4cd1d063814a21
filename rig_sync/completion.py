"""One model call: what is asked for, and what came back.

Names follow Rig's `rig::completion`. Values only; they go to JSON and back, and they pickle.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict

from msgspec import Struct

from rig_sync._json import JsonObject
from rig_sync.message import AssistantMessage, Document, Message

__all__ = [
    "CompletionRequest",
    "CompletionResponse",
    "FinishKind",
    "FinishReason",
    "ModelSettings",
    "OutputSchema",
    "ReasoningOptions",
    "ResponseIds",
    "ToolChoice",
    "ToolDefinition",
    "Usage",
]


class Usage(Struct, frozen=True, tag="usage", omit_defaults=True):
    """Tokens of one call or of a whole run. None: the provider did not say; never an invented 0.

    One meaning for every provider: `input_tokens` includes `cached_input_tokens` and
    `cache_creation_input_tokens`; `output_tokens` includes `reasoning_tokens`.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    reasoning_tokens: int | None = None

    def __add__(self, other: Usage) -> Usage:
        """Both together, count by count.

        >>> Usage(input_tokens=3) + Usage(input_tokens=4, output_tokens=1)
        Usage(input_tokens=7, output_tokens=1, total_tokens=None, cached_input_tokens=None, \
cache_creation_input_tokens=None, reasoning_tokens=None)
        """
        return Usage(*map(_plus, _counts(self), _counts(other)))

    def __bool__(self) -> bool:
        """Whether the provider reported anything."""
        return any(count is not None for count in _counts(self))


def _counts(usage: Usage) -> tuple[int | None, ...]:
    return (
        usage.input_tokens,
        usage.output_tokens,
        usage.total_tokens,
        usage.cached_input_tokens,
        usage.cache_creation_input_tokens,
        usage.reasoning_tokens,
    )


def _plus(a: int | None, b: int | None) -> int | None:
    if a is None or b is None:
        return a if b is None else b
    return a + b


FinishKind: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "other"]


class FinishReason(Struct, frozen=True, tag="finish_reason", omit_defaults=True):
    """Why the model stopped: `kind` in our words, `raw` in the provider's own.

    `unfinished`: the provider paused a long turn (Anthropic's `pause_turn`); the model goes on when
    it gets the answer back as it is, which agents do.
    """

    kind: FinishKind
    raw: str | None = None
    unfinished: bool = False


class ResponseIds(Struct, frozen=True, omit_defaults=True):
    """What the provider calls this response: in its body, of the message, in its headers."""

    response: str | None = None
    message: str | None = None
    request: str | None = None


class ToolDefinition(Struct, frozen=True, tag="tool_definition"):
    """A tool as the model sees it; `parameters` is the JSON Schema of its arguments."""

    name: str
    description: str
    parameters: JsonObject


class ToolChoice(Struct, frozen=True, omit_defaults=True):
    """Whether the model may, must or must not call tools; `names` limits which.

    `ToolChoice("specific", ("add",))` forces that one.
    """

    mode: Literal["auto", "none", "required", "specific"]
    names: tuple[str, ...] = ()


class ReasoningOptions(Struct, frozen=True, omit_defaults=True):
    """How much the model should think: `effort` in words or `budget` in tokens.

    `summary` asks for a readable account, where the provider gives one.
    """

    effort: str | None = None
    budget: int | None = None
    summary: str | None = None


class OutputSchema(Struct, frozen=True, omit_defaults=True):
    """The JSON Schema that the answer has to follow."""

    name: str
    schema: JsonObject
    strict: bool = True


class ModelSettings(TypedDict, total=False):
    """How a model shall answer; every key may be left out, or be None.

    A wire that cannot carry one refuses it before anything is sent.

    Attributes:
        temperature: How freely it picks its words; 0 or above.
        max_tokens: The most tokens of one answer.
        top_p: Only the likeliest words that make up this share; above 0, at most 1.
        stop: Words that end the answer.
        seed: Makes the answer repeatable, as far as the provider can.
        reasoning: How much it thinks.
        parallel_tool_calls: Whether it may call several tools at once.
        output_schema: The JSON Schema that the answer has to follow.
        additional_params: Merged into every body last, so they win.
    """

    temperature: float | None
    max_tokens: int | None
    top_p: float | None
    stop: tuple[str, ...] | None
    seed: int | None
    reasoning: ReasoningOptions | None
    parallel_tool_calls: bool | None
    output_schema: OutputSchema | None
    additional_params: JsonObject | None


class CompletionRequest(Struct, frozen=True, tag="completion_request", omit_defaults=True):
    """One call of a model, in no provider's words.

    Attributes:
        model: The provider's name for the model.
        messages: The history, the prompt last.
        preamble: The system prompt.
        documents: Context that is given to the model ahead of the history.
        additional_params: Merged into the encoded body last, so they win.
    """

    model: str
    messages: tuple[Message, ...]
    preamble: str | None = None
    documents: tuple[Document, ...] = ()
    tools: tuple[ToolDefinition, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    reasoning: ReasoningOptions | None = None
    output_schema: OutputSchema | None = None
    additional_params: JsonObject = {}  # msgspec copies an empty default for every instance


class CompletionResponse(Struct, frozen=True, tag="completion_response", omit_defaults=True):
    """One answer of a model, streamed or whole: the two are equal for equal bytes of content.

    Attributes:
        message: What the model said.
        usage: As reported.
        finish_reason: None when the provider gave none.
        ids: The provider's ids of the response.
        model: The model that answered, in the provider's words.
        raw: The provider's own terminal object (streamed) or whole body.
        defects: Messages of the recoverable errors on the way.
    """

    message: AssistantMessage
    usage: Usage = Usage()
    finish_reason: FinishReason | None = None
    ids: ResponseIds = ResponseIds()
    model: str | None = None
    raw: JsonObject | None = None
    defects: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The words of the answer."""
        return self.message.text

    def __repr__(self) -> str:
        return f"CompletionResponse({self.message!r}, {self.usage!r}, {self.finish_reason!r})"
