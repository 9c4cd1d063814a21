"""When to try again, and when: the one place that imports tenacity."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

import tenacity
from msgspec import Struct

from rig_sync.errors import (
    Attempt,
    ConfigError,
    ConnectFailed,
    ConnectTimeout,
    Overloaded,
    ProviderError,
    RateLimited,
    ReadFailed,
    ResponseDecodeError,
    RigError,
    ServerError,
    StreamTruncated,
    UntrustedCertificate,
)
from rig_sync.transport.timeouts import is_number

__all__ = ["NO_RETRIES", "RetryPolicy", "is_retryable", "retry"]

T = TypeVar("T")

DOUBLINGS = 64  # more of them would be no number any more

_RETRYABLE = (
    ConnectFailed,
    ConnectTimeout,
    Overloaded,
    RateLimited,
    ReadFailed,
    ServerError,
    StreamTruncated,
)


class RetryPolicy(Struct, frozen=True):
    """How often a request is tried again before its first content; after that, never.

    Tried again: no connection, a broken one, 408, 409, 429, 5xx and 529, also as an event inside a
    stream; unless the provider says by `x-should-retry` that it is of no use. What fails for want
    of money never is. The wait is random between 0 and a bound that doubles (full jitter), or what
    the provider's `Retry-After` says.

    Attributes:
        attempts: Tries in all, the first included; 1 never tries again.
        initial: The first bound of the wait, in seconds.
        maximum: The largest bound, in seconds.
        total: No new try starts later than this many seconds after the first; a `Retry-After`
            that goes beyond is raised at once.
        on_retry: Told of each try that failed and is made again, ahead of the wait, in the thread
            that reads the stream. What it raises ends the stream.

    Raises:
        ConfigError: `attempts` is no whole number from 1 on, or a time no number of seconds, 0 or
            more.
    """

    attempts: int = 3
    initial: float = 0.5
    maximum: float = 8.0
    total: float = 60.0
    on_retry: Callable[[Attempt], object] | None = None

    def __post_init__(self) -> None:
        if type(self.attempts) is not int or self.attempts < 1:
            wrong = f"RetryPolicy(attempts={self.attempts!r})"
            raise ConfigError(f"{wrong}: give a whole number, 1 or more")
        for name in ("initial", "maximum", "total"):
            value = getattr(self, name)
            if not is_number(value) or not value >= 0:
                raise ConfigError(f"RetryPolicy({name}={value!r}): give seconds, 0 or more")
        if self.on_retry is not None and not callable(self.on_retry):
            raise ConfigError(f"RetryPolicy(on_retry={self.on_retry!r}): give a function")


NO_RETRIES = RetryPolicy(attempts=1)


def is_retryable(error: BaseException) -> bool:
    """Whether the same request may do better a moment later.

    >>> is_retryable(RateLimited("slow down")), is_retryable(StreamTruncated("cut"))
    (True, True)
    >>> is_retryable(RateLimited("no money left", code="insufficient_quota"))
    False
    """
    if isinstance(error, ResponseDecodeError | UntrustedCertificate):
        return False
    if isinstance(error, ProviderError) and error.code == "insufficient_quota":
        return False
    if isinstance(error, ProviderError) and error.should_retry is False:
        return False
    return isinstance(error, _RETRYABLE)


def retry(
    attempt: Callable[[], T],
    policy: RetryPolicy,
    *,
    sleep: Callable[[float], None],
    before_sleep: Callable[[Attempt], object] = lambda _: None,
    chance: Callable[[float, float], float] = random.uniform,
) -> T:
    """The result of `attempt`, after as many tries as `policy` allows.

    Args:
        attempt: One try; it has to look itself at whether it was cancelled meanwhile.
        policy: How often and how long.
        sleep: Waits that many seconds, or less when cancelled.
        before_sleep: Told of each failure ahead of the wait for the next try.
        chance: A number between its two arguments.

    Raises:
        RigError: the last try's error; `.attempts` has the ones before it.
    """
    tried: list[Attempt] = []

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, ProviderError) else None
        if asked is not None:
            return asked
        doubled = policy.initial * 2 ** min(state.attempt_number - 1, DOUBLINGS)
        return chance(0, min(policy.maximum, doubled))

    def note(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        status = error.status if isinstance(error, ProviderError) else None
        kind = type(error).__name__
        if error is not None:
            error.__traceback__ = None  # its frames hold `state`, which holds it
        tried.append(Attempt(str(error), status, state.upcoming_sleep, kind))
        before_sleep(tried[-1])

    stop = tenacity.stop_after_attempt(policy.attempts) | tenacity.stop_before_delay(policy.total)
    retrying = tenacity.Retrying(
        stop=stop,
        wait=wait,
        retry=tenacity.retry_if_exception(is_retryable),
        sleep=sleep,
        before_sleep=note,
        reraise=True,
    )
    try:
        return retrying(attempt)
    except RigError as error:
        error.attempts = tuple(tried)
        raise
