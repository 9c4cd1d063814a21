"""The recorded world around an agent: a server that answers, tools that return what they did."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence

from rig_sync._json import JsonObject, parse_object
from rig_sync.completion import ToolDefinition
from rig_sync.errors import ToolError
from rig_sync.message import Text, ToolResult, UserMessage
from rig_sync.tools import ToolContext
from rig_sync.wire.base import Wire
from tests.agent.scenarios.chains import Link
from tests.agent.scenarios.openings import message_of
from tests.wire.corpus import Exchange
from tests.wire.fidelity import FRAMING, Delivery
from tests.wire.loopback import Answer, Loopback
from tests.wire.roundtrip.reader import Reader

__all__ = ["Playback", "RecordedTool", "Results", "answer_of"]

OVER = Answer(b'{"error": {"message": "the recording is over"}}', 400, "application/json")
UNKNOWN = "The recording ends before this result."


class Playback(Loopback):
    """A server that gives prepared answers in turn, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[str, deque[bytes]] = {}
        self._asked: dict[str, list[bytes]] = {}

    def __enter__(self) -> Playback:
        super().__enter__()
        return self

    def play(self, answers: Sequence[Answer]) -> str:
        """The base URL under which these answers come, one for each request."""
        url = self.add(OVER)
        self._waiting[_name(url)] = deque(answer.to_bytes() for answer in answers)
        self._asked[_name(url)] = []
        return url

    def stop(self, base_url: str) -> list[JsonObject]:
        """The bodies of the requests to `base_url`, in order; it is forgotten."""
        name = _name(base_url)
        self.drop(base_url)
        del self._waiting[name]
        return [parse_object(body) or {} for body in self._asked.pop(name)]

    def respond(self, path: str, body: bytes) -> bytes:
        """The next of the prepared answers."""
        name = path.split("/")[1]
        self._asked[name].append(body)
        waiting = self._waiting[name]
        return waiting.popleft() if waiting else super().respond(path, body)


def _name(base_url: str) -> str:
    return base_url.rpartition("/")[2]


def answer_of(exchange: Exchange, wire: Wire, chance: random.Random) -> Answer:
    """The recorded answer, in random pieces."""
    response = exchange.response
    return Delivery().answer(
        response.content,
        response.status,
        response.content_type or "",
        {k: v for k, v in response.headers.items() if k.lower() not in FRAMING},
        chance,
        lines=exchange.streaming and wire.framing == "sse",
    )


class Results:
    """What the tools of one run returned, turn by turn: `links` are the exchanges that tell it.

    Attributes:
        ran: The ids of the calls that were run.
    """

    def __init__(self, reader: Reader, links: Sequence[Link]) -> None:
        self.ran: list[str] = []
        self._turns = [_results(reader, link.added) for link in links]

    def find(self, call_id: str, name: str, turn: int) -> ToolResult | None:
        """The result of one call: by id, else by name, else the next one."""
        left = self._turns[turn - 1] if turn <= len(self._turns) else []
        fitting = [result for result in left if result.id == call_id]
        fitting += [result for result in left if result.name == name]
        return next(iter([*fitting, *left]), None)

    def take(self, result: ToolResult) -> ToolResult:
        """`result`, which answers no other call."""
        for left in self._turns:
            left[:] = [other for other in left if other is not result]
        return result


def _results(reader: Reader, items: Sequence[JsonObject]) -> list[ToolResult]:
    messages = [message_of(reader, item) for item in items]
    return [
        part
        for message in messages
        if isinstance(message, UserMessage)
        for part in message.content
        if isinstance(part, ToolResult)
    ]


class RecordedTool:
    """A tool that returns what it returned when it was recorded."""

    def __init__(self, definition: ToolDefinition, results: Results) -> None:
        self._definition = definition
        self._results = results

    @property
    def definition(self) -> ToolDefinition:
        """As the recorded request had it."""
        return self._definition

    def call(self, arguments: JsonObject, context: ToolContext) -> object:
        """The recorded result, or error."""
        del arguments  # what was asked is in the recording
        self._results.ran.append(context.call_id)
        result = self._results.find(context.call_id, self._definition.name, context.turn)
        if result is None:
            return UNKNOWN
        self._results.take(result)
        if result.is_error and all(isinstance(part, Text) for part in result.content):
            raise ToolError(result.text)
        return list(result.content) or ""
