"""What an agent is made of, read from a recorded request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rig_sync._json import Json, JsonObject, parse_object, to_json
from rig_sync.completion import CompletionRequest, ModelSettings, ToolChoice, ToolDefinition
from rig_sync.errors import ConfigError
from rig_sync.message import (
    BaseMessage,
    ProviderBlock,
    SystemMessage,
    Text,
    ToolResult,
    UserMessage,
    user,
)
from rig_sync.wire.base import Wire
from tests.wire.corpus import Recording
from tests.wire.roundtrip.reader import Reader, bare, objects, text_of
from tests.wire.roundtrip.rebuild import History, model_of

__all__ = [
    "PREAMBLES",
    "Opening",
    "beyond",
    "body_of",
    "changing_in",
    "encoded_by",
    "message_of",
    "opening_of",
    "preamble_in",
    "settings_in",
    "tools_in",
]

HISTORY = ("messages", "input", "contents")
NOT_SETTINGS = (*HISTORY, "model", "stream", "stream_options")
PREAMBLES = ("system", "systemInstruction", "system_instruction", "instructions")
SETTINGS: dict[str, tuple[str, ...]] = {
    "temperature": ("temperature",),
    "top_p": ("top_p", "topP", "p"),
    "seed": ("seed",),
    "parallel_tool_calls": ("parallel_tool_calls",),
    "max_tokens": (
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "maxOutputTokens",
        "maxTokens",
        "num_predict",
    ),
}
"""Ours -> how the families spell it, at the top or one object further in."""

SCHEMAS = ("parameters", "input_schema", "inputSchema", "parametersJsonSchema")


class Opening(NamedTuple):
    """An agent, and what it was asked.

    Attributes:
        messages: The history and the prompt; not the preamble.
        settings: What our types say of the rest; `additional_params` has what they do not.
    """

    model: str
    preamble: str | None
    messages: list[BaseMessage]
    tools: tuple[ToolDefinition, ...]
    tool_choice: ToolChoice | None
    settings: ModelSettings


def opening_of(reader: Reader, wire: Wire, recordings: Sequence[Recording]) -> Opening:
    """The agent that makes the recorded requests of one run.

    Args:
        reader: The family's.
        wire: What encodes.
        recordings: Their history is that of the first. What changes from one to the next is no
            part of the agent, but the tools, which are all that any of them has.
    """
    first, changing = body_of(recordings[0]), changing_in([*map(body_of, recordings)])
    history = History()
    for item in reader.history(first):
        history.add(message_of(reader, item))
    preamble, messages = preamble_in(reader, wire, first), history.messages
    if messages and isinstance(messages[0], SystemMessage) and messages[0].content == preamble:
        messages = messages[1:]
    if changing & {*PREAMBLES}:
        preamble = None
    offered = sorted((list(tools_in(_tools(body_of(entry)))) for entry in recordings), key=len)
    tools = {tool.name: tool for entry in reversed(offered) for tool in entry}
    request = CompletionRequest(
        model_of(recordings[0]), (user("?"),), preamble=preamble, tools=tuple(tools.values())
    )
    constant = {name: value for name, value in first.items() if name not in changing}
    settings = _settings(wire, request, constant)
    choice = _choice(wire, request, first)
    settings["additional_params"] = _additional(wire, request, constant, settings, choice)
    return Opening(request.model, preamble, messages, request.tools, choice, settings)


def body_of(recording: Recording) -> JsonObject:
    """The body of its request."""
    body = recording.exchange.request.json
    return body if isinstance(body, dict) else {}


def changing_in(bodies: Sequence[JsonObject]) -> set[str]:
    """The settings that are not the same in all of these."""
    every = [settings_in(body) for body in bodies]
    names = {name for settings in every for name in settings}
    return {n for n in names if any(settings.get(n) != every[0].get(n) for settings in every)}


def encoded_by(wire: Wire, opening: Opening, preamble: str | None, *, first: bool) -> JsonObject:
    """What the agent asks by itself, with this preamble; `first` in its first turn."""
    request = CompletionRequest(opening.model, (user("?"),), preamble=preamble, tools=opening.tools)
    choice = opening.tool_choice if first else None
    return _encoded(wire, request, {**opening.settings, "tool_choice": choice})


def message_of(reader: Reader, item: JsonObject) -> BaseMessage:
    """The item in our values; of a chat, also a result that is more than text."""
    message = reader.message(item)
    if message is not None:
        return message
    parts = objects(item.get("content"))
    content = tuple(
        Text(text_of([part])) if part.get("type") == "text" else ProviderBlock("part", part)
        for part in parts
    )
    return UserMessage((ToolResult(str(item.get("tool_call_id")), content),))


def settings_in(body: JsonObject) -> JsonObject:
    """What a request says beside its history; null is the same as nothing."""
    whole = bare({name: value for name, value in body.items() if name not in NOT_SETTINGS})
    assert isinstance(whole, dict)
    return {name: value for name, value in whole.items() if value != {}}


def preamble_in(reader: Reader, wire: Wire, body: JsonObject) -> str | None:
    """The system prompt, wherever the family has it."""
    for name in PREAMBLES:
        value = body.get(name)
        text = text_of(value.get("parts") if isinstance(value, dict) else value)
        if text.strip():
            return text
    items = reader.history(body)
    if items and _belongs_to_history(reader, wire):
        message = reader.message(items[0])
        if isinstance(message, SystemMessage) and message.content.strip():
            return message.content
    return None


def _tools(body: JsonObject) -> Json:
    return body.get("tools") or body.get("toolConfig")


def _belongs_to_history(reader: Reader, wire: Wire) -> bool:
    """Whether the preamble is an item of the history in this family."""
    request = CompletionRequest("m", (user("?"),), preamble="Be brief.")
    return len(reader.history(_encoded(wire, request))) > 1


def tools_in(value: Json) -> Iterator[ToolDefinition]:
    """Every tool with a schema, wherever it is."""
    if isinstance(value, list):
        for entry in value:
            yield from tools_in(entry)
    elif isinstance(value, dict):
        schema = next((value[name] for name in SCHEMAS if isinstance(value.get(name), dict)), None)
        name = value.get("name")
        if isinstance(name, str) and (schema is not None or "description" in value):
            shape = schema.get("json", schema) if isinstance(schema, dict) else {}
            described = str(value.get("description") or "")
            yield ToolDefinition(name, described, shape if isinstance(shape, dict) else {})
            return
        for entry in value.values():
            yield from tools_in(entry)


def _settings(wire: Wire, request: CompletionRequest, body: JsonObject) -> ModelSettings:
    """Those that the wire can carry; the others stay in the provider's words."""
    nested = [value for value in body.values() if isinstance(value, dict)]
    found: ModelSettings = {}
    for name, spellings in SETTINGS.items():
        values = (fields.get(word) for fields in (body, *nested) for word in spellings)
        value = next((value for value in values if isinstance(value, (int, float))), None)
        if value is not None and _carries(wire, request, {name: value}):
            found[name] = value  # type: ignore[literal-required] # the keys of SETTINGS are its own
    return found


def _carries(wire: Wire, request: CompletionRequest, fields: Mapping[str, object]) -> bool:
    try:
        _encoded(wire, request, fields)
    except ConfigError:
        return False
    return True


def _choice(wire: Wire, request: CompletionRequest, body: JsonObject) -> ToolChoice | None:
    """The one whose fields are those of `body`; None when it has none, or one we cannot say."""
    plain = _encoded(wire, request)
    choices = [ToolChoice("auto"), ToolChoice("none"), ToolChoice("required")]
    choices += [ToolChoice("specific", (tool.name,)) for tool in request.tools]
    for choice in choices if request.tools else ():
        if _carries(wire, request, {"tool_choice": choice}):
            told = beyond(_encoded(wire, request, {"tool_choice": choice}), plain)
            if told and _has(body, told):
                return choice
    return None


def _additional(
    wire: Wire,
    request: CompletionRequest,
    body: JsonObject,
    settings: ModelSettings,
    choice: ToolChoice | None,
) -> JsonObject:
    """What `body` says, and the encoded request does not."""
    ours = _encoded(wire, request, {**settings, "tool_choice": choice})
    further = beyond(settings_in(body), settings_in(ours))
    if "tools" in further:
        given: JsonObject = {"tools": further["tools"]}
        if _encoded(wire, request, {"additional_params": given}).get("tools") != given["tools"]:
            # this wire sends its own tools in any case, and those after them
            further["tools"] = [tool for tool in objects(given["tools"]) if not [*tools_in(tool)]]
    return further


def beyond(whole: JsonObject, known: JsonObject) -> JsonObject:
    """The fields of `whole` that `known` has not, or has otherwise; of objects, inside them."""
    found: JsonObject = {}
    for name, value in whole.items():
        other = known.get(name)
        if isinstance(value, dict) and isinstance(other, dict):
            value, other = beyond(value, other), {}
        if value != other:
            found[name] = value
    return found


def _has(body: JsonObject, told: JsonObject) -> bool:
    pairs: Sequence[tuple[Json, Json]] = [(body.get(name), value) for name, value in told.items()]
    return all(
        _has(mine, value) if isinstance(mine, dict) and isinstance(value, dict) else mine == value
        for mine, value in pairs
    )


def _encoded(
    wire: Wire, request: CompletionRequest, fields: Mapping[str, object] = {}
) -> JsonObject:
    asked = CompletionRequest(
        request.model,
        request.messages,
        preamble=request.preamble,
        tools=request.tools,
        **fields,  # type: ignore[arg-type] # names and values are of ModelSettings
    )
    return parse_object(to_json(wire.encode(asked, stream=False))) or {}
