"""The history of a Converse call: `messages`, whose blocks have their kind as their one key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rig_sync._json import JsonObject
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
    Video,
)
from rig_sync.wire.base import object_in
from rig_sync.wire.bedrock_converse import BedrockConverse
from tests.wire.roundtrip.reader import Said, bare, objects, without

__all__ = ["BedrockReader"]

NAME = BedrockConverse().name
CITED = "citationsContent"


class BedrockReader:
    """Reads Converse calls."""

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
        blocks = [block for item in items for block in objects(item.get("content"))]
        calls = [object_in(block, "toolUse") for block in blocks if "toolUse" in block]
        return Said(
            frozenset(str(call["toolUseId"]) for call in calls if call.get("toolUseId")),
            tuple((str(call.get("name")), call.get("input")) for call in calls),
            "".join(_words(block) for block in blocks),
        )

    def message(self, item: JsonObject) -> BaseMessage:
        """Cache points are left out, on both sides."""
        blocks = [block for block in objects(item.get("content")) if "cachePoint" not in block]
        if item.get("role") == "assistant":
            return AssistantMessage(tuple(_said(block) for block in blocks))
        return UserMessage(tuple(_user(block) for block in blocks))

    def parts(self, item: JsonObject) -> Iterator[JsonObject]:
        """One for each block: neighbours of one role are one turn for the API too."""
        role = item.get("role")
        for block in objects(item.get("content")):
            kind = next(iter(without(block)), "")
            inner = bare(block.get(kind))
            fields: JsonObject = inner if isinstance(inner, dict) else {"value": inner}
            if kind == "cachePoint":
                continue
            if role != "assistant":
                yield {**_normal(fields), "role": role, "kind": "message", "mark": kind}
            elif kind in ("text", CITED):
                cited = {k: v for k, v in fields.items() if k not in ("content", "value")}
                yield {"role": role, "kind": "text", "text": _words(block), **cited}
            elif kind == "toolUse":
                yield {**fields, "role": role, "kind": "call", "mark": fields.get("name")}
            elif kind == "reasoningContent":
                yield {**fields, "role": role, "kind": "reasoning"}
            else:
                yield {**fields, "role": role, "kind": "hosted", "mark": kind}


def _normal(fields: JsonObject) -> JsonObject:
    """A result without the status that is the usual one."""
    return without(fields, "status") if fields.get("status") == "success" else fields


def _words(block: JsonObject) -> str:
    text = block.get("text")
    cited = objects(object_in(block, CITED).get("content"))
    return text if isinstance(text, str) else "".join(str(part.get("text")) for part in cited)


def _said(block: JsonObject) -> AssistantContent:
    if "text" in block:
        return Text(str(block["text"]))
    if CITED in block:
        kept = {CITED: object_in(block, CITED).get("citations")}
        return Text(_words(block), kept)
    if "toolUse" in block:
        call = object_in(block, "toolUse")
        given = call.get("input")
        arguments = given if isinstance(given, dict) else {}
        return ToolCall(str(call.get("toolUseId")), str(call.get("name")), arguments)
    if "reasoningContent" in block:
        thought = object_in(block, "reasoningContent", "reasoningText")
        secret = object_in(block, "reasoningContent").get("redactedContent")
        if isinstance(secret, str):
            return Reasoning((ReasoningRedacted(secret),), origin=NAME)
        signed = thought.get("signature")
        signature = signed if isinstance(signed, str) else None
        return Reasoning((ReasoningText(str(thought.get("text") or ""), signature),), origin=NAME)
    return ProviderBlock(next(iter(block), ""), block)


def _user(block: JsonObject) -> UserContent:
    if "toolResult" in block:
        return _result(object_in(block, "toolResult"))
    data, url = _where(block, "video")
    if data or url:
        ending = object_in(block, "video").get("format")
        return Video(data=data, url=url, media_type=f"video/{ending}")
    return _content(block)


def _result(result: JsonObject) -> ToolResult:
    content = tuple(_content(inner) for inner in objects(result.get("content")))
    failed = result.get("status") == "error"
    return ToolResult(str(result.get("toolUseId")), content, is_error=failed)


def _content(block: JsonObject) -> ToolResultContent:
    """In our words, where they say all of it; else in the provider's."""
    if isinstance(block.get("text"), str):
        return Text(str(block["text"]))
    data, url = _where(block, "image")
    if data or url:
        ending = object_in(block, "image").get("format")
        return Image(data=data, url=url, media_type=f"image/{ending}")
    document = object_in(block, "document")
    data, url = _where(block, "document")
    if (data or url) and not document.keys() & {"citations", "context"}:
        ending = document.get("format")
        media_type = f"application/{ending}" if ending == "pdf" else f"text/{ending}"
        return Document(data=data, url=url, media_type=media_type, name=str(document.get("name")))
    return ProviderBlock(next(iter(block), ""), block)


def _where(block: JsonObject, kind: str) -> tuple[str | None, str | None]:
    """The bytes of a file, or its address."""
    data = object_in(block, kind, "source").get("bytes")
    uri = object_in(block, kind, "source", "s3Location").get("uri")
    return data if isinstance(data, str) else None, uri if isinstance(uri, str) else None
