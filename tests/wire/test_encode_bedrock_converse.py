"""Requests as Bedrock's Converse wants them."""

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
    AssistantContent,
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
from rig_sync.wire.bedrock_converse import BedrockConverse
from tests.wire.conformance.bedrock_converse import whole

WIRE = BedrockConverse()
HI = user("Hi")
SCHEMA: JsonObject = {"type": "object", "properties": {"x": {"type": "integer"}}}
ADD = ToolDefinition("add", "Adds.", SCHEMA)
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


def encoded(
    *messages: Message, wire: BedrockConverse = WIRE, model: str = "m-1", **fields: Any
) -> JsonObject:
    return wire.encode(CompletionRequest(model, messages or (HI,), **fields), stream=False)


def turns(*messages: Message, **fields: Any) -> Json:
    return encoded(*messages, **fields)["messages"]


# the body around the messages ----------------------------------------------------------------

TOOLS: JsonObject = {
    "tools": [
        {"toolSpec": {"name": "add", "description": "Adds.", "inputSchema": {"json": SCHEMA}}}
    ]
}
FORMAT: JsonObject = {
    "type": "json_schema",
    "structure": {
        "jsonSchema": {
            "name": "point",
            "schema": compact({**SCHEMA, "additionalProperties": False}),
        }
    },
}
LOOSE: JsonObject = {
    "type": "json_schema",
    "structure": {"jsonSchema": {"name": "point", "schema": compact(SCHEMA)}},
}
BODIES: dict[str, tuple[dict[str, Any], JsonObject]] = {
    "nothing": ({}, {}),
    "preamble": ({"preamble": "Be brief."}, {"system": [{"text": "Be brief."}]}),
    "a blank preamble": ({"preamble": " "}, {}),
    "numbers": (
        {"temperature": 0.0, "top_p": 0.5, "max_tokens": 7, "stop": ("END",)},
        {
            "inferenceConfig": {
                "temperature": 0.0,
                "topP": 0.5,
                "maxTokens": 7,
                "stopSequences": ["END"],
            }
        },
    ),
    "tools": ({"tools": (ADD,)}, {"toolConfig": TOOLS}),
    "a tool without words": (
        {"tools": (ToolDefinition("add", "", SCHEMA),)},
        {"toolConfig": {"tools": [{"toolSpec": {"name": "add", "inputSchema": {"json": SCHEMA}}}]}},
    ),
    "parallel calls": ({"tools": (ADD,), "parallel_tool_calls": True}, {"toolConfig": TOOLS}),
    "any tool or none": (
        {"tools": (ADD,), "tool_choice": ToolChoice("auto")},
        {"toolConfig": {**TOOLS, "toolChoice": {"auto": {}}}},
    ),
    "any tool": (
        {"tools": (ADD,), "tool_choice": ToolChoice("required")},
        {"toolConfig": {**TOOLS, "toolChoice": {"any": {}}}},
    ),
    "one tool": (
        {"tools": (ADD,), "tool_choice": ToolChoice("specific", ("add",))},
        {"toolConfig": {**TOOLS, "toolChoice": {"tool": {"name": "add"}}}},
    ),
    "no tool": ({"tools": (ADD,), "tool_choice": ToolChoice("none")}, {}),
    "schema": (
        {"output_schema": OutputSchema("point", SCHEMA)},
        {"outputConfig": {"textFormat": FORMAT}},
    ),
    "a schema that is not strict": (
        {"output_schema": OutputSchema("point", SCHEMA, strict=False)},
        {"outputConfig": {"textFormat": LOOSE}},
    ),
    "additional params win": (
        {
            "max_tokens": 7,
            "temperature": 0.5,
            "additional_params": {
                "inferenceConfig": {"temperature": 1},
                "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"},
            },
        },
        {
            "inferenceConfig": {"maxTokens": 7, "temperature": 1},
            "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"},
        },
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_body(name: str) -> None:
    """Every option, alone, against the smallest body; the same streamed."""
    fields, more = BODIES[name]
    request = CompletionRequest("m-1", (HI,), **fields)
    smallest: JsonObject = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
    assert WIRE.encode(request, stream=False) == {**smallest, **more}
    assert WIRE.encode(request, stream=True) == {**smallest, **more}


@pytest.mark.parametrize(
    ("model", "quoted"),
    [
        ("amazon.nova-lite-v1:0", "amazon.nova-lite-v1%3A0"),
        (
            "arn:aws:bedrock:us-east-1:012345678901:inference-profile/us.a-v1:0",
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A012345678901%3Ainference-profile%2Fus.a-v1%3A0",
        ),
    ],
)
def test_path(model: str, quoted: str) -> None:
    """The model is one segment of it."""
    request = CompletionRequest(model, (HI,))
    assert WIRE.path(request, stream=False) == f"/model/{quoted}/converse"
    assert WIRE.path(request, stream=True) == f"/model/{quoted}/converse-stream"


@pytest.mark.parametrize(
    ("model", "options", "fields"),
    [
        (
            CLAUDE,
            ReasoningOptions(budget=2048),
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        ),
        (
            CLAUDE,
            ReasoningOptions(effort="high"),
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
        ),
        (CLAUDE, ReasoningOptions(effort="none"), {"thinking": {"type": "disabled"}}),
        (
            "us.amazon.nova-2-lite-v1:0",
            ReasoningOptions(effort="low"),
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}},
        ),
        (
            "us.amazon.nova-2-lite-v1:0",
            ReasoningOptions(effort="none"),
            {"reasoningConfig": {"type": "disabled"}},
        ),
        (
            "openai.gpt-oss-120b-1:0",
            ReasoningOptions(effort="high"),
            {"reasoning_effort": "high"},
        ),
        ("qwen.qwen3-32b-v1:0", ReasoningOptions(effort="high"), {"reasoning_config": "high"}),
    ],
)
def test_thinking(model: str, options: ReasoningOptions, fields: Json) -> None:
    """In the words of whoever made the model."""
    body = encoded(model=model, reasoning=options)
    assert body["additionalModelRequestFields"] == fields


def test_no_thinking() -> None:
    """Options that ask for nothing say nothing."""
    assert "additionalModelRequestFields" not in encoded(reasoning=ReasoningOptions(summary="auto"))


def test_adapt() -> None:
    """It is told the request and the body; `additional_params` come after it."""

    def adapt(request: CompletionRequest, body: JsonObject) -> JsonObject:
        return {
            **body,
            "requestMetadata": {"model": request.model},
            "serviceTier": {"type": "flex"},
        }

    body = encoded(
        wire=BedrockConverse(adapt=adapt),
        additional_params={"serviceTier": {"type": "priority"}},
    )
    assert body["requestMetadata"] == {"model": "m-1"}
    assert body["serviceTier"] == {"type": "priority"}


# messages ------------------------------------------------------------------------------------

PNG = Image.from_bytes(b"\x89PNG", "image/png")
PDF = Document.from_bytes(b"%PDF", "application/pdf", "a.pdf")
PARTS: dict[str, tuple[UserContent, JsonObject]] = {
    "text": (Text("Hi"), {"text": "Hi"}),
    "image": (PNG, {"image": {"format": "png", "source": {"bytes": "iVBORw=="}}}),
    "jpg": (
        Image.from_bytes(b"x", "image/jpg"),
        {"image": {"format": "jpeg", "source": {"bytes": "eA=="}}},
    ),
    "image in S3": (
        Image(url="s3://bucket/a.WEBP"),
        {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://bucket/a.WEBP"}}}},
    ),
    "image in its URL": (
        Image(url="data:image/gif;base64,R0lG"),
        {"image": {"format": "gif", "source": {"bytes": "R0lG"}}},
    ),
    "video": (
        Video.from_bytes(b"x", "video/quicktime"),
        {"video": {"format": "mov", "source": {"bytes": "eA=="}}},
    ),
    "video in S3": (
        Video(url="s3://bucket/a", media_type="video/3gpp"),
        {"video": {"format": "three_gp", "source": {"s3Location": {"uri": "s3://bucket/a"}}}},
    ),
    "audio": (
        Audio.from_bytes(b"x", "audio/mpeg"),
        {"audio": {"format": "mp3", "source": {"bytes": "eA=="}}},
    ),
    "PDF": (
        PDF,
        {"document": {"name": "a", "format": "pdf", "source": {"bytes": "JVBERg=="}}},
    ),
    "a document of no type": (
        Document(data="eA=="),
        {"document": {"name": "Document", "format": "pdf", "source": {"bytes": "eA=="}}},
    ),
    "a document by its ending": (
        Document(data="eA==", name="table.xlsx"),
        {"document": {"name": "table", "format": "xlsx", "source": {"bytes": "eA=="}}},
    ),
    "a document in S3": (
        Document(url="s3://bucket/a.md"),
        {
            "document": {
                "name": "Document",
                "format": "md",
                "source": {"s3Location": {"uri": "s3://bucket/a.md"}},
            }
        },
    ),
    "text as a document": (
        Document(text="x", name="notes.txt"),
        {"document": {"name": "notes", "format": "txt", "source": {"bytes": "eA=="}}},
    ),
    "text of a kind": (
        Document(text="x", media_type="text/csv; charset=utf-8"),
        {"document": {"name": "Document", "format": "csv", "source": {"bytes": "eA=="}}},
    ),
    "a result": (
        ToolResult("a", (Text("3"),)),
        {"toolResult": {"toolUseId": "a", "content": [{"text": "3"}]}},
    ),
    "a failure": (
        ToolResult("a", (Text("No."),), is_error=True),
        {"toolResult": {"toolUseId": "a", "content": [{"text": "No."}], "status": "error"}},
    ),
    "an empty result": (
        ToolResult("a", (Text(" "),)),
        {"toolResult": {"toolUseId": "a", "content": [{"text": "(empty)"}]}},
    ),
    "an image as a result": (
        ToolResult("a", (Text("See."), PNG)),
        {
            "toolResult": {
                "toolUseId": "a",
                "content": [
                    {"text": "See."},
                    {"image": {"format": "png", "source": {"bytes": "iVBORw=="}}},
                ],
            }
        },
    ),
}


@pytest.mark.parametrize("name", PARTS)
def test_what_the_user_says(name: str) -> None:
    """Every kind of part."""
    part, block = PARTS[name]
    assert turns(user(part)) == [{"role": "user", "content": [block]}]


def thoughts(*content: Any, origin: str | None = "bedrock_converse") -> Reasoning:
    return Reasoning(content, origin=origin)


SIGNED: JsonObject = {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "s"}}}
SERVER: JsonObject = {"toolResult": {"toolUseId": "s", "content": []}}
CITED: JsonObject = {"title": "policy"}
SAID: dict[str, tuple[AssistantContent, list[Json]]] = {
    "text": (Text("Hi"), [{"text": "Hi"}]),
    "white space": (Text("\n"), []),
    "cited text": (
        Text("Hi", {"citationsContent": [CITED]}),
        [{"citationsContent": {"content": [{"text": "Hi"}], "citations": [CITED]}}],
    ),
    "what others cited": (Text("Hi", {"citations": [CITED]}), [{"text": "Hi"}]),
    "a call": (
        ToolCall("a", "add", {"x": 1}),
        [{"toolUse": {"toolUseId": "a", "name": "add", "input": {"x": 1}}}],
    ),
    "signed thoughts": (thoughts(ReasoningText("Hm", "s")), [SIGNED]),
    "signed by hand": (thoughts(ReasoningText("Hm", "s"), origin=None), [SIGNED]),
    "signed elsewhere": (thoughts(ReasoningText("Hm", "s"), origin="anthropic_messages"), []),
    "unsigned": (thoughts(ReasoningText("Hm"), ReasoningSummary("Hm")), []),
    "encrypted elsewhere": (thoughts(ReasoningEncrypted("x")), []),
    "redacted": (
        thoughts(ReasoningRedacted("YQ==")),
        [{"reasoningContent": {"redactedContent": "YQ=="}}],
    ),
    "an image": (PNG, [{"image": {"format": "png", "source": {"bytes": "iVBORw=="}}}]),
    "its own": (ProviderBlock("toolResult", SERVER, "bedrock_converse"), [SERVER]),
    "by hand": (
        ProviderBlock("cachePoint", {"cachePoint": {"type": "default"}}),
        [{"cachePoint": {"type": "default"}}],
    ),
    "of another wire": (ProviderBlock("toolResult", SERVER, "openai_responses"), []),
}


@pytest.mark.parametrize("name", SAID)
def test_what_the_model_said(name: str) -> None:
    """Every kind of part, in its place."""
    part, blocks = SAID[name]
    said = turns(HI, assistant("A", part, "B"))
    assert said == [
        {"role": "user", "content": [{"text": "Hi"}]},
        {"role": "assistant", "content": [{"text": "A"}, *blocks, {"text": "B"}]},
    ]


def test_turns_alternate() -> None:
    """Neighbours of one role become one; of a message that is empty nothing stays."""
    result = ToolResult("a", (Text("3"),))
    found = turns(
        *(user("One"), system("Later."), user(" "), user("Two")),
        *(assistant(""), user("Three"), assistant("A"), assistant(ToolCall("a", "add"))),
        *(user("Four"), user(result)),
        documents=(Document(text="x"),),
        preamble="First.",
    )
    texts = [{"text": text} for text in ("One", "Two", "Three")]
    document = {"name": "Document", "format": "txt", "source": {"bytes": "eA=="}}
    assert found == [
        {"role": "user", "content": [{"document": document}, *texts]},
        {
            "role": "assistant",
            "content": [
                {"text": "A"},
                {"toolUse": {"toolUseId": "a", "name": "add", "input": {}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "a", "content": [{"text": "3"}]}},
                {"text": "Four"},
            ],
        },
    ]
    body = encoded(HI, system("Later."), preamble="First.")
    assert body["system"] == [{"text": "First."}, {"text": "Later."}]


def test_ids_of_others() -> None:
    """Ids that Bedrock refuses are written anew, in the call and in its result."""
    found = encoded(HI, assistant(ToolCall("a|b", "add")), user(ToolResult("a|b", (Text("3"),))))
    told = compact(found["messages"])
    assert told.count('"toolUseId":"a_b"') == 2


@pytest.mark.parametrize(
    ("names", "written"),
    [
        (("a.pdf", "a.pdf", "a.pdf"), ["a", "a 2", "a 3"]),
        (("../b_c.d.pdf",), ["---b-c-d"]),
        (("r\u00e9sum\u00e9  [2] (x)\n.pdf",), ["r-sum- [2] (x)"]),
        (("...", "\n"), ["---", "Document"]),
        (("x" * 300, "x" * 300), ["x" * 200, "x" * 192 + " 2"]),
    ],
)
def test_names_of_documents(names: tuple[str, ...], written: list[str]) -> None:
    """Bedrock takes few signs in them, and no name twice."""
    documents = (Document(data="eA==", media_type="application/pdf", name=name) for name in names)
    found: Any = turns(user(*documents))
    told = [block["document"]["name"] for block in found[0]["content"]]
    assert told == written


def test_history_comes_back_as_it_was() -> None:
    """What the model said goes back block for block."""
    content: list[Json] = [
        SIGNED,
        {"reasoningContent": {"redactedContent": "YQ=="}},
        {"text": "They get "},
        {"citationsContent": {"content": [{"text": "20 days"}], "citations": [CITED]}},
        {"toolUse": {"toolUseId": "s", "name": "code", "type": "server_tool_use", "input": {}}},
        SERVER,
        {"image": {"format": "png", "source": {"bytes": "iVBORw=="}}},
        {"toolUse": {"toolUseId": "a", "name": "add", "input": {"x": 1}}},
    ]
    parts = Parts(WIRE.name)
    list(parts.feed_all(WIRE.decode_body(whole(content, "tool_use"))))
    assert turns(HI, parts.response().message) == [
        {"role": "user", "content": [{"text": "Hi"}]},
        {"role": "assistant", "content": content},
    ]


# prompt caching ------------------------------------------------------------------------------

POINT: JsonObject = {"cachePoint": {"type": "default"}}


def test_cache_points() -> None:
    """Behind the system prompt and the last message; none after thoughts."""
    wire = BedrockConverse(cache="5m")
    body = encoded(HI, assistant("A"), user("B"), wire=wire, preamble="P")
    assert body["system"] == [{"text": "P"}, POINT]
    assert compact(body["messages"]).count("cachePoint") == 1
    assert compact(body["messages"]).endswith('{"text":"B"},{"cachePoint":{"type":"default"}}]}]')
    thought = assistant(thoughts(ReasoningText("Hm", "s")), "A")
    body = encoded(HI, thought, user("B"), wire=wire)
    assert "cachePoint" not in compact(body)
    longer = encoded(wire=BedrockConverse(cache="1h"))
    assert '{"cachePoint":{"type":"default","ttl":"1h"}}' in compact(longer)


def test_cache_points_of_the_caller() -> None:
    """Behind any text; the last message then gets no second one."""
    marked = user("long", Text("text", {"cachePoint": {"type": "default"}}))
    expected = [{"role": "user", "content": [{"text": "long"}, {"text": "text"}, POINT]}]
    assert turns(marked) == expected
    assert turns(marked, wire=BedrockConverse(cache="5m")) == expected


# what cannot be carried ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"seed": 1}, "no seed: leave it out"),
        ({"parallel_tool_calls": False}, "leave the option out"),
        (
            {"tools": (ADD,), "tool_choice": ToolChoice("specific", ("add", "sub"))},
            "give ToolChoice one name",
        ),
        ({"reasoning": ReasoningOptions(effort="high")}, "additionalModelRequestFields"),
        (
            {"reasoning": ReasoningOptions(budget=100), "model": "qwen.qwen3-32b-v1:0"},
            "give an effort",
        ),
        (
            {"reasoning": ReasoningOptions(budget=100), "model": "openai.gpt-oss-120b-1:0"},
            "give an effort",
        ),
        (
            {"reasoning": ReasoningOptions(budget=100), "model": "amazon.nova-2-lite-v1:0"},
            "give an effort",
        ),
    ],
)
def test_options_it_has_not(fields: dict[str, Any], says: str) -> None:
    """What to write instead."""
    with pytest.raises(ConfigError, match=says):
        encoded(**fields)


def test_tools_cannot_be_forbidden_later() -> None:
    """Bedrock wants the tools that the history calls, and cannot be told not to call them."""
    history = (HI, assistant(ToolCall("a", "add")), user(ToolResult("a", (Text("3"),))))
    with pytest.raises(ConfigError, match="leave tool_choice out"):
        encoded(*history, tools=(ADD,), tool_choice=ToolChoice("none"))


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (Image(url="https://example.com/a.png"), "give the bytes, or an s3:// URL"),
        (Image(file_id="f-1", media_type="image/png"), "give the bytes"),
        (Document(file_id="f-1"), "give the bytes"),
        (Image(data="eA=="), "give a media_type"),
        (Image.from_bytes(b"x", "image/tiff"), "give a media_type that it knows"),
        (Video(url="s3://bucket/a"), "give a media_type"),
        (Audio.from_bytes(b"x", "audio/midi"), "give a media_type"),
        (Document.from_bytes(b"x", "application/zip"), "give a media_type"),
    ],
)
def test_parts_it_cannot_carry(part: UserContent, says: str) -> None:
    """What to give instead."""
    with pytest.raises(ConfigError, match=says):
        encoded(user(part))
