"""Servers that say back what they were sent, key and all."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

from tests.server import (
    Close,
    Request,
    Script,
    Send,
    Step,
    chat_chunk,
    chunk,
    error_response,
    response,
    sse,
    sse_response,
)

__all__ = ["BODIES", "FRAMES", "Answer", "headers_of", "refusing"]

Answer = Callable[[Request], Script]


def headers_of(request: Request) -> str:
    """All headers, as they came."""
    return "\n".join(f"{name}: {value}" for name, value in request.headers.items())


def _of(request: Request) -> str:
    """What the server says, with all headers in it."""
    return f"who are you? you sent: {headers_of(request)}"


def _plain(text: str) -> tuple[str, str]:
    return "text/plain", text


BODIES: dict[str, Callable[[str], tuple[str, str]]] = {
    "error object": lambda t: ("application/json", json.dumps({"error": {"message": t}})),
    "error code": lambda t: ("application/json", json.dumps({"error": {"code": t, "type": t}})),
    "error text": lambda t: ("application/json", json.dumps({"error": t})),
    "flat": lambda t: ("application/json", json.dumps({"message": t, "code": t, "status": t})),
    "fields": lambda t: ("application/json", json.dumps({"detail": [{"loc": ["h"], "input": t}]})),
    "array": lambda t: ("application/json", json.dumps([{"error": {"message": t, "status": t}}])),
    "html json": lambda t: ("application/json", _html_safe(json.dumps({"error": {"message": t}}))),
    "json in json": lambda t: ("application/json", json.dumps({"error": json.dumps({"m": t})})),
    "json as text": lambda t: _plain(json.dumps(t)),
    "cut json": lambda t: ("application/json", json.dumps({"error": {"message": t}})[:-2]),
    "text": _plain,
    "python": lambda t: _plain(repr(t)),
    "ascii": lambda t: _plain(ascii(t)),
    "html": lambda t: ("text/html", f"<html>{html.escape(t)}</html>"),
    "url": lambda t: _plain(quote(t, safe="")),
    "small url": lambda t: _plain(quote(t, safe="").lower()),
    "form": lambda t: _plain(quote_plus(t)),
    "twice": lambda t: _plain(quote(quote(t, safe=""), safe="")),
    "base64": lambda t: _plain(base64.b64encode(t.encode()).decode()),
    "base64 of :key": lambda t: _plain(base64.b64encode((":" + _key_in(t)).encode()).decode()),
    "base64 for URLs": lambda t: _plain(base64.urlsafe_b64encode(f"x{t}".encode()).decode()),
    "a long page": lambda t: ("text/html", f"<html>{'x' * 150}{_key_in(t)}"),
    "cut at 200": lambda t: _plain("x" * 180 + _key_in(t)),
    "cut at 4096": lambda t: _plain("x" * 4080 + _key_in(t)),
    "as a stream": lambda t: ("text/event-stream", f"<html>{'x' * 180}{_key_in(t)}"),
    "as a long stream": lambda t: ("text/event-stream", f"<html>{'x' * 4075}{_key_in(t)}"),
}
"""How the words are put into a body: its type, and itself."""


def _html_safe(text: str) -> str:
    for char in "<>&=+'/":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _key_in(text: str) -> str:
    """The last word of the longest line but for what no key has: the key alone, more or less."""
    lines = [line for line in text.splitlines() if "sk" in line]
    return lines[0].partition(": ")[2].rpartition("Bearer ")[2] if lines else text


def refusing(status: int, body: str) -> Answer:
    """A server that answers with `status` and what it was sent, also in its headers."""

    def answer(request: Request) -> Script:
        kind, text = BODIES[body](_of(request))
        key = _key_in(_of(request))
        fields = {"Content-Type": kind, "x-request-id": key, "x-amzn-errortype": f"{key}:x"}
        fields["Location"] = f"http://user:{key}@127.0.0.1:1/{quote(key)}?key={quote(key)}#{key}"
        fields = {name: value.replace("\n", " ") for name, value in fields.items()}
        return response(status, fields, text.encode())

    return answer


def _stream(*events: bytes | Step) -> list[Step]:
    return sse_response(*events)


HELLO = chat_chunk({"content": "Hello"})

FRAMES: dict[str, Callable[[str], Script]] = {
    "error first": lambda t: _stream(sse({"error": {"message": t, "code": t}})),
    "error later": lambda t: _stream(HELLO, sse({"error": {"message": t, "code": t}})),
    "error event": lambda t: _stream(HELLO, b"event: error\n" + sse({"message": t})),
    "error field": lambda t: _stream(
        HELLO, b"error: " + json.dumps({"message": t}).encode() + b"\n\n"
    ),
    "bad frame": lambda t: _stream(b'data: {"choices": [' + json.dumps(t).encode() + b"\n\n"),
    "bad frame, cut": lambda t: _stream(
        HELLO, b"data: " + b"x" * 180 + _key_in(t).encode() + b"\n\n"
    ),
    "no object": lambda t: _stream(HELLO, sse([t]), sse(t)),
    "wrong types": lambda t: _stream(HELLO, sse({"choices": {t: t}}), sse({"choices": t})),
    "bad delta": lambda t: _stream(
        HELLO,
        sse(
            {"choices": [{"index": t, "delta": {"role": [t], "content": 1}, "finish_reason": [t]}]}
        ),
    ),
    "bad chunk size": lambda t: [
        *_stream(HELLO)[:-1],
        Send(_key_in(t).encode() + b"\r\nabc\r\n"),
        Close(),
    ],
    "bad status line": lambda t: [Send(f"HTTP/1.1 {_key_in(t)} no\r\n\r\n".encode()), Close()],
    "no http": lambda t: [Send(f"{_key_in(t)}\r\n\r\n".encode()), Close()],
    "bad header": lambda t: [Send(f"HTTP/1.1 200 OK\r\n{_key_in(t)}\r\n\r\n".encode()), Close()],
    "bad length": lambda t: [
        Send(f"HTTP/1.1 200 OK\r\nContent-Length: {_key_in(t)}\r\n\r\n".encode()),
        Close(),
    ],
    "bad encoding": lambda t: response(
        200, {"Content-Encoding": "gzip", "Content-Type": "text/event-stream"}, t.encode()
    ),
    "bad media type": lambda t: response(200, {"Content-Type": _key_in(t)}, b"nothing"),
    "reset": lambda t: [*_stream(HELLO)[:-1], Send(chunk(b"data: " + t.encode())), Close()],
    "refused in JSON": lambda t: error_response(200, {"error": {"message": t}}),
    "JSON of nothing": lambda t: response(
        200, {"Content-Type": "application/json"}, json.dumps({"x": t}).encode()
    ),
    "broken JSON": lambda t: response(
        200, {"Content-Type": "application/json"}, json.dumps({"x": t}).encode()[:-2]
    ),
    "JSON text": lambda t: response(
        200, {"Content-Type": "application/json"}, json.dumps(t).encode()
    ),
}
"""Answers that begin well, or seem to, and fail with the words in them."""
