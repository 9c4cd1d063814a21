"""A `CompletionRequest` as the body of a Bedrock Converse call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import (
    CompletionRequest,
    OutputSchema,
    ReasoningOptions,
    ToolChoice,
    ToolDefinition,
)
from rig_sync.errors import ConfigError
from rig_sync.wire.anthropic_messages_schema import restricted
from rig_sync.wire.bedrock_converse_content import CITED, ContentWriter
from rig_sync.wire.blocks import without_foreign
from rig_sync.wire.writing import system_texts

__all__ = ["CITED", "NAME", "CacheTtl", "encode_request"]

NAME = "bedrock_converse"

CacheTtl: TypeAlias = Literal["5m", "1h"]
"""How long Bedrock keeps a prompt; few models take the longer."""


def encode_request(request: CompletionRequest, *, cache: CacheTtl | None) -> JsonObject:
    """The body; the model is not in it.

    All system messages go, in order, into `system`, behind the preamble.
    """
    if request.seed is not None:
        raise ConfigError("Converse has no seed: leave it out")
    if request.parallel_tool_calls is False:
        raise ConfigError("Converse cannot forbid parallel tool calls: leave the option out")
    request = without_foreign(request, NAME)
    turns = ContentWriter(request).turns()
    system: list[JsonObject] = [{"text": text} for text in system_texts(request)]
    if cache is not None:
        _mark(system, turns, cache)
    body: JsonObject = {
        "messages": [{"role": role, "content": [*blocks]} for role, blocks in turns]
    }
    if system:
        body["system"] = [*system]
    tools = _tools(request, turns)
    if tools:
        body["toolConfig"] = tools
    limits: dict[str, Json] = {
        "maxTokens": request.max_tokens,
        "temperature": request.temperature,
        "topP": request.top_p,
        "stopSequences": list(request.stop) or None,
    }
    limits = {name: value for name, value in limits.items() if value is not None}
    if limits:
        body["inferenceConfig"] = limits
    thinking = _thinking(request.model, request.reasoning)
    if thinking:
        body["additionalModelRequestFields"] = thinking
    if request.output_schema is not None:
        body["outputConfig"] = {"textFormat": _format(request.output_schema)}
    return body


def _mark(
    system: list[JsonObject], turns: Sequence[tuple[str, list[JsonObject]]], ttl: CacheTtl
) -> None:
    """Put cache points where the parts of the prompt end; none may follow thoughts."""
    point: JsonObject = {"type": "default"}
    mark: JsonObject = {"cachePoint": point if ttl == "5m" else {**point, "ttl": ttl}}
    if system:
        system.append(mark)
    thought = any("reasoningContent" in block for _, blocks in turns for block in blocks)
    if turns and not thought and "cachePoint" not in turns[-1][1][-1]:
        turns[-1][1].append(mark)


# tools -------------------------------------------------------------------------------------------


def _tools(
    request: CompletionRequest, turns: Sequence[tuple[str, list[JsonObject]]]
) -> JsonObject | None:
    """The tools; without the right to call one there are none.

    Converse has no word for that, and it wants the tools where the history has calls of them.
    """
    choice = request.tool_choice
    if choice is not None and choice.mode == "none":
        if any("toolUse" in block for _, blocks in turns for block in blocks):
            raise ConfigError(
                "Converse cannot forbid tools when the history has calls of them: "
                "leave tool_choice out"
            )
        return None
    if not request.tools:
        return None
    config: JsonObject = {"tools": [_tool(definition) for definition in request.tools]}
    if choice is not None:
        config["toolChoice"] = _choice(choice)
    return config


def _tool(definition: ToolDefinition) -> JsonObject:
    tool: JsonObject = {"name": definition.name}
    if definition.description:
        tool["description"] = definition.description
    tool["inputSchema"] = {"json": definition.parameters}
    return {"toolSpec": tool}


def _choice(wanted: ToolChoice) -> JsonObject:
    if wanted.mode != "specific":
        return {"any" if wanted.mode == "required" else wanted.mode: {}}
    if len(wanted.names) != 1:
        raise ConfigError("Converse can force one tool alone: give ToolChoice one name")
    return {"tool": {"name": wanted.names[0]}}


# thoughts, and the shape of the answer -----------------------------------------------------------


def _anthropic(options: ReasoningOptions) -> JsonObject | None:
    """A budget is for models that take one; an effort has the model decide how long to think."""
    if options.budget is not None:
        return {"thinking": {"type": "enabled", "budget_tokens": options.budget}}
    if options.effort == "none":
        return {"thinking": {"type": "disabled"}}
    return {"thinking": {"type": "adaptive"}, "output_config": {"effort": options.effort}}


def _nova(options: ReasoningOptions) -> JsonObject | None:
    if options.effort is None:
        return None
    if options.effort == "none":
        return {"reasoningConfig": {"type": "disabled"}}
    return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": options.effort}}


def _openai(options: ReasoningOptions) -> JsonObject | None:
    return None if options.effort is None else {"reasoning_effort": options.effort}


def _qwen(options: ReasoningOptions) -> JsonObject | None:
    return None if options.effort is None else {"reasoning_config": options.effort}


# Converse leaves it to the makers how much their models think; the maker is in the model's id.
_THINKING: dict[str, Callable[[ReasoningOptions], JsonObject | None]] = {
    "anthropic.": _anthropic,
    "amazon.nova-": _nova,
    "openai.": _openai,
    "qwen.": _qwen,
}


def _thinking(model: str, options: ReasoningOptions | None) -> JsonObject:
    if options is None or (options.effort is None and options.budget is None):
        return {}
    for maker, write in _THINKING.items():
        if maker in model:
            fields = write(options)
            if fields is not None:
                return fields
    raise ConfigError(
        f"it is not known how {model} is told to think by this: give an effort (a budget is for "
        "Claude), or additional_params={'additionalModelRequestFields': {...}} in its own words"
    )


def _format(wanted: OutputSchema) -> JsonObject:
    schema = restricted(wanted.schema) if wanted.strict else wanted.schema
    inner: JsonObject = {"name": wanted.name, "schema": compact(schema)}
    return {"type": "json_schema", "structure": {"jsonSchema": inner}}
