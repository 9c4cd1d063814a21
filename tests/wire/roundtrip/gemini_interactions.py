"""The history of an interaction: `input`, a list of steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rig_sync._json import Json, JsonObject, compact
from rig_sync.message import (
    AssistantContent,
    AssistantMessage,
    BaseMessage,
    ProviderBlock,
    Reasoning,
    ReasoningText,
    Text,
    ToolCall,
    ToolResult,
    UserContent,
    UserMessage,
)
from rig_sync.wire.base import object_in
from tests.wire.roundtrip.reader import Said, bare, objects, text_of

__all__ = ["InteractionsReader"]


class InteractionsReader:
    """Reads interactions."""

    joined = True
    loose_ids = False

    def history(self, body: JsonObject) -> list[JsonObject]:
        """The steps; one of the user's for an input that is a text."""
        given = body.get("input")
        if isinstance(given, str):
            return [{"type": "user_input", "content": [{"type": "text", "text": given}]}]
        return objects([given] if isinstance(given, dict) else given)

    def by_model(self, item: JsonObject) -> bool:
        """All but what the user's side gave."""
        return item.get("type") not in ("user_input", "function_result", "text")

    def said(self, items: Sequence[JsonObject]) -> Said:
        """Of all steps together."""
        calls = [item for item in items if item.get("type") == "function_call"]
        ids = (item.get(name) for item in items for name in ("id", "signature"))
        return Said(
            frozenset(name for name in ids if isinstance(name, str)),
            tuple((str(call.get("name")), call.get("arguments") or {}) for call in calls),
            "".join(text_of(item.get("content")) for item in items),
        )

    def message(self, item: JsonObject) -> BaseMessage:
        """Block for block."""
        if self.by_model(item):
            return AssistantMessage(tuple(_said(item)))
        return UserMessage(tuple(_user(block) for block in _given(item)))

    def parts(self, item: JsonObject) -> Iterator[JsonObject]:
        """One for each block of a message, and one for each other step."""
        kind, slim = item.get("type"), bare(item)
        fields = slim if isinstance(slim, dict) else {}
        if not self.by_model(item):
            for block in _given(fields):
                yield {**block, "role": "user", "kind": "message", "mark": block.get("type")}
        elif kind == "model_output":
            for block in _blocks(fields.get("content")):
                yield {**block, "role": "assistant", "kind": "text"}
        elif kind == "function_call":
            yield {**fields, "role": "assistant", "kind": "call", "mark": item.get("name")}
        elif kind == "thought":
            yield {**fields, "role": "assistant", "kind": "reasoning"}
        else:
            yield {**fields, "role": "assistant", "kind": "hosted", "mark": kind}


def _given(item: JsonObject) -> list[JsonObject]:
    return _blocks(item.get("content")) if item.get("type") == "user_input" else [item]


def _blocks(content: Json) -> list[JsonObject]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else objects(content)


def _said(item: JsonObject) -> Iterator[AssistantContent]:
    kind, signed = item.get("type"), item.get("signature")
    signature = signed if isinstance(signed, str) else None
    if kind == "model_output":
        for block in _blocks(item.get("content")):
            text = block.get("type") == "text"
            yield Text(str(block.get("text"))) if text else ProviderBlock("content", block)
    elif kind == "function_call":
        given = object_in(item, "arguments")
        yield ToolCall(str(item.get("id")), str(item.get("name")), given, signature=signature)
    elif kind == "thought":
        yield Reasoning((ReasoningText(text_of(item.get("summary")), signature),))
    else:
        yield ProviderBlock(str(kind), item)


def _user(block: JsonObject) -> UserContent:
    if block.get("type") == "text":
        return Text(str(block.get("text")))
    if block.get("type") == "function_result":
        result = block.get("result")
        listed = [ProviderBlock(str(part.get("type")), part) for part in objects(result)]
        text = Text(result if isinstance(result, str) else compact(result))
        name = block.get("name")
        known = name if isinstance(name, str) else None
        return ToolResult(str(block.get("call_id")), tuple(listed) or (text,), known)
    return ProviderBlock(str(block.get("type")), block)
