"""The messages of a request as Converse's content blocks."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping

from rig_sync._json import JsonObject
from rig_sync.completion import CompletionRequest
from rig_sync.errors import ConfigError
from rig_sync.message import (
    AssistantContent,
    AssistantMessage,
    Audio,
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
from rig_sync.wire.anthropic_messages_content import call_ids
from rig_sync.wire.writing import joined_turns

__all__ = ["CITED", "ContentWriter"]

CITED = "citationsContent"
"""Under this name `Text.provider_data` holds what a text was taken from."""

# The word after the slash of a media type, or the ending of a name -> what Bedrock calls it.
_IMAGES = {"png": "png", "jpeg": "jpeg", "jpg": "jpeg", "gif": "gif", "webp": "webp"}
_VIDEOS = {
    **{name: name for name in ("mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv")},
    "x-matroska": "mkv",
    "quicktime": "mov",
    "x-flv": "flv",
    "x-ms-wmv": "wmv",
    "3gpp": "three_gp",
    "3gp": "three_gp",
}
_AUDIO = {
    **{name: name for name in ("mp3", "opus", "wav", "aac", "flac", "ogg", "m4a", "webm", "mp4")},
    "mpeg": "mp3",
    "x-wav": "wav",
    "x-flac": "flac",
    "x-m4a": "m4a",
}
_OFFICE = "vnd.openxmlformats-officedocument"
_DOCUMENTS = {
    **{name: name for name in ("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md")},
    "plain": "txt",
    "markdown": "md",
    "msword": "doc",
    f"{_OFFICE}.wordprocessingml.document": "docx",
    "vnd.ms-excel": "xls",
    f"{_OFFICE}.spreadsheetml.sheet": "xlsx",
}

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9\s()\[\]-]")
_NAME_LENGTH = 200


class ContentWriter:
    """Writes the messages of one request; its documents come first."""

    def __init__(self, request: CompletionRequest) -> None:
        self._request = request
        self._ids = call_ids(request.messages)
        self._names: set[str] = set()

    def turns(self) -> list[tuple[str, list[JsonObject]]]:
        """Role and blocks of each message: user and assistant in turn, neighbours made one.

        In a user message the results of tools come first. A message of which nothing is left, as
        one of white space, which Bedrock refuses, is left out.
        """
        return [
            (role, sorted(blocks, key=_after_results) if role == "user" else blocks)
            for role, blocks in joined_turns(self._messages())
        ]

    def _messages(self) -> Iterator[tuple[str, list[JsonObject]]]:
        yield "user", [self._document(document) for document in self._request.documents]
        for message in self._request.messages:
            if isinstance(message, UserMessage):
                yield "user", [block for part in message.content for block in self._user(part)]
            elif isinstance(message, AssistantMessage):
                parts = message.content
                yield "assistant", [block for part in parts for block in self._assistant(part)]

    # what the user says ------------------------------------------------------------------------

    def _user(self, part: UserContent) -> Iterator[JsonObject]:
        if isinstance(part, Text):
            yield from _text(part)
        elif isinstance(part, ToolResult):
            yield self._result(part)
        elif isinstance(part, Document):
            yield self._document(part)
        elif isinstance(part, ProviderBlock):
            yield part.payload
        elif isinstance(part, Image):
            yield _media("image", part, _IMAGES)
        elif isinstance(part, Video):
            yield _media("video", part, _VIDEOS)
        else:
            yield _media("audio", part, _AUDIO)

    def _result(self, result: ToolResult) -> JsonObject:
        content = [block for part in result.content for block in self._user(part)]
        encoded: JsonObject = {
            "toolUseId": self._ids[result.id],
            "content": [*content] or [{"text": "(empty)"}],  # some models refuse to get nothing
        }
        if result.is_error:
            encoded["status"] = "error"
        return {"toolResult": encoded}

    def _document(self, part: Document) -> JsonObject:
        fields: JsonObject = {"name": self._own_name(part.name or "Document")}
        if part.text is not None:
            data = base64.b64encode(part.text.encode()).decode()
            known = _format(part, _DOCUMENTS)
            fields.update(format=known or "txt", source={"bytes": data})
        else:
            source = _source(part)
            fields.update(format=_format(part, _DOCUMENTS) or _unnamed(part), source=source)
        return {"document": fields}

    def _own_name(self, name: str) -> str:
        """What Bedrock takes as a name in place of `name`: few signs, and no other's."""
        stem, dot, ending = name.rpartition(".")
        plain = stem if dot and ending.lower() in _DOCUMENTS else name
        plain = " ".join(_NOT_IN_NAMES.sub("-", plain).split())[:_NAME_LENGTH] or "Document"
        candidate, number = plain, 1
        while candidate in self._names:
            number += 1
            candidate = f"{plain[: _NAME_LENGTH - 8]} {number}"
        self._names.add(candidate)
        return candidate

    # what the model said -----------------------------------------------------------------------

    def _assistant(self, part: AssistantContent) -> Iterator[JsonObject]:
        """Block for block, in the order in which the model made them."""
        if isinstance(part, Text):
            yield from _text(part)
        elif isinstance(part, ToolCall):
            call: JsonObject = {
                "toolUseId": self._ids[part.id],
                "name": part.name,
                "input": part.arguments,
            }
            yield {"toolUse": call}
        elif isinstance(part, Image):
            yield _media("image", part, _IMAGES)
        elif isinstance(part, ProviderBlock):
            yield part.payload
        else:
            yield from _thoughts(part)


def _after_results(block: JsonObject) -> bool:
    return "toolResult" not in block


def _thoughts(reasoning: Reasoning) -> Iterator[JsonObject]:
    """What the model can check; thoughts without a signature are refused, or of no use to it."""
    for part in reasoning.content:
        if isinstance(part, ReasoningRedacted):
            yield {"reasoningContent": {"redactedContent": part.data}}
        elif isinstance(part, ReasoningText) and part.signature:
            whole: JsonObject = {"text": part.text, "signature": part.signature}
            yield {"reasoningContent": {"reasoningText": whole}}


def _text(part: Text) -> Iterator[JsonObject]:
    """The block, with what it was taken from, and the cache point that the caller put behind it."""
    kept = part.provider_data or {}
    if part.text.strip():
        block: JsonObject = {"text": part.text}
        if isinstance(kept.get(CITED), list):
            block = {CITED: {"content": [{"text": part.text}], "citations": kept[CITED]}}
        yield block
    if isinstance(kept.get("cachePoint"), dict):
        yield {"cachePoint": kept["cachePoint"]}


def _media(kind: str, part: Image | Audio | Video, formats: Mapping[str, str]) -> JsonObject:
    source = _source(part)
    return {kind: {"format": _format(part, formats) or _unnamed(part), "source": source}}


def _source(part: Image | Audio | Video | Document) -> JsonObject:
    if part.data is not None:
        return {"bytes": part.data}
    url = part.url or ""
    if url.startswith("s3://"):
        return {"s3Location": {"uri": url}}
    if url.startswith("data:"):
        return {"bytes": url.partition(",")[2]}
    raise ConfigError(f"Converse cannot fetch {part!r}: give the bytes, or an s3:// URL")


def _format(part: Image | Audio | Video | Document, formats: Mapping[str, str]) -> str | None:
    """By the media type; else by the ending of the name or the URL."""
    url = part.url or ""
    told = part.media_type or ""
    if not told and url.startswith("data:"):
        told = url[5:].partition(",")[0]
    if told:
        return formats.get(told.partition(";")[0].rpartition("/")[2].strip().lower())
    name = part.name if isinstance(part, Document) and part.name else url
    return formats.get(name.rpartition(".")[2].lower())


def _unnamed(part: Image | Audio | Video | Document) -> str:
    if isinstance(part, Document) and not part.media_type:
        return "pdf"
    raise ConfigError(
        f"Converse has no format for {part!r}: give a media_type that it knows, "
        "as image/png, video/mp4, audio/wav or application/pdf"
    )
