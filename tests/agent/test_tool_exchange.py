"""What a tool is given, and what becomes of what it gives."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import NamedTuple

import pytest

from rig_sync import (
    Agent,
    Image,
    ModelRetry,
    Text,
    ToolContext,
    ToolError,
    ToolProgress,
    Usage,
    tool,
)
from rig_sync._json import JsonObject
from rig_sync.completion import ToolDefinition
from rig_sync.tools import run_streaming
from tests.agent.both_ways import Answer, calls, says
from tests.agent.scripting import WAYS, Way, results, told
from tests.conftest import ModelFactory, ServerFactory

DONE = says("Done.")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


def numbered(count: int, name: str = "work") -> Answer:
    """A turn that calls a tool with the numbers from 0."""
    return calls(*[(name, {"number": number}) for number in range(count)])


class Shop(NamedTuple):
    prices: dict[str, int]


@pytest.mark.parametrize("concurrency", [1, 2])
def test_dependencies_and_the_run_around(
    server: ServerFactory, model: ModelFactory, way: Way, concurrency: int
) -> None:
    """A tool gets the caller's own object, and knows its call, turn and agent."""
    shop = Shop({"tea": 3})
    seen: list[tuple[object, ...]] = []

    @tool
    def price(of: str, context: ToolContext[Shop]) -> int:
        """The price of a thing."""
        assert context.deps is shop
        seen.append((context.call_id, context.turn, context.agent_name, context.approved))
        return context.deps.prices[of]

    served = server(says("Ask."), calls(("price", {"of": "tea"}), ("price", {"of": "gin"})), DONE)
    agent = Agent(model(served), name="clerk", tools=[price])
    way(agent, "Hi", deps=shop)
    run = way(agent, "Tea?", deps=shop, tool_concurrency=concurrency)
    assert sorted(seen) == [("c0", 1, "clerk", False), ("c1", 1, "clerk", False)]
    assert [one.text for one in results(run.messages)] == ["3", "KeyError: 'gin'"]


@pytest.mark.parametrize("concurrency", [1, 2])
def test_usage_of_a_tool(
    server: ServerFactory, model: ModelFactory, way: Way, concurrency: int
) -> None:
    """What tools report is in the usage of the run, also when they fail."""

    @tool(name="work")
    def costly(number: int, context: ToolContext) -> str:
        """Work."""
        context.report_usage(Usage(input_tokens=100, output_tokens=7))
        if number:
            raise ToolError("no")
        return "ok"

    agent = Agent(model(server(numbered(2), DONE)), tools=[costly])
    run = way(agent, "Hi", tool_concurrency=concurrency)
    assert run.usage == Usage(input_tokens=220, output_tokens=20, total_tokens=26)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ToolError("Try Paris."), "Try Paris."),
        (ModelRetry("A city, please."), "A city, please.\nCorrect the call and try again."),
        (ModelRetry(), "Correct the call and try again."),
        (ValueError("bad"), "ValueError: bad"),
        (KeyError("x"), "KeyError: 'x'"),
        (TimeoutError(), "TimeoutError"),
    ],
    ids=repr,
)
def test_errors_speak_to_the_model(
    server: ServerFactory, model: ModelFactory, way: Way, error: Exception, text: str
) -> None:
    """Words made for the model come alone, others with their type; the run goes on."""

    @tool(name="work")
    def failing(number: int) -> str:
        """Fail."""
        raise error

    served = server(numbered(1), DONE)
    run = way(Agent(model(served), tools=[failing]), "Hi")
    assert told(served.requests[1]) == {"c0": text}
    assert [one.is_error for one in results(run.messages)] == [True]


@pytest.mark.parametrize(
    ("output", "wire"),
    [
        ("plain", "plain"),
        ({"a": [1, None]}, '{"a":[1,null]}'),
        ([1, 2], "[1,2]"),
        (None, "null"),
        (Shop({"tea": 3}), '[{"tea":3}]'),
    ],
    ids=repr,
)
def test_results_reach_the_wire(
    server: ServerFactory, model: ModelFactory, way: Way, output: object, wire: str
) -> None:
    """Text as it is, everything else as JSON."""

    @tool(name="work")
    def giving(number: int) -> object:
        """Give."""
        return output

    served = server(numbered(1), DONE)
    way(Agent(model(served), tools=[giving]), "Hi")
    assert told(served.requests[1]) == {"c0": wire}


def test_images_reach_the_wire(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """Beside their words, so that the model sees both."""

    @tool
    def snap() -> list[object]:
        """Take a picture."""
        return [Text("Here:"), Image(media_type="image/png", data="aGk=")]

    served = server(calls(("snap", {})), DONE)
    run = way(Agent(model(served), tools=[snap]), "Hi")
    assert "Here:" in json.dumps(told(served.requests[1]))
    assert b"data:image/png;base64,aGk=" in served.requests[1].body
    [result] = results(run.messages)
    assert [type(part) for part in result.content] == [Text, Image]


class Counting:
    """A tool that shows how far it is."""

    definition = ToolDefinition("count", "Count.", {"type": "object", "properties": {}})

    def __init__(self, *shown: object) -> None:
        self.shown = shown

    def call(self, arguments: JsonObject, context: ToolContext) -> str:
        return run_streaming(self.stream(arguments, context))

    def stream(self, arguments: JsonObject, context: ToolContext) -> Generator[object, None, str]:
        yield from () if context.cancelled else self.shown
        return f"counted {len(arguments)}"


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_tool_shows_what_it_does(
    server: ServerFactory, model: ModelFactory, concurrency: int
) -> None:
    """Words as they are, other values as JSON, between its start and its result."""
    served = server(calls(("count", {})), DONE)
    agent = Agent(model(served), tools=[Counting("one", {"two": 2})])
    items = list(agent.stream_prompt("Hi", tool_concurrency=concurrency))
    assert [item.content for item in items if isinstance(item, ToolProgress)] == [
        "one",
        '{"two":2}',
    ]
    assert told(served.requests[1]) == {"c0": "counted 0"}


@pytest.mark.parametrize("odd", [object(), [b"x", object()], {(1, 2): 3}, {"a": "\ud800"}])
def test_what_cannot_be_shown(server: ServerFactory, model: ModelFactory, odd: object) -> None:
    """A value that does not go to JSON is shown as what it is; the run goes on."""
    served = server(calls(("count", {})), DONE)
    items = list(Agent(model(served), tools=[Counting(odd)]).stream_prompt("Hi"))
    [shown] = [item.content for item in items if isinstance(item, ToolProgress)]
    assert isinstance(shown, str)
    assert told(served.requests[1]) == {"c0": "counted 0"}
