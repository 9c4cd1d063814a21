"""What the requests of several wires write alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rig_sync._json import JsonObject, compact
from rig_sync.completion import CompletionRequest, ToolDefinition
from rig_sync.message import Image, SystemMessage, ToolCall

__all__ = ["chat_call", "chat_tool", "flat_tool", "image_url", "joined_turns", "system_texts"]


def system_texts(request: CompletionRequest) -> Iterator[str]:
    """The preamble and all system messages, in order, for wires that have one place for them.

    White space alone is left out: the APIs refuse it.
    """
    later = (m.content for m in request.messages if isinstance(m, SystemMessage))
    return (text for text in (request.preamble or "", *later) if text.strip())


def joined_turns(
    messages: Iterable[tuple[str, list[JsonObject]]],
) -> list[tuple[str, list[JsonObject]]]:
    """Role and blocks of each message: neighbours of one role made one, those without a block out.

    >>> joined_turns([("user", [{"a": 1}]), ("assistant", []), ("user", [{"b": 2}])])
    [('user', [{'a': 1}, {'b': 2}])]
    """
    turns: list[tuple[str, list[JsonObject]]] = []
    for role, blocks in messages:
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        elif blocks:
            turns.append((role, blocks))
    return turns


def chat_tool(definition: ToolDefinition) -> JsonObject:
    """A tool as chat completions have it: what it is called and takes is an object inside.

    >>> chat_tool(ToolDefinition("add", "Adds.", {}))["function"]
    {'name': 'add', 'description': 'Adds.', 'parameters': {}}
    """
    return {"type": "function", "function": _function(definition)}


def chat_call(call: ToolCall) -> JsonObject:
    """A call as chat completions have it: its arguments are JSON text.

    >>> chat_call(ToolCall("c", "add", {"a": 1}))["function"]
    {'name': 'add', 'arguments': '{"a":1}'}
    """
    function: JsonObject = {"name": call.name, "arguments": compact(call.arguments)}
    return {"id": call.id, "type": "function", "function": function}


def flat_tool(definition: ToolDefinition) -> JsonObject:
    """A tool as the Responses API has it: all in one object.

    >>> flat_tool(ToolDefinition("add", "Adds.", {}))
    {'type': 'function', 'name': 'add', 'description': 'Adds.', 'parameters': {}}
    """
    return {"type": "function", **_function(definition)}


def _function(definition: ToolDefinition) -> JsonObject:
    return {
        "name": definition.name,
        "description": definition.description,
        "parameters": definition.parameters,
    }


def image_url(part: Image) -> JsonObject:
    """An image as chat completions have it; `part` has an address, or bytes.

    >>> image_url(Image(url="https://x.test/a.png", detail="low"))["image_url"]
    {'url': 'https://x.test/a.png', 'detail': 'low'}
    """
    image: JsonObject = {"url": part.data_url}
    if part.detail is not None:
        image["detail"] = part.detail
    return {"type": "image_url", "image_url": image}
