"""A `CompletionRequest` as the body of a Gemini interaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rig_sync._json import Json, JsonObject
from rig_sync.completion import CompletionRequest, OutputSchema, ReasoningOptions, ToolChoice
from rig_sync.errors import ConfigError
from rig_sync.message import (
    AssistantContent,
    AssistantMessage,
    Audio,
    Document,
    Image,
    ProviderBlock,
    Reasoning,
    ReasoningSummary,
    ReasoningText,
    SystemMessage,
    Text,
    ToolCall,
    ToolResult,
    UserContent,
    UserMessage,
    Video,
)
from rig_sync.wire.blocks import without_foreign
from rig_sync.wire.gemini_interactions_step import ANNOTATIONS, SAID
from rig_sync.wire.openai_chat_request import document_text
from rig_sync.wire.writing import flat_tool

__all__ = ["NAME", "encode_request"]

NAME = "gemini_interactions"


def encode_request(request: CompletionRequest) -> JsonObject:
    """The body, without what says whether to stream."""
    if request.parallel_tool_calls is False:
        raise ConfigError(
            "interactions cannot keep to one call at a time: leave parallel_tool_calls out"
        )
    request = without_foreign(request, NAME)
    body: JsonObject = {"model": request.model, "input": list(_input(request))}
    instructions = [request.preamble] if request.preamble else []
    instructions += [m.content for m in request.messages if isinstance(m, SystemMessage)]
    if instructions:
        body["system_instruction"] = "\n\n".join(instructions)
    if request.tools:
        body["tools"] = [flat_tool(definition) for definition in request.tools]
    if request.output_schema is not None:
        body["response_format"] = _format(request.output_schema)
    config: dict[str, Json] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_output_tokens": request.max_tokens,
        "stop_sequences": list(request.stop) or None,
        "seed": request.seed,
        "tool_choice": None if request.tool_choice is None else _tool_choice(request.tool_choice),
        **_thinking(request.reasoning),
    }
    config = {name: value for name, value in config.items() if value is not None}
    if config:
        body["generation_config"] = config
    return body


def _input(request: CompletionRequest) -> Iterator[JsonObject]:
    if request.documents:
        yield _user(UserMessage(request.documents), {})
    names: dict[str, str] = {}  # of the tools, by the id of the call
    for message in request.messages:
        if isinstance(message, UserMessage):
            yield _user(message, names)
        elif isinstance(message, AssistantMessage):
            names.update((call.id, call.name) for call in message.tool_calls)
            yield from _assistant(message)


def _user(message: UserMessage, names: dict[str, str]) -> JsonObject:
    content: list[Json] = [
        _result(part, names) if isinstance(part, ToolResult) else _part(part)
        for part in message.content
    ]
    return {"type": "user_input", "content": content}


def _result(result: ToolResult, names: dict[str, str]) -> JsonObject:
    encoded: JsonObject = {"type": "function_result", "call_id": result.id}
    name = result.name or names.get(result.id)
    if name is not None:
        encoded["name"] = name
    if all(isinstance(part, Text) for part in result.content):
        encoded["result"] = result.text
    else:
        encoded["result"] = [_part(part) for part in result.content]
    if result.is_error:
        encoded["is_error"] = True
    return encoded


def _part(part: UserContent) -> JsonObject:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, ProviderBlock):
        return part.payload
    if isinstance(part, Document) and part.text is not None:
        return {"type": "text", "text": document_text(part)}
    if isinstance(part, Image):
        image = _media("image", part)
        if part.detail in ("low", "high"):
            image["resolution"] = part.detail
        return image
    if isinstance(part, Audio):
        return _media("audio", part)
    if isinstance(part, Video):
        return _media("video", part)
    if isinstance(part, Document):
        return _media("document", part)
    raise ConfigError(f"interactions cannot carry {part!r} here: put it into the message itself")


def _media(kind: str, part: Image | Audio | Video | Document) -> JsonObject:
    if part.file_id is not None:
        raise ConfigError(
            f"interactions know no file ids: give the file's URI as url, not {part!r}"
        )
    where = {"uri": part.url} if part.data is None else {"data": part.data}
    encoded: JsonObject = {"type": kind, **where}
    if part.media_type is not None:
        encoded["mime_type"] = part.media_type
    return encoded


def _assistant(message: AssistantMessage) -> Iterator[JsonObject]:
    """Step for step; what the model said in a row is one."""
    for said, group in groupby(message.content, _is_said):
        if said:
            yield {"type": "model_output", "content": [_said(part) for part in group]}
        else:
            for part in group:
                yield from _step(part)


def _is_said(part: AssistantContent) -> bool:
    if isinstance(part, ProviderBlock):
        return part.kind.startswith(SAID)
    return isinstance(part, (Text, Image))


def _said(part: AssistantContent) -> JsonObject:
    if isinstance(part, ProviderBlock):
        return part.payload
    if isinstance(part, Image):
        return _media("image", part)
    text = part if isinstance(part, Text) else Text("")
    kept = (text.provider_data or {}).get(ANNOTATIONS)
    item: JsonObject = {"type": "text", "text": text.text}
    return {**item, "annotations": kept} if kept else item


def _step(part: AssistantContent) -> Iterator[JsonObject]:
    if isinstance(part, ToolCall):
        call: JsonObject = {
            "type": "function_call",
            "id": part.id,
            "name": part.name,
            "arguments": part.arguments,
        }
        if part.signature:
            call["signature"] = part.signature
        yield call
    elif isinstance(part, ProviderBlock):
        yield part.payload
    elif isinstance(part, Reasoning) and part.signature:
        yield _thought(part)


def _thought(block: Reasoning) -> JsonObject:
    readable = (ReasoningText, ReasoningSummary)
    texts = [part.text for part in block.content if isinstance(part, readable) and part.text]
    thought: JsonObject = {"type": "thought", "signature": block.signature}
    if texts:
        thought["summary"] = [{"type": "text", "text": text} for text in texts]
    return thought


def _thinking(options: ReasoningOptions | None) -> dict[str, Json]:
    if options is None:
        return {}
    if options.budget is not None:
        raise ConfigError("interactions take a reasoning effort, no token budget")
    return {"thinking_level": options.effort, "thinking_summaries": options.summary}


def _format(wanted: OutputSchema) -> JsonObject:
    return {"type": "text", "mime_type": "application/json", "schema": wanted.schema}


def _tool_choice(choice: ToolChoice) -> Json:
    if choice.mode == "specific":
        names: Sequence[Json] = choice.names
        return {"allowed_tools": {"mode": "any", "tools": list(names)}}
    return "any" if choice.mode == "required" else choice.mode
