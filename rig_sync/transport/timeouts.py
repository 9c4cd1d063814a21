"""How long to wait, and for what."""

from __future__ import annotations

from msgspec import Struct

from rig_sync.errors import ConfigError

__all__ = ["Timeouts", "is_number"]

LONGEST = 1_000_000  # seconds; sockets take not much more


class Timeouts(Struct, frozen=True):
    """Deadlines in seconds; None waits for ever.

    They measure the provider: the clock stands while a stream is paused and while the caller holds
    an item. Only content counts, never pings or bare bytes.

    Attributes:
        connect: Until the connection stands: name, proxy and TLS included; of each try.
        first_event: From the request to the first content; also the wait for a one-shot answer.
        idle: Between one content event and the next.
        total: All waiting of a whole run, over all its turns.
        tool: One call of a tool.
        max_pause: How long a pause may last, as `next()` sees it.

    Raises:
        ConfigError: a value is no number of seconds above 0, or beyond 1,000,000.
    """

    connect: float | None = 10.0
    first_event: float | None = 300.0
    idle: float | None = 120.0
    total: float | None = None
    tool: float | None = None
    max_pause: float | None = None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is None:
                continue
            if not is_number(value) or not 0 < value <= LONGEST:
                raise ConfigError(
                    f"Timeouts({name}={value!r}): give a number of seconds above 0 and up to "
                    f"{LONGEST:,}, or None for no limit"
                )


def is_number(value: object) -> bool:
    """Whether `value` is a number, where True and "5" are none.

    >>> is_number(5), is_number(0.5), is_number(True), is_number("5")
    (True, True, False, False)
    """
    return isinstance(value, (int, float)) and not isinstance(value, bool)
