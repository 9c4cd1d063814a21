"""The stream of a whole run, as its consumer holds it."""

from __future__ import annotations

from msgspec.structs import replace

from rig_sync.agent.driver import Progress, RunSettings, drive
from rig_sync.agent.items import FinalResponse, MultiTurnStreamItem, StreamAssistantItem
from rig_sync.completion import Usage
from rig_sync.errors import PromptCancelled
from rig_sync.message import Message, Text
from rig_sync.streaming.handle import ItemStream, RaiseErrors
from rig_sync.streaming.pause import Gate

__all__ = ["AgentStream", "fold"]


class AgentStream(ItemStream[MultiTurnStreamItem]):
    """What an agent streams: an iterator of `MultiTurnStreamItem`, over all turns of one run.

    The first request goes out on the first `next()`; the tools run inside `next()`, in the
    caller's thread unless `tool_concurrency` is above 1. See `ItemStream` for errors, cancelling
    and closing.
    """

    def __init__(
        self, progress: Progress, settings: RunSettings, *, raise_errors: RaiseErrors
    ) -> None:
        self._progress = progress
        gate = Gate(settings.options.pause)
        settings.token.subscribe(gate.release)
        super().__init__(
            drive(progress, settings),
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
        """Tokens of the model calls that have ended."""
        return self._progress.run.usage

    @property
    def response(self) -> FinalResponse:
        """The end of the run, or before that what it would be if it ended here."""
        progress = self._progress
        if progress.final is not None:
            return progress.final
        so_far = replace(progress.run.response(), messages=self.messages)
        partial = progress.partial
        return so_far if partial is None else replace(so_far, output=partial.text)

    @property
    def final(self) -> FinalResponse | None:
        """The end of the run, once it has come."""
        return self._progress.final

    @staticmethod
    def _text_of(item: object) -> str | None:
        if isinstance(item, StreamAssistantItem) and isinstance(item.content, Text):
            return item.content.text
        return None


def fold(stream: AgentStream) -> FinalResponse:
    """The end of a run, without what came on the way.

    Raises:
        RigError: the run failed; `.history` goes on from there.
        PromptCancelled: somebody cancelled it.
    """
    with stream:
        for _ in stream:
            pass
    if stream.final is not None:
        return stream.final
    cancelled = PromptCancelled("the run was cancelled; .history has what was said")
    cancelled.history = stream.messages
    raise cancelled
