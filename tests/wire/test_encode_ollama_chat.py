"""Requests as Ollama takes them."""

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
    ReasoningEncrypted,
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
from rig_sync.wire.ollama_chat import OllamaChat

SCHEMA: JsonObject = {"type": "object", "properties": {"x": {"type": "integer"}}}
ADD = ToolDefinition("add", "Adds.", SCHEMA)
TOOL: Json = {
    "type": "function",
    "function": {"name": "add", "description": "Adds.", "parameters": SCHEMA},
}
PNG = Image.from_bytes(b"\x89PNG", "image/png")
HI: Json = {"role": "user", "content": "Hi"}


def encoded(*messages: Message, stream: bool = False, **fields: Any) -> JsonObject:
    request = CompletionRequest("m-1", messages or (user("Hi"),), **fields)
    return OllamaChat().encode(request, stream=stream)


BODIES: dict[str, tuple[dict[str, Any], JsonObject]] = {
    "nothing": ({}, {}),
    "numbers": (
        {"temperature": 0.0, "top_p": 0.5, "max_tokens": 7, "seed": 1, "stop": ("a", "b")},
        {
            "options": {
                "temperature": 0.0,
                "top_p": 0.5,
                "num_predict": 7,
                "seed": 1,
                "stop": ["a", "b"],
            }
        },
    ),
    "tools": ({"tools": (ADD,)}, {"tools": [TOOL]}),
    "auto": ({"tools": (ADD,), "tool_choice": ToolChoice("auto")}, {"tools": [TOOL]}),
    "no tools": ({"tools": (ADD,), "tool_choice": ToolChoice("none")}, {}),
    "several calls": ({"parallel_tool_calls": True}, {}),
    "thinking": ({"reasoning": ReasoningOptions()}, {"think": True}),
    "a level": ({"reasoning": ReasoningOptions(effort="low")}, {"think": "low"}),
    "no thinking": ({"reasoning": ReasoningOptions(effort="none")}, {"think": False}),
    "schema": ({"output_schema": OutputSchema("point", SCHEMA)}, {"format": SCHEMA}),
    "additional params win": (
        {
            "temperature": 0.5,
            "additional_params": {"options": {"num_ctx": 8192}, "keep_alive": "5m"},
        },
        {"options": {"temperature": 0.5, "num_ctx": 8192}, "keep_alive": "5m"},
    ),
}


@pytest.mark.parametrize(("fields", "more"), BODIES.values(), ids=BODIES.keys())
def test_bodies(fields: dict[str, Any], more: JsonObject) -> None:
    """What was not set is not sent; whether to stream always is."""
    assert encoded(**fields) == {"model": "m-1", "messages": [HI], "stream": False, **more}
    assert encoded(stream=True, **fields)["stream"] is True


def test_the_path() -> None:
    """The same for every model."""
    assert OllamaChat().path(CompletionRequest("m", (user("Hi"),)), stream=True) == "/api/chat"


def test_adapt() -> None:
    """A server's own way, ahead of the additional params."""
    wire = OllamaChat(adapt=lambda request, body: {**body, "a": request.model, "b": 1})
    request = CompletionRequest("m-1", (user("Hi"),), additional_params={"b": 2})
    body = wire.encode(request, stream=False)
    assert (body["a"], body["b"]) == ("m-1", 2)


CALL = ToolCall("call_1", "add", {"x": 1})
SECRET = Reasoning((ReasoningText("Hm."), ReasoningEncrypted("zzz")), origin="anthropic_messages")
MESSAGES: dict[str, tuple[list[Message], list[Json]]] = {
    "system": ([system("Be brief.")], [{"role": "system", "content": "Be brief."}]),
    "several words": ([user("a", "b")], [{"role": "user", "content": "a\n\nb"}]),
    "image": (
        [user("What is this?", PNG)],
        [{"role": "user", "content": "What is this?", "images": ["iVBORw=="]}],
    ),
    "image alone": ([user(PNG)], [{"role": "user", "content": "", "images": ["iVBORw=="]}]),
    "document": (
        [user(Document(text="Bolt.", name="b.txt"), "Who?")],
        [{"role": "user", "content": '<file name="b.txt">\nBolt.\n</file>\n\nWho?'}],
    ),
    "assistant": ([assistant("a", "b")], [{"role": "assistant", "content": "ab"}]),
    "thinking": (
        [assistant(Reasoning((ReasoningText("Hm."),)), "Hi")],
        [{"role": "assistant", "content": "Hi", "thinking": "Hm."}],
    ),
    "somebody else's thinking": (
        [assistant(SECRET, "Hi")],
        [{"role": "assistant", "content": "Hi", "thinking": "Hm."}],
    ),
    "somebody else's block": (
        [assistant("Hi", ProviderBlock("search", {"q": 1}, "openai_responses"))],
        [{"role": "assistant", "content": "Hi"}],
    ),
    "call and result": (
        [assistant(CALL), user(ToolResult("call_1", (Text("3"),)))],
        [
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {"id": "call_1", "function": {"name": "add", "arguments": {"x": 1}}}
                ],
            },
            {"role": "tool", "content": "3", "tool_call_id": "call_1", "tool_name": "add"},
        ],
    ),
    "result with more": (
        [user(ToolResult("a", (Text("3"), PNG), name="add"), "Go on")],
        [
            {"role": "tool", "content": "3", "tool_call_id": "a", "tool_name": "add"},
            {"role": "user", "content": "Go on", "images": ["iVBORw=="]},
        ],
    ),
    "result of nobody's call": (
        [user(ToolResult("a", (Text("3"),)))],
        [{"role": "tool", "content": "3", "tool_call_id": "a"}],
    ),
}


@pytest.mark.parametrize(("messages", "expected"), MESSAGES.values(), ids=MESSAGES.keys())
def test_messages(messages: list[Message], expected: list[Json]) -> None:
    """Every kind of message and part."""
    assert encoded(*messages)["messages"] == expected


def test_preamble_and_documents() -> None:
    """Both come ahead of the history."""
    body = encoded(preamble="Be brief.", documents=(Document(text="Bolt."),))
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "<file>\nBolt.\n</file>"},
        HI,
    ]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tool_choice": ToolChoice("required"), "tools": (ADD,)}, "leave tool_choice out"),
        ({"tool_choice": ToolChoice("specific", ("add",)), "tools": (ADD,)}, "force"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"reasoning": ReasoningOptions(budget=100)}, "no token budget"),
        ({"messages": (user(Image(url="https://example.com/a.png")),)}, "from_bytes"),
        ({"messages": (user(Audio(data="AAAA")),)}, "cannot carry Audio"),
        ({"messages": (user(Video(url="https://example.com/a.mp4")),)}, "cannot carry Video"),
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
    """Thoughts, words and calls of an answer are in the next request, unchanged."""
    function: Json = {"name": "add", "arguments": {"x": 1}}
    message: JsonObject = {
        "role": "assistant",
        "content": "Hello",
        "thinking": "Let me.",
        "tool_calls": [{"id": "call_1", "function": function}],
    }
    answer = compact({"model": "m-1", "message": message, "done": True}).encode()
    parts = Parts("ollama_chat")
    for _ in parts.feed_all(OllamaChat().decode_body(answer)):
        pass
    assert encoded(parts.response().message)["messages"] == [message]
