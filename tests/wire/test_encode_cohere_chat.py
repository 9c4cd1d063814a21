"""Requests as Cohere takes them."""

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
    ReasoningText,
    Text,
    ToolCall,
    ToolResult,
    Video,
    assistant,
    system,
    user,
)
from rig_sync.streaming.parts import Parts
from rig_sync.wire.cohere_chat import CohereChat

SCHEMA: JsonObject = {"type": "object", "properties": {"x": {"type": "integer"}}}
ADD = ToolDefinition("add", "Adds.", SCHEMA)
TOOL: Json = {
    "type": "function",
    "function": {"name": "add", "description": "Adds.", "parameters": SCHEMA},
}
PNG = Image.from_bytes(b"\x89PNG", "image/png")
PNG_URL = "data:image/png;base64,iVBORw=="
HI: Json = {"role": "user", "content": "Hi"}


def encoded(*messages: Message, stream: bool = False, **fields: Any) -> JsonObject:
    request = CompletionRequest("m-1", messages or (user("Hi"),), **fields)
    return CohereChat().encode(request, stream=stream)


BODIES: dict[str, tuple[dict[str, Any], JsonObject]] = {
    "nothing": ({}, {}),
    "numbers": (
        {"temperature": 0.0, "top_p": 0.5, "max_tokens": 7, "seed": 1, "stop": ("a", "b")},
        {"temperature": 0.0, "p": 0.5, "max_tokens": 7, "seed": 1, "stop_sequences": ["a", "b"]},
    ),
    "tools": ({"tools": (ADD,)}, {"tools": [TOOL]}),
    "auto": ({"tool_choice": ToolChoice("auto")}, {}),
    "none": ({"tool_choice": ToolChoice("none")}, {"tool_choice": "NONE"}),
    "required": (
        {"tools": (ADD,), "tool_choice": ToolChoice("required")},
        {"tools": [TOOL], "tool_choice": "REQUIRED"},
    ),
    "thinking": ({"reasoning": ReasoningOptions()}, {"thinking": {"type": "enabled"}}),
    "a budget": (
        {"reasoning": ReasoningOptions(budget=500)},
        {"thinking": {"type": "enabled", "token_budget": 500}},
    ),
    "no thinking": (
        {"reasoning": ReasoningOptions(effort="none")},
        {"thinking": {"type": "disabled"}},
    ),
    "schema": (
        {"output_schema": OutputSchema("point", SCHEMA)},
        {"response_format": {"type": "json_object", "json_schema": SCHEMA}},
    ),
    "documents": (
        {"documents": (Document(text="Bolt.", name="b.txt"), Document(text="Nut."))},
        {
            "documents": [
                {"id": "doc-0", "data": {"text": "Bolt.", "title": "b.txt"}},
                {"id": "doc-1", "data": {"text": "Nut."}},
            ]
        },
    ),
    "additional params win": (
        {"temperature": 0.5, "additional_params": {"temperature": 1, "k": 20}},
        {"temperature": 1, "k": 20},
    ),
}


@pytest.mark.parametrize(("fields", "more"), BODIES.values(), ids=BODIES.keys())
def test_bodies(fields: dict[str, Any], more: JsonObject) -> None:
    """What was not set is not sent; what was set has Cohere's name."""
    assert encoded(**fields) == {"model": "m-1", "messages": [HI], "stream": False, **more}
    assert encoded(stream=True, **fields)["stream"] is True


def test_the_path() -> None:
    """The same for every model."""
    assert CohereChat().path(CompletionRequest("m", (user("Hi"),)), stream=True) == "/v2/chat"


def test_adapt() -> None:
    """A server's own way, ahead of the additional params."""
    wire = CohereChat(adapt=lambda request, body: {**body, "a": request.model, "b": 1})
    request = CompletionRequest("m-1", (user("Hi"),), additional_params={"b": 2})
    body = wire.encode(request, stream=False)
    assert (body["a"], body["b"]) == ("m-1", 2)


CALL = ToolCall("call-1", "add", {"x": 1})
ENCODED_CALL: Json = {
    "id": "call-1",
    "type": "function",
    "function": {"name": "add", "arguments": '{"x":1}'},
}
CITED: JsonObject = {"start": 0, "end": 2, "text": "Hi"}
PLAN = ProviderBlock("tool_plan", {"tool_plan": "I will.", "citations": [{"start": 1}]})
THOUGHT = (ReasoningText("Hm."),)
MESSAGES: dict[str, tuple[list[Message], list[Json]]] = {
    "system": ([system("Be brief.")], [{"role": "system", "content": "Be brief."}]),
    "several words": (
        [user("a", "b")],
        [
            {
                "role": "user",
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            }
        ],
    ),
    "images": (
        [user(PNG, Image(url="https://example.com/a.png", detail="low"))],
        [
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": PNG_URL}},
                    {
                        "type": "image_url",
                        "image_url": {"url": "https://example.com/a.png", "detail": "low"},
                    },
                ],
            }
        ],
    ),
    "document": (
        [user(Document(text="Bolt."))],
        [{"role": "user", "content": [{"type": "text", "text": "<file>\nBolt.\n</file>"}]}],
    ),
    "assistant": (
        [assistant("Hi")],
        [{"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}],
    ),
    "empty assistant": ([assistant("")], [{"role": "assistant", "content": ""}]),
    "thinking": (
        [assistant(Reasoning(THOUGHT), "Hi")],
        [
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm."},
                    {"type": "text", "text": "Hi"},
                ],
            }
        ],
    ),
    "somebody else's": (
        [
            assistant(
                Reasoning(THOUGHT, origin="ollama_chat"),
                "Hi",
                ProviderBlock("search", {"q": 1}, "openai_responses"),
                ProviderBlock("tool_plan", {"tool_plan": "no"}, "another"),
            )
        ],
        [{"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}],
    ),
    "citations": (
        [assistant(Text("Hi", {"cohere_citations": [CITED]}))],
        [
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "Hi"}],
                "citations": [CITED],
            }
        ],
    ),
    "an unknown part": (
        [assistant(ProviderBlock("drawing", {"type": "drawing"}, "cohere_chat"))],
        [{"role": "assistant", "content": [{"type": "drawing"}]}],
    ),
    "plan, call and result": (
        [assistant(PLAN, CALL), user(ToolResult("call-1", (Text("3"),)))],
        [
            {
                "role": "assistant",
                "tool_plan": "I will.",
                "tool_calls": [ENCODED_CALL],
                "citations": [{"start": 1}],
            },
            {"role": "tool", "tool_call_id": "call-1", "content": "3"},
        ],
    ),
    "result with more": (
        [user(ToolResult("a", (Text("3"), PNG)), "Go on")],
        [
            {"role": "tool", "tool_call_id": "a", "content": "3"},
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": PNG_URL}},
                    {"type": "text", "text": "Go on"},
                ],
            },
        ],
    ),
}


@pytest.mark.parametrize(("messages", "expected"), MESSAGES.values(), ids=MESSAGES.keys())
def test_messages(messages: list[Message], expected: list[Json]) -> None:
    """Every kind of message and part."""
    assert encoded(*messages)["messages"] == expected


def test_the_preamble() -> None:
    """It is the first message."""
    first: Json = {"role": "system", "content": "Be brief."}
    assert encoded(preamble="Be brief.")["messages"] == [first, HI]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tool_choice": ToolChoice("specific", ("add",)), "tools": (ADD,)}, "that tool alone"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"reasoning": ReasoningOptions(effort="low")}, "give a budget"),
        ({"documents": (Document(data="AAAA"),)}, "Document"),
        ({"messages": (user(Audio(data="AAAA")),)}, "cannot carry Audio"),
        ({"messages": (user(Video(url="https://example.com/a.mp4")),)}, "cannot carry Video"),
        ({"messages": (user(Image(file_id="f")),)}, "as bytes or URLs"),
        ({"messages": (user(Document(data="AAAA")),)}, "documents as text"),
        ({"messages": (assistant(PNG),)}, "leave it out"),
    ],
)
def test_what_it_cannot_carry(fields: dict[str, Any], words: str) -> None:
    """A mistake of the caller's is told before anything is sent, with what to write instead."""
    messages = fields.pop("messages", (user("Hi"),))
    with pytest.raises(ConfigError, match=words):
        encoded(*messages, **fields)


def test_an_answer_goes_back_as_it_came() -> None:
    """Thoughts, words, citations, plan and calls of an answer are in the next request."""
    message: JsonObject = {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hi"}],
        "citations": [CITED],
        "tool_plan": "I will.",
        "tool_calls": [ENCODED_CALL],
    }
    answer = compact({"id": "a", "message": message, "finish_reason": "TOOL_CALL"}).encode()
    parts = Parts("cohere_chat")
    for _ in parts.feed_all(CohereChat().decode_body(answer)):
        pass
    assert encoded(parts.response().message)["messages"] == [message]
