"""Our own history in place of the recorded one, encoded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

import msgspec

from rig_sync._json import JsonObject, parse_object, to_json
from rig_sync.completion import CompletionRequest
from rig_sync.message import (
    AssistantContent,
    AssistantMessage,
    BaseMessage,
    ToolCall,
    ToolResult,
    UserContent,
    UserMessage,
    dump_messages,
    load_messages,
)
from rig_sync.wire.base import Wire
from tests.wire.corpus import Recording
from tests.wire.roundtrip.pairs import Pair
from tests.wire.roundtrip.reader import Reader, objects, parts_of, without

__all__ = ["History", "Rebuilt", "both_sides", "model_of", "rebuild"]


class Rebuilt(NamedTuple):
    """Both sides in one form.

    Attributes:
        ours: What the wire made of our history.
        recorded: What the client had sent, without the items of the user's side that no value of
            ours says.
        dropped: What those are.
    """

    ours: list[JsonObject]
    recorded: list[JsonObject]
    dropped: list[str]


def rebuild(
    reader: Reader, wire: Wire, pair: Pair, messages: Mapping[int, AssistantMessage]
) -> Rebuilt:
    """The history of the pair's request, with our messages where the responses are known.

    Args:
        reader: The family's.
        wire: What encodes.
        pair: What is rebuilt.
        messages: Ours, by the index of the exchange.
    """
    begins = {known.turn.start: known for known in pair.known}
    history = History()
    recorded: list[JsonObject] = []
    dropped: list[str] = []
    at = 0
    while at < len(pair.items):
        known = begins.get(at)
        message = reader.message(pair.items[at]) if known is None else None
        stop = at + 1 if known is None else known.turn.stop
        if known is not None:
            history.add(messages[known.response.index])
        elif message is not None:
            history.add(message)
        if known is None and message is None:
            dropped.append(_described(pair.items[at]))
        else:
            recorded += pair.items[at:stop]
        at = stop
    body = _encoded(wire, pair.request, history.messages)
    given = [known.response.exchange.response.content for known in pair.known]
    return Rebuilt(*both_sides(reader, reader.history(body), recorded, given), dropped)


def both_sides(
    reader: Reader,
    ours: Sequence[JsonObject],
    recorded: Sequence[JsonObject],
    given: Sequence[bytes],
) -> tuple[list[JsonObject], list[JsonObject]]:
    """The parts of two histories, less the ids that do not count.

    Args:
        reader: The family's.
        ours: Items of our request.
        recorded: Items of the recorded one.
        given: Bodies of the responses that came before: what has an id from there keeps it.
    """
    mine, theirs = parts_of(reader, ours), parts_of(reader, recorded)
    if reader.loose_ids:
        theirs = [_without_own_id(part, given) for part in theirs]
        if not any("id" in part for part in theirs):
            given = []
        mine = [_without_own_id(part, given) for part in mine]
    return mine, theirs


def _described(item: JsonObject) -> str:
    """Role and type of an item, and of what is in it."""
    inner = objects(item.get("content") or item.get("parts") or item.get("output"))
    kinds = {str(part.get("type") or next(iter(without(part)), "")) for part in inner}
    words = (item.get("role"), item.get("type"), *sorted(kinds))
    return " ".join(str(word) for word in words if word)


class History:
    """Messages whose results answer the calls ahead of them, also where clients give no ids."""

    def __init__(self) -> None:
        self.messages: list[BaseMessage] = []
        self._ids: set[str] = set()
        self._waiting: list[ToolCall] = []

    def add(self, message: BaseMessage) -> None:
        """Take in the next one."""
        if isinstance(message, AssistantMessage):
            calls = [part for part in message.content if isinstance(part, ToolCall)]
            if any(not call.id for call in calls):
                message = AssistantMessage(tuple(map(self._with_id, message.content)))
                calls = list(message.tool_calls)
            self._ids.update(call.id for call in calls)
            self._waiting += calls
        elif isinstance(message, UserMessage):
            message = UserMessage(tuple(map(self._answering, message.content)))
        self.messages.append(message)

    def _with_id(self, part: AssistantContent) -> AssistantContent:
        if not isinstance(part, ToolCall) or part.id:
            return part
        number = len(self.messages)
        return msgspec.structs.replace(part, id=f"call_{number}_{id(part)}")

    def _answering(self, part: UserContent) -> UserContent:
        """A result under the id of its call: by id, else by name, else the next one that waits."""
        if not isinstance(part, ToolResult):
            return part
        called = [call for call in self._waiting if call.id == part.id]
        called += [call for call in self._waiting if call.name == part.name]
        called += [] if part.id in self._ids else self._waiting
        if not called:
            return part
        self._waiting.remove(called[0])
        return msgspec.structs.replace(part, id=called[0].id)


def _without_own_id(part: JsonObject, given: Sequence[bytes]) -> JsonObject:
    """The part without an id that no response had given."""
    name = part.get("id")
    known = any(f'"{name}"'.encode() in body for body in given)
    return part if known else {key: value for key, value in part.items() if key != "id"}


_MODEL = re.compile(r"/models?/([^/:]+)")


def model_of(request: Recording) -> str:
    """The model that was asked; Gemini and Bedrock have it in the path."""
    found = _MODEL.search(unquote(request.exchange.request.path))
    return found[1] if found else request.exchange.request.model


def _encoded(wire: Wire, request: Recording, history: Sequence[BaseMessage]) -> JsonObject:
    messages = load_messages(dump_messages(history))
    body = wire.encode(CompletionRequest(model_of(request), tuple(messages)), stream=False)
    return parse_object(to_json(body)) or {}
