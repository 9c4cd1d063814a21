"""Requests as Gemini takes them."""

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
    ReasoningSummary,
    ReasoningText,
    Text,
    ToolCall,
    ToolResult,
    UserContent,
    Video,
    assistant,
    dump_messages,
    load_messages,
    system,
    user,
)
from rig_sync.streaming.parts import Parts
from rig_sync.wire.gemini_generate import GeminiGenerate

WIRE = GeminiGenerate()
HI = user("Hi")
HI_TURN: Json = {"role": "user", "parts": [{"text": "Hi"}]}
SCHEMA: JsonObject = {"type": "object", "properties": {"x": {"type": "integer"}}}
ADD = ToolDefinition("add", "Adds.", SCHEMA)
DECLARED: Json = {"name": "add", "description": "Adds.", "parametersJsonSchema": SCHEMA}
SEARCH: Json = {"googleSearch": {}}
PNG = Image.from_bytes(b"\x89PNG", "image/png")
PNG_PART: Json = {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}}


def encoded(
    *messages: Message, model: str = "gemini-2.5-flash", wire: GeminiGenerate = WIRE, **fields: Any
) -> JsonObject:
    request = CompletionRequest(model, messages or (HI,), **fields)
    body = wire.encode(request, stream=True)
    assert body == wire.encode(request, stream=False)
    return body


def turns(*messages: Message, model: str = "gemini-2.5-flash") -> list[tuple[str, list[Any]]]:
    """Role and parts of each of the contents."""
    contents: Any = encoded(*messages, model=model)["contents"]
    return [(turn["role"], turn["parts"]) for turn in contents]


# where it goes --------------------------------------------------------------------------------

PATHS = [
    ("gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash"),
    ("models/gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash"),
    ("tunedModels/mine", "/v1beta/tunedModels/mine"),
    ("a b?c", "/v1beta/models/a%20b%3Fc"),
]


@pytest.mark.parametrize(("model", "path"), PATHS)
def test_path(model: str, path: str) -> None:
    """The model stands in it, and the method says whether to stream."""
    request = CompletionRequest(model, (HI,))
    assert WIRE.path(request, stream=True) == f"{path}:streamGenerateContent?alt=sse"
    assert WIRE.path(request, stream=False) == f"{path}:generateContent"


# the body around the contents -----------------------------------------------------------------

BODIES: dict[str, tuple[dict[str, Any], JsonObject]] = {
    "nothing": ({}, {}),
    "numbers": (
        {"temperature": 0.0, "top_p": 0.5, "max_tokens": 7, "seed": 0, "stop": ("x",)},
        {
            "generationConfig": {
                "temperature": 0.0,
                "topP": 0.5,
                "maxOutputTokens": 7,
                "seed": 0,
                "stopSequences": ["x"],
            }
        },
    ),
    "a preamble": (
        {"preamble": "Be brief."},
        {"systemInstruction": {"parts": [{"text": "Be brief."}]}},
    ),
    "tools": ({"tools": (ADD,)}, {"tools": [{"functionDeclarations": [DECLARED]}]}),
    "calls at once": ({"parallel_tool_calls": True}, {}),
    "auto": (
        {"tool_choice": ToolChoice("auto")},
        {"toolConfig": {"functionCallingConfig": {"mode": "AUTO"}}},
    ),
    "none": (
        {"tool_choice": ToolChoice("none")},
        {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}},
    ),
    "required": (
        {"tool_choice": ToolChoice("required")},
        {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
    ),
    "certain tools": (
        {"tool_choice": ToolChoice("specific", ("add", "sub"))},
        {
            "toolConfig": {
                "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["add", "sub"]}
            }
        },
    ),
    "a schema": (
        {"output_schema": OutputSchema("point", SCHEMA)},
        {
            "generationConfig": {
                "responseMimeType": "application/json",
                "responseJsonSchema": SCHEMA,
            }
        },
    ),
    "more, merged": (
        {"max_tokens": 7, "additional_params": {"generationConfig": {"topK": 5}, "labels": {}}},
        {"generationConfig": {"maxOutputTokens": 7, "topK": 5}, "labels": {}},
    ),
    "hosted tools beside ours": (
        {"tools": (ADD,), "additional_params": {"tools": [SEARCH]}},
        {"tools": [{"functionDeclarations": [DECLARED]}, SEARCH]},
    ),
    "hosted tools alone": ({"additional_params": {"tools": [SEARCH]}}, {"tools": [SEARCH]}),
}


@pytest.mark.parametrize(("fields", "body"), BODIES.values(), ids=BODIES.keys())
def test_body(fields: dict[str, Any], body: JsonObject) -> None:
    """What is not asked for is left out."""
    assert encoded(**fields) == {"contents": [HI_TURN], **body}


THINKING: list[tuple[str, ReasoningOptions, JsonObject]] = [
    ("gemini-3-pro-preview", ReasoningOptions("low"), {"thinkingLevel": "LOW"}),
    ("models/gemini-3-pro-preview", ReasoningOptions("high"), {"thinkingLevel": "HIGH"}),
    ("gemini-2.5-flash", ReasoningOptions("low"), {"thinkingBudget": 1024}),
    (
        "publishers/google/models/gemini-2.5-pro",
        ReasoningOptions("high"),
        {"thinkingBudget": 24576},
    ),
    ("gemini-2.5-flash", ReasoningOptions(budget=512), {"thinkingBudget": 512}),
    ("gemini-2.5-flash", ReasoningOptions(budget=-1), {"thinkingBudget": -1}),
    ("gemini-flash-latest", ReasoningOptions(summary="auto"), {}),
]


@pytest.mark.parametrize(("model", "options", "config"), THINKING)
def test_thinking(model: str, options: ReasoningOptions, config: JsonObject) -> None:
    """Levels or tokens, by the model; and it is asked to tell of its thoughts."""
    body = encoded(model=model, reasoning=options)
    assert body["generationConfig"] == {"thinkingConfig": {**config, "includeThoughts": True}}


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash-preview"])
@pytest.mark.parametrize("options", [ReasoningOptions("none"), ReasoningOptions(budget=0)])
def test_no_thinking(model: str, options: ReasoningOptions) -> None:
    """Then there is nothing to tell of."""
    config = encoded(model=model, reasoning=options)["generationConfig"]
    assert config == {"thinkingConfig": {"thinkingBudget": 0}}


def test_adapt_comes_before_the_user_s_own_parameters() -> None:
    """A provider may change the body; `additional_params` win."""
    wire = GeminiGenerate(adapt=lambda _, body: {**body, "a": 1, "b": 1})
    body = encoded(wire=wire, additional_params={"a": 2})
    assert (body["a"], body["b"]) == (2, 1)


# what the user says ---------------------------------------------------------------------------

PARTS: dict[str, tuple[UserContent, Json]] = {
    "image": (PNG, PNG_PART),
    "audio": (
        Audio.from_bytes(b"RIFF", "audio/wav"),
        {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}},
    ),
    "video": (
        Video(url="https://youtu.be/x", media_type="video/mp4"),
        {"fileData": {"fileUri": "https://youtu.be/x", "mimeType": "video/mp4"}},
    ),
    "document": (
        Document.from_bytes(b"%PDF", "application/pdf", "a.pdf"),
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBERg=="}},
    ),
    "uploaded": (
        Document(file_id="https://example.com/v1beta/files/x"),
        {"fileData": {"fileUri": "https://example.com/v1beta/files/x"}},
    ),
    "in a bucket": (
        Image(url="gs://b/a.png", media_type="image/png"),
        {"fileData": {"fileUri": "gs://b/a.png", "mimeType": "image/png"}},
    ),
    "text document": (
        Document(text="A robot.", name="bolt.txt"),
        {"text": '<file name="bolt.txt">\nA robot.\n</file>'},
    ),
}


@pytest.mark.parametrize(("part", "expected"), PARTS.values(), ids=PARTS.keys())
def test_parts_of_a_user_message(part: UserContent, expected: Json) -> None:
    """In the order in which they were given."""
    assert turns(user("Look:", part)) == [("user", [{"text": "Look:"}, expected])]


def test_order_and_roles() -> None:
    """Context is part of the first turn; what the system says stands apart; neighbours are one."""
    history = (system("Be kind."), HI, user("there"), assistant("Hello"), assistant("!"), HI)
    body = encoded(*history, preamble="Be brief.", documents=(Document(text="A robot."),))
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}
    assert body["contents"] == [
        {
            "role": "user",
            "parts": [{"text": "<file>\nA robot.\n</file>"}, {"text": "Hi"}, {"text": "there"}],
        },
        {"role": "model", "parts": [{"text": "Hello"}, {"text": "!"}]},
        HI_TURN,
    ]


def test_a_turn_of_which_nothing_is_left() -> None:
    """It is left out, and those around it become one."""
    sealed = Reasoning((ReasoningEncrypted("x"),), origin="openai_responses")
    assert turns(HI, assistant(sealed, ""), HI) == [("user", [{"text": "Hi"}, {"text": "Hi"}])]


# what the model said --------------------------------------------------------------------------

OWN: JsonObject = {"executableCode": {"code": "1"}, "thoughtSignature": "s"}


def test_the_model_s_parts_go_back_as_they_came() -> None:
    """In place, each with its own signature."""
    message = assistant(
        Reasoning((ReasoningText("I see", "t"), ReasoningText("so")), origin="gemini_generate"),
        ProviderBlock("executableCode", OWN, "gemini_generate"),
        Text("Yes", {"thoughtSignature": "u"}),
        "and",
        Image(data="AAAA", media_type="image/png", provider_data={"thoughtSignature": "v"}),
        ToolCall("c-1", "add", {"x": 1}, signature="w"),
        ToolCall("c-2", "sub"),
        Text("", {"thoughtSignature": "z"}),
    )
    image: JsonObject = {"mimeType": "image/png", "data": "AAAA"}
    assert turns(HI, message)[1] == (
        "model",
        [
            {"text": "I see", "thought": True, "thoughtSignature": "t"},
            {"text": "so", "thought": True},
            OWN,
            {"text": "Yes", "thoughtSignature": "u"},
            {"text": "and"},
            {"inlineData": image, "thoughtSignature": "v"},
            {"functionCall": {"name": "add", "args": {"x": 1}}, "thoughtSignature": "w"},
            {"functionCall": {"name": "sub", "args": {}}},
            {"text": "", "thoughtSignature": "z"},
        ],
    )


def test_what_other_providers_said() -> None:
    """Words and calls go on; their thoughts, marks and own parts do not."""
    message = assistant(
        Reasoning((ReasoningText("I see", "t"),), origin="anthropic_messages"),
        ProviderBlock("web_search_call", {"type": "web_search_call"}, "openai_responses"),
        Text("Yes", {"id": "msg-1"}),
        ToolCall("c-1", "add", item_id="fc-1", provider_data={"type": "custom_tool_call"}),
    )
    (turn,) = turns(message)
    assert turn == ("model", [{"text": "Yes"}, {"functionCall": {"name": "add", "args": {}}}])


def test_thoughts_that_were_written_by_hand() -> None:
    """Their origin is nobody's, so they are sent."""
    block = Reasoning((ReasoningText("I see"), ReasoningSummary("So."), ReasoningEncrypted("x")))
    parts = [{"text": "I see", "thought": True}, {"text": "So.", "thought": True}]
    assert turns(assistant(block)) == [("model", parts)]


UNSIGNED = "skip_thought_signature_validator"


@pytest.mark.parametrize(
    ("model", "signature"),
    [
        ("gemini-3-pro-preview", UNSIGNED),
        ("publishers/google/models/gemini-3-pro-preview", UNSIGNED),
        ("gemini-flash-latest", UNSIGNED),
        ("gemini-2.5-pro", None),
        ("tunedModels/mine", None),
        ("gemma-3-27b-it", None),
    ],
)
def test_calls_without_a_signature(model: str, signature: str | None) -> None:
    """Models that want one on the first call of a turn get Google's word for none."""
    turn = assistant("Let me see.", ToolCall("a", "add"), ToolCall("b", "add"))
    (_, parts), *_ = turns(turn, model=model)
    assert [part.get("thoughtSignature") for part in parts] == [None, signature, None]
    signed = assistant(ToolCall("a", "add", signature="s"), ToolCall("b", "add"))
    (_, parts), *_ = turns(signed, model=model)
    assert [part.get("thoughtSignature") for part in parts] == ["s", None]


# results --------------------------------------------------------------------------------------

GIVEN: JsonObject = {"functionCall": {"id": "c-1"}}
RESULTS: dict[str, tuple[ToolResult, JsonObject]] = {
    "text": (ToolResult("a", (Text("3"),)), {"result": "3"}),
    "texts": (ToolResult("a", (Text("3"), Text("4"))), {"result": "34"}),
    "an object": (ToolResult("a", (Text('{"sum": 3}'),)), {"sum": 3}),
    "an array": (ToolResult("a", (Text("[3]"),)), {"result": [3]}),
    "no text": (ToolResult("a", ()), {"result": ""}),
    "an error": (ToolResult("a", (Text("[3]"),), is_error=True), {"error": "[3]"}),
    "an image alone": (ToolResult("a", (Image(url="gs://b/a", media_type="image/png"),)), {}),
}


@pytest.mark.parametrize(("result", "response"), RESULTS.values(), ids=RESULTS.keys())
def test_results(result: ToolResult, response: JsonObject) -> None:
    """Always an object; the name is that of the call."""
    parts = turns(assistant(ToolCall("a", "add")), user(result))[1][1]
    inner = dict(parts[0]["functionResponse"])
    media = inner.pop("parts", None)
    assert inner == {"name": "add", "response": response}
    image: JsonObject = {"fileUri": "gs://b/a", "mimeType": "image/png"}
    assert media == (None if response else [{"fileData": image}])


def test_images_in_a_result() -> None:
    """They stand beside the response."""
    parts = turns(user(ToolResult("a", (Text("Here:"), PNG), name="look")))[0][1]
    expected = {"name": "look", "response": {"result": "Here:"}, "parts": [PNG_PART]}
    assert parts == [{"functionResponse": expected}]


def test_results_are_told_by_id_where_there_is_one() -> None:
    """Only by the id that Gemini gave; the name in the result counts more than the call's."""
    calls = assistant(ToolCall("c-1", "add", provider_data=GIVEN), ToolCall("a", "sub"))
    results = user(ToolResult("c-1", (Text("3"),), name="sum"), ToolResult("a", (Text("4"),)))
    (_, called), (_, answered) = turns(calls, results)
    assert called[0] == {"functionCall": {"name": "add", "args": {}, "id": "c-1"}}
    assert "id" not in called[1]["functionCall"]
    responses = [part["functionResponse"] for part in answered]
    assert [(r["name"], r.get("id")) for r in responses] == [("sum", "c-1"), ("sub", None)]


def test_results_stand_in_the_order_of_their_calls() -> None:
    """That is how those of one tool are told apart; what the user says comes after them."""
    calls = assistant(*(ToolCall(name, "add") for name in "abc"))
    late = [user("And?", ToolResult("c", (Text("3"),))), user(*(_result(n) for n in "ba"))]
    (_, parts) = turns(calls, *late)[1]
    results = [part["functionResponse"]["response"]["result"] for part in parts[:3]]
    assert results == ["a", "b", "3"]
    assert parts[3:] == [{"text": "And?"}]


def test_results_of_several_tools_stay_as_they_were_given() -> None:
    """Their names tell them apart; only those of one tool change places."""
    calls = assistant(ToolCall("a", "add"), ToolCall("s", "sub"), ToolCall("b", "add"))
    (_, parts) = turns(calls, user("And?", *(_result(n) for n in "bsa")))[1]
    results = [part["functionResponse"]["response"]["result"] for part in parts[:3]]
    assert results == ["a", "s", "b"]


def test_an_id_that_comes_again_is_that_of_the_last_call() -> None:
    """Ids of one's own may be used twice."""
    first, second = assistant(ToolCall("a", "add")), assistant(ToolCall("a", "sub"))
    contents = turns(first, user(_result("a")), second, user(_result("a")))
    assert [contents[i][1][0]["functionResponse"]["name"] for i in (1, 3)] == ["add", "sub"]


def _result(call_id: str) -> ToolResult:
    return ToolResult(call_id, (Text(call_id),))


# there and back -------------------------------------------------------------------------------

SAID: list[Json] = [
    {"text": "I see", "thought": True},
    {"text": "Let me", "thoughtSignature": "s"},
    {"text": " see."},
    {"functionCall": {"name": "add", "args": {"x": 1}}, "thoughtSignature": "t"},
    {"functionCall": {"name": "add", "args": {}, "id": "c-2"}},
    {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "thoughtSignature": "u"},
    {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}},
    {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "v"},
    {"codeExecutionResult": {"outcome": "OUTCOME_OK"}},
    {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "id": "x"}, "thoughtSignature": "w"},
    {"text": "", "thoughtSignature": "z"},
]


def test_an_answer_goes_back_as_it_came() -> None:
    """Part for part, also out of a history that was written down."""
    content: JsonObject = {"role": "model", "parts": SAID}
    body: JsonObject = {"candidates": [{"content": content, "finishReason": "STOP"}]}
    parts = Parts(WIRE.name)
    assert len(list(parts.feed_all(WIRE.decode_body(compact(body).encode())))) > len(SAID)
    history = load_messages(dump_messages([HI, parts.response().message]))
    for model in ("gemini-2.5-flash", "gemini-3-flash-preview"):
        assert turns(*history, model=model)[1] == ("model", SAID)


# what cannot be sent --------------------------------------------------------------------------

REFUSED: dict[str, tuple[tuple[Message, ...], dict[str, Any], str]] = {
    "one call at a time": ((HI,), {"parallel_tool_calls": False}, "leave parallel_tool_calls out"),
    "effort and budget": (
        (HI,),
        {"reasoning": ReasoningOptions("low", 7)},
        "give one of them",
    ),
    "an unknown effort": ((HI,), {"reasoning": ReasoningOptions("max")}, "minimal, low, medium"),
    "bytes of no type": ((user(Image(data="AAAA")),), {}, "give media_type"),
    "a result of nobody": ((user(_result("a")),), {}, "ToolResult(name=...)"),
}


@pytest.mark.parametrize(("messages", "fields", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_sent_is_refused(
    messages: tuple[Message, ...], fields: dict[str, Any], words: str
) -> None:
    """The message says what to write instead."""
    with pytest.raises(ConfigError) as caught:
        encoded(*messages, **fields)
    assert words in str(caught.value)
