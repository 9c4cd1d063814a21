"""The one loop: asks the run what to do, does it, and yields what happens."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from rig_sync.agent.batch import run_tools
from rig_sync.agent.events import RunFinished
from rig_sync.agent.items import MultiTurnStreamItem, RunPending
from rig_sync.agent.settings import Progress, RunSettings
from rig_sync.agent.steps import CallModel, CallTools, Done
from rig_sync.agent.turn import ask_model
from rig_sync.errors import RigError
from rig_sync.streaming.items import StreamError

__all__ = ["drive"]


def drive(progress: Progress, settings: RunSettings) -> Generator[MultiTurnStreamItem, None, None]:
    """Everything that happens in a run; a failure is the last item, as a `StreamError`."""
    failure: RigError | None = None
    try:
        yield from _steps(progress, settings)
    except RigError as error:
        failure = error.with_traceback(None)  # with it, it would refer to itself
    if settings.token.cancelled and progress.final is None:
        return  # who cancelled knows; the stream tells the hooks, and has the history
    try:
        progress.told = True
        settings.hooks.finished(progress.context, RunFinished(progress.final, failure))
    except RigError as error:
        failure = failure or error.with_traceback(None)
    if failure is None and progress.final is not None:
        yield progress.final
    elif failure is not None:
        failure.history = progress.run.interrupted(progress.partial)
        yield StreamError(failure)


def _steps(progress: Progress, settings: RunSettings) -> Iterator[MultiTurnStreamItem]:
    """Step by step, until there is an answer, or somebody has to be waited for."""
    run = progress.run
    while True:
        match run.next_step():
            case CallModel() as step:
                yield from ask_model(progress, settings, step)
            case CallTools(calls=(), waiting=waiting) if waiting:
                yield RunPending(
                    tuple(one.call for one in run.pending if one.state == "approval"),
                    tuple(one.call for one in run.pending if one.state == "deferred"),
                )
                return
            case CallTools() as step:
                yield from run_tools(progress, settings, step)
            case Done(response=final):
                progress.final = final
                return
