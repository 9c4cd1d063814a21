"""The history of a Converse call: `messages`, whose blocks have their kind as their one key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rig_sync._json import Json, JsonObject, compact
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
    UserContent,
    UserMessage,
    Video,
)
from rig_sync.wire.base import object_in
from rig_sync.wire.bedrock_converse import BedrockConverse
from tests.wire.roundtrip.reader import Said, bare, canonical, objects, without

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

    def message(self, item: JsonObject) -> BaseMessage | None:
        """Nothing where a block has no place in our values."""
        blocks = [block for block in objects(item.get("content")) if "cachePoint" not in block]
        if item.get("role") == "assistant":
            return AssistantMessage(tuple(_said(block) for block in blocks))
        parts = [_user(block) for block in blocks]
        known = tuple(part for part in parts if part is not None)
        return UserMessage(known) if len(known) == len(parts) else None

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
    """A result without the status that is the usual one; JSON the same as its text."""
    if fields.get("status") == "success":
        fields = without(fields, "status")
    if "toolUseId" in fields:
        told = [_value(part) for part in objects(fields.get("content"))]
        fields = {**fields, "content": [*told]}
    return fields


def _value(part: JsonObject) -> Json:
    if "text" in part:
        return canonical(part["text"])
    return part.get("json", part)


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


def _user(block: JsonObject) -> UserContent | None:
    if isinstance(block.get("text"), str):
        return Text(str(block["text"]))
    if "toolResult" in block:
        return _result(object_in(block, "toolResult"))
    for kind, made, prefix in (("image", Image, "image"), ("video", Video, "video")):
        data = object_in(block, kind, "source").get("bytes")
        if isinstance(data, str):
            ending = object_in(block, kind).get("format")
            return made(data=data, media_type=f"{prefix}/{ending}")
    document = object_in(block, "document")
    data = object_in(document, "source").get("bytes")
    if isinstance(data, str) and not document.keys() & {"citations", "context"}:
        ending = document.get("format")
        media_type = f"application/{ending}" if ending == "pdf" else f"text/{ending}"
        return Document(data=data, media_type=media_type, name=str(document.get("name")))
    return None


def _result(result: JsonObject) -> ToolResult | None:
    parts: list[Text | Image | Document] = []
    for inner in objects(result.get("content")):
        part = Text(compact(inner["json"])) if "json" in inner else _user(inner)
        if not isinstance(part, (Text, Image, Document)):
            return None
        parts.append(part)
    failed = result.get("status") == "error"
    return ToolResult(str(result.get("toolUseId")), tuple(parts), is_error=failed)
