"""The tools of one turn: asked about, run, and their results brought together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import msgspec

from rig_sync.agent.actions import Defer, Skip
from rig_sync.agent.events import ToolCallEvent, ToolResultEvent
from rig_sync.agent.execution import Emitted, Job, Settled, Started, run_batch
from rig_sync.agent.items import (
    MultiTurnStreamItem,
    StreamUserItem,
    ToolExecutionCommitted,
    ToolExecutionStarted,
    ToolProgress,
)
from rig_sync.agent.settings import Progress, RunSettings
from rig_sync.agent.steps import CallTools, PendingCall
from rig_sync.errors import ToolRetriesExceeded
from rig_sync.message import Text, ToolCall, ToolResult
from rig_sync.streaming.cancel import CancelToken
from rig_sync.tools import (
    StreamingTool,
    Tool,
    ToolContext,
    ToolOptions,
    check_call,
    options_of,
    start_tool,
)

__all__ = ["run_tools"]


def run_tools(
    progress: Progress, settings: RunSettings, step: CallTools
) -> Iterator[MultiTurnStreamItem]:
    """Run what may run; the results come out in call order, when nothing of the batch is left.

    Calls that wait for people stay as they are, and so do all results of the batch then.
    """
    return _Batch(progress, settings, step).items()


class _Batch:
    """The tool calls of one turn."""

    def __init__(self, progress: Progress, settings: RunSettings, step: CallTools) -> None:
        self._progress = progress
        self._run = progress.run
        self._settings = settings
        self._step = step
        self._tools = settings.all_tools if progress.tools is None else progress.tools
        self._ids = {one.call.id: one.internal_call_id for one in progress.run.batch}
        self._open: dict[int, tuple[ToolContext, Callable[[], None]]] = {}
        self._news: list[MultiTurnStreamItem] = []

    def items(self) -> Iterator[MultiTurnStreamItem]:
        """Everything that happens."""
        settings = self._settings
        happenings = run_batch(
            self._jobs(),
            concurrency=settings.tool_concurrency,
            clock=settings.clock,
            token=settings.token,
            pause=settings.options.pause,
        )
        for one in happenings:
            if isinstance(one, Started):
                self._run.tool_started(one.job.call)
                yield ToolExecutionStarted(one.job.call, self._id(one.job.call))
            elif isinstance(one, Emitted):
                content = _told(one.content)
                yield ToolProgress(one.job.call, content, self._id(one.job.call))
            else:
                self._settle(one)
            yield from self._taken()
        yield from self._taken()
        yield from self._commit()

    def _jobs(self) -> Iterator[Job]:
        """What is to be run, in call order; the hooks are asked when its turn has come."""
        approved = {one.call.id for one in self._run.batch if one.state == "approved"}
        for number, asked in enumerate(self._step.calls):
            event = ToolCallEvent(asked, self._id(asked), asked.id in approved)
            call, action = self._settings.hooks.tool_call(self._progress.context, event)
            options = _options(self._tools.get(call.name))
            if isinstance(action, Skip):
                self._answer(call, ToolResult(call.id, (Text(action.message),), call.name))
            elif options.deferred or isinstance(action, Defer) or _unapproved(options, event):
                wrong = check_call(self._tools, call)
                if wrong is not None:  # nobody should be asked about a call that cannot run
                    self._answer(call, wrong)
                else:
                    self._run.hold(call, "deferred" if options.deferred else "approval")
            else:
                yield self._job(number, call, options, approved=event.approved)

    def _job(self, number: int, call: ToolCall, options: ToolOptions, *, approved: bool) -> Job:
        settings = self._settings
        token = CancelToken()
        context = ToolContext(
            run_id=self._run.id,
            call_id=call.id,
            turn=self._step.turn,
            agent_name=settings.agent_name,
            deps=settings.deps,
            cancel=token,
            pause=settings.options.pause,
            approved=approved,
            above=settings.above,
        )
        self._open[number] = (context, settings.token.subscribe(token.cancel))
        timeout = options.timeout or settings.clock.timeouts.tool
        timed = settings.clock.timeouts.total is not None
        apart = timed and isinstance(self._tools.get(call.name), StreamingTool)
        work = partial(start_tool, self._tools, call, context)
        return Job(number, call, work, timeout, token, apart)

    def _settle(self, settled: Settled) -> None:
        """A tool has ended: its tokens count, and the hooks see its result."""
        context, unsubscribe = self._open.pop(settled.job.number)
        unsubscribe()
        self._run.usage += context.usage
        self._answer(settled.job.call, settled.result)

    def _answer(self, call: ToolCall, raw: ToolResult) -> None:
        event = ToolResultEvent(call, raw, raw, self._id(call))
        result = raw
        try:
            for seen in self._settings.hooks.tool_results(self._progress.context, event):
                result = seen
        finally:  # a hook that ends the run does not take the result with it
            pending = self._run.tool_result(result)
        if self._settings.live_results:
            pending.shown = True
            self._news += self._shown(pending)

    def _commit(self) -> Iterator[MultiTurnStreamItem]:
        """Once all have answered: tell the model, and show the results."""
        batch = list(self._run.batch)
        if any(one.result is None for one in batch):
            return
        self._run.tool_results(())
        self._check_retries(batch)
        for one in batch:
            if not one.shown:
                yield from self._shown(one)

    def _check_retries(self, batch: list[PendingCall]) -> None:
        for one in batch:
            limit = _options(self._tools.get(one.call.name)).retries
            count = self._run.failures.get(one.call.name, 0)
            if one.failed and limit is not None and count > limit:
                raise ToolRetriesExceeded(
                    f"the tool {one.call.name} failed {count} times in a row, and its retries are "
                    f"{limit}; the last time: {one.settled.text}"
                )

    def _shown(self, one: PendingCall) -> Iterator[MultiTurnStreamItem]:
        if one.ran:
            yield ToolExecutionCommitted(one.call, self._id(one.call))
        if one.result is not None:
            yield StreamUserItem(one.result, self._id(one.call))

    def _taken(self) -> list[MultiTurnStreamItem]:
        news, self._news = self._news, []
        return news

    def _id(self, call: ToolCall) -> str:
        return self._ids.get(call.id) or call.id


def _options(tool: Tool | None) -> ToolOptions:
    return ToolOptions() if tool is None else options_of(tool)


def _unapproved(options: ToolOptions, event: ToolCallEvent) -> bool:
    return options.approval and not event.approved


def _told(content: object) -> MultiTurnStreamItem | str:
    """What a tool tells, as the stream's items carry it."""
    if isinstance(content, (str, MultiTurnStreamItem)):
        return content
    try:
        return msgspec.json.encode(content, enc_hook=repr).decode()
    except (TypeError, ValueError, RecursionError):  # what it shows must not end the run
        return repr(content)
