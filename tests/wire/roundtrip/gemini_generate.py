"""The history of a generateContent call: `contents`, whose parts may be in either spelling."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rig_sync._json import JsonObject, compact
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
    Text,
    ToolCall,
    ToolResult,
    UserContent,
    UserMessage,
    Video,
)
from rig_sync.wire.base import object_in, word_in
from tests.wire.roundtrip.reader import Said, objects

__all__ = ["GeminiReader"]

MEDIA: dict[str, type[Image | Audio | Video]] = {"image": Image, "audio": Audio, "video": Video}
BASE64 = ("thoughtSignature", "data")
STANDARD = str.maketrans("-_", "+/")
FREE = ("args", "response", "parameters")
"""Fields whose own fields are the tool's."""


class GeminiReader:
    """Reads generateContent calls."""

    joined = False
    loose_ids = True

    def history(self, body: JsonObject) -> list[JsonObject]:
        """Every turn; the system prompt is elsewhere."""
        contents = body.get("contents")
        return objects([contents] if isinstance(contents, dict) else contents)

    def by_model(self, item: JsonObject) -> bool:
        """By its role."""
        return item.get("role") == "model"

    def said(self, items: Sequence[JsonObject]) -> Said:
        """Of all parts; thoughts are no words."""
        parts = [part for item in items for part in _parts(item)]
        calls = [object_in(part, "functionCall") for part in parts if "functionCall" in part]
        signed = (part.get("thoughtSignature") for part in parts)
        return Said(
            frozenset(name for name in signed if isinstance(name, str)),
            tuple((str(call.get("name")), call.get("args") or {}) for call in calls),
            "".join(str(part.get("text") or "") for part in parts if not part.get("thought")),
        )

    def message(self, item: JsonObject) -> BaseMessage:
        """Part for part."""
        if self.by_model(item):
            return AssistantMessage(tuple(_said(part) for part in _parts(item)))
        return UserMessage(tuple(_user(part) for part in _parts(item)))

    def parts(self, item: JsonObject) -> Iterator[JsonObject]:
        """One for each part: neighbours of one role are one turn for us."""
        model = self.by_model(item)
        role = "assistant" if model else "user"
        for part in _parts(item):
            kind = next((name for name in part if name not in ("thought", "thoughtSignature")), "")
            signed = {"thoughtSignature": s} if (s := part.get("thoughtSignature")) else {}
            if kind in ("functionCall", "functionResponse"):
                fields = object_in(part, kind)
                shown = {"args": fields.get("args") or {}} if kind == "functionCall" else {}
                name = "call" if model else "message"
                yield {
                    **fields,
                    **shown,
                    **signed,
                    "role": role,
                    "kind": name,
                    "mark": fields.get("name"),
                }
            elif not model:
                yield {**part, "role": role, "kind": "message", "mark": kind}
            elif kind in ("text", ""):
                name = "reasoning" if part.get("thought") else "text"
                yield {"text": part.get("text", ""), **signed, "role": role, "kind": name}
            else:
                yield {**part, "role": role, "kind": "hosted", "mark": kind}


def _parts(item: JsonObject) -> list[JsonObject]:
    """The parts in the one spelling, without null and false; plain texts in a row are one."""
    found: list[JsonObject] = []
    for part in objects(item.get("parts")):
        whole = {name: value for name, value in _camel(part).items() if value is not False}
        before = found[-1] if found else {}
        if whole.keys() == before.keys() == {"text"}:
            before["text"] = f"{before['text']}{whole['text']}"
        elif whole != {"text": ""} or item.get("role") == "model":
            found.append(whole)
    return found


def _camel(part: JsonObject) -> JsonObject:
    """The other spelling has `function_call`, and base64 with another alphabet."""
    named: JsonObject = {}
    for name, value in part.items():
        plain = re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
        if value is None:
            continue
        if isinstance(value, dict) and name not in FREE:
            value = _camel(value)
        elif isinstance(value, list) and name == "parts":
            value = [_camel(entry) for entry in objects(value)]
        elif plain in BASE64 and isinstance(value, str):
            value = value.translate(STANDARD)
        named[plain] = value
    return named


def _said(part: JsonObject) -> AssistantContent:
    signed = part.get("thoughtSignature")
    signature = signed if isinstance(signed, str) else None
    if "functionCall" in part:
        call = object_in(part, "functionCall")
        kept: JsonObject = {"functionCall": {"id": call["id"]}} if call.get("id") else {}
        name, given = str(call.get("name")), object_in(call, "args")
        return ToolCall(
            str(call.get("id") or ""), name, given, signature=signature, provider_data=kept or None
        )
    if isinstance(part.get("text"), str) or not part.keys() - {"thoughtSignature"}:
        text = str(part.get("text") or "")
        if part.get("thought"):
            return Reasoning((ReasoningText(text, signature),))
        return Text(text, {"thoughtSignature": signature} if signature else None)
    return ProviderBlock(next(iter(part)), part)


def _user(part: JsonObject) -> UserContent:
    if isinstance(part.get("text"), str):
        return Text(str(part["text"]))
    if "functionResponse" in part:
        answer = object_in(part, "functionResponse")
        shown = [(inner, _media(inner)) for inner in objects(answer.get("parts"))]
        files = (
            file if isinstance(file, (Image, Document)) else ProviderBlock("part", inner)
            for inner, file in shown
        )
        told = object_in(answer, "response")
        failed = word_in(told, "error") if len(told) == 1 else None
        text = Text(failed or compact(told))
        call_id, name = str(answer.get("id") or ""), str(answer.get("name"))
        return ToolResult(call_id, (text, *files), name, is_error=failed is not None)
    return _media(part) or ProviderBlock(next(iter(part), ""), part)


def _media(part: JsonObject) -> Image | Audio | Video | Document | None:
    inline, where = object_in(part, "inlineData"), object_in(part, "fileData")
    told = inline.get("mimeType") or where.get("mimeType")
    media_type = told if isinstance(told, str) else None
    if len(part) > 1:  # how to look at it, which ours cannot say
        return None
    kind = (media_type or "").partition("/")[0]
    made: type[Image | Audio | Video | Document] = MEDIA.get(kind, Document)
    if isinstance(inline.get("data"), str):
        return made(data=str(inline["data"]), media_type=media_type)
    if isinstance(where.get("fileUri"), str):
        return made(url=str(where["fileUri"]), media_type=media_type)
    return None
