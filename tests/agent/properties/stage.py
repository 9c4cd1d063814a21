"""Where a script is played: a server that says the turns, tools and hooks that answer them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec
from hypothesis import strategies as st

from rig_sync._json import JsonObject, compact
from rig_sync.agent.actions import (
    Defer,
    Feedback,
    Repair,
    Repeat,
    Replace,
    Rewrite,
    Skip,
    Stop,
)
from rig_sync.agent.agent import Agent
from rig_sync.agent.events import (
    HookContext,
    InvalidToolCall,
    ModelSelection,
    RunFinished,
    ToolCallEvent,
    ToolResultEvent,
)
from rig_sync.agent.hooks import Hook
from rig_sync.agent.items import (
    CompletionCall,
    ModelTurnRetried,
    StreamAssistantItem,
    StreamUserItem,
    ToolExecutionCommitted,
    ToolExecutionStarted,
)
from rig_sync.agent.run import AgentRun
from rig_sync.agent.stream import RunStream
from rig_sync.completion import CompletionRequest, CompletionResponse
from rig_sync.errors import ModelRetry
from rig_sync.message import dump_messages
from rig_sync.model import CompletionModel
from rig_sync.tools import FunctionTool, ToolContext
from rig_sync.tools.function import tool
from rig_sync.transport.retry import NO_RETRIES
from tests.agent.properties.scripts import HELD, TOOLS, Script
from tests.agent.properties.speakers import Speaker
from tests.conftest import KEY
from tests.server import Request, ScriptedServer, error_response, response, sse_response
from tests.server import Script as Steps

__all__ = [
    "Log",
    "Place",
    "Stage",
    "Steering",
    "cut_up",
    "normal",
    "places",
    "read",
    "settle",
    "staged",
]

JSON = {"Content-Type": "application/json"}
MINTED = re.compile(rb"call_[0-9a-f]{12}")


def normal(data: bytes) -> bytes:
    """`data` with the ids that we mint named in the order in which they first appear.

    >>> normal(b"call_0123456789ab_0 call_ba9876543210_1 call_0123456789ab_0")
    b'minted0_0 minted1_1 minted0_0'
    """
    names: dict[bytes, bytes] = {}
    return MINTED.sub(lambda m: names.setdefault(m[0], b"minted%d" % len(names)), data)


class Log:
    """What happened beside the stream; the run's dependencies.

    Attributes:
        ran: The tools that ran, with turn, id of the call and argument.
        events: What the hooks were told, but for deltas.
        interrupt_at: The tool of that number is interrupted, as by Ctrl-C.
    """

    def __init__(self, interrupt_at: int | None = None) -> None:
        self.ran: list[tuple[str, int, str, int]] = []
        self.events: list[tuple[str, int, bytes]] = []
        self.interrupt_at = interrupt_at

    @property
    def told(self) -> list[tuple[str, int, bytes]]:
        """The events, with ids of ours made equal."""
        return [(event, turn, normal(data)) for event, turn, data in self.events]

    @property
    def executions(self) -> list[tuple[str, int, int]]:
        """The tools that ran, without the ids of their calls."""
        return [(name, turn, n) for name, turn, _, n in self.ran]


# tools ---------------------------------------------------------------------------------------


def acting(name: str) -> FunctionTool[..., str]:
    """The tool that does what its name says."""

    def act(n: int, context: ToolContext[Log]) -> str:
        log = context.deps
        number = len(log.ran)
        log.ran.append((name, context.turn, context.call_id, n))
        if number == log.interrupt_at:
            raise KeyboardInterrupt
        if name == "broken":
            raise ValueError(f"{n} does not do")
        if name in ("again", "limited"):
            raise ModelRetry(f"{n} is too small")
        return f"{name} {n}"

    return tool(
        name=name,
        description="Act.",
        approval=name == "asked",
        deferred=name == "deferred",
        retries=1 if name == "limited" else None,
    )(act)


TOOLSET = [acting(name) for name in (*TOOLS, *HELD)]


# hooks ---------------------------------------------------------------------------------------


ON_CALL: dict[str, Skip | Rewrite | Defer] = {
    "skipped": Skip("Not now."),
    "rewritten": Rewrite({"n": 77}),
    "held": Defer(),
}


class Steering(Hook):
    """Does what the words and the names of the tools say, and notes what it is told.

    Args:
        log: Where it is noted.
        stop_at: At the event of that number it stops the run.
    """

    def __init__(self, log: Log, stop_at: int | None = None) -> None:
        self._log = log
        self._stop_at = stop_at

    def _note(self, event: str, context: HookContext, data: bytes) -> Stop | None:
        number = len(self._log.events)
        self._log.events.append((event, context.turn, data))
        return Stop("enough") if number == self._stop_at else None

    def on_completion_call(self, context: HookContext, event: CompletionRequest) -> Stop | None:
        """Nothing to steer."""
        return self._note("completion call", context, dump_messages(event.messages))

    def on_model_select(self, context: HookContext, event: ModelSelection) -> Stop | None:
        """Nothing to steer."""
        return self._note("model select", context, event.selected.name.encode())

    def on_model_turn_finished(
        self, context: HookContext, event: CompletionResponse
    ) -> Repeat | Feedback | Stop | None:
        """As the first word says."""
        stop = self._note("turn finished", context, msgspec.json.encode(event.message))
        if stop is None and event.text.startswith("REPEAT"):
            return Repeat()
        if stop is None and event.text.startswith("FEEDBACK"):
            return Feedback("Say it better.")
        return stop

    def on_invalid_tool_call(
        self, context: HookContext, event: InvalidToolCall
    ) -> Skip | Feedback | Repair | Stop | None:
        """As the tool's name says; `ghost` ends the run."""
        stop = self._note(f"invalid: {event.reason}", context, event.call.name.encode())
        if stop is not None:
            return stop
        mended: JsonObject | None = {"n": 7} if event.call.malformed is not None else None
        actions: dict[str, Skip | Feedback | Repair] = {
            "gone": Skip("There is no such tool."),
            "lost": Feedback("There is no such tool, try another."),
            "ech0": Repair("echo", mended),
        }
        return actions.get(event.call.name)

    def on_tool_call(
        self, context: HookContext, event: ToolCallEvent
    ) -> Skip | Rewrite | Defer | Stop | None:
        """As the tool's name says."""
        stop = self._note("tool call", context, compact(event.call.arguments).encode())
        if stop is not None:
            return stop
        return ON_CALL.get(event.call.name)

    def on_tool_result(self, context: HookContext, event: ToolResultEvent) -> Replace | Stop | None:
        """As the tool's name says."""
        stop = self._note("tool result", context, msgspec.json.encode(event.result.content))
        replaced = stop is None and event.call.name == "replaced"
        return Replace("something else") if replaced else stop

    def on_run_finished(self, context: HookContext, event: RunFinished) -> None:
        """Nothing to steer."""
        final = msgspec.json.encode(event.response)
        self._note("finished", context, type(event.error).__name__.encode() + final)


def settle(run: AgentRun) -> None:
    """Answer for the people that the run waits for."""
    for one in run.pending:
        if one.state == "deferred":
            run.answer_call(one.call.id, "later")
        elif one.call.arguments.get("n") == 3:
            run.deny(one.call.id)
        else:
            run.approve(one.call.id)


# places in a run ------------------------------------------------------------------------------


class Place(NamedTuple):
    """The item of that kind and number, from 0."""

    kind: type
    number: int


places = st.builds(
    Place,
    st.sampled_from(
        (
            *(CompletionCall, ModelTurnRetried, StreamAssistantItem),
            *(ToolExecutionStarted, ToolExecutionCommitted, StreamUserItem),
        )
    ),
    st.integers(0, 4),
)


def read(stream: RunStream[Any], place: Place | None) -> bool:
    """Read up to the place, without closing; whether it was reached."""
    left = -1 if place is None else place.number
    for item in stream:
        if place is not None and isinstance(item, place.kind):
            if left == 0:
                return True
            left -= 1
    return False


# the server ----------------------------------------------------------------------------------


def cut_up(body: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """`body` in pieces of these sizes, over and over.

    >>> list(cut_up(b"abcdef", (1, 2)))
    [b'a', b'bc', b'd', b'ef']
    """
    start = number = 0
    while start < len(body):
        size = sizes[number % len(sizes)]
        yield body[start : start + size]
        start, number = start + size, number + 1


class Stage:
    """A server that says the turns of a script, one after the other, over one wire.

    Attributes:
        agent: Asks it, and has all the tools.
        bare: Asks it, and has none.
        at: The turn that is next.
        sizes: The bytes of each piece of a stream, over and over.
    """

    def __init__(self, speaker: Speaker, model: CompletionModel) -> None:
        self.agent = Agent(model, tools=TOOLSET, max_tokens=100)
        self.bare = Agent(model, max_tokens=100)
        self.at = 0
        self.sizes: tuple[int, ...] = (1 << 20,)
        self._speaker = speaker
        self._script = Script(())

    def set(self, script: Script, sizes: tuple[int, ...] = (1 << 20,)) -> Log:
        """Begin with that script; a fresh log."""
        self._script, self.sizes, self.at = script, sizes, 0
        return Log()

    def answer(self, request: Request) -> Steps:
        """The next turn, as a stream or whole, as the request wants it."""
        turn = self._script.turns[self.at]
        self.at += 1
        if turn.end == "status":
            return error_response(400)
        if b'"stream":true' in request.body or "stream" in request.path:
            return sse_response(*cut_up(self._speaker.stream(turn), self.sizes))
        return response(200, JSON, compact(self._speaker.whole(turn)).encode())


@contextmanager
def staged(speaker: Speaker) -> Iterator[Stage]:
    """A stage for that wire, whose server is gone afterwards."""
    stages: list[Stage] = []
    with (
        ScriptedServer(lambda request: stages[0].answer(request)) as server,
        speaker.client(KEY, base_url=f"{server.url}/v1", retries=NO_RETRIES) as client,
    ):
        stages.append(Stage(speaker, client.completion_model("m-1")))
        yield stages[0]
