"""What providers ask of a history."""

from __future__ import annotations

from collections.abc import Sequence

from rig_sync.message import AssistantMessage, Message

__all__ = ["add_answer", "without_empty"]


def add_answer(messages: list[Message], message: AssistantMessage) -> None:
    """The model has said `message`; after one that was not finished, more of that.

    >>> from rig_sync.message import assistant, user
    >>> messages = [user("Hi"), assistant("Let me ")]
    >>> add_answer(messages, assistant("see."))
    >>> len(messages), messages[-1].text
    (2, 'Let me see.')
    """
    before = messages[-1] if messages else None
    if isinstance(before, AssistantMessage):
        messages[-1] = AssistantMessage((*before.content, *message.content), message.id)
    else:
        messages.append(message)


def without_empty(messages: Sequence[Message]) -> list[Message]:
    """`messages` less the assistant's that say nothing: providers refuse those.

    >>> without_empty([AssistantMessage()])
    []
    """
    return [m for m in messages if not isinstance(m, AssistantMessage) or m.content]
