"""A `CompletionRequest` as the body of Ollama's `/api/chat`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rig_sync._json import Json, JsonObject
from rig_sync.completion import CompletionRequest, ReasoningOptions
from rig_sync.errors import ConfigError
from rig_sync.message import (
    AssistantMessage,
    Document,
    Image,
    Message,
    SystemMessage,
    Text,
    ToolCall,
    ToolResult,
    UserContent,
    UserMessage,
)
from rig_sync.wire.blocks import results_first, without_foreign
from rig_sync.wire.openai_chat_request import document_text
from rig_sync.wire.writing import chat_tool

__all__ = ["NAME", "encode_request"]

NAME = "ollama_chat"


def encode_request(request: CompletionRequest) -> JsonObject:
    """The body, without what says whether to stream."""
    _check(request)
    request = without_foreign(request, NAME, thoughts=True)
    body: JsonObject = {"model": request.model, "messages": list(_messages(request))}
    if request.tools and (request.tool_choice is None or request.tool_choice.mode != "none"):
        body["tools"] = [chat_tool(definition) for definition in request.tools]
    if request.reasoning is not None:
        body["think"] = _think(request.reasoning)
    if request.output_schema is not None:
        body["format"] = request.output_schema.schema
    options: dict[str, Json] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "num_predict": request.max_tokens,
        "stop": list(request.stop) or None,
        "seed": request.seed,
    }
    options = {name: value for name, value in options.items() if value is not None}
    if options:
        body["options"] = options
    return body


def _check(request: CompletionRequest) -> None:
    choice = request.tool_choice
    if choice is not None and choice.mode in ("required", "specific"):
        raise ConfigError(
            "Ollama cannot force a tool call: leave tool_choice out and ask for it in the prompt"
        )
    if request.parallel_tool_calls is False:
        raise ConfigError("Ollama cannot keep to one call at a time: leave parallel_tool_calls out")
    if request.reasoning is not None and request.reasoning.budget is not None:
        raise ConfigError("Ollama takes a reasoning effort, no token budget")


def _messages(request: CompletionRequest) -> Iterator[JsonObject]:
    if request.preamble:
        yield {"role": "system", "content": request.preamble}
    if request.documents:
        yield _user(request.documents)
    names: dict[str, str] = {}  # of the tools, by the id of the call
    for message in request.messages:
        yield from _message(message, names)


def _message(message: Message, names: dict[str, str]) -> Iterator[JsonObject]:
    if isinstance(message, SystemMessage):
        yield {"role": "system", "content": message.content}
    elif isinstance(message, AssistantMessage):
        names.update((call.id, call.name) for call in message.tool_calls)
        yield _assistant(message)
    else:
        yield from _results_and_rest(message, names)


def _results_and_rest(message: UserMessage, names: dict[str, str]) -> Iterator[JsonObject]:
    """One message for each tool result, then one with the rest."""

    def answer(result: ToolResult) -> JsonObject:
        encoded: JsonObject = {"role": "tool", "content": result.text, "tool_call_id": result.id}
        name = result.name or names.get(result.id)
        return encoded if name is None else {**encoded, "tool_name": name}

    return results_first(message, answer, lambda result: result.media, _user)


def _user(parts: Sequence[UserContent]) -> JsonObject:
    """Words in one string, a blank line between the parts; images beside it."""
    encoded: JsonObject = {"role": "user", "content": "\n\n".join(_words(parts))}
    images: list[Json] = [_image(part) for part in parts if isinstance(part, Image)]
    if images:
        encoded["images"] = images
    return encoded


def _words(parts: Iterable[UserContent]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Text):
            yield part.text
        elif isinstance(part, Document) and part.text is not None:
            yield document_text(part)
        elif not isinstance(part, Image):
            raise ConfigError(
                f"Ollama cannot carry {part!r}: give text, images, and documents as text, "
                "or a ProviderBlock that is a whole message, with its role"
            )


def _image(image: Image) -> str:
    if image.data is None:
        raise ConfigError(f"Ollama cannot fetch {image!r}: give Image.from_bytes(...)")
    return image.data


def _assistant(message: AssistantMessage) -> JsonObject:
    for part in message.content:
        if isinstance(part, Image):
            raise ConfigError(f"Ollama takes no {part!r} back in the history: leave it out")
    encoded: JsonObject = {"role": "assistant", "content": message.text}
    thinking = "".join(block.text for block in message.reasoning)
    if thinking:
        encoded["thinking"] = thinking
    if message.tool_calls:
        encoded["tool_calls"] = [_call(call) for call in message.tool_calls]
    return encoded


def _call(call: ToolCall) -> JsonObject:
    return {"id": call.id, "function": {"name": call.name, "arguments": call.arguments}}


def _think(options: ReasoningOptions) -> bool | str:
    """Whether to think: servers take a level in words too, which not every model knows."""
    return options.effort != "none" and (options.effort or True)
