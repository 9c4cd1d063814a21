"""What a tool may ask of the run that called it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

__all__ = ["CancelSource", "Settable", "ToolContext"]


class Settable(Protocol):
    """Anything that can say whether it was set, as `threading.Event` can."""

    def is_set(self) -> bool:
        """Whether it was set."""
        ...


CancelSource: TypeAlias = Settable | Callable[[], bool] | None


class ToolContext:
    """The run around one tool call; a tool's own tests build one without arguments.

    A parameter annotated with it is filled in, and the model never hears of it.

    Attributes:
        run_id: The agent run, the same over all its turns.
        call_id: The `ToolCall.id` that is being answered.
        turn: The model call that asked for the tool, counted from 1.
        agent_name: The agent's name, empty when it has none.
        deps: What the caller gave the run for its tools (a database, a user); never copied.

    Threads: made for one call and used in that call's thread; `cancelled` may turn true at any
        time, set from any thread.

    >>> ToolContext(deps={"user": 7}).cancelled
    False
    """

    __slots__ = ("_is_cancelled", "agent_name", "call_id", "deps", "run_id", "turn")

    def __init__(
        self,
        *,
        run_id: str = "",
        call_id: str = "",
        turn: int = 1,
        agent_name: str = "",
        deps: object = None,
        cancelled: CancelSource = None,
    ) -> None:
        self.run_id = run_id
        self.call_id = call_id
        self.turn = turn
        self.agent_name = agent_name
        self.deps = deps
        self._is_cancelled = _reader_of(cancelled)

    @property
    def cancelled(self) -> bool:
        """Whether the run was cancelled: a tool that takes long looks now and then, and returns."""
        return self._is_cancelled()

    def __repr__(self) -> str:  # deps may hold secrets
        return (
            f"ToolContext(run_id={self.run_id!r}, call_id={self.call_id!r}, turn={self.turn}, "
            f"agent_name={self.agent_name!r}, cancelled={self.cancelled})"
        )


def _reader_of(source: CancelSource) -> Callable[[], bool]:
    if source is None:
        return _never
    return source if callable(source) else source.is_set


def _never() -> bool:
    return False
