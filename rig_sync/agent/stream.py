"""The stream of a whole run, as its consumer holds it."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from msgspec import structs

from rig_sync.agent.driver import drive
from rig_sync.agent.events import RunFinished
from rig_sync.agent.items import (
    FinalResponse,
    MultiTurnStreamItem,
    StreamAssistantItem,
    StreamError,
)
from rig_sync.agent.run import AgentRun, RunSuspended
from rig_sync.agent.settings import Progress, RunSettings
from rig_sync.completion import Usage
from rig_sync.errors import HookFailed, PromptCancelled
from rig_sync.message import Message, Text
from rig_sync.streaming.handle import ItemStream, RaiseErrors
from rig_sync.streaming.pause import Gate

__all__ = ["AgentStream", "RunStream", "fold"]

T = TypeVar("T")


class RunStream(ItemStream[T]):
    """An iterator of what happens in one run, over all its turns.

    The first request goes out on the first `next()`; the tools run inside `next()`, in the
    caller's thread unless `tool_concurrency` is above 1, and so do the hooks. See `ItemStream` for
    errors, cancelling and closing.
    """

    def __init__(
        self,
        items: Generator[T, None, None],
        progress: Progress,
        settings: RunSettings,
        *,
        raise_errors: RaiseErrors,
    ) -> None:
        self._progress = progress
        self._hooks = settings.hooks
        clock = settings.clock
        longest = clock.timeouts.max_pause
        gate = Gate(settings.options.pause, longest=longest, since=clock.began)
        settings.token.subscribe(gate.release)
        super().__init__(
            items,
            token=settings.token,
            gate=gate,
            raise_errors=raise_errors,
            cancel=settings.cancel,
        )

    @property
    def messages(self) -> tuple[Message, ...]:
        """The history so far: any provider accepts it, also after `cancel` or a failure."""
        return self._progress.run.interrupted(self._progress.partial)

    @property
    def usage(self) -> Usage:
        """Tokens of the model calls that have ended, those of the tools' own models included."""
        return self._progress.run.usage

    @property
    def response(self) -> FinalResponse:
        """The end of the run, or before that what it would be if it ended here."""
        progress = self._progress
        if progress.final is not None:
            return progress.final
        so_far = structs.replace(progress.run.response(), messages=self.messages)
        partial = progress.partial
        return so_far if partial is None else structs.replace(so_far, output=partial.text)

    @property
    def final(self) -> FinalResponse | None:
        """The end of the run, once it has come."""
        return self._progress.final

    @property
    def run(self) -> AgentRun:
        """The run itself: grows while the stream is read, and can be saved and resumed."""
        return self._progress.run

    def _told_all(self) -> bool:
        return self._progress.final is not None

    def _end(self) -> None:
        super()._end()
        progress = self._progress
        if self._began and not progress.told:
            progress.told = True
            try:
                self._hooks.finished(progress.context, RunFinished())
            except HookFailed as error:
                error.history = self.messages
                raise

    @staticmethod
    def _text_of(item: object) -> str | None:
        if isinstance(item, StreamAssistantItem) and isinstance(item.content, Text):
            return item.content.text
        return None


class AgentStream(RunStream[MultiTurnStreamItem]):
    """What an agent streams: an iterator of `MultiTurnStreamItem`; see `RunStream`."""

    def __init__(
        self, progress: Progress, settings: RunSettings, *, raise_errors: RaiseErrors
    ) -> None:
        super().__init__(drive(progress, settings), progress, settings, raise_errors=raise_errors)


def fold(stream: RunStream[T]) -> FinalResponse:
    """The end of a run, without what came on the way.

    Raises:
        RigError: the run failed; `.history` goes on from there.
        PromptCancelled: somebody cancelled it.
        RunSuspended: it waits for people; `.run` goes on from there.
    """
    with stream:
        failures = (item.error for item in stream if isinstance(item, StreamError))
        failure = next((error for error in failures if not error.recoverable), None)
    if failure is not None:  # with raise_errors="none", `next()` did not raise it
        try:
            raise failure
        finally:
            del failure, failures  # or its traceback would have it refer to itself
    if stream.final is not None:
        return stream.final
    if stream.run.pending:
        names = ", ".join(one.call.name for one in stream.run.pending)
        suspended = RunSuspended(
            f"the run waits for people or other systems to answer: {names}; tell .run what they "
            "say (approve, deny, answer_call), and go on with agent.resume(run)"
        )
        suspended.run, suspended.history = stream.run, stream.messages
        raise suspended
    cancelled = PromptCancelled("the run was cancelled; .history has what was said")
    cancelled.history = stream.messages
    raise cancelled
