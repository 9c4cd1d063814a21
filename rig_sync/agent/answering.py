"""Asking the model, and the next one when it does not answer."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import TypeAlias

from msgspec import structs

from rig_sync.agent.items import MultiTurnStreamItem, StreamAssistantItem
from rig_sync.agent.settings import Progress, RunSettings
from rig_sync.completion import CompletionRequest, CompletionResponse
from rig_sync.errors import (
    Attempt,
    ConfigError,
    PauseTimeout,
    PromptCancelled,
    PromptError,
    ProviderError,
    RigError,
    StreamMisuse,
    TotalTimeout,
)
from rig_sync.message import Text, ToolCall
from rig_sync.model import CompletionModel
from rig_sync.streaming.items import StreamError, StreamFinal, Unknown

__all__ = ["Answering", "any_answer"]

Answering: TypeAlias = Generator[MultiTurnStreamItem, None, CompletionResponse]

QUIET = (StreamFinal, Unknown)
"""Items that say nothing yet."""

FINAL = (ConfigError, PauseTimeout, PromptError, StreamMisuse, TotalTimeout)
"""What another model would not mend."""


def any_answer(
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
    return Attempt(str(failure), status, 0.0, type(failure).__name__)


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
    request = structs.replace(request, model=model.name)
    if settings.output is not None:
        request = settings.output.asked(request, model)
    hooks, heard, spoke = settings.hooks, settings.hooks.deltas, False
    options = settings.options
    if hooks.hears_retries:
        options = structs.replace(options, on_retry=partial(hooks.retry, progress.context))
    progress.answer = stream = model.stream(
        request, options, raise_errors="none", unary=settings.unary
    )
    try:
        for item in stream.within():
            kind = type(item)
            if kind is Text and not heard:
                spoke = True
                yield StreamAssistantItem(item)
            elif not isinstance(item, StreamError):
                if kind in heard:
                    hooks.delta(progress.context, item)
                spoke = spoke or kind not in QUIET
                yield StreamAssistantItem(item)
                if isinstance(item, ToolCall):
                    progress.internal_ids[item.id] = item.internal_call_id or item.id
            elif item.error.recoverable:
                yield item
            else:
                raise item.error
        stream.end()
        if settings.token.cancelled:
            raise PromptCancelled("the run was cancelled")
    except BaseException as error:  # whoever leaves here: the connection goes
        progress.spoke = spoke
        stream.close()
        if isinstance(error, RigError) and error.partial is None:
            error.partial = stream.response
        raise
    return stream.response
