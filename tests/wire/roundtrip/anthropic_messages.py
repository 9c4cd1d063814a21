"""The history of a Messages call: `messages`, each a list of content blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rig_sync._json import Json, JsonObject
from rig_sync.message import (
    AssistantContent,
    AssistantMessage,
    BaseMessage,
    Document,
    Image,
    ProviderBlock,
    Reasoning,
    ReasoningRedacted,
    ReasoningText,
    Text,
    ToolCall,
    ToolResult,
    ToolResultContent,
    UserContent,
    UserMessage,
)
from tests.wire.roundtrip.reader import Said, bare, objects, plain, text_of, without

__all__ = ["AnthropicReader"]

MORE = {"title", "context", "citations"}
"""Fields of a document that ours has not, or not alone."""


class AnthropicReader:
    """Reads Messages calls."""

    joined = False
    loose_ids = False

    def history(self, body: JsonObject) -> list[JsonObject]:
        """Every message; the system prompt is elsewhere."""
        return objects(body.get("messages"))

    def by_model(self, item: JsonObject) -> bool:
        """By its role."""
        return item.get("role") == "assistant"

    def said(self, items: Sequence[JsonObject]) -> Said:
        """Of all blocks."""
        blocks = [block for item in items for block in _blocks(item)]
        calls = [block for block in blocks if block.get("type") == "tool_use"]
        ids = (block.get(name) for block in blocks for name in ("id", "tool_use_id"))
        return Said(
            frozenset(name for name in ids if isinstance(name, str)),
            tuple((str(call.get("name")), call.get("input")) for call in calls),
            text_of([*blocks]),
        )

    def message(self, item: JsonObject) -> BaseMessage:
        """A system message in between is a block that is a message of its own."""
        blocks = _blocks(item)
        if item.get("role") == "assistant":
            return AssistantMessage(tuple(_said(block) for block in blocks))
        if item.get("role") != "user":
            return UserMessage((ProviderBlock("message", item),))
        return UserMessage(tuple(_user(block) for block in blocks))

    def parts(self, item: JsonObject) -> Iterator[JsonObject]:
        """One for each block: neighbours of one role are one turn for the API too."""
        role = item.get("role")
        for block in _blocks(item):
            kind = str(block.get("type"))
            slim = without(block, "cache_control")
            if role != "assistant":
                if kind == "tool_result":
                    slim["content"] = plain(_bare_parts(slim.get("content")))
                    slim.pop("is_error", None) if slim.get("is_error") is False else None
                yield {**slim, "role": role, "kind": "message", "mark": kind}
            elif kind == "text":
                yield {**slim, "role": role, "kind": "text"}
            elif kind == "tool_use":
                yield {**slim, "role": role, "kind": "call", "mark": slim.get("name")}
            elif kind in ("thinking", "redacted_thinking"):
                yield {**slim, "role": role, "kind": "reasoning", "mark": kind}
            else:
                deep = {name: bare(value) for name, value in slim.items()}
                yield {**deep, "role": role, "kind": "hosted", "mark": kind}


def _blocks(item: JsonObject) -> list[JsonObject]:
    content = item.get("content")
    return [{"type": "text", "text": content}] if isinstance(content, str) else objects(content)


def _bare_parts(content: Json) -> Json:
    if not isinstance(content, list):
        return content
    return [without(part, "cache_control") for part in objects(content)]


def _said(block: JsonObject) -> AssistantContent:
    kind = block.get("type")
    if kind == "text":
        kept = {"citations": block["citations"]} if block.get("citations") else None
        return Text(str(block.get("text")), kept)
    if kind == "tool_use":
        given = block.get("input")
        caller = {"caller": block["caller"]} if block.get("caller") else None
        return ToolCall(
            str(block.get("id")),
            str(block.get("name")),
            given if isinstance(given, dict) else {},
            provider_data=caller,
        )
    if kind == "thinking":
        signature = block.get("signature")
        signed = signature if isinstance(signature, str) else None
        return Reasoning((ReasoningText(str(block.get("thinking")), signed),))
    if kind == "redacted_thinking":
        return Reasoning((ReasoningRedacted(str(block.get("data"))),))
    return ProviderBlock(str(kind), block)


def _user(block: JsonObject) -> UserContent:
    """A tool result, or what may stand in one."""
    if block.get("type") != "tool_result":
        return _content(block)
    blocks = _blocks({"content": block.get("content") or ""})
    content = tuple(_content(inner) for inner in blocks)
    failed = block.get("is_error") is True
    return ToolResult(str(block.get("tool_use_id")), content, is_error=failed)


def _content(block: JsonObject) -> ToolResultContent:
    """In our words, where they say all of it; else in the provider's."""
    return _ours(block) or ProviderBlock(str(block.get("type")), block)


def _ours(block: JsonObject) -> Text | Image | Document | None:
    kind = block.get("type")
    if kind == "text":
        return Text(str(block.get("text")))
    if kind == "image":
        return _image(block)
    source = block.get("source")
    if kind == "document" and isinstance(source, dict) and not block.keys() & MORE:
        if source.get("type") == "file":
            return Document(file_id=str(source.get("file_id")))
        if source.get("type") == "url":
            return Document(url=str(source.get("url")))
        if source.get("type") == "base64":
            return Document(data=str(source.get("data")), media_type=str(source.get("media_type")))
    return None


def _image(block: JsonObject) -> Image | None:
    source = block.get("source")
    fields = source if isinstance(source, dict) else {}
    if fields.get("type") == "base64":
        return Image(data=str(fields.get("data")), media_type=str(fields.get("media_type")))
    if fields.get("type") == "url":
        return Image(url=str(fields.get("url")))
    return Image(file_id=str(fields.get("file_id"))) if fields.get("type") == "file" else None
