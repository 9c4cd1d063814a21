"""What the user's side says in a provider's own words: the `ProviderBlock`s in its messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import msgspec

from rig_sync._json import JsonObject
from rig_sync.completion import CompletionRequest
from rig_sync.message import Message, ProviderBlock, ToolResult, UserContent, UserMessage

__all__ = ["in_messages", "without_foreign"]


def without_foreign(request: CompletionRequest, wire: str) -> CompletionRequest:
    """`request` without what its user messages and results say in the words of another wire.

    A message of which nothing is left goes too. A result stays, empty: its call wants an answer.
    """
    messages = (_own(message, wire) for message in request.messages)
    kept = tuple(message for message in messages if message is not None)
    return msgspec.structs.replace(request, messages=kept)


def _own(message: Message, wire: str) -> Message | None:
    """None when nothing is left."""
    if not isinstance(message, UserMessage) or not message.content:
        return message
    content = tuple(
        _own_result(part, wire) if isinstance(part, ToolResult) else part
        for part in message.content
        if not _foreign(part, wire)
    )
    return UserMessage(content) if content else None


def _own_result(result: ToolResult, wire: str) -> ToolResult:
    content = tuple(part for part in result.content if not _foreign(part, wire))
    return msgspec.structs.replace(result, content=content)


def _foreign(part: UserContent, wire: str) -> bool:
    return isinstance(part, ProviderBlock) and part.origin not in (None, wire)


def in_messages(
    parts: Sequence[UserContent], write: Callable[[Sequence[UserContent]], JsonObject]
) -> Iterator[JsonObject]:
    """The messages in which `parts` go, for wires whose messages have a role.

    Args:
        parts: In order. Blocks whose payload has a `role` are messages of their own.
        write: Makes one message of the parts between them.
    """
    for whole, group in groupby(parts, _is_message):
        if whole:
            yield from (dict(part.payload) for part in group if isinstance(part, ProviderBlock))
        else:
            yield write(list(group))


def _is_message(part: UserContent) -> bool:
    return isinstance(part, ProviderBlock) and "role" in part.payload
