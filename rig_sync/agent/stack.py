"""The hooks of one run, and how their answers combine."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from msgspec import structs

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
from rig_sync.agent.hooks import FunctionHook, Hook
from rig_sync.completion import CompletionRequest, CompletionResponse
from rig_sync.errors import Attempt, ConfigError, HookFailed, PromptCancelled, ToolError
from rig_sync.message import ToolCall, ToolResult
from rig_sync.model import CompletionModel
from rig_sync.streaming.items import ReasoningDelta, StreamedAssistantContent, Text, ToolCallDelta
from rig_sync.tools import to_content

__all__ = ["HookStack", "as_hooks"]

Listener = Callable[[HookContext, object], object]
E = TypeVar("E")

ALLOWED: dict[str, tuple[type, ...]] = {
    "on_completion_call": (RequestPatch, Stop),
    "on_model_select": (UseModel, Stop),
    "on_retry": (Stop,),
    "on_text_delta": (Stop,),
    "on_reasoning_delta": (Stop,),
    "on_tool_call_delta": (Stop,),
    "on_model_turn_finished": (Repeat, Feedback, Stop),
    "on_invalid_tool_call": (Fail, Feedback, Repair, Skip, Stop),
    "on_tool_call": (Rewrite, Skip, Defer, Stop),
    "on_tool_result": (Replace, Stop),
    "on_run_finished": (),
}
"""By event: what a hook may answer beside None."""

DELTAS: dict[type, str] = {
    Text: "on_text_delta",
    ReasoningDelta: "on_reasoning_delta",
    ToolCallDelta: "on_tool_call_delta",
}


class HookStack:
    """Hooks in order, by the events that they hear of; an event that nobody hears costs a look-up.

    Args:
        hooks: Those that `as_hooks` has let through.
    """

    def __init__(self, hooks: tuple[object, ...] = ()) -> None:
        self._by_event: dict[str, list[tuple[object, Listener]]] = {}
        for one in hooks:
            for event, listener in _listeners(one):
                self._by_event.setdefault(event, []).append((one, listener))
        self.deltas = {kind: event for kind, event in DELTAS.items() if event in self._by_event}

    def request(self, context: HookContext, request: CompletionRequest) -> CompletionRequest:
        """The request as the hooks want it; each sees what those before have made of it."""
        for ask in self._askers("on_completion_call", context):
            action = ask(request)
            if isinstance(action, RequestPatch):
                request = action.apply(request)
        return request

    def model(self, context: HookContext, selection: ModelSelection) -> CompletionModel:
        """The model that the hooks want; the last choice wins."""
        for ask in self._askers("on_model_select", context):
            action = ask(selection)
            if isinstance(action, UseModel):
                selection = structs.replace(selection, selected=action.model)
        return selection.selected

    @property
    def hears_retries(self) -> bool:
        """Whether anybody wants to know of requests that are made again."""
        return "on_retry" in self._by_event

    def retry(self, context: HookContext, attempt: Attempt) -> None:
        """Tell of a request that failed and is made again."""
        for ask in self._askers("on_retry", context):
            ask(attempt)

    def delta(self, context: HookContext, item: StreamedAssistantContent) -> None:
        """Tell of a piece of the answer; only for the types in `deltas`."""
        for ask in self._askers(self.deltas[type(item)], context):
            ask(item)

    def model_turn(
        self, context: HookContext, response: CompletionResponse
    ) -> Repeat | Feedback | None:
        """What to do about the answer; the first hook that wants something has it."""
        for ask in self._askers("on_model_turn_finished", context):
            action = ask(response)
            if isinstance(action, Repeat | Feedback):
                return action
        return None

    def invalid(
        self, context: HookContext, event: InvalidToolCall
    ) -> Fail | Feedback | Repair | Skip | None:
        """What to do about the call; the first hook that wants something has it."""
        for ask in self._askers("on_invalid_tool_call", context):
            action = ask(event)
            if isinstance(action, Fail | Feedback | Repair | Skip):
                return action
        return None

    def tool_call(
        self, context: HookContext, event: ToolCallEvent
    ) -> tuple[ToolCall, Skip | Defer | None]:
        """The call as it is to run, and whether it is not; the first hook that says so ends it."""
        for ask in self._askers("on_tool_call", context):
            action = ask(event)
            if isinstance(action, Rewrite):
                event = structs.replace(
                    event, call=structs.replace(event.call, arguments=action.arguments)
                )
            elif isinstance(action, Skip) or (isinstance(action, Defer) and not event.approved):
                return event.call, action
        return event.call, None

    def tool_results(self, context: HookContext, event: ToolResultEvent) -> Iterator[ToolResult]:
        """The result as the model is to read it, after each hook; the last one counts.

        Each hook sees what those before have made of it. When one ends the run, what there is then
        is known already.

        Raises:
            HookFailed: a hook's replacement cannot be written as JSON.
        """
        for ask in self._askers("on_tool_result", context):
            action = ask(event)
            if isinstance(action, Replace):
                event = structs.replace(event, result=_replaced(event.result, action))
            yield event.result

    def finished(self, context: HookContext, event: RunFinished) -> None:
        """Tell of the end: every hook, though one may fail; the first failure is raised then."""
        told = [_failure(ask, event) for ask in self._askers("on_run_finished", context)]
        failures = list(filter(None, told))
        del told
        if failures:
            raise failures.pop(0)  # or its traceback would have it refer to itself

    def _askers(self, event: str, context: HookContext) -> Iterator[Callable[[object], object]]:
        """For each hook that hears of `event`: what asks it."""
        for one, listener in self._by_event.get(event, ()):
            yield partial(_ask, event, one, listener, context)


def _replaced(result: ToolResult, action: Replace) -> ToolResult:
    try:
        return structs.replace(result, content=to_content(action.output))
    except ToolError as error:
        raise HookFailed(f"a hook answered on_tool_result with Replace: {error}") from error


def _ask(
    event: str, one: object, listener: Listener, context: HookContext, value: object
) -> object:
    """One hook's answer.

    Raises:
        PromptCancelled: it stops the run.
        HookFailed: it raised, or answered what it may not.
    """
    try:
        action = listener(context, value)
    except Exception as error:  # whatever the user's code raises
        kind = type(error).__name__
        raise HookFailed(f"{_named(one)} raised {kind} in {event}: {error}") from error
    if action is not None and not isinstance(action, ALLOWED[event]):
        names = " | ".join((*(kind.__name__ for kind in ALLOWED[event]), "None"))
        raise HookFailed(f"{_named(one)} answered {event} with {action!r}: return {names}")
    if isinstance(action, Stop):
        stopped = PromptCancelled(f"a hook stopped the run: {action.reason}")
        stopped.reason = action.reason
        raise stopped
    return action


def _failure(ask: Callable[[object], object], value: object) -> HookFailed | None:
    try:
        ask(value)
    except HookFailed as error:
        return error
    return None


def _named(one: object) -> str:
    return repr(one) if isinstance(one, FunctionHook) else type(one).__name__


def as_hooks(hooks: object) -> tuple[object, ...]:
    """`hooks`, each of which hears of something.

    Raises:
        ConfigError: one of them is none; says what to write.
    """
    if not isinstance(hooks, list | tuple):
        raise ConfigError(f"{hooks!r} is not a list of hooks: write `[...]` around it")
    for one in hooks:
        if isinstance(one, type) or not any(_listeners(one)):
            raise ConfigError(
                f"{one!r} is no hook: write `@hook.on_tool_call` (or another event) over a "
                "function `f(context, event)`, or give an object of a class derived from Hook"
            )
        if isinstance(one, Hook):
            _check_names(one)
        for event, listener in _listeners(one):
            if inspect.iscoroutinefunction(listener) or inspect.isgeneratorfunction(listener):
                raise ConfigError(
                    f"{_named(one)}: {event} is async or a generator, and a hook answers at once: "
                    "write it with a plain `def`, and `return` what to do"
                )
    return tuple(hooks)


def _check_names(one: Hook) -> None:
    """Refuse a method that looks like one for an event, and is not."""
    unknown = [name for name in dir(one) if name.startswith("on_") and name not in ALLOWED]
    if unknown:
        events = ", ".join(ALLOWED)
        raise ConfigError(f"{_named(one)} has {unknown[0]}, and the events are: {events}")


def _listeners(one: object) -> Iterator[tuple[str, Listener]]:
    """The events that `one` hears of, each with what to call."""
    for event in ALLOWED:
        method = getattr(one, event, None)
        if method is not None and getattr(type(one), event, None) is not getattr(Hook, event):
            yield event, method
