"""A `CompletionRequest` as the body of Cohere's `/v2/chat`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rig_sync._json import Json, JsonObject
from rig_sync.completion import CompletionRequest, ReasoningOptions, ToolChoice
from rig_sync.errors import ConfigError
from rig_sync.message import (
    AssistantContent,
    AssistantMessage,
    Document,
    Image,
    Message,
    ProviderBlock,
    Reasoning,
    SystemMessage,
    Text,
    ToolResult,
    UserContent,
    UserMessage,
)
from rig_sync.wire.blocks import results_first, without_foreign
from rig_sync.wire.openai_chat_request import document_text
from rig_sync.wire.writing import chat_call, chat_tool, image_url

__all__ = ["CITATIONS", "NAME", "PLAN", "encode_request"]

NAME = "cohere_chat"

PLAN = "tool_plan"
"""The kind of the block that holds what the model means to do with its tools."""

CITATIONS = "cohere_citations"
"""Where a text keeps its citations, in `provider_data`."""

_CHOICES: dict[str, Json] = {"required": "REQUIRED", "none": "NONE"}


def encode_request(request: CompletionRequest) -> JsonObject:
    """The body, without what says whether to stream."""
    if request.parallel_tool_calls is False:
        raise ConfigError("Cohere cannot keep to one call at a time: leave parallel_tool_calls out")
    request = without_foreign(request, NAME)
    body: JsonObject = {"model": request.model, "messages": list(_messages(request))}
    if request.documents:
        numbered = enumerate(request.documents)
        body["documents"] = [_source(number, document) for number, document in numbered]
    if request.tools:
        body["tools"] = [chat_tool(definition) for definition in request.tools]
    if request.reasoning is not None:
        body["thinking"] = _thinking(request.reasoning)
    if request.output_schema is not None:
        schema = request.output_schema.schema
        body["response_format"] = {"type": "json_object", "json_schema": schema}
    optional: dict[str, Json] = {
        "tool_choice": _tool_choice(request.tool_choice),
        "temperature": request.temperature,
        "p": request.top_p,
        "max_tokens": request.max_tokens,
        "seed": request.seed,
        "stop_sequences": list(request.stop) or None,
    }
    body.update((name, value) for name, value in optional.items() if value is not None)
    return body


def _messages(request: CompletionRequest) -> Iterator[JsonObject]:
    if request.preamble:
        yield {"role": "system", "content": request.preamble}
    for message in request.messages:
        yield from _message(message)


def _message(message: Message) -> Iterator[JsonObject]:
    if isinstance(message, SystemMessage):
        yield {"role": "system", "content": message.content}
    elif isinstance(message, AssistantMessage):
        yield _assistant(message)
    else:
        yield from _user(message)


def _user(message: UserMessage) -> Iterator[JsonObject]:
    """One message for each tool result, then one with the rest."""
    return results_first(message, _answer, _beside, _from_user)


def _beside(result: ToolResult) -> Iterator[UserContent]:
    return (part for part in result.media if not isinstance(part, ProviderBlock))


def _answer(result: ToolResult) -> JsonObject:
    """The words of a result; a list of items where Cohere's own are among them."""
    own = [part for part in result.content if isinstance(part, (Text, ProviderBlock))]
    words = all(isinstance(part, Text) for part in own)
    content: Json = result.text if words else [_part(part) for part in own]
    return {"role": "tool", "tool_call_id": result.id, "content": content}


def _from_user(parts: Sequence[UserContent]) -> JsonObject:
    return {"role": "user", "content": _content(parts)}


def _content(parts: Sequence[UserContent]) -> Json:
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [_part(part) for part in parts]


def _part(part: UserContent) -> JsonObject:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, ProviderBlock):
        return part.payload
    if isinstance(part, Image) and part.data_url is not None:
        return image_url(part)
    if isinstance(part, Document) and part.text is not None:
        return {"type": "text", "text": document_text(part)}
    raise ConfigError(
        f"Cohere cannot carry {part!r}: give text, images as bytes or URLs, and documents as text"
    )


def _source(number: int, document: Document) -> JsonObject:
    """A document that the model answers from, and that its citations name."""
    if document.text is None:
        raise ConfigError(f"Cohere cannot read {document!r}: give Document(text=...)")
    data: JsonObject = {"text": document.text}
    if document.name:
        data["title"] = document.name
    return {"id": f"doc-{number}", "data": data}


def _assistant(message: AssistantMessage) -> JsonObject:
    encoded: JsonObject = {"role": "assistant"}
    content: list[Json] = []
    citations: list[Json] = []
    for part in message.content:
        if isinstance(part, ProviderBlock) and part.kind == PLAN:
            encoded["tool_plan"] = part.payload.get("tool_plan")
            citations += _citations(part.payload.get("citations"))
        else:
            content += _said(part)
        if isinstance(part, Text):
            citations += _citations((part.provider_data or {}).get(CITATIONS))
    calls: list[Json] = [chat_call(call) for call in message.tool_calls]
    if calls:
        encoded["tool_calls"] = calls
    if citations:
        encoded["citations"] = citations
    if content or not calls:
        encoded["content"] = content or ""
    return encoded


def _said(part: AssistantContent) -> Iterator[JsonObject]:
    """The items of content that a part makes: one, or none."""
    if isinstance(part, Image):
        raise ConfigError(f"Cohere takes no {part!r} back in the history: leave it out")
    if isinstance(part, Text):
        if part.text:
            yield {"type": "text", "text": part.text}
    elif isinstance(part, Reasoning):
        if part.text:
            yield {"type": "thinking", "thinking": part.text}
    elif isinstance(part, ProviderBlock):
        yield part.payload


def _citations(kept: Json) -> list[Json]:
    return kept if isinstance(kept, list) else []


def _tool_choice(choice: ToolChoice | None) -> Json:
    if choice is not None and choice.mode == "specific":
        raise ConfigError(
            "Cohere cannot force a tool by name: give that tool alone and ToolChoice('required')"
        )
    return None if choice is None else _CHOICES.get(choice.mode)  # auto is to say nothing


def _thinking(options: ReasoningOptions) -> JsonObject:
    if options.effort == "none":
        return {"type": "disabled"}
    if options.effort is not None:
        raise ConfigError(
            f"Cohere takes no reasoning effort {options.effort!r}: give a budget, or 'none'"
        )
    if options.budget is None:
        return {"type": "enabled"}
    return {"type": "enabled", "token_budget": options.budget}
