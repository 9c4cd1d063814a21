"""Chunked bodies, however chunks are cut, written and pressed together."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig_sync.errors import StreamTruncated
from rig_sync.streaming.items import Text
from rig_sync.transport.chunked import whole_chunks
from tests.conftest import ModelFactory, ServerFactory
from tests.server import Close, Script, Send, chat_chunks, response

WORDS = [f"word{number} " for number in range(300)]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
HEADS = [b"%x", b"%X", b"000%x", b"%x;name=value", b'%x;"a"']


def written(data: bytes, head: bytes = b"%x") -> bytes:
    """One chunk."""
    return head % len(data) + b"\r\n" + data + b"\r\n"


@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=300), st.sampled_from(HEADS))),
    st.binary(max_size=20),
)
def test_whole_chunks(chunks: list[tuple[bytes, bytes]], rest: bytes) -> None:
    """All that are whole, and no byte of what follows."""
    body = b"".join(written(data, head) for data, head in chunks)
    expected = b"".join(data for data, _ in chunks)
    assert whole_chunks(body) == (expected, len(body))
    assert whole_chunks(body + b"0\r\n\r\n" + rest) == (expected, len(body))


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=5), st.data())
def test_what_is_cut_off(chunks: list[bytes], draw: st.DataObject) -> None:
    """Only whole chunks count, wherever the bytes end."""
    body = b"".join(map(written, chunks))
    arrived = body[: draw.draw(st.integers(0, len(body)))]
    ends = [0, *itertools.accumulate(len(written(data)) for data in chunks)]
    whole = sum(1 for end in ends if end <= len(arrived)) - 1
    assert whole_chunks(arrived) == (b"".join(chunks[:whole]), ends[whole])


@pytest.mark.parametrize(
    "arrived",
    [
        b"",
        b"\r\n",
        b"0\r\n\r\n",
        b"\r\n5\r\nhello\r\n",
        b"5\nhello\n",
        b" 5\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b"5_0\r\nhello\r\n",
        b"fffffffff\r\nhello\r\n",
        b"x\r\nhello\r\n",
        b"4\r\nhello\r\n",
        b"5\r\nhello\r",
        b"5\r\nhello\n",
    ],
)
def test_what_is_left_to_the_standard_library(arrived: bytes) -> None:
    """Whatever is not as usual: it knows what to make of it, or to refuse it."""
    assert whole_chunks(arrived) == (b"", 0)


def bodies() -> Iterator[tuple[str, list[bytes]]]:
    """What is sent at once, and once more: the same stream, cut into chunks in many ways."""
    events = chat_chunks(*WORDS)
    stream = b"".join(events)
    one_each = [b"%x\r\n%s\r\n" % (len(event), event) for event in events]
    end = b"0\r\n\r\n"
    yield "an event a chunk, all at once", [b"".join(one_each) + end]
    yield "an event a chunk, each by itself", [*one_each, end]
    yield "one chunk", [b"%x\r\n%s\r\n" % (len(stream), stream) + end]
    small = [stream[at : at + 7] for at in range(0, len(stream), 7)]
    yield "chunks of seven bytes", [b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in small) + end]
    strange = [b'%X;ext="a;b"\r\n%s\r\n' % (len(event), event) for event in events]
    yield "extensions", [b"".join(strange) + end]
    yield "trailers", [b"".join(one_each) + b"0\r\nX-Trailer: 1\r\n\r\n"]
    whole = b"".join(one_each) + end
    for size in (1000, 8191, 8192, 8193):
        yield (
            f"cut every {size} bytes",
            [whole[at : at + size] for at in range(0, len(whole), size)],
        )


@pytest.mark.parametrize("sent", [pytest.param(sent, id=name) for name, sent in bodies()])
def test_every_cutting_reads_the_same(
    server: ServerFactory, model: ModelFactory, sent: list[bytes]
) -> None:
    """Each word once, in order; and the connection is kept."""
    answer: Script = [Send(HEAD), *map(Send, sent)]
    scripted = server(answer, answer)
    asked = model(scripted)
    for _ in range(2):
        with asked.stream_completion("Hi").stream() as stream:
            assert [item.text for item in stream if isinstance(item, Text)] == WORDS
    assert scripted.connections == 1


def test_cut_inside_a_chunk_of_many(server: ServerFactory, model: ModelFactory) -> None:
    """What had come of the broken one is there too."""
    first, second = chat_chunks("one", "two", finish=None, done=False)
    sent = b"%x\r\n%s\r\n" % (len(first), first) + b"%x\r\n%s" % (len(second) + 9, second)
    stream = model(server([Send(HEAD + sent), Close()])).stream_completion("Hi").stream()
    texts: list[str] = []
    with pytest.raises(StreamTruncated):
        texts.extend(item.text for item in stream if isinstance(item, Text))
    assert stream.message.text == "onetwo"


def test_a_chunk_whose_length_is_wrong(server: ServerFactory, model: ModelFactory) -> None:
    """It is refused, after what came before it."""
    first, second = chat_chunks("one", "two", finish=None, done=False)
    sent = b"%x\r\n%s\r\n" % (len(first), first) + b"%x\r\n%s\r\n" % (len(second) - 3, second)
    stream = model(server([Send(HEAD + sent), Close()])).stream_completion("Hi").stream()
    with pytest.raises(StreamTruncated):
        list(stream)
    assert stream.message.text.startswith("one")


def test_a_body_with_a_length(server: ServerFactory, model: ModelFactory) -> None:
    """Nothing is taken for a chunk where there are none."""
    body = b"".join(chat_chunks("one", "two"))
    scripted = server(response(200, {"Content-Type": "text/event-stream"}, body))
    stream = model(scripted).stream_completion("Hi").stream()
    assert [item.text for item in stream if isinstance(item, Text)] == ["one", "two"]
