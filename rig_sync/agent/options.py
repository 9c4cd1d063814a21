"""How one run is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict, TypeVar

from rig_sync.agent.output import OutputMode
from rig_sync.errors import ConfigError
from rig_sync.model import CompletionModel
from rig_sync.streaming.cancel import CancelToken
from rig_sync.streaming.handle import RaiseErrors
from rig_sync.streaming.pause import PauseControl
from rig_sync.transport.timeouts import Timeouts

__all__ = [
    "DEFAULT_MAX_TURNS",
    "DEFAULT_OUTPUT_RETRIES",
    "RunOptions",
    "TypedOptions",
    "at_least",
    "checked_model",
    "checked_option",
]

T = TypeVar("T")

DEFAULT_MAX_TURNS = 10
DEFAULT_OUTPUT_RETRIES = 2


class RunOptions(TypedDict, total=False):
    """How one run is made; every key may be left out.

    Attributes:
        max_turns: Model calls at most, the first and all retries included; the agent's own by
            default.
        using_model: Asked instead of the agent's model; hooks may still choose another.
        hooks: What watches and steers this run, after the agent's own.
        tool_concurrency: Tools that run beside each other; 1 runs them in the calling thread.
        live_results: Show each tool's result as it comes, in the order in which they end; else all
            of a turn in call order, when the last has ended. What the model reads is the same.
        pause: Holds the stream still from outside.
        cancel: Ends the run from outside.
        timeouts: Instead of the client's.
        raise_errors: Which errors `next()` raises: "terminal" (the default), "all" or "none".
        deps: Given to the tools and hooks in their context.
        stream: One-shot calls: let the model stream all the same. The answer is equal.
    """

    max_turns: int
    using_model: CompletionModel
    hooks: Sequence[object]
    tool_concurrency: int
    live_results: bool
    pause: PauseControl
    cancel: CancelToken
    timeouts: Timeouts
    raise_errors: RaiseErrors
    deps: object
    stream: bool


class TypedOptions(RunOptions, total=False):
    """How one run with a typed answer is made: the keys of `RunOptions`, and these.

    Attributes:
        output_mode: How the model is told: "native", by the provider's own JSON Schema setting;
            "tool", as the arguments of a tool; "prompted", in words. By default the first of them
            that the model can do.
        output_retries: How often the model may correct an answer that does not fit; 2 by default.
    """

    output_mode: OutputMode
    output_retries: int


def at_least(least: int, value: object, name: str) -> int:
    """`value`, if it is a whole number that large.

    Raises:
        ConfigError: it is not.

    >>> at_least(1, 3, "max_turns")
    3
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigError(f"{name}={value!r}: give a whole number, {least} or more")
    return value


def checked_model(value: object, name: str) -> CompletionModel:
    """`value`, if it is a model.

    Raises:
        ConfigError: it is not.

    >>> checked_model("gpt-5.5", "using_model")
    Traceback (most recent call last):
    rig_sync.errors.ConfigError: using_model: 'gpt-5.5' is no model: write \
client.completion_model('gpt-5.5')
    """
    if not isinstance(value, CompletionModel):
        wanted = repr(value) if isinstance(value, str) else "..."
        raise ConfigError(f"{name}: {value!r} is no model: write client.completion_model({wanted})")
    return value


def checked_option(value: object, kind: type[T], name: str) -> T | None:
    """`value`, if it is a `kind`, or None, which leaves it out.

    Raises:
        ConfigError: it is neither.

    >>> checked_option(30, Timeouts, "timeouts")
    Traceback (most recent call last):
    rig_sync.errors.ConfigError: timeouts=30: give a Timeouts, or leave it out
    """
    if value is not None and not isinstance(value, kind):
        raise ConfigError(f"{name}={value!r}: give a {kind.__name__}, or leave it out")
    return value
