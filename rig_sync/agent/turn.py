"""One turn of the model: what it is asked, who is asked, and what becomes of its answer."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TypeAlias

from msgspec.structs import replace

from rig_sync.agent.calls import check_calls
from rig_sync.agent.events import ModelSelection
from rig_sync.agent.items import (
    ModelTurnRetried,
    MultiTurnStreamItem,
    StreamAssistantItem,
)
from rig_sync.agent.output import Accepted, Rejected
from rig_sync.agent.settings import Progress, RunSettings
from rig_sync.agent.steps import CallModel
from rig_sync.completion import CompletionRequest, CompletionResponse
from rig_sync.errors import (
    Attempt,
    ConfigError,
    PromptCancelled,
    PromptError,
    ProviderError,
    RigError,
    StreamMisuse,
    TotalTimeout,
)
from rig_sync.message import ToolCall, UserMessage
from rig_sync.model import CompletionModel
from rig_sync.streaming.items import StreamError, StreamFinal, Unknown

__all__ = ["ask_model"]

Answering: TypeAlias = Generator[MultiTurnStreamItem, None, CompletionResponse]

QUIET = (StreamFinal, Unknown)
"""Items that say nothing yet."""

FINAL = (ConfigError, PromptError, StreamMisuse, TotalTimeout)
"""What another model would not mend."""


def ask_model(
    progress: Progress, settings: RunSettings, step: CallModel
) -> Iterator[MultiTurnStreamItem]:
    """One turn: everything that comes of it, and at its end the `CompletionCall`."""
    progress.context.turn = step.turn
    request = _request(progress, settings, step)
    selection = ModelSelection(request, settings.model, settings.model, progress.model)
    selected = settings.hooks.model(progress.context, selection)
    response = yield from _any_answer(progress, settings, request, selected)
    yield from _judge(progress, settings, response)


def _request(progress: Progress, settings: RunSettings, step: CallModel) -> CompletionRequest:
    """What the model is asked, whichever it is; what it was offered is in the run."""
    tools = settings.tools_for(_last_words(step))
    choice = settings.template.tool_choice
    if step.turn > 1 and choice is not None and choice.mode in ("required", "specific"):
        choice = None  # or the model could never answer
    request = replace(
        settings.template, messages=step.messages, tools=tools.definitions, tool_choice=choice
    )
    request = settings.hooks.request(progress.context, request)
    progress.tools = tools
    progress.run.offered = tuple(tool.name for tool in request.tools)
    return request


def _any_answer(
    progress: Progress,
    settings: RunSettings,
    request: CompletionRequest,
    selected: CompletionModel,
) -> Answering:
    """The answer of the first model that begins to give one.

    A failure after the first content is the run's: what was said cannot be taken back.
    """
    answer = yield from _outcome(progress, settings, request, selected)
    asked, silent = selected, []
    for model in settings.fallbacks:
        final = progress.spoke or settings.token.cancelled or isinstance(answer, FINAL)
        if final or not isinstance(answer, RigError):
            break
        failure = answer
        answer = yield from _outcome(progress, settings, request, model)
        if isinstance(answer, ConfigError):
            answer = failure  # this one could not be asked such a thing at all
            continue
        silent.append(f"{asked!r} did not answer, so another was asked: {failure}")
        asked = model
        if isinstance(answer, RigError):
            answer.attempts = (*failure.attempts, _attempt(failure), *answer.attempts)
    if isinstance(answer, RigError):
        raise answer
    progress.run.defects += silent
    return answer


def _attempt(failure: RigError) -> Attempt:
    status = failure.status if isinstance(failure, ProviderError) else None
    return Attempt(str(failure), status, 0.0)


def _outcome(
    progress: Progress, settings: RunSettings, request: CompletionRequest, model: CompletionModel
) -> Generator[MultiTurnStreamItem, None, CompletionResponse | RigError]:
    """The answer of `model`, or its failure."""
    progress.model = model
    try:
        return (yield from _answer(progress, settings, model, request))
    except RigError as error:
        return error.with_traceback(None)


def _answer(
    progress: Progress, settings: RunSettings, model: CompletionModel, request: CompletionRequest
) -> Answering:
    """The answer of `model`; what it said so far is kept on every way out."""
    request = replace(request, model=model.name)
    if settings.output is not None:
        request = settings.output.asked(request, model)
    progress.answer = stream = model.stream(
        request, settings.options, raise_errors="none", unary=settings.unary
    )
    hooks, heard, spoke = settings.hooks, settings.hooks.deltas, False
    try:
        for item in stream:
            if type(item) is not StreamError:
                if type(item) in heard:
                    hooks.delta(progress.context, item)
                spoke = spoke or type(item) not in QUIET
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
        progress.spoke = spoke
        stream.close()
        raise
    return stream.response


def _judge(
    progress: Progress, settings: RunSettings, response: CompletionResponse
) -> Iterator[MultiTurnStreamItem]:
    """What becomes of an answer: it is taken, tried again, or the end."""
    run = progress.run
    try:
        checked = check_calls(progress, settings, response)
        response, retry = checked.response, checked.feedback is not None
        feedback, verdict = checked.feedback, None
        if not retry and checked.failure is None:
            action = settings.hooks.model_turn(progress.context, response)
            retry, feedback = action is not None, getattr(action, "text", None)
        if settings.output is not None and not retry and checked.failure is None:
            verdict = settings.output.judge(response)
    except RigError:
        run.retry_turn(response)  # its tokens count, though nothing becomes of it
        raise
    progress.answer = None  # from here on it is in the run
    if retry:
        yield run.retry_turn(response, feedback)
        yield ModelTurnRetried(run.turn)
        return
    if isinstance(verdict, Accepted):
        yield run.finish(response, verdict.answer, verdict.call_id)
        return
    again = isinstance(verdict, Rejected) and run.output_retries > 0
    if isinstance(verdict, Rejected) and again:
        call = run.retry_answer(response, verdict.feedback, verdict.call_id)
    else:
        call = run.model_turn(response)
    for one in run.batch:
        one.internal_call_id = progress.internal_ids.get(one.call.id, "")
    for result in checked.answered:
        run.tool_result(result)
    yield call  # the run is whole by now: whoever leaves here may save it
    if again:
        yield ModelTurnRetried(run.turn)
    if checked.failure is not None:
        raise checked.failure
    if isinstance(verdict, Rejected) and not again:
        raise verdict.error()


def _last_words(step: CallModel) -> str:
    """What the user said last, and before: the last may be a hook's word on an answer."""
    said = [message.text for message in step.messages if isinstance(message, UserMessage)]
    return "\n".join([text for text in said if text][-2:])
