"""What messages say in a provider's own words: `ProviderBlock`s, and thoughts that it checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from msgspec import structs

from rig_sync._json import JsonObject
from rig_sync.completion import CompletionRequest
from rig_sync.message import (
    AssistantContent,
    AssistantMessage,
    Message,
    ProviderBlock,
    Reasoning,
    ToolResult,
    UserContent,
    UserMessage,
)

__all__ = ["in_messages", "results_first", "without_foreign"]


_IsOwn = Callable[["UserContent | AssistantContent"], bool]


def without_foreign(
    request: CompletionRequest, wire: str, *, thoughts: bool = False
) -> CompletionRequest:
    """`request` without what its messages say in the words of another wire.

    A user message of which nothing is left goes too. A result stays, empty: its call wants an
    answer.

    Args:
        request: Whose messages.
        wire: The one that they are to go over.
        thoughts: Keep thoughts wherever they come from: this wire checks none.
    """

    def is_own(part: UserContent | AssistantContent) -> bool:
        if isinstance(part, Reasoning):
            return thoughts or part.origin in (None, wire)
        return not isinstance(part, ProviderBlock) or part.origin in (None, wire)

    messages = (_own(message, is_own) for message in request.messages)
    kept = tuple(message for message in messages if message is not None)
    return structs.replace(request, messages=kept)


def _own(message: Message, is_own: _IsOwn) -> Message | None:
    """None when nothing is left of what the user said."""
    if isinstance(message, AssistantMessage):
        return structs.replace(message, content=tuple(filter(is_own, message.content)))
    if not isinstance(message, UserMessage) or not message.content:
        return message
    content = tuple(
        structs.replace(part, content=tuple(filter(is_own, part.content)))
        if isinstance(part, ToolResult)
        else part
        for part in message.content
        if is_own(part)
    )
    return UserMessage(content) if content else None


def results_first(
    message: UserMessage,
    answer: Callable[[ToolResult], JsonObject],
    beside: Callable[[ToolResult], Iterable[UserContent]],
    write: Callable[[Sequence[UserContent]], JsonObject],
) -> Iterator[JsonObject]:
    """The messages of one of the user's, for wires where each result is a message of its own.

    Args:
        message: Its results go first, in order.
        answer: Makes the message of a result.
        beside: What of a result finds no place in that; it goes ahead of the rest.
        write: Makes a message of the rest; of nothing, when `message` is empty.
    """
    results = [part for part in message.content if isinstance(part, ToolResult)]
    yield from map(answer, results)
    others = [part for result in results for part in beside(result)]
    others += [part for part in message.content if not isinstance(part, ToolResult)]
    if not message.content:
        yield write(())
    yield from in_messages(others, write)


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
