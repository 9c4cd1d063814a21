"""A `CompletionRequest` as the body of a Gemini generateContent call."""

from __future__ import annotations

from itertools import groupby

from rig_sync._json import Json, JsonObject
from rig_sync.completion import CompletionRequest, ReasoningOptions, ToolChoice, ToolDefinition
from rig_sync.errors import ConfigError
from rig_sync.message import SystemMessage, UserMessage
from rig_sync.wire.blocks import without_foreign
from rig_sync.wire.gemini_generate_history import History

__all__ = ["NAME", "encode_request"]

NAME = "gemini_generate"

BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
"""What Google makes of an effort for Gemini 2.5, which takes tokens alone."""


def encode_request(request: CompletionRequest) -> JsonObject:
    """The body; streamed or not, it is the same."""
    if request.parallel_tool_calls is False:
        raise ConfigError(
            "Gemini cannot be held to one tool call at a time: leave parallel_tool_calls out"
        )
    request = without_foreign(request, NAME)
    body: JsonObject = {"contents": _contents(request)}
    instructions = [request.preamble or ""]
    instructions += [m.content for m in request.messages if isinstance(m, SystemMessage)]
    parts: list[Json] = [{"text": text} for text in instructions if text]
    if parts:
        body["systemInstruction"] = {"parts": parts}
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_tool(tool) for tool in request.tools]}]
    if request.tool_choice is not None:
        body["toolConfig"] = {"functionCallingConfig": _tool_choice(request.tool_choice)}
    config = _generation_config(request)
    if config:
        body["generationConfig"] = config
    return body


def _contents(request: CompletionRequest) -> list[Json]:
    """The turns, context first; what the system says has a place of its own."""
    history = History(_model_name(request))
    said = [m for m in request.messages if not isinstance(m, SystemMessage)]
    if request.documents:
        said.insert(0, UserMessage(request.documents))
    for from_user, messages in groupby(said, lambda message: isinstance(message, UserMessage)):
        parts = [part for message in messages for part in message.content]
        history.add("user" if from_user else "model", parts)
    return history.contents


def _model_name(request: CompletionRequest) -> str:
    return request.model.rpartition("/")[2]


def _tool(definition: ToolDefinition) -> JsonObject:
    return {
        "name": definition.name,
        "description": definition.description,
        "parametersJsonSchema": definition.parameters,  # `parameters` takes a dialect
    }


def _tool_choice(choice: ToolChoice) -> JsonObject:
    if choice.mode in ("auto", "none"):
        return {"mode": choice.mode.upper()}
    allowed: JsonObject = {"allowedFunctionNames": list(choice.names)} if choice.names else {}
    return {"mode": "ANY", **allowed}


def _generation_config(request: CompletionRequest) -> JsonObject:
    optional: dict[str, Json] = {
        "temperature": request.temperature,
        "topP": request.top_p,
        "maxOutputTokens": request.max_tokens,
        "seed": request.seed,
        "stopSequences": list(request.stop) or None,
    }
    config: JsonObject = {name: value for name, value in optional.items() if value is not None}
    if request.output_schema is not None:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = request.output_schema.schema
    if request.reasoning is not None:
        config["thinkingConfig"] = _thinking(request.reasoning, _model_name(request))
    return config


def _thinking(options: ReasoningOptions, model: str) -> JsonObject:
    """Levels for Gemini 3, tokens for 2.5; where the model thinks, it is asked to tell of it."""
    effort, budget = options.effort, options.budget
    if effort is not None and budget is not None:
        raise ConfigError("Gemini takes a reasoning effort or a token budget: give one of them")
    config: JsonObject = {}
    if effort is not None and (effort == "none" or model.startswith("gemini-2.5")):
        if effort not in BUDGETS:
            raise ConfigError(f"{model} knows no effort {effort!r}: use {', '.join(BUDGETS)}")
        budget = BUDGETS[effort]
    elif effort is not None:
        config["thinkingLevel"] = effort.upper()
    if budget is not None:
        config["thinkingBudget"] = budget
    return config if budget == 0 else {**config, "includeThoughts": True}
