"""An answer, cut into moments: before which frame a fault strikes, and what has come by then."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from msgspec import Struct

from rig_sync._json import Json, JsonObject
from rig_sync.client import Client, ClientOptions
from rig_sync.completion import Usage
from rig_sync.wire.base import FramingName
from tests.wire.frames import sse

__all__ = ["KEY", "MEDIA_TYPES", "Moment", "Sample", "events", "named"]

KEY = "sk-canary-0123456789abcdef"
"""The key of every client here; some servers say it back."""

MEDIA_TYPES: dict[FramingName, str] = {
    "sse": "text/event-stream",
    "ndjson": "application/x-ndjson",
    "aws": "application/vnd.amazon.eventstream",
}


class Moment(str, Enum):
    """When a fault strikes."""

    HEADERS = "before headers"
    CONTENT = "before first content"
    TEXT = "in text"
    CALL = "in a tool call"
    FINISH = "after the finish reason"
    END = "after the terminal event"


class Sample(Struct, frozen=True):
    """What one wire's server says, and how.

    Attributes:
        wire: Its name.
        connect: A client of the provider, with the key and those options.
        framing: How its streams are cut.
        ahead: What comes before the first content.
        text: The words as far as "Hello".
        more_text: One more frame of words, "!".
        call: The end of the words, and the call of `add`, whole.
        open_call: The call of `send` as far as its arguments have come.
        more_call: Its next frame.
        finish: What follows the call of `add`, as far as the finish reason; empty where that comes
            in the terminal event.
        end: The rest of the answer, and its terminal event.
        whole: The same answer, not streamed.
        alive: What says nothing, by what it is: its beginning, and what comes again and again.
        bad: A frame that cannot be understood.
        unknown: An event of a type that nobody knows.
        word: A frame of words that are no UTF-8.
        usage: What the whole answer took.
        early: What `ahead` and `text` tell of it.
        late: What has been told of it with the finish reason.
        message: The JSON of an error, as the provider words it; told the message.
    """

    wire: str
    connect: Callable[[ClientOptions], Client]
    framing: FramingName
    ahead: bytes
    text: bytes
    more_text: bytes
    call: bytes
    open_call: bytes
    more_call: bytes
    finish: bytes
    end: bytes
    whole: bytes
    alive: dict[str, tuple[bytes, bytes]]
    bad: bytes
    unknown: bytes
    word: bytes
    usage: Usage
    message: Callable[[str], JsonObject]
    early: Usage = Usage()
    late: Usage = Usage()

    @property
    def media_type(self) -> str:
        """What its streams are labelled with."""
        return MEDIA_TYPES[self.framing]

    def until(self, moment: Moment) -> bytes:
        """The stream as far as the fault."""
        said = self.ahead + self.text
        return {
            Moment.HEADERS: b"",
            Moment.CONTENT: self.ahead,
            Moment.TEXT: said,
            Moment.CALL: said + self.call + self.open_call,
            Moment.FINISH: said + self.call + self.finish,
            Moment.END: said + self.call + self.finish + self.end,
        }[moment]

    def next_frame(self, moment: Moment) -> bytes:
        """What might have come then."""
        return self.more_call if moment is Moment.CALL else self.more_text

    def rest(self, moment: Moment) -> bytes:
        """What completes the answer, where nothing is lost."""
        following = {
            Moment.CONTENT: self.text + self.call + self.finish + self.end,
            Moment.TEXT: self.call + self.finish + self.end,
        }
        return following.get(moment, b"")

    @property
    def stream(self) -> bytes:
        """The whole of it."""
        return self.until(Moment.END)


def events(*frames: Json) -> bytes:
    """Server-sent events, without names."""
    return sse(*frames, done=False)


def named(*frames: JsonObject) -> bytes:
    """Server-sent events, each named by its type."""
    return b"".join(f"event: {one['type']}\n".encode() + events(one) for one in frames)
