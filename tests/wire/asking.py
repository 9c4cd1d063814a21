"""One question to a server, through the public API, and everything that a caller sees of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from rig_sync.completion import CompletionResponse
from rig_sync.errors import RigError
from rig_sync.message import ToolCall
from rig_sync.providers.openai_compatible import Client
from rig_sync.streaming.items import StreamedAssistantContent, StreamError, StreamFinal
from rig_sync.transport.retry import NO_RETRIES
from rig_sync.transport.timeouts import Timeouts
from rig_sync.wire.base import Wire

__all__ = ["Outcome", "ask"]

T = TypeVar("T")

TIMEOUTS = Timeouts(connect=10, first_event=30, idle=30)


class Outcome(NamedTuple):
    """What the client made of an answer.

    Attributes:
        response: The answer; when it failed, what had come of it.
        error: What was raised.
        items: What was streamed; None for a one-shot call.
    """

    response: CompletionResponse | None
    error: Exception | None = None
    items: Sequence[StreamedAssistantContent] | None = None

    @property
    def answer(self) -> CompletionResponse:
        """The response, which there has to be."""
        assert self.response is not None, self.error
        return self.response

    @property
    def text(self) -> str:
        """The words."""
        return self.answer.text

    @property
    def calls(self) -> list[tuple[str, object]]:
        """Name and arguments of each tool call; the text of arguments that are no object."""
        calls = self.answer.message.tool_calls
        return [(call.name, call.malformed or call.arguments) for call in calls]

    @property
    def errors(self) -> list[RigError]:
        """The recoverable errors on the way."""
        return [item.error for item in self.of(StreamError)]

    @property
    def final(self) -> StreamFinal | None:
        """The terminal record, if there is one."""
        return next(iter(self.of(StreamFinal)), None)

    @property
    def tool_items(self) -> list[ToolCall]:
        """The tool calls that were handed over to be run."""
        return self.of(ToolCall)

    def of(self, kind: type[T]) -> list[T]:
        """The streamed items of one kind."""
        return [item for item in self.items or () if isinstance(item, kind)]


def ask(base_url: str, wire: Wire, *, streaming: bool = True, model: str = "m-1") -> Outcome:
    """What comes of one request: no retries, and a hang is a failure."""
    with Client(base_url=base_url, retries=NO_RETRIES, timeouts=TIMEOUTS) as client:
        client.wire = wire
        asked = client.completion_model(model)
        items: list[StreamedAssistantContent] | None = [] if streaming else None
        try:
            if items is None:
                return Outcome(asked.completion("Hello").send())
            stream = asked.stream_completion("Hello").stream()
            for item in stream:
                items.append(item)
            return Outcome(stream.response, None, items)
        except RigError as error:
            return Outcome(error.partial, error, items)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            return Outcome(None, error, items)
