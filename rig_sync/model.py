"""A model of a provider, and the builder of one request to it (Rig: `CompletionModel`)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec
from msgspec import Struct

from rig_sync._json import JsonObject, merged, to_json
from rig_sync.completion import (
    CompletionRequest,
    CompletionResponse,
    OutputSchema,
    ReasoningOptions,
    ToolChoice,
    ToolDefinition,
)
from rig_sync.errors import ConfigError
from rig_sync.message import (
    AssistantMessage,
    BaseMessage,
    Document,
    Message,
    SystemMessage,
    UserMessage,
    unanswered_calls,
    user,
)
from rig_sync.streaming.cancel import CancelToken
from rig_sync.streaming.handle import RaiseErrors
from rig_sync.streaming.pause import PauseControl
from rig_sync.streaming.response import Clock, StreamingCompletionResponse
from rig_sync.streaming.source import ModelCall
from rig_sync.transport.endpoint import Endpoint
from rig_sync.transport.retry import RetryPolicy
from rig_sync.transport.timeouts import Timeouts
from rig_sync.wire.base import Wire

__all__ = [
    "CallOptions",
    "CompletionModel",
    "Promptable",
    "RequestBuilder",
    "as_history",
    "as_prompt",
    "check_options",
    "check_request",
]

Promptable: TypeAlias = str | UserMessage
"""What a prompt may be: words, or a message with more than words."""


class CallOptions(Struct, frozen=True, kw_only=True):
    """How one call is made, beside what is asked.

    Attributes:
        timeouts: Instead of the client's.
        pause: Holds the stream still from outside.
        cancel: Ends it from outside.
        clock: What `Timeouts.total` has used up already; shared by the calls of one run.
    """

    timeouts: Timeouts | None = None
    pause: PauseControl | None = None
    cancel: CancelToken | None = None
    clock: Clock | None = None


class CompletionModel:
    """One model of one provider. Cheap, stateless, and to be shared by threads."""

    def __init__(
        self,
        endpoint: Endpoint,
        wire: Wire,
        name: str,
        *,
        timeouts: Timeouts,
        retries: RetryPolicy,
        streams_only: bool = False,
    ) -> None:
        if not name.strip():
            raise ConfigError("the model's name is empty: give one, as client.agent('gpt-5.5')")
        self.name = name
        self.wire = wire
        self.timeouts = timeouts
        self._endpoint = endpoint
        self._retries = retries
        self._streams_only = streams_only

    def __repr__(self) -> str:
        return f"CompletionModel({self.provider!r}, {self.name!r})"

    @property
    def provider(self) -> str:
        """The client's name, as `openai`."""
        return self._endpoint.provider

    def completion(self, prompt: Promptable, history: Iterable[BaseMessage] = ()) -> RequestBuilder:
        """A request to be completed and sent: `model.completion("Hi").send()`."""
        messages = (*as_history(history), as_prompt(prompt))
        return RequestBuilder(self, CompletionRequest(self.name, messages))

    def stream_completion(
        self, prompt: Promptable, history: Iterable[BaseMessage] = ()
    ) -> RequestBuilder:
        """A request to be completed and streamed: `model.stream_completion("Hi").stream()`."""
        return self.completion(prompt, history)

    def send(
        self, request: CompletionRequest, options: CallOptions | None = None
    ) -> CompletionResponse:
        """The whole answer to `request`, by one unary call.

        Raises:
            RigError: no answer; `.partial` has what came of it.
        """
        with self.stream(request, options, unary=True) as stream:
            for _ in stream:
                pass
            return stream.response

    def stream(
        self,
        request: CompletionRequest,
        options: CallOptions | None = None,
        *,
        raise_errors: RaiseErrors = "terminal",
        unary: bool = False,
    ) -> StreamingCompletionResponse:
        """The answer to `request` as it comes; the request goes out on the first `next()`.

        Args:
            request: What is asked.
            options: How it is asked.
            raise_errors: Which errors `next()` raises.
            unary: Ask for the whole answer at once; the items are the same, in fewer pieces.

        Raises:
            ConfigError: `request` cannot be sent as it is; says what to write instead.
        """
        options = options or CallOptions()
        stream = not unary or self._streams_only
        check_request(request)
        try:
            path = self.wire.path(request, stream=stream)
            body = to_json(self.wire.encode(request, stream=stream))
        except ConfigError as error:
            raise ConfigError(f"{self.provider}: {error}") from None
        clock = options.clock or Clock(options.timeouts or self.timeouts)
        call = ModelCall(
            self._endpoint,
            self.wire,
            path,
            body,
            stream=self.wire if stream else None,
            connect=clock.timeouts.connect,
            retries=self._retries,
        )
        return StreamingCompletionResponse(
            call, clock, pause=options.pause, cancel=options.cancel, raise_errors=raise_errors
        )


class RequestBuilder(Struct, frozen=True):
    """One request, put together step by step; every step returns a new builder."""

    model: CompletionModel
    request: CompletionRequest

    def __repr__(self) -> str:
        return f"RequestBuilder({self.model!r}, {len(self.request.messages)} messages)"

    def preamble(self, text: str) -> RequestBuilder:
        """The system prompt."""
        return self._with(preamble=text)

    def documents(self, *documents: Document) -> RequestBuilder:
        """Further context, ahead of the history."""
        return self._with(documents=(*self.request.documents, *documents))

    def messages(self, messages: Iterable[BaseMessage]) -> RequestBuilder:
        """Further history, ahead of the prompt."""
        *before, prompt = self.request.messages
        return self._with(messages=(*before, *as_history(messages), prompt))

    def tools(self, *definitions: ToolDefinition) -> RequestBuilder:
        """Tools that the model may call."""
        return self._with(tools=(*self.request.tools, *definitions))

    def tool_choice(self, choice: ToolChoice) -> RequestBuilder:
        """Whether the model must call one."""
        return self._with(tool_choice=choice)

    def temperature(self, value: float) -> RequestBuilder:
        """How freely it picks its words; 0 is the least."""
        return self._with(temperature=value)

    def top_p(self, share: float) -> RequestBuilder:
        """Only the likeliest words that make up this share; above 0, at most 1."""
        return self._with(top_p=share)

    def parallel_tool_calls(self, allowed: bool) -> RequestBuilder:
        """Whether it may call several tools at once."""
        return self._with(parallel_tool_calls=allowed)

    def max_tokens(self, count: int) -> RequestBuilder:
        """The most tokens of the answer."""
        return self._with(max_tokens=count)

    def reasoning(self, options: ReasoningOptions) -> RequestBuilder:
        """How much it thinks."""
        return self._with(reasoning=options)

    def output_schema(self, schema: OutputSchema) -> RequestBuilder:
        """The JSON Schema that the answer has to follow."""
        return self._with(output_schema=schema)

    def stop_sequences(self, *words: str) -> RequestBuilder:
        """Words that end the answer."""
        return self._with(stop=words)

    def seed(self, number: int) -> RequestBuilder:
        """Makes the answer repeatable, as far as the provider can."""
        return self._with(seed=number)

    def additional_params(self, params: JsonObject) -> RequestBuilder:
        """Merged into the body last, so they win."""
        return self._with(additional_params=merged(self.request.additional_params, params))

    def build(self) -> CompletionRequest:
        """The request as it stands."""
        return self.request

    def send(
        self, *, timeouts: Timeouts | None = None, cancel: CancelToken | None = None
    ) -> CompletionResponse:
        """The whole answer; see `CompletionModel.send`."""
        return self.model.send(self.request, CallOptions(timeouts=timeouts, cancel=cancel))

    def stream(
        self,
        *,
        timeouts: Timeouts | None = None,
        pause: PauseControl | None = None,
        cancel: CancelToken | None = None,
        raise_errors: RaiseErrors = "terminal",
    ) -> StreamingCompletionResponse:
        """The answer as it comes; see `CompletionModel.stream`."""
        options = CallOptions(timeouts=timeouts, pause=pause, cancel=cancel)
        return self.model.stream(self.request, options, raise_errors=raise_errors)

    def _with(self, **changes: object) -> RequestBuilder:
        return RequestBuilder(self.model, msgspec.structs.replace(self.request, **changes))


def as_prompt(prompt: Promptable) -> UserMessage:
    """The message that `prompt` stands for.

    Raises:
        ConfigError: it is empty, or neither words nor a user message.

    >>> as_prompt("Hello").text
    'Hello'
    """
    if isinstance(prompt, UserMessage):
        if not prompt.content:
            raise ConfigError("the prompt is empty: give the message some content")
        return prompt
    if not isinstance(prompt, str):
        raise ConfigError(f"a prompt is a string or rig_sync.user(...), not {prompt!r}")
    if not prompt.strip():
        raise ConfigError("the prompt is empty: write what the model should answer")
    return user(prompt)


def check_options(given: Mapping[str, object], kind: type) -> None:
    """Refuse keys that the TypedDict `kind` does not have.

    Raises:
        ConfigError: names the first one, and those there are.
    """
    unknown = set(given) - set(kind.__annotations__)
    if unknown:
        known = ", ".join(kind.__annotations__)
        raise ConfigError(f"there is no option {min(unknown)!r}; the options are: {known}")


def as_history(messages: Iterable[BaseMessage]) -> tuple[Message, ...]:
    """`messages`, each of which is one.

    Raises:
        ConfigError: something in it is none.

    >>> as_history([user("Hi")])[0].text
    'Hi'
    """
    history: list[Message] = []
    for message in messages:
        if not isinstance(message, (SystemMessage, UserMessage, AssistantMessage)):
            raise ConfigError(
                f"the history has {message!r}, which is no message: "
                "write rig_sync.user(...) or rig_sync.assistant(...)"
            )
        history.append(message)
    return tuple(history)


def check_request(request: CompletionRequest) -> None:
    """Refuse early what no provider would take.

    Raises:
        ConfigError: says what is wrong and what to write instead.
    """
    temperature = request.temperature
    if temperature is not None and not (math.isfinite(temperature) and temperature >= 0):
        raise ConfigError(f"temperature={temperature!r}: give a number, 0 or above")
    if request.top_p is not None and not 0 < request.top_p <= 1:
        raise ConfigError(f"top_p={request.top_p!r}: give a share, above 0 and at most 1")
    _check_stop(request.stop)
    if request.max_tokens is not None and request.max_tokens < 1:
        raise ConfigError(f"max_tokens={request.max_tokens!r}: give 1 or more, or leave it out")
    if not request.messages:
        raise ConfigError("there is nothing to send: give a prompt")
    waiting = unanswered_calls(request.messages)
    if waiting:
        call = waiting[0]
        raise ConfigError(
            f"the history has a tool call without an answer ({call.name}, id {call.id!r}): "
            f"append rig_sync.user(ToolResult({call.id!r}, ...)) after it, or leave the call out"
        )
    _check_tools(request.tools, request.tool_choice)


def _check_stop(stop: object) -> None:
    if isinstance(stop, str):
        raise ConfigError(f"stop={stop!r}: give the words in a tuple, as ({stop!r},)")


def _check_tools(tools: Sequence[ToolDefinition], choice: ToolChoice | None) -> None:
    names = [tool.name for tool in tools]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ConfigError(f"two tools are named {twice[0]!r}: rename one")
    if choice is None or choice.mode in ("auto", "none"):
        return
    if not tools:
        raise ConfigError(
            f"tool_choice {choice.mode!r} without tools: give a tool, or leave it out"
        )
    unknown = [name for name in choice.names if name not in names]
    if unknown:
        known = ", ".join(names)
        raise ConfigError(f"tool_choice names {unknown[0]!r}, which is none of the tools: {known}")
