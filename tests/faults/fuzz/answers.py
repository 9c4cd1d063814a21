"""What providers send: streams and bodies of every wire, errors, framings, headers, listings."""

from __future__ import annotations

import math
import random
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from requests.structures import CaseInsensitiveDict

from rig_sync._json import JsonObject, compact
from rig_sync.errors import LimitExceeded, RigError
from rig_sync.transport.framing import FRAMINGS
from rig_sync.transport.head import ReplyHead
from rig_sync.transport.sse import EventSource
from rig_sync.wire.base import Frame, FramingName, Wire, whole_body
from rig_sync.wire.embeddings import (
    CohereEmbeddings,
    EmbeddingWire,
    GeminiEmbeddings,
    OllamaEmbeddings,
    OpenAIEmbeddings,
)
from rig_sync.wire.listing import ModelListing
from tests.faults.fuzz.holds import LIMITS, an_answer, an_error, guarded, guarded_frames
from tests.faults.fuzz.mutate import (
    cuts,
    mutated_bytes,
    mutated_json,
    mutated_row,
    mutated_text,
)
from tests.faults.fuzz.rare import ERRORS
from tests.faults.fuzz.seeds import WIRES, Piece, Seeds, rendered
from tests.faults.fuzz.targets import Target, target
from tests.faults.fuzz.values import HOSTILE_WORDS

__all__ = ["answer_targets", "other_targets"]


class Body(NamedTuple):
    """A body in pieces."""

    chunks: list[bytes]


# the answers of one wire --------------------------------------------------------------------------


def answer_targets(name: str, seeds: Seeds) -> Iterator[Target]:
    """Of one wire: its streams as bytes and as frames, its whole bodies, and its errors."""
    wire = WIRES[name]
    data = [frame.data for frames in seeds.streams for frame in frames]
    pieces = [frame for frames in seeds.streams for frame in frames]
    spoil = _spoiling(data)

    def stream(chance: random.Random) -> list[Piece]:
        frames = seeds.streams[chance.randrange(len(seeds.streams))]
        return mutated_row(frames, chance, lambda frame: spoil(frame, chance), pieces)

    def streamed_bytes(chance: random.Random) -> Body:
        body = rendered(wire.framing, stream(chance))
        if chance.random() < 0.3:
            body = mutated_bytes(body, chance)
        return Body(cuts(body, chance))

    def whole(chance: random.Random) -> bytes:
        texts = seeds.bodies or data
        text = mutated_json(texts[chance.randrange(len(texts))], chance, texts)
        body = text.encode("utf-8", "replace")
        return mutated_bytes(body, chance) if chance.random() < 0.1 else body

    def refused(chance: random.Random) -> tuple[str, int | None]:
        texts = [*map(compact, ERRORS), *seeds.bodies[:5]]
        text = mutated_json(texts[chance.randrange(len(texts))], chance, texts)
        if chance.random() < 0.2:
            text = mutated_text(text, chance)
        status = chance.choice((None, 0, 200, 400, 404, 418, 429, 500, 529, 599, 999))
        return text.encode("utf-8", "replace").decode(), status

    yield target(f"{name}.stream", stream, lambda case: _streamed(wire, guarded_frames(case)))
    yield target(f"{name}.bytes", streamed_bytes, lambda case: _cut(wire, case))
    yield target(f"{name}.body", whole, lambda case: _whole(wire, case))
    yield target(f"{name}.error", refused, lambda case: _refused(wire, *case))


def _spoiling(donors: Sequence[str]) -> Callable[[Piece, random.Random], Piece]:
    def spoil(frame: Piece, chance: random.Random) -> Piece:
        match chance.randrange(12):
            case 0:
                return Piece(chance.choice(_EVENTS), frame.data)
            case 1:
                return Piece("error", chance.choice((frame.data, "overloaded", "{}", "[]", "")))
            case 2:
                return Piece(frame.event, mutated_text(frame.data, chance))
            case 3:
                return Piece(frame.event, HOSTILE_WORDS[chance.randrange(len(HOSTILE_WORDS))])
            case _:
                return Piece(frame.event, mutated_json(frame.data, chance, donors))

    def clean(frame: Piece, chance: random.Random) -> Piece:
        found = spoil(frame, chance)
        return Piece(found.event, found.data.encode("utf-8", "replace").decode())

    return clean


_EVENTS = (
    *("", "message", "ping", "error", "done", "messageStop", "metadata", "contentBlockDelta"),
    *("throttlingException", "Exception", "x" * 300, "\u2028"),
)


def _streamed(wire: Wire, frames: Iterable[Frame]) -> None:
    an_answer(wire.name, wire.decode_stream(frames))


def _cut(wire: Wire, body: Body) -> None:
    source = FRAMINGS[wire.framing].cut(body.chunks, LIMITS.event_bytes)
    _streamed(wire, guarded_frames(source))
    if source.stray:
        an_error(wire.decode_error(bytes(source.stray).decode("utf-8", "replace"), 200))


def _whole(wire: Wire, body: bytes) -> None:
    try:
        guarded(body)
        an_answer(wire.name, wire.decode_body(body))
    except LimitExceeded as error:
        an_error(error)


def _refused(wire: Wire, body: str, status: int | None) -> None:
    error = wire.decode_error(body, status)
    an_error(error)
    _check_wait(error.retry_after)


def _check_wait(seconds: float | None) -> None:
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0), seconds


# framings -----------------------------------------------------------------------------------------


def other_targets() -> Iterator[Target]:
    """Framings, headers, embeddings and listings."""
    for name in ("sse", "ndjson", "aws"):
        yield _framing(name)
    yield target("retry-after", _headers, _waits)
    for wire, samples in _EMBEDDINGS:
        yield _embedding(wire, samples)
    yield target("models", lambda chance: mutated_json(_LISTING, chance), _lists)


def _framing(name: FramingName) -> Target:
    """Cut anywhere, a body gives the same frames, or the same error."""

    def make(chance: random.Random) -> tuple[bytes, list[bytes], int]:
        body = b"".join(_piece(name, chance) for _ in range(chance.choice((1, 3, 10))))
        if chance.random() < 0.5:
            body = mutated_bytes(body, chance)
        return body, cuts(body, chance), chance.choice((20, 200, LIMITS.event_bytes))

    def check(case: tuple[bytes, list[bytes], int]) -> None:
        body, chunks, limit = case
        whole, cut = _frames(name, [body], limit), _frames(name, chunks, limit)
        assert whole == cut, f"cut: {cut!r:.500}\nwhole: {whole!r:.500}"

    return target(f"framing.{name}", make, check)


class Framed(NamedTuple):
    """What a framing made of a body."""

    frames: list[tuple[str, str]]
    stray: bytes
    incomplete: bool
    error: str


def _frames(name: FramingName, chunks: Iterable[bytes], limit: int) -> Framed:
    source = FRAMINGS[name].cut(chunks, limit)
    found: list[tuple[str, str]] = []
    error = ""
    try:
        for frame in source:
            found.append((frame.event, frame.data))
            assert len(frame.data.encode()) <= 3 * limit, "the limit does not hold"
    except RigError as failure:
        an_error(failure)
        error = type(failure).__name__
    if isinstance(source, EventSource):
        assert source.retry is None or source.retry >= 0
        source.last_event_id.encode()
    return Framed(found, bytes(source.stray), source.incomplete, error)


def _piece(name: FramingName, chance: random.Random) -> bytes:
    if name == "aws":
        return _aws_piece(chance)
    if name == "ndjson":
        return chance.choice((b'{"a": 1}\n', b" {}\r\n", b"\n", b"null\n", b'{"a"', b"<html>\n"))
    return chance.choice(
        (
            *(b"data: {}\n\n", b"event: a\ndata: 1\n\n", b"data:1\ndata: 2\n\n", b": ping\n\n"),
            *(b"id: 7\ndata: x\r\n\r\n", b"retry: 10\ndata\n\n", b"data: a\r\rdata: b\r\n\n"),
            *(b'{"error": 1}\n', b"data: \x1a\xe2\x80\xa8\xff\n\n", b"\xef\xbb\xbfdata: b\n\n"),
        )
    )


def _aws_piece(chance: random.Random) -> bytes:
    """A frame whose checksums are right and whose headers are of any type, or of none."""
    headers = b"".join(_aws_header(chance) for _ in range(chance.choice((0, 1, 2, 4))))
    if chance.random() < 0.3:
        headers = mutated_bytes(headers, chance)
    payload = chance.choice((b"", b"{}", b"\xff\xfe", b'{"message": "no"}', b"\x00" * 30))
    claimed = chance.choice((len(headers),) * 6 + (0, 1, 2**31, len(headers) + 5))
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), claimed & 0xFFFFFFFF)
    whole = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


def _aws_header(chance: random.Random) -> bytes:
    name = chance.choice(
        (b":event-type", b":message-type", b":exception-type", b":error-code", b"")
    )
    kind = chance.randrange(11)
    if kind in (6, 7):
        text = chance.choice((b"event", b"exception", b"error", b"messageStop", b"\xff", b""))
        value = struct.pack(">H", len(text)) + text
    else:
        value = chance.choice((b"", b"\x00", b"\xff" * 8, bytes(16)))
    return bytes((len(name),)) + name + bytes((kind,)) + value


# headers, vectors, listings -----------------------------------------------------------------------


def _headers(chance: random.Random) -> dict[str, str]:
    found = {}
    for name in ("Retry-After", "retry-after-ms", "Content-Type", "x-amzn-errortype"):
        text = chance.choice(_WAITS)
        found[name] = mutated_text(text, chance) if chance.random() < 0.6 else text
    return found


_WAITS = (
    *(
        "",
        "1",
        "0.5",
        "-1",
        "²",
        "٣",
        "1e9",
        "inf",
        "nan",
        ".",
        "9" * 400,
        "0" * 5000,
        "\x85",
        "1,2",
    ),
    *("Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 9999 07:28:00 GMT", "21 Oct 2015 07:28 +9999"),
    *("Mon, 01 Jan 99999999999 00:00:00 GMT", "Wed, 21 Oct 2015 99:99:99 GMT", "Oct", ":", "+"),
    *("Wed, 21 Oct 0001 00:00:00 +2359", "Wed, 21 Oct 9999 23:59:59 -2359", "1 1 1 1 1 1 1", "-0"),
    *("Sun, 06 Nov 1994 08:49:37 -0000", "Sunday, 06-Nov-94 08:49:37 GMT"),
)


def _waits(headers: dict[str, str]) -> None:
    head = ReplyHead(429, CaseInsensitiveDict(headers))
    _check_wait(head.retry_after())
    assert head.content_type is not None
    assert head.error_code != ""
    assert head.head_bytes >= 0


_LISTING = compact(
    {
        "data": [{"id": "m", "name": "M", "context_length": 8192, "owned_by": "o"}, {"name": "n"}],
        "models": [{"name": "models/x", "inputTokenLimit": 1}],
        "nextPageToken": "p",
        "has_more": True,
    }
)


def _lists(text: str) -> None:
    payload = _object(text)
    if payload is None:
        return
    for listing in (ModelListing(), ModelListing(cursor="nextPageToken", cursor_parameter="p")):
        try:
            for found in listing.decode(payload):
                assert repr(found)
        except RigError as error:
            an_error(error)
        cursor = listing.next_page(payload)
        assert listing.path(cursor).isascii()


def _object(text: str) -> JsonObject | None:
    """The object in a body, as `unary` gets it."""
    body = text.encode("utf-8", "replace")
    try:
        guarded(body)
        return whole_body(body)
    except RigError as error:
        an_error(error)
    return None


_EMBEDDINGS: tuple[tuple[EmbeddingWire, tuple[str, ...]], ...] = (
    (
        OpenAIEmbeddings(),
        (
            '{"model":"m","data":[{"index":1,"embedding":[1,2]},{"index":0,"embedding":"AACAPw=="}],'
            '"usage":{"prompt_tokens":1,"total_tokens":1}}',
        ),
    ),
    (
        GeminiEmbeddings(),
        ('{"embeddings":[{"values":[1,0.5]},{}],"usageMetadata":{"promptTokenCount":1}}',),
    ),
    (
        CohereEmbeddings(),
        (
            '{"embeddings":{"float":[[1,2],[3]]},"meta":{"billed_units":{"input_tokens":1}}}',
            '{"embeddings":[[1]]}',
        ),
    ),
    (OllamaEmbeddings(), ('{"model":"m","embeddings":[[1,2]],"prompt_eval_count":1}',)),
)


def _embedding(wire: EmbeddingWire, samples: Sequence[str]) -> Target:
    def check(text: str) -> None:
        payload = _object(text)
        if payload is None:
            return
        try:
            found = wire.decode(payload)
        except RigError as error:
            an_error(error)
            return
        assert all(isinstance(number, float) for vector in found.vectors for number in vector)
        assert all(math.isfinite(number) for vector in found.vectors for number in vector)
        assert found.usage + found.usage is not None

    return target(
        f"embeddings.{type(wire).__name__}",
        lambda chance: mutated_json(chance.choice(samples), chance, samples),
        check,
    )
