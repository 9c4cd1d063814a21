"""The one place where a tool call becomes a result."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from copy import deepcopy
from typing import TypeVar

from rig_sync.errors import ModelRetry, PromptCancelled, ToolError
from rig_sync.message import ToolCall, ToolResult
from rig_sync.tools.base import (
    CheckingTool,
    StreamingTool,
    Tool,
    ToolOutput,
    options_of,
    to_content,
)
from rig_sync.tools.context import ToolContext
from rig_sync.tools.toolset import ToolSet

__all__ = ["check_call", "run_streaming", "run_tool", "start_tool"]

T = TypeVar("T")

_SHOWN = 200  # characters of malformed arguments that the model gets to see again
_AGAIN = "Correct the call and try again."


def start_tool(
    tools: ToolSet | Tool, call: ToolCall, context: ToolContext
) -> Generator[object, None, ToolResult]:
    """Answer one call, live: whatever goes wrong becomes a result that the model can read.

    Args:
        tools: Where the tool is looked up by `call.name`; or the tool itself.
        call: What the model asked for. It reaches the tool neither when it is malformed, nor when
            the tool is deferred, nor when it needs approval and `context.approved` is false.
        context: Given to the tool; afterwards it has the usage that the tool reported.

    Yields:
        What a `StreamingTool` shows while it works; of other tools nothing.

    Returns:
        The result with the call's id and name; `is_error` tells a failure from an answer.

    Raises:
        PromptCancelled: The tool raised it, and the run was cancelled.
        KeyboardInterrupt, SystemExit: The tool raised them; they are not the model's business.
            They, and closing this generator, close the tool's.

    Threads: starts none; the tool runs in the thread that takes the items.
    """
    try:
        found = _find(tools, call)
        _check_allowed(found, call, context)
        arguments = deepcopy(call.arguments)  # the call is history: a tool may change only a copy
        output: ToolOutput
        if isinstance(found, StreamingTool):
            output = yield from found.stream(arguments, context)
        else:
            output = found.call(arguments, context)
        return ToolResult(call.id, to_content(output), call.name)
    except Exception as error:  # a tool's bug is told to the model, the run goes on
        if isinstance(error, PromptCancelled) and context.cancelled:
            raise
        return _failed(call, _message(error))


def run_tool(tools: ToolSet | Tool, call: ToolCall, context: ToolContext) -> ToolResult:
    """Answer one call as `start_tool` does, without what a tool shows on the way.

    Raises:
        PromptCancelled: The tool raised it, and the run was cancelled.
        KeyboardInterrupt, SystemExit: The tool raised them; they are not the model's business.

    Threads: starts none; the tool runs in the calling thread.

    >>> def halve(n: int) -> float:
    ...     '''Halve a number.'''
    ...     return n / 2
    >>> run_tool(ToolSet([halve]), ToolCall("c1", "halve", {"n": 3}), ToolContext()).text
    '1.5'
    >>> run_tool(ToolSet([halve]), ToolCall("c2", "halve", {}), ToolContext()).text
    'arguments of halve do not fit: missing required argument `n`'
    """
    return run_streaming(start_tool(tools, call, context))


def run_streaming(steps: Generator[object, None, T]) -> T:
    """What `steps` returns in the end, without what it yields on the way.

    For the `call` of a `StreamingTool`: `return run_streaming(self.stream(arguments, context))`.

    >>> def steps():
    ...     yield "half"
    ...     return "whole"
    >>> run_streaming(steps())
    'whole'
    """
    returned: list[T] = []

    def items() -> Generator[object, None, None]:
        returned.append((yield from steps))

    deque(items(), maxlen=0)
    return returned[0]


def check_call(tools: ToolSet | Tool, call: ToolCall) -> ToolResult | None:
    """What the model is told of a call that cannot run as it is; None when it can.

    For calls that wait for a person: nobody should be asked about one that fails anyway. The
    arguments are checked where the tool has a method `check`, as functions have.

    >>> def halve(n: int) -> float:
    ...     '''Halve a number.'''
    ...     return n / 2
    >>> check_call(ToolSet([halve]), ToolCall("c1", "halve", {"n": 3}))
    >>> check_call(ToolSet([halve]), ToolCall("c2", "half", {})).text
    'there is no tool half; the tools are: halve'
    """
    try:
        found = _find(tools, call)
        if isinstance(found, CheckingTool):
            found.check(call.arguments)
    except Exception as error:  # noqa: BLE001 - as when it runs; the checks of a type may raise it
        return _failed(call, _message(error))
    return None


def _find(tools: ToolSet | Tool, call: ToolCall) -> Tool:
    if call.malformed is not None:
        raise ToolError(
            f"the arguments of {call.name} were no JSON object, so it did not run: call it again "
            f"with one. They began: {call.malformed[:_SHOWN]}"
        )
    if not isinstance(tools, ToolSet):
        return tools
    found = tools.get(call.name)
    if found is None:
        raise ToolError(f"there is no tool {call.name}; the tools are: {tools.listed}")
    return found


def _check_allowed(found: Tool, call: ToolCall, context: ToolContext) -> None:
    options = options_of(found)
    if options.deferred:
        raise ToolError(f"{call.name} did not run: its answer comes later, from elsewhere")
    if options.approval and not context.approved:
        raise ToolError(f"{call.name} did not run: nobody has agreed to this call")


def _message(error: Exception) -> str:
    """What the model reads of an error: those made for it alone, others with their type."""
    if isinstance(error, ModelRetry):
        return f"{error}\n{_AGAIN}" if str(error) else _AGAIN
    if isinstance(error, ToolError):
        return str(error) or type(error).__name__
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _failed(call: ToolCall, message: str) -> ToolResult:
    return ToolResult(call.id, to_content(message), call.name, is_error=True)
