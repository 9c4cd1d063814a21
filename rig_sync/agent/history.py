"""What providers ask of a history."""

from __future__ import annotations

from collections.abc import Sequence

from rig_sync.message import AssistantMessage, Message, UserMessage

__all__ = ["add_answer", "called_tools", "last_words", "without_empty"]


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


def last_words(messages: Sequence[Message]) -> str:
    """What the user said last; results of tools have no words.

    >>> from rig_sync.message import assistant, user
    >>> last_words([user("Hi"), assistant("Hello")])
    'Hi'
    """
    said = (message for message in reversed(messages) if isinstance(message, UserMessage))
    return next((message.text for message in said if message.text), "")


def called_tools(messages: Sequence[Message]) -> set[str]:
    """The names of the tools that the model has called.

    >>> called_tools([])
    set()
    """
    answers = (message for message in messages if isinstance(message, AssistantMessage))
    return {call.name for message in answers for call in message.tool_calls}
