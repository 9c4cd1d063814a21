"""What is right: a word for what a client saw, and whether that is what it should be.

One judge serves all clients. It asks only for what every caller can see: words, tool calls, usage,
an exception, the time it took, and whether the connection was closed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from tests.faults.torture.asking import Seen

__all__ = [
    "WORDS",
    "Judge",
    "Verdict",
    "answers",
    "calls",
    "counts",
    "ends_in_error",
    "expires",
    "lets_go",
    "never_runs",
    "reports",
    "runs",
    "tells_of_defect",
]

WORDS: dict[str, str] = {
    "ok": "right: the whole answer, and nothing that was not in it",
    "typed": "right: failed with an exception of the SDK (or of the SDK it is made of), after the "
    "words that had come; of an error that the server told, its message is in it",
    "timeout": "right: failed with a timeout, in time, after the words that had come",
    "error": "failed, but with another library's exception (right where only a failure is asked "
    "for, wrong where the server's own error should be in it)",
    "closed": "right: the connection was closed within 2 s of the `break`",
    "not run": "right: the tool did not run",
    "told": "right: all the words, and the defect is told beside them",
    "hang": "not over 10 s after its timeout, and left alone then",
    "late": "whole, but only seconds after the server had said that it was done",
    "clean end": "a broken answer that ended as if it were whole",
    "fake finish": "the same, with a finish reason or usage that the server never sent",
    "dies": "an exception ended an answer that could be read",
    "silent": "all the words, but nobody is told that a frame was lost",
    "text lost": "words that had come are missing",
    "garbled": "other words than were sent",
    "merged": "two calls became one",
    "split": "one call became two",
    "lost": "the tool call or the usage is missing",
    "no id": "a call without an id, or two with one: its result cannot be sent back",
    "wrong": "another call or other numbers than were sent",
    "invented": "numbers where none were sent",
    "ran": "the tool ran on what was not whole",
    "left open": "the connection was still open 2 s after the `break`, with the collector off",
    "crash": "the process died",
    "pieces": "not judged: it hands over pieces of calls; joining them is left to the caller",
    "n/a": "not judged: it has no such function",
}

TEXT = "Hello"


class Verdict(NamedTuple):
    """A word of `WORDS`, and whether it is right; None when that is not to be judged."""

    word: str
    right: bool | None


Judge: TypeAlias = Callable[[Seen, Sequence[str]], Verdict]
"""Judges what was seen; the names are those of the packages whose exceptions are expected."""

UNFIT, HANG, CRASH = Verdict("n/a", None), Verdict("hang", False), Verdict("crash", False)
DIES, LOST, OK = Verdict("dies", False), Verdict("text lost", False), Verdict("ok", True)


def _settled(seen: Seen) -> Verdict | None:
    return {"unfit": UNFIT, "hang": HANG, "crash": CRASH}.get(seen.end)


def _is_own(seen: Seen, own: Sequence[str]) -> bool:
    """Whether a caller of the SDK would expect that exception."""
    return seen.failure is not None and seen.failure.kind.partition(".")[0] in own


def _is_timeout(seen: Seen) -> bool:
    names = seen.failure.tree if seen.failure is not None else []
    return any("Timeout" in name.rpartition(".")[2] for name in names)


def _ended_well(seen: Seen) -> Verdict:
    faked = seen.finish is not None or bool(seen.usage and any(seen.usage))
    return Verdict("fake finish" if faked else "clean end", False)


def answers(text: str = TEXT, within: float | None = None) -> Judge:
    """The whole answer, though the wire is odd; `within` so many seconds."""

    def judge(seen: Seen, own: Sequence[str]) -> Verdict:
        if (settled := _settled(seen)) is not None:
            return settled
        if seen.end == "error":
            return DIES
        if seen.text != text:
            return LOST if len(seen.text) < len(text) else Verdict("garbled", False)
        if within is not None and seen.seconds > within:
            return Verdict("late", False)
        return OK

    return judge


def tells_of_defect(text: str = TEXT) -> Judge:
    """All words around a frame that nobody can read, and word of it."""

    def judge(seen: Seen, own: Sequence[str]) -> Verdict:
        verdict = answers(text)(seen, own)
        if verdict is not OK:
            return verdict
        return Verdict("told", True) if seen.defects else Verdict("silent", False)

    return judge


def expires(text: str = TEXT) -> Judge:
    """A timeout, after the words that came."""

    def judge(seen: Seen, own: Sequence[str]) -> Verdict:
        if (settled := _settled(seen)) is not None:
            return settled
        if seen.end != "error":
            return _ended_well(seen)
        if seen.text != text:
            return LOST
        return Verdict("timeout" if _is_timeout(seen) else "error", True)

    return judge


def ends_in_error(text: str | None = TEXT) -> Judge:
    """The answer is broken, and that is told, after `text`; None: after whatever came of it."""

    def judge(seen: Seen, own: Sequence[str]) -> Verdict:
        if (settled := _settled(seen)) is not None:
            return settled
        if seen.end != "error":
            return _ended_well(seen)
        if text is not None and seen.text != text:
            return LOST
        return Verdict("typed" if _is_own(seen, own) else "error", True)

    return judge


def reports(message: str, text: str = "") -> Judge:
    """The server told of an error: one of the SDK's own with the server's message, after `text`."""

    def judge(seen: Seen, own: Sequence[str]) -> Verdict:
        if (settled := _settled(seen)) is not None:
            return settled
        if seen.end != "error" or seen.failure is None:
            return _ended_well(seen)
        if seen.text != text:
            return LOST
        typed = _is_own(seen, own) and message in seen.failure.says
        return Verdict("typed", True) if typed else Verdict("error", False)

    return judge


def calls(*expected: tuple[str, dict[str, Any]], ids: tuple[str, ...] = ()) -> Judge:
    """These tool calls, each with an id of its own; with these ids, if given."""
    wanted = list(expected)

    def judge(seen: Seen, own: Sequence[str]) -> Verdict:
        if (settled := _settled(seen)) is not None:
            return settled
        if seen.end == "error":
            return DIES
        if seen.calls is None:
            return Verdict("pieces", None)
        found = [(call.name, _arguments(call.arguments)) for call in seen.calls]
        if len(found) != len(wanted):
            word = "lost" if not found else "merged" if len(found) < len(wanted) else "split"
            return Verdict(word, False)
        if found != wanted:
            return Verdict("wrong", False)
        told = [call.id for call in seen.calls]
        if not all(told) or len(set(told)) < len(told) or (ids and tuple(told) != ids):
            return Verdict("no id", False)
        return OK

    return judge


def counts(into: int | None, out: int | None) -> Judge:
    """That usage, and the whole answer; None, None: that none was told."""

    def judge(seen: Seen, own: Sequence[str]) -> Verdict:
        verdict = answers()(seen, own)
        if verdict is not OK:
            return verdict
        told = seen.usage or [None, None]
        if told == [into, out]:
            return OK
        if into is None:
            return Verdict("invented", False)
        return Verdict("wrong" if any(told) else "lost", False)

    return judge


def never_runs() -> Judge:
    """The tool must not run; what becomes of the rest is judged elsewhere."""

    def judge(seen: Seen, own: Sequence[str]) -> Verdict:
        if seen.ran:
            return Verdict("ran", False)
        return _settled(seen) or Verdict("not run", True)

    return judge


def runs(*expected: str) -> Judge:
    """The tool runs once, and the answer after it comes."""

    def judge(seen: Seen, own: Sequence[str]) -> Verdict:
        if (settled := _settled(seen)) is not None:
            return settled
        if seen.end == "error":
            return DIES
        if seen.ran != list(expected):
            return Verdict("wrong" if seen.ran else "lost", False)
        return OK

    return judge


def lets_go() -> Judge:
    """The loop was left: nothing is raised, and the connection is gone."""

    def judge(seen: Seen, own: Sequence[str]) -> Verdict:
        if (settled := _settled(seen)) is not None:
            return settled
        if seen.end == "error":
            return DIES
        return Verdict("closed", True) if seen.closed else Verdict("left open", False)

    return judge


def _arguments(value: Any) -> Any:
    """Arguments as an object, if they are the JSON text of one."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.strip() else value
    except ValueError:
        return value
