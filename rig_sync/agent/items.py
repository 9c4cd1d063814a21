"""What an agent's stream yields (Rig: `MultiTurnStreamItem`)."""

from __future__ import annotations

from typing import TypeAlias, cast

from msgspec import Struct

from rig_sync.completion import FinishReason, ResponseIds, Usage
from rig_sync.message import Message, ToolCall, ToolResult
from rig_sync.output import Partial
from rig_sync.streaming.items import StreamedAssistantContent, StreamError, decode_item, encode_item

__all__ = [
    "CompletionCall",
    "FinalResponse",
    "ModelTurnRetried",
    "MultiTurnStreamItem",
    "RunPending",
    "StreamAssistantItem",
    "StreamError",
    "StreamUserItem",
    "ToolExecutionCommitted",
    "ToolExecutionStarted",
    "ToolProgress",
    "dump_item",
    "load_item",
]


class StreamAssistantItem(Struct, frozen=True, tag="assistant_item"):
    """A piece of what the model says."""

    content: StreamedAssistantContent


class StreamUserItem(Struct, frozen=True, tag="user_item"):
    """What goes back to the model: the result of a tool.

    In call order, after the whole batch; with `live_results` as each ends.
    """

    content: ToolResult
    internal_call_id: str = ""


class ToolExecutionStarted(Struct, frozen=True, tag="tool_execution_started"):
    """A tool begins to run, now."""

    tool_call: ToolCall
    internal_call_id: str = ""


class ToolExecutionCommitted(Struct, frozen=True, tag="tool_execution_committed"):
    """A tool ran, with these arguments, and its batch is settled; its result follows."""

    tool_call: ToolCall
    internal_call_id: str = ""


class CompletionCall(Struct, frozen=True, tag="completion_call", omit_defaults=True):
    """One model call has ended; `turn` counts from 1."""

    turn: int
    usage: Usage = Usage()
    finish_reason: FinishReason | None = None
    ids: ResponseIds = ResponseIds()
    model: str | None = None


class ModelTurnRetried(Struct, frozen=True, tag="model_turn_retried"):
    """What was streamed of this turn does not count: clear it from the screen.

    A hook or a check has rejected the answer, and the model is asked again.
    """

    turn: int


class ToolProgress(Struct, frozen=True, tag="tool_progress"):
    """A tool tells what it does while it runs: of an agent as a tool, each item of its stream.

    Attributes:
        tool_call: The call that it answers.
        content: What it tells.
    """

    tool_call: ToolCall
    content: MultiTurnStreamItem | str
    internal_call_id: str = ""


class RunPending(Struct, frozen=True, tag="run_pending"):
    """The run waits for people or other systems; the last item, there is no `FinalResponse`.

    Tell `stream.run` what they say (`approve`, `deny`, `answer_call`), here or in another process,
    and go on with `agent.stream_resume(run)`.

    Attributes:
        approvals: Calls that a person has to agree to.
        deferred: Calls that somebody else answers.
    """

    approvals: tuple[ToolCall, ...] = ()
    deferred: tuple[ToolCall, ...] = ()


class FinalResponse(Struct, frozen=True, tag="final_response", omit_defaults=True):
    """The end of a run.

    Attributes:
        output: The words of the last answer.
        usage: All model calls together.
        messages: The history, the prompt and all that came: go on from there.
        completion_calls: Each model call.
        defects: The recoverable errors on the way, as text.
    """

    output: str
    usage: Usage = Usage()
    messages: tuple[Message, ...] = ()
    completion_calls: tuple[CompletionCall, ...] = ()
    defects: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.output


MultiTurnStreamItem: TypeAlias = (
    StreamAssistantItem
    | StreamUserItem
    | ToolExecutionStarted
    | ToolExecutionCommitted
    | CompletionCall
    | ToolProgress
    | ModelTurnRetried
    | RunPending
    | StreamError
    | FinalResponse
)


def dump_item(item: MultiTurnStreamItem | Partial) -> bytes:
    """An item as one line of JSON, with its tag; of an error, what can be told in JSON.

    Of a `Partial` it is the value so far and whether it is whole; `load_item` does not read that.

    >>> dump_item(ModelTurnRetried(2))
    b'{"type":"model_turn_retried","turn":2}'
    """
    if isinstance(item, Partial):
        return encode_item({"type": "partial", "value": item.value, "complete": item.complete})
    return encode_item(item)


def load_item(data: bytes | str) -> MultiTurnStreamItem:
    """The item that `dump_item` wrote.

    Raises:
        msgspec.DecodeError: `data` is no JSON, or no item; the message says where.

    >>> load_item(b'{"type":"model_turn_retried","turn":2}')
    ModelTurnRetried(turn=2)
    """
    return cast(MultiTurnStreamItem, decode_item(data, MultiTurnStreamItem))
