"""`stream_to_stdout`: words as they come, a newline at the end, and what goes wrong."""

from __future__ import annotations

import io
import os
import threading
from typing import TextIO, cast

import pytest

from rig_sync import (
    Agent,
    CompletionResponse,
    FinalResponse,
    StreamTruncated,
    assistant,
    stream_to_stdout,
    user,
)
from tests.conftest import ModelFactory, ServerFactory
from tests.server import (
    Step,
    WaitFor,
    call_chunks,
    chat_chunk,
    chat_chunks,
    spawn,
    sse_response,
)


class Screen(io.StringIO):
    """Remembers what was on it at each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.changed = threading.Condition()

    def flush(self) -> None:
        with self.changed:
            self.seen.append(self.getvalue())
            self.changed.notify_all()

    def wait_for(self, text: str) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: text in self.seen, timeout=10)


def test_words_are_shown_as_they_come(server: ServerFactory, model: ModelFactory) -> None:
    """The first word is on the screen while the server still holds the second."""
    go_on = threading.Event()
    pieces: list[bytes | Step] = [chat_chunk({"content": "Once "}), WaitFor(go_on)]
    served = server(sse_response(*pieces, *chat_chunks("upon.")))
    screen = Screen()
    agent = Agent(model(served))
    thread = spawn(lambda: stream_to_stdout(agent.stream_prompt("Hi"), file=screen))
    assert screen.wait_for("Once ")
    go_on.set()
    thread.join(10)
    assert screen.getvalue() == "Once upon.\n"


def test_it_returns_the_end(
    server: ServerFactory, model: ModelFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a run the final response, of one call the completion; by default on standard output."""
    served = server(sse_response(*chat_chunks("Hi.\n")))
    agent = Agent(model(served))
    final = stream_to_stdout(agent.stream_prompt("Hello"))
    assert isinstance(final, FinalResponse)
    assert final.messages == (user("Hello"), assistant("Hi.\n"))
    response = stream_to_stdout(agent.stream_completion("Hello").stream())
    assert isinstance(response, CompletionResponse)
    assert response.text == "Hi.\n"
    assert capsys.readouterr().out == "Hi.\nHi.\n"


def test_turns_and_thoughts_begin_on_their_own_line(
    server: ServerFactory, model: ModelFactory
) -> None:
    """Thinking is shown when asked for; the words of two turns do not run together."""

    def add(a: int) -> int:
        """Add."""
        return a

    first = [chat_chunk({"content": "Let me see."}), *call_chunks(("add", {"a": 1}))]
    second = [chat_chunk({"reasoning_content": "Hm."}), *chat_chunks("One.")]
    served = server(sse_response(*first), sse_response(*second))
    agent = Agent(model(served), tools=[add])
    screen = io.StringIO()
    stream_to_stdout(agent.stream_prompt("Add"), file=screen, show_reasoning=True)
    assert screen.getvalue() == "Let me see.\nHm.\nOne.\n"


def test_a_failure_is_raised_after_what_came(server: ServerFactory, model: ModelFactory) -> None:
    """The words are kept, the line is ended, the error is the caller's."""
    served = server(sse_response(*chat_chunks("Once ", finish=None, done=False)))
    screen = io.StringIO()
    with pytest.raises(StreamTruncated):
        stream_to_stdout(Agent(model(served)).stream_prompt("Hi"), file=screen)
    assert screen.getvalue() == "Once \n"


def test_a_closed_pipe_ends_the_stream(server: ServerFactory, model: ModelFactory) -> None:
    """Nobody reads any more: no error, the provider's connection goes, what came is returned."""
    word = chat_chunk({"content": "word "})
    served = server(sse_response(*[word] * 3, WaitFor(threading.Event())))
    reading, writing = os.pipe()
    os.close(reading)
    file = open(writing, "w", encoding="utf-8")  # noqa: SIM115 - closing it fails, see below
    final = stream_to_stdout(Agent(model(served)).stream_prompt("Hi"), file=file)
    assert final.output == "word "
    assert final.messages == (user("Hi"), assistant("word "))
    assert served.disconnected.wait(10)
    with pytest.raises(BrokenPipeError):
        file.close()  # what nobody read is still in its buffer


def test_a_terminal_that_cannot_show_a_letter(server: ServerFactory, model: ModelFactory) -> None:
    """It shows a question mark instead of failing."""
    served = server(sse_response(*chat_chunks("naïve \N{SNOWMAN}")))
    buffer = io.BytesIO()
    file = io.TextIOWrapper(buffer, encoding="latin-1")
    stream_to_stdout(Agent(model(served)).stream_prompt("Hi"), file=file)
    assert buffer.getvalue() == "naïve ?\n".encode("latin-1")


class Terminal(io.StringIO):
    """A screen that says what it is."""

    def isatty(self) -> bool:
        return True


ATTACKS = {
    "title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "cursor": "\x1b[2J\x1b[H$ sudo ",
    "one-byte sequences": "\x9b31mred\x9d0;title\x9c",
    "overwritten": "harmless\rharmful ",
    "backspaces": "ls\b\brm",
    "others": "".join(map(chr, (*range(9), *range(11, 32), *range(127, 160)))),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("field", ["content", "reasoning_content"])
def test_a_terminal_is_not_steered(
    server: ServerFactory, model: ModelFactory, field: str, attack: str
) -> None:
    """Controls are written out, also those that come in pieces; newlines and tabs stay."""
    text = f"a\tb\r\n{ATTACKS[attack]}c"
    served = server(sse_response(*[chat_chunk({field: char}) for char in text], *chat_chunks(".")))
    screen, file = Terminal(), io.StringIO()
    for one in (screen, file):
        stream_to_stdout(Agent(model(served)).stream_prompt("Hi"), file=one, show_reasoning=True)
    shown = screen.getvalue()
    assert shown.startswith("a\tb\n")
    assert not any(ord(char) < 32 and char not in "\n\t" for char in shown)
    assert not any(127 <= ord(char) < 160 for char in shown)
    assert file.getvalue().startswith(text)  # a file gets the words as they are


@pytest.mark.parametrize("coding", ["utf-8", "ascii", "cp1252"])
def test_no_text_stops_the_printing(
    server: ServerFactory, model: ModelFactory, coding: str
) -> None:
    """Half a pair, and letters that the terminal has not."""
    bad = b'data: {"choices":[{"index":0,"delta":{"content":"x\\ud83d\\u20ac"}}]}\n\n'
    served = server(sse_response(bad, *chat_chunks("\N{SNOWMAN}.")))
    buffer = io.BytesIO()
    file = io.TextIOWrapper(buffer, encoding=coding)
    stream_to_stdout(Agent(model(served)).stream_prompt("Hi"), file=file)
    assert buffer.getvalue().decode(coding).startswith("x")
    assert buffer.getvalue().endswith(b".\n")


def test_whatever_can_write(server: ServerFactory, model: ModelFactory) -> None:
    """A file of one's own needs `write` and `flush` alone."""

    class Paper:
        encoding = None

        def __init__(self) -> None:
            self.text = ""

        def write(self, text: str) -> int:
            self.text += text
            return len(text)

        def flush(self) -> None:
            """Nothing waits."""

    paper = Paper()
    served = server(sse_response(*chat_chunks("Hi.")))
    stream_to_stdout(Agent(model(served)).stream_prompt("Hi"), file=cast("TextIO", paper))
    assert paper.text == "Hi.\n"
