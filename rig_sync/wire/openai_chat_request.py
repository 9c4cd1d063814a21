"""A `CompletionRequest` as the body of an OpenAI chat completion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeAlias

from rig_sync._json import Json, JsonObject
from rig_sync.completion import (
    CompletionRequest,
    ReasoningOptions,
    ToolChoice,
)
from rig_sync.errors import ConfigError
from rig_sync.message import (
    AssistantMessage,
    Audio,
    Document,
    Image,
    Message,
    ProviderBlock,
    Reasoning,
    SystemMessage,
    Text,
    ToolCall,
    ToolResult,
    UserContent,
    UserMessage,
    Video,
)
from rig_sync.wire.base import object_in, objects_in
from rig_sync.wire.blocks import results_first, without_foreign
from rig_sync.wire.writing import chat_call, chat_tool, image_url

__all__ = [
    "CUSTOM",
    "EXTRA",
    "NAME",
    "ReasoningField",
    "alternating",
    "document_text",
    "effort_alone",
    "encode_request",
    "plain_calls",
    "reasoning_object",
    "thinking_switch",
]

NAME = "openai_chat"
CUSTOM = "custom"
"""The `type` of a call that takes free text; its one argument is `input`."""

EXTRA = "extra_content"
"""Where Google, and gateways to it, put what they want back with a call: its signature."""

ReasoningField: TypeAlias = Literal[
    "reasoning_content", "reasoning", "reasoning_details", "content"
]
"""Where servers want the thoughts of earlier turns."""


def encode_request(
    request: CompletionRequest,
    *,
    max_tokens_field: str,
    required_word: str,
    reasoning_field: ReasoningField | None,
    reasoning: Callable[[ReasoningOptions], JsonObject],
) -> JsonObject:
    """The body, without what belongs to streaming alone."""
    request = without_foreign(request, NAME, thoughts=True)
    body: JsonObject = {"model": request.model, "messages": []}
    body["messages"] = list(_messages(request, reasoning_field))
    if request.tools:
        body["tools"] = [chat_tool(definition) for definition in request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = _tool_choice(request.tool_choice, required_word)
    if request.reasoning is not None:
        body.update(reasoning(request.reasoning))
    if request.output_schema is not None:
        wanted = request.output_schema
        inner: JsonObject = {"name": wanted.name, "schema": wanted.schema, "strict": wanted.strict}
        body["response_format"] = {"type": "json_schema", "json_schema": inner}
    optional: dict[str, Json] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        max_tokens_field: request.max_tokens,
        "seed": request.seed,
        "stop": list(request.stop) or None,
        "parallel_tool_calls": request.parallel_tool_calls,
    }
    body.update((name, value) for name, value in optional.items() if value is not None)
    return body


def effort_alone(options: ReasoningOptions) -> JsonObject:
    """OpenAI's own way: `reasoning_effort`.

    Raises:
        ConfigError: a token budget is asked for.

    >>> effort_alone(ReasoningOptions(effort="low"))
    {'reasoning_effort': 'low'}
    """
    if options.budget is not None:
        raise ConfigError("chat completions take a reasoning effort, no token budget")
    return {} if options.effort is None else {"reasoning_effort": options.effort}


def reasoning_object(options: ReasoningOptions) -> JsonObject:
    """OpenRouter's way: `reasoning` with an effort, or a budget in tokens.

    >>> reasoning_object(ReasoningOptions(budget=2000))
    {'reasoning': {'max_tokens': 2000}}
    """
    wanted: dict[str, Json] = {"effort": options.effort, "max_tokens": options.budget}
    return {"reasoning": {name: value for name, value in wanted.items() if value is not None}}


def thinking_switch(options: ReasoningOptions) -> JsonObject:
    """DeepSeek's and Z.ai's way: thinking on, or off with the effort `none`; and the effort.

    >>> thinking_switch(ReasoningOptions(effort="none"))
    {'thinking': {'type': 'disabled'}}
    """
    if options.effort == "none":
        return {"thinking": {"type": "disabled"}}
    return {"thinking": {"type": "enabled"}, **effort_alone(options)}


def plain_calls(request: CompletionRequest, body: JsonObject) -> JsonObject:
    """`body` without what Google attaches to calls: OpenAI refuses fields that it does not know."""
    del request
    for message in objects_in(body["messages"]):
        for call in objects_in(message.get("tool_calls")):
            call.pop(EXTRA, None)
    return body


def alternating(request: CompletionRequest, body: JsonObject) -> JsonObject:
    """`body` with one message where the same side speaks twice: Perplexity refuses two in a row."""
    del request
    turns: list[Json] = []
    for message in objects_in(body["messages"]):
        before = object_in(turns[-1]) if turns else {}
        if before.get("role") == message["role"]:
            before["content"] = _joined(before["content"], message["content"])
        else:
            turns.append(message)
    body["messages"] = turns
    return body


def _joined(first: Json, second: Json) -> Json:
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    return [*_as_parts(first), *_as_parts(second)]


def _as_parts(content: Json) -> list[Json]:
    return content if isinstance(content, list) else [{"type": "text", "text": content or ""}]


def document_text(document: Document) -> str:
    r"""A text document as the model reads it in the prompt.

    >>> document_text(Document(text="Bolt is a robot.", name="bolt.txt"))
    '<file name="bolt.txt">\nBolt is a robot.\n</file>'
    """
    name = f' name="{document.name}"' if document.name else ""
    return f"<file{name}>\n{document.text}\n</file>"


def _messages(
    request: CompletionRequest, reasoning_field: ReasoningField | None
) -> Iterator[JsonObject]:
    if request.preamble:
        yield {"role": "system", "content": request.preamble}
    if request.documents:
        yield from _user(UserMessage(request.documents))
    for message in request.messages:
        yield from _message(message, reasoning_field)


def _message(message: Message, reasoning_field: ReasoningField | None) -> Iterator[JsonObject]:
    if isinstance(message, SystemMessage):
        yield {"role": "system", "content": message.content}
    elif isinstance(message, UserMessage):
        yield from _user(message)
    else:
        turn = _assistant(message, reasoning_field)
        if turn["content"] or "tool_calls" in turn:
            yield turn  # one that broke off in its thoughts says nothing, which servers refuse


def _user(message: UserMessage) -> Iterator[JsonObject]:
    """One message for each tool result, then one with the rest."""
    return results_first(message, _answer, lambda result: result.media, _from_user)


def _answer(result: ToolResult) -> JsonObject:
    return {"role": "tool", "tool_call_id": result.id, "content": result.text}


def _from_user(parts: Sequence[UserContent]) -> JsonObject:
    return {"role": "user", "content": _content(parts)}


def _content(parts: Sequence[UserContent]) -> Json:
    if all(isinstance(part, Text) for part in parts):
        texts = [part.text for part in parts if isinstance(part, Text)]
        if len(texts) < 2:
            return "".join(texts)
    return [_part(part) for part in parts]


def _part(part: UserContent) -> JsonObject:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, ProviderBlock):
        return part.payload
    if isinstance(part, Image) and part.data_url is not None:
        return image_url(part)
    if isinstance(part, Audio) and part.data is not None:
        kind = (part.media_type or "audio/wav").rpartition("/")[2]
        wav = {"x-wav": "wav", "mpeg": "mp3"}.get(kind, kind)
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": wav}}
    if isinstance(part, Video) and part.data_url is not None:
        return {"type": "video_url", "video_url": {"url": part.data_url}}
    if isinstance(part, Document):
        return _document(part)
    raise ConfigError(
        f"chat completions cannot carry {part!r}: give images, audio and video as bytes, "
        "images also as a URL"
    )


def _document(part: Document) -> JsonObject:
    if part.text is not None:
        return {"type": "text", "text": document_text(part)}
    if part.file_id is not None:
        return {"type": "file", "file": {"file_id": part.file_id}}
    if part.data is None:
        raise ConfigError(f"chat completions cannot fetch {part!r}: give the document as bytes")
    name = part.name or "document.pdf"
    return {"type": "file", "file": {"filename": name, "file_data": part.data_url}}


def _assistant(message: AssistantMessage, reasoning_field: ReasoningField | None) -> JsonObject:
    for part in message.content:
        if isinstance(part, Image):
            raise ConfigError(f"chat completions take no {part!r} back in the history")
    encoded: JsonObject = {"role": "assistant", "content": message.text or None}
    calls: list[Json] = [_call(call) for call in message.tool_calls]
    if calls:
        encoded["tool_calls"] = calls
    elif encoded["content"] is None:
        encoded["content"] = ""
    if reasoning_field == "content" and any(block.text for block in message.reasoning):
        encoded["content"] = list(_thinking_and_text(message))
    elif reasoning_field is not None:
        encoded.update(_reasoning(message.reasoning, reasoning_field))
    return encoded


def _thinking_and_text(message: AssistantMessage) -> Iterator[JsonObject]:
    for part in message.content:
        if isinstance(part, Reasoning) and part.text:
            yield {"type": "thinking", "thinking": [{"type": "text", "text": part.text}]}
        elif isinstance(part, Text) and part.text:
            yield {"type": "text", "text": part.text}


def _reasoning(blocks: Sequence[Reasoning], field: ReasoningField) -> JsonObject:
    if field == "reasoning_details":
        details: list[Json] = []
        for block in blocks:
            kept = (block.provider_data or {}).get(field)
            details.extend(kept if isinstance(kept, list) else [])
        return {field: details} if details else {}
    text = "".join(block.text for block in blocks)
    return {field: text} if text else {}


def _call(call: ToolCall) -> JsonObject:
    kept = call.provider_data or {}
    if kept.get("type") == CUSTOM:
        custom: JsonObject = {"name": call.name, "input": str(call.arguments.get("input") or "")}
        return {"id": call.id, "type": CUSTOM, CUSTOM: custom}
    encoded = chat_call(call)
    if isinstance(kept.get(EXTRA), dict):
        encoded[EXTRA] = kept[EXTRA]
    return encoded


def _tool_choice(choice: ToolChoice, required_word: str) -> Json:
    if choice.mode != "specific":
        return required_word if choice.mode == "required" else choice.mode
    if len(choice.names) != 1:
        raise ConfigError("chat completions can force one tool alone: give ToolChoice one name")
    return {"type": "function", "function": {"name": choice.names[0]}}
