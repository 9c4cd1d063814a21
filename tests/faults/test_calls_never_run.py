"""Calls that must not run do not: on every wire, alone and beside others, in turn and at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

import pytest

from rig_sync import (
    Agent,
    FinalResponse,
    HookContext,
    PromptError,
    ReadFailed,
    RequestPatch,
    RigError,
    StreamError,
    StreamTruncated,
    ToolExecutionStarted,
    UnknownToolCall,
    hook,
    tool,
)
from rig_sync.completion import CompletionRequest
from tests.conftest import ServerFactory
from tests.faults.canary.calling import WIRES, Speaker
from tests.server import Close, Reset, Script

GOOD = ("add", '{"a": 1}')
LONG = ("add", '{"a": 2000002}')


class Effects:
    """What tools did."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.seen: list[str] = []

    def note(self, what: str) -> None:
        with self._lock:
            self.seen.append(what)

    def tools(self) -> list[object]:
        """One to be called, and one that may not be."""

        @tool
        def add(a: int) -> int:
            """Add."""
            self.note(f"add {a}")
            return a

        @tool
        def wipe(disk: str = "all") -> str:
            """Wipe a disk."""
            self.note(f"wipe {disk}")
            return "wiped"

        return [add, wipe]


@hook.on_completion_call
def without_wipe(context: HookContext, request: CompletionRequest) -> RequestPatch:
    """Offers everything but `wipe`."""
    return RequestPatch(active_tools=("add",))


class Case(NamedTuple):
    """One answer, and what comes of it.

    Attributes:
        script: How the server answers first; "Done." follows.
        error: What ends the run; None: the model is told, and goes on.
        ran: What the tools did.
        for_text: Only where arguments are written piece by piece.
    """

    script: Callable[[Speaker], Script]
    error: type[RigError] | None = None
    ran: tuple[str, ...] = ()
    for_text: bool = False


def one(name: str, arguments: str) -> Callable[[Speaker], Script]:
    """A good call, and that one."""
    return lambda wire: wire.calls(GOOD, (name, arguments))


CASES: dict[str, Case] = {
    "good": Case(one("add", '{"a": 2}'), ran=("add 1", "add 2")),
    "unknown": Case(one("launch", "{}"), UnknownToolCall),
    "unknown, by a letter": Case(one("Add", '{"a": 2}'), UnknownToolCall),
    "unknown, by a space": Case(one("add ", '{"a": 2}'), UnknownToolCall),
    "unknown, by what Python has": Case(one("__init__", "{}"), UnknownToolCall),
    "not offered": Case(one("wipe", "{}"), UnknownToolCall),
    "no JSON": Case(one("add", '{"a": 2'), ran=("add 1",)),
    "two objects": Case(one("add", '{"a": 2} {"a": 3}'), ran=("add 1",), for_text=True),
    "a list": Case(one("add", "[2]"), ran=("add 1",)),
    "a number": Case(one("add", "2"), ran=("add 1",)),
    "a text": Case(one("add", '"2"'), ran=("add 1",)),
    "nothing where something is due": Case(one("add", "{}"), ran=("add 1",)),
    "of another type": Case(one("add", '{"a": "two"}'), ran=("add 1",)),
    "a fraction": Case(one("add", '{"a": 2.5}'), ran=("add 1",)),
    "null": Case(one("add", '{"a": null}'), ran=("add 1",)),
    "one too many": Case(one("add", '{"a": 2, "disk": "all"}'), ran=("add 1",)),
    "cut in the arguments": Case(
        lambda wire: wire.cut(GOOD, LONG, at=b"002", last=Close()), StreamTruncated
    ),
    "cut after the calls": Case(
        lambda wire: wire.cut(GOOD, LONG, at=b"", last=Close()), StreamTruncated
    ),
    "reset after the calls": Case(
        lambda wire: wire.cut(GOOD, LONG, at=b"", last=Reset()), ReadFailed
    ),
    "no room for the arguments": Case(
        lambda wire: wire.calls(("add", '{"a": 2'), end="limit"), PromptError, for_text=True
    ),
    "no end": Case(lambda wire: wire.calls(GOOD, LONG, end="none"), StreamTruncated),
}


@pytest.mark.parametrize("concurrency", [1, 4], ids=["in turn", "at once"])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("wire", WIRES)
def test_calls_that_never_run(
    server: ServerFactory, wire: str, name: str, concurrency: int
) -> None:
    """No tool has an effect but those whose calls are whole, offered and fit."""
    speaker, case, effects = WIRES[wire], CASES[name], Effects()
    if case.for_text and speaker.whole_calls:
        pytest.skip("this wire has arguments as objects")
    served = server(case.script(speaker), speaker.done())
    with speaker.at(served.url) as client:
        agent = Agent(client.completion_model("m"), tools=effects.tools(), hooks=[without_wipe])
        stream = agent.stream_prompt("Hi", tool_concurrency=concurrency, raise_errors="none")
        items = list(stream)
    failures = [item.error for item in items if isinstance(item, StreamError)]
    ended = [error for error in failures if not error.recoverable]
    assert sorted(effects.seen) == sorted(case.ran), items
    assert len([i for i in items if isinstance(i, ToolExecutionStarted)]) >= len(case.ran)
    if case.error is None:
        assert ended == []
        assert isinstance(items[-1], FinalResponse)
    else:
        assert isinstance(ended[0], case.error)
