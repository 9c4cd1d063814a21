"""What a tool may ask of the run that called it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias

from rig_sync.completion import Usage
from rig_sync.streaming.cancel import CancelToken
from rig_sync.streaming.pause import PauseControl

if TYPE_CHECKING:  # a default, so that `ToolContext` alone is a whole type: typing has it from 3.13
    from typing_extensions import TypeVar

    D = TypeVar("D", covariant=True, default=object)
else:
    from typing import TypeVar

    D = TypeVar("D", covariant=True)

__all__ = ["CancelSource", "Settable", "ToolContext"]


class Settable(Protocol):
    """Anything that can say whether it was set, as `threading.Event` can."""

    def is_set(self) -> bool:
        """Whether it was set."""
        ...


CancelSource: TypeAlias = Settable | Callable[[], bool] | None


class ToolContext(Generic[D]):
    """The run around one tool call; a tool's own tests build one without arguments.

    A parameter annotated `ToolContext`, or `ToolContext[Shop]` where the caller gives the run a
    `Shop` as its dependencies, is filled in, and the model never hears of it.

    Args:
        cancelled: A second source of `cancelled`, beside `cancel`: an event, or a function.

    Attributes:
        run_id: The agent run, the same over all its turns.
        call_id: The `ToolCall.id` that is being answered.
        turn: The model call that asked for the tool, counted from 1.
        agent_name: The agent's name, empty when it has none.
        deps: What the caller gave the run for its tools (a database, a user); never copied.
        cancel: Cancelled with the run: give it to whatever the tool waits for, as to a model that
            it asks. One of the call's own when none was given.
        pause: Holds the run's streams still; None when the run has none.
        approved: A person agreed to this very call.
        above: The agents that ask each other down to this call, the outermost first.

    Threads: made for one call and used in that call's thread; `cancelled` may turn true at any
        time, set from any thread.

    >>> ToolContext(deps={"user": 7}).cancelled
    False
    """

    __slots__ = (
        "_is_cancelled",
        "_usage",
        "above",
        "agent_name",
        "approved",
        "call_id",
        "cancel",
        "deps",
        "pause",
        "run_id",
        "turn",
    )

    def __init__(
        self,
        *,
        run_id: str = "",
        call_id: str = "",
        turn: int = 1,
        agent_name: str = "",
        deps: D = None,  # type: ignore[assignment] # left out, there are none: D is `object`
        cancel: CancelToken | None = None,
        cancelled: CancelSource = None,
        pause: PauseControl | None = None,
        approved: bool = False,
        above: tuple[object, ...] = (),
    ) -> None:
        self.run_id = run_id
        self.call_id = call_id
        self.turn = turn
        self.agent_name = agent_name
        self.deps = deps
        self.cancel = CancelToken() if cancel is None else cancel
        self.pause = pause
        self.approved = approved
        self.above = above
        self._is_cancelled = _reader_of(cancelled)
        self._usage: list[Usage] = []

    @property
    def cancelled(self) -> bool:
        """Whether the run was cancelled: a tool that takes long looks now and then, and returns."""
        return self.cancel.cancelled or self._is_cancelled()

    @property
    def usage(self) -> Usage:
        """Tokens that the tool reported so far, added up."""
        return sum(self._usage, Usage())

    def report_usage(self, usage: Usage) -> None:
        """Add tokens of a model that the tool itself asked to those of the run.

        What is reported after the tool has ended, or was given up, is not counted.

        >>> context = ToolContext()
        >>> context.report_usage(Usage(input_tokens=3))
        >>> context.report_usage(Usage(input_tokens=4))
        >>> context.usage.input_tokens
        7
        """
        self._usage.append(usage)

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
