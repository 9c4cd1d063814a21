"""Runs made either way, streamed or one-shot, and what came of their tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

from rig_sync import (
    Agent,
    AgentRun,
    Message,
    MultiTurnStreamItem,
    RunSuspended,
    StreamUserItem,
    ToolContext,
    ToolExecutionCommitted,
    ToolExecutionStarted,
    ToolResult,
    UserMessage,
    dump_run,
    load_run,
    tool,
)
from rig_sync.agent.options import RunOptions
from rig_sync.message import unanswered_calls
from tests.server import Request

__all__ = ["RAN", "WAYS", "Way", "again", "kinds", "look", "offered", "pay", "results", "told"]

RAN: list[str] = []
"""What ran of the tools below; a test empties it first."""


class Way(Protocol):
    """One of the ways to make a run, or to go on with one."""

    def __call__(self, agent: Agent, what: str | AgentRun, **options: object) -> AgentRun:
        """The run, as far as it went."""


def _streamed(agent: Agent, what: str | AgentRun, **options: object) -> AgentRun:
    given = cast(RunOptions, options)
    if isinstance(what, AgentRun):
        stream = agent.stream_resume(what, **given)
    else:
        stream = agent.stream_prompt(what, **given)
    with stream:
        for _ in stream:
            pass
    return stream.run


def _whole(agent: Agent, what: str | AgentRun, **options: object) -> AgentRun:
    given = cast(RunOptions, options)
    try:
        if isinstance(what, AgentRun):
            agent.resume(what, **given)
            return what
        final = agent.prompt(what, **given)
    except RunSuspended as suspended:
        return suspended.run
    return AgentRun(list(final.messages), 1, usage=final.usage)


WAYS: dict[str, Way] = {"streamed": _streamed, "whole": _whole}


def results(messages: Sequence[Message]) -> list[ToolResult]:
    """The tool results in a history that answers every call."""
    assert unanswered_calls(messages) == []
    parts = [part for m in messages if isinstance(m, UserMessage) for part in m.content]
    return [part for part in parts if isinstance(part, ToolResult)]


def told(request: Request) -> dict[str, object]:
    """By call id: what the model was told of each tool's result, on the wire."""
    body = cast("dict[str, list[dict[str, object]]]", request.json)
    return {
        cast(str, one["tool_call_id"]): one["content"]
        for one in body["messages"]
        if one["role"] == "tool"
    }


def offered(request: Request) -> list[str]:
    """The names of the tools that the model was offered."""
    body = cast("dict[str, list[dict[str, dict[str, str]]]]", request.json)
    return [one["function"]["name"] for one in body.get("tools", [])]


def kinds(items: Sequence[MultiTurnStreamItem]) -> list[str]:
    """What happened to tools, as `started c0`, `committed c0`, `result c0`."""
    seen = []
    for item in items:
        if isinstance(item, ToolExecutionStarted):
            seen.append(f"started {item.tool_call.id}")
        elif isinstance(item, ToolExecutionCommitted):
            seen.append(f"committed {item.tool_call.id}")
        elif isinstance(item, StreamUserItem):
            seen.append(f"result {item.content.id}")
    return seen


@tool(approval=True)
def pay(amount: int, context: ToolContext) -> str:
    """Pay an amount."""
    assert context.approved
    RAN.append(f"pay {amount}")
    return f"paid {amount}"


@tool
def look(place: str) -> str:
    """Look somewhere."""
    RAN.append(f"look {place}")
    return f"nothing {place}"


def again(run: AgentRun) -> AgentRun:
    """The run as another process would have it."""
    return load_run(dump_run(run))
