"""The history of a Responses call: `input`, a list of items."""

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
    ReasoningContent,
    ReasoningEncrypted,
    ReasoningSummary,
    ReasoningText,
    SystemMessage,
    Text,
    ToolCall,
    ToolResult,
    ToolResultContent,
    UserMessage,
)
from tests.wire.roundtrip.reader import Said, bare, canonical, detail_of, objects, text_of, without

__all__ = ["ResponsesReader"]

OURS = ("user", "system", "developer")
SYSTEM = ("system", "developer")
"""One role: models that think take `system` for `developer`, all others the other way round."""

GIVEN = ("item_reference", "mcp_approval_response", "additional_tools")
"""Items of the user's side that are no results."""

RESULTS = ("function_call_output", "custom_tool_call_output")
CALLS = ("function_call", "custom_tool_call")
CALL_FIELDS = ("type", "id", "call_id", "name", "status", "arguments")
HINTS = ("annotations", "logprobs", "cache_control")


class ResponsesReader:
    """Reads Responses calls."""

    joined = True
    loose_ids = False

    def history(self, body: JsonObject) -> list[JsonObject]:
        """The items; one user message for an input that is a text."""
        given = body.get("input")
        if isinstance(given, str):
            return [{"role": "user", "content": given}]
        return objects(given)

    def by_model(self, item: JsonObject) -> bool:
        """All but what the user's side gives, and the results of tools that ran here."""
        if item.get("role") in OURS or item.get("type") in GIVEN:
            return False
        kind = str(item.get("type") or "message")
        if not kind.endswith("_output"):
            return True
        return kind not in RESULTS and bool(item.get("id")) and item.get("execution") != "client"

    def said(self, items: Sequence[JsonObject]) -> Said:
        """Of all items together."""
        calls = [item for item in items if item.get("type") in CALLS]
        ids = (item.get(name) for item in items for name in ("call_id", "id"))
        return Said(
            frozenset(name for name in ids if isinstance(name, str)),
            tuple(
                (str(c.get("name")), canonical(c.get("arguments", c.get("input")))) for c in calls
            ),
            "".join(_words(item) for item in items),
        )

    def message(self, item: JsonObject) -> BaseMessage:
        """What only this API has, is an item in its own words."""
        kind, role, content = item.get("type") or "message", item.get("role"), item.get("content")
        if kind in RESULTS:
            return UserMessage(
                (
                    ToolResult(
                        str(item.get("call_id")),
                        tuple(_parts(item)),
                    ),
                )
            )
        if kind == "message" and role in SYSTEM and _only_text(content):
            return SystemMessage(text_of(content))
        if kind == "message" and role == "user":
            parts = list(_parts(item))
            if not any(isinstance(part, ProviderBlock) for part in parts):
                return UserMessage(tuple(parts))
        if self.by_model(item):
            return AssistantMessage(tuple(_said(item)))
        return UserMessage((ProviderBlock(str(kind), item),))

    def parts(self, item: JsonObject) -> Iterator[JsonObject]:
        """One for each item; ids are optional but on reasoning and on hosted tools."""
        kind = str(item.get("type") or "message")
        slim = without(item, "status")
        for field in ("content", "output"):
            if field in slim:
                slim[field] = _plain(slim[field])
        if not self.by_model(item):
            role = item.get("role", "tool")
            role = "system" if role in SYSTEM else role
            yield {**slim, "role": role, "type": kind, "kind": "message"}
        elif kind == "message":
            slim.pop("id", None)
            slim["text"] = text_of(slim.get("content"))
            if _only_text(slim.get("content")):
                slim.pop("content")
            yield {**slim, "kind": "text", "type": kind}
        elif kind in CALLS:
            slim.pop("id", None)
            if kind == "function_call":
                slim["arguments"] = canonical(slim.get("arguments"))
            yield {**slim, "kind": "call", "mark": item.get("name"), "role": "assistant"}
        elif kind == "reasoning":
            yield {**slim, "kind": "reasoning", "role": "assistant"}
        else:
            deep = {name: bare(value) for name, value in slim.items()}
            yield {**deep, "kind": "hosted", "mark": kind, "role": "assistant"}


def _words(item: JsonObject) -> str:
    return text_of(item.get("content")) if item.get("type", "message") == "message" else ""


def _plain(content: Json) -> Json:
    if not isinstance(content, list):
        return content
    parts: list[Json] = [
        without(part, *HINTS) if isinstance(part, dict) else part for part in content
    ]
    only = parts[0] if len(parts) == 1 else None
    if (
        isinstance(only, dict)
        and set(only) == {"type", "text"}
        and only["type"] != "reasoning_text"
    ):
        return only["text"]
    return parts


def _only_text(content: Json) -> bool:
    if isinstance(content, str):
        return True
    return isinstance(content, list) and all(
        isinstance(part, dict) and part.get("type") in ("input_text", "output_text")
        for part in content
    )


def _parts(item: JsonObject) -> Iterator[ToolResultContent]:
    """In our words, where they say all of it; else in the provider's."""
    content = item.get("content", item.get("output"))
    if isinstance(content, str):
        yield Text(content)
    for part in objects(content):
        yield _part(part) or ProviderBlock(str(part.get("type")), part)


def _part(part: JsonObject) -> Text | Image | Document | None:
    def text(name: str) -> str | None:
        value = part.get(name)
        return value if isinstance(value, str) else None

    kind = part.get("type")
    if kind == "input_text":
        return Text(text("text") or "")
    if kind == "input_image" and (text("image_url") or text("file_id")):
        detail = detail_of(part.get("detail"))
        return Image(url=text("image_url"), file_id=text("file_id"), detail=detail)
    if kind == "input_file" and (data := text("file_data")):
        head, _, content = data.partition(";base64,")
        media_type = head.removeprefix("data:")
        return Document(data=content, media_type=media_type, name=text("filename"))
    if kind == "input_file" and (text("file_id") or text("file_url")):
        return Document(url=text("file_url"), file_id=text("file_id"))
    return None


def _said(item: JsonObject) -> Iterator[AssistantContent]:
    kind = item.get("type") or "message"
    if kind == "message":
        kept = {name: item[name] for name in ("id", "status", "phase") if item.get(name)}
        yield Text(text_of(item.get("content")), kept or None)
    elif kind == "function_call":
        arguments = canonical(item.get("arguments"))
        known = isinstance(arguments, dict)
        yield ToolCall(
            str(item.get("call_id")),
            str(item.get("name")),
            arguments if isinstance(arguments, dict) else {},
            item_id=str(item["id"]) if item.get("id") else None,
            malformed=None if known else compact(arguments),
            provider_data=without(item, *CALL_FIELDS) or None,
        )
    elif kind == "custom_tool_call":
        name, given = str(item.get("name")), {"input": item.get("input")}
        yield ToolCall(str(item.get("call_id")), name, given, provider_data={"type": kind})
    elif kind == "reasoning":
        content: list[ReasoningContent] = [
            ReasoningSummary(str(part.get("text"))) for part in objects(item.get("summary"))
        ]
        content += [ReasoningText(str(part.get("text"))) for part in objects(item.get("content"))]
        if item.get("encrypted_content"):
            content.append(ReasoningEncrypted(str(item["encrypted_content"])))
        yield Reasoning(tuple(content), str(item["id"]) if item.get("id") else None)
    else:
        yield ProviderBlock(str(kind), item)
