"""The history of an Ollama chat: `messages`; arguments are objects, ids new and optional."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rig_sync._json import JsonObject
from rig_sync.message import (
    AssistantContent,
    AssistantMessage,
    BaseMessage,
    Image,
    Reasoning,
    ReasoningText,
    SystemMessage,
    Text,
    ToolCall,
    ToolResult,
    UserMessage,
)
from rig_sync.wire.base import object_in
from tests.wire.roundtrip.reader import Said, objects, without

__all__ = ["OllamaReader"]


class OllamaReader:
    """Reads Ollama chats."""

    joined = False
    loose_ids = True

    def history(self, body: JsonObject) -> list[JsonObject]:
        """Every message, the system's too."""
        return objects(body.get("messages"))

    def by_model(self, item: JsonObject) -> bool:
        """By its role."""
        return item.get("role") == "assistant"

    def said(self, items: Sequence[JsonObject]) -> Said:
        """Of the one message."""
        calls = [call for item in items for call in objects(item.get("tool_calls"))]
        named = [object_in(call, "function") for call in calls]
        return Said(
            frozenset(str(call["id"]) for call in calls if call.get("id")),
            tuple((str(f.get("name")), f.get("arguments")) for f in named),
            "".join(str(item.get("content") or "") for item in items),
        )

    def message(self, item: JsonObject) -> BaseMessage | None:
        """Always something: Ollama's messages are plain."""
        role, content = item.get("role"), str(item.get("content") or "")
        if role == "assistant":
            return AssistantMessage(tuple(_said(item)))
        if role == "system":
            return SystemMessage(content)
        if role == "tool":
            name = item.get("tool_name")
            known = name if isinstance(name, str) else None
            return UserMessage(
                (ToolResult(str(item.get("tool_call_id") or ""), (Text(content),), known),)
            )
        images = item.get("images")
        shown = [Image(data=str(data)) for data in images] if isinstance(images, list) else []
        return UserMessage((Text(content), *shown)) if role == "user" else None

    def parts(self, item: JsonObject) -> Iterator[JsonObject]:
        """Of an assistant's message one for each field; of any other one with all.

        Results belong to calls by name and order; that some servers take an id too is optional.
        """
        role, slim = item.get("role"), without(item)
        if role != "assistant":
            yield {**without(slim, "tool_call_id"), "kind": "message"}
            return
        slim.pop("role")
        if thinking := slim.pop("thinking", None):
            yield {"role": role, "kind": "reasoning", "thinking": thinking}
        if text := slim.pop("content", None):
            yield {"role": role, "kind": "text", "text": text}
        for call in objects(slim.pop("tool_calls", None)):
            function = without(object_in(call, "function"), "index")
            yield {
                **without(call, "type", "function"),
                **function,
                "role": role,
                "kind": "call",
                "mark": function.get("name"),
            }
        if slim:
            yield {"role": role, "kind": "other", **slim}


def _said(item: JsonObject) -> Iterator[AssistantContent]:
    if item.get("thinking"):
        yield Reasoning((ReasoningText(str(item["thinking"])),))
    if item.get("content"):
        yield Text(str(item["content"]))
    for call in objects(item.get("tool_calls")):
        function = object_in(call, "function")
        arguments = object_in(function, "arguments")
        yield ToolCall(str(call.get("id") or ""), str(function.get("name")), arguments)
