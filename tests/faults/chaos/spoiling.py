"""What can be done to the bytes of a body; pure, and decided by chance alone."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

__all__ = ["SPOILS", "frames_of", "spoiled"]

PRELUDE = 12  # bytes ahead of the headers of an AWS frame
STRANGERS = (
    b"",
    b"\n",
    b"<html><body><h1>502 Bad Gateway</h1></body></html>",
    b'{"error": {"message": "scripted", "type": "server_error", "code": "boom"}}',
    b"null",
    b"[]",
    b"upstream connect error or disconnect/reset before headers",
    b"\x00" * 64,
    b"\x1f\x8b\x08\x00",
)


def frames_of(content: bytes, framing: str) -> list[bytes]:
    r"""The frames of a body, which joined are that body.

    >>> frames_of(b"data: 1\n\ndata: 2\n\nda", "sse")
    [b'data: 1\n\n', b'data: 2\n\n', b'da']
    >>> frames_of(b"{}\n{}\n", "ndjson")
    [b'{}\n', b'{}\n']
    """
    if framing == "aws":
        return _aws_frames(content)
    end = b"\n" if framing == "ndjson" else b"\r\n\r\n" if b"\r\n\r\n" in content else b"\n\n"
    *frames, last = content.split(end)
    return [frame + end for frame in frames] + ([last] if last else [])


def _aws_frames(content: bytes) -> list[bytes]:
    frames, start = [], 0
    while start + PRELUDE <= len(content):
        size = max(PRELUDE, struct.unpack_from(">I", content, start)[0])
        frames.append(content[start : start + size])
        start += size
    return frames + ([content[start:]] if start < len(content) else [])


def _flip(content: bytearray, chance: random.Random) -> None:
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _overwrite(content: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(content))
    size = chance.choice((1, 1, 2, 16))
    content[at : at + size] = chance.randbytes(size)


def _insert(content: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(content) + 1)
    rubbish = (
        b"\x00",
        b"\xff\xfe",
        b"\n",
        b"\r",
        b"\n\n",
        b'"',
        b"{",
        b"}",
        b"\\",
        b"\xed\xa0\x80",
    )
    content[at:at] = chance.choice((*rubbish, chance.randbytes(chance.randint(1, 40))))


def _delete(content: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(content))
    del content[at : at + chance.choice((1, 1, 2, 7, 50))]


def _double(content: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(content))
    content[at:at] = content[at : at + chance.choice((1, 2, 7, 50, 300))]


def _cut_end(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content)) :]


def _strange(content: bytearray, chance: random.Random) -> None:
    content[:] = chance.choice(STRANGERS)


def _strange_end(content: bytearray, chance: random.Random) -> None:
    content[chance.randrange(len(content)) :] = chance.choice(STRANGERS)


Spoil = Callable[[bytearray, random.Random], None]

_OF_BYTES: dict[str, Spoil] = {
    "flip a bit": _flip,
    "overwrite bytes": _overwrite,
    "insert bytes": _insert,
    "delete bytes": _delete,
    "double bytes": _double,
    "drop the end": _cut_end,
    "something else": _strange,
    "something else from there on": _strange_end,
}


def _swap(frames: list[bytes], chance: random.Random) -> None:
    one, other = chance.randrange(len(frames)), chance.randrange(len(frames))
    frames[one], frames[other] = frames[other], frames[one]


def _repeat(frames: list[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(frames))
    frames.insert(chance.randrange(at, len(frames)), frames[at])


def _drop(frames: list[bytes], chance: random.Random) -> None:
    del frames[chance.randrange(len(frames))]


def _empty_frames(frames: list[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(frames) + 1)
    frames[at:at] = [chance.choice((b"\n\n", b": ping\n\n", b"data:\n\n", b"data: {}\n\n"))]


_OF_FRAMES: dict[str, Callable[[list[bytes], random.Random], None]] = {
    "swap two frames": _swap,
    "repeat a frame": _repeat,
    "drop a frame": _drop,
    "a frame more": _empty_frames,
}

SPOILS: tuple[str, ...] = (*_OF_BYTES, *_OF_FRAMES)


def spoiled(content: bytes, framing: str, what: str, chance: random.Random) -> bytes:
    r"""`content` after one act of `SPOILS`.

    >>> spoiled(b"abc", "sse", "flip a bit", random.Random(3)) != b"abc"
    True
    """
    if not content:
        return content
    if what in _OF_FRAMES:
        frames = frames_of(content, framing)
        _OF_FRAMES[what](frames, chance)
        return b"".join(frames)
    changed = bytearray(content)
    _OF_BYTES[what](changed, chance)
    return bytes(changed)
