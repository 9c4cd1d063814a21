"""The history of a Cohere chat: `messages`, much as in chat completions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rig_sync._json import Json, JsonObject
from rig_sync.message import (
    AssistantContent,
    AssistantMessage,
    BaseMessage,
    Image,
    ProviderBlock,
    Reasoning,
    ReasoningText,
    SystemMessage,
    Text,
    ToolCall,
    ToolResult,
    UserMessage,
)
from rig_sync.wire.base import object_in
from tests.wire.roundtrip.reader import Said, canonical, detail_of, objects, plain, text_of, without

__all__ = ["CohereReader"]


class CohereReader:
    """Reads Cohere chats."""

    joined = False
    loose_ids = False

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
            tuple((str(f.get("name")), canonical(f.get("arguments"))) for f in named),
            "".join(text_of(item.get("content")) for item in items),
        )

    def message(self, item: JsonObject) -> BaseMessage:
        """What a result has beside words is in Cohere's."""
        role, content = item.get("role"), item.get("content")
        if role == "assistant":
            return AssistantMessage(tuple(_said(item)))
        if role == "system":
            return SystemMessage(text_of(content))
        if role == "tool":
            told = tuple(_content(part) for part in _parts(content))
            return UserMessage((ToolResult(str(item.get("tool_call_id")), told),))
        return UserMessage(tuple(_user(part) for part in _parts(content)))

    def parts(self, item: JsonObject) -> Iterator[JsonObject]:
        """Of an assistant's message one for each field; of any other one with all."""
        role, slim = item.get("role"), without(item)
        content = slim.pop("content", None)
        if role != "assistant":
            yield {**slim, "kind": "message", "content": plain(content)}
            return
        slim.pop("role")
        if plan := slim.pop("tool_plan", None):
            yield {"role": role, "kind": "plan", "text": plan}
        for part in objects(content):
            if part.get("type") != "text":
                yield {"role": role, "kind": "reasoning", **part}
        if text := text_of(content):
            yield {"role": role, "kind": "text", "text": text}
        for call in objects(slim.pop("tool_calls", None)):
            function = object_in(call, "function")
            arguments = canonical(function.get("arguments"))
            named = {**function, "arguments": arguments}
            yield {
                "role": role,
                **call,
                "kind": "call",
                "mark": function.get("name"),
                "function": named,
            }
        if citations := objects(slim.pop("citations", None)):
            yield {"role": role, "kind": "citations", "citations": [*citations]}
        if slim:
            yield {"role": role, "kind": "other", **slim}


def _parts(content: Json) -> list[JsonObject]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else objects(content)


def _user(part: JsonObject) -> Text | Image | ProviderBlock:
    image = object_in(part, "image_url")
    url = image.get("url")
    detail = detail_of(image.get("detail"))
    return Image(url=url, detail=detail) if isinstance(url, str) else _content(part)


def _content(part: JsonObject) -> Text | ProviderBlock:
    if part.get("type") == "text":
        return Text(str(part.get("text")))
    return ProviderBlock(str(part.get("type")), part)


def _said(item: JsonObject) -> Iterator[AssistantContent]:
    if item.get("tool_plan"):
        yield ProviderBlock("tool_plan", {"tool_plan": item["tool_plan"]})
    for part in _parts(item.get("content")):
        if part.get("type") == "thinking":
            yield Reasoning((ReasoningText(str(part.get("thinking"))),))
        else:
            yield Text(str(part.get("text")))
    for call in objects(item.get("tool_calls")):
        function = object_in(call, "function")
        arguments = canonical(function.get("arguments"))
        known = arguments if isinstance(arguments, dict) else {}
        yield ToolCall(str(call.get("id")), str(function.get("name")), known)
