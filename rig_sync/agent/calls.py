"""Tool calls that cannot be: repaired, answered, sent back, or the end of the run."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import structs

from rig_sync.agent.actions import Fail, Feedback, Repair, Skip
from rig_sync.agent.events import InvalidReason, InvalidToolCall
from rig_sync.agent.settings import Progress, RunSettings
from rig_sync.agent.steps import failed
from rig_sync.completion import CompletionResponse
from rig_sync.errors import HookFailed, UnknownToolCall
from rig_sync.message import ToolCall, ToolResult
from rig_sync.tools import ToolContext, ToolSet, run_tool

__all__ = ["Checked", "check_calls"]


class Checked(NamedTuple):
    """An answer whose calls have been looked at.

    Attributes:
        response: With its calls repaired.
        answered: Results of calls that do not run.
        feedback: What to tell the model when the whole answer is to be tried again.
        failure: What ends the run.
    """

    response: CompletionResponse
    answered: tuple[ToolResult, ...] = ()
    feedback: Feedback | None = None
    failure: UnknownToolCall | None = None


def check_calls(progress: Progress, settings: RunSettings, response: CompletionResponse) -> Checked:
    """Look at the calls of an answer; the hooks say what to do about those that cannot be."""
    calls = response.message.tool_calls
    offered = progress.run.offered or ()
    own = settings.output.tool_name if settings.output is not None else None
    checked = Checked(response)
    for call in calls:
        reason = _reason(call, offered, settings)
        if reason is None or call.name == own:
            continue
        event = InvalidToolCall(call, reason, offered)
        action = settings.hooks.invalid(progress.context, event)
        if isinstance(action, Feedback):
            return checked._replace(feedback=action)
        if isinstance(action, Repair):
            checked = checked._replace(response=_repaired(checked.response, event, action))
        elif isinstance(action, Skip):
            result = failed(call, action.message)
            checked = checked._replace(answered=(*checked.answered, result))
        elif reason == "malformed" and not isinstance(action, Fail):
            result = run_tool(ToolSet(), call, ToolContext())
            checked = checked._replace(answered=(*checked.answered, result))
        else:
            return checked._replace(failure=_failure(event))
    return checked


def _reason(
    call: ToolCall, offered: tuple[str, ...], settings: RunSettings
) -> InvalidReason | None:
    if call.name not in offered:
        return "not offered" if call.name in settings.all_tools else "unknown"
    return "malformed" if call.malformed is not None else None


def _repaired(
    response: CompletionResponse, event: InvalidToolCall, repair: Repair
) -> CompletionResponse:
    wrong = event.call
    if repair.name not in event.available:
        known = ", ".join(event.available) or "none"
        raise HookFailed(f"a hook repaired {wrong.name!r} to {repair.name!r}; offered are: {known}")
    right = structs.replace(wrong, name=repair.name)
    if repair.arguments is not None:
        right = structs.replace(right, arguments=repair.arguments, malformed=None)
    content = tuple(right if part is wrong else part for part in response.message.content)
    return structs.replace(response, message=structs.replace(response.message, content=content))


def _failure(event: InvalidToolCall) -> UnknownToolCall:
    known = ", ".join(event.available) or "none"
    name = event.call.name
    if event.reason == "malformed":
        return UnknownToolCall(f"the model called {name!r} with arguments that are no JSON object")
    if event.reason == "not offered":
        return UnknownToolCall(
            f"the model called {name!r}, which it was not offered in this turn; offered are: "
            f"{known}"
        )
    return UnknownToolCall(f"the model called {name!r}; the agent's tools are: {known}")
