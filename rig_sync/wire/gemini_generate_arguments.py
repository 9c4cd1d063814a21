"""Arguments of a Gemini call that come value by value, each with the JSON path of its place.

Vertex sends them so when asked to (`streamFunctionCallArguments`). Text of JSON is made of them at
once, for those who watch; the call itself gets what the values amount to, in whatever order.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from rig_sync._json import Json, JsonObject, compact
from rig_sync.limits import Limits

__all__ = ["Arguments"]

Path: TypeAlias = tuple[str | int, ...]

MAX_STEPS = Limits().json_depth

_STEP = re.compile(
    r"""\.(?P<name>[^.\[\]]+) | \[(?P<index>[0-9]{1,9})\]
    | \['(?P<single>(?:[^'\\]|\\.)*)'\] | \["(?P<double>(?:[^"\\]|\\.)*)"\]""",
    re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(.)")


class Arguments:
    """The arguments of one call that is still being told."""

    def __init__(self) -> None:
        self._values: dict[Path, list[str] | Json] = {}
        self._last: Path = ()
        self._in_string = False
        self._misplaced: list[Json] = []

    def add(self, partial: JsonObject) -> str:
        """Take in one of `partialArgs`; returns the JSON text that it adds."""
        path = _path(partial.get("jsonPath"))
        if path is None:
            self._misplaced.append(partial)
            return ""
        value = _value(partial)
        goes_on = self._in_string and path == self._last
        if goes_on:
            pieces = self._values[path]
            value = value if isinstance(value, str) else ""
            if isinstance(pieces, list):
                pieces.append(value)
            text = compact(value)[1:-1]
        else:
            text = self._move(path) + (compact(value)[:-1] if isinstance(value, str) else "")
            self._values[path] = [value] if isinstance(value, str) else value
            if not isinstance(value, str):
                return text + compact(value)
        self._in_string = partial.get("willContinue") is True
        return text if self._in_string else f'{text}"'

    def end(self) -> str:
        """The JSON text that closes what is open; a call without arguments has this alone."""
        open_string = '"' if self._in_string else ""
        self._in_string = False
        return open_string + _closing(self._last, 0) + "}"

    def text(self) -> str:
        """The arguments as JSON: an object, or an array of what could not be placed."""
        whole: JsonObject = {}
        misplaced = list(self._misplaced)
        for path, value in self._values.items():
            joined = "".join(map(str, value)) if isinstance(value, list) else value
            if not _place(whole, path, joined):
                misplaced.append([".".join(map(str, path)), joined])
        return compact(misplaced or whole)

    def _move(self, path: Path) -> str:
        """The text between the last value and the one at `path`: ends, a comma, beginnings."""
        last, self._last = self._last, path
        before = '"' if self._in_string else ""
        self._in_string = False
        shared = 0
        while shared < min(len(last), len(path)) - 1 and last[shared] == path[shared]:
            shared += 1
        if last:
            before += _closing(last, shared) + ","
        steps = [_key(path[shared])]
        for step in path[shared + 1 :]:
            steps += ["[" if isinstance(step, int) else "{", _key(step)]
        return before + "".join(steps)


def _closing(path: Path, shared: int) -> str:
    """What ends the objects and arrays around the value at `path`, but for the outer ones."""
    inner = path[shared + 1 :]
    return "".join("]" if isinstance(step, int) else "}" for step in reversed(inner))


def _key(step: str | int) -> str:
    return "" if isinstance(step, int) else f"{compact(step)}:"


def _path(text: Json) -> Path | None:
    """The steps of a JSON path that names one place below the root; None for any other.

    None also for one that goes deeper than any arguments may.

    >>> _path("$.foo[0]['a.b']"), _path("$"), _path("$..x"), _path("$" + ".a" * 300)
    (('foo', 0, 'a.b'), None, None, None)
    """
    if not isinstance(text, str) or not text.startswith("$"):
        return None
    steps: list[str | int] = []
    at = 1
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None or len(steps) == MAX_STEPS:
            return None
        at = found.end()
        if found["index"] is not None:
            steps.append(int(found["index"]))
        elif found["name"] is not None:
            steps.append(found["name"])
        else:
            steps.append(_ESCAPED.sub(r"\1", found["single"] or found["double"] or ""))
    return tuple(steps) if steps and isinstance(steps[0], str) else None


def _value(partial: JsonObject) -> Json:
    for name in ("stringValue", "boolValue", "numberValue"):
        value = partial.get(name)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, (str, bool, int, float)):
            return value
    return None


def _place(whole: JsonObject, path: Path, value: Json) -> bool:
    """Put `value` where `path` says; whether that was possible."""
    at: Json = whole
    for step, following in zip(path, (*path[1:], None), strict=True):
        inner: Json = value
        if following is not None:
            inner = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            if not isinstance(at, list) or step > len(at):
                return False
            if step == len(at):
                at.append(inner)
            elif following is None:
                at[step] = inner
            at = at[step]
        else:
            if not isinstance(at, dict):
                return False
            if following is None:
                at[step] = inner
            at = at.setdefault(step, inner)
    return True
