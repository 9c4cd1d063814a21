"""What a hook is told (Rig: the events of `rig::agent::hook`)."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from rig_sync.agent.items import FinalResponse
from rig_sync.completion import CompletionRequest
from rig_sync.errors import RigError
from rig_sync.message import ToolCall, ToolResult
from rig_sync.model import CompletionModel
from rig_sync.streaming.cancel import CancelToken

__all__ = [
    "HookContext",
    "InvalidToolCall",
    "ModelSelection",
    "RunFinished",
    "ToolCallEvent",
    "ToolResultEvent",
]


class HookContext:
    """The run around an event; one object for all events of a run.

    Attributes:
        run_id: As the tools see it.
        turn: The model call under way, counted from 1.
        agent_name: Empty when the agent has none.
        streaming: Whether the answer is streamed; a one-shot call tells the same events.
        deps: What the caller gave the run.
        scratchpad: For the hooks of this run, to keep what they like and to tell each other; it
            is gone when the run is, also when it is saved.

    Threads: hooks are called in the thread that reads the stream, or lets it go, one at a time.
    """

    __slots__ = ("_token", "agent_name", "deps", "run_id", "scratchpad", "streaming", "turn")

    def __init__(
        self,
        *,
        run_id: str = "",
        agent_name: str = "",
        streaming: bool = True,
        deps: object = None,
        token: CancelToken | None = None,
    ) -> None:
        self.run_id = run_id
        self.turn = 0
        self.agent_name = agent_name
        self.streaming = streaming
        self.deps = deps
        self.scratchpad: dict[str, object] = {}
        self._token = token

    @property
    def cancelled(self) -> bool:
        """Whether the run was cancelled."""
        return self._token is not None and self._token.cancelled

    def __repr__(self) -> str:  # deps may hold secrets
        return f"HookContext(run_id={self.run_id!r}, turn={self.turn}, {self.agent_name!r})"


class ModelSelection(Struct, frozen=True):
    """Which model is to be asked.

    Attributes:
        request: What it will be asked, as the hooks have patched it.
        default: The run's own.
        selected: What the hooks before have chosen, or the default.
        previous: What was asked last in this run, if anything was.
    """

    request: CompletionRequest
    default: CompletionModel
    selected: CompletionModel
    previous: CompletionModel | None = None


class ToolCallEvent(Struct, frozen=True):
    """A tool is about to run.

    Attributes:
        call: With the arguments that earlier hooks have put in.
        internal_call_id: As on the stream's items.
        approved: A person has agreed to the call: `Defer` does no more.
    """

    call: ToolCall
    internal_call_id: str = ""
    approved: bool = False


class ToolResultEvent(Struct, frozen=True):
    """A tool has answered.

    Attributes:
        call: As it ran.
        result: As earlier hooks have left it.
        raw: As the tool gave it.
        internal_call_id: As on the stream's items.
    """

    call: ToolCall
    result: ToolResult
    raw: ToolResult
    internal_call_id: str = ""


InvalidReason: TypeAlias = Literal["unknown", "not offered", "malformed"]


class InvalidToolCall(Struct, frozen=True):
    """The model has called a tool in a way that cannot be.

    Attributes:
        call: As the model made it.
        reason: There is no such tool; there is, but it was not offered this turn; the arguments
            are no JSON object.
        available: The tools that were offered.
    """

    call: ToolCall
    reason: InvalidReason
    available: tuple[str, ...]


class RunFinished(Struct, frozen=True):
    """The run is over: one of the two is there, or neither.

    Neither when it was cancelled, is suspended, or its stream was left.
    """

    response: FinalResponse | None = None
    error: RigError | None = None
