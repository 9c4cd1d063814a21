"""The first word arrives while the server is still to say the second, however the body is framed.

Each test is a handshake: the server goes on only when the consumer has told that it saw the event
before. If a byte were held back anywhere, nobody would ever go on.
"""

from __future__ import annotations

import threading
from typing import get_args

import pytest

from rig_sync.streaming.items import StreamFinal, Text
from tests.conftest import ModelFactory, ServerFactory
from tests.server import (
    Drip,
    Framing,
    Stall,
    Step,
    WaitFor,
    bytewise,
    chat_chunks,
    sse_response,
)

FRAMINGS = get_args(Framing)
WORDS = ["one", "two", "three"]


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("cut", ["event", "byte"])
def test_every_event_at_once(
    server: ServerFactory, model: ModelFactory, framing: Framing, cut: str
) -> None:
    """An event is delivered before the server says one byte more."""
    seen = [threading.Event() for _ in WORDS]
    pieces: list[bytes | Step] = []
    for word, event in zip(WORDS, seen, strict=True):
        said = chat_chunks(word, finish=None, done=False)
        pieces += said if cut == "event" else bytewise(said)
        pieces.append(WaitFor(event))
    pieces += chat_chunks()
    stream = model(server(sse_response(*pieces, framing=framing))).stream_completion("Hi").stream()

    for number, item in enumerate(stream):
        if isinstance(item, Text):
            assert item.text == WORDS[number]
            seen[number].set()
    assert stream.message.text == "onetwothree"


@pytest.mark.parametrize("framing", FRAMINGS)
def test_over_tls(
    server: ServerFactory,
    model: ModelFactory,
    framing: Framing,
    certificate: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same holds over TLS."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate[0])
    seen = threading.Event()
    one, *two = chat_chunks("one", "two")
    scripted = server(
        sse_response(one, WaitFor(seen), *two, framing=framing), certificate=certificate
    )
    texts = []
    for text in model(scripted).stream_completion("Hi").stream().text_deltas():
        texts.append(text)
        seen.set()
    assert texts == ["one", "two"]


def test_free_at_done(server: ServerFactory, model: ModelFactory) -> None:
    """A server that holds the connection after `[DONE]` holds nobody up, and loses it soon."""
    scripted = server(sse_response(*chat_chunks("Hello"), Stall()))
    stream = model(scripted).stream_completion("Hi").stream()
    assert [type(item) for item in stream] == [Text, StreamFinal]
    assert not scripted.disconnected.is_set()  # it is given a moment to end the body properly
    assert scripted.disconnected.wait(2)


def test_free_at_done_of_a_talkative_server(server: ServerFactory, model: ModelFactory) -> None:
    """Not even one that goes on talking is listened to for longer."""
    comments = Drip(b": still here\n\n", seconds=0.03)
    scripted = server(sse_response(*chat_chunks("Hello"), comments))
    stream = model(scripted).stream_completion("Hi").stream()
    assert [type(item) for item in stream] == [Text, StreamFinal]
    assert scripted.disconnected.wait(2)
