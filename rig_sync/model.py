"""A model of a provider, and the builder of one request to it (Rig: `CompletionModel`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from msgspec import Struct

from rig_sync._json import JsonObject, merged, to_json
from rig_sync.catalog import Capabilities
from rig_sync.completion import (
    CompletionRequest,
    CompletionResponse,
    OutputSchema,
    ReasoningOptions,
    ToolChoice,
    ToolDefinition,
)
from rig_sync.errors import Attempt, ConfigError
from rig_sync.limits import Limits
from rig_sync.message import BaseMessage, Document
from rig_sync.request import (
    Promptable,
    as_history,
    as_prompt,
    check_capabilities,
    check_request,
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

__all__ = ["CallOptions", "CompletionModel", "RequestBuilder"]


class CallOptions(Struct, frozen=True, kw_only=True):
    """How one call is made, beside what is asked.

    Attributes:
        timeouts: Instead of the client's.
        pause: Holds the stream still from outside.
        cancel: Ends it from outside.
        on_retry: Told of each try that failed and is made again, beside the policy's own.
        clock: What `Timeouts.total` has used up already; shared by the calls of one run.
    """

    timeouts: Timeouts | None = None
    pause: PauseControl | None = None
    cancel: CancelToken | None = None
    on_retry: Callable[[Attempt], object] | None = None
    clock: Clock | None = None


class CompletionModel:
    """One model of one provider. Cheap, stateless, and to be shared by threads.

    `capabilities` is what may be asked of it; `stream` and `send` refuse the rest.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        wire: Wire,
        name: str,
        *,
        timeouts: Timeouts,
        retries: RetryPolicy,
        limits: Limits | None = None,
        streams_only: bool = False,
        capabilities: Capabilities | None = None,
    ) -> None:
        self.name = name
        self.wire = wire
        self.timeouts = timeouts
        self.capabilities = capabilities or Capabilities()
        self._endpoint = endpoint
        self._retries = retries
        self._limits = limits or Limits()
        self._streams_only = streams_only
        if not name.strip():
            raise ConfigError("the model's name is empty: give one, as client.agent('gpt-5.5')")

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
            ConfigError: `request` cannot be sent as it is, or asks for what the model cannot do;
                says what to write instead.
        """
        options = options or CallOptions()
        stream = not unary or self._streams_only
        check_request(request)
        try:
            check_capabilities(request, self.capabilities)
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
            limits=self._limits,
        )
        return StreamingCompletionResponse(
            call,
            clock,
            pause=options.pause,
            cancel=options.cancel,
            raise_errors=raise_errors,
            on_retry=options.on_retry,
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
