"""Which tools a turn is offered: sets that change, hooks that narrow, an index that searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from rig_sync import (
    Agent,
    CompletionResponse,
    Feedback,
    HookContext,
    PromptError,
    RequestPatch,
    RunFinished,
    ToolChoice,
    ToolExecutionStarted,
    ToolIndex,
    ToolSet,
    hook,
    tool,
    user,
)
from rig_sync.agent.run import dump_run, load_run
from rig_sync.completion import CompletionRequest
from tests.agent.both_ways import calls, says
from tests.agent.scripting import WAYS, Way, offered, results, told
from tests.conftest import ModelFactory, ServerFactory

DONE = says("Done.")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


@tool
def send_mail(text: str) -> str:
    """Send a letter by mail."""
    return "sent"


def test_tools_that_change_the_tools(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """The turn under way keeps what it was offered; the next one has the change."""
    tools = ToolSet()

    @tool
    def grow() -> str:
        """Learn to add, forget this."""
        tools.add(add)
        tools.remove("grow")
        return "grown"

    tools.add(grow)
    served = server(calls(("grow", {}), ("grow", {})), calls(("add", {"a": 1, "b": 2})), DONE)
    run = way(Agent(model(served), tools=tools), "Hi")
    assert [offered(one) for one in served.requests] == [["grow"], ["add"], ["add"]]
    texts = [one.text for one in results(run.messages)]
    assert texts[0] == "grown"
    assert "ConfigError" in texts[1]  # it ran, and its tool was taken
    assert texts[2] == "3"


def test_tools_changed_between_items(server: ServerFactory, model: ModelFactory) -> None:
    """Taken out while it is called: it still runs in this turn, and is gone in the next."""
    tools = ToolSet([add, get_weather])
    served = server(calls(("add", {"a": 1, "b": 2}), ("get_weather", {"city": "Rome"})), DONE)
    for item in Agent(model(served), tools=tools).stream_prompt("Hi"):
        if isinstance(item, ToolExecutionStarted) and item.tool_call.name == "add":
            tools.remove("get_weather")
            tools.add(send_mail)
    assert told(served.requests[1]) == {"c0": "3", "c1": "sunny in Rome"}
    assert [offered(one) for one in served.requests] == [
        ["add", "get_weather"],
        ["add", "send_mail"],
    ]


def test_a_tool_gone_while_its_call_waits(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """An approved call whose tool is no more is answered so."""
    tools = ToolSet([add])

    @tool(approval=True)
    def pay() -> str:
        """Pay."""
        return "paid"

    tools.add(pay)
    served = server(calls(("pay", {})), DONE)
    agent = Agent(model(served), tools=tools)
    stream = agent.stream_prompt("Hi")
    list(stream)
    tools.remove("pay")
    stream.run.approve("c0")
    way(agent, load_run(dump_run(stream.run)))
    assert told(served.requests[1]) == {"c0": "there is no tool pay; the tools are: add"}


def test_active_tools(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """A hook narrows the offer of one turn."""

    @hook.on_completion_call
    def narrow(context: HookContext, request: CompletionRequest) -> RequestPatch | None:
        return RequestPatch(active_tools=("add",)) if context.turn == 1 else None

    served = server(calls(("add", {"a": 1, "b": 2})), DONE)
    way(Agent(model(served), tools=[add, send_mail], hooks=[narrow]), "Hi")
    assert [offered(one) for one in served.requests] == [["add"], ["add", "send_mail"]]


def test_dynamic_tools(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """A turn is offered what fits the user's last words, also after results have come."""
    index = ToolIndex([get_weather, send_mail], top=1)
    served = server(calls(("get_weather", {"city": "Rome"})), DONE, DONE, DONE)
    agent = Agent(model(served), tools=[add], dynamic_tools=index)
    run = way(agent, "How is the weather?")
    way(agent, "Send letters.")
    way(agent, "Hm.")
    assert [offered(one) for one in served.requests] == [
        ["add", "get_weather"],
        ["add", "get_weather"],
        ["add", "send_mail"],
        ["add"],
    ]
    assert [one.text for one in results(run.messages)] == ["sunny in Rome"]


def test_dynamic_tools_after_feedback(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """A hook's word on an answer does not take the tools away that the user's words ask for."""

    @hook.on_model_turn_finished
    def again(context: HookContext, event: CompletionResponse) -> Feedback | None:
        return Feedback("Shorter.") if context.turn == 1 else None

    served = server(DONE, DONE)
    index = ToolIndex([get_weather, send_mail], top=1)
    way(Agent(model(served), dynamic_tools=index, hooks=[again]), "How is the weather?")
    assert [offered(one) for one in served.requests] == [["get_weather"], ["get_weather"]]


def test_a_tool_that_was_used_is_offered_on(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """What the conversation has called is there in its next turns, whatever they are about."""
    index = ToolIndex([get_weather, send_mail], top=1)
    served = server(calls(("get_weather", {"city": "Rome"})), DONE, DONE)
    agent = Agent(model(served), dynamic_tools=index)
    history = way(agent, "How is the weather?").messages
    agent.chat("Now a letter.", history)
    assert offered(served.requests[2]) == ["send_mail", "get_weather"]


def test_a_dynamic_tool_waits_and_goes_on(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """A call of one is resumed, whatever the words would offer."""

    @tool(approval=True)
    def pay(amount: int) -> str:
        """Pay an amount of money."""
        return f"paid {amount}"

    served = server(calls(("pay", {"amount": 3})), DONE)
    agent = Agent(model(served), tools=[add], dynamic_tools=ToolIndex([pay, send_mail], top=1))
    stream = agent.stream_prompt("Pay some money.")
    list(stream)
    run = load_run(dump_run(stream.run))
    run.approve("c0")
    way(agent, run)
    assert told(served.requests[1]) == {"c0": "paid 3"}


def test_a_scorer_that_fails(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """It ends the run as an error of ours, which the hooks hear of; what it raised is the cause."""
    told: list[RunFinished] = []

    def broken(query: str, texts: Sequence[str]) -> list[float]:
        raise LookupError("no vectors today")

    @hook.on_run_finished
    def note(context: HookContext, event: RunFinished) -> None:
        told.append(event)

    served = server()
    index = ToolIndex([get_weather], score=broken)
    with pytest.raises(PromptError, match="raised LookupError: no vectors today") as caught:
        way(Agent(model(served), dynamic_tools=index, hooks=[note]), "Rain?")
    assert isinstance(caught.value.__cause__, LookupError)
    assert caught.value.history == (user("Rain?"),)
    assert [event.error for event in told] == [caught.value]
    assert served.requests == []


def test_a_choice_among_dynamic_tools(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """A call is forced where a tool is offered, and not where none fits the words."""
    served = server(DONE)
    forced = ToolChoice("required")
    agent = Agent(model(served), dynamic_tools=ToolIndex([get_weather]), tool_choice=forced)
    way(agent, "The weather?")
    way(agent, "Hello!")
    bodies = [cast("dict[str, object]", request.json) for request in served.requests]
    assert [offered(request) for request in served.requests] == [["get_weather"], []]
    assert [body.get("tool_choice") for body in bodies] == ["required", None]
