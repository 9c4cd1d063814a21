"""The bytes of an answer, as its plan has them: what the server does, and what can be read."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from tests.faults.chaos.bodies import MEDIA_TYPES, Body
from tests.faults.chaos.plans import Plan
from tests.faults.chaos.spoiling import spoiled

__all__ = ["BODILESS", "Rest", "Served", "Step", "Stop", "served"]

BODILESS = (100, 204, 304)
"""The statuses after which HTTP has no body, whatever is sent."""

TRICKLE = 0.005  # seconds from byte to byte
MOST_TRICKLED = 1000
MOST_PIECES = 120
CHUNKED = ("chunked", "gzip", "bad gzip", "bad encoding")
ENCODINGS = ("br", "zstd", "deflate", "gzip", "gzip, gzip", "x-none", "")


class Rest(Struct, frozen=True):
    """Seconds of silence."""

    seconds: float


class Stop(Struct, frozen=True):
    """What ends the connection: `stall` waits until the client goes."""

    how: Literal["fin", "rst", "stall"]


Step: TypeAlias = bytes | Rest | Stop


class Served(Struct, frozen=True):
    """What the server does, and what the client can make of it.

    Attributes:
        steps: In order; without a `Stop` the connection lives on.
        payload: The bytes of the body, decompressed, that come before the connection breaks; None
            where wrong framing leaves that open.
        whole: All of it is sure to come, and in time.
        unspoiled: `payload` is the beginning of the recorded body.
    """

    steps: tuple[Step, ...]
    payload: bytes | None
    whole: bool
    unspoiled: bool


def served(plan: Plan, seed: int, bodies: Sequence[Body]) -> Served:
    """What the server does with `plan`: the same in every process."""
    chance = random.Random(f"bytes {seed} {plan.number}")
    body = bodies[plan.body]
    content = body.content
    for what in plan.spoils:
        content = spoiled(content, body.framing, what, chance)
    packed = _packed(content, plan, chance)
    head = _head(plan, body, len(packed) + _lie(plan, chance), chance)
    cut = list(_chunks(packed, plan, chance))
    answer, known = head + b"".join(cut), len(head)
    if plan.garbled:
        answer, known = _garbled(answer, plan, known, chance)
    end = _place(plan, known, len(answer))
    if plan.breaks == "trickle":
        answer = answer[: end + MOST_TRICKLED]
    lasting = plan.framing in ("chunked", "gzip", "length") and not plan.garbled
    lasting = lasting and plan.status not in BODILESS
    stop = {"none": None if lasting else "fin", "trickle": "fin"}.get(plan.breaks, plan.breaks)
    steps = [*_sent(answer[:end], known, plan, chance)]
    if plan.breaks == "trickle":
        steps += _trickled(answer[end:])
    if stop is not None:
        steps.append(Stop(stop))  # type: ignore[arg-type]  # one of its words
    payload = None
    if not plan.garbled and plan.framing != "bad encoding":
        payload = _arrived(
            plan, packed, head, cut, len(answer) if plan.breaks == "trickle" else end
        )
    sure = plan.breaks == "none" or (plan.breaks == "fin" and end == len(answer))
    sure = sure and payload is not None and not plan.framing.startswith("bad")
    unspoiled = not plan.spoils and plan.framing != "bad gzip"
    return Served(tuple(steps), payload, sure, unspoiled)


def _packed(content: bytes, plan: Plan, chance: random.Random) -> bytes:
    if "gzip" not in plan.framing:
        return content
    packed = bytearray(gzip.compress(content, mtime=0))
    if plan.framing == "bad gzip":
        for _ in range(chance.choice((1, 1, 3))):
            packed[chance.randrange(len(packed))] ^= 1 << chance.randrange(8)
    return bytes(packed)


def _lie(plan: Plan, chance: random.Random) -> int:
    return chance.choice((-40, -1, 1, 1000)) if plan.framing == "bad length" else 0


def _head(plan: Plan, body: Body, length: int, chance: random.Random) -> bytes:
    kind = MEDIA_TYPES[body.framing] if body.streamed else "application/json"
    kind = kind if plan.content_type is None else plan.content_type
    lines = ["HTTP/1.1 100 Continue", ""] if plan.frills and plan.status != 100 else []
    lines += [f"HTTP/1.1 {plan.status} Chaos", "X-Request-Id: chaos"]
    lines += [f"Content-Type: {kind}"] if kind else []
    lines += ["Content-Encoding: gzip"] if "gzip" in plan.framing else []
    if plan.framing == "bad encoding":
        lines.append(f"Content-Encoding: {chance.choice(ENCODINGS)}")
    if plan.framing in ("length", "bad length"):
        lines.append(f"Content-Length: {max(0, length)}")
    elif plan.framing != "close":
        lines.append("Transfer-Encoding: chunked")
    if _ends_badly(plan):
        lines.append("Connection: close")  # what is wrong here must not be the next one's trouble
    return "\r\n".join([*lines, "", ""]).encode()


def _ends_badly(plan: Plan) -> bool:
    """Whether the server hangs up, or goes on, after what the client may take for the end."""
    late = plan.breaks == "trickle" or (plan.breaks != "none" and plan.at >= 1.0)
    wrong = plan.framing in ("close", "bad length") or plan.garbled > 0
    return late or wrong or plan.status in BODILESS


def _chunks(packed: bytes, plan: Plan, chance: random.Random) -> Iterator[bytes]:
    """The body as it is framed, piece by piece."""
    framed = plan.framing in CHUNKED
    mean = max(plan.pieces, len(packed) // MOST_PIECES, 1)
    start = 0
    while start < len(packed):
        size = chance.randint(1, 2 * mean)
        piece = packed[start : start + size]
        more = b";of=chaos" if plan.frills else b""
        yield b"%x%b\r\n%b\r\n" % (len(piece), more, piece) if framed else piece
        start += size
    if framed:
        yield b"0\r\nX-Trailer: chaos\r\n\r\n" if plan.frills else b"0\r\n\r\n"


def _garbled(answer: bytes, plan: Plan, head: int, chance: random.Random) -> tuple[bytes, int]:
    """Wrong bytes, most in the head and the first chunk's size."""
    changed = bytearray(answer)
    for _ in range(plan.garbled):
        at = chance.randrange(
            min(len(changed), head + 20) if chance.random() < 0.7 else len(changed)
        )
        match chance.randrange(3):
            case 0:
                changed[at] = chance.randrange(256)
            case 1:
                changed[at:at] = chance.randbytes(chance.choice((1, 3, 200)))
            case _:
                del changed[at]
    return bytes(changed), head


def _place(plan: Plan, head: int, size: int) -> int:
    if plan.breaks == "none":
        return size
    return min(size, int(-plan.at * head if plan.at < 0 else head + plan.at * (size - head)))


def _sent(data: bytes, head: int, plan: Plan, chance: random.Random) -> Iterator[Step]:
    """In one piece; with a pace, what follows the head in several."""
    if not plan.pace:
        yield data
        return
    yield data[:head]
    mean = max(1, (len(data) - head) // 40)
    start = head
    while start < len(data):
        size = chance.randint(1, 2 * mean)
        yield Rest(plan.pace * chance.uniform(0, 2))  # none at the end: a late FIN is another's
        yield data[start : start + size]
        start += size


def _trickled(data: bytes) -> Iterator[Step]:
    for byte in data:
        yield Rest(TRICKLE)
        yield bytes([byte])


def _arrived(plan: Plan, packed: bytes, head: bytes, cut: Sequence[bytes], end: int) -> bytes:
    """What the client can read of a body of which `end` bytes, head and framing included, came."""
    left, came = end - len(head), bytearray()
    framed = plan.framing in CHUNKED
    for piece in cut:
        inner = piece[: max(0, left)]
        if framed:
            size, mark, inner = inner.partition(b"\r\n")
            inner = inner[: int(size.partition(b";")[0], 16)] if mark else b""
        came += inner
        left -= len(piece)
    if plan.framing == "bad length":
        came = came[: max(0, _length_in(head))]
    return _unpacked(bytes(came)) if "gzip" in plan.framing else bytes(came)


def _length_in(head: bytes) -> int:
    return int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])


def _unpacked(packed: bytes) -> bytes:
    """As much as can be had of it."""
    try:
        return zlib.decompressobj(wbits=31).decompress(packed)
    except zlib.error:
        pass
    unpack, came = zlib.decompressobj(wbits=31), bytearray()
    try:
        for at in range(len(packed)):
            came += unpack.decompress(packed[at : at + 1])
    except zlib.error:
        pass
    return bytes(came)
