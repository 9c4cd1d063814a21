"""What the caller says in a provider's own words, on every wire."""

from __future__ import annotations

import pytest
from msgspec import Struct

from rig_sync._json import Json, JsonObject
from rig_sync.completion import CompletionRequest
from rig_sync.errors import ConfigError
from rig_sync.message import (
    Document,
    Image,
    Message,
    ProviderBlock,
    Text,
    ToolCall,
    ToolResult,
    assistant,
    user,
)
from rig_sync.wire.anthropic_messages import AnthropicMessages
from rig_sync.wire.base import Wire
from rig_sync.wire.bedrock_converse import BedrockConverse
from rig_sync.wire.cohere_chat import CohereChat
from rig_sync.wire.gemini_generate import GeminiGenerate
from rig_sync.wire.gemini_interactions import GeminiInteractions
from rig_sync.wire.ollama_chat import OllamaChat
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_responses import OpenAIResponses

OWN: JsonObject = {"type": "news", "a": [1]}
BLOCK = ProviderBlock("news", OWN)
CALL = assistant(ToolCall("a", "look"))
ALL: tuple[Wire, ...] = (
    AnthropicMessages(),
    BedrockConverse(),
    CohereChat(),
    GeminiGenerate(),
    GeminiInteractions(),
    OllamaChat(),
    OpenAIChat(),
    OpenAIResponses(),
)
each_wire = pytest.mark.parametrize("wire", ALL, ids=lambda wire: wire.name)


def said(wire: Wire, *messages: Message) -> list[Json]:
    """The history, as the wire writes it."""
    body = wire.encode(CompletionRequest("m", messages), stream=False)
    (history,) = (body[name] for name in ("messages", "contents", "input") if name in body)
    assert isinstance(history, list)
    return history


class Place(Struct):
    """Where a block goes on one wire: between two texts, and in a result after a text."""

    wire: Wire
    message: list[Json]
    result: list[Json]


def text(word: str) -> JsonObject:
    return {"type": "text", "text": word}


def from_user(*content: Json) -> JsonObject:
    return {"role": "user", "content": list(content)}


PLACES = [
    Place(
        AnthropicMessages(),
        [from_user(text("See"), OWN, text("Well?"))],
        [from_user({"type": "tool_result", "tool_use_id": "a", "content": [text("Found:"), OWN]})],
    ),
    Place(
        BedrockConverse(),
        [from_user({"text": "See"}, OWN, {"text": "Well?"})],
        [from_user({"toolResult": {"toolUseId": "a", "content": [{"text": "Found:"}, OWN]}})],
    ),
    Place(
        CohereChat(),
        [from_user(text("See"), OWN, text("Well?"))],
        [{"role": "tool", "tool_call_id": "a", "content": [text("Found:"), OWN]}],
    ),
    Place(
        GeminiGenerate(),
        [{"role": "user", "parts": [{"text": "See"}, OWN, {"text": "Well?"}]}],
        [
            {
                "role": "user",
                "parts": [
                    {
                        "functionResponse": {
                            "name": "look",
                            "response": {"result": "Found:"},
                            "parts": [OWN],
                        }
                    }
                ],
            }
        ],
    ),
    Place(
        GeminiInteractions(),
        [{"type": "user_input", "content": [text("See"), OWN, text("Well?")]}],
        [
            {
                "type": "user_input",
                "content": [
                    {
                        "type": "function_result",
                        "call_id": "a",
                        "name": "look",
                        "result": [text("Found:"), OWN],
                    }
                ],
            }
        ],
    ),
    Place(
        OpenAIChat(),
        [from_user(text("See"), OWN, text("Well?"))],
        [{"role": "tool", "tool_call_id": "a", "content": "Found:"}, from_user(OWN)],
    ),
    Place(
        OpenAIResponses(),
        [{"role": "user", "content": "See"}, OWN, {"role": "user", "content": "Well?"}],
        [
            {
                "type": "function_call_output",
                "call_id": "a",
                "output": [{"type": "input_text", "text": "Found:"}, OWN],
            }
        ],
    ),
]
each_place = pytest.mark.parametrize("place", PLACES, ids=lambda place: place.wire.name)


@each_place
def test_a_block_stands_where_it_was_put(place: Place) -> None:
    """As the caller wrote it, between what else the message says."""
    assert said(place.wire, user("See", BLOCK, "Well?")) == place.message


@each_place
def test_a_block_in_a_result(place: Place) -> None:
    """Beside the words where results take blocks, else after them."""
    result = ToolResult("a", (Text("Found:"), BLOCK))
    begin = len(said(place.wire, user("Hi"), CALL))
    assert said(place.wire, user("Hi"), CALL, user(result))[begin:] == place.result


@each_place
def test_the_wire_that_it_names_sends_it(place: Place) -> None:
    """No other does; a caller need not name one."""
    own = ProviderBlock("news", OWN, place.wire.name)
    assert said(place.wire, user("See", own, "Well?")) == place.message


FOREIGN = ProviderBlock("news", OWN, "another_wire")


@each_wire
def test_blocks_of_another_wire_are_left_out(wire: Wire) -> None:
    """And so is a message that has nothing else; a result stays, for its call wants one."""
    history = (user("Hi"), CALL, user(ToolResult("a", (Text("2"),))))
    foreign = (user("Hi", FOREIGN), CALL, user(ToolResult("a", (Text("2"), FOREIGN)), FOREIGN))
    assert said(wire, *foreign, user(FOREIGN)) == said(wire, *history)
    empty = user(ToolResult("a", (FOREIGN,)))
    assert said(wire, user("Hi"), CALL, empty) == said(
        wire, user("Hi"), CALL, user(ToolResult("a", ()))
    )


@pytest.mark.parametrize(
    "wire",
    [AnthropicMessages(), CohereChat(), OllamaChat(), OpenAIChat(), OpenAIResponses()],
    ids=lambda wire: wire.name,
)
def test_a_block_with_a_role_is_a_message_of_its_own(wire: Wire) -> None:
    """Between those of the user's, with whatever role the provider knows."""
    whole: JsonObject = {"role": "developer", "content": [text("Be brief.")]}
    first, block, last = said(wire, user("Hi", ProviderBlock("message", whole), "Well?"))
    assert block == whole
    assert [first] == said(wire, user("Hi"))
    assert [last] == said(wire, user("Well?"))


def test_text_of_such_a_message_is_a_block_for_anthropic() -> None:
    """The API takes both, and cache markers stand on blocks."""
    whole: JsonObject = {"role": "system", "content": "Be brief."}
    history = said(AnthropicMessages(), user("Hi", ProviderBlock("message", whole)))
    assert history[1] == {"role": "system", "content": [text("Be brief.")]}


def test_a_cache_marker_does_not_change_the_callers_block() -> None:
    """It is on what is sent alone."""
    wire = AnthropicMessages(cache="5m")
    (message,) = said(wire, user("See", BLOCK))
    assert isinstance(message, dict)
    assert message["content"] == [text("See"), {**OWN, "cache_control": {"type": "ephemeral"}}]
    assert "cache_control" not in OWN


@pytest.mark.parametrize("message", [user(BLOCK), user(ToolResult("a", (BLOCK,)))])
def test_ollama_has_no_blocks(message: Message) -> None:
    """It says so before anything is sent."""
    with pytest.raises(ConfigError, match="whole message, with its role"):
        said(OllamaChat(), message)


def test_items_of_responses_keep_their_order() -> None:
    """Also beside results and media."""
    image = Image(url="https://example.com/a.png")
    content = (ToolResult("a", ()), BLOCK, ToolResult("b", ()), Text("Look"), image, BLOCK)
    kinds = [
        item.get("type", item.get("role"))
        for item in said(OpenAIResponses(), user(*content))
        if isinstance(item, dict)
    ]
    assert kinds == ["function_call_output", "news", "function_call_output", "user", "news"]


def test_other_media_of_a_result_follow_it_in_cohere() -> None:
    """Only words and Cohere's own blocks may stand in one."""
    result = ToolResult("a", (Document(text="Bolt"), BLOCK))
    answer, after = said(CohereChat(), user(result))
    assert answer == {"role": "tool", "tool_call_id": "a", "content": [OWN]}
    assert after == from_user(text("<file>\nBolt\n</file>"))


def test_repr_keeps_the_payload_to_itself() -> None:
    """It may be long, and it may be secret."""
    assert repr(user(BLOCK)) == "UserMessage(content=(ProviderBlock('news'),))"
