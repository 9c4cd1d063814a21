"""Hooks: what watches and steers a run (Rig: `rig::agent::AgentHook`).

A class for many events, or a plain function for one::

    class Careful(Hook):
        def on_tool_call(self, context: HookContext, event: ToolCallEvent) -> ToolCallAction:
            return Defer() if event.call.name == "pay" else None

    @hook.on_tool_result
    def shorten(context: HookContext, event: ToolResultEvent) -> ToolResultAction:
        return Replace(event.result.text[:1000])

Hooks run in the order in which they were given, the agent's before the run's. What one rewrites,
the next one sees; the first `Stop` ends the run. An exception of a hook ends it too, as the cause
of `HookFailed`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

from rig_sync.agent.actions import (
    Defer,
    Fail,
    Feedback,
    Repair,
    Repeat,
    Replace,
    RequestPatch,
    Rewrite,
    Skip,
    Stop,
    UseModel,
)
from rig_sync.agent.events import (
    HookContext,
    InvalidToolCall,
    ModelSelection,
    RunFinished,
    ToolCallEvent,
    ToolResultEvent,
)
from rig_sync.completion import CompletionRequest, CompletionResponse
from rig_sync.errors import Attempt, ConfigError
from rig_sync.streaming.items import ReasoningDelta, Text, ToolCallDelta

__all__ = [
    "CompletionCallAction",
    "FunctionHook",
    "Hook",
    "HookDecorator",
    "HookDecorators",
    "InvalidToolCallAction",
    "ModelSelectAction",
    "ModelTurnAction",
    "ObservationAction",
    "ToolCallAction",
    "ToolResultAction",
    "hook",
]

CompletionCallAction: TypeAlias = RequestPatch | Stop | None
ModelSelectAction: TypeAlias = UseModel | Stop | None
ObservationAction: TypeAlias = Stop | None
ModelTurnAction: TypeAlias = Repeat | Feedback | Stop | None
ToolCallAction: TypeAlias = Rewrite | Skip | Defer | Stop | None
ToolResultAction: TypeAlias = Replace | Stop | None
InvalidToolCallAction: TypeAlias = Fail | Feedback | Repair | Skip | Stop | None

E = TypeVar("E")
A = TypeVar("A")


class Hook:
    """Overwrite what you want to hear of; a method that is not overwritten costs nothing."""

    def on_completion_call(
        self, context: HookContext, event: CompletionRequest
    ) -> CompletionCallAction:
        """The model is about to be asked `event`."""

    def on_model_select(self, context: HookContext, event: ModelSelection) -> ModelSelectAction:
        """The model is about to be chosen, for the request as the hooks have patched it."""

    def on_retry(self, context: HookContext, event: Attempt) -> ObservationAction:
        """The request failed before it was answered, and is made again after `event.waited`."""

    def on_text_delta(self, context: HookContext, event: Text) -> ObservationAction:
        """A piece of text has come; the caller has not seen it yet."""

    def on_reasoning_delta(self, context: HookContext, event: ReasoningDelta) -> ObservationAction:
        """A piece of thinking has come."""

    def on_tool_call_delta(self, context: HookContext, event: ToolCallDelta) -> ObservationAction:
        """A piece of a tool call has come."""

    def on_model_turn_finished(
        self, context: HookContext, event: CompletionResponse
    ) -> ModelTurnAction:
        """The model has answered; nothing has been done about it yet."""

    def on_invalid_tool_call(
        self, context: HookContext, event: InvalidToolCall
    ) -> InvalidToolCallAction:
        """The model has called a tool in a way that cannot be.

        `Feedback` rejects the whole answer and asks again, `Skip` answers this call alone. Without
        a hook that decides, malformed arguments are told to the model, and anything else fails.
        """

    def on_tool_call(self, context: HookContext, event: ToolCallEvent) -> ToolCallAction:
        """A tool is about to run."""

    def on_tool_result(self, context: HookContext, event: ToolResultEvent) -> ToolResultAction:
        """A tool has answered, or failed, or was skipped; in the order in which they end."""

    def on_run_finished(self, context: HookContext, event: RunFinished) -> None:
        """The run is over, also when the caller has left the stream, as by `break`.

        Then it is told in the thread that let the stream go.
        """


class FunctionHook(Generic[E, A]):
    """A function that hears of one event; it is still called like the function it was."""

    def __init__(self, event: str, function: Callable[[HookContext, E], A]) -> None:
        self.event = event
        self.function = function
        setattr(self, event, function)

    def __call__(self, context: HookContext, event: E) -> A:
        """Call the function."""
        return self.function(context, event)

    def __repr__(self) -> str:
        return f"hook.{self.event}({_name(self.function)})"


class HookDecorator(Generic[E, A]):
    """Makes a function a hook for one event."""

    def __init__(self, event: str) -> None:
        self._event = event

    def __call__(self, function: Callable[[HookContext, E], A]) -> FunctionHook[E, A]:
        """The hook that calls `function(context, event)`.

        Raises:
            ConfigError: it cannot be called.
        """
        if not callable(function):
            raise ConfigError(
                f"hook.{self._event} takes a function, `def f(context, event)`, not {function!r}"
            )
        return FunctionHook(self._event, function)


class HookDecorators:
    """A decorator for each event of `Hook`.

    >>> @hook.on_text_delta
    ... def show(context: HookContext, event: Text) -> None:
    ...     print(event.text)
    >>> show
    hook.on_text_delta(show)
    """

    on_completion_call = HookDecorator[CompletionRequest, CompletionCallAction](
        "on_completion_call"
    )
    on_model_select = HookDecorator[ModelSelection, ModelSelectAction]("on_model_select")
    on_retry = HookDecorator[Attempt, ObservationAction]("on_retry")
    on_text_delta = HookDecorator[Text, ObservationAction]("on_text_delta")
    on_reasoning_delta = HookDecorator[ReasoningDelta, ObservationAction]("on_reasoning_delta")
    on_tool_call_delta = HookDecorator[ToolCallDelta, ObservationAction]("on_tool_call_delta")
    on_model_turn_finished = HookDecorator[CompletionResponse, ModelTurnAction](
        "on_model_turn_finished"
    )
    on_invalid_tool_call = HookDecorator[InvalidToolCall, InvalidToolCallAction](
        "on_invalid_tool_call"
    )
    on_tool_call = HookDecorator[ToolCallEvent, ToolCallAction]("on_tool_call")
    on_tool_result = HookDecorator[ToolResultEvent, ToolResultAction]("on_tool_result")
    on_run_finished = HookDecorator[RunFinished, None]("on_run_finished")


hook = HookDecorators()


def _name(function: object) -> str:
    return getattr(function, "__name__", None) or repr(function)
