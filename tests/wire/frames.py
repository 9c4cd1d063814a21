"""Frames of our own making, as a server would send them."""

from __future__ import annotations

from rig_sync._json import Json, JsonObject, compact

__all__ = ["chat_chunk", "chat_message", "event", "sse", "sse_events"]


def sse(*frames: Json, done: bool = True, data: str = "data: ", line_end: str = "\n") -> bytes:
    r"""The body of an event stream: strings as they are, anything else as JSON.

    >>> sse({"a": 1})
    b'data: {"a":1}\n\ndata: [DONE]\n\n'
    """
    texts = [frame if isinstance(frame, str) else compact(frame) for frame in frames]
    texts += ["[DONE]"] if done else []
    return "".join(f"{data}{text}{line_end}{line_end}" for text in texts).encode()


def chat_chunk(delta: Json = None, finish: Json = None, **more: Json) -> JsonObject:
    """A chunk of a chat stream with one choice."""
    choice: JsonObject = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "chat-1", "model": "m-1", "choices": [choice], **more}


def chat_message(message: Json, finish: Json = "stop", **more: Json) -> JsonObject:
    """The whole body of a one-shot chat answer."""
    choice: JsonObject = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": "chat-1", "model": "m-1", "choices": [choice], **more}


def event(kind: str, **fields: Json) -> JsonObject:
    """An event of a Responses stream."""
    return {"type": kind, **fields}


def sse_events(*events: JsonObject, named: bool = True) -> bytes:
    r"""The body of a Responses stream; each event also has its type as its name, if `named`.

    >>> sse_events({"type": "response.created"})
    b'event: response.created\ndata: {"type":"response.created"}\n\n'
    """
    lines = (f"event: {entry['type']}\n" if named else "" for entry in events)
    pairs = zip(lines, events, strict=True)
    return "".join(f"{line}data: {compact(entry)}\n\n" for line, entry in pairs).encode()
