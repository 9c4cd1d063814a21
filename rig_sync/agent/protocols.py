"""What can be prompted (Rig's six traits): ask for these in a signature, get any of ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from rig_sync.agent.items import FinalResponse
from rig_sync.agent.stream import AgentStream
from rig_sync.message import BaseMessage
from rig_sync.model import RequestBuilder
from rig_sync.request import Promptable

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rig_sync.agent.options import RunOptions

__all__ = [
    "Chat",
    "Completion",
    "Prompt",
    "StreamingChat",
    "StreamingCompletion",
    "StreamingPrompt",
]


@runtime_checkable
class Prompt(Protocol):
    """Answers a prompt."""

    def prompt(self, prompt: Promptable, **options: Unpack[RunOptions]) -> FinalResponse:
        """The answer."""


@runtime_checkable
class StreamingPrompt(Protocol):
    """Answers a prompt as a stream."""

    def stream_prompt(self, prompt: Promptable, **options: Unpack[RunOptions]) -> AgentStream:
        """The answer as it comes."""


@runtime_checkable
class Chat(Protocol):
    """Answers a prompt that has a history."""

    def chat(
        self, prompt: Promptable, history: Iterable[BaseMessage], **options: Unpack[RunOptions]
    ) -> FinalResponse:
        """The answer."""


@runtime_checkable
class StreamingChat(Protocol):
    """Answers a prompt that has a history as a stream."""

    def stream_chat(
        self, prompt: Promptable, history: Iterable[BaseMessage], **options: Unpack[RunOptions]
    ) -> AgentStream:
        """The answer as it comes."""


@runtime_checkable
class Completion(Protocol):
    """Makes one model call."""

    def completion(self, prompt: Promptable, history: Iterable[BaseMessage] = ()) -> RequestBuilder:
        """The request, to be completed and sent."""


@runtime_checkable
class StreamingCompletion(Protocol):
    """Makes one model call as a stream."""

    def stream_completion(
        self, prompt: Promptable, history: Iterable[BaseMessage] = ()
    ) -> RequestBuilder:
        """The request, to be completed and streamed."""
