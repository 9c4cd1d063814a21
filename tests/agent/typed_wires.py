"""Turns of a scripted model on four wires, streamed or whole as the request wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, TypeAlias, cast

from rig_sync import Agent, AgentRun, Capabilities, CompletionModel, RetryPolicy
from rig_sync._json import Json, JsonObject, compact, parse_object
from rig_sync.client import Client
from rig_sync.providers import anthropic, gemini, openai, openai_compatible
from tests.server import Request, Script, ScriptedServer, response, sse_response
from tests.wire.conformance import anthropic_messages as claude
from tests.wire.conformance import gemini_generate as google
from tests.wire.conformance import openai_responses as responses
from tests.wire.frames import chat_chunk, chat_message, sse, sse_events

__all__ = ["WAYS", "WIRES", "Speaker", "Turn", "calls", "cut", "leaves", "says"]

End: TypeAlias = Literal["stop", "length", "content_filter"]

PIECE = 5
"""How many characters of an answer come in one delta."""


class Turn(NamedTuple):
    """One answer; `calls` are names and arguments as text, their ids c0, c1, …."""

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    end: End = "stop"

    @property
    def pieces(self) -> list[str]:
        """The text as it streams."""
        return cut(self.text)


def says(answer: Json, end: End = "stop") -> Turn:
    """An answer in words: a string as it is, else as JSON."""
    return Turn(answer if isinstance(answer, str) else compact(answer), (), end)


def calls(*made: tuple[str, Json], text: str = "", end: End = "stop") -> Turn:
    """An answer that calls tools; arguments that are a string are sent as they are."""
    given = ((name, args if isinstance(args, str) else compact(args)) for name, args in made)
    return Turn(text, tuple(given), end)


def cut(text: str) -> list[str]:
    """`text` in pieces.

    >>> cut("abcdefg")
    ['abcde', 'fg']
    """
    return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]


def leaves(value: Json) -> str:
    """All strings in `value`, for what a wire says with other things around.

    >>> leaves([{"role": "user", "content": [{"text": "Hi"}]}])
    'user Hi'
    """
    if isinstance(value, str):
        return value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return " ".join(filter(None, map(leaves, inner)))


def _whole(agent: Agent, kind: Any, prompt: str | AgentRun, **options: Any) -> Any:
    return agent.prompt_typed(kind, prompt, **options)


def _streamed(agent: Agent, kind: Any, prompt: str | AgentRun, **options: Any) -> Any:
    with agent.stream_typed(kind, prompt, **options) as stream:
        for _ in stream:
            pass
    return stream.output


WAYS = {"whole": _whole, "streamed": _streamed}
"""The two ways to a typed answer."""


class Speaker(NamedTuple):
    """How one wire says a turn, and what of a request is where.

    Attributes:
        client: Its client.
        model: One that can do everything.
        stream: The body of a stream.
        whole: The body of a one-shot answer.
        history: Where in a request the messages are.
        streams: Whether a request wants a stream.
    """

    client: type[Client]
    model: str
    stream: Callable[[Turn], bytes]
    whole: Callable[[Turn], Json]
    history: str
    streams: Callable[[Request], bool]

    @contextmanager
    def playing(
        self, *turns: Turn, capabilities: Capabilities | None = None
    ) -> Iterator[tuple[CompletionModel, ScriptedServer]]:
        """A model that answers with these turns, in order, and the server behind it."""
        with ScriptedServer(*map(self.answer, turns)) as server, self.at(server) as client:
            yield client.completion_model(self.model, capabilities=capabilities), server

    def answer(self, turn: Turn) -> Callable[[Request], Script]:
        """How a server answers with `turn`."""

        def script(request: Request) -> Script:
            if self.streams(request):
                return sse_response(self.stream(turn))
            body = compact(self.whole(turn)).encode()
            return response(200, {"Content-Type": "application/json"}, body)

        return script

    def at(self, server: ScriptedServer) -> Client:
        """A client that asks `server`."""
        path = "/v1" if self.client in (openai_compatible.Client, openai.Client) else ""
        return self.client("key", base_url=server.url + path, retries=RetryPolicy(attempts=1))

    def asked(self, request: Request) -> JsonObject:
        """What was asked, but for the messages and what belongs to streaming alone."""
        body = cast("JsonObject", request.json)
        other = (self.history, "stream", "stream_options", "store", "include", "max_tokens")
        return {name: value for name, value in body.items() if name not in other}

    def last(self, request: Request) -> tuple[str, str]:
        """Whether the last that the model was told is of a user or of tools, and its words."""
        last = cast("dict[str, list[Json]]", request.json)[self.history][-1]
        kinds = ('"tool"', "tool_result", "functionResponse", "function_call_output")
        written = compact(last)
        return "tool" if any(kind in written for kind in kinds) else "user", leaves(last)


# chat ----------------------------------------------------------------------------------------

CHAT_USAGE: JsonObject = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def _chat_call(number: int, name: str | None, arguments: str) -> JsonObject:
    first: JsonObject = {"id": f"c{number}", "type": "function"} if name else {}
    return {**first, "function": {**({"name": name} if name else {}), "arguments": arguments}}


def _chat_stream(turn: Turn) -> bytes:
    deltas: list[JsonObject] = [{"content": piece} for piece in turn.pieces]
    for number, (name, arguments) in enumerate(turn.calls):
        pieces = [_chat_call(number, name, "")]
        pieces += [_chat_call(number, None, piece) for piece in cut(arguments)]
        deltas += [{"tool_calls": [{"index": number, **piece}]} for piece in pieces]
    last = chat_chunk({}, _chat_end(turn), usage=CHAT_USAGE)
    return sse(*map(chat_chunk, deltas), last)


def _chat_whole(turn: Turn) -> Json:
    message: JsonObject = {"role": "assistant", "content": turn.text or None}
    if turn.calls:
        message["tool_calls"] = [_chat_call(n, *call) for n, call in enumerate(turn.calls)]
    return chat_message(message, _chat_end(turn), usage=CHAT_USAGE)


def _chat_end(turn: Turn) -> str:
    return "tool_calls" if turn.calls and turn.end == "stop" else turn.end


# Responses -----------------------------------------------------------------------------------

RESPONSES_USAGE: JsonObject = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}


def _responses_calls(turn: Turn) -> list[JsonObject]:
    return [
        responses.function(arguments, name, f"c{number}", f"fc-{number}")
        for number, (name, arguments) in enumerate(turn.calls)
    ]


def _responses_stream(turn: Turn) -> bytes:
    events = [responses.CREATED, *(responses.said(*turn.pieces) if turn.text else ())]
    made = list(zip(_responses_calls(turn), turn.calls, strict=True))
    for index, (item, (_, arguments)) in enumerate(made, bool(turn.text)):
        events += responses.called(item, *cut(arguments), index=index)
    return sse_events(*events, _responses_end(turn))


def _responses_whole(turn: Turn) -> Json:
    output = [responses.message(turn.text)] if turn.text else []
    return _responses_end(turn, *output, *_responses_calls(turn))["response"]


def _responses_end(turn: Turn, *output: Json) -> JsonObject:
    if turn.end == "stop":
        return responses.over(*output, usage=RESPONSES_USAGE)
    reason: Json = {"reason": {"length": "max_output_tokens"}.get(turn.end, turn.end)}
    return responses.over(
        *output, status="incomplete", usage=RESPONSES_USAGE, incomplete_details=reason
    )


# Anthropic -----------------------------------------------------------------------------------

CLAUDE_USAGE: JsonObject = {"input_tokens": 3, "output_tokens": 2}
CLAUDE_ENDS = {"length": "max_tokens", "content_filter": "refusal"}


def _claude_end(turn: Turn) -> str:
    return CLAUDE_ENDS.get(turn.end) or ("tool_use" if turn.calls else "end_turn")


def _claude_stream(turn: Turn) -> bytes:
    events = [claude.start(CLAUDE_USAGE), *(claude.said(*turn.pieces) if turn.text else ())]
    for number, (name, arguments) in enumerate(turn.calls):
        index = number + bool(turn.text)
        events += claude.called(name, *cut(arguments), index=index, id=f"c{number}")
    return sse_events(*events, *claude.over(_claude_end(turn), CLAUDE_USAGE))


def _claude_whole(turn: Turn) -> Json:
    content: list[Json] = [claude.words(turn.text)] if turn.text else []
    for number, (name, arguments) in enumerate(turn.calls):
        made: JsonObject = {"type": "tool_use", "id": f"c{number}", "name": name}
        content.append({**made, "input": parse_object(arguments)})
    fields: JsonObject = {"type": "message", "id": "msg-1", "model": "m-1", "role": "assistant"}
    return {**fields, "content": content, "stop_reason": _claude_end(turn), "usage": CLAUDE_USAGE}


# Gemini --------------------------------------------------------------------------------------

GEMINI_USAGE: JsonObject = {
    "promptTokenCount": 3,
    "candidatesTokenCount": 2,
    "totalTokenCount": 5,
}
GEMINI_ENDS = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}


def _gemini_calls(turn: Turn) -> Sequence[Json]:
    return [
        google.call(name, parse_object(arguments), f"c{number}")
        for number, (name, arguments) in enumerate(turn.calls)
    ]


def _gemini_stream(turn: Turn) -> bytes:
    parts: list[Json] = [{"text": piece} for piece in turn.pieces]
    parts += _gemini_calls(turn)
    last = google.chunk({"text": ""}, finish=GEMINI_ENDS[turn.end])
    return google.stream(
        *[google.chunk(part) for part in parts], {**last, "usageMetadata": GEMINI_USAGE}
    )


def _gemini_whole(turn: Turn) -> Json:
    parts: list[Json] = [{"text": turn.text}] if turn.text else []
    parts += _gemini_calls(turn)
    whole = google.chunk(*parts, finish=GEMINI_ENDS[turn.end])
    return {**whole, "usageMetadata": GEMINI_USAGE}


def _by_field(request: Request) -> bool:
    return bool(cast("JsonObject", request.json).get("stream"))


def _by_path(request: Request) -> bool:
    return "streamGenerateContent" in request.path


WIRES = {
    "openai_chat": Speaker(
        openai_compatible.Client, "scripted", _chat_stream, _chat_whole, "messages", _by_field
    ),
    "openai_responses": Speaker(
        openai.Client, "gpt-5.5", _responses_stream, _responses_whole, "input", _by_field
    ),
    "anthropic_messages": Speaker(
        anthropic.Client, "claude-opus-4-6", _claude_stream, _claude_whole, "messages", _by_field
    ),
    "gemini_generate": Speaker(
        gemini.Client, "gemini-3-pro", _gemini_stream, _gemini_whole, "contents", _by_path
    ),
}
