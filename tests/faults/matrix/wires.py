"""One answer of each wire, in the frames of its provider, cut into moments.

It says "Hello", calls `add` with 1 and 2, and ends. Where a fault strikes inside a call, a second
one is under way, of `send`, which never gets all its arguments.
"""

from __future__ import annotations

from collections.abc import Iterable

from rig_sync._json import Json, JsonObject
from rig_sync.completion import Usage
from rig_sync.providers import anthropic, bedrock, cohere, gemini, ollama, openai
from tests.faults.matrix.moments import KEY, Sample, events, named
from tests.wire.aws_frames import aws_event, aws_frame, converse
from tests.wire.conformance import anthropic_messages as claude
from tests.wire.conformance import bedrock_converse as aws
from tests.wire.conformance import cohere_chat as command
from tests.wire.conformance import gemini_generate as google
from tests.wire.conformance import gemini_interactions as steps
from tests.wire.conformance import ollama_chat as llama
from tests.wire.conformance import openai_chat as chat
from tests.wire.conformance import openai_responses as responses
from tests.wire.frames import chat_chunk, sse

__all__ = ["SAMPLES"]

SSE_ALIVE = {
    "comments": (b"", b": keep-alive\n\n"),
    "blank lines": (b"", b"\n"),
    "empty events": (b"", b"data:\n\n"),
    "a comment without end": (b":", b"."),
    "an event without end": (b"data: {", b" "),
}
"""What any server of event streams may send while it thinks."""


def openai_error(message: str) -> JsonObject:
    """As OpenAI words it."""
    return {"error": {"message": message, "type": "test", "param": None, "code": "scripted"}}


def google_error(message: str) -> JsonObject:
    """As Google words it."""
    return {"error": {"code": 0, "message": message, "status": "scripted", "details": []}}


def broken(frame: bytes) -> bytes:
    """`frame` with a byte that is no UTF-8 for its tilde."""
    return frame.replace(b"~", b"\xff")


def _chat() -> Sample:
    usage: Json = chat.USAGE
    last: JsonObject = {"id": "chat-1", "model": "m-1", "choices": [], "usage": usage}
    message: Json = {
        "role": "assistant",
        "content": "Hello",
        "tool_calls": [
            {
                "id": "a",
                "type": "function",
                "function": {"name": "add", "arguments": '{"x":1,"y":2}'},
            }
        ],
    }
    return Sample(
        "openai_chat",
        lambda options: openai.Client(KEY, **options).completions_api(),
        "sse",
        ahead=events(chat.START),
        text=events(chat.HEL, chat.LO),
        more_text=events(chat_chunk({"content": "!"})),
        call=events(*chat.CALL),
        open_call=events(chat.call(1, "b", "send", ""), chat.call(1, None, None, '{"to":"al')),
        more_call=events(chat.call(1, None, None, 'ice"}')),
        bad=b'data: {"choices":[{"delta":{"conte\n\n',
        unknown=events({"object": "chat.note"}),
        word=broken(events(chat_chunk({"content": "~"}))),
        finish=events(chat_chunk({}, "tool_calls")),
        end=sse(last),
        whole=chat.whole(message, "tool_calls", usage=usage),
        alive={**SSE_ALIVE, "chunks without choices": (b"", events({"choices": []}))},
        usage=chat.COUNTS,
        message=openai_error,
    )


def _responses() -> Sample:
    words = responses.said("Hel", "lo")
    terminal = responses.over(responses.message("Hello"), responses.SUM)
    return Sample(
        "openai_responses",
        lambda options: openai.Client(KEY, **options),
        "sse",
        ahead=named(responses.CREATED),
        text=named(*words[:-1]),
        more_text=named(responses.delta("!")),
        call=named(words[-1], *responses.CALL),
        open_call=named(*responses.CUT[:2]),
        more_call=named(
            {
                "type": "response.function_call_arguments.delta",
                "delta": 'ice"}',
                "output_index": 2,
                "item_id": "fc-c",
            }
        ),
        bad=b'data: {"type":"response.output_te\n\n',
        unknown=named({"type": "response.note"}),
        word=broken(named(responses.delta("~"))),
        finish=b"",
        end=named(terminal),
        whole=responses.whole(terminal),
        alive={**SSE_ALIVE, "keepalive events": (b"", named({"type": "keepalive"}))},
        usage=responses.COUNTS,
        message=openai_error,
    )


def _claude() -> Sample:
    words = claude.said("Hel", "lo")
    content: list[Json] = [claude.words("Hello"), claude.ADD_BLOCK]
    counts: JsonObject = {**claude.INPUT, **claude.OUTPUT}
    return Sample(
        "anthropic_messages",
        lambda options: anthropic.Client(KEY, **options),
        "sse",
        ahead=named(claude.start(claude.INPUT)),
        text=named(*words[:-1]),
        more_text=named(claude.delta("text_delta", "!")),
        call=named(words[-1], *claude.CALL),
        open_call=named(*claude.CUT[:3]),
        more_call=named(claude.delta("input_json_delta", 'ice"}', 2)),
        bad=b'data: {"type":"content_block_de\n\n',
        unknown=events(claude.NEW),
        word=broken(named(claude.delta("text_delta", "~"))),
        finish=named(claude.over("tool_use", claude.OUTPUT)[0]),
        end=named(claude.over()[1]),
        whole=claude.whole(*content, reason="tool_use", usage=counts),
        alive={**SSE_ALIVE, "pings": (b"", named({"type": "ping"}))},
        usage=claude.COUNTS,
        early=Usage(33, 1, cached_input_tokens=10, cache_creation_input_tokens=20),
        late=claude.COUNTS,
        message=lambda text: {
            "type": "error",
            "error": {"type": "scripted", "message": text},
            "request_id": "req-1",
        },
    )


def _google() -> Sample:
    early: JsonObject = {"promptTokenCount": 3, "totalTokenCount": 3}
    ahead: JsonObject = {"usageMetadata": early, "responseId": "r-1", "modelVersion": "m-1"}
    more: Json = {"jsonPath": "$.to", "stringValue": "ice", "willContinue": True}
    return Sample(
        "gemini_generate",
        lambda options: gemini.Client(KEY, **options),
        "sse",
        ahead=google.stream(ahead),
        text=google.stream(google.HEL, google.LO),
        more_text=google.stream(google.text("!")),
        call=google.stream(google.chunk(google.CALL)),
        open_call=google.stream(google.chunk(google.CUT)),
        more_call=google.stream(
            google.chunk({"functionCall": {"partialArgs": [more], "willContinue": True}})
        ),
        bad=b'data: {"candidates":[{"cont\r\n\r\n',
        unknown=google.stream(google.NEW),
        word=broken(google.stream(google.text("~"))),
        finish=b"",  # it is the end
        end=google.stream({**google.STOP, "usageMetadata": google.META}),
        whole=google.whole({"text": "Hello"}, google.CALL, usageMetadata=google.META),
        alive={**SSE_ALIVE, "empty parts": (b"", google.stream(google.text("")))},
        usage=google.COUNTS,
        early=Usage(3, total_tokens=3),
        message=google_error,
    )


def _steps() -> Sample:
    words = steps.said("Hel", "lo")
    update = steps.event("interaction.status_update", status="in_progress")
    early: Json = {"usage": {"total_input_tokens": 3}}
    return Sample(
        "gemini_interactions",
        lambda options: gemini.Client(KEY, **options).interactions_api(),
        "sse",
        ahead=events(steps.START, {**update, "metadata": early}),
        text=events(*words[:-1]),
        more_text=events(steps.delta(type="text", text="!")),
        call=events(words[-1], *steps.CALL),
        open_call=events(*steps.CUT[:2]),
        more_call=events(steps.delta(2, type="arguments_delta", arguments='ice"}')),
        bad=b'data: {"event_type":"step.de\n\n',
        unknown=events(steps.NEW),
        word=broken(events(steps.delta(type="text", text="~"))),
        finish=b"",
        end=events(steps.over(steps.USAGE, "requires_action")) + b"event: done\ndata: [DONE]\n\n",
        whole=steps.whole(
            steps.output("Hello"),
            steps.call("a", "add", {"x": 1, "y": 2}),
            status="requires_action",
            usage=steps.USAGE,
        ),
        alive={**SSE_ALIVE, "status updates": (b"", events(update))},
        usage=steps.COUNTS,
        early=Usage(3),
        message=google_error,
    )


def _command() -> Sample:
    words = command.said("Hel", "lo")
    calls: Json = [command.call("a", "add", '{"x":1,"y":2}')]
    return Sample(
        "cohere_chat",
        lambda options: cohere.Client(KEY, **options),
        "sse",
        ahead=named(command.START),
        text=named(*words[:-1]),
        more_text=named(command.delta("!")),
        call=named(words[-1], *command.CALL),
        open_call=named(*command.CUT[:2]),
        more_call=named(
            command.told("tool-call-delta", 1, tool_calls={"function": {"arguments": 'ice"}'}})
        ),
        bad=b'data: {"type":"content-de\n\n',
        unknown=named(command.NEW),
        word=broken(named(command.delta("~"))),
        finish=b"",
        end=named(command.over("TOOL_CALL", command.USAGE)),
        whole=command.whole(
            command.words("Hello"), reason="TOOL_CALL", usage=command.USAGE, tool_calls=calls
        ),
        alive=SSE_ALIVE,
        usage=command.COUNTS,
        message=lambda text: {"id": "error-1", "message": text},
    )


# the others ----------------------------------------------------------------------------------


def _llama() -> Sample:
    second = llama.lines(llama.calling(llama.call("send", {"to": "alice"}, id="b")))
    said: JsonObject = {
        "role": "assistant",
        "content": "Hello",
        "tool_calls": [llama.call("add", {"x": 1, "y": 2}, id="a")],
    }
    return Sample(
        "ollama_chat",
        lambda options: ollama.Client(KEY, **options),
        "ndjson",
        ahead=llama.lines(llama.said("")),
        text=llama.lines(llama.HEL, llama.LO),
        more_text=llama.lines(llama.said("!")),
        call=llama.lines(llama.CALL),
        open_call=b"",  # a call is one line: what can be cut is that line
        more_call=second,
        bad=b'{"model":"m-1","mess\n',
        unknown=llama.lines(llama.NEW),
        word=broken(llama.lines(llama.said("~"))),
        finish=b"",
        end=llama.lines(llama.last(**llama.COUNTS)),
        whole=llama.lines(llama.last(said, **llama.COUNTS)),
        alive={
            "blank lines": (b"", b"\n"),
            "empty lines": (b"", llama.lines(llama.said(""))),
            "a line without end": (b"{", b" "),
        },
        usage=Usage(3, 2),
        message=lambda text: {"error": text},
    )


EVENT = {
    ":event-type": "contentBlockDelta",
    ":content-type": "application/json",
    ":message-type": "event",
}


def _aws() -> Sample:
    cut = (aws.begin(2, {"toolUseId": "b", "name": "send"}), aws.told(2, '{"to":"al'))
    content: list[Json] = [
        {"text": "Hello"},
        {"toolUse": {"toolUseId": "a", "name": "add", "input": {"x": 1, "y": 2}}},
    ]
    return Sample(
        "bedrock_converse",
        lambda options: bedrock.Client(KEY, **options),
        "aws",
        ahead=converse(aws.START),
        text=converse(aws.HEL, aws.LO),
        more_text=converse(aws.said("!")),
        call=converse(aws.stop(), *aws.CALL),
        open_call=converse(*cut),
        more_call=converse(aws.told(2, 'ice"}')),
        bad=aws_event("contentBlockDelta", '{"delta":'),
        unknown=aws_event("noteEvent", aws.NEW),
        word=aws_frame(EVENT, b'{"contentBlockIndex":0,"delta":{"text":"\xff"}}'),
        finish=converse(aws.finish("tool_use")),
        end=converse(aws.metadata(aws.COUNTS)),
        whole=aws.whole(content, "tool_use", aws.COUNTS),
        alive={
            "empty pieces": (b"", converse(aws.said(""))),
            "a frame without end": (converse(aws.said("x" * 5000))[:200], b"x"),
        },
        usage=aws.COUNTED,
        message=lambda text: {"message": text},
    )


def _by_name(samples: Iterable[Sample]) -> dict[str, Sample]:
    return {sample.wire: sample for sample in samples}


SAMPLES: dict[str, Sample] = _by_name(
    [
        _chat(),
        _responses(),
        _claude(),
        _google(),
        _steps(),
        _command(),
        _llama(),
        _aws(),
    ]
)
"""By the name of the wire."""
