"""Tool calls out of fragments, as servers really send them.

A well-behaved server numbers its calls and names each once. Others leave the index out, give two
calls one index, repeat id and name in every piece, change the id from piece to piece, or send the
arguments in one object. `CallTable` decides which call a piece belongs to; nothing else does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rig_sync._json import Json, JsonObject, is_deeper, parse
from rig_sync.limits import Limits, exceeded
from rig_sync.message import ToolCall
from rig_sync.streaming.items import Delta, Name, ToolCallDelta
from rig_sync.streaming.raw import CallDone, CallFragment, Key

__all__ = ["CallTable", "OpenCall", "byte_length", "finished", "parse_arguments"]

_STRUCTURE = re.compile(r'["\\{}\[\]]')


class _Scanner:
    """Follows JSON text piece by piece: is the value whole? Linear, however it is cut."""

    __slots__ = ("_depth", "_escape_at", "_in_string", "_seen", "_started")

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._started = False
        self._seen = 0
        self._escape_at = -1

    def feed(self, piece: str) -> None:
        for match in _STRUCTURE.finditer(piece):
            at = self._seen + match.start()
            if at == self._escape_at:
                continue
            char = match[0]
            if self._in_string:
                if char == "\\":
                    self._escape_at = at + 1
                elif char == '"':
                    self._in_string = False
            elif char == '"':
                self._in_string = True
            elif char in "{[":
                self._depth += 1
                self._started = True
            elif char in "}]":
                self._depth -= 1
        self._seen += len(piece)

    @property
    def whole(self) -> bool:
        return self._started and self._depth <= 0 and not self._in_string


class OpenCall:
    """A call that is still being told."""

    __slots__ = (
        "_scanned",
        "_scanner",
        "done",
        "id",
        "internal_id",
        "item_id",
        "name",
        "pieces",
        "provider_data",
        "size",
    )

    def __init__(self, internal_id: str) -> None:
        self.internal_id = internal_id
        self.id: str | None = None
        self.item_id: str | None = None
        self.name: str | None = None
        self.pieces: list[str] = []
        self.done: CallDone | None = None
        self.provider_data: JsonObject | None = None
        self.size = 0  # bytes of all pieces
        self._scanner = _Scanner()
        self._scanned = 0

    @property
    def text(self) -> str:
        """The argument text so far; a whole one the wire gave replaces the pieces."""
        if self.done is not None and self.done.arguments is not None:
            return self.done.arguments
        return "".join(self.pieces)

    @property
    def whole(self) -> bool:
        """Whether the arguments are one closed JSON value; each piece is looked at once."""
        if self.done is not None:
            return True
        if not self.pieces or not self.pieces[-1].rstrip().endswith(("}", "]")):
            return False
        for piece in self.pieces[self._scanned :]:
            self._scanner.feed(piece)
        self._scanned = len(self.pieces)
        return self._scanner.whole

    def take(self, fragment: CallFragment) -> Iterator[ToolCallDelta]:
        """Add what `fragment` tells; yields what to show of it."""
        if fragment.id and self.id is None:
            self.id = fragment.id
        self.item_id = self.item_id or fragment.item_id
        if fragment.provider_data is not None:
            self.provider_data = {**(self.provider_data or {}), **fragment.provider_data}
        if fragment.name and self.name is None:
            self.name = fragment.name
            yield ToolCallDelta(self.internal_id, Name(fragment.name))
        if fragment.arguments:
            self.pieces.append(fragment.arguments)
            self.size += byte_length(fragment.arguments)
            yield ToolCallDelta(self.internal_id, Delta(fragment.arguments))

    def restart(self) -> None:
        """Forget the arguments: what came was a placeholder."""
        self.pieces.clear()
        self._scanner = _Scanner()
        self._scanned = 0


class CallTable:
    """The calls of one response, in the order in which they began; `prefix` begins our own ids.

    Raises:
        LimitExceeded: from `add` and `close`: too many calls, or too large ones.
    """

    def __init__(self, prefix: str, limits: Limits) -> None:
        self.calls: list[OpenCall] = []
        self._by_key: dict[Key, OpenCall] = {}
        self._prefix = prefix
        self._limits = limits

    def add(self, fragment: CallFragment) -> Iterator[ToolCallDelta | OpenCall]:
        """Take one fragment in; yields the call first when it is new, then what to show of it."""
        call = self._find(fragment)
        if call is None or self._begins_another(call, fragment):
            call = self._open(fragment, call)
            yield call
        yield from self._take(call, fragment)

    def close(self, done: CallDone) -> Iterator[ToolCallDelta | OpenCall]:
        """The wire says that a call is whole; a call that had no fragments begins here."""
        call = self._by_key.get(done.key)
        untold = "" if call is not None and call.pieces else done.arguments or ""
        fragment = CallFragment(done.key, done.id, done.name, untold, done.item_id)
        if call is None:
            call = self._open(fragment, None)
            yield call
        yield from self._take(call, fragment)
        if done.arguments is not None:
            self._check_size(byte_length(done.arguments))
        call.done = done

    def _find(self, fragment: CallFragment) -> OpenCall | None:
        if fragment.key is not None:
            return self._by_key.get(fragment.key)
        if fragment.id:
            return next((call for call in self.calls if call.id == fragment.id), None)
        return self.calls[-1] if self.calls else None

    @staticmethod
    def _begins_another(call: OpenCall, piece: CallFragment) -> bool:
        """Whether a piece that points at `call` is the start of a further one."""
        new_id = bool(piece.id and call.id and piece.id != call.id)
        if piece.name and ((call.name and piece.name != call.name) or new_id):
            return True
        if not piece.arguments.strip() or not call.whole:
            return False  # an id that changes from piece to piece means nothing by itself
        if new_id or (piece.name and not piece.id):
            return True
        if call.text.strip() == "{}":  # a placeholder: the real arguments follow
            call.restart()
            return False
        return True

    def _take(self, call: OpenCall, fragment: CallFragment) -> Iterator[ToolCallDelta]:
        yield from call.take(fragment)
        self._check_size(call.size)

    def _check_size(self, size: int) -> None:
        if size > self._limits.argument_bytes:
            what = "the arguments of a tool call are larger"
            raise exceeded(self._limits, "argument_bytes", what)

    def _open(self, fragment: CallFragment, before: OpenCall | None) -> OpenCall:
        if len(self.calls) >= self._limits.tool_calls:
            raise exceeded(self._limits, "tool_calls", "the answer has more tool calls")
        call = OpenCall(f"{self._prefix}_{len(self.calls)}")
        if before is not None and not fragment.name:
            call.name = before.name  # a second set of arguments, without a header of its own
        self.calls.append(call)
        if fragment.key is not None:
            self._by_key[fragment.key] = call
        return call

    def id_of(self, call: OpenCall) -> str:
        """The provider's id, unless it has none or an earlier call has it too."""
        for other in self.calls:
            if other is call:
                return call.id or call.internal_id
            if other.id == call.id:
                return call.internal_id
        return call.internal_id


def byte_length(text: str) -> int:
    """The bytes of `text` in UTF-8.

    >>> byte_length("a"), byte_length("é")
    (1, 2)
    """
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def parse_arguments(text: str, depth: int = Limits().json_depth) -> JsonObject | None:
    """The arguments in `text`; None when they are no JSON object, or deeper than `depth`.

    Nothing, white space and `null` mean no arguments; an object inside a JSON string counts.

    >>> parse_arguments(""), parse_arguments("null"), parse_arguments('"{}"'), parse_arguments("[]")
    ({}, {}, {}, None)
    """
    if not text.strip():
        return {}
    try:
        value = _parsed(text, depth)
        if isinstance(value, str):
            value = _parsed(value, depth)
    except ValueError:
        return None
    if value is None:
        return {}
    return value if isinstance(value, dict) else None


def _parsed(text: str, depth: int) -> Json:
    if is_deeper(text, depth):
        raise ValueError("nested too deeply")
    return parse(text)


def finished(call: OpenCall, call_id: str, *, cut: bool, depth: int) -> ToolCall | None:
    """The complete call, or None when it has no name or was cut off.

    Args:
        call: As far as it was told.
        call_id: What joins it to its result.
        cut: The response ended before the model was done: a call without a whole JSON object of
            arguments is then not complete.
        depth: The most objects and lists inside each other; arguments beyond are malformed.
    """
    text, done = call.text, call.done
    arguments = parse_arguments(text, depth)
    if call.name is None or (cut and (arguments is None or not text.strip())):
        return None
    return ToolCall(
        id=call_id,
        name=call.name,
        arguments={} if arguments is None else arguments,
        malformed=text if arguments is None else None,
        item_id=(done.item_id if done else None) or call.item_id,
        signature=done.signature if done else None,
        provider_data=(done.provider_data if done else None) or call.provider_data,
        internal_call_id=call.internal_id,
    )
