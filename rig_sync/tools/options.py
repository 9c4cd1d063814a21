"""How the runs of an agent treat one tool."""

from __future__ import annotations

import math

from msgspec import Struct

from rig_sync.errors import ConfigError

__all__ = ["ToolOptions"]


class ToolOptions(Struct, frozen=True, tag="tool_options", omit_defaults=True):
    """What a run grants one tool, and what it waits for.

    Attributes:
        timeout: Seconds for one call, instead of `Timeouts.tool`.
        retries: How many turns in a row the tool may fail in, for the model to try again; one
            more ends the run. None: no limit.
        approval: A person must agree before each call runs.
        deferred: A person or another system answers later; the tool's body never runs.

    Raises:
        ConfigError: A value is out of range, or two of them contradict each other.

    >>> ToolOptions(timeout=5, retries=2).deferred
    False
    """

    timeout: float | None = None
    retries: int | None = None
    approval: bool = False
    deferred: bool = False

    def __post_init__(self) -> None:
        if self.timeout is not None and not _is_duration(self.timeout):
            raise ConfigError(
                f"the timeout of a tool is {self.timeout!r}: give seconds above 0, or None"
            )
        if self.retries is not None and (type(self.retries) is not int or self.retries < 0):
            raise ConfigError(
                f"the retries of a tool are {self.retries!r}: give a whole number from 0, or None"
            )
        for name in ("approval", "deferred"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(
                    f"{name} of a tool is {getattr(self, name)!r}: give True or False"
                )
        if self.deferred and (self.approval or self.timeout is not None):
            raise ConfigError(
                "a deferred tool runs nothing here, which could be late or need approval: leave "
                "`timeout` and `approval` out"
            )


def _is_duration(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value < math.inf
