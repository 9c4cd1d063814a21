"""The messages of a request as Anthropic's content blocks."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Sequence

from rig_sync._json import Json, JsonObject
from rig_sync.completion import CompletionRequest
from rig_sync.errors import ConfigError
from rig_sync.message import (
    AssistantContent,
    AssistantMessage,
    Document,
    Image,
    Message,
    ProviderBlock,
    Reasoning,
    ReasoningRedacted,
    ReasoningText,
    Text,
    ToolCall,
    ToolResult,
    UserContent,
    UserMessage,
)
from rig_sync.wire.base import objects_in
from rig_sync.wire.blocks import in_messages
from rig_sync.wire.writing import joined_turns

__all__ = ["ContentWriter", "call_ids"]

_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")


def call_ids(messages: Iterable[Message]) -> dict[str, str]:
    """Every id of a tool call in `messages`, and the one that the API takes in its place.

    Ids of other providers may have letters that it refuses; no two become one.

    >>> call_ids([UserMessage((ToolResult("a.b", ()), ToolResult("a_b", ())))])
    {'a.b': 'a_b_2', 'a_b': 'a_b'}
    """
    ids = dict.fromkeys(
        part.id
        for message in messages
        if isinstance(message, (AssistantMessage, UserMessage))
        for part in message.content
        if isinstance(part, (ToolCall, ToolResult))
    )
    taken = {name for name in ids if name and not _FOREIGN.search(name)}
    written: dict[str, str] = {}
    for name in ids:
        wanted = candidate = _FOREIGN.sub("_", name) or "call"
        number = 1
        while candidate != name and candidate in taken:
            number += 1
            candidate = f"{wanted}_{number}"
        taken.add(candidate)
        written[name] = candidate
    return written


class ContentWriter:
    """Writes the messages of one request.

    Args:
        request: Whose messages; its documents come first.
        citations: Documents may be cited.
        unsigned_thinking: Thoughts without a signature go back too.
    """

    def __init__(
        self, request: CompletionRequest, *, citations: bool, unsigned_thinking: bool
    ) -> None:
        self._request = request
        self._citations = citations
        self._unsigned = unsigned_thinking
        self._ids = call_ids(request.messages)

    def turns(self) -> list[tuple[str, list[JsonObject]]]:
        """Role and blocks of each message: user and assistant in turn, neighbours made one.

        In a user message the results of tools come first, as the API wants them.
        """
        turns = joined_turns(self._messages())
        return [(role, sorted(blocks, key=_after_results)) for role, blocks in turns]

    def _messages(self) -> Iterator[tuple[str, list[JsonObject]]]:
        yield "user", [self._document(document) for document in self._request.documents]
        for message in self._request.messages:
            if isinstance(message, UserMessage):
                for said in in_messages(message.content, self._from_user):
                    yield str(said["role"]), _blocks(said.get("content"))
            elif isinstance(message, AssistantMessage):
                parts = message.content
                yield "assistant", [block for part in parts for block in self._assistant(part)]

    # what the user says ------------------------------------------------------------------------

    def _from_user(self, parts: Sequence[UserContent]) -> JsonObject:
        return {"role": "user", "content": [block for part in parts for block in self._user(part)]}

    def _user(self, part: UserContent) -> Iterator[JsonObject]:
        if isinstance(part, Text):
            yield from _text(part)
        elif isinstance(part, Image):
            yield _image(part)
        elif isinstance(part, Document):
            yield self._document(part)
        elif isinstance(part, ToolResult):
            yield self._result(part)
        elif isinstance(part, ProviderBlock):
            yield dict(part.payload)
        else:
            raise ConfigError(
                f"the Messages API cannot carry {part!r}: give text, images, "
                "and documents that are PDF or text"
            )

    def _result(self, result: ToolResult) -> JsonObject:
        content: Json = result.text
        if result.media:
            content = [block for part in result.content for block in self._user(part)]
        block: JsonObject = {"type": "tool_result", "tool_use_id": self._ids[result.id]}
        if result.is_error:
            return {**block, "content": content or "error", "is_error": True}
        return {**block, "content": content}

    def _document(self, part: Document) -> JsonObject:
        block: JsonObject = {"type": "document", "source": _document_source(part)}
        if part.name is not None:
            block["title"] = part.name
        if self._citations:
            block["citations"] = {"enabled": True}
        return block

    # what the model said -----------------------------------------------------------------------

    def _assistant(self, part: AssistantContent) -> Iterator[JsonObject]:
        """Block for block, in the order in which the model made them."""
        if isinstance(part, Text):
            yield from _text(part)
        elif isinstance(part, ToolCall):
            yield self._call(part)
        elif isinstance(part, Reasoning):
            yield from self._thoughts(part)
        elif isinstance(part, ProviderBlock):
            yield dict(part.payload)
        else:
            raise ConfigError(f"the Messages API takes no {part!r} back in the history")

    def _call(self, call: ToolCall) -> JsonObject:
        block: JsonObject = {
            "type": "tool_use",
            "id": self._ids[call.id],
            "name": call.name,
            "input": call.arguments,
        }
        caller = (call.provider_data or {}).get("caller")
        if isinstance(caller, dict):
            block["caller"] = caller
        return _marked(block, call.provider_data)

    def _thoughts(self, reasoning: Reasoning) -> Iterator[JsonObject]:
        for part in reasoning.content:
            if isinstance(part, ReasoningRedacted):
                yield {"type": "redacted_thinking", "data": part.data}
            elif isinstance(part, ReasoningText):
                block: JsonObject = {"type": "thinking", "thinking": part.text}
                if part.signature:
                    yield {**block, "signature": part.signature}
                elif self._unsigned and part.text:
                    yield block


def _blocks(content: Json) -> list[JsonObject]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [dict(block) for block in objects_in(content)]


def _after_results(block: JsonObject) -> bool:
    return block.get("type") != "tool_result"


def _text(part: Text) -> Iterator[JsonObject]:
    """The block; none for white space alone, which the API refuses, though its models write it."""
    if not part.text.strip():
        return
    block: JsonObject = {"type": "text", "text": part.text}
    cited = (part.provider_data or {}).get("citations")
    if isinstance(cited, list) and cited and all(map(_is_location, cited)):
        block["citations"] = cited
    yield _marked(block, part.provider_data)


def _is_location(citation: Json) -> bool:
    """Whether it is one of this API's: other providers have citations of their own shape."""
    return isinstance(citation, dict) and str(citation.get("type")).endswith("_location")


def _marked(block: JsonObject, kept: JsonObject | None) -> JsonObject:
    """With the cache marker that the caller put on the part."""
    marker = (kept or {}).get("cache_control")
    return {**block, "cache_control": marker} if isinstance(marker, dict) else block


def _image(part: Image) -> JsonObject:
    block: JsonObject = {"type": "image", "source": _source(part)}
    return _marked(block, part.provider_data)


def _source(part: Image | Document) -> JsonObject:
    """Bytes, an address or an uploaded file."""
    if part.file_id is not None:
        return {"type": "file", "file_id": part.file_id}
    media_type, data, url = part.media_type, part.data, part.url or ""
    if url.startswith("data:"):  # the API fetches http alone
        head, _, data = url.partition(",")
        media_type = head.removeprefix("data:").partition(";")[0]
    if data is None:
        return {"type": "url", "url": url}
    if not media_type:
        raise ConfigError(f"the Messages API has to know what {part!r} is: give its media_type")
    return {"type": "base64", "media_type": media_type, "data": data}


def _document_source(part: Document) -> JsonObject:
    if part.text is not None:
        return {"type": "text", "media_type": "text/plain", "data": part.text}
    source = _source(part)
    media_type, data = str(source.get("media_type")), str(source.get("data"))
    if source["type"] != "base64" or media_type == "application/pdf":
        return source
    if not media_type.startswith("text/"):
        raise ConfigError(
            f"the Messages API reads PDF and text, not {part!r}: "
            "convert it, or give what it says as Document(text=...)"
        )
    text = base64.b64decode(data).decode("utf-8", "replace")
    return {"type": "text", "media_type": "text/plain", "data": text}
