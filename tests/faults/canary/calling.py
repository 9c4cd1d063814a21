"""Answers that call tools, on every wire, in the frames of its provider."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

from rig_sync._json import Json, JsonObject, parse
from rig_sync.client import Client, ClientOptions
from rig_sync.providers import anthropic, bedrock, cohere, gemini, ollama, openai
from rig_sync.transport.retry import NO_RETRIES
from rig_sync.wire.base import FramingName
from tests.server import Script, Send, Step, response
from tests.wire.aws_frames import converse
from tests.wire.conformance import anthropic_messages as claude
from tests.wire.conformance import bedrock_converse as aws
from tests.wire.conformance import cohere_chat as command
from tests.wire.conformance import gemini_generate as google
from tests.wire.conformance import gemini_interactions as steps
from tests.wire.conformance import ollama_chat as llama
from tests.wire.conformance import openai_chat as chat
from tests.wire.conformance import openai_responses as responses
from tests.wire.frames import chat_chunk, sse, sse_events

__all__ = ["WIRES", "Calls", "End", "Speaker"]

End: TypeAlias = Literal["tools", "limit", "none"]
"""As it should, for want of room, or not at all."""

Calls: TypeAlias = Sequence[tuple[str, str]]
"""Names, and arguments as the model wrote them: JSON, or what was meant to be."""

MEDIA_TYPES: dict[FramingName, str] = {
    "sse": "text/event-stream",
    "ndjson": "application/x-ndjson",
    "aws": "application/vnd.amazon.eventstream",
}


class Speaker(NamedTuple):
    """One wire.

    Attributes:
        client: Of the provider at an address.
        calling: A stream that makes those calls, and ends so.
        saying: A stream that says "Done." and ends.
        framing: How its streams are cut.
        whole_calls: Arguments are sent as objects, never in pieces.
    """

    client: Callable[[ClientOptions], Client]
    calling: Callable[[Calls, End], bytes]
    saying: bytes
    framing: FramingName = "sse"
    whole_calls: bool = False

    def at(self, url: str) -> Client:
        """A client of the server there, without retries."""
        return self.client({"base_url": url, "retries": NO_RETRIES})

    def calls(self, *calls: tuple[str, str], end: End = "tools") -> Script:
        """How a server answers with those calls."""
        return self.stream(self.calling(calls, end))

    def done(self) -> Script:
        """How a server answers with words."""
        return self.stream(self.saying)

    def stream(self, body: bytes) -> Script:
        """How a server sends a stream."""
        return response(200, {"Content-Type": MEDIA_TYPES[self.framing]}, body)

    def cut(self, *calls: tuple[str, str], at: bytes, last: Step) -> Script:
        """How a server begins with those calls, and breaks off ahead of the last `at`."""
        body = self.calling(calls, "none")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {MEDIA_TYPES[self.framing]}\r\n"
        size = f"Content-Length: {len(body) + 100}\r\n\r\n"
        return [Send((head + size).encode() + body[: body.rindex(at) if at else None]), last]


def _value(arguments: str) -> Json:
    """The arguments as an object, for wires that have them so; the text if they are none."""
    try:
        return parse(arguments)
    except ValueError:
        return arguments


def _chat(calls: Calls, end: End) -> bytes:
    frames: list[Json] = [chat.START]
    for at, (name, arguments) in enumerate(calls):
        frames += [chat.call(at, f"c{at}", name, ""), chat.call(at, None, None, arguments)]
    if end == "none":
        return sse(*frames, done=False)
    return sse(*frames, chat_chunk({}, "length" if end == "limit" else "tool_calls"))


def _responses(calls: Calls, end: End) -> bytes:
    items = [
        responses.function(arguments, name, f"c{at}", f"f{at}")
        for at, (name, arguments) in enumerate(calls)
    ]
    events: list[JsonObject] = [responses.CREATED]
    for at, (item, (_, arguments)) in enumerate(zip(items, calls, strict=True)):
        events += responses.called(item, arguments, index=at)
    reason: Json = {"reason": "max_output_tokens"}
    ends: dict[End, list[JsonObject]] = {
        "tools": [responses.over(*items)],
        "limit": [responses.over(*items, status="incomplete", incomplete_details=reason)],
        "none": [],
    }
    return sse_events(*events, *ends[end])


def _claude(calls: Calls, end: End) -> bytes:
    events = [claude.start()]
    for at, (name, arguments) in enumerate(calls):
        events += claude.called(name, arguments, index=at, id=f"c{at}")
    last = claude.over("max_tokens" if end == "limit" else "tool_use")
    return sse_events(*events, *last[: 0 if end == "none" else None])


def _google(calls: Calls, end: End) -> bytes:
    chunks = [
        google.chunk(google.call(name, _value(arguments), f"c{at}"))
        for at, (name, arguments) in enumerate(calls)
    ]
    last = google.chunk(finish="MAX_TOKENS" if end == "limit" else "STOP")
    return google.stream(*chunks, *[last][: end != "none"])


def _steps(calls: Calls, end: End) -> bytes:
    events = [steps.START]
    for at, (name, arguments) in enumerate(calls):
        events += steps.called(name, arguments, index=at, id=f"c{at}")
    if end == "none":
        return sse(*events, done=False)
    return sse(*events, steps.over(status="incomplete" if end == "limit" else "requires_action"))


def _command(calls: Calls, end: End) -> bytes:
    events = [command.START]
    for at, (name, arguments) in enumerate(calls):
        events += command.called(name, arguments, index=at, id=f"c{at}")
    last = command.over("MAX_TOKENS" if end == "limit" else "TOOL_CALL")
    return sse_events(*events, *[last][: end != "none"])


def _llama(calls: Calls, end: End) -> bytes:
    made = [
        llama.call(name, _value(arguments), id=f"c{at}")
        for at, (name, arguments) in enumerate(calls)
    ]
    last = llama.last(done_reason="length" if end == "limit" else "stop")
    return llama.lines(llama.calling(*made), *[last][: end != "none"])


def _aws(calls: Calls, end: End) -> bytes:
    events = [aws.START]
    for at, (name, arguments) in enumerate(calls):
        events += [aws.begin(at, {"toolUseId": f"c{at}", "name": name})]
        events += [aws.told(at, arguments), aws.stop(at)]
    last = (aws.finish("max_tokens" if end == "limit" else "tool_use"), aws.metadata())
    return converse(*events, *last[: 0 if end == "none" else None])


KEY = "sk-0123456789"

WIRES: dict[str, Speaker] = {
    "openai_chat": Speaker(
        lambda options: openai.Client(KEY, **options).completions_api(),
        _chat,
        sse(chat_chunk({"content": "Done."}, "stop")),
    ),
    "openai_responses": Speaker(
        lambda options: openai.Client(KEY, **options),
        _responses,
        sse_events(
            responses.CREATED,
            *responses.said("Done."),
            responses.over(responses.message("Done.")),
        ),
    ),
    "anthropic_messages": Speaker(
        lambda options: anthropic.Client(KEY, **options),
        _claude,
        sse_events(claude.start(), *claude.said("Done."), *claude.over()),
    ),
    "gemini_generate": Speaker(
        lambda options: gemini.Client(KEY, **options),
        _google,
        google.stream(google.chunk({"text": "Done."}, finish="STOP")),
        whole_calls=True,
    ),
    "gemini_interactions": Speaker(
        lambda options: gemini.Client(KEY, **options).interactions_api(),
        _steps,
        sse(steps.START, *steps.said("Done."), steps.over()),
    ),
    "cohere_chat": Speaker(
        lambda options: cohere.Client(KEY, **options),
        _command,
        sse_events(command.START, *command.said("Done."), command.over()),
    ),
    "ollama_chat": Speaker(
        lambda options: ollama.Client(KEY, **options),
        _llama,
        llama.lines(llama.said("Done."), llama.last()),
        "ndjson",
        whole_calls=True,
    ),
    "bedrock_converse": Speaker(
        lambda options: bedrock.Client(KEY, **options),
        _aws,
        converse(aws.START, aws.said("Done."), aws.stop(), aws.finish(), aws.metadata()),
        "aws",
    ),
}
"""By the wire's name."""
