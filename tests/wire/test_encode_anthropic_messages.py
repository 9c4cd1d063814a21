"""Requests as the Messages wire writes them."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

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
    AssistantMessage,
    Audio,
    Document,
    Image,
    Message,
    ProviderBlock,
    Reasoning,
    ReasoningEncrypted,
    ReasoningRedacted,
    ReasoningSummary,
    ReasoningText,
    Text,
    ToolCall,
    ToolResult,
    UserContent,
    Video,
    assistant,
    system,
    user,
)
from rig_sync.streaming.parts import Parts
from rig_sync.wire.anthropic_messages import AnthropicMessages
from rig_sync.wire.anthropic_messages_schema import restricted

WIRE = AnthropicMessages()
HI = user("Hi")
SCHEMA: JsonObject = {"type": "object", "properties": {"x": {"type": "integer"}}}
ADD = ToolDefinition("add", "Adds.", SCHEMA)
SUB = ToolDefinition("sub", "Subtracts.", SCHEMA)
ADD_TOOL: JsonObject = {"name": "add", "description": "Adds.", "input_schema": SCHEMA}
SUB_TOOL: JsonObject = {"name": "sub", "description": "Subtracts.", "input_schema": SCHEMA}
SEARCH: JsonObject = {"type": "web_search_20250305", "name": "web_search"}
PNG = Image.from_bytes(b"\x89PNG", "image/png")
PNG_SOURCE: JsonObject = {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}
MARK: JsonObject = {"type": "ephemeral"}


def encoded(*messages: Message, wire: AnthropicMessages = WIRE, **fields: Any) -> dict[str, Any]:
    fields = {"model": "m-1", "max_tokens": 99, **fields}
    return wire.encode(CompletionRequest(messages=messages or (HI,), **fields), stream=False)


def said(*messages: Message, wire: AnthropicMessages = WIRE) -> list[tuple[str, Any]]:
    """Role and content of each message."""
    return [(m["role"], m["content"]) for m in encoded(*messages, wire=wire)["messages"]]


def text(words: str, **more: Json) -> JsonObject:
    return {"type": "text", "text": words, **more}


# the body around the messages -----------------------------------------------------------------

BODIES: dict[str, tuple[dict[str, Any], JsonObject]] = {
    "nothing": ({}, {}),
    "numbers": (
        {"temperature": 0.0, "top_p": 0.5, "max_tokens": 7, "stop": ("END", "\n")},
        {"temperature": 0.0, "top_p": 0.5, "max_tokens": 7, "stop_sequences": ["END", "\n"]},
    ),
    "preamble": ({"preamble": "Be brief."}, {"system": "Be brief."}),
    "a preamble of white space": ({"preamble": " \n"}, {}),
    "tools": ({"tools": (ADD, SUB)}, {"tools": [ADD_TOOL, SUB_TOOL]}),
    "one tool": (
        {"tools": (ADD,), "tool_choice": ToolChoice("specific", ("add",))},
        {"tools": [ADD_TOOL], "tool_choice": {"type": "tool", "name": "add"}},
    ),
    "any tool": (
        {"tools": (ADD,), "tool_choice": ToolChoice("required")},
        {"tools": [ADD_TOOL], "tool_choice": {"type": "any"}},
    ),
    "tools as the model likes": (
        {"tools": (ADD,), "tool_choice": ToolChoice("auto")},
        {"tools": [ADD_TOOL], "tool_choice": {"type": "auto"}},
    ),
    "no tool": (
        {"tools": (ADD,), "tool_choice": ToolChoice("none")},
        {"tools": [ADD_TOOL], "tool_choice": {"type": "none"}},
    ),
    "one call at a time": (
        {"tools": (ADD,), "parallel_tool_calls": False},
        {
            "tools": [ADD_TOOL],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        },
    ),
    "one call at a time, and one there must be": (
        {
            "tools": (ADD,),
            "parallel_tool_calls": False,
            "tool_choice": ToolChoice("required"),
        },
        {"tools": [ADD_TOOL], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
    ),
    "one call at a time, of none": (
        {"tools": (ADD,), "parallel_tool_calls": False, "tool_choice": ToolChoice("none")},
        {"tools": [ADD_TOOL], "tool_choice": {"type": "none"}},
    ),
    "one call at a time, without tools": ({"parallel_tool_calls": False}, {}),
    "calls in parallel": ({"tools": (ADD,), "parallel_tool_calls": True}, {"tools": [ADD_TOOL]}),
    "effort": (
        {"reasoning": ReasoningOptions(effort="low")},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
    ),
    "effort none": (
        {"reasoning": ReasoningOptions(effort="none")},
        {"thinking": {"type": "disabled"}},
    ),
    "summary": (
        {"reasoning": ReasoningOptions(summary="auto")},
        {"thinking": {"type": "adaptive", "display": "summarized"}},
    ),
    "effort without a summary": (
        {"reasoning": ReasoningOptions(effort="high", summary="none")},
        {
            "thinking": {"type": "adaptive", "display": "omitted"},
            "output_config": {"effort": "high"},
        },
    ),
    "budget": (
        {"reasoning": ReasoningOptions(budget=1024), "max_tokens": 1025},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 1025},
    ),
    "no wish about reasoning": ({"reasoning": ReasoningOptions()}, {}),
    "schema": (
        {"output_schema": OutputSchema("point", SCHEMA)},
        {
            "output_config": {
                "format": {
                    "type": "json_schema",
                    "schema": {**SCHEMA, "additionalProperties": False},
                }
            }
        },
    ),
    "schema and effort": (
        {
            "output_schema": OutputSchema("point", SCHEMA, strict=False),
            "reasoning": ReasoningOptions(effort="low"),
        },
        {
            "thinking": {"type": "adaptive"},
            "output_config": {
                "effort": "low",
                "format": {"type": "json_schema", "schema": SCHEMA},
            },
        },
    ),
    "additional params win": (
        {"temperature": 0.5, "additional_params": {"temperature": 1, "top_k": 5}},
        {"temperature": 1, "top_k": 5},
    ),
}


@pytest.mark.parametrize(("fields", "added"), BODIES.values(), ids=BODIES.keys())
def test_bodies(fields: dict[str, Any], added: JsonObject) -> None:
    """What was not set is not sent; what was set has the wire's own name."""
    messages = [{"role": "user", "content": [text("Hi")]}]
    assert encoded(**fields) == {"model": "m-1", "max_tokens": 99, "messages": messages, **added}


def test_streaming_path_and_adapt() -> None:
    """`stream` is all that streaming adds; `adapt` comes before `additional_params`."""

    def adapt(request: CompletionRequest, body: JsonObject) -> JsonObject:
        return {**body, "a": request.model, "b": 1}

    request = CompletionRequest("m-1", (HI,), additional_params={"b": 2})
    wire = AnthropicMessages(route="/x", adapt=adapt)
    body = wire.encode(request, stream=True)
    assert (body["stream"], body["a"], body["b"]) == (True, "m-1", 2)
    assert "stream" not in wire.encode(request, stream=False)
    assert wire.path(request, stream=True) == "/x"
    assert WIRE.path(request, stream=False) == "/v1/messages"


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-opus-4-8", 128_000),
        ("claude-opus-4-6-20260101", 128_000),
        ("claude-opus-4-5", 64_000),
        ("claude-opus-4-1-20250805", 32_000),
        ("claude-sonnet-4-20250514", 64_000),
        ("claude-sonnet-4-6", 128_000),
        ("claude-haiku-4-5", 64_000),
        ("claude-3-7-sonnet-latest", 64_000),
        ("claude-3-5-haiku-latest", 8_192),
        ("claude-3-haiku-20240307", 4_096),
        ("claude-novel-9", 32_000),
        ("other", 8_192),
    ],
)
def test_max_tokens_when_none_are_asked_for(model: str, tokens: int) -> None:
    """What the model can, for the API wants a number; a modest one for models nobody knows."""
    assert encoded(model=model, max_tokens=None)["max_tokens"] == tokens
    assert encoded(model=model, max_tokens=7)["max_tokens"] == 7


def test_a_budget_is_added_to_the_tokens_of_an_unknown_model() -> None:
    """Thoughts are part of `max_tokens`: there has to be room for an answer."""
    options = ReasoningOptions(budget=2_000)
    assert encoded(max_tokens=None, reasoning=options)["max_tokens"] == 10_192
    wire = AnthropicMessages(fallback_max_tokens=1_000)
    assert encoded(wire=wire, max_tokens=None, reasoning=options)["max_tokens"] == 3_000


def test_tools_of_the_server() -> None:
    """They follow the caller's."""
    wire = AnthropicMessages(server_tools=(SEARCH,))
    assert encoded(wire=wire, tools=(ADD,))["tools"] == [ADD_TOOL, SEARCH]
    assert encoded(wire=wire)["tools"] == [SEARCH]


def test_system_messages() -> None:
    """All of them go ahead of the conversation, in order; empty ones nowhere."""
    body = encoded(
        *(system("Be kind."), HI, assistant("Hello"), system(""), system("Be quick."), HI),
        preamble="Be brief.",
    )
    assert body["system"] == [text("Be brief."), text("Be kind."), text("Be quick.")]
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]


def test_documents_come_first() -> None:
    """In the message of the first prompt."""
    (message,) = encoded(documents=(Document(text="A robot."),))["messages"]
    source: JsonObject = {"type": "text", "media_type": "text/plain", "data": "A robot."}
    assert message["content"] == [{"type": "document", "source": source}, text("Hi")]


# what the user says ---------------------------------------------------------------------------

PDF: JsonObject = {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}
PLAIN: JsonObject = {"type": "text", "media_type": "text/plain", "data": "Zoë"}
PARTS: dict[str, tuple[UserContent, JsonObject]] = {
    "text": (Text("Hi"), text("Hi")),
    "marked text": (Text("Hi", {"cache_control": MARK}), text("Hi", cache_control=MARK)),
    "text with data of another provider": (Text("Hi", {"id": "msg-1"}), text("Hi")),
    "image": (PNG, {"type": "image", "source": PNG_SOURCE}),
    "marked image": (
        replace(PNG, provider_data={"cache_control": MARK}),
        {"type": "image", "source": PNG_SOURCE, "cache_control": MARK},
    ),
    "image elsewhere": (
        Image(url="https://example.com/a.png", detail="low"),
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
    ),
    "image in a data URL": (
        Image(url="data:image/png;base64,iVBORw=="),
        {"type": "image", "source": PNG_SOURCE},
    ),
    "uploaded image": (
        Image(file_id="file-1"),
        {"type": "image", "source": {"type": "file", "file_id": "file-1"}},
    ),
    "document": (
        Document.from_bytes(b"%PDF", "application/pdf", "a.pdf"),
        {"type": "document", "source": PDF, "title": "a.pdf"},
    ),
    "document elsewhere": (
        Document(url="https://example.com/a.pdf"),
        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
    ),
    "uploaded document": (
        Document(file_id="file-1"),
        {"type": "document", "source": {"type": "file", "file_id": "file-1"}},
    ),
    "text document": (
        Document(text="Zoë", name="z.txt"),
        {"type": "document", "source": PLAIN, "title": "z.txt"},
    ),
    "text document in bytes": (
        Document.from_bytes("Zoë".encode(), "text/markdown"),
        {"type": "document", "source": PLAIN},
    ),
}


@pytest.mark.parametrize(("part", "block"), PARTS.values(), ids=PARTS.keys())
def test_parts_of_a_user_message(part: UserContent, block: JsonObject) -> None:
    """Block for block."""
    assert said(user("Look:", part)) == [("user", [text("Look:"), block])]


def test_documents_that_may_be_cited() -> None:
    """All of them, as the API wants it."""
    wire = AnthropicMessages(citations=True)
    body = encoded(user(Document(text="B")), wire=wire, documents=(Document(text="A"),))
    cited = [block["citations"] for block in body["messages"][0]["content"]]
    assert cited == [{"enabled": True}, {"enabled": True}]


@pytest.mark.parametrize("words", ["", " ", "\n\n"])
def test_text_without_words_is_left_out(words: str) -> None:
    """The API refuses it, also where its own model wrote it; a message of nothing else goes too."""
    history = (user("A", words), assistant(words, "B", words), user(words), assistant(words), HI)
    assert said(*history) == [
        ("user", [text("A")]),
        ("assistant", [text("B")]),
        ("user", [text("Hi")]),
    ]


def test_neighbours_of_one_role_become_one_message() -> None:
    """The API wants user and assistant in turn."""
    history = (user("A"), user("B"), assistant("C"), assistant("D"), HI)
    assert said(*history) == [
        ("user", [text("A"), text("B")]),
        ("assistant", [text("C"), text("D")]),
        ("user", [text("Hi")]),
    ]


# tools in the history -------------------------------------------------------------------------

CALLS = (
    ToolCall("call-1", "add", {"x": 1, "é": [None]}, item_id="fc-1"),
    ToolCall("call-2", "sub", malformed="x=1"),
)


def result(call_id: str, content: Json, **more: Json) -> JsonObject:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


def test_calls_and_results() -> None:
    """All results of a turn come first in one message, whatever else the user says."""
    first = user("And now?", ToolResult("call-1", (Text("3"), PNG, Text(""))))
    second = user(ToolResult("call-2", (Text("not "), Text("run")), is_error=True))
    history = said(HI, assistant("Let me see.", *CALLS), first, second)
    assert history[1:] == [
        (
            "assistant",
            [
                text("Let me see."),
                {
                    "type": "tool_use",
                    "id": "call-1",
                    "name": "add",
                    "input": {"x": 1, "é": [None]},
                },
                {"type": "tool_use", "id": "call-2", "name": "sub", "input": {}},
            ],
        ),
        (
            "user",
            [
                result("call-1", [text("3"), {"type": "image", "source": PNG_SOURCE}]),
                result("call-2", "not run", is_error=True),
                text("And now?"),
            ],
        ),
    ]


def test_results_without_words() -> None:
    """They are empty; an error may not be."""
    results = user(ToolResult("call-1", ()), ToolResult("call-2", (), is_error=True))
    _, (_, blocks) = said(assistant(*CALLS), results)
    assert blocks == [result("call-1", ""), result("call-2", "error", is_error=True)]


def test_data_that_goes_back_with_a_call() -> None:
    """Who made it, and a marker; not what other providers attach."""
    kept: JsonObject = {"type": "custom_tool_call", "caller": {"type": "x"}, "cache_control": MARK}
    ((_, (block,)),) = said(assistant(ToolCall("call-1", "add", provider_data=kept)))
    assert block == {
        "type": "tool_use",
        "id": "call-1",
        "name": "add",
        "input": {},
        "caller": {"type": "x"},
        "cache_control": MARK,
    }


@pytest.mark.parametrize(
    ("ids", "written"),
    [
        (["toolu_1", "call-2"], ["toolu_1", "call-2"]),
        (["functions.add:0", "functions.add:1"], ["functions_add_0", "functions_add_1"]),
        (["a.b", "a:b", "a_b"], ["a_b_2", "a_b_3", "a_b"]),
        (["a.b", "a_b_2", "a_b"], ["a_b_3", "a_b_2", "a_b"]),
        (["é", "ü"], ["_", "__2"]),
        ([""], ["call"]),
    ],
)
def test_ids_that_the_api_refuses(ids: list[str], written: list[str]) -> None:
    """Calls of another provider: call and result get the same new id, and no two become one."""
    calls = [ToolCall(name, "add") for name in ids]
    results = [ToolResult(name, (Text("3"),)) for name in ids]
    (_, made), (_, answered) = said(assistant(*calls), user(*results))
    assert [block["id"] for block in made] == written
    assert [block["tool_use_id"] for block in answered] == written


# what the model said --------------------------------------------------------------------------

OWN = "anthropic_messages"
PAGE: JsonObject = {"type": "page_location", "cited_text": "Bolt", "document_index": 0}
SAID: dict[str, tuple[Any, list[JsonObject]]] = {
    "thoughts": (
        Reasoning((ReasoningText("I see", "sig"),), origin=OWN),
        [{"type": "thinking", "thinking": "I see", "signature": "sig"}],
    ),
    "a signature alone": (
        Reasoning((ReasoningText("", "sig"),), origin=OWN),
        [{"type": "thinking", "thinking": "", "signature": "sig"}],
    ),
    "redacted thoughts": (
        Reasoning((ReasoningRedacted("sealed"),), origin=OWN),
        [{"type": "redacted_thinking", "data": "sealed"}],
    ),
    "thoughts of nobody in particular": (
        Reasoning((ReasoningText("I see", "sig"),)),
        [{"type": "thinking", "thinking": "I see", "signature": "sig"}],
    ),
    "thoughts without a signature": (Reasoning((ReasoningText("I see"),), origin=OWN), []),
    "thoughts over another wire": (
        Reasoning((ReasoningText("I see", "sig"),), origin="bedrock_converse"),
        [],
    ),
    "thoughts of another kind": (
        Reasoning((ReasoningSummary("I see"), ReasoningEncrypted("sealed"))),
        [],
    ),
    "a hosted tool's": (
        ProviderBlock("server_tool_use", {"type": "x", "input": {}}, OWN),
        [{"type": "x", "input": {}}],
    ),
    "a hosted tool's, over another wire": (
        ProviderBlock("web_search_call", {"type": "x"}, "openai_responses"),
        [],
    ),
    "cited text": (Text("Yes", {"citations": [PAGE]}), [text("Yes", citations=[PAGE])]),
    "text with citations of another provider": (
        Text("Yes", {"citations": [{"type": "TEXT_CONTENT"}]}),
        [text("Yes")],
    ),
    "text without citations": (Text("Yes", {"citations": []}), [text("Yes")]),
}


@pytest.mark.parametrize(("part", "blocks"), SAID.values(), ids=SAID.keys())
def test_parts_of_an_assistant_message(part: Any, blocks: list[JsonObject]) -> None:
    """What this API can check goes back unchanged and in order, all else stays away."""
    (_, content), _ = said(assistant(part, "So", part, CALLS[0]), user(ToolResult("call-1", ())))
    assert content[:-1] == [*blocks, text("So"), *blocks]


def test_thoughts_for_servers_that_sign_nothing() -> None:
    """They want them back."""
    wire = AnthropicMessages(unsigned_thinking=True)
    thoughts = Reasoning((ReasoningText("I see"), ReasoningText("")), origin=OWN)
    ((_, content),) = said(assistant(thoughts, "Yes"), wire=wire)
    assert content == [{"type": "thinking", "thinking": "I see"}, text("Yes")]


BLOCKS: list[JsonObject] = [
    {"type": "thinking", "thinking": "", "signature": "sig-1"},
    {"type": "redacted_thinking", "data": "sealed"},
    {"type": "thinking", "thinking": "I see", "signature": "sig-2"},
    text("First, "),
    text("then", citations=[PAGE]),
    {"type": "server_tool_use", "id": "srv-1", "name": "web_search", "input": {"query": "é"}},
    {"type": "web_search_tool_result", "tool_use_id": "srv-1", "content": [{"url": "u"}]},
    {"type": "compaction", "content": "So far."},
    {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"x": [1, {"é": None}]}},
    {"type": "tool_use", "id": "toolu_2", "name": "sub", "input": {}, "caller": {"type": "code"}},
]


def test_what_came_goes_back_as_it_came() -> None:
    """Decoded and encoded again, every block is what it was."""
    body: JsonObject = {"id": "msg-1", "content": [*BLOCKS], "stop_reason": "tool_use"}
    parts = Parts(WIRE.name)
    items = list(parts.feed_all(WIRE.decode_body(compact(body).encode())))
    assert items
    answer: AssistantMessage = parts.response().message
    (_, content), _ = said(
        answer, user(ToolResult("toolu_1", (Text("1"),)), ToolResult("toolu_2", (Text("2"),)))
    )
    assert content == BLOCKS


# prompt caching -------------------------------------------------------------------------------

CACHING = AnthropicMessages(cache="5m")
LONGER: JsonObject = {"type": "ephemeral", "ttl": "1h"}


@pytest.mark.parametrize(("ttl", "marker"), [("5m", MARK), ("1h", LONGER)])
def test_markers(ttl: Any, marker: JsonObject) -> None:
    """On the last tool, the end of the system prompt and the last block of the history."""
    wire = AnthropicMessages(cache=ttl, server_tools=(SEARCH,))
    body = encoded(
        *(system("Be kind."), user("A"), assistant("B"), user("C", "D")),
        wire=wire,
        tools=(ADD, SUB),
        preamble="Be brief.",
    )
    assert body["tools"] == [ADD_TOOL, SUB_TOOL, {**SEARCH, "cache_control": marker}]
    assert body["system"] == [text("Be brief."), text("Be kind.", cache_control=marker)]
    assert body["messages"][-1]["content"] == [text("C"), text("D", cache_control=marker)]
    assert compact(body).count("cache_control") == 3


def test_one_system_prompt_with_a_marker() -> None:
    """A text alone could not carry it."""
    body = encoded(wire=CACHING, preamble="Be brief.")
    assert body["system"] == [text("Be brief.", cache_control=MARK)]


def test_markers_on_what_can_have_one() -> None:
    """Neither tools that are loaded later, nor thoughts."""
    later: JsonObject = {"name": "later", "defer_loading": True}
    wire = AnthropicMessages(cache="5m", server_tools=(later,))
    thoughts = Reasoning((ReasoningText("I see", "sig"),), origin=OWN)
    body = encoded(HI, assistant("B", thoughts), wire=wire, tools=(ADD,))
    assert body["tools"] == [{**ADD_TOOL, "cache_control": MARK}, later]
    assert body["messages"][-1]["content"][0] == text("B", cache_control=MARK)


def test_no_more_than_four_markers() -> None:
    """The caller's own count first, and are never replaced."""
    marked = [Text(word, {"cache_control": LONGER}) for word in "ABC"]
    body = encoded(user(*marked, "D"), wire=CACHING, tools=(ADD,), preamble="Be brief.")
    assert body["tools"] == [{**ADD_TOOL, "cache_control": MARK}]
    assert body["system"] == "Be brief."
    assert compact(body).count("cache_control") == 4
    last = Text("Hi", {"cache_control": LONGER})
    assert said(user(last), wire=CACHING) == [("user", [text("Hi", cache_control=LONGER)])]


def test_encoding_changes_nothing_of_the_request() -> None:
    """Markers are put on what is sent, not on what was given."""
    payload: JsonObject = {"type": "compaction", "content": "So far."}
    wire = AnthropicMessages(cache="5m", server_tools=({**SEARCH},))
    request = CompletionRequest("m-1", (HI, assistant(ProviderBlock("compaction", payload))))
    first, second = (wire.encode(request, stream=False) for _ in range(2))
    assert first == second
    assert payload == {"type": "compaction", "content": "So far."}
    assert wire.server_tools == (SEARCH,)


# schemas --------------------------------------------------------------------------------------


def test_schemas_as_far_as_the_api_knows_them() -> None:
    """Limits become words, objects are closed, at every depth; names of properties are names."""
    number: JsonObject = {"type": "integer", "minimum": 0, "maximum": 9}
    told: JsonObject = {"type": "integer", "description": '{"minimum":0,"maximum":9}'}
    schema: JsonObject = {
        "type": "object",
        "properties": {
            "minimum": number,
            "list": {"type": "array", "items": number, "minItems": 2},
            "one": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "either": {"oneOf": [number, {"$ref": "#/$defs/p"}], "anyOf": [{"type": "null"}]},
        },
        "$defs": {"p": {"properties": {"x": True}, "additionalProperties": True}},
        "required": ["minimum"],
    }
    assert restricted(schema) == {
        "type": "object",
        "properties": {
            "minimum": told,
            "list": {"type": "array", "items": told, "description": '{"minItems":2}'},
            "one": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "either": {"anyOf": [{"type": "null"}, told, {"$ref": "#/$defs/p"}]},
        },
        "$defs": {"p": {"properties": {"x": True}, "additionalProperties": False}},
        "required": ["minimum"],
        "additionalProperties": False,
    }
    assert number == {"type": "integer", "minimum": 0, "maximum": 9}


# what cannot be sent --------------------------------------------------------------------------

REFUSED: dict[str, tuple[Message, dict[str, Any], str]] = {
    "seed": (HI, {"seed": 0}, "leave it out"),
    "two forced tools": (
        HI,
        {"tools": (ADD, SUB), "tool_choice": ToolChoice("specific", ("add", "sub"))},
        "give ToolChoice one name",
    ),
    "a small budget": (HI, {"reasoning": ReasoningOptions(budget=1023)}, "give 1024 or more"),
    "a budget of all tokens": (
        HI,
        {"reasoning": ReasoningOptions(budget=2000), "max_tokens": 2000},
        "part of max_tokens (2000)",
    ),
    "a budget of all that the model can": (
        HI,
        {
            "reasoning": ReasoningOptions(budget=64_000),
            "max_tokens": None,
            "model": "claude-haiku-4-5",
        },
        "part of max_tokens (64000)",
    ),
    "audio": (user(Audio.from_bytes(b"RIFF", "audio/wav")), {}, "give text, images"),
    "video": (user(Video(url="https://example.com/v")), {}, "give text, images"),
    "an image of unknown type": (user(Image(data="AAAA")), {}, "give its media_type"),
    "a document that is neither PDF nor text": (
        user(Document(data="AAAA", media_type="application/zip")),
        {},
        "Document(text=...)",
    ),
    "an image of the model's": (assistant(PNG), {}, "history"),
}


@pytest.mark.parametrize(("message", "fields", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_sent_is_refused(
    message: Message, fields: dict[str, Any], words: str
) -> None:
    """The message says what to write instead."""
    with pytest.raises(ConfigError) as caught:
        encoded(message, **fields)
    assert words in str(caught.value)
