"""A turn on a wire: the frames of a stream, and the whole body that says the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rig_sync._json import Json, JsonObject
from rig_sync.client import Client
from rig_sync.providers import anthropic, gemini, openai_compatible
from tests.agent.properties.scripts import Turn
from tests.wire.conformance import anthropic_messages as claude
from tests.wire.conformance import gemini_generate as gemini_wire
from tests.wire.frames import chat_chunk, chat_message, sse, sse_events

__all__ = ["SPEAKERS", "Speaker"]


class Speaker(NamedTuple):
    """How one wire says a turn.

    Attributes:
        client: Its client.
        stream: The body of a stream.
        whole: The body of a one-shot answer, as JSON.
        malformed: Whether both can carry arguments that are no JSON.
    """

    client: type[Client]
    stream: Callable[[Turn], bytes]
    whole: Callable[[Turn], Json]
    malformed: bool = False


# chat ----------------------------------------------------------------------------------------

CHAT_USAGE: JsonObject = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def chat_call(id: str | None, name: str | None, arguments: str) -> JsonObject:
    """A call, or a piece of one."""
    given: JsonObject = {} if id is None else {"id": id}
    named: JsonObject = {} if name is None else {"name": name}
    return {**given, "type": "function", "function": {**named, "arguments": arguments}}


def chat_stream(turn: Turn) -> bytes:
    """Chunks; the arguments of calls come in halves, all the calls beside each other."""
    frames: list[Json] = []
    if turn.thoughts:
        frames += [chat_chunk({"reasoning_content": part}) for part in halves(turn.thoughts)]
    frames += [chat_chunk({"content": word}) for word in turn.words]
    first, second = [], []
    for index, (id, call) in enumerate(turn.named_calls):
        one, two = halves(call.arguments)
        first.append({"index": index, **chat_call(id, call.name, one)})
        second.append({"index": index, **chat_call(None, None, two)})
    frames += [chat_chunk({"tool_calls": [piece]}) for piece in (*first, *second)]
    if turn.end != "truncated":
        frames.append(chat_chunk({}, _chat_finish(turn), usage=CHAT_USAGE))
    return sse(*frames, done=turn.end != "truncated")


def chat_whole(turn: Turn) -> Json:
    """One message."""
    message: JsonObject = {"role": "assistant", "content": turn.text or None}
    if turn.thoughts:
        message["reasoning_content"] = turn.thoughts
    if turn.calls:
        made = [chat_call(id, call.name, call.arguments) for id, call in turn.named_calls]
        message["tool_calls"] = list[Json](made)
    return chat_message(message, _chat_finish(turn), usage=CHAT_USAGE)


def _chat_finish(turn: Turn) -> str:
    if turn.end == "length":
        return "length"
    return "tool_calls" if turn.calls else "stop"


# Anthropic -----------------------------------------------------------------------------------


def claude_stream(turn: Turn) -> bytes:
    """Events, block by block."""
    blocks: list[list[JsonObject]] = []
    if turn.thoughts:
        blocks.append(claude.thinking(*halves(turn.thoughts), index=0))
    if turn.words:
        blocks.append(claude.said(*turn.words, index=len(blocks)))
    for id, call in turn.named_calls:
        given: dict[str, Json] = {} if id is None else {"id": id}
        parts = halves(call.arguments)
        blocks.append(claude.called(call.name, *parts, index=len(blocks), **given))
    over = claude.over(_claude_finish(turn), claude.OUTPUT) if turn.end != "truncated" else []
    frames = [event for block in blocks for event in block]
    return sse_events(claude.start(claude.INPUT), *frames, *over)


def claude_whole(turn: Turn) -> Json:
    """One message."""
    content: list[Json] = [claude.block(turn.thoughts)] if turn.thoughts else []
    content += [claude.words(turn.text)] if turn.words else []
    for id, call in turn.named_calls:
        given: JsonObject = {} if id is None else {"id": id}
        content.append({"type": "tool_use", **given, "name": call.name, "input": call.value})
    fields: JsonObject = {"type": "message", "id": "msg-1", "model": "m-1", "role": "assistant"}
    usage: Json = {**claude.INPUT, **claude.OUTPUT}
    return {**fields, "content": content, "stop_reason": _claude_finish(turn), "usage": usage}


def _claude_finish(turn: Turn) -> str:
    if turn.end == "length":
        return "max_tokens"
    return "tool_use" if turn.calls else "end_turn"


# Gemini --------------------------------------------------------------------------------------


def gemini_stream(turn: Turn) -> bytes:
    """Objects, one for each part; the last has the end."""
    parts: list[Json] = []
    if turn.thoughts:
        parts += [gemini_wire.thinking(part) for part in halves(turn.thoughts)]
    parts += [{"text": word} for word in turn.words]
    parts += _gemini_calls(turn)
    frames = [gemini_wire.chunk(part) for part in parts]
    if turn.end != "truncated":
        last = gemini_wire.chunk({"text": ""}, finish=_gemini_finish(turn))
        frames.append({**last, "usageMetadata": gemini_wire.META})
    return gemini_wire.stream(*frames)


def gemini_whole(turn: Turn) -> Json:
    """One object."""
    parts: list[Json] = [gemini_wire.thinking(turn.thoughts)] if turn.thoughts else []
    parts += [{"text": turn.text}] if turn.words else []
    parts += _gemini_calls(turn)
    whole = gemini_wire.chunk(*parts, finish=_gemini_finish(turn))
    return {**whole, "usageMetadata": gemini_wire.META}


def _gemini_calls(turn: Turn) -> Sequence[Json]:
    return [gemini_wire.call(call.name, call.value, id) for id, call in turn.named_calls]


def _gemini_finish(turn: Turn) -> str:
    return "MAX_TOKENS" if turn.end == "length" else "STOP"


def halves(text: str) -> tuple[str, str]:
    """`text` in two pieces.

    >>> halves("abc")
    ('a', 'bc')
    """
    return text[: len(text) // 2], text[len(text) // 2 :]


SPEAKERS = {
    "openai_chat": Speaker(openai_compatible.Client, chat_stream, chat_whole, malformed=True),
    "anthropic_messages": Speaker(anthropic.Client, claude_stream, claude_whole),
    "gemini_generate": Speaker(gemini.Client, gemini_stream, gemini_whole),
}
