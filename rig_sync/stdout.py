"""Printing a stream as it comes (Rig: `rig::agent::stream_to_stdout`)."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from typing import TextIO, overload

from rig_sync.agent.items import (
    CompletionCall,
    FinalResponse,
    ModelTurnRetried,
    StreamAssistantItem,
)
from rig_sync.agent.stream import AgentStream
from rig_sync.agent.typed import TypedItem, TypedStream
from rig_sync.completion import CompletionResponse
from rig_sync.message import Text
from rig_sync.streaming.items import ReasoningDelta, StreamedAssistantContent
from rig_sync.streaming.response import StreamingCompletionResponse

__all__ = ["printable", "silence", "stream_to_stdout"]

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@overload
def stream_to_stdout(
    stream: AgentStream | TypedStream[object],
    *,
    file: TextIO | None = None,
    show_reasoning: bool = False,
) -> FinalResponse: ...


@overload
def stream_to_stdout(
    stream: StreamingCompletionResponse, *, file: TextIO | None = None, show_reasoning: bool = False
) -> CompletionResponse: ...


def stream_to_stdout(
    stream: AgentStream | TypedStream[object] | StreamingCompletionResponse,
    *,
    file: TextIO | None = None,
    show_reasoning: bool = False,
) -> FinalResponse | CompletionResponse:
    r"""Print the words of `stream` as they come, and a newline at the end.

    On a terminal its control characters are written out, as `\x1b`: a model must not move the
    cursor, set the title or fill the clipboard. A file gets the words as they are.

    Args:
        stream: Read to its end, and closed on every way out.
        file: Where to; flushed after every piece. Standard output by default.
        show_reasoning: Print the model's thinking too, ahead of its answer.

    Returns:
        The end of the stream. If the reader of `file` has gone (a closed pipe), the stream is
        stopped, and this is what came until then; so it is for a run that waits for people.

    Raises:
        RigError: the stream failed; what came before is printed.
    """
    writer = _Writer(sys.stdout if file is None else file)
    with stream:
        try:
            for item in stream:
                writer.show(item, show_reasoning=show_reasoning)
        except BrokenPipeError:
            silence(writer.file)
        finally:
            with contextlib.suppress(BrokenPipeError):
                writer.end_line()
    return stream.response


class _Writer:
    """Knows what was written last, so that thoughts, turns and the end begin on their own line."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self._on_terminal = hasattr(file, "isatty") and file.isatty()
        self._in_line = False
        self._thinking = False

    def show(self, item: TypedItem | StreamedAssistantContent, *, show_reasoning: bool) -> None:
        content = item.content if isinstance(item, StreamAssistantItem) else item
        if isinstance(content, Text):
            if self._thinking:
                self.end_line()
                self._thinking = False
            self.write(content.text)
        elif isinstance(content, ReasoningDelta) and show_reasoning:
            self._thinking = True
            self.write(content.text)
        elif isinstance(content, (CompletionCall, ModelTurnRetried)):
            self.end_line()  # the words of the next turn are other words

    def write(self, text: str) -> None:
        if self._on_terminal:
            text = printable(text)
        if text:  # noted first: Ctrl-C may come as soon as the words are out
            self._in_line = not text.endswith("\n")
        try:
            self.file.write(text)
        except UnicodeEncodeError:  # a terminal that cannot show every character
            coding = self.file.encoding or "ascii"
            self.file.write(text.encode(coding, "replace").decode(coding))
        self.file.flush()

    def end_line(self) -> None:
        if self._in_line:
            self.write("\n")


def printable(text: str) -> str:
    r"""`text` for a terminal: controls written out, but for newline and tab; no carriage returns.

    >>> printable("one\ttwo\r\n\x1b]0;title\x07")
    'one\ttwo\n\\x1b]0;title\\x07'
    """
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text.replace("\r", ""))


def silence(file: TextIO) -> None:
    """Keep Python from failing once more when it flushes a closed standard output at its exit."""
    if file is sys.stdout:
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, file.fileno())
            os.close(nowhere)
