"""A `CompletionRequest` as the body of an Anthropic Messages call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from rig_sync._json import Json, JsonObject
from rig_sync.completion import (
    CompletionRequest,
    OutputSchema,
    ReasoningOptions,
    ToolChoice,
    ToolDefinition,
)
from rig_sync.errors import ConfigError
from rig_sync.wire.anthropic_messages_content import ContentWriter
from rig_sync.wire.anthropic_messages_schema import restricted
from rig_sync.wire.blocks import without_foreign
from rig_sync.wire.writing import system_texts

__all__ = ["NAME", "CacheTtl", "default_max_tokens", "encode_request"]

NAME = "anthropic_messages"

CacheTtl: TypeAlias = Literal["5m", "1h"]
"""How long the provider keeps a prompt; the longer costs more to write."""

MARKERS = 4
LEAST_BUDGET = 1_024

# The longest prefix counts. Source: https://docs.anthropic.com/en/docs/about-claude/models
MAX_TOKENS = {
    "claude-": 32_000,  # newer than this table: none since Claude 4 can do less
    "claude-3-": 4_096,
    "claude-3-5-": 8_192,
    "claude-3-7-": 64_000,
    "claude-haiku-4": 64_000,
    "claude-opus-4": 32_000,
    "claude-opus-4-5": 64_000,
    "claude-opus-4-6": 128_000,
    "claude-opus-4-7": 128_000,
    "claude-opus-4-8": 128_000,
    "claude-sonnet-4": 64_000,
    "claude-sonnet-4-6": 128_000,
}


def default_max_tokens(model: str) -> int | None:
    """The most tokens that `model` can answer with, which is what is asked for by default.

    The API wants a number with every request. None for a model that is not in the table.

    >>> default_max_tokens("claude-haiku-4-5-20251001"), default_max_tokens("glm-4.6")
    (64000, None)
    """
    known = [prefix for prefix in MAX_TOKENS if model.startswith(prefix)]
    return MAX_TOKENS[max(known, key=len)] if known else None


def encode_request(
    request: CompletionRequest,
    *,
    cache: CacheTtl | None,
    citations: bool,
    server_tools: Sequence[JsonObject],
    fallback_max_tokens: int,
    unsigned_thinking: bool,
) -> JsonObject:
    """The body, without what belongs to streaming alone.

    Few models take a system message in the middle of a conversation: all of them go, in order,
    into `system`, behind the preamble.
    """
    if request.seed is not None:
        raise ConfigError("the Messages API has no seed: leave it out")
    request = without_foreign(request, NAME)
    writer = ContentWriter(request, citations=citations, unsigned_thinking=unsigned_thinking)
    system: list[JsonObject] = [{"type": "text", "text": text} for text in system_texts(request)]
    turns = writer.turns()
    tools = [*map(_tool, request.tools), *map(dict, server_tools)]
    if cache is not None:
        _mark(tools, system, [block for _, blocks in turns for block in blocks], cache)
    body: JsonObject = {
        "model": request.model,
        "max_tokens": _max_tokens(request, fallback_max_tokens),
        "messages": [{"role": role, "content": [*blocks]} for role, blocks in turns],
    }
    if system:
        plain = len(system) == 1 and "cache_control" not in system[0]
        body["system"] = system[0]["text"] if plain else [*system]
    if tools:
        body["tools"] = [*tools]
    choice = _tool_choice(request)
    if choice is not None:
        body["tool_choice"] = choice
    if request.reasoning is not None:
        body.update(_thinking(request.reasoning))
    output = _output_config(request.reasoning, request.output_schema)
    optional: dict[str, Json] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop_sequences": list(request.stop) or None,
        "output_config": output or None,
    }
    body.update((name, value) for name, value in optional.items() if value is not None)
    return body


def _max_tokens(request: CompletionRequest, fallback: int) -> int:
    """As asked; else what the model can do, and more than the budget of its thoughts."""
    budget = None if request.reasoning is None else request.reasoning.budget
    if budget is not None and budget < LEAST_BUDGET:
        raise ConfigError(
            f"a reasoning budget of {budget} tokens is too small: "
            f"give {LEAST_BUDGET} or more, or leave it out"
        )
    wanted = request.max_tokens or default_max_tokens(request.model)
    if wanted is None:
        return fallback + (budget or 0)
    if budget is not None and budget >= wanted:
        raise ConfigError(
            f"the reasoning budget ({budget}) is part of max_tokens ({wanted}): "
            "give a smaller budget, or more max_tokens if the model can"
        )
    return wanted


def _thinking(options: ReasoningOptions) -> JsonObject:
    """A budget is for models that take one; an effort has the model decide how long to think."""
    thinking: JsonObject = {"type": "adaptive"}
    if options.budget is not None:
        thinking = {"type": "enabled", "budget_tokens": options.budget}
    elif options.effort == "none":
        return {"thinking": {"type": "disabled"}}
    elif options.effort is None and options.summary is None:
        return {}
    if options.summary is not None:
        shown = options.summary not in ("none", "omitted")
        thinking["display"] = "summarized" if shown else "omitted"
    return {"thinking": thinking}


def _output_config(options: ReasoningOptions | None, wanted: OutputSchema | None) -> JsonObject:
    config: JsonObject = {}
    if options is not None and options.effort not in (None, "none"):
        config["effort"] = options.effort
    if wanted is not None:
        schema = restricted(wanted.schema) if wanted.strict else wanted.schema
        config["format"] = {"type": "json_schema", "schema": schema}
    return config


def _tool(definition: ToolDefinition) -> JsonObject:
    return {
        "name": definition.name,
        "description": definition.description,
        "input_schema": definition.parameters,
    }


def _tool_choice(request: CompletionRequest) -> JsonObject | None:
    wanted = request.tool_choice
    alone = request.parallel_tool_calls is False and bool(request.tools)
    if wanted is None and not alone:
        return None
    choice = _choice(ToolChoice("auto") if wanted is None else wanted)
    if alone and choice["type"] != "none":
        choice["disable_parallel_tool_use"] = True
    return choice


def _choice(wanted: ToolChoice) -> JsonObject:
    if wanted.mode != "specific":
        return {"type": "any" if wanted.mode == "required" else wanted.mode}
    if len(wanted.names) != 1:
        raise ConfigError("the Messages API can force one tool alone: give ToolChoice one name")
    return {"type": "tool", "name": wanted.names[0]}


# prompt caching -----------------------------------------------------------------------------------


def _mark(
    tools: Sequence[JsonObject],
    system: Sequence[JsonObject],
    said: Sequence[JsonObject],
    ttl: CacheTtl,
) -> None:
    """Put markers where the parts of the prompt end, unless the caller has used them all."""
    ends = (
        [tool for tool in tools if not tool.get("defer_loading")],
        system,
        [block for block in said if "thinking" not in str(block.get("type"))],
    )
    left = MARKERS - sum("cache_control" in block for block in (*tools, *system, *said))
    for blocks in ends:
        if blocks and left > 0 and "cache_control" not in blocks[-1]:
            marker: JsonObject = {"type": "ephemeral"}
            blocks[-1]["cache_control"] = marker if ttl == "5m" else {**marker, "ttl": ttl}
            left -= 1
