"""The bodies of the replay server: what each provider's wire carries, of any length."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count, repeat
from typing import NamedTuple

__all__ = ["ARGUMENT", "LETTERS", "Feed", "body", "chunked", "frames", "words"]

PIECE = 1024  # bytes of an HTTP chunk, where an event is larger than one
LETTERS = 5  # of a word
ARGUMENT = 50  # characters in one piece of a tool's arguments


class Feed(NamedTuple):
    """A stream, as the first segment of a URL's path names it: `chat-burst-10000-0`.

    Attributes:
        wire: One of `WIRES`.
        kind: How it is sent: `burst`, all at once; `writes`, a write per event; `paced`; `endless`;
            `huge`, one event of so many characters; `calls`, a tool's arguments in pieces; `json`,
            an object in pieces.
        pieces: Of text.
        rate: Events a second, of `paced`.
    """

    wire: str
    kind: str
    pieces: int
    rate: int = 0

    @property
    def path(self) -> str:
        """The segment; `parse` reads it.

        >>> Feed.parse(Feed("chat", "paced", 600, 200).path).rate
        200
        """
        return "-".join(map(str, self))

    @classmethod
    def parse(cls, path: str) -> Feed:
        wire, kind, pieces, rate = path.split("-")
        return cls(wire, kind, int(pieces), int(rate))


def words(many: int) -> Iterator[str]:
    """So many, each unlike the one before: there are clients that refuse a model that repeats."""
    return (f" {number % 10_000:04}" for number in range(many))


def chat(delta: str, finish: str = "null") -> bytes:
    """A chunk of chat completions as OpenAI sends it: 320 bytes."""
    return (
        'data: {"id":"chatcmpl-CtnAw8GLCnzdHWpXhHJx4BIDlOqkq","object":"chat.completion.chunk",'
        '"created":1767406530,"model":"gpt-4o-mini-2024-07-18","service_tier":"default",'
        '"system_fingerprint":"fp_c4585b5b9c","choices":[{"index":0,"delta":'
        f'{delta},"logprobs":null,"finish_reason":{finish}}}],"usage":null,'
        '"obfuscation":"qKBdn4"}\n\n'
    ).encode()


def _chat(texts: Iterator[str]) -> Iterator[bytes]:
    yield chat('{"role":"assistant","content":"","refusal":null}')
    for text in texts:
        yield chat(f'{{"content":{json.dumps(text)}}}')
    yield chat("{}", '"stop"')
    yield (
        b'data: {"id":"chatcmpl-CtnAw8GLCnzdHWpXhHJx4BIDlOqkq","object":"chat.completion.chunk",'
        b'"created":1767406530,"model":"gpt-4o-mini-2024-07-18","choices":[],"usage":'
        b'{"prompt_tokens":9,"completion_tokens":7,"total_tokens":16}}\n\n'
    )
    yield b"data: [DONE]\n\n"


def _calls(pieces: Iterator[str]) -> Iterator[bytes]:
    head = '"id":"call_7c1","type":"function","function":{"name":"note","arguments":""}'
    yield chat(f'{{"role":"assistant","content":null,"tool_calls":[{{"index":0,{head}}}]}}')
    for piece in pieces:
        function = f'{{"index":0,"function":{{"arguments":{json.dumps(piece)}}}}}'
        yield chat(f'{{"tool_calls":[{function}]}}')
    yield chat("{}", '"tool_calls"')
    yield b"data: [DONE]\n\n"


def _arguments(pieces: int) -> Iterator[str]:
    """So many pieces of an object with one long text."""
    yield '{"text":"'
    for _ in range(pieces - 2):
        yield "x" * ARGUMENT
    yield '"}'


RESPONSE = (
    '{"id":"resp_68c1e0a9","object":"response","created_at":1767406530,"status":"%s","model":'
    '"gpt-4o-mini","output":%s,"parallel_tool_calls":true,"tool_choice":"auto","tools":[],'
    '"error":null,"incomplete_details":null,"instructions":null,"metadata":{},"usage":%s}'
)


def _responses(texts: Iterator[str]) -> Iterator[bytes]:
    number = count()

    def event(kind: str, fields: str) -> bytes:
        head = f'"type":"{kind}","sequence_number":{next(number)}'
        return f"event: {kind}\ndata: {{{head},{fields}}}\n\n".encode()

    usage = '{"input_tokens":9,"output_tokens":7,"total_tokens":16}'
    where = '"item_id":"msg_68c1e0a9b74c8","output_index":0,"content_index":0'
    item = (
        '{"id":"msg_68c1e0a9b74c8","type":"message","status":"%s","role":"assistant","content":%s}'
    )
    part = '{"type":"output_text","annotations":[],"logprobs":[],"text":%s}'
    empty = item % ("in_progress", "[]")
    yield event("response.created", f'"response":{RESPONSE % ("in_progress", "[]", "null")}')
    yield event("response.output_item.added", f'"output_index":0,"item":{empty}')
    yield event("response.content_part.added", f'{where},"part":{part % json.dumps("")}')
    said = []
    for text in texts:
        said.append(text)
        more = f'"delta":{json.dumps(text)},"logprobs":[],"obfuscation":"qKBdn4"'
        yield event("response.output_text.delta", f"{where},{more}")
    whole = json.dumps("".join(said))
    done = item % ("completed", f"[{part % whole}]")
    yield event("response.output_text.done", f'{where},"text":{whole},"logprobs":[]')
    yield event("response.content_part.done", f'{where},"part":{part % whole}')
    yield event("response.output_item.done", f'"output_index":0,"item":{done}')
    yield event("response.completed", f'"response":{RESPONSE % ("completed", f"[{done}]", usage)}')


def _anthropic(texts: Iterator[str]) -> Iterator[bytes]:
    def event(kind: str, fields: str = "") -> bytes:
        return f'event: {kind}\ndata: {{"type":"{kind}"{fields}}}\n\n'.encode()

    message = (
        '{"id":"msg_01XFDUDYJgAACzvnptvVoYEL","type":"message","role":"assistant","content":[],'
        '"model":"claude-opus-4-1","stop_reason":null,"stop_sequence":null,'
        '"usage":{"input_tokens":9,"output_tokens":1}}'
    )
    yield event("message_start", f',"message":{message}')
    yield event("content_block_start", ',"index":0,"content_block":{"type":"text","text":""}')
    for text in texts:
        delta = f'{{"type":"text_delta","text":{json.dumps(text)}}}'
        yield event("content_block_delta", f',"index":0,"delta":{delta}')
    yield event("content_block_stop", ',"index":0')
    delta = '{"stop_reason":"end_turn","stop_sequence":null}'
    yield event("message_delta", f',"delta":{delta},"usage":{{"output_tokens":7}}')
    yield event("message_stop")


def _gemini(texts: Iterator[str]) -> Iterator[bytes]:
    usage = '"promptTokenCount": 7,"candidatesTokenCount": 9,"totalTokenCount": 16'

    def event(text: str, more: str = "") -> bytes:
        content = f'{{"parts": [{{"text": {json.dumps(text)}}}],"role": "model"}}'
        return (
            f'data: {{"candidates": [{{"content": {content},"index": 0{more}}}],'
            f'"usageMetadata": {{{usage}}},"modelVersion": "gemini-2.5-flash",'
            '"responseId": "q2wXaMjRM5Gp1MkP"}\n\n'
        ).encode()

    for text in texts:
        yield event(text)
    yield event("", ',"finishReason": "STOP"')


WIRES: dict[str, Callable[[Iterator[str]], Iterator[bytes]]] = {
    "chat": _chat,
    "responses": _responses,
    "anthropic": _anthropic,
    "gemini": _gemini,
}


def frames(wire: str, texts: Iterator[str]) -> Iterator[bytes]:
    """Its events, with those texts."""
    return WIRES[wire](texts)


def chunked(frame: bytes) -> bytes:
    """The event as one HTTP chunk, or as several if it is large."""
    pieces = (frame[at : at + PIECE] for at in range(0, len(frame), PIECE))
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


@cache
def body(feed: Feed) -> tuple[bytes, ...]:
    """What is written: one block of it all, or one per event; each event in a chunk of its own."""
    if feed.kind == "calls":
        events = _calls(_arguments(feed.pieces))
    elif feed.kind == "json":
        events = frames(feed.wire, _arguments(feed.pieces))
    elif feed.kind == "huge":
        events = frames(feed.wire, repeat("x" * feed.pieces, 1))
    else:
        events = frames(feed.wire, words(feed.pieces))
    blocks = [chunked(event) for event in events]
    blocks[-1] += b"0\r\n\r\n"
    return tuple(blocks) if feed.kind == "writes" else (b"".join(blocks),)
