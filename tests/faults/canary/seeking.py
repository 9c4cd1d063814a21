"""Looking for the canary: in texts, however they are spelled, and in whatever an object holds."""

from __future__ import annotations

import base64
import json
import pickle
import re
import traceback
from collections.abc import Iterator, Mapping

import msgspec

from rig_sync._json import compact
from rig_sync.errors import RigError, error_fields

__all__ = ["CANARY", "CORE", "HARD", "is_in", "leaks", "tellings"]

CORE = "c4nary7Q2w9Zx5Lm3Kt8"
"""What every canary has in it: no escape changes it, and nothing else has it."""

CANARY = f"sk-{CORE}-end"
HARD = f'sk "{CORE}"/+&<é>=\\end'
"""A key that no escape leaves as it is."""

SEEN = 10  # so many characters of it are a leak

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}")
_WINDOWS = [CORE[at : at + SEEN] for at in range(len(CORE) - SEEN + 1)]


def is_in(text: str) -> bool:
    """Whether a part of the canary can be read in `text`, be it inside of base64.

    >>> is_in("no"), is_in(CANARY), is_in(base64.b64encode(f"me:{CANARY}".encode()).decode())
    (False, True, True)
    """
    return any(window in text for window in _WINDOWS) or any(map(_is_packed_in, _runs(text)))


def _runs(text: str) -> Iterator[str]:
    return (found[0].replace("-", "+").replace("_", "/") for found in _BASE64.finditer(text))


def _is_packed_in(run: str) -> bool:
    for start in range(4):
        body = run[start : start + (len(run) - start) // 4 * 4]
        plain = base64.b64decode(body).decode("latin-1")
        if any(window in plain for window in _WINDOWS):
            return True
    return False


def leaks(root: object) -> list[str]:
    """Where in the graph of `root` the canary is: attributes, items, arguments, causes, contexts.

    Frames are not looked into, nor classes, functions and modules.

    >>> error = ValueError("bad")
    >>> error.__context__ = KeyError({"a": [CANARY]})
    >>> leaks(error)
    [".__context__.args[0]['a'][0]"]
    """
    found: list[str] = []
    seen: set[int] = set()
    waiting: list[tuple[str, object]] = [("", root)]
    while waiting:
        path, one = waiting.pop()
        if isinstance(one, (str, bytes)):
            text = one if isinstance(one, str) else one.decode("latin-1")
            found += [path] if is_in(text) else []
        elif id(one) not in seen and not callable(one):
            seen.add(id(one))
            waiting += ((path + step, inner) for step, inner in _inside(one))
    return found


def _inside(one: object) -> Iterator[tuple[str, object]]:
    if isinstance(one, Mapping):
        for name, value in one.items():
            yield f"[{name!r}]", value
            yield ".key", name
    elif isinstance(one, (list, tuple, set, frozenset)):
        yield from ((f"[{at}]", inner) for at, inner in enumerate(one))
    names = set(getattr(one, "__dict__", ()))
    for kind in type(one).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names |= {slots} if isinstance(slots, str) else set(slots)
    if isinstance(one, BaseException):
        names |= {"args", "__cause__", "__context__"}
        names -= {"__traceback__"}
    for name in sorted(names):
        if hasattr(one, name):
            yield f".{name}", getattr(one, name)


def tellings(error: BaseException) -> Iterator[tuple[str, str]]:
    """All the ways in which an error is shown or written, each by name."""
    yield "str", str(error)
    yield "repr", repr(error)
    yield "format", f"{error}"
    yield "vars", repr(vars(error))
    yield "traceback", "".join(traceback.format_exception(error))
    told = traceback.TracebackException.from_exception(error, capture_locals=False)
    yield "chain", "".join(told.format(chain=True))
    if isinstance(error, RigError):
        yield "pickle", pickle.dumps(error).decode("latin-1")
        yield "fields", compact(msgspec.to_builtins(error_fields(error), enc_hook=repr))
        yield "json", json.dumps(error_fields(error), default=repr)
        yield "attempts", repr(error.attempts)
