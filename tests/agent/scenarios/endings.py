"""How a run has to end, after what its last recorded answer says."""

from __future__ import annotations

from rig_sync.agent.items import FinalResponse
from rig_sync.errors import (
    ConfigError,
    MaxTurnsExceeded,
    PromptError,
    ProviderError,
    ResponseDecodeError,
    StreamTruncated,
    UnknownToolCall,
)
from tests.agent.scenarios.enacting import Enacted, NoPrompt
from tests.wire.compare import FINISH_KINDS, is_cut
from tests.wire.corpus import Expected
from tests.wire.fidelity import is_scored

__all__ = ["Judged", "judged"]

Judged = tuple[str, str]
"""The kind of ending, and what is wrong with it; nothing, if it is as documented."""


def judged(enacted: Enacted) -> Judged:
    """What a run ended in, against what its last recorded answer says."""
    expected, ending = enacted.run.links[-1].recording.expected, enacted.ending
    shown = "" if isinstance(ending, FinalResponse) else repr(ending)[:300]
    if len(enacted.asked) < len(enacted.run.links):
        kind = type(ending).__name__
        if isinstance(ending, (NoPrompt, ConfigError)):
            return "not asked: see explained", ""
        if isinstance(ending, UnknownToolCall):
            return "unknown tool", ""
        return kind, f"ended after {len(enacted.asked)} model calls: {shown or kind}"
    if expected is None or not is_scored(expected):
        refused = isinstance(ending, ConfigError)
        return "not scored: the recording is ambiguous", shown if refused else ""
    kind, wanted = _documented(expected, enacted)
    if not isinstance(ending, wanted):
        return kind, f"not {' or '.join(w.__name__ for w in wanted)}, but {shown or 'an answer'}"
    if isinstance(ending, ResponseDecodeError):
        return kind, shown
    if isinstance(ending, FinalResponse):
        return kind, _of_answer(expected, ending)
    cut = {call.id for call in expected.tool_calls if is_cut(call, expected.finish) and call.id}
    return kind, f"a call was cut, and ran: {cut}" if cut & set(enacted.ran) else ""


def _documented(expected: Expected, enacted: Enacted) -> tuple[str, tuple[type, ...]]:
    """The kind of ending, and the types that it may be of; see DESIGN.md, chapters 2, 4 and 5."""
    finish = FINISH_KINDS.get(expected.finish or "")
    if expected.error is not None:
        return f"error of the provider ({expected.error.where})", (ProviderError,)
    if not expected.complete and expected.finish is None:
        return "stream broken off", (StreamTruncated,)
    known = {tool.name for tool in enacted.opening.tools}
    if any(call.name not in known for call in expected.tool_calls):
        return "unknown tool", (UnknownToolCall, MaxTurnsExceeded, PromptError)
    if any(is_cut(call, expected.finish) for call in expected.tool_calls):
        return "cut tool call, not run", (MaxTurnsExceeded, PromptError, FinalResponse)
    if expected.tool_calls:
        return "recording stops at tool calls", (MaxTurnsExceeded,)
    if finish == "length" and not expected.text:
        return "tokens used up before a word", (PromptError,)
    if expected.refusal or finish == "content_filter":
        return "refusal", (FinalResponse,)
    if finish == "length":
        return "answer cut by the token limit", (FinalResponse,)
    return "answer" if expected.text else "empty answer", (FinalResponse,)


def _of_answer(expected: Expected, ending: FinalResponse) -> str:
    words, calls = expected.text + expected.refusal, ending.completion_calls
    paused = any(one.finish_reason and one.finish_reason.unfinished for one in calls[:-1])
    if ending.output != words and not (paused and ending.output.endswith(words)):
        return f"output {ending.output!r:.200} instead of {words!r:.200}"
    finish, call = FINISH_KINDS.get(expected.finish or ""), calls[-1]
    ours = call.finish_reason.kind if call.finish_reason else None
    if finish is not None and ours != finish:
        return f"finish {ours!r} instead of {finish!r}"
    return ""
