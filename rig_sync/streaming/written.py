"""Texts and thoughts that are still being written, and what they amount to so far."""

from __future__ import annotations

from collections.abc import Callable

from rig_sync._json import JsonObject
from rig_sync.message import (
    Reasoning,
    ReasoningContent,
    ReasoningEncrypted,
    ReasoningRedacted,
    ReasoningSummary,
    ReasoningText,
    Text,
)
from rig_sync.streaming import raw

__all__ = ["OpenReasoning", "OpenText", "Written"]

MANY = 1000  # pieces of a text

CONTENT: dict[raw.ReasoningKind, Callable[[str], ReasoningContent]] = {
    "text": ReasoningText,
    "summary": ReasoningSummary,
    "encrypted": ReasoningEncrypted,
    "redacted": ReasoningRedacted,
}


class Written:
    """Text that is still coming.

    A word takes ten times the memory of its letters, so the words are joined now and then.

    Attributes:
        add: Takes the next piece.
    """

    __slots__ = ("_joined", "_pieces", "add")

    def __init__(self) -> None:
        self._joined: list[str] = []
        self._pieces: list[str] = []
        self.add = self._pieces.append

    def fold(self) -> None:
        """Join what has come, if it is much."""
        if len(self._pieces) > MANY:
            self._joined.append("".join(self._pieces))
            self._pieces.clear()

    def text(self) -> str:
        """All of it."""
        return "".join((*self._joined, *self._pieces))


class OpenText:
    """A part of the message that is still being written."""

    __slots__ = ("provider_data", "written")

    def __init__(self) -> None:
        self.written = Written()
        self.provider_data: JsonObject | None = None

    def build(self) -> Text | None:
        """What it amounts to so far; None where that is nothing."""
        text = self.written.text()
        return Text(text, self.provider_data) if text or self.provider_data else None


class OpenReasoning:
    """A block of thinking that is still coming."""

    __slots__ = ("_runs", "done", "id", "key")

    def __init__(self, key: raw.Key) -> None:
        self.key = key
        self.id: str | None = None
        self.done: Reasoning | None = None
        self._runs: list[tuple[raw.ReasoningKind, raw.Key, Written]] = []

    def add(self, piece: raw.ReasoningFragment) -> None:
        """The next piece of it."""
        self.id = self.id or piece.id
        if not self._runs or self._runs[-1][:2] != (piece.kind, piece.part):
            self._runs.append((piece.kind, piece.part, Written()))
        written = self._runs[-1][2]
        written.add(piece.text)
        written.fold()

    def build(self, provider_data: JsonObject | None = None) -> Reasoning:
        """What it amounts to so far; once it is done, that."""
        if self.done is not None:
            return self.done
        content: list[ReasoningContent] = []
        for kind, _, written in self._runs:
            text = written.text()
            if kind != "signature":
                content.append(CONTENT[kind](text))
            elif content and isinstance(content[-1], ReasoningText):
                content[-1] = ReasoningText(content[-1].text, text)
            else:
                content.append(ReasoningText("", text))
        return Reasoning(tuple(content), self.id, provider_data)
