"""A hook that notes whatever it hears."""

from __future__ import annotations

from collections.abc import Callable

from rig_sync import (
    Attempt,
    CompletionRequest,
    CompletionResponse,
    Hook,
    HookContext,
    InvalidToolCall,
    ModelSelection,
    ReasoningDelta,
    RunFinished,
    Text,
    ToolCallDelta,
    ToolCallEvent,
    ToolResultEvent,
    hook,
)
from rig_sync.agent.stack import ALLOWED

__all__ = ["EVENTS", "Recorder", "hook_on"]

EVENTS = tuple(ALLOWED)


def hook_on(event: str, function: Callable[[HookContext, object], object]) -> object:
    """`@hook.<event>` over `function`."""
    return getattr(hook, event)(function)


class Recorder(Hook):
    """Notes whatever it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, object]] = []
        self.contexts: list[tuple[object, ...]] = []

    def _note(self, name: str, context: HookContext, event: object) -> None:
        self.heard.append((name, event))
        self.contexts.append(
            (context.run_id, context.agent_name, context.streaming, context.deps, context.cancelled)
        )

    def on_completion_call(self, context: HookContext, event: CompletionRequest) -> None:
        self._note("on_completion_call", context, event)

    def on_model_select(self, context: HookContext, event: ModelSelection) -> None:
        self._note("on_model_select", context, event)

    def on_retry(self, context: HookContext, event: Attempt) -> None:
        self._note("on_retry", context, event)

    def on_text_delta(self, context: HookContext, event: Text) -> None:
        self._note("on_text_delta", context, event)

    def on_reasoning_delta(self, context: HookContext, event: ReasoningDelta) -> None:
        self._note("on_reasoning_delta", context, event)

    def on_tool_call_delta(self, context: HookContext, event: ToolCallDelta) -> None:
        self._note("on_tool_call_delta", context, event)

    def on_model_turn_finished(self, context: HookContext, event: CompletionResponse) -> None:
        self._note("on_model_turn_finished", context, event)

    def on_invalid_tool_call(self, context: HookContext, event: InvalidToolCall) -> None:
        self._note("on_invalid_tool_call", context, event)

    def on_tool_call(self, context: HookContext, event: ToolCallEvent) -> None:
        self._note("on_tool_call", context, event)

    def on_tool_result(self, context: HookContext, event: ToolResultEvent) -> None:
        self._note("on_tool_result", context, event)

    def on_run_finished(self, context: HookContext, event: RunFinished) -> None:
        self._note("on_run_finished", context, event)

    @property
    def names(self) -> list[str]:
        """The events, one after the other; pieces of one kind once."""
        names = [name for name, _ in self.heard]
        return [one for at, one in enumerate(names) if one not in names[max(0, at - 1) : at]]

    def events(self, name: str) -> list[object]:
        """What `name` carried."""
        return [event for one, event in self.heard if one == name]
