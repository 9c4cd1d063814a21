"""The one loop: asks the run what to do, does it, and yields what happens."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from rig_sync.agent.execution import run_batch
from rig_sync.agent.items import (
    FinalResponse,
    MultiTurnStreamItem,
    StreamAssistantItem,
    StreamUserItem,
    ToolExecutionCommitted,
    ToolExecutionStarted,
)
from rig_sync.agent.run import AgentRun, CallModel, CallTools, Done
from rig_sync.completion import CompletionRequest
from rig_sync.errors import PromptCancelled, RigError, UnknownToolCall
from rig_sync.message import AssistantMessage, ToolCall, ToolResult
from rig_sync.model import CallOptions, CompletionModel
from rig_sync.streaming.cancel import CancelToken
from rig_sync.streaming.items import StreamError
from rig_sync.streaming.response import Clock, StreamingCompletionResponse
from rig_sync.tools import ToolContext, ToolSet, run_tool

__all__ = ["Progress", "RunSettings", "drive"]


class RunSettings(Struct, frozen=True, kw_only=True):
    """What one run works with; `template` is the request without its messages."""

    model: CompletionModel
    template: CompletionRequest
    tools: ToolSet
    options: CallOptions
    clock: Clock
    token: CancelToken
    cancel: CancelToken | None = None
    agent_name: str = ""
    tool_concurrency: int = 1
    deps: object = None
    unary: bool = False


class Progress:
    """Where a run stands, for whoever holds the stream.

    Attributes:
        run: The run; grows while it is driven.
        answer: The model's answer under way, or the one that broke off.
        final: The end, once it has come.
        internal_ids: What the stream called each tool call, by the call's id.
    """

    def __init__(self, run: AgentRun) -> None:
        self.run = run
        self.answer: StreamingCompletionResponse | None = None
        self.final: FinalResponse | None = None
        self.internal_ids: dict[str, str] = {}

    @property
    def partial(self) -> AssistantMessage | None:
        """What the model has said so far of the turn under way."""
        return None if self.answer is None else self.answer.message


def drive(progress: Progress, settings: RunSettings) -> Iterator[MultiTurnStreamItem]:
    """Everything that happens in a run; a failure is the last item, as a `StreamError`."""
    run = progress.run
    try:
        while True:
            match run.next_step():
                case CallModel() as step:
                    yield from _ask_model(progress, settings, step)
                case CallTools(turn=turn, calls=calls):
                    yield from _run_tools(progress, settings, turn, calls)
                case Done(response=final):
                    progress.final = final
                    yield final
                    return
    except PromptCancelled:
        return  # whoever cancelled knows; the history is on the stream
    except RigError as error:
        failure = error
    failure.history = run.interrupted(progress.partial)
    yield StreamError(failure.with_traceback(None))


def _ask_model(
    progress: Progress, settings: RunSettings, step: CallModel
) -> Iterator[MultiTurnStreamItem]:
    """One model call; what it said so far is kept on every way out."""
    choice = settings.template.tool_choice
    if step.turn > 1 and choice is not None and choice.mode in ("required", "specific"):
        choice = None  # or the model could never answer
    request = replace(settings.template, messages=step.messages, tool_choice=choice)
    progress.answer = stream = settings.model.stream(
        request, settings.options, raise_errors="none", unary=settings.unary
    )
    try:
        for item in stream:
            if type(item) is not StreamError:
                yield StreamAssistantItem(item)
                if type(item) is ToolCall:
                    progress.internal_ids[item.id] = item.internal_call_id or item.id
            elif item.error.recoverable:
                yield item
            else:
                raise item.error
        if settings.token.cancelled:
            raise PromptCancelled("the run was cancelled")
    except BaseException:
        stream.close()
        raise
    progress.answer = None
    yield progress.run.model_turn(stream.response)


def _run_tools(
    progress: Progress, settings: RunSettings, turn: int, calls: tuple[ToolCall, ...]
) -> Iterator[MultiTurnStreamItem]:
    """One batch of tool calls; results come out in call order, after all have settled."""
    run, ids = progress.run, {call.id: progress.internal_ids.get(call.id, "") for call in calls}
    for call in calls:
        if call.name not in settings.tools:
            known = settings.tools.listed
            raise UnknownToolCall(f"the model called {call.name!r}; the agent's tools are: {known}")

    def run_one(call: ToolCall) -> ToolResult:
        context = ToolContext(
            run_id=run.id,
            call_id=call.id,
            turn=turn,
            agent_name=settings.agent_name,
            deps=settings.deps,
            cancelled=lambda: settings.token.cancelled,
        )
        return run_tool(settings.tools, call, context)

    results: dict[int, ToolResult] = {}
    batch = run_batch(
        calls,
        run_one,
        concurrency=settings.tool_concurrency,
        timeout=settings.clock.timeouts.tool,
        clock=settings.clock,
        token=settings.token,
        results=results,
    )
    for call in batch:
        run.started.append(call.id)
        yield ToolExecutionStarted(call, ids[call.id])
    run.tool_results([results[number] for number in range(len(calls))])
    for number, call in enumerate(calls):
        yield ToolExecutionCommitted(call, ids[call.id])
        yield StreamUserItem(results[number], ids[call.id])
