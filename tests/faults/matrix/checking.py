"""What has to be so of one case: all that the rules, and the contract of streams, promise."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

from rig_sync.client import Client
from rig_sync.completion import Usage
from rig_sync.errors import (
    FirstEventTimeout,
    ProviderError,
    ResponseDecodeError,
    RigError,
    TotalTimeout,
)
from rig_sync.message import AssistantMessage, Message, ToolResult, UserMessage
from tests.faults.matrix.answers import Form
from tests.faults.matrix.cases import Case
from tests.faults.matrix.faults import Fault
from tests.faults.matrix.moments import KEY, Moment
from tests.faults.matrix.running import TRIES, Seen
from tests.faults.matrix.wires import SAMPLES

__all__ = ["BOUND", "problems"]

BOUND = 15.0  # seconds: tells a hang from a machine that is busy
BODY_LIMIT = 4096
BEFORE = (Moment.HEADERS, Moment.CONTENT)
CLIENTS = {
    name: sample.connect({"base_url": "http://127.0.0.1:9"}) for name, sample in SAMPLES.items()
}


def problems(case: Case, seen: Seen) -> Iterator[str]:
    """Everything that is not as it should be, in words; of another end, that alone."""
    ends = list(_of_the_end(case, seen))
    if ends:
        yield from ends
        return
    yield from _of_the_items(case, seen)
    yield from _of_the_requests(case, seen)
    if isinstance(seen.error, RigError):
        yield from _of_the_error(case, seen.error)
    if seen.response is not None:
        yield from _of_the_response(case, seen)
    if case.form in (Form.AGENT, Form.PROMPT):
        yield from _of_the_run(case, seen)


def _differs(what: str, found: object, wanted: object) -> Iterator[str]:
    if found != wanted:
        yield f"{what}: {found!r}, not {wanted!r}"


def _words(case: Case) -> str:
    """The words that have come by the end of the case."""
    if case.rule.error is not None and (case.moment in BEFORE or not case.form.streamed):
        return ""
    early = case.form.streamed and case.moment is Moment.CONTENT
    return f"{case.rule.extra}Hello" if early else f"Hello{case.rule.extra}"


def _has_call(case: Case) -> bool:
    if case.rule.error is None:
        return True
    return case.form.streamed and case.moment in (Moment.CALL, Moment.FINISH, Moment.END)


def _of_the_end(case: Case, seen: Seen) -> Iterator[str]:
    wanted = case.rule.error
    if wanted is None and seen.error is not None:
        yield f"raised {seen.error!r}, though the answer is whole"
    elif wanted is not None:
        yield from _differs("raised", type(seen.error).__name__, wanted.__name__)
    if seen.seconds > BOUND:
        yield f"took {seen.seconds:.1f} s"
    if case.rule.keeps and case.form in (Form.STREAM, Form.SEND) and not seen.pooled:
        yield "the connection was not kept"


def _of_the_items(case: Case, seen: Seen) -> Iterator[str]:
    whole = case.rule.error is None
    if case.form is not Form.SEND:
        yield from _differs("terminal records", seen.finals, int(whole))
    if not case.form.streamed:
        return
    yield from _differs(
        "words", seen.text, _words(case) + "Hello" * (whole and case.form is Form.AGENT)
    )
    calls = [("add", {"x": 1, "y": 2})] if _has_call(case) else []
    yield from _differs("calls", seen.calls, calls)
    if case.rule.defects is not None:
        yield from _differs("bad frames told", len(seen.defects), case.rule.defects)
    for defect in seen.defects:
        if not (isinstance(defect, ResponseDecodeError) and defect.recoverable):
            yield f"told as a bad frame: {defect!r}"


def _of_the_requests(case: Case, seen: Seen) -> Iterator[str]:
    tries = TRIES if case.rule.retried else 1
    turns = 1 + (case.form in (Form.AGENT, Form.PROMPT) and case.rule.error is None)
    if not (case.rule.error is FirstEventTimeout and not seen.requests):  # the machine was busy
        yield from _differs("requests", len(seen.requests), tries * turns)
    if case.rule.retried:
        yield from _differs("different bodies", len({one.body for one in seen.requests}), 1)


def _of_the_error(case: Case, error: RigError) -> Iterator[str]:
    provider = CLIENTS[case.sample.wire].name
    text = str(error)
    if provider not in text and not isinstance(error, TotalTimeout):  # that one is the run's
        yield f"the message does not name {provider}: {text}"
    if case.rule.says not in text:
        yield f"the message does not say {case.rule.says!r}: {text}"
    yield from _differs("attempts", len(error.attempts), TRIES - 1 if case.rule.retried else 0)
    if error.recoverable:
        yield "raised as recoverable"
    for place in (text, repr(error), getattr(error, "body", ""), str(error.attempts)):
        if KEY in place:
            yield f"the key is told: {place}"
    if KEY.encode() in pickle.dumps(error):
        yield "the key is in the pickle"
    if isinstance(error, ProviderError):
        yield from _differs("provider", error.provider, provider)
        if len(error.body) > BODY_LIMIT:
            yield f"the body is {len(error.body)} characters"


def _of_the_response(case: Case, seen: Seen) -> Iterator[str]:
    assert seen.response is not None
    whole = case.rule.error is None
    what = "response" if whole else "partial"
    yield from _differs(f"{what}: words", seen.response.text, _words(case))
    names = [call.name for call in seen.response.message.tool_calls]
    yield from _differs(f"{what}: calls", names, ["add"] if _has_call(case) else [])
    wanted = case.sample.early
    if case.moment is Moment.FINISH:
        wanted = case.sample.late
    elif whole or (case.moment is Moment.END and case.form.streamed):
        wanted = case.sample.usage
    elif case.moment is Moment.HEADERS or not case.form.streamed or _replaces(case.fault):
        wanted = Usage()
    late = case.rule.error is FirstEventTimeout and not seen.response.usage  # the machine was busy
    if not late:
        yield from _differs(f"{what}: usage", seen.response.usage, wanted)


def _replaces(fault: Fault) -> bool:
    """Whether nothing of the answer comes, not even what is ahead of its content."""
    return fault.group == "bodies" or fault.name == "broken compression"


def _of_the_run(case: Case, seen: Seen) -> Iterator[str]:
    whole = case.rule.error is None
    yield from _differs("tools that ran", seen.ran, ["add"] if whole else [])
    history = seen.history or ()
    if not history:
        yield "there is no history"
    for wire, client in CLIENTS.items():
        yield from _refusal(wire, client, history)
    if isinstance(seen.error, RigError) and seen.error.history != history:
        yield "error.history is another than stream.messages"
    if not whole:
        yield from _of_the_cut_history(case, history)


def _refusal(wire: str, client: Client, history: tuple[Message, ...]) -> Iterator[str]:
    try:
        client.completion_model("m-1").stream_completion("Go on", history).stream()
    except RigError as error:
        yield f"{wire} does not take the history: {error}"


def _of_the_cut_history(case: Case, history: tuple[Message, ...]) -> Iterator[str]:
    """What had been said is in it, and every call is answered."""
    said = [message for message in history if isinstance(message, AssistantMessage)]
    yield from _differs("history: words", "".join(one.text for one in said), _words(case))
    called = [call.id for one in said for call in one.tool_calls]
    yield from _differs("history: calls", len(called), int(_has_call(case)))
    answered = [
        part.id
        for message in history
        if isinstance(message, UserMessage)
        for part in message.content
        if isinstance(part, ToolResult)
    ]
    yield from _differs("history: results", answered, called)
