"""An agent as a tool of another one: its stream is seen, its tokens count, and it obeys."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from rig_sync import (
    Agent,
    CancelToken,
    CompletionCall,
    ConfigError,
    FinalResponse,
    HookContext,
    MultiTurnStreamItem,
    PauseControl,
    PromptCancelled,
    StreamAssistantItem,
    StreamUserItem,
    Text,
    Timeouts,
    ToolContext,
    ToolError,
    ToolProgress,
    ToolSet,
    TotalTimeout,
    Usage,
    dump_item,
    hook,
    load_item,
    tool,
)
from tests.agent.both_ways import Answer, calls, says
from tests.agent.scripting import WAYS, Way, results, told
from tests.conftest import ModelFactory, ServerFactory
from tests.server import (
    Script,
    ScriptedServer,
    Stall,
    Step,
    Tell,
    WaitFor,
    chat_chunks,
    error_response,
    spawn,
    sse_response,
)
from tests.threads.watching import settled

DONE = says("Done.")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


def ask(*names: str) -> Answer:
    """A turn that asks agents."""
    return calls(*[(name, {"prompt": f"Help me, {name}."}) for name in names])


def speaking(*pieces: str | Step) -> Script:
    """A stream that says words, and does steps between them."""
    events: list[bytes | Step] = []
    for piece in pieces:
        if isinstance(piece, str):
            events += chat_chunks(piece, finish=None, done=False)
        else:
            events.append(piece)
    return sse_response(*events, *chat_chunks())


Named = Callable[..., Agent]


@pytest.fixture
def helper(model: ModelFactory) -> Named:
    """Makes agents that may be tools."""

    def make(served: ScriptedServer, name: str = "helper", **settings: object) -> Agent:
        made: Callable[..., Agent] = Agent
        return made(model(served), name=name, description=f"Asks {name}.", **settings)

    return make


def inner(items: Sequence[MultiTurnStreamItem]) -> list[MultiTurnStreamItem]:
    """What agents showed."""
    shown = [item.content for item in items if isinstance(item, ToolProgress)]
    return [one for one in shown if not isinstance(one, str)]


def words(items: Sequence[MultiTurnStreamItem]) -> list[str]:
    found = [item.content for item in items if isinstance(item, StreamAssistantItem)]
    return [one.text for one in found if isinstance(one, Text)]


@pytest.mark.parametrize("concurrency", [1, 2])
def test_its_stream_is_seen(
    server: ServerFactory, model: ModelFactory, helper: Named, concurrency: int
) -> None:
    """Every item, between start and result, as it would come by itself; it goes to JSON too."""
    served = server(ask("helper"), DONE)
    helping = helper(server(speaking("I ", "help.")))
    alone = [type(item) for item in helping.stream_prompt("Help me, helper.")]
    agent = Agent(model(served), tools=[helping])
    items = list(agent.stream_prompt("Hi", tool_concurrency=concurrency))
    assert [type(item) for item in inner(items)] == alone
    assert words(inner(items)) == ["I ", "help."]
    first, *_, last = inner(items)
    assert first == StreamAssistantItem(Text("I "))
    assert isinstance(last, FinalResponse)
    names = [type(item).__name__ for item in items]
    assert names.index("ToolExecutionStarted") < names.index("ToolProgress")
    assert names.index("ToolExecutionCommitted") == len(names) - names[::-1].index("ToolProgress")
    assert told(served.requests[1]) == {"c0": "I help."}
    progress = [item for item in items if isinstance(item, ToolProgress)]
    started = [item for item in items if isinstance(item, StreamUserItem)]
    assert {one.internal_call_id for one in progress} == {started[0].internal_call_id}
    assert [load_item(dump_item(one)) for one in progress] == progress


@pytest.mark.parametrize("concurrency", [1, 2])
def test_its_stream_is_seen_live(
    server: ServerFactory, model: ModelFactory, helper: Named, concurrency: int
) -> None:
    """The provider waits in the middle until the first words were seen."""
    seen = threading.Event()
    served = server(ask("helper"), DONE)
    helping = helper(server(speaking("I ", WaitFor(seen), "help.")))
    for item in Agent(model(served), tools=[helping]).stream_prompt(
        "Hi", tool_concurrency=concurrency
    ):
        if isinstance(item, ToolProgress):
            seen.set()
    assert told(served.requests[1]) == {"c0": "I help."}


def test_two_at_once(server: ServerFactory, model: ModelFactory, helper: Named) -> None:
    """Each waits for the other to have begun; results are in call order."""
    one, two = threading.Event(), threading.Event()
    helpers = [
        helper(server(speaking("a1 ", Tell(one), WaitFor(two), "a2")), "anna"),
        helper(server(speaking("b1 ", Tell(two), WaitFor(one), "b2")), "bert"),
    ]
    served = server(ask("anna", "bert"), DONE)
    stream = Agent(model(served), tools=helpers).stream_prompt("Hi", tool_concurrency=2)
    items = list(stream)
    by_call: dict[str, list[MultiTurnStreamItem]] = {}
    for item in items:
        if isinstance(item, ToolProgress):
            by_call.setdefault(item.tool_call.id, []).append(item)
    assert {one: words(inner(items)) for one, items in by_call.items()} == {
        "c0": ["a1 ", "a2"],
        "c1": ["b1 ", "b2"],
    }
    assert list(told(served.requests[1]).items()) == [("c0", "a1 a2"), ("c1", "b1 b2")]


def test_one_agent_twice_at_once(server: ServerFactory, model: ModelFactory, helper: Named) -> None:
    """An agent has no state of its own: two calls of it do not mix."""
    one, two = threading.Event(), threading.Event()
    script = server(
        speaking("x", Tell(one), WaitFor(two), "x"), speaking("y", Tell(two), WaitFor(one), "y")
    )
    served = server(ask("helper", "helper"), DONE)
    agent = Agent(model(served), tools=[helper(script)])
    agent.prompt("Hi", tool_concurrency=2)
    assert sorted(map(str, told(served.requests[1]).values())) == ["xx", "yy"]


@pytest.mark.parametrize("concurrency", [1, 2])
def test_usage_adds_up(
    server: ServerFactory, model: ModelFactory, helper: Named, way: Way, concurrency: int
) -> None:
    """All calls of the inner agent count, those before its failure too."""
    inner_one = server(calls(("add", {"a": 1})), says("Two."))
    inner_two = server(calls(("add", {"a": 1})), error_response(400))

    @tool
    def add(a: int, context: ToolContext) -> int:
        """Add one."""
        context.report_usage(Usage(input_tokens=1000))
        return a + 1

    helpers = [helper(inner_one, "anna", tools=[add]), helper(inner_two, "bert", tools=[add])]
    served = server(ask("anna", "bert"), DONE)
    run = way(Agent(model(served), tools=helpers), "Hi", tool_concurrency=concurrency)
    assert run.usage == Usage(input_tokens=2050, output_tokens=15, total_tokens=65)


# it obeys ------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 2])
@pytest.mark.parametrize("how", ["cancel", "token", "close", "break"])
def test_the_end_of_the_outer_ends_it(
    server: ServerFactory, model: ModelFactory, helper: Named, concurrency: int, how: str
) -> None:
    """However the outer run ends: the provider sees the connection go, the history is whole."""
    stalled = server(speaking("I ", Stall()))
    token = CancelToken()
    agent = Agent(model(server(ask("helper"))), tools=[helper(stalled)])
    stream = agent.stream_prompt("Hi", tool_concurrency=concurrency, cancel=token)
    for item in stream:
        if isinstance(item, ToolProgress):
            if how == "cancel":
                stream.cancel()
            elif how == "token":
                token.cancel()
            else:
                break
    if how == "close":
        stream.close()
    [unknown] = results(stream.messages)
    assert "may have run" in unknown.text
    if how == "break":
        del stream
    assert stalled.disconnected.wait(5)


@pytest.mark.parametrize("concurrency", [1, 2])
def test_cancelled_while_it_waits(
    server: ServerFactory, model: ModelFactory, helper: Named, concurrency: int
) -> None:
    """From another thread, while the inner provider is silent; a one-shot call raises."""
    silent = threading.Event()
    stalled = server(speaking(Tell(silent), Stall()))
    token = CancelToken()
    agent = Agent(model(server(ask("helper"))), tools=[helper(stalled)])

    def cancel() -> None:
        silent.wait(5)
        token.cancel()

    canceller = spawn(cancel)
    with pytest.raises(PromptCancelled) as caught:
        agent.prompt("Hi", tool_concurrency=concurrency, cancel=token)
    canceller.join(5)
    assert stalled.disconnected.wait(5)
    assert ["may have run" in one.text for one in results(caught.value.history)] == [True]


@pytest.mark.parametrize("concurrency", [1, 2])
def test_it_is_late(
    server: ServerFactory, model: ModelFactory, helper: Named, way: Way, concurrency: int
) -> None:
    """After the tool's time, its connection goes, and the outer model is told."""
    stalled = server(speaking("I ", Stall()))
    served = server(ask("helper"), DONE)
    agent = Agent(model(served), tools=[helper(stalled)])
    way(agent, "Hi", tool_concurrency=concurrency, timeouts=Timeouts(tool=1.0))
    assert "helper took longer than 1 s" in str(told(served.requests[1])["c0"])
    assert stalled.disconnected.wait(5)


@pytest.mark.parametrize("concurrency", [1, 2])
def test_the_time_of_the_whole_run(
    server: ServerFactory, model: ModelFactory, helper: Named, way: Way, concurrency: int
) -> None:
    """`Timeouts.total` ends the run while the inner provider is silent, in one thread too."""
    stalled = server(speaking("I ", Stall()))
    agent = Agent(model(server(ask("helper"))), tools=[helper(stalled)])
    with pytest.raises(TotalTimeout):
        way(agent, "Hi", tool_concurrency=concurrency, timeouts=Timeouts(total=1.5))
    assert stalled.disconnected.wait(5)


@pytest.mark.parametrize("between", [False, True])
def test_an_agent_that_asks_itself(
    server: ServerFactory, model: ModelFactory, between: bool
) -> None:
    """Directly or by another one, it is told not to; no tree of calls grows."""
    inner, tools = server(ask("self"), DONE), ToolSet()
    one = Agent(model(inner), name="self", description="Helps.", tools=tools)
    tools.add(one)
    asked = one
    if between:
        asked = Agent(model(server(ask("self"), DONE)), name="outer", tools=[one])
    final = asked.prompt("Hi")
    assert final.output == "Done."
    assert len(inner.requests) == 2
    assert "self cannot ask itself" in str(told(inner.requests[1])["c0"])


def test_pause_reaches_it(server: ServerFactory, model: ModelFactory, helper: Named) -> None:
    """While paused, the inner agent takes nothing, though its provider has sent more."""
    heard: list[str] = []
    pause = PauseControl()
    more, sent = threading.Event(), threading.Event()

    @hook.on_text_delta
    def listen(context: HookContext, delta: Text) -> None:
        heard.append(delta.text)

    helping = helper(server(speaking("one ", WaitFor(more), "two", Tell(sent))), hooks=[listen])
    served = server(ask("helper"), DONE)
    agent = Agent(model(served), tools=[helping])
    stream = agent.stream_prompt("Hi", tool_concurrency=2, pause=pause)
    assert any(isinstance(item, ToolProgress) for item in stream)
    pause.pause()
    more.set()
    assert sent.wait(5)
    assert settled(lambda: len(heard)) == 1
    pause.resume()
    list(stream)
    assert heard == ["one ", "two"]
    assert told(served.requests[1]) == {"c0": "one two"}


@pytest.mark.parametrize("concurrency", [1, 2])
@pytest.mark.parametrize("how", ["held", "paused"])
def test_its_clock_stands(
    server: ServerFactory, model: ModelFactory, helper: Named, concurrency: int, how: str
) -> None:
    """While the caller holds an item, or pauses, it does not become late."""
    more, seen = threading.Event(), threading.Event()
    served = server(ask("helper"), DONE)
    helping = helper(server(speaking("one ", WaitFor(more), "two")))
    pause = PauseControl()
    stream = Agent(model(served), tools=[helping]).stream_prompt(
        "Hi", tool_concurrency=concurrency, pause=pause, timeouts=Timeouts(tool=1.0)
    )

    def read() -> None:
        for item in stream:
            if isinstance(item, ToolProgress) and not seen.is_set():
                seen.set()
                if how == "held":
                    assert more.wait(5)

    reader = spawn(read)
    assert seen.wait(5)
    if how == "paused":
        pause.pause()
    threading.Event().wait(1.3)
    more.set()
    pause.resume()
    reader.join(5)
    assert told(served.requests[1]) == {"c0": "one two"}


@pytest.mark.parametrize("concurrency", [1, 2])
def test_dependencies_reach_its_tools(
    server: ServerFactory, model: ModelFactory, helper: Named, way: Way, concurrency: int
) -> None:
    """The caller's own object; the inner run has an id and a name of its own."""
    seen: list[ToolContext[dict[str, int]]] = []
    outer_ids: list[str] = []

    @tool
    def price(of: str, context: ToolContext[dict[str, int]]) -> int:
        """The price of a thing."""
        seen.append(context)
        return context.deps[of]

    @hook.on_tool_call
    def note(context: HookContext, event: object) -> None:
        outer_ids.append(context.run_id)

    clerk = helper(server(calls(("price", {"of": "tea"})), says("Three.")), "clerk", tools=[price])
    served = server(ask("clerk"), DONE)
    prices = {"tea": 3}
    agent = Agent(model(served), tools=[clerk], hooks=[note])
    way(agent, "Hi", deps=prices, tool_concurrency=concurrency)
    [context] = seen
    assert context.deps is prices
    assert context.agent_name == "clerk"
    assert context.run_id not in outer_ids
    assert told(served.requests[1]) == {"c0": "Three."}


# what it cannot do -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (error_response(400), "BadRequest: "),
        (error_response(401), "AuthenticationError: "),
        (speaking("I "), "I "),
        (sse_response(*chat_chunks("I ", finish=None, done=False)), "StreamTruncated: "),
        (calls(("unknown", {})), "UnknownToolCall: "),
        (calls(("again", {})), "MaxTurnsExceeded: "),
        (calls(("pay", {})), "the agent waits for a person, and nobody can be asked from here"),
    ],
)
@pytest.mark.parametrize("concurrency", [1, 2])
def test_its_failure_is_told(
    server: ServerFactory,
    model: ModelFactory,
    helper: Named,
    way: Way,
    script: Script | Answer,
    text: str,
    concurrency: int,
) -> None:
    """The outer model reads it as the tool's error; the outer run goes on."""

    @tool
    def again() -> str:
        """Again."""
        return "again"

    @tool(approval=True)
    def pay() -> str:
        """Pay."""
        raise AssertionError("nobody agreed")

    helping = helper(server(script), tools=[again, pay], max_turns=2)
    served = server(ask("helper"), DONE)
    run = way(Agent(model(served), tools=[helping]), "Hi", tool_concurrency=concurrency)
    [result] = results(run.messages)
    assert result.text.startswith(text)
    assert result.is_error == (text != "I ")
    assert told(served.requests[1]) == {"c0": result.text}


@pytest.mark.parametrize("arguments", [{}, {"prompt": " "}, {"prompt": 3}, {"question": "Who?"}])
def test_it_needs_a_prompt(
    server: ServerFactory, model: ModelFactory, helper: Named, way: Way, arguments: object
) -> None:
    """Without one it is not asked, and the outer model reads what to give."""
    silent = server()
    served = server(calls(("helper", arguments)), DONE)
    way(Agent(model(served), tools=[helper(silent)]), "Hi")
    assert "give the agent a `prompt`" in str(told(served.requests[1])["c0"])
    assert silent.requests == []


def test_it_needs_a_name(server: ServerFactory, model: ModelFactory, helper: Named) -> None:
    """An agent without name or description is refused where it is made a tool."""
    one = model(server())
    nameless, silent = Agent(one, description="Helps."), Agent(one, name="helper")
    for agent in (nameless, silent):
        with pytest.raises(ConfigError, match="needs a name and a description to be a tool"):
            Agent(one, tools=[agent])
    assert "helper" in Agent(one, tools=[silent.as_tool(description="Helps.")]).tools
    with pytest.raises(ConfigError, match="two tools are named `helper`"):
        Agent(one, tools=[helper(server()), helper(server())])


def test_it_is_called_by_hand(server: ServerFactory, helper: Named) -> None:
    """As any tool: the answer alone, and its tokens in the context."""
    context = ToolContext()
    made = helper(server(says("Help."))).as_tool()
    assert made.call({"prompt": "Hi"}, context) == "Help."
    assert context.usage == Usage(input_tokens=10, output_tokens=3, total_tokens=13)
    with pytest.raises(ToolError):
        made.call({}, context)


# deep ------------------------------------------------------------------------------------------


def deep(item: MultiTurnStreamItem) -> tuple[int, MultiTurnStreamItem]:
    """How deep an item is nested, and the item."""
    depth = 0
    while isinstance(item, ToolProgress):
        assert not isinstance(item.content, str)
        depth, item = depth + 1, item.content
    return depth, item


@pytest.mark.parametrize("concurrency", [1, 2])
def test_three_deep(
    server: ServerFactory, model: ModelFactory, helper: Named, concurrency: int
) -> None:
    """Items are wrapped once for each agent between; tokens count once; one cancel ends all."""
    deepest = server(says("Deep."), speaking("Dee", Stall()))
    third = helper(deepest, "third")
    second = helper(server(ask("third"), says("Deeper.")), "second", tools=[third])
    first = helper(server(ask("second"), says("Deepest.")), "first", tools=[second])
    agent = Agent(model(server(ask("first"), DONE)), tools=[first])
    stream = agent.stream_prompt("Hi", tool_concurrency=concurrency)
    items = list(stream)
    ends = [(at, one.output) for at, one in map(deep, items) if isinstance(one, FinalResponse)]
    assert ends == [(3, "Deep."), (2, "Deeper."), (1, "Deepest."), (0, "Done.")]
    assert [load_item(dump_item(one)) for one in items] == items
    turns = [at for at, one in map(deep, items) if isinstance(one, CompletionCall)]
    assert sorted(turns) == [0, 0, 1, 1, 2, 2, 3]
    assert stream.usage.input_tokens == 70


@pytest.mark.parametrize("concurrency", [1, 2])
def test_one_cancel_ends_all(
    server: ServerFactory, model: ModelFactory, helper: Named, concurrency: int
) -> None:
    """From the outermost stream to the innermost connection."""
    deepest = server(speaking("Dee", Stall()))
    third = helper(deepest, "third")
    second = helper(server(ask("third")), "second", tools=[third])
    first = helper(server(ask("second")), "first", tools=[second])
    agent = Agent(model(server(ask("first"))), tools=[first])
    stream = agent.stream_prompt("Hi", tool_concurrency=concurrency)
    for item in stream:
        if deep(item) == (3, StreamAssistantItem(Text("Dee"))):
            stream.cancel()
    assert deepest.disconnected.wait(5)
