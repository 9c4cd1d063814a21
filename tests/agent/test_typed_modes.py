"""How the model is told of the type: what each mode puts on the wire, and when it is chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest

from rig_sync import (
    Agent,
    Capabilities,
    ConfigError,
    OutputSchema,
    ReasoningOptions,
    ToolChoice,
    ToolExecutionStarted,
    ToolResult,
    UnknownToolCall,
    UserMessage,
    tool,
)
from rig_sync._json import Json, JsonObject
from rig_sync.agent.steps import ACCEPTED, ANSWERED
from rig_sync.message import Message
from tests.agent.typed_wires import WAYS, WIRES, Speaker, calls, leaves, says
from tests.server import ScriptedServer, error_response

Way = Callable[..., Any]
CHAT = WIRES["openai_chat"]
ANSWER = "final_answer"
ASK = f"When you have the answer, give it by calling the tool `{ANSWER}`, not as text."


@pytest.fixture(params=list(WIRES))
def wire(request: pytest.FixtureRequest) -> Speaker:
    """Each wire."""
    return WIRES[request.param]


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest) -> Way:
    """One-shot, and streamed."""
    return WAYS[request.param]


@dataclass
class Town:
    """A place."""

    name: str
    people: int


RAN: list[str] = []


@tool
def look_up(town: str) -> int:
    """How many people live there."""
    RAN.append(town)
    return 126000


@pytest.fixture(autouse=True)
def ran() -> list[str]:
    """The towns that were looked up in this test."""
    RAN.clear()
    return RAN


TOWN = Town("Ulm", 126000)
ULM: Json = {"name": "Ulm", "people": 126000}
WRONG: Json = {"name": "Ulm", "people": "many"}
ASKS = ("look_up", cast("Json", {"town": "Ulm"}))
GIVES = (ANSWER, ULM)
SCHEMA: JsonObject = {
    "description": "A place.",
    "type": "object",
    "properties": {"name": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["name", "people"],
    "additionalProperties": False,
}


def chat_tool(name: str, description: str, parameters: Json) -> Json:
    inner: Json = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": inner}


def named(description: str, key: str, **more: Json) -> JsonObject:
    """The answer's tool, with its schema under `key`."""
    return {**more, "name": ANSWER, "description": description, key: SCHEMA}


NATIVE: dict[str, JsonObject] = {
    "openai_chat": {
        "model": "scripted",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "Town", "schema": SCHEMA, "strict": True},
        },
    },
    "openai_responses": {
        "model": "gpt-5.5",
        "text": {
            "format": {"type": "json_schema", "name": "Town", "schema": SCHEMA, "strict": True}
        },
    },
    "anthropic_messages": {
        "model": "claude-opus-4-6",
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    },
    "gemini_generate": {
        "generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
    },
}
BY_TOOL: dict[str, JsonObject] = {
    "openai_chat": {
        "model": "scripted",
        "tools": [chat_tool(ANSWER, "A place.", SCHEMA)],
        "tool_choice": {"type": "function", "function": {"name": ANSWER}},
    },
    "openai_responses": {
        "model": "gpt-5.5",
        "tools": [named("A place.", "parameters", type="function")],
        "tool_choice": {"type": "function", "name": ANSWER},
    },
    "anthropic_messages": {
        "model": "claude-opus-4-6",
        "tools": [named("A place.", "input_schema")],
        "tool_choice": {"type": "tool", "name": ANSWER},
    },
    "gemini_generate": {
        "tools": [{"functionDeclarations": [named("A place.", "parametersJsonSchema")]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [ANSWER]}},
    },
}


@pytest.mark.parametrize("name", WIRES)
def test_what_native_puts_on_the_wire(name: str, way: Way) -> None:
    """The provider's own setting, and nothing else."""
    with WIRES[name].playing(says(ULM)) as (model, server):
        assert way(Agent(model), Town, "Go.", output_mode="native") == TOWN
        assert WIRES[name].asked(server.requests[0]) == NATIVE[name]


@pytest.mark.parametrize("name", WIRES)
def test_what_tool_puts_on_the_wire(name: str, way: Way) -> None:
    """A tool that is forced, and no schema."""
    with WIRES[name].playing(calls(GIVES)) as (model, server):
        assert way(Agent(model), Town, "Go.", output_mode="tool") == TOWN
        assert WIRES[name].asked(server.requests[0]) == BY_TOOL[name]


def test_what_prompted_puts_on_the_wire(wire: Speaker, way: Way) -> None:
    """The schema in words, after the preamble; no tool and no setting."""
    with wire.playing(says(ULM)) as (model, server):
        agent = Agent(model, preamble="Be brief.")
        assert way(agent, Town, "Go.", output_mode="prompted") == TOWN
        body = cast("JsonObject", server.requests[0].json)
        words = leaves(body)
        assert "Be brief.\n\nAnswer with one JSON object and nothing else" in words
        assert "It is: A place. The object must fit this JSON Schema:\n{" in words
        known = {"model", wire.history, "instructions", "system", "systemInstruction"}
        known |= {"stream", "stream_options", "store", "include", "max_tokens"}
        assert body.keys() <= known


# the choice ----------------------------------------------------------------------------------

ALONE = Capabilities(native_output_with_tools=False)
BY_TOOLS = Capabilities(structured_output=False)
BY_WORDS = Capabilities(structured_output=False, tools=False)
CHOICES = [
    (Capabilities(), True, "native"),
    (ALONE, False, "native"),
    (ALONE, True, "tool"),
    (BY_TOOLS, False, "tool"),
    (BY_TOOLS, True, "tool"),
    (BY_WORDS, False, "prompted"),
]


def mode_of(body: Json) -> str:
    """The mode that a chat request was made in."""
    assert isinstance(body, dict)
    tooled = ANSWER in leaves(body.get("tools"))
    return "native" if "response_format" in body else "tool" if tooled else "prompted"


@pytest.mark.parametrize(("capabilities", "with_tools", "mode"), CHOICES)
def test_by_what_the_model_can(
    way: Way, capabilities: Capabilities, with_tools: bool, mode: str
) -> None:
    """Native where it goes together with the agent's tools, else by a tool, else in words."""
    turn = calls(GIVES) if mode == "tool" else says(ULM)
    with CHAT.playing(turn, capabilities=capabilities) as (model, server):
        agent = Agent(model, tools=[look_up] if with_tools else ())
        assert way(agent, Town, "Go.") == TOWN
        assert mode_of(cast("Json", server.requests[0].json)) == mode


@pytest.mark.parametrize(
    ("capabilities", "mode", "words"),
    [(BY_TOOLS, "native", "JSON Schema"), (BY_WORDS, "tool", "cannot call tools")],
)
def test_a_mode_that_it_cannot(way: Way, capabilities: Capabilities, mode: str, words: str) -> None:
    """Forced all the same, it is refused before anything is sent."""
    with CHAT.playing(capabilities=capabilities) as (model, server):
        with pytest.raises(ConfigError, match=words):
            way(Agent(model), Town, "Go.", output_mode=mode)
        assert server.requests == []


def test_the_agents_own_schema_gives_way(way: Way) -> None:
    """What the run asks for takes the place of the agent's `output_schema`, in every mode."""
    other = OutputSchema("other", {"type": "object", "properties": {}})
    for mode, turn in (("native", says(ULM)), ("tool", calls(GIVES)), ("prompted", says(ULM))):
        with CHAT.playing(turn) as (model, server):
            way(Agent(model, output_schema=other), Town, "Go.", output_mode=mode)
            assert b"other" not in server.requests[0].body


# the answer's tool, and the agent's ----------------------------------------------------------


@tool(name=ANSWER)
def own(town: str) -> str:
    """The agent's own."""
    return f"{town}!"


def test_a_name_that_is_taken(way: Way) -> None:
    """In tool mode the agent's tools cannot have the answer's name; nothing is sent."""
    with CHAT.playing() as (model, server):
        with pytest.raises(ConfigError, match=f"a tool named '{ANSWER}'.*rename it"):
            way(Agent(model, tools=[own]), Town, "Go.", output_mode="tool")
        assert server.requests == []


@pytest.mark.parametrize("mode", ["native", "prompted"])
def test_a_name_that_is_free(way: Way, mode: str) -> None:
    """In the other modes it is a tool like any, called and answered."""
    with CHAT.playing(calls((ANSWER, {"town": "Ulm"})), says(ULM)) as (model, server):
        assert way(Agent(model, tools=[own]), Town, "Go.", output_mode=mode) == TOWN
        assert CHAT.last(server.requests[1]) == ("tool", "tool c0 Ulm!")


def test_the_tools_first(wire: Speaker, way: Way, ran: list[str]) -> None:
    """Beside other tools the answer's is not forced but asked for, and comes when it is time."""
    with wire.playing(calls(ASKS), calls(GIVES)) as (model, server):
        agent = Agent(model, tools=[look_up], preamble="Be brief.")
        assert way(agent, Town, "Go.", output_mode="tool") == TOWN
        assert ran == ["Ulm"]
        for request in server.requests:
            body = wire.asked(request)
            assert f"Be brief.\n\n{ASK}" in leaves(body) + leaves(cast("Json", request.json))
            assert not body.keys() & {"tool_choice", "toolConfig"}
            assert ANSWER in leaves(body["tools"])


@pytest.mark.parametrize(
    ("settings", "capabilities"),
    [
        ({}, Capabilities(structured_output=False, tool_choice=False)),
        ({"reasoning": ReasoningOptions(effort="low")}, BY_TOOLS),
    ],
)
def test_where_it_cannot_be_forced(
    way: Way, settings: dict[str, Any], capabilities: Capabilities
) -> None:
    """Models that cannot be made to call, or not while they think, are asked for it."""
    with CHAT.playing(calls(GIVES), capabilities=capabilities) as (model, server):
        assert way(Agent(model, **settings), Town, "Go.") == TOWN
        body = cast("JsonObject", server.requests[0].json)
        assert "tool_choice" not in body
        assert ASK in leaves(body)


def test_forced_where_no_other_may_be_called(way: Way) -> None:
    """`ToolChoice("none")` is about the agent's tools: the answer's is called all the same."""
    with CHAT.playing(calls(GIVES)) as (model, server):
        agent = Agent(model, tools=[look_up], tool_choice=ToolChoice("none"))
        assert way(agent, Town, "Go.", output_mode="tool") == TOWN
        forced = CHAT.asked(server.requests[0])["tool_choice"]
        assert forced == {"type": "function", "function": {"name": ANSWER}}


def result_texts(messages: tuple[Message, ...]) -> list[tuple[str, str]]:
    """Id and text of each tool result."""
    parts = [part for one in messages if isinstance(one, UserMessage) for part in one.content]
    return [(part.id, part.text) for part in parts if isinstance(part, ToolResult)]


def test_the_answer_beside_other_calls(wire: Speaker, ran: list[str]) -> None:
    """It ends the run: the other tools do not run, and the history says so."""
    with wire.playing(calls(ASKS, GIVES, ASKS)) as (model, server):
        with Agent(model, tools=[look_up]).stream_typed(Town, "Go.", output_mode="tool") as stream:
            items = list(stream)
        assert stream.output == TOWN
        assert not any(isinstance(item, ToolExecutionStarted) for item in items)
        assert (ran, len(server.requests)) == ([], 1)
        told = [("c0", ANSWERED), ("c1", ACCEPTED), ("c2", ANSWERED)]
        assert result_texts(stream.messages) == told


def test_a_wrong_answer_beside_other_calls(wire: Speaker, way: Way, ran: list[str]) -> None:
    """The others run: the model asked for them, and needs them for the next try."""
    with wire.playing(calls(ASKS, (ANSWER, WRONG)), calls(GIVES)) as (model, server):
        assert way(Agent(model, tools=[look_up]), Town, "Go.", output_mode="tool") == TOWN
        assert ran == ["Ulm"]
        words = leaves(cast("Json", server.requests[1].json))
        assert "126000" in words
        assert "Expected `int`, got `str` - at `$.people`" in words


def test_two_answers_in_one_turn(wire: Speaker, way: Way) -> None:
    """The first that fits is taken."""
    for turn in (calls(GIVES, (ANSWER, WRONG)), calls((ANSWER, WRONG), GIVES)):
        with wire.playing(turn) as (model, server):
            assert way(Agent(model), Town, "Go.", output_mode="tool") == TOWN
            assert len(server.requests) == 1


def test_two_wrong_answers_in_one_turn(wire: Speaker, way: Way) -> None:
    """Both are told why, none is run as a tool, and one retry is used up."""
    turns = (calls((ANSWER, WRONG), (ANSWER, WRONG)), calls(GIVES))
    with wire.playing(*turns) as (model, server):
        agent = Agent(model)
        assert way(agent, Town, "Go.", output_mode="tool", output_retries=1) == TOWN
        words = leaves(cast("Json", server.requests[1].json))
        assert words.count("does not fit what was asked for") == 2


def test_the_answer_beside_an_unknown_call(way: Way) -> None:
    """A call of a tool that is not there fails the run, as it does without a type."""
    turn = calls(GIVES, ("gone", {}))
    with CHAT.playing(turn) as (model, _), pytest.raises(UnknownToolCall, match="gone"):
        way(Agent(model), Town, "Go.", output_mode="tool")


def test_the_answer_in_words_all_the_same(wire: Speaker, way: Way) -> None:
    """Asked for by a tool and given as text, an answer that fits is taken."""
    with wire.playing(says('Here: {"name": "Ulm", "people": 126000}')) as (model, _):
        assert way(Agent(model), Town, "Go.", output_mode="tool") == TOWN


TEXTS = [
    '{"name": "Ulm", "people": 126000}',
    'Sure!\n```json\n{"name": "Ulm", "people": 126000}\n```\nAnything else?',
    'It is {"name": "Ulm", "people": 126000}, as of {2023}.',
]


@pytest.mark.parametrize("text", TEXTS)
def test_fences_and_prose(wire: Speaker, way: Way, text: str) -> None:
    """What models without a schema put around the JSON does not matter."""
    with wire.playing(says(text)) as (model, server):
        assert way(Agent(model), Town, "Go.", output_mode="prompted") == TOWN
        assert len(server.requests) == 1


def test_a_part_of_a_broken_answer_is_none(way: Way) -> None:
    """JSON that is broken is sent back, not searched for a part that happens to fit."""
    broken = '{"name": "Ulm", "people": 1, "twin": {"name": "Bern", "people": 2},}'
    with CHAT.playing(says(broken), says(ULM)) as (model, server):
        assert way(Agent(model), Town, "Go.", output_mode="prompted") == TOWN
        assert "cut off or malformed" in CHAT.last(server.requests[1])[1]


# several models in one run -------------------------------------------------------------------


def test_a_fallback_is_asked_in_its_own_mode(way: Way) -> None:
    """The second model has no schema: it gets the tool, and its call is understood."""
    claude = WIRES["anthropic_messages"]
    with (
        ScriptedServer(error_response(503)) as down,
        CHAT.at(down) as client,
        claude.playing(calls(GIVES), capabilities=BY_TOOLS) as (second, server),
    ):
        agent = Agent(client.completion_model("scripted"), fallbacks=[second])
        assert way(agent, Town, "Go.") == TOWN
        assert mode_of(cast("Json", down.requests[0].json)) == "native"
        assert claude.asked(server.requests[0])["tool_choice"] == {"type": "tool", "name": ANSWER}


def test_a_fallback_shows_its_partials() -> None:
    """What grows is the answer of whoever gives it, in its mode."""
    with (
        CHAT.playing(calls(GIVES), capabilities=BY_TOOLS) as (second, _),
        ScriptedServer(error_response(503)) as down,
        CHAT.at(down) as client,
    ):
        agent = Agent(client.completion_model("scripted"), fallbacks=[second])
        values = [partial.value for partial in agent.stream_typed(Town, "Go.").partials()]
        assert values[-1] == ULM
