"""A `CompletionRequest` as the body of an OpenAI Responses call."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import CompletionRequest, OutputSchema, ReasoningOptions, ToolChoice
from rig_sync.errors import ConfigError
from rig_sync.message import (
    AssistantMessage,
    Document,
    Image,
    Message,
    ProviderBlock,
    Reasoning,
    ReasoningEncrypted,
    ReasoningSummary,
    ReasoningText,
    SystemMessage,
    Text,
    ToolCall,
    ToolResult,
    UserContent,
    UserMessage,
)
from rig_sync.wire.base import objects_in
from rig_sync.wire.blocks import without_foreign
from rig_sync.wire.openai_chat_request import document_text
from rig_sync.wire.writing import flat_tool

__all__ = ["CUSTOM_CALL", "NAME", "encode_request"]

NAME = "openai_responses"
CUSTOM_CALL = "custom_tool_call"


def encode_request(request: CompletionRequest) -> JsonObject:
    """The body, without what belongs to streaming alone."""
    request = without_foreign(request, NAME)
    body: JsonObject = {"model": request.model, "input": list(_input(request))}
    if request.preamble:
        body["instructions"] = request.preamble
    if request.tools:
        body["tools"] = [flat_tool(definition) for definition in request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = _tool_choice(request.tool_choice)
    if request.reasoning is not None:
        body["reasoning"] = _reasoning_options(request.reasoning)
    if request.output_schema is not None:
        body["text"] = {"format": _format(request.output_schema)}
    if request.stop or request.seed is not None:
        raise ConfigError("the Responses API has no stop and no seed: use completions_api()")
    optional: dict[str, Json] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_output_tokens": request.max_tokens,
        "parallel_tool_calls": request.parallel_tool_calls,
    }
    body.update((name, value) for name, value in optional.items() if value is not None)
    return body


def _input(request: CompletionRequest) -> Iterator[JsonObject]:
    custom = {
        call.id
        for message in request.messages
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls
        if _is_custom(call)
    }
    if request.documents:
        yield from _user(UserMessage(request.documents), custom)
    for message in request.messages:
        yield from _items(message, custom)


def _items(message: Message, custom: Container[str]) -> Iterator[JsonObject]:
    if isinstance(message, SystemMessage):
        yield {"role": "system", "content": message.content}
    elif isinstance(message, UserMessage):
        yield from _user(message, custom)
    else:
        yield from _assistant(message)


def _user(message: UserMessage, custom: Container[str]) -> Iterator[JsonObject]:
    """An item for each tool result, then a message with the rest.

    A block is an item of its own, behind a message with what stands ahead of it.

    Args:
        message: What the user's side says.
        custom: The ids of the calls that took free text; their results are another kind of item.
    """
    others: list[UserContent] = []
    for part in message.content:
        if isinstance(part, ToolResult):
            kind = f"{CUSTOM_CALL if part.id in custom else 'function_call'}_output"
            yield {"type": kind, "call_id": part.id, "output": _output(part)}
        elif isinstance(part, ProviderBlock):
            if others:
                yield {"role": "user", "content": _content(others)}
                others = []
            yield part.payload
        else:
            others.append(part)
    if others or not message.content:
        yield {"role": "user", "content": _content(others)}


def _content(parts: Sequence[UserContent]) -> Json:
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [_part(part) for part in parts]


def _output(result: ToolResult) -> Json:
    if all(isinstance(part, Text) for part in result.content):
        return result.text
    return [_part(part) for part in result.content]


def _part(part: UserContent) -> JsonObject:
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    if isinstance(part, ProviderBlock):
        return part.payload
    if isinstance(part, Image):
        where = {"file_id": part.file_id} if part.file_id else {"image_url": part.data_url}
        image: JsonObject = {"type": "input_image", **where}
        if part.detail is not None:
            image["detail"] = part.detail
        return image
    if isinstance(part, Document):
        return _document(part)
    raise ConfigError(
        f"the Responses API cannot carry {part!r}: give text, images and documents, "
        "or use completions_api() for audio"
    )


def _document(part: Document) -> JsonObject:
    if part.text is not None:
        return {"type": "input_text", "text": document_text(part)}
    if part.file_id is not None:
        return {"type": "input_file", "file_id": part.file_id}
    if part.data is not None:
        name = part.name or "document.pdf"
        return {"type": "input_file", "filename": name, "file_data": part.data_url}
    return {"type": "input_file", "file_url": part.url}


def _assistant(message: AssistantMessage) -> Iterator[JsonObject]:
    """Item for item, in the order in which the model made them."""
    for part in message.content:
        if isinstance(part, Text):
            yield _text(part)
        elif isinstance(part, ToolCall):
            yield _call(part)
        elif isinstance(part, Reasoning):
            yield from _reasoning(part)
        elif isinstance(part, ProviderBlock):
            yield part.payload
        else:
            raise ConfigError(f"the Responses API takes no {part!r} back in the history")


def _text(part: Text) -> JsonObject:
    kept = part.provider_data or {}
    if not isinstance(kept.get("id"), str):
        return {"role": "assistant", "content": part.text}
    content: Json = [{"type": "output_text", "text": part.text, "annotations": []}]
    item: JsonObject = {"type": "message", "role": "assistant", "content": content, **kept}
    if _words(item["content"]) != part.text:  # it was written anew since
        item["content"] = content
    return item


def _words(content: Json) -> str:
    parts = objects_in(content)
    return "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)


def _is_custom(call: ToolCall) -> bool:
    return (call.provider_data or {}).get("type") == CUSTOM_CALL


def _call(call: ToolCall) -> JsonObject:
    item: JsonObject = {"type": "function_call", "call_id": call.id, "name": call.name}
    if _is_custom(call):
        item["input"] = str(call.arguments.get("input") or "")
    else:
        item["arguments"] = compact(call.arguments)
    if call.item_id:
        item["id"] = call.item_id
    if call.item_id or _is_custom(call):  # no other wire has either
        item.update(call.provider_data or {})
    return item


def _reasoning(block: Reasoning) -> Iterator[JsonObject]:
    if block.id is None and block.origin is None:
        return  # written by hand, or by nobody knows whom: the API could not check them
    summary: list[Json] = []
    content: list[Json] = []
    item: JsonObject = {"type": "reasoning", "summary": summary}
    if block.id is not None:
        item["id"] = block.id
    for part in block.content:
        if isinstance(part, ReasoningSummary):
            summary.append({"type": "summary_text", "text": part.text})
        elif isinstance(part, ReasoningText):
            content.append({"type": "reasoning_text", "text": part.text})
        elif isinstance(part, ReasoningEncrypted):
            item["encrypted_content"] = part.data
    if content:
        item["content"] = content
    yield {**item, **(block.provider_data or {})}


def _reasoning_options(options: ReasoningOptions) -> JsonObject:
    if options.budget is not None:
        raise ConfigError("the Responses API takes a reasoning effort, no token budget")
    wanted: dict[str, Json] = {"effort": options.effort, "summary": options.summary}
    return {name: value for name, value in wanted.items() if value is not None}


def _format(wanted: OutputSchema) -> JsonObject:
    return {
        "type": "json_schema",
        "name": wanted.name,
        "schema": wanted.schema,
        "strict": wanted.strict,
    }


def _tool_choice(choice: ToolChoice) -> Json:
    if choice.mode != "specific":
        return choice.mode
    named: list[Json] = [{"type": "function", "name": name} for name in choice.names]
    if len(named) == 1:
        return named[0]
    return {"type": "allowed_tools", "mode": "required", "tools": named}
