"""`stream_to_stdout`: words as they come, a newline at the end, and what goes wrong."""

from __future__ import annotations

import io
import os
import threading

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
