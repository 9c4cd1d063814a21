"""Frames of AWS event streams of our own making, as a server would send them."""

from __future__ import annotations

import struct
import zlib

from rig_sync._json import Json, compact

__all__ = ["aws_error", "aws_event", "aws_exception", "aws_frame", "converse"]

STRING = 7


def aws_frame(headers: dict[str, str], payload: bytes = b"") -> bytes:
    """One frame with those headers, each a string.

    >>> len(aws_frame({}))
    16
    """
    fields = b"".join(
        struct.pack(">B", len(name))
        + name.encode()
        + struct.pack(">BH", STRING, len(value.encode()))
        + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(fields) + len(payload), len(fields))
    whole = prelude + struct.pack(">I", zlib.crc32(prelude)) + fields + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


def aws_event(name: str, payload: Json) -> bytes:
    """An event: a string is its payload as it is, anything else goes as JSON."""
    text = payload if isinstance(payload, str) else compact(payload)
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return aws_frame(headers, text.encode())


def aws_exception(name: str, payload: Json) -> bytes:
    """An exception that the service has a model of."""
    headers = {":exception-type": name, ":message-type": "exception"}
    return aws_frame(headers, compact(payload).encode())


def aws_error(code: str, message: str) -> bytes:
    """An error that it has none of."""
    headers = {":error-code": code, ":error-message": message, ":message-type": "error"}
    return aws_frame(headers)


def converse(*events: tuple[str, Json] | bytes) -> bytes:
    """The body of a Converse stream: names and payloads; bytes as they are."""
    frames = (entry if isinstance(entry, bytes) else aws_event(*entry) for entry in events)
    return b"".join(frames)
