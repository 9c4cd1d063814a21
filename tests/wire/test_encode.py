"""Requests as both OpenAI wires write them."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import Struct

from rig_sync._json import Json, parse
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
    system,
    user,
)
from rig_sync.wire.base import Wire
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_chat_request import alternating
from rig_sync.wire.openai_responses import OpenAIResponses

CHAT, RESPONSES = OpenAIChat(), OpenAIResponses()
HI = user("Hi")
SCHEMA: dict[str, Json] = {"type": "object", "properties": {"x": {"type": "integer"}}}
ADD = ToolDefinition("add", "Adds.", SCHEMA)
SUB = ToolDefinition("sub", "Subtracts.", SCHEMA)
PNG = Image.from_bytes(b"\x89PNG", "image/png")
PNG_URL = "data:image/png;base64,iVBORw=="


def encoded(wire: Wire, *messages: Message, stream: bool = False, **fields: Any) -> dict[str, Json]:
    return wire.encode(CompletionRequest("m-1", messages or (HI,), **fields), stream=stream)


# the body around the messages -----------------------------------------------------------------


class Body(Struct):
    """A request, and what it adds to the smallest body of each wire."""

    fields: dict[str, Any]
    chat: dict[str, Json]
    responses: dict[str, Json]


CHAT_TOOL: Json = {
    "type": "function",
    "function": {"name": "add", "description": "Adds.", "parameters": SCHEMA},
}
RESPONSES_TOOL: Json = {
    "type": "function",
    "name": "add",
    "description": "Adds.",
    "parameters": SCHEMA,
}
BODIES = {
    "nothing": Body({}, {}, {}),
    "numbers": Body(
        {"temperature": 0.0, "top_p": 0.5, "max_tokens": 7, "parallel_tool_calls": False},
        {"temperature": 0.0, "top_p": 0.5, "max_tokens": 7, "parallel_tool_calls": False},
        {"temperature": 0.0, "top_p": 0.5, "max_output_tokens": 7, "parallel_tool_calls": False},
    ),
    "tools": Body({"tools": (ADD,)}, {"tools": [CHAT_TOOL]}, {"tools": [RESPONSES_TOOL]}),
    **{
        f"tool choice {mode}": Body(
            {"tool_choice": ToolChoice(mode)}, {"tool_choice": mode}, {"tool_choice": mode}
        )
        for mode in ("auto", "none", "required")
    },
    "one tool": Body(
        {"tool_choice": ToolChoice("specific", ("add",))},
        {"tool_choice": {"type": "function", "function": {"name": "add"}}},
        {"tool_choice": {"type": "function", "name": "add"}},
    ),
    "reasoning": Body(
        {"reasoning": ReasoningOptions(effort="low")},
        {"reasoning_effort": "low"},
        {"reasoning": {"effort": "low"}},
    ),
    "schema": Body(
        {"output_schema": OutputSchema("point", SCHEMA)},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "point", "schema": SCHEMA, "strict": True},
            }
        },
        {
            "text": {
                "format": {
                    "type": "json_schema",
                    "name": "point",
                    "schema": SCHEMA,
                    "strict": True,
                }
            }
        },
    ),
    "additional params win": Body(
        {"temperature": 0.5, "additional_params": {"temperature": 1, "user": "u", "model": "m-1"}},
        {"temperature": 1, "user": "u"},
        {"temperature": 1, "user": "u"},
    ),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_bodies(body: Body) -> None:
    """What was not set is not sent; what was set has the wire's own name."""
    small: dict[str, Json] = {"role": "user", "content": "Hi"}
    assert encoded(CHAT, **body.fields) == {"model": "m-1", "messages": [small], **body.chat}
    assert encoded(RESPONSES, **body.fields) == {"model": "m-1", "input": [small], **body.responses}


def test_what_streaming_adds() -> None:
    """Chat also asks for usage, unless the server refuses to be asked."""
    added = {"stream": True, "stream_options": {"include_usage": True}}
    assert encoded(CHAT, stream=True) == {**encoded(CHAT), **added}
    shy = OpenAIChat(include_usage=False)
    assert encoded(shy, stream=True) == {**encoded(CHAT), "stream": True}
    assert encoded(RESPONSES, stream=True) == {**encoded(RESPONSES), "stream": True}


def test_additional_params_win_over_streaming_too() -> None:
    """They are merged last of all."""
    body = encoded(CHAT, stream=True, additional_params={"stream_options": None})
    assert body["stream_options"] is None


def test_fields_that_servers_name_otherwise() -> None:
    """The row of a provider says how."""
    wire = OpenAIChat(max_tokens_field="max_completion_tokens", required_word="any")
    body = encoded(wire, max_tokens=7, tools=(ADD,), tool_choice=ToolChoice("required"))
    assert body["max_completion_tokens"] == 7
    assert "max_tokens" not in body
    assert body["tool_choice"] == "any"


def test_stop_and_seed_are_of_chat_alone() -> None:
    """The Responses API has neither."""
    body = encoded(CHAT, stop=("\n", "END"), seed=7)
    assert (body["stop"], body["seed"]) == (["\n", "END"], 7)


def test_several_allowed_tools_are_of_responses_alone() -> None:
    """Chat completions can force one."""
    choice = ToolChoice("specific", ("add", "sub"))
    body = encoded(RESPONSES, tools=(ADD, SUB), tool_choice=choice)
    names = [{"type": "function", "name": name} for name in ("add", "sub")]
    assert body["tool_choice"] == {"type": "allowed_tools", "mode": "required", "tools": names}


def test_reasoning_summary_is_of_responses_alone() -> None:
    """Chat completions tell nothing of it."""
    options = ReasoningOptions(effort="low", summary="auto")
    assert encoded(RESPONSES, reasoning=options)["reasoning"] == {
        "effort": "low",
        "summary": "auto",
    }


@pytest.mark.parametrize("wire", [CHAT, RESPONSES], ids=["chat", "responses"])
def test_path(wire: Wire) -> None:
    """The route, whatever is asked."""
    request = CompletionRequest("m-1", (HI,))
    wanted = {"openai_chat": "/chat/completions", "openai_responses": "/responses"}[wire.name]
    assert {wire.path(request, stream=stream) for stream in (True, False)} == {wanted}
    assert OpenAIChat(route="/x").path(request, stream=True) == "/x"


# what the user says ---------------------------------------------------------------------------


class Part(Struct):
    """One part of a user message, and how each wire writes it."""

    part: UserContent
    chat: Json
    responses: Json


PARTS = {
    "text": Part(Text("Hi"), {"type": "text", "text": "Hi"}, {"type": "input_text", "text": "Hi"}),
    "image": Part(
        PNG,
        {"type": "image_url", "image_url": {"url": PNG_URL}},
        {"type": "input_image", "image_url": PNG_URL},
    ),
    "image elsewhere": Part(
        Image(url="https://example.com/a.png", detail="low"),
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
        {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"},
    ),
    "text document": Part(
        Document(text="A robot.", name="bolt.txt"),
        {"type": "text", "text": '<file name="bolt.txt">\nA robot.\n</file>'},
        {"type": "input_text", "text": '<file name="bolt.txt">\nA robot.\n</file>'},
    ),
    "text document without a name": Part(
        Document(text="A robot."),
        {"type": "text", "text": "<file>\nA robot.\n</file>"},
        {"type": "input_text", "text": "<file>\nA robot.\n</file>"},
    ),
    "document": Part(
        Document.from_bytes(b"%PDF", "application/pdf", "a.pdf"),
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
        },
        {
            "type": "input_file",
            "filename": "a.pdf",
            "file_data": "data:application/pdf;base64,JVBERg==",
        },
    ),
    "uploaded document": Part(
        Document(file_id="file-1"),
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "input_file", "file_id": "file-1"},
    ),
}


@pytest.mark.parametrize("case", PARTS.values(), ids=PARTS.keys())
def test_parts_of_a_user_message(case: Part) -> None:
    """Beside a text, so that the content is a list."""
    message = user("Look:", case.part)
    first: Json = {"type": "text", "text": "Look:"}
    assert encoded(CHAT, message)["messages"] == [{"role": "user", "content": [first, case.chat]}]
    first = {"type": "input_text", "text": "Look:"}
    body = encoded(RESPONSES, message)
    assert body["input"] == [{"role": "user", "content": [first, case.responses]}]


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [("audio/wav", "wav"), ("audio/x-wav", "wav"), ("audio/mpeg", "mp3"), ("audio/flac", "flac")],
)
def test_audio_in_chat(media_type: str, kind: str) -> None:
    """The format has the name that OpenAI has for it."""
    (message,) = _list(encoded(CHAT, user(Audio.from_bytes(b"RIFF", media_type)))["messages"])
    sound = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": kind}}
    assert message["content"] == [sound]


def test_video_in_chat() -> None:
    """As the compatible servers take it."""
    (message,) = _list(encoded(CHAT, user(Video(url="https://example.com/v")))["messages"])
    assert message["content"] == [
        {"type": "video_url", "video_url": {"url": "https://example.com/v"}}
    ]


def test_uploaded_and_fetched_media_in_responses() -> None:
    """It takes files by id and documents by address."""
    parts = (Image(file_id="file-1"), Document(url="https://example.com/a.pdf"))
    (message,) = _list(encoded(RESPONSES, user(*parts))["input"])
    assert message["content"] == [
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
    ]


def test_order_of_preamble_documents_and_history() -> None:
    """The preamble first, then context, then what was said."""
    fields: dict[str, Any] = {"preamble": "Be brief.", "documents": (Document(text="A robot."),)}
    context = "<file>\nA robot.\n</file>"
    body = encoded(CHAT, system("Be kind."), user("Hi"), assistant("Hello"), HI, **fields)
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": context}]},
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "Hi"},
    ]
    body = encoded(RESPONSES, system("Be kind."), user("Hi"), assistant("Hello"), HI, **fields)
    assert body["instructions"] == "Be brief."
    assert body["input"] == [
        {"role": "user", "content": [{"type": "input_text", "text": context}]},
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "Hi"},
    ]


# history --------------------------------------------------------------------------------------

CALLS = (
    ToolCall("call-1", "add", {"x": 1, "é": [None]}, item_id="fc-1"),
    ToolCall("call-2", "sub", malformed="x=1"),
)
RESULTS = user(
    ToolResult("call-1", (Text("3"), PNG)),
    "And now?",
    ToolResult("call-2", (Text("not "), Text("run")), is_error=True),
)


def test_calls_and_results_in_chat() -> None:
    """A message for each result; what is no text follows as the user's, in order."""
    body = encoded(CHAT, HI, assistant("Let me see.", *CALLS), RESULTS)
    _, called, first, second, rest = _list(body["messages"])
    assert called["content"] == "Let me see."
    made = [call["function"] for call in _list(called["tool_calls"])]
    assert [call["id"] for call in _list(called["tool_calls"])] == ["call-1", "call-2"]
    assert [(call["name"], parse(call["arguments"])) for call in made] == [
        ("add", {"x": 1, "é": [None]}),
        ("sub", {}),
    ]
    assert first == {"role": "tool", "tool_call_id": "call-1", "content": "3"}
    assert second == {"role": "tool", "tool_call_id": "call-2", "content": "not run"}
    picture = {"type": "image_url", "image_url": {"url": PNG_URL}}
    assert rest["content"] == [picture, {"type": "text", "text": "And now?"}]


def test_images_of_several_results_keep_their_order_in_chat() -> None:
    """The model counts them."""
    pictures = [Image(url=f"https://example.com/{number}.png") for number in range(3)]
    results = [ToolResult(f"call-{n}", (picture,)) for n, picture in enumerate(pictures)]
    calls = [ToolCall(f"call-{n}", "look") for n in range(3)]
    *_, rest = _list(encoded(CHAT, assistant(*calls), user(*results))["messages"])
    urls = [part["image_url"]["url"] for part in _list(rest["content"])]
    assert urls == [picture.url for picture in pictures]


def test_calls_and_results_in_responses() -> None:
    """Item for item; a result with more than text is a list."""
    body = encoded(RESPONSES, HI, assistant("Let me see.", *CALLS), RESULTS)
    _, said, first, second, *results, rest = _list(body["input"])
    assert said == {"role": "assistant", "content": "Let me see."}
    assert parse(first.pop("arguments")) == {"x": 1, "é": [None]}
    assert first == {"type": "function_call", "call_id": "call-1", "name": "add", "id": "fc-1"}
    assert "id" not in second
    assert results == [
        {
            "type": "function_call_output",
            "call_id": "call-1",
            "output": [
                {"type": "input_text", "text": "3"},
                {"type": "input_image", "image_url": PNG_URL},
            ],
        },
        {"type": "function_call_output", "call_id": "call-2", "output": "not run"},
    ]
    assert rest == {"role": "user", "content": "And now?"}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (assistant(CALLS[0]), None),
        (assistant("a", "b"), "ab"),
    ],
)
def test_content_of_an_assistant_message_in_chat(message: Message, expected: Json) -> None:
    """Null beside calls alone; never missing."""
    (encoded_message,) = _list(encoded(CHAT, message)["messages"])
    assert encoded_message["content"] == expected


@pytest.mark.parametrize("wire", [CHAT, OpenAIChat(reasoning_field="reasoning_content")])
@pytest.mark.parametrize(
    "cut", [assistant(), assistant(""), assistant(Reasoning((ReasoningText("hm"),)))]
)
def test_a_turn_that_says_nothing_in_chat(wire: Wire, cut: Message) -> None:
    """Servers refuse an empty message; what broke off in its thoughts is left out."""
    assert encoded(wire, HI, cut, user("Go on"))["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "user", "content": "Go on"},
    ]


def test_turns_that_alternate() -> None:
    """Perplexity refuses two messages of one side in a row."""
    wire = OpenAIChat(adapt=alternating)
    said: list[Message] = [
        HI,
        user("Hello?"),
        assistant("Yes"),
        assistant("?"),
        user("See", PNG),
        user("This"),
    ]
    assert encoded(wire, *said, preamble="Be brief.")["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi\n\nHello?"},
        {"role": "assistant", "content": "Yes\n\n?"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "See"},
                {"type": "image_url", "image_url": {"url": PNG_URL}},
                {"type": "text", "text": "This"},
            ],
        },
    ]


DETAILS: Json = [{"type": "reasoning.text", "text": "I see", "signature": "s"}]
THOUGHTS = (
    Reasoning((ReasoningText("I see", "s"),), provider_data={"reasoning_details": DETAILS}),
    Reasoning((ReasoningText(", so"),)),
)


@pytest.mark.parametrize(
    ("wire", "fields"),
    [
        (OpenAIChat(), {}),
        (OpenAIChat(reasoning_field="reasoning"), {"reasoning": "I see, so"}),
        (OpenAIChat(reasoning_field="reasoning_content"), {"reasoning_content": "I see, so"}),
        (OpenAIChat(reasoning_field="reasoning_details"), {"reasoning_details": DETAILS}),
    ],
)
def test_thoughts_in_chat(wire: Wire, fields: dict[str, Json]) -> None:
    """They go back only where the server wants them."""
    (message,) = _list(encoded(wire, assistant(*THOUGHTS, "Yes"))["messages"])
    assert message == {"role": "assistant", "content": "Yes", **fields}


def test_thoughts_inside_the_content() -> None:
    """Mistral's way: parts of the content, in order; a string where there are none."""
    wire = OpenAIChat(reasoning_field="content")
    silent = Reasoning((ReasoningEncrypted("sealed"),))
    message = assistant(THOUGHTS[1], silent, "Yes", CALLS[0])
    (thinking,) = _list(encoded(wire, message)["messages"])
    assert thinking["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": ", so"}]},
        {"type": "text", "text": "Yes"},
    ]
    assert len(thinking["tool_calls"]) == 1
    (plain,) = _list(encoded(wire, assistant(silent, "Yes"))["messages"])
    assert plain == {"role": "assistant", "content": "Yes"}


def test_custom_tools_in_responses() -> None:
    """Free text goes back as such, and so does the result of the call."""
    custom = ToolCall("call-1", "sql", {"input": "SELECT 1"}, provider_data=CUSTOM)
    empty = ToolCall("call-2", "sql", provider_data=CUSTOM)
    results = user(ToolResult("call-1", (Text("1"),)), ToolResult("call-3", (Text("2"),)))
    body = encoded(RESPONSES, assistant(custom, empty, ToolCall("call-3", "add")), results)
    first, second, third, one, two = _list(body["input"])
    assert first == {**CUSTOM, "call_id": "call-1", "name": "sql", "input": "SELECT 1"}
    assert second == {**CUSTOM, "call_id": "call-2", "name": "sql", "input": ""}
    assert third["type"] == "function_call"
    assert one == {"type": "custom_tool_call_output", "call_id": "call-1", "output": "1"}
    assert two == {"type": "function_call_output", "call_id": "call-3", "output": "2"}


CUSTOM: dict[str, Json] = {"type": "custom_tool_call"}


def test_what_other_wires_kept_with_a_call_stays_here() -> None:
    """Only the Responses API gives calls an id as an item."""
    kept: dict[str, Json] = {"functionCall": {"id": "f-1"}}
    call = ToolCall("call-1", "add", {}, provider_data=kept)
    (item,) = _list(encoded(RESPONSES, assistant(call))["input"])
    assert item.keys() == {"type", "call_id", "name", "arguments"}


def test_thoughts_in_responses() -> None:
    """The item as it came, ahead of what it led to; thoughts of other providers are left out."""
    own = Reasoning(
        (ReasoningSummary("First."), ReasoningText("I see"), ReasoningEncrypted("sealed")), "rs-1"
    )
    body = encoded(RESPONSES, assistant(*THOUGHTS, own, "Yes"))
    assert body["input"] == [
        {
            "type": "reasoning",
            "id": "rs-1",
            "summary": [{"type": "summary_text", "text": "First."}],
            "content": [{"type": "reasoning_text", "text": "I see"}],
            "encrypted_content": "sealed",
        },
        {"role": "assistant", "content": "Yes"},
    ]


def test_text_with_an_id_goes_back_as_the_item_that_it_was() -> None:
    """With its phase and status."""
    kept: dict[str, Json] = {"id": "msg-1", "status": "completed", "phase": "commentary"}
    body = encoded(RESPONSES, assistant(Text("Yes", kept)))
    content = [{"type": "output_text", "text": "Yes", "annotations": []}]
    assert body["input"] == [{"type": "message", "role": "assistant", "content": content, **kept}]


# what cannot be sent --------------------------------------------------------------------------

REFUSED: dict[str, tuple[Wire, tuple[Message, ...], dict[str, Any], str]] = {
    "two forced tools in chat": (
        *(CHAT, (HI,)),
        {"tool_choice": ToolChoice("specific", ("add", "sub"))},
        "give ToolChoice one name",
    ),
    "a budget in chat": (CHAT, (HI,), {"reasoning": ReasoningOptions(budget=7)}, "effort"),
    "a document elsewhere in chat": (
        *(CHAT, (user(Document(url="https://example.com/a.pdf")),), {}),
        "give the document as bytes",
    ),
    "an uploaded image in chat": (CHAT, (user(Image(file_id="f-1")),), {}, "as bytes"),
    "audio elsewhere in chat": (CHAT, (user(Audio(url="https://example.com/a")),), {}, "as bytes"),
    "stop in responses": (RESPONSES, (HI,), {"stop": ("x",)}, "completions_api()"),
    "seed in responses": (RESPONSES, (HI,), {"seed": 0}, "completions_api()"),
    "a budget in responses": (
        *(RESPONSES, (HI,), {"reasoning": ReasoningOptions(budget=7)}),
        "effort",
    ),
    "audio in responses": (
        *(RESPONSES, (user(Audio.from_bytes(b"RIFF", "audio/wav")),), {}),
        "completions_api() for audio",
    ),
    "an image of the model's in responses": (RESPONSES, (assistant(PNG),), {}, "history"),
}


@pytest.mark.parametrize(
    ("wire", "messages", "fields", "words"), REFUSED.values(), ids=REFUSED.keys()
)
def test_what_cannot_be_sent_is_refused(
    wire: Wire, messages: tuple[Message, ...], fields: dict[str, Any], words: str
) -> None:
    """The message says what to write instead."""
    with pytest.raises(ConfigError) as caught:
        encoded(wire, *messages, **fields)
    assert words in str(caught.value)


def _list(value: Json) -> list[Any]:
    assert isinstance(value, list)
    return value
