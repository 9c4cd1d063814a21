"""Servers that mean harm, over a real connection: typed errors, bounded memory, nothing left."""

from __future__ import annotations

import contextlib
import gzip
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from rig_sync._json import SAVED_DEPTH, JsonObject
from rig_sync.agent.agent import Agent
from rig_sync.completion import CompletionResponse
from rig_sync.errors import (
    BadRequest,
    ConfigError,
    LimitExceeded,
    ProviderError,
    ReadFailed,
    ResponseDecodeError,
    RigError,
    ServerError,
    SSELimitError,
    StreamTruncated,
)
from rig_sync.limits import Limits
from rig_sync.message import ToolCall
from rig_sync.output.misfit import MOST_CHARACTERS, MOST_PROBLEMS
from rig_sync.output.partial import MAX_DEPTH
from rig_sync.providers.openai_compatible import Client
from rig_sync.streaming.items import StreamError, StreamFinal
from rig_sync.streaming.source import ERROR_BYTES, ERROR_SECONDS
from rig_sync.transport.http import DRAIN_SECONDS
from rig_sync.transport.pools import MOST_ANSWERS
from rig_sync.transport.retry import NO_RETRIES
from rig_sync.transport.timeouts import Timeouts
from rig_sync.wire.base import Wire
from rig_sync.wire.bedrock_converse import BedrockConverse
from rig_sync.wire.errors import BODY_LIMIT, CODE_LIMIT
from rig_sync.wire.gemini_generate_arguments import MAX_STEPS
from rig_sync.wire.ollama_chat import OllamaChat
from rig_sync.wire.openai_chat import OpenAIChat
from tests.conftest import ServerFactory
from tests.server import (
    Close,
    Drip,
    Flood,
    Send,
    Stall,
    Step,
    call_chunks,
    chat_chunk,
    chat_chunks,
    chunk,
    response,
    sse,
    sse_response,
)
from tests.wire.aws_frames import aws_frame

KIB, MIB = 1024, 1024 * 1024
PATIENCE = Timeouts(connect=30, first_event=50, idle=50)
SECONDS = 40.0  # none of these takes one; a machine may be slow, a hang is not
ROOM = 16 * MIB  # what may be held beside what a limit allows

STREAM = b"".join(chat_chunks("Hello"))
CALLED: JsonObject = {"role": "assistant", "content": "Hello"}
WHOLE = json.dumps({"choices": [{"message": CALLED, "finish_reason": "stop"}]}).encode()
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Heard(NamedTuple):
    """What came of one request."""

    error: RigError | None
    items: Sequence[object]
    answer: CompletionResponse | None

    @property
    def text(self) -> str:
        """The words of the answer, or of what had come of it."""
        return "" if self.answer is None else self.answer.text

    @property
    def limit(self) -> str:
        """The field of `Limits` that the error names."""
        return getattr(self.error, "limit", "")


def hear(
    url: str,
    *,
    streaming: bool = True,
    wire: Wire | None = None,
    timeouts: Timeouts = PATIENCE,
    limits: Limits = Limits(),  # noqa: B008 - an immutable value
) -> Heard:
    """Ask once; whatever is no error of ours is raised."""
    began = time.monotonic()
    items: list[object] = []
    with Client(base_url=url, retries=NO_RETRIES, timeouts=timeouts, limits=limits) as client:
        client.wire = wire or OpenAIChat()
        model = client.completion_model("m-1")
        try:
            if not streaming:
                return Heard(None, (), model.completion("Hi").send())
            stream = model.stream_completion("Hi").stream()
            items.extend(stream)
            return Heard(None, items, stream.response)
        except RigError as error:
            return Heard(error, items, error.partial)
        finally:
            assert time.monotonic() - began < SECONDS


both = pytest.mark.parametrize("streaming", [True, False], ids=["streamed", "one-shot"])


def good(streaming: bool) -> bytes:
    """A good body."""
    return STREAM if streaming else WHOLE


def kind(streaming: bool) -> bytes:
    """The header that says what `good` is."""
    return b"Content-Type: %b\r\n" % (b"text/event-stream" if streaming else b"application/json")


@contextlib.contextmanager
def memory(most: int) -> Iterator[None]:
    """What Python allocates inside stays below `most` bytes and some room."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most + ROOM
    finally:
        tracemalloc.stop()


def ends(data: bytes) -> list[Step]:
    """These bytes, and no more."""
    return [Send(data), Close()]


# ahead of the body --------------------------------------------------------------------------------

HEADS: dict[str, tuple[list[Step], type[RigError], str]] = {
    "headers without end": ([Send(HEAD), Flood(b"X-A: b\r\n")], LimitExceeded, "head_bytes"),
    "more headers than 100": (ends(HEAD + b"X-A: b\r\n" * 101), LimitExceeded, "head_bytes"),
    "a header without end": ([Send(HEAD + b"X: "), Flood(b"a" * 999)], LimitExceeded, "head_bytes"),
    "large headers": (
        ends(HEAD + b"".join(b"X-%d: %b\r\n" % (n, b"a" * 40_000) for n in range(3)) + b"\r\n"),
        LimitExceeded,
        "head_bytes",
    ),
    "100 again and again": ([Flood(b"HTTP/1.1 100 Continue\r\n\r\n")], LimitExceeded, "head_bytes"),
    "103 again and again": (
        [Flood(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n")],
        LimitExceeded,
        "head_bytes",
    ),
    "a status line without end": ([Flood(b"a" * 999)], LimitExceeded, "head_bytes"),
    "HTTP/0.9": (ends(b"Hello!\n"), ReadFailed, ""),
    "HTTP/2": (ends(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ReadFailed, ""),
    "HTTP/3": (ends(b"HTTP/3.0 200 OK\r\n\r\n"), ReadFailed, ""),
    "ICY": (ends(b"ICY 200 OK\r\n\r\n" + STREAM), ReadFailed, ""),
    "NULs": (ends(b"\x00" * 100), ReadFailed, ""),
    "nothing": ([Close()], ReadFailed, ""),
    "status 1000": (ends(b"HTTP/1.1 1000 No\r\n\r\n"), ReadFailed, ""),
    "status -1": (ends(b"HTTP/1.1 -1 No\r\n\r\n"), ReadFailed, ""),
    "a status in words": (ends(b"HTTP/1.1 fine OK\r\n\r\n"), ReadFailed, ""),
    "a status that is no ASCII": (ends(b"HTTP/1.1 \xb2\xb9\xb3 OK\r\n\r\n"), ReadFailed, ""),
    "status 999": (ends(b"HTTP/1.1 999 No\r\n\r\nno"), ServerError, ""),
    "status 101": (ends(b"HTTP/1.1 101 Switching\r\n\r\n" + STREAM), StreamTruncated, ""),
    "status 204": (ends(b"HTTP/1.1 204 Nothing\r\n\r\n" + STREAM), StreamTruncated, ""),
    "status 304": (ends(b"HTTP/1.1 304 As before\r\n\r\n" + STREAM), ProviderError, ""),
    "status 407": (ends(b"HTTP/1.1 407 Who?\r\n\r\n"), ConfigError, ""),
    "two lengths": (
        ends(HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + STREAM),
        ReadFailed,
        "",
    ),
}


@both
@pytest.mark.parametrize("name", HEADS)
def test_what_comes_ahead_of_a_body(server: ServerFactory, name: str, streaming: bool) -> None:
    """Headers beyond their bound, and what is no HTTP, end in one typed error."""
    script, error, limit = HEADS[name]
    heard = hear(server(script).url, streaming=streaming)
    assert type(heard.error) is error
    assert heard.limit == limit


ODD_HEADERS = {
    "continued": b"X-A:\r\n b\r\n\tc\r\n",
    "without a colon": b"rubbish\r\n",
    "no ASCII": b"X-Request-Id: \xe9\xff\r\nRetry-After: \xb2\r\n",
    "NUL": b"X-\x00: \x00\r\n",
    "cookies": b"Set-Cookie: \xe9=\xff; expires=\xb2; Max-Age=99999999999999999999; domain=.\r\n",
    "a length below 0": b"Content-Length: -5\r\n",
    "a length in words": b"Content-Length: long\r\n",
    "a length that is too long": b"Content-Length: 99999999999999999999\r\n",
    "the length twice": b"Content-Length: 7, 7\r\n",
    "an encoding that nobody knows": b"Content-Encoding: foo\r\n",
}


@both
@pytest.mark.parametrize("name", ODD_HEADERS)
def test_odd_headers(server: ServerFactory, name: str, streaming: bool) -> None:
    """Headers that make no sense are no reason to lose an answer that is whole."""
    body = good(streaming)
    if name == "the length twice":
        ODD_HEADERS[name] = b"Content-Length: %d, %d\r\n" % (len(body), len(body))
    script = ends(HEAD + ODD_HEADERS[name] + kind(streaming) + b"\r\n" + body)
    heard = hear(server(script).url, streaming=streaming)
    assert heard.error is None
    assert heard.text == "Hello"


LOCATIONS = {
    "elsewhere": b"https://example.com/v1",
    "no address": b"http://[",
    "no UTF-8": b"/\xff\xfe",
    "long": b"/" + b"a" * 60_000,
    "colons": b":" * 60_000 + b"@",
    "nothing": b"",
}


@both
@pytest.mark.parametrize("name", LOCATIONS)
def test_redirects(server: ServerFactory, name: str, streaming: bool) -> None:
    """Are refused, wherever they point, in short words; what comes with them is not read."""
    script: list[Step] = [
        Send(b"HTTP/1.1 307 No\r\nLocation: %b\r\n\r\n" % LOCATIONS[name]),
        Flood(b"a" * 999),
    ]
    heard = hear(server(script).url, streaming=streaming)
    assert type(heard.error) is ProviderError
    assert len(str(heard.error)) < KIB


# how a body is framed -----------------------------------------------------------------------------


def size_line(line: bytes) -> Callable[[bytes], list[Step]]:
    """A body whose first chunk begins with `line`."""
    return lambda body: ends(line + b"\r\n" + body + b"\r\n0\r\n\r\n")


CHUNKS: dict[str, tuple[Callable[[bytes], list[Step]], type[RigError] | None, str]] = {
    "a size below 0": (size_line(b"-5"), StreamTruncated, ""),
    "a size in words": (size_line(b"many"), StreamTruncated, ""),
    "no size": (size_line(b""), StreamTruncated, ""),
    "a size without end": (lambda _: [Flood(b"f" * 999)], LimitExceeded, "head_bytes"),
    "an extension": (
        lambda body: ends(b"%x;a=%b\r\n%b\r\n0\r\n\r\n" % (len(body), b"b" * 999, body)),
        None,
        "",
    ),
    "trailers": (lambda body: ends(chunk(body) + b"0\r\nX-A: b\r\n\r\n"), None, ""),
}


@both
@pytest.mark.parametrize("name", CHUNKS)
def test_chunks(server: ServerFactory, name: str, streaming: bool) -> None:
    """Chunks that are none end the body there; what is only odd is passed over."""
    script, error, limit = CHUNKS[name]
    head = HEAD + kind(streaming) + b"Transfer-Encoding: chunked\r\n\r\n"
    heard = hear(server([Send(head), *script(good(streaming))]).url, streaming=streaming)
    assert type(heard.error) is (error or type(None))
    assert heard.limit == limit
    assert heard.text == ("" if error else "Hello")


def test_a_chunk_that_claims_to_be_huge(server: ServerFactory) -> None:
    """Is read as it comes: an answer that was whole by then stays whole."""
    script = ends(CHUNKED + b"FFFFFFFFFFFFFFFF\r\n" + STREAM)
    assert hear(server(script).url).text == "Hello"


BEHIND: dict[str, Sequence[Step]] = {
    "trailers": [Send(b"0\r\n"), Flood(b"X-A: b\r\n")],
    "comments": [Flood(chunk(b": ping\n\n"))],
    "a chunk": [Send(b"FFFFFFFF\r\n"), Flood(b"a" * 999)],
}


@pytest.mark.parametrize("name", BEHIND)
def test_what_follows_the_end_of_an_answer(server: ServerFactory, name: str) -> None:
    """Without end, it holds neither the caller nor the reader: the connection is closed."""
    far = server([Send(CHUNKED + chunk(STREAM)), *BEHIND[name]])
    heard = hear(far.url)
    assert heard.error is None
    assert heard.text == "Hello"
    far.wait_closed(0)


@pytest.mark.parametrize(("claimed", "error"), [(5, StreamTruncated), (10**6, None)])
def test_a_length_that_lies(
    server: ServerFactory, claimed: int, error: type[RigError] | None
) -> None:
    """Too short cuts the answer off, too long changes nothing once it is whole."""
    script = ends(HEAD + kind(True) + b"Content-Length: %d\r\n\r\n" % claimed + STREAM)
    assert type(hear(server(script).url).error) is (error or type(None))


# what never ends ----------------------------------------------------------------------------------

LITTLE = Limits(event_bytes=64 * KIB, body_bytes=256 * KIB, defects=50, argument_bytes=64 * KIB)
PAD = b"a" * 500
LONG_CALL = chat_chunk({"tool_calls": [{"index": 0, "function": {"arguments": "x" * 999}}]})

ENDLESS: dict[str, tuple[bytes, type[LimitExceeded], str]] = {
    "comments": (b": %b\n\n" % PAD, LimitExceeded, "body_bytes"),
    "events of an unknown type": (
        sse({"object": "news", "x": PAD.decode()}),
        LimitExceeded,
        "body_bytes",
    ),
    "words": (chat_chunk({"content": PAD.decode()}), LimitExceeded, "body_bytes"),
    "blank lines": (b"\n" * 99, LimitExceeded, "body_bytes"),
    "a page": (b"<p>%b</p>\n" % PAD, LimitExceeded, "body_bytes"),
    "a line": (b"data: a", SSELimitError, "event_bytes"),
    "an event": (b"data: %b\n" % PAD, SSELimitError, "event_bytes"),
    "NULs": (b"\x00" * 99, SSELimitError, "event_bytes"),
    "bad frames": (b"data: {\n\n", LimitExceeded, "defects"),
    "fields of a wrong type": (chat_chunk({"content": 1}), LimitExceeded, "defects"),
    "deep frames": (b"data: " + b"[" * 300 + b"\n\n", LimitExceeded, "defects"),
    "arguments of a call": (LONG_CALL, LimitExceeded, "argument_bytes"),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_streams_without_end(server: ServerFactory, name: str) -> None:
    """Each is stopped by the limit that is there for it, with little in memory."""
    data, error, limit = ENDLESS[name]
    far = server([Send(CHUNKED), Flood(chunk(data * (1 + 2000 // len(data))))])
    with memory(LITTLE.body_bytes):
        heard = hear(far.url, limits=LITTLE)
    assert type(heard.error) is error
    assert heard.limit == limit


def test_words_that_came_before_a_limit(server: ServerFactory) -> None:
    """Are in `.partial`."""
    script: list[Step] = [
        Send(CHUNKED + chunk(chat_chunks("Hello")[0])),
        Flood(chunk(b"data: {\n\n")),
    ]
    assert hear(server(script).url, limits=LITTLE).text == "Hello"


@pytest.mark.parametrize(
    ("wire", "data"),
    [(OllamaChat(), b'{"a'), (BedrockConverse(), aws_frame({}, bytes(100 * KIB))[:50])],
    ids=["ndjson", "aws"],
)
def test_frames_without_end(server: ServerFactory, wire: Wire, data: bytes) -> None:
    """The other framings have the same bound."""
    if isinstance(wire, BedrockConverse):
        pytest.importorskip("botocore")
    far = server([Send(HEAD + b"\r\n" + data), Flood(b"a" * 999)])
    heard = hear(far.url, wire=wire, limits=LITTLE)
    assert type(heard.error) is SSELimitError
    assert heard.limit == "event_bytes"


def test_a_byte_at_a_time(server: ServerFactory) -> None:
    """A line that drips is as long as any other."""
    script: list[Step] = [Send(HEAD + kind(True) + b"\r\n"), Drip(b"a", 0.0)]
    heard = hear(server(script).url, limits=Limits(event_bytes=300))
    assert heard.limit == "event_bytes"


def test_a_whole_body_without_end(server: ServerFactory) -> None:
    """Is stopped too; JSON that is too deep is not even looked into."""
    endless = server([Send(HEAD + b"\r\n{"), Flood(b'"a":1,' * 99)])
    assert hear(endless.url, streaming=False, limits=LITTLE).limit == "body_bytes"
    deep = server(response(200, {}, b'{"a":' * 300 + b"1" + b"}" * 300))
    assert hear(deep.url, streaming=False).limit == "json_depth"


# what grows when it is unpacked -------------------------------------------------------------------


@cache
def packed(bits: int) -> bytes:
    """64 MiB of NULs, as zlib writes them."""
    squeeze = zlib.compressobj(wbits=bits)
    return b"".join(squeeze.compress(bytes(MIB)) for _ in range(64)) + squeeze.flush()


BOMBS: dict[str, tuple[bytes, Callable[[], bytes]]] = {
    "gzip": (b"gzip", lambda: packed(31)),
    "deflate": (b"deflate", lambda: packed(15)),
    "deflate without a head": (b"deflate", lambda: packed(-15)),
    "gzip in gzip": (b"gzip, gzip", lambda: gzip.compress(packed(31))),
}


@pytest.mark.parametrize("status", [200, 302, 400, 500])
@both
@pytest.mark.parametrize("name", BOMBS)
def test_bombs(server: ServerFactory, name: str, streaming: bool, status: int) -> None:
    """A body that unpacks to more than the limit costs no more memory than that."""
    encoding, body = BOMBS[name]
    headers = {"Content-Encoding": encoding.decode(), "Location": "/elsewhere"}
    far = server(response(status, headers, body()))
    with memory(2 * LITTLE.body_bytes):
        heard = hear(far.url, streaming=streaming, limits=LITTLE)
    wanted = {302: ProviderError, 400: BadRequest, 500: ServerError}.get(status, LimitExceeded)
    assert isinstance(heard.error, wanted)
    assert heard.limit == ("" if status > 200 else "event_bytes" if streaming else "body_bytes")


@both
@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip, gzip, gzip, gzip, gzip", "gzip"])
def test_encodings_that_are_none(server: ServerFactory, encoding: str, streaming: bool) -> None:
    """What cannot be unpacked is no answer."""
    far = server(response(200, {"Content-Encoding": encoding}, b"rubbish" * 99))
    heard = hear(far.url, streaming=streaming)
    assert isinstance(heard.error, (ReadFailed, ResponseDecodeError))


# errors -------------------------------------------------------------------------------------------

REFUSALS: dict[str, tuple[int, bytes, Step]] = {
    "without end": (500, b"", Flood(b"a" * 9999)),
    "of a gigabyte": (400, b"Content-Length: 1073741824\r\n", Flood(b"a" * 9999)),
    "that never comes": (400, b"Content-Length: 10\r\n", Stall()),
    "that is deep": (500, b"", Flood(b'{"error":' * 99)),
    "of blank lines": (500, b"", Flood(b"\n" * 9999)),
}


@both
@pytest.mark.parametrize("name", REFUSALS)
def test_bodies_of_errors(server: ServerFactory, name: str, streaming: bool) -> None:
    """The status is told, whatever its body does; the message stays short."""
    status, header, rest = REFUSALS[name]
    far = server([Send(b"HTTP/1.1 %d No\r\n%b\r\n" % (status, header)), rest])
    with memory(2 * MIB):
        heard = hear(far.url, streaming=streaming)
    assert type(heard.error) is (BadRequest if status == 400 else ServerError)
    assert len(str(heard.error)) < 8 * KIB


# what is in the frames ----------------------------------------------------------------------------

ODD_FRAMES: dict[str, bytes] = {
    "NUL": b"data: \x00\n\n",
    "a key twice": b'data: {"choices":[],"choices":[{"delta":{"content":"!"}}]}\n\n',
    "NaN": b'data: {"choices":[{"delta":{"content":"!"}}],"x":NaN}\n\n',
    "infinity": b'data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":1e999}}\n\n',
    "a huge number": b'data: {"choices":[],"usage":{"prompt_tokens":%b}}\n\n' % (b"9" * 400),
    "a number of 5,000 digits": b'data: {"choices":[],"usage":{"a":%b}}\n\n' % (b"9" * 5000),
    "half a surrogate pair": rb'data: {"choices":[{"delta":{"content":"\ud83d"}}]}' + b"\n\n",
    "no UTF-8": b'data: {"choices":[{"delta":{"content":"\xff\xfe"}}]}\n\n',
    "a list": b"data: [[1]]\n\n",
    "deep": b"data: " + b'{"a":' * 5000 + b"\n\n",
    "deep, and whole": b"data: " + b"[" * 5000 + b"]" * 5000 + b"\n\n",
    "a line separator": "data: {\u2028}\n\n".encode(),
}


@pytest.mark.parametrize("name", ODD_FRAMES)
def test_odd_frames(server: ServerFactory, name: str) -> None:
    """One frame is lost at most, and then told of; the answer goes on."""
    heard = hear(server(sse_response(ODD_FRAMES[name], *chat_chunks("Hello"))).url)
    assert heard.error is None
    assert heard.text.endswith("Hello")
    assert any(isinstance(item, StreamFinal) for item in heard.items)
    assert heard.answer is not None
    heard.text.encode()
    assert heard.answer.usage.input_tokens is None
    assert sum(isinstance(item, StreamError) for item in heard.items) == len(heard.answer.defects)


def test_more_calls_than_allowed(server: ServerFactory) -> None:
    """Those within the limit are whole, and are in `.partial`; none is made up."""
    calls = [("add", {"n": number}) for number in range(9)]
    heard = hear(server(sse_response(*call_chunks(*calls))).url, limits=Limits(tool_calls=5))
    assert heard.limit == "tool_calls"
    assert heard.answer is not None
    assert len(heard.answer.message.tool_calls) == 5


# tools --------------------------------------------------------------------------------------------

ARGUMENTS: dict[str, str] = {
    "deep": '{"numbers":' + "[" * 300 + "]" * 300 + "}",
    "deep, in a string": json.dumps('{"numbers":' + "[" * 900 + "]" * 900 + "}"),
    "malformed": '{"numbers": [1',
    "a list": "[1, 2]",
    "of a wrong type": '{"numbers": "many"}',
    "NaN": '{"numbers": [NaN]}',
    "infinite": '{"numbers": [1e999]}',
    "unknown": json.dumps({f"k{number}": number for number in range(5000)}),
    "wrong 10,000 times": json.dumps({"numbers": ["x"] * 10_000}),
    "a number of 5,000 digits": '{"numbers": [%s]}' % ("9" * 5000),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_that_do_not_fit(server: ServerFactory, name: str) -> None:
    """Never reach the function; the model is told in a few words, and the run goes on."""
    seen: list[list[int]] = []

    def add(numbers: list[int]) -> int:
        """Add them."""
        seen.append(numbers)
        return sum(numbers)

    function = {"name": "add", "arguments": ARGUMENTS[name]}
    call = chat_chunk({"tool_calls": [{"index": 0, "id": "c", "function": function}]})
    first = sse_response(call, *chat_chunks(finish="tool_calls"))
    far = server(first, sse_response(*chat_chunks("Hello")))
    with Client(base_url=far.url, retries=NO_RETRIES, timeouts=PATIENCE) as client:
        agent = Agent(client.completion_model("m-1"), tools=[add])
        with agent.stream_prompt("Add them") as stream:
            items = list(stream)
    assert items
    assert seen == []
    assert isinstance(far.requests[1].json, dict)
    (result,) = [m for m in far.requests[1].json["messages"] if m["role"] == "tool"]
    assert 0 < len(result["content"]) < 10 * KIB


def test_arguments_that_fit_are_run(server: ServerFactory) -> None:
    """However they are cut, and with every character there is."""
    text = json.dumps({"text": "\u2028\x00\u202e\U0001f600" * 99})
    seen: list[str] = []

    def note(text: str) -> str:
        """Note it."""
        seen.append(text)
        return "noted"

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(text), 7):
            function = {"name": "note" if at == 0 else None, "arguments": text[at : at + 7]}
            yield chat_chunk({"tool_calls": [{"index": 0, "id": "c", "function": function}]})

    first = sse_response(*pieces(), *chat_chunks(finish="tool_calls"))
    far = server(first, sse_response(*chat_chunks("Hello")))
    with Client(base_url=far.url, retries=NO_RETRIES, timeouts=PATIENCE) as client:
        assert Agent(client.completion_model("m-1"), tools=[note]).prompt("Go", stream=True).output
    assert seen == [json.loads(text)["text"]]


def test_a_call_is_not_run_when_a_limit_ends_the_answer(server: ServerFactory) -> None:
    """The answer was cut, so nothing of it runs."""
    seen: list[int] = []

    def add(n: int) -> int:
        """Add it."""
        seen.append(n)
        return n

    calls = call_chunks(*[("add", {"n": number}) for number in range(9)])
    limits = Limits(tool_calls=5)
    far = server(sse_response(*calls))
    with Client(base_url=far.url, retries=NO_RETRIES, limits=limits) as client:
        agent = Agent(client.completion_model("m-1"), tools=[add])
        stream = agent.stream_prompt("Add them")
        with pytest.raises(LimitExceeded) as told:
            list(stream)
    assert told.value.limit == "tool_calls"
    assert seen == []
    assert not [item for item in told.value.history if isinstance(item, ToolCall)]


# the page about it --------------------------------------------------------------------------------

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"


def in_words(value: int) -> str:
    """As the page writes bounds."""
    for size, unit in ((MIB, "MiB"), (KIB, "KiB")):
        if value % size == 0:
            return f"{value // size} {unit}"
    return str(value)


def test_the_page_has_every_limit() -> None:
    """By the name of its field, in order, with its default."""
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    told = [(row[0].strip("| `"), row[1]) for row in rows if hasattr(Limits(), row[0].strip("| `"))]
    defaults = [(name, in_words(getattr(Limits(), name))) for name in Limits.__struct_fields__]
    assert told == defaults


def test_the_page_has_every_bound() -> None:
    """Those that are no option are what the code has."""
    text = PAGE.read_text()
    bounds = {
        f"{MOST_ANSWERS} | `LimitExceeded` of `head_bytes`": "interim answers",
        f"the first {in_words(ERROR_BYTES)} is read": "error bodies",
        f"a pause of {ERROR_SECONDS:g} s": "error bodies",
        f"{in_words(BODY_LIMIT)} each; a code or an id {CODE_LIMIT} characters": "errors",
        f"{DRAIN_SECONDS * 1000:g} ms": "what follows",
        f"{MAX_STEPS} steps": "paths",
        f"{MOST_PROBLEMS} problems of {MOST_CHARACTERS} characters": "problems",
        f"{SAVED_DEPTH} levels | `msgspec": "what was saved",
        f"{MAX_DEPTH} levels | `broken": "partial JSON",
    }
    assert [what for words, what in bounds.items() if words not in text] == []


@pytest.mark.parametrize("name", Limits.__struct_fields__)
@pytest.mark.parametrize("value", [0, -1, True, 1.5, "1", None])
def test_a_limit_is_a_whole_number(name: str, value: object) -> None:
    """Anything else is refused when it is written."""
    with pytest.raises(ConfigError, match=name):
        Limits(**{name: value})  # type: ignore[arg-type] # that is the point
