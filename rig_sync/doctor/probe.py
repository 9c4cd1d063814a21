"""One question and all that came of it: on the wire, and as rig_sync told it."""

from __future__ import annotations

from msgspec import Struct

from rig_sync.completion import CompletionResponse, Usage
from rig_sync.doctor.tap import Exchange
from rig_sync.errors import ProviderError, RigError
from rig_sync.message import ToolCall
from rig_sync.streaming.items import (
    ReasoningDelta,
    StreamedAssistantContent,
    StreamError,
    StreamFinal,
    Text,
    Unknown,
)

__all__ = ["Probe", "told"]


class Probe(Struct, frozen=True):
    """What came of one question.

    Attributes:
        exchange: What the wire had; None when nothing was sent.
        items: What was streamed, without the error that ended it.
        response: What it came to.
        error: What ended it. One that is no `RigError` is a fault of rig_sync.
        seconds: From the question to the end, or to where it was left.
        first: From the question to the first content; None if there was none.
    """

    exchange: Exchange | None = None
    items: tuple[StreamedAssistantContent, ...] = ()
    response: CompletionResponse | None = None
    error: Exception | None = None
    seconds: float = 0.0
    first: float | None = None

    @property
    def whole(self) -> bool:
        """The answer came to its end, and rig_sync knows it."""
        return self.error is None and any(isinstance(item, StreamFinal) for item in self.items)

    @property
    def text(self) -> str:
        """The words."""
        return "".join(item.text for item in self.items if isinstance(item, Text))

    @property
    def thoughts(self) -> str:
        """The thoughts."""
        return "".join(item.text for item in self.items if isinstance(item, ReasoningDelta))

    @property
    def calls(self) -> list[ToolCall]:
        """The calls that may be run."""
        calls = [item for item in self.items if isinstance(item, ToolCall)]
        return [call for call in calls if call.malformed is None]

    @property
    def defects(self) -> list[RigError]:
        """What was wrong on the way without ending it."""
        return [item.error for item in self.items if isinstance(item, StreamError)]

    @property
    def strange(self) -> list[Unknown]:
        """Events of types that rig_sync does not know."""
        return [item for item in self.items if isinstance(item, Unknown)]

    @property
    def usage(self) -> Usage:
        """Tokens, as far as reported."""
        return Usage() if self.response is None else self.response.usage

    @property
    def status(self) -> int | None:
        """Of the answer; None if there was none."""
        return None if self.exchange is None else self.exchange.status

    @property
    def finish(self) -> str | None:
        """The finish reason, in the provider's word."""
        reason = self.response.finish_reason if self.response is not None else None
        return None if reason is None else reason.raw


def told(error: Exception | None) -> str:
    """An error in one phrase: its type, and what the server said.

    >>> told(ProviderError("No such model", status=404))
    'ProviderError: No such model'
    """
    if error is None:
        return "no error"
    words = error.message if isinstance(error, ProviderError) else str(error)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
