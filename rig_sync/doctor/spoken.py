"""What each wire's documentation promises of a stream: data, checked against recorded traffic.

Sources: https://platform.openai.com/docs/api-reference (chat and Responses),
https://docs.anthropic.com/en/api/messages-streaming, https://ai.google.dev/api/generate-content and
/interactions, https://docs.cohere.com/v2/docs/streaming,
https://github.com/ollama/ollama/blob/main/docs/api.md,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct

from rig_sync._json import Json, JsonObject
from rig_sync.doctor.frames import SeenFrame
from rig_sync.wire.base import object_in, objects_in, word_in

__all__ = ["SPOKEN", "Spoken", "kinds_of", "missing_fields", "spoken"]

Kinds: TypeAlias = Mapping[str, tuple[str, ...]]
"""The fields that every frame of a kind has, by the kind."""


class Spoken(Struct, frozen=True):
    """One wire, as its documentation has it.

    Attributes:
        media: The type of a streamed body.
        kind: Tells the kinds of frames apart.
        fields: What every frame of a kind has.
        text: The kinds that a stream of words has.
        calls: The kinds that a stream with a call has.
        terminal: The kinds at the end of a whole answer; of those with bars between one is enough.
        ending: The same in words.
        usage: Where a stream tells its usage.
        call_word: The finish reason of an answer with calls; empty if there is none of its own.
        length_words: The finish reasons of an answer that was cut off at its limit.
        bad: What makes a body one that has to be refused.
        unknown: The statuses for a model that there is not.
    """

    media: str
    kind: Callable[[SeenFrame], str]
    fields: Kinds
    text: tuple[str, ...]
    calls: tuple[str, ...]
    terminal: tuple[str, ...]
    ending: str
    usage: str
    call_word: str
    length_words: tuple[str, ...]
    bad: JsonObject
    unknown: tuple[int, ...] = (404,)

    @property
    def length(self) -> str:
        """`length_words` in one text."""
        return " or ".join(self.length_words)

    @property
    def not_found(self) -> str:
        """`unknown` in one text."""
        return " or ".join(map(str, self.unknown))


def spoken(wire: str) -> Spoken | None:
    """What is promised of the wire of that name; None for one that is not known here."""
    return SPOKEN.get(wire)


def kinds_of(frames: Iterable[SeenFrame], wire: Spoken) -> list[str]:
    """The kinds of `frames`, in order."""
    return [wire.kind(frame) for frame in frames]


def missing_fields(frames: Iterable[SeenFrame], wire: Spoken) -> Iterator[str]:
    """What frames lack, in words: a line for all the fields that the same frames lack."""
    due: dict[str, int] = {}
    lacking: dict[str, list[str]] = {}
    for frame in frames:
        kind = wire.kind(frame)
        for path in wire.fields.get(kind, ()) if frame.payload is not None else ():
            due[path] = due.get(path, 0) + 1
            if not _has(frame.payload, path):
                lacking.setdefault(path, []).append(kind)
    alike: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    for path, found in lacking.items():
        alike.setdefault((due[path], tuple(found)), []).append(path)
    for (total, kinds), paths in alike.items():
        names = ", ".join(dict.fromkeys(kinds))
        fields = " or ".join(paths)
        if len(kinds) < total:
            yield f"{len(kinds)} of {total} frames lack {fields} ({names})"
        elif len(set(kinds)) == 1:
            yield f"no {names} frame has {fields}"
        else:
            yield f"none of {total} frames has {fields}"


def _has(payload: Json, path: str) -> bool:
    """Whether there is something at `path`, be it null.

    >>> _has({"a": [{"b": None}]}, "a.0.b"), _has({"a": []}, "a.0.b")
    (True, False)
    """
    value = payload
    for name in path.split("."):
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return False
    return True


# what kind a frame is ------------------------------------------------------------------------


def _chat(frame: SeenFrame) -> str:
    if frame.payload is None:
        return "[DONE]" if frame.data.strip() == "[DONE]" else "unreadable"
    choices = objects_in(frame.payload.get("choices"))
    if any(choice.get("finish_reason") for choice in choices):
        return "finish"
    if not choices and frame.payload.get("usage"):
        return "usage"
    return "chunk" if "choices" in frame.payload else "other"


def _typed(frame: SeenFrame) -> str:
    """The kind is the type in the object; `[DONE]`, and what is none, has none."""
    return word_in(frame.payload, "type") or ("[DONE]" if "[DONE]" in frame.data else "other")


def _messages(frame: SeenFrame) -> str:
    kind = _typed(frame)
    inner = {"content_block_start": "content_block", "content_block_delta": "delta"}.get(kind)
    if inner is None or frame.payload is None:
        return kind
    return f"{kind} {word_in(frame.payload.get(inner), 'type') or ''}".strip()


def _responses(frame: SeenFrame) -> str:
    kind = _typed(frame)
    if frame.payload is None or not kind.startswith("response.output_item"):
        return kind
    item = word_in(frame.payload.get("item"), "type")
    return f"{kind} {item or ''}".strip()


def _generate(frame: SeenFrame) -> str:
    candidates = objects_in((frame.payload or {}).get("candidates"))
    ends = any(one.get("finishReason") for one in candidates)
    return "chunk with a finishReason" if ends else "chunk"


def _interactions(frame: SeenFrame) -> str:
    if frame.payload is None:
        return frame.event
    kind = word_in(frame.payload, "event_type") or "other"
    inner = {"step.start": "step", "step.delta": "delta"}.get(kind)
    if inner is None:
        return kind
    return f"{kind} {word_in(frame.payload.get(inner), 'type') or ''}".strip()


def _cohere(frame: SeenFrame) -> str:
    kind = _typed(frame)
    content = object_in(frame.payload, "delta", "message", "content")
    return f"{kind} thinking" if "thinking" in content and kind == "content-delta" else kind


def _ollama(frame: SeenFrame) -> str:
    return "line with done: true" if (frame.payload or {}).get("done") is True else "line"


def _converse(frame: SeenFrame) -> str:
    return frame.event


# the wires -----------------------------------------------------------------------------------

_CHUNK = ("object", "created")  # what else a chunk has, `chat` knows better
_ITEM = ("output_index", "item.id", "sequence_number")
_PART = ("item_id", "output_index", "content_index", "sequence_number")
_CALL = ("item_id", "output_index", "sequence_number")

SPOKEN: Mapping[str, Spoken] = {
    "openai_chat": Spoken(
        media="text/event-stream",
        kind=_chat,
        fields={"chunk": _CHUNK, "finish": _CHUNK, "usage": _CHUNK},
        text=("chunk",),
        calls=("chunk",),
        terminal=("finish", "[DONE]"),
        ending="a finish_reason, and data: [DONE] as the last event",
        usage="when stream_options asks for it, in one last chunk whose choices are empty",
        call_word="tool_calls",
        length_words=("length",),
        bad={"messages": "none"},
    ),
    "openai_responses": Spoken(
        media="text/event-stream",
        kind=_responses,
        fields={
            "response.created": ("response.id", "response.model", "sequence_number"),
            "response.output_item.added message": _ITEM,
            "response.output_item.added function_call": (*_ITEM, "item.call_id", "item.name"),
            "response.content_part.added": _PART,
            "response.output_text.delta": (*_PART, "delta"),
            "response.output_text.done": (*_PART, "text"),
            "response.content_part.done": _PART,
            "response.function_call_arguments.delta": (*_CALL, "delta"),
            "response.function_call_arguments.done": (*_CALL, "arguments"),
            "response.output_item.done message": _ITEM,
            "response.output_item.done function_call": (*_ITEM, "item.call_id", "item.arguments"),
            "response.completed": ("response.id", "response.output", "response.usage"),
            "response.incomplete": ("response.id", "response.incomplete_details.reason"),
        },
        text=(
            "response.created",
            "response.output_item.added message",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done message",
        ),
        calls=(
            "response.created",
            "response.output_item.added function_call",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done function_call",
        ),
        terminal=("response.completed|response.incomplete|response.failed",),
        ending="response.completed (or .incomplete, .failed) as the last event",
        usage="in the response object of the last event",
        call_word="",
        length_words=("incomplete:max_output_tokens",),
        bad={"input": 7},
        unknown=(400, 404),
    ),
    "anthropic_messages": Spoken(
        media="text/event-stream",
        kind=_messages,
        fields={
            "message_start": ("message.id", "message.model", "message.role", "message.usage"),
            "content_block_start text": ("index", "content_block.text"),
            "content_block_start tool_use": (
                "index",
                "content_block.id",
                "content_block.name",
                "content_block.input",
            ),
            "content_block_start thinking": ("index", "content_block.thinking"),
            "content_block_delta text_delta": ("index", "delta.text"),
            "content_block_delta input_json_delta": ("index", "delta.partial_json"),
            "content_block_delta thinking_delta": ("index", "delta.thinking"),
            "content_block_stop": ("index",),
            "message_delta": ("delta.stop_reason", "usage.output_tokens"),
        },
        text=(
            "message_start",
            "content_block_start text",
            "content_block_delta text_delta",
            "content_block_stop",
            "message_delta",
        ),
        calls=("message_start", "content_block_start tool_use", "content_block_stop"),
        terminal=("message_delta", "message_stop"),
        ending="a stop_reason in message_delta, and message_stop as the last event",
        usage="its input in message_start, its output in message_delta",
        call_word="tool_use",
        length_words=("max_tokens",),
        bad={"messages": "none"},
    ),
    "gemini_generate": Spoken(
        media="text/event-stream",
        kind=_generate,
        fields={
            "chunk": ("responseId", "modelVersion"),
            "chunk with a finishReason": (
                "responseId",
                "modelVersion",
                "usageMetadata",
            ),
        },
        text=("chunk with a finishReason",),
        calls=("chunk with a finishReason",),
        terminal=("chunk with a finishReason",),
        ending="a finishReason in the last chunk",
        usage="in usageMetadata of every chunk, of which the last counts",
        call_word="",
        length_words=("MAX_TOKENS",),
        bad={"contents": 7},
    ),
    "gemini_interactions": Spoken(
        media="text/event-stream",
        kind=_interactions,
        fields={
            "interaction.created": ("interaction.id",),
            "step.start model_output": ("index",),
            "step.start function_call": ("index", "step.id", "step.name"),
            "step.delta text": ("index", "delta.text"),
            "step.delta arguments_delta": ("index", "delta.arguments"),
            "step.stop": ("index",),
            "interaction.completed": ("interaction.id", "interaction.status", "interaction.usage"),
        },
        text=("interaction.created", "step.start model_output", "step.delta text", "step.stop"),
        calls=("interaction.created", "step.start function_call", "step.stop"),
        terminal=("interaction.completed",),
        ending="interaction.completed, and an event named done",
        usage="in the interaction of interaction.completed",
        call_word="requires_action",
        length_words=("incomplete",),
        bad={"input": 7},
        unknown=(400, 404),
    ),
    "cohere_chat": Spoken(
        media="text/event-stream",
        kind=_cohere,
        fields={
            "message-start": ("id", "delta.message.role"),
            "content-start": ("index", "delta.message.content.type"),
            "content-delta": ("index", "delta.message.content.text"),
            "content-end": ("index",),
            "tool-call-start": (
                "index",
                "delta.message.tool_calls.id",
                "delta.message.tool_calls.function.name",
            ),
            "tool-call-delta": ("index", "delta.message.tool_calls.function.arguments"),
            "tool-call-end": ("index",),
            "message-end": ("delta.finish_reason", "delta.usage"),
        },
        text=("message-start", "content-start", "content-delta", "content-end"),
        calls=("message-start", "tool-call-start", "tool-call-delta", "tool-call-end"),
        terminal=("message-end",),
        ending="message-end with a finish_reason as the last event",
        usage="in delta.usage of message-end",
        call_word="TOOL_CALL",
        length_words=("MAX_TOKENS",),
        bad={"messages": "none"},
    ),
    "ollama_chat": Spoken(
        media="application/x-ndjson",
        kind=_ollama,
        fields={
            "line": ("model", "created_at", "message.role", "message.content", "done"),
            "line with done: true": (
                "model",
                "created_at",
                "done_reason",
                "prompt_eval_count",
                "eval_count",
            ),
        },
        text=("line", "line with done: true"),
        calls=("line", "line with done: true"),
        terminal=("line with done: true",),
        ending="a last line with done: true",
        usage="in prompt_eval_count and eval_count of the last line",
        call_word="",
        length_words=("length",),
        bad={"messages": "none"},
    ),
    "bedrock_converse": Spoken(
        media="application/vnd.amazon.eventstream",
        kind=_converse,
        fields={
            "messageStart": ("role",),
            "contentBlockStart": ("contentBlockIndex", "start"),
            "contentBlockDelta": ("contentBlockIndex", "delta"),
            "contentBlockStop": ("contentBlockIndex",),
            "messageStop": ("stopReason",),
            "metadata": ("usage.inputTokens", "usage.outputTokens"),
        },
        text=("messageStart", "contentBlockDelta", "contentBlockStop"),
        calls=("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop"),
        terminal=("messageStop", "metadata"),
        ending="messageStop, and metadata as the last frame",
        usage="in metadata",
        call_word="tool_use",
        length_words=("max_tokens",),
        bad={"messages": "none"},
        unknown=(400, 404),
    ),
}
