"""Requests as Gemini's Interactions API takes them."""

from __future__ import annotations

from typing import Any

import pytest

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import (
    CompletionRequest,
    OutputSchema,
    ReasoningOptions,
    ToolChoice,
    ToolDefinition,
)
from rig_sync.errors import ConfigError
from rig_sync.message import (
    Audio,
    Document,
    Image,
    Message,
    ProviderBlock,
    Reasoning,
    ReasoningSummary,
    ReasoningText,
    Text,
    ToolCall,
    ToolResult,
    Video,
    assistant,
    system,
    user,
)
from rig_sync.providers import gemini
from rig_sync.streaming.parts import Parts
from rig_sync.wire.gemini_interactions import GeminiInteractions

SCHEMA: JsonObject = {"type": "object", "properties": {"x": {"type": "integer"}}}
ADD = ToolDefinition("add", "Adds.", SCHEMA)
TOOL: Json = {"type": "function", "name": "add", "description": "Adds.", "parameters": SCHEMA}
PNG = Image.from_bytes(b"\x89PNG", "image/png")
ENCODED_PNG: Json = {"type": "image", "data": "iVBORw==", "mime_type": "image/png"}


def text(words: str, **more: Json) -> JsonObject:
    """An item of text."""
    return {"type": "text", "text": words, **more}


def said(*content: Json) -> JsonObject:
    """What a user says."""
    return {"type": "user_input", "content": list(content)}


def output(*content: Json) -> JsonObject:
    """What the model said."""
    return {"type": "model_output", "content": list(content)}


def encoded(*messages: Message, stream: bool = False, **fields: Any) -> JsonObject:
    request = CompletionRequest("m-1", messages or (user("Hi"),), **fields)
    return GeminiInteractions().encode(request, stream=stream)


BODIES: dict[str, tuple[dict[str, Any], JsonObject]] = {
    "nothing": ({}, {}),
    "numbers": (
        {"temperature": 0.0, "top_p": 0.5, "max_tokens": 7, "seed": 1, "stop": ("a",)},
        {
            "generation_config": {
                "temperature": 0.0,
                "top_p": 0.5,
                "max_output_tokens": 7,
                "stop_sequences": ["a"],
                "seed": 1,
            }
        },
    ),
    "preamble": ({"preamble": "Be brief."}, {"system_instruction": "Be brief."}),
    "tools": ({"tools": (ADD,)}, {"tools": [TOOL]}),
    **{
        f"tool choice {choice.mode}": (
            {"tool_choice": choice},
            {"generation_config": {"tool_choice": word}},
        )
        for choice, word in (
            (ToolChoice("auto"), "auto"),
            (ToolChoice("none"), "none"),
            (ToolChoice("required"), "any"),
        )
    },
    "some tools": (
        {"tools": (ADD,), "tool_choice": ToolChoice("specific", ("add",))},
        {
            "tools": [TOOL],
            "generation_config": {
                "tool_choice": {"allowed_tools": {"mode": "any", "tools": ["add"]}}
            },
        },
    ),
    "reasoning": (
        {"reasoning": ReasoningOptions(effort="low", summary="auto")},
        {"generation_config": {"thinking_level": "low", "thinking_summaries": "auto"}},
    ),
    "schema": (
        {"output_schema": OutputSchema("point", SCHEMA)},
        {"response_format": {"type": "text", "mime_type": "application/json", "schema": SCHEMA}},
    ),
    "additional params win": (
        {
            "temperature": 0.5,
            "additional_params": {
                "previous_interaction_id": "v1_1",
                "generation_config": {"top_k": 3},
            },
        },
        {
            "previous_interaction_id": "v1_1",
            "generation_config": {"temperature": 0.5, "top_k": 3},
        },
    ),
}


@pytest.mark.parametrize(("fields", "more"), BODIES.values(), ids=BODIES.keys())
def test_bodies(fields: dict[str, Any], more: JsonObject) -> None:
    """What was not set is not sent; what was set has Gemini's name."""
    small: JsonObject = {"model": "m-1", "input": [said(text("Hi"))], "stream": False}
    assert encoded(**fields) == {**small, **more}
    assert encoded(stream=True, **fields)["stream"] is True


def test_the_path() -> None:
    """A stream is asked for as server-sent events."""
    request = CompletionRequest("m", (user("Hi"),))
    wire = GeminiInteractions()
    assert wire.path(request, stream=False) == "/v1beta/interactions"
    assert wire.path(request, stream=True) == "/v1beta/interactions?alt=sse"


def test_adapt() -> None:
    """A server's own way, ahead of the additional params."""
    wire = GeminiInteractions(adapt=lambda request, body: {**body, "a": request.model, "b": 1})
    request = CompletionRequest("m-1", (user("Hi"),), additional_params={"b": 2})
    body = wire.encode(request, stream=False)
    assert (body["a"], body["b"]) == ("m-1", 2)


def test_the_way_there() -> None:
    """Gemini's client has it as a further API."""
    wire = gemini.Client("key").interactions_api().wire
    assert wire.name == "gemini_interactions"


CALL = ToolCall("fc-1", "add", {"x": 1}, signature="c2ln")
ENCODED_CALL: Json = {
    "type": "function_call",
    "id": "fc-1",
    "name": "add",
    "arguments": {"x": 1},
    "signature": "c2ln",
}
THOUGHT = Reasoning((ReasoningSummary("Hm."), ReasoningText("", "c2ln")))
SEARCH: JsonObject = {"type": "google_search_call", "id": "s-1"}
NOTE: JsonObject = {"type": "url_citation"}
MESSAGES: dict[str, tuple[list[Message], list[Json]]] = {
    "several words": ([user("a", "b")], [said(text("a"), text("b"))]),
    "images": (
        [user(PNG, Image(url="https://example.com/a.png", detail="low"))],
        [
            said(
                ENCODED_PNG,
                {"type": "image", "uri": "https://example.com/a.png", "resolution": "low"},
            )
        ],
    ),
    "media": (
        [
            user(
                Audio(data="AAAA", media_type="audio/wav"),
                Video(url="https://example.com/a.mp4"),
                Document(data="AAAA", media_type="application/pdf"),
                Document(text="Bolt."),
            )
        ],
        [
            said(
                {"type": "audio", "data": "AAAA", "mime_type": "audio/wav"},
                {"type": "video", "uri": "https://example.com/a.mp4"},
                {"type": "document", "data": "AAAA", "mime_type": "application/pdf"},
                text("<file>\nBolt.\n</file>"),
            )
        ],
    ),
    "assistant": ([assistant("a", "b", PNG)], [output(text("a"), text("b"), ENCODED_PNG)]),
    "thinking": (
        [assistant(THOUGHT, "Hi")],
        [
            {"type": "thought", "signature": "c2ln", "summary": [text("Hm.")]},
            output(text("Hi")),
        ],
    ),
    "unsigned thinking": (
        [assistant(Reasoning((ReasoningText("Hm."),)), "Hi")],
        [output(text("Hi"))],
    ),
    "somebody else's": (
        [
            assistant(
                Reasoning(THOUGHT.content, origin="anthropic_messages"),
                "Hi",
                ProviderBlock("search", {"q": 1}, "openai_responses"),
            )
        ],
        [output(text("Hi"))],
    ),
    "annotations": (
        [assistant(Text("Hi", {"interaction_annotations": [NOTE]}))],
        [output(text("Hi", annotations=[NOTE]))],
    ),
    "blocks": (
        [
            assistant(
                ProviderBlock("google_search_call", SEARCH, "gemini_interactions"),
                "Hi",
                ProviderBlock("model_output/audio", {"type": "audio"}),
            )
        ],
        [SEARCH, output(text("Hi"), {"type": "audio"})],
    ),
    "call and result": (
        [assistant(CALL), user(ToolResult("fc-1", (Text("3"),)), "Go on")],
        [
            ENCODED_CALL,
            said(
                {"type": "function_result", "call_id": "fc-1", "name": "add", "result": "3"},
                text("Go on"),
            ),
        ],
    ),
    "a rich result": (
        [user(ToolResult("a", (Text("3"), PNG), is_error=True))],
        [
            said(
                {
                    "type": "function_result",
                    "call_id": "a",
                    "result": [text("3"), ENCODED_PNG],
                    "is_error": True,
                }
            )
        ],
    ),
}


@pytest.mark.parametrize(("messages", "expected"), MESSAGES.values(), ids=MESSAGES.keys())
def test_messages(messages: list[Message], expected: list[Json]) -> None:
    """Every kind of message and part."""
    assert encoded(*messages)["input"] == expected


def test_instructions_and_documents() -> None:
    """Every system message is an instruction; documents come ahead of the history."""
    body = encoded(
        system("Be kind."), user("Hi"), preamble="Be brief.", documents=(Document(text="Bolt."),)
    )
    assert body["system_instruction"] == "Be brief.\n\nBe kind."
    assert body["input"] == [said(text("<file>\nBolt.\n</file>")), said(text("Hi"))]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"reasoning": ReasoningOptions(budget=100)}, "no token budget"),
        ({"messages": (user(Image(file_id="files/1")),)}, "URI as url"),
    ],
)
def test_what_it_cannot_carry(fields: dict[str, Any], words: str) -> None:
    """A mistake of the caller's is told before anything is sent, with what to write instead."""
    messages = fields.pop("messages", (user("Hi"),))
    with pytest.raises(ConfigError, match=words):
        encoded(*messages, **fields)


def test_an_answer_goes_back_as_it_came() -> None:
    """Every step of an answer is in the next request, unchanged and in order."""
    steps: list[Json] = [
        SEARCH,
        {"type": "thought", "signature": "c2ln", "summary": [text("Hm.")]},
        output(text("Hi", annotations=[NOTE]), {"type": "audio", "data": "AAAA"}),
        ENCODED_CALL,
    ]
    answer = compact({"id": "v1_1", "status": "requires_action", "steps": steps}).encode()
    parts = Parts("gemini_interactions")
    for _ in parts.feed_all(GeminiInteractions().decode_body(answer)):
        pass
    assert encoded(parts.response().message)["input"] == steps
