"""What a run asks for, and the tool calls that it waits for."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from rig_sync.agent.items import FinalResponse
from rig_sync.message import Message, Text, ToolCall, ToolResult

__all__ = [
    "CallModel",
    "CallState",
    "CallTools",
    "Done",
    "PendingCall",
    "Step",
    "failed",
]

NOT_RUN = "This tool was not run: the conversation was interrupted before."
INTERRUPTED = "Interrupted: this tool may have run, its result is unknown."
REJECTED = "This tool was not run: the answer that called it was rejected."
ANSWERED = "This tool was not run: the answer had been given already."
DENIED = "This tool was not run: a person did not agree to the call."
ACCEPTED = "The answer was taken."

CallState: TypeAlias = Literal["ready", "approval", "deferred", "approved", "started", "answered"]


class CallModel(Struct, frozen=True, tag="call_model"):
    """Ask the model, with these messages; `turn` counts from 1."""

    turn: int
    messages: tuple[Message, ...]


class CallTools(Struct, frozen=True, tag="call_tools", omit_defaults=True):
    """Run the tools of `calls`; the model waits for every one, in `calls` and in `waiting`.

    `waiting` are the calls that a person has to agree to, or somebody else answers. When nothing
    else is left, the run is suspended: see `AgentRun.pending`. When both are empty, every call has
    its answer already: `tool_results([])` goes on.
    """

    turn: int
    calls: tuple[ToolCall, ...] = ()
    waiting: tuple[ToolCall, ...] = ()


class Done(Struct, frozen=True, tag="done"):
    """There is nothing left to do."""

    response: FinalResponse


Step: TypeAlias = CallModel | CallTools | Done


class PendingCall(Struct, tag="pending_call", omit_defaults=True):
    """One tool call of the turn under way.

    Attributes:
        call: With the arguments that the tool runs with, if somebody has changed them.
        state: `ready` to run; held for `approval` of a person or `deferred` to another system;
            `approved`; `started`; `answered`.
        result: Its result, once there is one.
        ran: The tool was started.
        failed: It ended with an error.
        shown: The result has come out of the stream, ahead of the others.
        internal_call_id: As on the stream's items; empty when it never was streamed.
    """

    call: ToolCall
    state: CallState = "ready"
    result: ToolResult | None = None
    ran: bool = False
    failed: bool = False
    shown: bool = False
    internal_call_id: str = ""

    @property
    def held(self) -> bool:
        """Whether it waits for a person or another system."""
        return self.state in ("approval", "deferred")

    def settle(self, result: ToolResult) -> None:
        """It has its answer."""
        self.result, self.state = result, "answered"

    @property
    def settled(self) -> ToolResult:
        """Its result; without one, that it did not run, or that nobody knows."""
        if self.result is not None:
            return self.result
        return failed(self.call, INTERRUPTED if self.state == "started" else NOT_RUN)


def failed(call: ToolCall, text: str) -> ToolResult:
    """A result for `call` that says why there is none.

    >>> failed(ToolCall("c1", "add"), "No.").is_error
    True
    """
    return ToolResult(call.id, (Text(text),), call.name, is_error=True)
