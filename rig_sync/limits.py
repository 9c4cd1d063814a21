"""How much a server may send."""

from __future__ import annotations

from msgspec import Struct

from rig_sync.errors import ConfigError, LimitExceeded, SSELimitError

__all__ = ["Limits", "event_too_large", "exceeded"]

KIB = 1024
MIB = 1024 * KIB


class Limits(Struct, frozen=True):
    """What a server may send at most; more of it is a `LimitExceeded`, which ends the answer.

    What is nested too deeply ends it only in a whole body: a frame is left out as a bad one, and
    arguments make a malformed call.

    No provider comes near them. They are there for servers that are broken or mean harm: whatever
    those send, memory stays bounded. How long they may take is said by `Timeouts`.

    Attributes:
        event_bytes: One event, frame or line of a stream.
        body_bytes: One body, as it is once decompressed.
        head_bytes: All headers of an answer.
        json_depth: Objects and lists inside each other: in a frame, a whole body, or the arguments
            of a tool call.
        tool_calls: Tool calls in one answer.
        argument_bytes: The arguments of one tool call.
        defects: Bad frames and fields in one answer, of those that do not end it.

    Raises:
        ConfigError: a value is no whole number above 0.
    """

    event_bytes: int = 16 * MIB
    body_bytes: int = 256 * MIB
    head_bytes: int = 64 * KIB
    json_depth: int = 256
    tool_calls: int = 256
    argument_bytes: int = 16 * MIB
    defects: int = 1000

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigError(f"Limits({name}={value!r}): give a whole number, 1 or more")


def exceeded(limits: Limits, name: str, what: str) -> LimitExceeded:
    """The error for a server that went beyond the limit `name`.

    >>> str(exceeded(Limits(tool_calls=2), "tool_calls", "the answer has more tool calls"))
    'the answer has more tool calls than Limits(tool_calls=2): raise it, or suspect the server'
    """
    bound = getattr(limits, name)
    return LimitExceeded(
        f"{what} than Limits({name}={bound}): raise it, or suspect the server", limit=name
    )


def event_too_large(what: str, bound: int) -> SSELimitError:
    """The error for an event, frame or line of more than `bound` bytes.

    >>> str(event_too_large("an event is larger", 14))
    'an event is larger than Limits(event_bytes=14): raise it, or suspect the server'
    """
    return SSELimitError(
        f"{what} than Limits(event_bytes={bound}): raise it, or suspect the server",
        limit="event_bytes",
    )
