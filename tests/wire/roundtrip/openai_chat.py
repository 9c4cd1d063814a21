"""The history of a chat completion: `messages`, each of them one message of ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rig_sync._json import Json, JsonObject, compact
from rig_sync.message import (
    AssistantContent,
    AssistantMessage,
    Audio,
    BaseMessage,
    Document,
    Image,
    ProviderBlock,
    Reasoning,
    ReasoningText,
    SystemMessage,
    Text,
    ToolCall,
    ToolResult,
    UserContent,
    UserMessage,
    Video,
)
from tests.wire.roundtrip.reader import Said, canonical, detail_of, objects, plain, text_of, without

__all__ = ["ChatReader"]

THOUGHTS = ("reasoning_content", "reasoning", "reasoning_details")
SYSTEM = ("system", "developer")
"""One role: models that think take `system` for `developer`, all others the other way round."""

OPTIONAL = ("name", "prefix", "annotations", "cache_control", "index")


class ChatReader:
    """Reads chat completions."""

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
        named = [_function(call) for call in calls]
        return Said(
            frozenset(str(call["id"]) for call in calls if call.get("id")),
            tuple((str(f.get("name")), canonical(f.get("arguments"))) for f in named),
            "".join(text_of(item.get("content")) for item in items),
        )

    def message(self, item: JsonObject) -> BaseMessage | None:
        """Nothing for results that are more than text: ours send the rest after them."""
        role, content = item.get("role"), item.get("content")
        if role in SYSTEM and _only_text(content):
            return SystemMessage(text_of(content))
        if role == "tool":
            told = tuple(part for part in _parts(content) if isinstance(part, Text))
            answer = ToolResult(str(item.get("tool_call_id")), told)
            return UserMessage((answer,)) if _only_text(content) else None
        if role == "user":
            return UserMessage(tuple(_parts(content)))
        if role == "assistant" and _only_text(content):
            return AssistantMessage(tuple(_assistant(item)))
        return UserMessage((ProviderBlock("message", item),))

    def parts(self, item: JsonObject) -> Iterator[JsonObject]:
        """Of an assistant's message one for each field; of any other one with all."""
        role, slim = item.get("role"), without(item, *OPTIONAL)
        content = plain(_without_hints(slim.pop("content", None)))
        if role != "assistant":
            text = text_of(content) if role != "user" and _only_text(content) else content
            role = "system" if role in SYSTEM else role
            yield {**slim, "role": role, "kind": "message", "content": text}
            return
        said = [*_thoughts(slim, content), *_texts(content)]
        calls = [_call(call) for call in objects(slim.pop("tool_calls", None))]
        rest = {name: value for name, value in slim.items() if name != "role"}
        if rest:
            said.append({"kind": "other", **rest})
        if not said and not calls:
            said.append({"kind": "text", "text": ""})
        yield from ({"role": "assistant", **part} for part in (*said, *calls))


def _thoughts(slim: JsonObject, content: Json) -> Iterator[JsonObject]:
    for field in THOUGHTS:
        value = slim.pop(field, None)
        if isinstance(value, list):  # their order is that of the list
            value = [without(entry, "format", "index") for entry in objects(value)]
        if value:
            yield {"kind": "reasoning", "mark": field, "value": value}
    for part in objects(content):
        if part.get("type") != "text":
            yield {"kind": "reasoning", "mark": "content", "value": part}


def _texts(content: Json) -> Iterator[JsonObject]:
    if text := text_of(content):
        yield {"kind": "text", "text": text}


def _function(call: JsonObject) -> JsonObject:
    function = call.get("function")
    return function if isinstance(function, dict) else {}


def _call(call: JsonObject) -> JsonObject:
    slim = without(call, "index")
    if slim.setdefault("type", "function") == "function":
        function = without(_function(call))
        slim["function"] = {**function, "arguments": canonical(function.get("arguments"))}
    return {"kind": "call", "mark": str(_function(call).get("name")), **slim}


def _only_text(content: Json) -> bool:
    if content is None or isinstance(content, str):
        return True
    return isinstance(content, list) and all(
        isinstance(part, dict) and part.get("type") == "text" for part in content
    )


def _without_hints(content: Json) -> Json:
    if not isinstance(content, list):
        return content
    return [without(part, "cache_control") if isinstance(part, dict) else part for part in content]


def _parts(content: Json) -> Iterator[UserContent]:
    """In our words, where they say all of it; else in the provider's."""
    if isinstance(content, str):
        yield Text(content)
    for part in objects(content):
        yield _part(part) or ProviderBlock(str(part.get("type")), part)


def _part(part: JsonObject) -> UserContent | None:
    kind = str(part.get("type"))
    inner = part.get(kind)
    if kind == "text":
        return Text(str(part.get("text") or ""))
    if not isinstance(inner, dict):
        return None
    if kind == "image_url" and isinstance(inner.get("url"), str):
        return Image(url=str(inner["url"]), detail=detail_of(inner.get("detail")))
    if kind == "video_url" and isinstance(inner.get("url"), str):
        return Video(url=str(inner["url"]))
    if kind == "input_audio":
        return Audio(data=str(inner.get("data")), media_type=f"audio/{inner.get('format')}")
    if kind == "file" and isinstance(inner.get("file_id"), str):
        return Document(file_id=str(inner["file_id"]))
    if kind == "file" and isinstance(inner.get("file_data"), str):
        head, _, data = str(inner["file_data"]).partition(";base64,")
        name = inner.get("filename")
        if data and isinstance(name, str):
            return Document(data=data, media_type=head.removeprefix("data:"), name=name)
    return None


def _assistant(item: JsonObject) -> Iterator[AssistantContent]:
    details = objects(item.get("reasoning_details"))
    if details:
        yield Reasoning(provider_data={"reasoning_details": list(details)})
    for field in THOUGHTS[:2]:
        thought = item.get(field)
        if isinstance(thought, str) and thought:
            yield Reasoning((ReasoningText(thought),))
    if text := text_of(item.get("content")):
        yield Text(text)
    for call in objects(item.get("tool_calls")):
        yield _tool_call(call)


def _tool_call(call: JsonObject) -> ToolCall:
    call_id, custom = str(call.get("id") or ""), call.get("custom")
    if isinstance(custom, dict):
        given = {"input": custom.get("input")}
        return ToolCall(call_id, str(custom.get("name")), given, provider_data={"type": "custom"})
    function = _function(call)
    arguments = canonical(function.get("arguments"))
    extra = {"extra_content": call["extra_content"]} if call.get("extra_content") else None
    return ToolCall(
        call_id,
        str(function.get("name")),
        arguments if isinstance(arguments, dict) else {},
        malformed=None if isinstance(arguments, dict) else compact(arguments),
        provider_data=extra,
    )
