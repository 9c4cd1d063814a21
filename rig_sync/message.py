"""What a conversation is made of: messages, and the parts of their content.

Values only. Every one is a frozen `msgspec.Struct` with a tag, so a history goes to JSON with
`dump_messages` and comes back equal with `load_messages`. Names are Rig's (`rig::message`).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from rig_sync._json import JsonObject, loaded

__all__ = [
    "AssistantContent",
    "AssistantMessage",
    "Audio",
    "BaseMessage",
    "Document",
    "Image",
    "Message",
    "ProviderBlock",
    "Reasoning",
    "ReasoningContent",
    "ReasoningEncrypted",
    "ReasoningRedacted",
    "ReasoningSummary",
    "ReasoningText",
    "SystemMessage",
    "Text",
    "ToolCall",
    "ToolResult",
    "ToolResultContent",
    "UserContent",
    "UserMessage",
    "Video",
    "assistant",
    "dump_messages",
    "load_messages",
    "system",
    "unanswered_calls",
    "user",
]


class Text(Struct, frozen=True, tag="text", omit_defaults=True):
    """A piece of text: a part of a message, and in a stream one delta.

    `provider_data` is what the provider attached (ids, phase, citations); opaque, and sent back
    to the wire that made it.
    """

    text: str
    provider_data: JsonObject | None = None


M = TypeVar("M", bound="_Media")


class _Media(Struct, frozen=True, omit_defaults=True):
    """Bytes (base64), or where they are: exactly one of `data`, `url` and `file_id`."""

    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    media_type: str | None = None

    @classmethod
    def from_bytes(cls: type[M], content: bytes, media_type: str) -> M:
        """What is in `content`; `media_type` as `image/png`, `audio/wav` or `video/mp4`."""
        return cls(data=base64.b64encode(content).decode(), media_type=media_type)

    def __repr__(self) -> str:
        where = self.url or self.file_id or f"{len(self.data or '')} base64 characters"
        return f"{type(self).__name__}({self.media_type or 'unknown type'}, {where})"

    @property
    def data_url(self) -> str | None:
        """The content as a `data:` URL, or the URL itself; None for a file id.

        >>> Image(data="AAAA", media_type="image/png").data_url
        'data:image/png;base64,AAAA'
        """
        if self.data is None:
            return self.url
        return f"data:{self.media_type or 'application/octet-stream'};base64,{self.data}"


class Image(_Media, frozen=True, tag="image", omit_defaults=True):
    """An image; `detail` is how closely the model should look, where the provider can be told.

    `provider_data` is what the provider attached to one that it made; see `Text`.
    """

    detail: Literal["auto", "low", "high"] | None = None
    provider_data: JsonObject | None = None


class Audio(_Media, frozen=True, tag="audio", omit_defaults=True):
    """A sound recording."""


class Video(_Media, frozen=True, tag="video", omit_defaults=True):
    """A moving picture."""


class Document(_Media, frozen=True, tag="document", omit_defaults=True):
    """A file to read: a PDF (`data`, `url`, `file_id`) or plain `text`; `name` is its name."""

    text: str | None = None
    name: str | None = None

    @classmethod
    def from_bytes(cls, content: bytes, media_type: str, name: str | None = None) -> Document:
        """The file in `content`; `media_type` as `application/pdf`."""
        return msgspec.structs.replace(super().from_bytes(content, media_type), name=name)


class ToolCall(Struct, frozen=True, tag="tool_call", omit_defaults=True):
    """The model's wish to have `name` run with `arguments`; `id` joins it to its `ToolResult`.

    Attributes:
        id: Never empty: made here when the provider sent none.
        item_id: The provider's second id for the call as an item (Responses `fc_…`).
        malformed: The argument text as it came, when it was no JSON object; `arguments` is then
            empty and the tool never runs.
        internal_call_id: Set on stream items alone: the same on the call's deltas.
    """

    id: str
    name: str
    arguments: JsonObject = {}  # msgspec copies an empty default for every instance
    item_id: str | None = None
    signature: str | None = None
    malformed: str | None = None
    provider_data: JsonObject | None = None
    internal_call_id: str | None = None

    def __repr__(self) -> str:
        return f"ToolCall(id={self.id!r}, name={self.name!r}, {len(self.arguments)} arguments)"


class ProviderBlock(Struct, frozen=True, tag="provider_block", omit_defaults=True):
    """A part in the words of one provider, which this library does not read.

    In an answer it holds what only its provider understands: hosted tools and their results. It
    keeps its place in the message and goes back unchanged over the wire that it came over.

    In a `UserMessage` or a `ToolResult` it is the way to send what the other parts have no words
    for. The caller writes `payload` as the provider documents it, and answers for it: it is sent as
    it is, in its place, and a mistake in it is the provider's to find. It stands for

    * a content block of the message, or of the result: `{"type": "tool_reference", "tool_name":
      "add"}` in a result for Anthropic; on chat wires, whose results are text, it follows the
      result, as images do;
    * on Responses, in a message, an item of the input: `{"type": "tool_search_output", ...}`;
    * on Anthropic, Cohere, Ollama and chat wires, in a message, when it has a `role`: a message of
      its own. Ollama, whose messages have no blocks, takes no others.

    Attributes:
        kind: What it is called here: for logs and `repr`, it is not sent.
        payload: The provider's own words.
        origin: The wire that sends it, as `anthropic_messages`; all others leave it out. None:
            whichever wire the message goes to.

    >>> block = ProviderBlock("tool_reference", {"type": "tool_reference", "tool_name": "add"})
    >>> ToolResult("call-1", (Text("Found:"), block)).media
    (ProviderBlock('tool_reference'),)
    """

    kind: str
    payload: JsonObject
    origin: str | None = None

    def __repr__(self) -> str:
        return f"ProviderBlock({self.kind!r})"


ToolResultContent: TypeAlias = Text | Image | Document | ProviderBlock


class ToolResult(Struct, frozen=True, tag="tool_result", omit_defaults=True):
    """What a tool answered: `id` is that of the `ToolCall`."""

    id: str
    content: tuple[ToolResultContent, ...]
    name: str | None = None
    is_error: bool = False

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part.text for part in self.content if isinstance(part, Text))

    @property
    def media(self) -> tuple[Image | Document | ProviderBlock, ...]:
        """The other parts, in order."""
        return tuple(part for part in self.content if not isinstance(part, Text))


class ReasoningText(Struct, frozen=True, tag="text", omit_defaults=True):
    """Thoughts in the open; `signature` proves to the provider that they are its own."""

    text: str
    signature: str | None = None


class ReasoningSummary(Struct, frozen=True, tag="summary"):
    """What the provider tells of thoughts that it keeps to itself."""

    text: str


class ReasoningEncrypted(Struct, frozen=True, tag="encrypted"):
    """Thoughts only the provider can read; send them back unchanged."""

    data: str

    def __repr__(self) -> str:
        return f"ReasoningEncrypted({len(self.data)} characters)"


class ReasoningRedacted(Struct, frozen=True, tag="redacted"):
    """Thoughts that were flagged and encrypted; send them back unchanged."""

    data: str

    def __repr__(self) -> str:
        return f"ReasoningRedacted({len(self.data)} characters)"


ReasoningContent: TypeAlias = (
    ReasoningText | ReasoningSummary | ReasoningEncrypted | ReasoningRedacted
)


class Reasoning(Struct, frozen=True, tag="reasoning", omit_defaults=True):
    """One finished block of thinking, with whatever the provider wants back with it.

    `origin` is the wire that it came over, as `anthropic_messages`: no other can check its
    signatures, so only that one sends them back. None: written by hand, sent by all that can.
    """

    content: tuple[ReasoningContent, ...] = ()
    id: str | None = None
    provider_data: JsonObject | None = None
    origin: str | None = None

    @property
    def text(self) -> str:
        """What of it can be read: text and summaries, blank lines between them."""
        readable = (ReasoningText, ReasoningSummary)
        return "\n\n".join(part.text for part in self.content if isinstance(part, readable))

    @property
    def signature(self) -> str | None:
        """The last signature in the block, or None."""
        found = [p.signature for p in self.content if isinstance(p, ReasoningText) and p.signature]
        return found[-1] if found else None

    @property
    def encrypted(self) -> str | None:
        """The encrypted payload of the block, or None."""
        found = [part.data for part in self.content if isinstance(part, ReasoningEncrypted)]
        return found[-1] if found else None


UserContent: TypeAlias = Text | Image | Audio | Video | Document | ToolResult | ProviderBlock
AssistantContent: TypeAlias = Text | Reasoning | ToolCall | Image | ProviderBlock


class BaseMessage(Struct, frozen=True, tag_field="role"):
    """What the three kinds of message have in common, so that a list of them has a type."""


class SystemMessage(BaseMessage, frozen=True, tag="system"):
    """Instructions to the model."""

    content: str


class UserMessage(BaseMessage, frozen=True, tag="user"):
    """What the user's side says: words, media, and the results of tools."""

    content: tuple[UserContent, ...]

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part.text for part in self.content if isinstance(part, Text))


class AssistantMessage(BaseMessage, frozen=True, tag="assistant", omit_defaults=True):
    """What the model said: words, thoughts and tool calls, in the order they came."""

    content: tuple[AssistantContent, ...] = ()
    id: str | None = None

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part.text for part in self.content if isinstance(part, Text))

    @property
    def reasoning(self) -> tuple[Reasoning, ...]:
        """The blocks of thinking."""
        return tuple(part for part in self.content if isinstance(part, Reasoning))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls, in the order the model made them."""
        return tuple(part for part in self.content if isinstance(part, ToolCall))


Message: TypeAlias = SystemMessage | UserMessage | AssistantMessage


def system(text: str) -> SystemMessage:
    """A system message."""
    return SystemMessage(text)


def user(*content: str | UserContent) -> UserMessage:
    """A user message; strings become `Text`.

    >>> user("What is this?", Image(url="https://example.com/a.png")).text
    'What is this?'
    """
    return UserMessage(tuple(Text(part) if isinstance(part, str) else part for part in content))


def assistant(*content: str | AssistantContent) -> AssistantMessage:
    """An assistant message; strings become `Text`.

    >>> assistant("Hello!").content
    (Text(text='Hello!', provider_data=None),)
    """
    parts = tuple(Text(part) if isinstance(part, str) else part for part in content)
    return AssistantMessage(parts)


_decoder = msgspec.json.Decoder(list[Message])


def dump_messages(messages: Sequence[BaseMessage]) -> bytes:
    """A history as JSON, every message and part with its tag.

    >>> dump_messages([user("Hi")])
    b'[{"role":"user","content":[{"type":"text","text":"Hi"}]}]'
    """
    return msgspec.json.encode(messages)


def load_messages(data: bytes | str) -> list[Message]:
    """The history that `dump_messages` wrote.

    Raises:
        msgspec.DecodeError: `data` is no JSON, or no history; the message says where.

    >>> load_messages(dump_messages([user("Hi")])) == [user("Hi")]
    True
    """
    return loaded(_decoder, data)


def unanswered_calls(messages: Iterable[Message]) -> list[ToolCall]:
    """The tool calls in `messages` that no later message answers, in order."""
    waiting: dict[str, ToolCall] = {}
    for message in messages:
        if isinstance(message, AssistantMessage):
            waiting.update((call.id, call) for call in message.tool_calls)
        elif isinstance(message, UserMessage):
            for part in message.content:
                if isinstance(part, ToolResult):
                    waiting.pop(part.id, None)
    return list(waiting.values())
