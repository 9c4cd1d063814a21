"""One case over a real connection, and everything that a caller, and the server, sees of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from msgspec import Struct

from rig_sync import Agent, FinalResponse, StreamAssistantItem, tool
from rig_sync.agent.items import MultiTurnStreamItem
from rig_sync.client import Client, ClientOptions
from rig_sync.completion import CompletionResponse
from rig_sync.errors import RigError
from rig_sync.message import Message
from rig_sync.streaming.items import (
    StreamedAssistantContent,
    StreamError,
    StreamFinal,
    Text,
    ToolCall,
)
from rig_sync.transport.retry import RetryPolicy
from tests.faults.matrix.answers import Form, good
from tests.faults.matrix.cases import Case
from tests.faults.matrix.moments import Sample
from tests.server import Request, Script, ScriptedServer

__all__ = ["RETRIES", "TRIES", "Board", "Seen", "ask"]

TRIES = 2
RETRIES = RetryPolicy(attempts=TRIES, initial=0, maximum=0)


class Board:
    """One server for many cases: each has a path of its own, and scripts in the order of requests.

    Args:
        start: Starts a server with that way to answer.
    """

    def __init__(self, start: Callable[[Callable[[Request], Script]], ScriptedServer]) -> None:
        self._lock = threading.Lock()
        self._scripts: dict[str, list[Script]] = {}
        self._requests: dict[str, list[Request]] = {}
        self.server = start(self._answer)

    def add(self, name: str, *scripts: Script) -> str:
        """The address of a new case; its last script answers all further requests."""
        with self._lock:
            self._scripts[name] = list(scripts)
            self._requests[name] = []
        return f"{self.server.url}/{name}"

    def change(self, name: str, script: Script) -> None:
        """From here on the case answers with `script`."""
        with self._lock:
            self._scripts[name] = [script]

    def requests(self, name: str) -> list[Request]:
        """What was asked in the case."""
        with self._lock:
            return list(self._requests[name])

    def _answer(self, request: Request) -> Script:
        name = request.path.split("/")[1]
        with self._lock:
            self._requests[name].append(request)
            scripts = self._scripts[name]
            return scripts.pop(0) if len(scripts) > 1 else scripts[0]


class Seen(Struct):
    """What came of one case.

    Attributes:
        error: What was raised.
        text: The words that were delivered.
        calls: The tool calls that were handed over to be run.
        finals: The terminal records.
        defects: The recoverable errors among the items.
        response: The answer; when it failed, `.partial` of the error.
        history: Of an agent: `stream.messages`, or `error.history`.
        ran: The tools that ran.
        requests: What the server was asked.
        pooled: The next question went over the same connection; only asked where it should.
        seconds: What it took.
    """

    error: Exception | None = None
    text: str = ""
    calls: list[tuple[str, object]] = []
    finals: int = 0
    defects: list[RigError] = []
    response: CompletionResponse | None = None
    history: tuple[Message, ...] | None = None
    ran: list[str] = []
    requests: list[Request] = []
    pooled: bool = False
    seconds: float = 0.0


def ask(board: Board, name: str, case: Case, *scripts: Script) -> Seen:
    """One case to its end; `scripts` answer its requests in turn."""
    seen = Seen()
    options: ClientOptions = {
        "base_url": board.add(name, *scripts),
        "retries": RETRIES,
        "timeouts": case.timeouts,
    }
    began = time.monotonic()
    with case.sample.connect(options) as client:
        try:
            _FORMS[case.form](client, seen)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is looked at
            seen.error = error
            if isinstance(error, RigError):
                seen.response = error.partial
        seen.seconds = time.monotonic() - began
        seen.requests = board.requests(name)
        if case.rule.keeps is False:
            struck = seen.requests[: TRIES if case.rule.retried else 1]
            for one in struck[-1:]:
                board.server.wait_closed(one.connection)
        elif case.rule.keeps and case.form in (Form.STREAM, Form.SEND):
            seen.pooled = _is_pooled(client, board, name, case.sample)
    return seen


def _is_pooled(client: Client, board: Board, name: str, sample: Sample) -> bool:
    """Whether another question goes over the same connection, and is answered well."""
    board.change(name, good(sample, True))
    with client.completion_model("m-1").stream_completion("Again").stream() as stream:
        for _ in stream:
            pass
    *_, before, after = board.requests(name)
    return before.connection == after.connection


def _stream(client: Client, seen: Seen) -> None:
    with client.completion_model("m-1").stream_completion("Hello").stream() as stream:
        for item in stream:
            _note(seen, item)
    seen.response = stream.response


def _send(client: Client, seen: Seen) -> None:
    seen.response = client.completion_model("m-1").completion("Hello").send()


def _agent(client: Client, seen: Seen) -> None:
    with _made(client, seen).stream_prompt("Hello", max_turns=2) as stream:
        try:
            for item in stream:
                _note_run(seen, item)
        finally:
            seen.history = stream.messages


def _prompt(client: Client, seen: Seen) -> None:
    try:
        final = _made(client, seen).prompt("Hello", max_turns=2)
    except RigError as error:
        seen.history = error.history
        raise
    seen.finals += 1
    seen.history = final.messages


_FORMS: dict[Form, Callable[[Client, Seen], None]] = {
    Form.STREAM: _stream,
    Form.SEND: _send,
    Form.AGENT: _agent,
    Form.PROMPT: _prompt,
}


def _made(client: Client, seen: Seen) -> Agent:
    """An agent whose tools note that they ran."""

    @tool
    def add(x: int, y: int) -> int:
        """Add."""
        seen.ran.append("add")
        return x + y

    @tool
    def send(to: str) -> str:
        """Send."""
        seen.ran.append("send")
        return "sent"

    return Agent(client.completion_model("m-1"), tools=[add, send])


def _note(seen: Seen, item: StreamedAssistantContent) -> None:
    if isinstance(item, Text):
        seen.text += item.text
    elif isinstance(item, ToolCall):
        seen.calls.append((item.name, item.arguments))
    elif isinstance(item, StreamFinal):
        seen.finals += 1
    elif isinstance(item, StreamError):
        seen.defects.append(item.error)


def _note_run(seen: Seen, item: MultiTurnStreamItem) -> None:
    if isinstance(item, StreamAssistantItem):
        if not isinstance(item.content, StreamFinal):
            _note(seen, item.content)
    elif isinstance(item, FinalResponse):
        seen.finals += 1
    elif isinstance(item, StreamError):
        seen.defects.append(item.error)
