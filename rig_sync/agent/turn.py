"""One turn of the model: what it is asked, who is asked, and what becomes of its answer."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import structs

from rig_sync.agent.actions import Feedback, Repeat
from rig_sync.agent.answering import any_answer
from rig_sync.agent.calls import Checked, check_calls
from rig_sync.agent.events import ModelSelection
from rig_sync.agent.items import ModelTurnRetried, MultiTurnStreamItem
from rig_sync.agent.output import Accepted, Rejected
from rig_sync.agent.settings import Progress, RunSettings
from rig_sync.agent.steps import CallModel
from rig_sync.completion import CompletionRequest, CompletionResponse
from rig_sync.errors import RigError

__all__ = ["ask_model"]


def ask_model(
    progress: Progress, settings: RunSettings, step: CallModel
) -> Iterator[MultiTurnStreamItem]:
    """One turn: everything that comes of it, and at its end the `CompletionCall`."""
    progress.context.turn = step.turn
    request = _request(progress, settings, step)
    selection = ModelSelection(request, settings.model, settings.model, progress.model)
    selected = settings.hooks.model(progress.context, selection)
    response = yield from any_answer(progress, settings, request, selected)
    yield from _judge(progress, settings, response)


def _request(progress: Progress, settings: RunSettings, step: CallModel) -> CompletionRequest:
    """What the model is asked, whichever it is; what it was offered is in the run."""
    tools = settings.tools_for(progress.run)
    choice = settings.template.tool_choice
    forces = choice is not None and choice.mode in ("required", "specific")
    if forces and (step.turn > 1 or not tools):
        choice = None  # or the model could never answer
    request = structs.replace(
        settings.template, messages=step.messages, tools=tools.definitions, tool_choice=choice
    )
    request = settings.hooks.request(progress.context, request)
    progress.tools = tools
    progress.run.offered = tuple(tool.name for tool in request.tools)
    return request


def _judge(
    progress: Progress, settings: RunSettings, response: CompletionResponse
) -> Iterator[MultiTurnStreamItem]:
    """What becomes of an answer: it is taken, tried again, or the end."""
    run = progress.run
    try:
        checked = check_calls(progress, settings, response)
        ruling = _ruling(progress, settings, checked)
    except RigError:
        run.retry_turn(response)  # its tokens count, though nothing becomes of it
        raise
    progress.answer = None  # from here on it is in the run
    response, again = checked.response, True
    failure: RigError | None = checked.failure
    match ruling:
        case Repeat():
            call = run.retry_turn(response)
        case Feedback(text):
            call = run.retry_turn(response, text)
        case Rejected(call_id=call_id) if run.output_retries > 0:
            call = run.retry_answer(response, ruling.feedback, call_id)
        case Rejected():  # resumed with more retries, the model is asked again
            call, again = run.retry_turn(response, ruling.feedback), False
            failure = ruling.error()
        case Accepted(answer, call_id):
            call, again = run.finish(response, answer, call_id), False
        case _:
            call, again = run.model_turn(response), False
    for one in run.batch:
        one.internal_call_id = progress.internal_ids.get(one.call.id, "")
    for result in checked.answered if run.batch else ():
        run.tool_result(result)
    yield call  # the run is whole by now: whoever leaves here may save it
    if again:
        yield ModelTurnRetried(run.turn)
    if failure is not None:
        raise failure


def _ruling(
    progress: Progress, settings: RunSettings, checked: Checked
) -> Repeat | Feedback | Accepted | Rejected | None:
    """What the hooks say of an answer, and then the check of its type; None takes it as it is."""
    if checked.feedback is not None or checked.failure is not None:
        return checked.feedback
    action = settings.hooks.model_turn(progress.context, checked.response)
    if action is not None or settings.output is None:
        return action
    return settings.output.judge(checked.response, progress.run.paused_text)
