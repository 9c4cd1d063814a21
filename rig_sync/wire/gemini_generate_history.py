"""A conversation as Gemini's contents: what was said, called and answered, and whose turn it was.

A signature goes back on the part that it came on. Results find their calls by id where the
provider gave one, and else by name and order.

Source: https://ai.google.dev/gemini-api/docs/thought-signatures
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rig_sync._json import Json, JsonObject, parse
from rig_sync.errors import ConfigError
from rig_sync.message import (
    AssistantContent,
    Audio,
    Document,
    Image,
    ProviderBlock,
    Reasoning,
    ReasoningSummary,
    ReasoningText,
    Text,
    ToolCall,
    ToolResult,
    UserContent,
    Video,
)
from rig_sync.wire.base import object_in
from rig_sync.wire.openai_chat_request import document_text

__all__ = ["History"]

UNSIGNED = "skip_thought_signature_validator"
"""Google's word for a call that another model made; without a signature Gemini 3 refuses it."""


class History:
    """Takes the turns in order."""

    def __init__(self, model: str) -> None:
        self._turns: list[tuple[str, list[Json]]] = []
        self._signed = model.startswith("gemini-") and model[7:8] not in ("1", "2")
        self._calls: dict[str, ToolCall] = {}
        self._places: dict[str, int] = {}  # in the order in which the calls were made
        self._made = 0

    @property
    def contents(self) -> list[Json]:
        """The turns so far, as Gemini takes them; neighbours of one role are one."""
        return [{"role": role, "parts": parts} for role, parts in self._turns]

    def add(self, role: str, content: Sequence[UserContent | AssistantContent]) -> None:
        """All that one side said in its turn."""
        parts: list[Json] = []
        for part in self._in_order(content):
            parts += self._parts(part)
        if role == "model" and self._signed:
            _sign(parts)
        if parts and self._turns and self._turns[-1][0] == role:
            self._turns[-1][1].extend(parts)
        elif parts:
            self._turns.append((role, parts))

    def _in_order(
        self, content: Sequence[UserContent | AssistantContent]
    ) -> list[UserContent | AssistantContent]:
        """Results first; those of one tool in the order of its calls, for want of ids."""
        results = [part for part in content if isinstance(part, ToolResult)]
        by_tool: dict[str | None, list[ToolResult]] = {}
        for result in sorted(results, key=lambda result: self._places.get(result.id, -1)):
            by_tool.setdefault(self._tool(result), []).append(result)
        queues = {name: iter(queue) for name, queue in by_tool.items()}
        others = [part for part in content if not isinstance(part, ToolResult)]
        return [*(next(queues[self._tool(result)]) for result in results), *others]

    def _tool(self, result: ToolResult) -> str | None:
        call = self._calls.get(result.id)
        return result.name or (call.name if call is not None else None)

    def _parts(self, part: UserContent | AssistantContent) -> Iterator[JsonObject]:
        if isinstance(part, Text):
            yield from _text(part)
        elif isinstance(part, ToolCall):
            self._calls[part.id] = part  # ids of ours may come again: the last one counts
            self._places[part.id] = self._made = self._made + 1
            yield _call(part)
        elif isinstance(part, ToolResult):
            yield _result(part, self._tool(part), self._calls.get(part.id))
        elif isinstance(part, Reasoning):
            yield from _reasoning(part)
        elif isinstance(part, ProviderBlock):
            yield part.payload
        elif isinstance(part, Document) and part.text is not None:
            yield {"text": document_text(part)}
        else:
            yield _media(part)


def _sign(parts: Sequence[Json]) -> None:
    """The first call of a turn needs a signature; those of its neighbours need none."""
    calls = (part for part in parts if isinstance(part, dict) and "functionCall" in part)
    first = next(calls, None)
    if first is not None:
        first.setdefault("thoughtSignature", UNSIGNED)


def _text(part: Text) -> Iterator[JsonObject]:
    signed = _signature(part.provider_data)
    if part.text or signed:
        yield {"text": part.text, **signed}


def _call(call: ToolCall) -> JsonObject:
    function: JsonObject = {"name": call.name, "args": call.arguments, **_given_id(call)}
    return {"functionCall": function, **_signed(call.signature)}


def _result(result: ToolResult, name: str | None, call: ToolCall | None) -> JsonObject:
    if name is None:
        raise ConfigError(
            f"Gemini wants the name of the tool that answered {result.id!r}: give "
            "ToolResult(name=...), or keep the message with the call in the history"
        )
    response: JsonObject = {"name": name, "response": _response(result)}
    if call is not None:
        response.update(_given_id(call))
    media: list[Json] = [
        part.payload if isinstance(part, ProviderBlock) else _media(part) for part in result.media
    ]
    if media:
        response["parts"] = media
    return {"functionResponse": response}


def _given_id(call: ToolCall) -> JsonObject:
    """The id that Gemini gave the call, if it did; ours would mean nothing to it."""
    name = object_in(call.provider_data, "functionCall").get("id")
    return {"id": name} if isinstance(name, str) else {}


def _response(result: ToolResult) -> JsonObject:
    """Always an object: the tool's own if its text is one, else `result` or `error`."""
    text = result.text
    if result.is_error:
        return {"error": text}
    try:
        value = parse(text)
    except ValueError:
        value = text
    if isinstance(value, dict):
        return value
    if not text and result.content:
        return {}  # images alone
    return {"result": value if isinstance(value, list) else text}


def _reasoning(block: Reasoning) -> Iterator[JsonObject]:
    for part in block.content:
        if isinstance(part, ReasoningText):
            yield {"text": part.text, "thought": True, **_signed(part.signature)}
        elif isinstance(part, ReasoningSummary):
            yield {"text": part.text, "thought": True}


def _media(part: Image | Audio | Video | Document) -> JsonObject:
    kept = part.provider_data if isinstance(part, Image) else None
    if isinstance(part, Document) and part.text is not None:
        part = Document.from_bytes(part.text.encode(), part.media_type or "text/plain")
    if part.data is None:
        where: JsonObject = {"fileUri": part.url or part.file_id}
        if part.media_type is not None:
            where["mimeType"] = part.media_type
        return {"fileData": where, **_signature(kept)}
    if part.media_type is None:
        raise ConfigError(f"Gemini wants the type of {part!r}: give media_type, as 'image/png'")
    inline: JsonObject = {"mimeType": part.media_type, "data": part.data}
    return {"inlineData": inline, **_signature(kept)}


def _signature(provider_data: JsonObject | None) -> JsonObject:
    return _signed((provider_data or {}).get("thoughtSignature"))


def _signed(signature: Json) -> JsonObject:
    return {"thoughtSignature": signature} if isinstance(signature, str) else {}
