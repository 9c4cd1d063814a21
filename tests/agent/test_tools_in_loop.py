"""Tools as a run treats them: their time, their tries, and the order of their results."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from rig_sync import (
    Agent,
    HookContext,
    ModelRetry,
    MultiTurnStreamItem,
    Stop,
    StreamUserItem,
    Timeouts,
    ToolContext,
    ToolError,
    ToolResultEvent,
    ToolRetriesExceeded,
    Usage,
    hook,
    tool,
)
from rig_sync.agent.run import dump_run, load_run
from rig_sync.errors import PromptCancelled
from tests.agent.both_ways import Answer, calls, says
from tests.agent.scripting import WAYS, Way, kinds, results, told
from tests.conftest import ModelFactory, ServerFactory
from tests.threads.watching import settled, threads_gone

DONE = says("Done.")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """Set at the end of the test, for tools that hang."""
    event = threading.Event()
    yield event
    event.set()
    assert threads_gone()


def numbered(count: int, name: str = "work") -> Answer:
    """A turn that calls a tool with the numbers from 0."""
    return calls(*[(name, {"number": number}) for number in range(count)])


# time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_tool_with_a_time_of_its_own(
    server: ServerFactory,
    model: ModelFactory,
    way: Way,
    hanging: threading.Event,
    concurrency: int,
) -> None:
    """Its own timeout goes before the run's; it is told, and the others are not touched."""
    contexts: list[ToolContext] = []
    saw = threading.Event()

    @tool(timeout=0.1)
    def slow(number: int, context: ToolContext) -> str:
        """Work slowly."""
        contexts.append(context)
        while not context.cancelled and not hanging.wait(0.005):
            pass
        saw.set()
        return "too late"

    @tool
    def quick(number: int) -> str:
        """Work quickly."""
        return f"result {number}"

    asked = calls(("quick", {"number": 0}), ("slow", {"number": 1}), ("quick", {"number": 2}))
    served = server(asked, DONE)
    agent = Agent(model(served, timeouts=Timeouts(tool=30)), tools=[slow, quick])
    run = way(agent, "Hi", tool_concurrency=concurrency)
    first, late, last = results(run.messages)
    assert (first.text, last.text) == ("result 0", "result 2")
    assert late.text.startswith("ToolTimeout: slow took longer than 0.1 s and was abandoned")
    assert late.is_error
    assert saw.wait(5)
    assert [context.cancelled for context in contexts] == [True]


def test_a_tool_may_take_longer_than_others(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """A timeout of its own may also be longer than the run's."""
    tick = threading.Event()

    @tool(timeout=30)
    def slow(number: int) -> str:
        """Work slowly."""
        tick.wait(0.15)
        return "in time"

    agent = Agent(model(server(numbered(1, "slow"), DONE)), tools=[slow])
    run = way(agent, "Hi", timeouts=Timeouts(tool=0.05))
    assert [one.text for one in results(run.messages)] == ["in time"]


def test_what_a_late_tool_tells_is_not_heard(
    server: ServerFactory, model: ModelFactory, hanging: threading.Event
) -> None:
    """Usage and results that come after the time are nobody's."""
    late = threading.Event()
    done = threading.Event()

    @tool(timeout=0.05)
    def slow(number: int, context: ToolContext) -> str:
        """Work slowly."""
        late.wait(5)
        context.report_usage(Usage(input_tokens=1000))
        done.set()
        return "too late"

    served = server(numbered(1, "slow"), DONE)
    stream = Agent(model(served), tools=[slow]).stream_prompt("Hi")
    for item in stream:
        if isinstance(item, StreamUserItem):
            late.set()
            assert done.wait(5)
    assert stream.usage.input_tokens == 20


# tries ---------------------------------------------------------------------------------------


def test_retries_are_limited(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """One failure more than the limit ends the run; the history has all the results."""
    tries: list[int] = []

    @tool(retries=2)
    def flaky(number: int) -> str:
        """Work sometimes."""
        tries.append(number)
        raise ModelRetry(f"not {number}")

    served = server(numbered(1, "flaky"))
    agent = Agent(model(served), tools=[flaky])
    with pytest.raises(ToolRetriesExceeded, match=r"flaky failed 3 times in a row.*are 2.*not 0"):
        way(agent, "Hi")
    assert len(tries) == len(served.requests) == 3
    assert told(served.requests[1]) == {"c0": "not 0\nCorrect the call and try again."}


def test_without_retries_the_first_failure_ends(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """With `retries=0`; what was said is there to go on from, and the run as well."""

    @tool(retries=0)
    def broken(number: int) -> str:
        """Never work."""
        raise ValueError("broken")

    served = server(numbered(1, "broken"), DONE)
    agent = Agent(model(served), tools=[broken])
    with pytest.raises(ToolRetriesExceeded) as caught:
        way(agent, "Hi")
    assert [one.text for one in results(caught.value.history)] == ["ValueError: broken"]
    stream = agent.stream_prompt("Hi", raise_errors="none")
    list(stream)
    assert way(agent, load_run(dump_run(stream.run))).response().output == "Done."


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_success_begins_the_count_anew(
    server: ServerFactory, model: ModelFactory, way: Way, concurrency: int
) -> None:
    """Failures count in a row, by tool, and by turn: beside each other they are one."""

    @tool(retries=1)
    def odd(number: int) -> str:
        """Only odd numbers."""
        if number % 2 == 0:
            raise ToolError("even")
        return "odd"

    def asking(*numbers: int) -> Answer:
        return calls(*(("odd", {"number": number}) for number in numbers))

    served = server(asking(0), asking(1), asking(0, 2, 4), asking(0, 1), asking(2), DONE)
    agent = Agent(model(served), tools=[odd])
    run = way(agent, "Hi", tool_concurrency=concurrency)
    texts = [one.text for one in results(run.messages)]
    assert texts == ["even", "odd", "even", "even", "even", "even", "odd", "even"]


def test_arguments_that_do_not_fit_count(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """A call that the tool refuses is a failure of it too."""

    @tool(retries=1)
    def halve(number: int) -> float:
        """Halve."""
        return number / 2

    served = server(calls(("halve", {"number": "x"})))
    with pytest.raises(ToolRetriesExceeded, match="arguments of halve do not fit"):
        way(Agent(model(served), tools=[halve]), "Hi")
    assert len(served.requests) == 2


# order ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("live", [False, True])
def test_results_in_the_order_of_the_calls(
    server: ServerFactory, model: ModelFactory, live: bool
) -> None:
    """Tools end backwards: live results come so, else in call order; the history is the same."""
    together = threading.Barrier(3)
    ended = [threading.Event() for _ in range(4)]
    ended[3].set()

    def work(number: int) -> str:
        """Work."""
        together.wait(5)
        assert ended[number + 1].wait(5)
        return f"result {number}"

    @hook.on_tool_result
    def one_by_one(context: HookContext, event: ToolResultEvent) -> None:
        ended[int(event.call.id[1])].set()

    served = server(numbered(3), DONE)
    agent = Agent(model(served), tools=[work], hooks=[one_by_one])
    stream = agent.stream_prompt("Hi", tool_concurrency=3, live_results=live)
    seen = kinds(list(stream))
    starts, rest = seen[:3], seen[3:]
    assert starts == ["started c0", "started c1", "started c2"]
    order = ["c2", "c1", "c0"] if live else ["c0", "c1", "c2"]
    assert rest == [f"{kind} {one}" for one in order for kind in ("committed", "result")]
    assert list(told(served.requests[1]).items()) == [(f"c{n}", f"result {n}") for n in range(3)]
    assert [one.id for one in results(stream.messages)] == ["c0", "c1", "c2"]


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("concurrency", [1, 2])
def test_live_results_surface_at_once(
    server: ServerFactory, model: ModelFactory, live: bool, concurrency: int
) -> None:
    """The second tool waits until the first result was seen; by default that is in vain."""
    seen = threading.Event()

    def work(number: int) -> str:
        """Work."""
        return str(number == 0 or seen.wait(5 if live else 0.05))

    served = server(numbered(2), DONE)
    agent = Agent(model(served), tools=[work])
    for item in agent.stream_prompt("Hi", live_results=live, tool_concurrency=concurrency):
        if isinstance(item, StreamUserItem):
            seen.set()
    assert told(served.requests[1]) == {"c0": "True", "c1": str(live)}


@pytest.mark.parametrize("live", [False, True])
def test_a_stop_in_the_middle(server: ServerFactory, model: ModelFactory, live: bool) -> None:
    """By default no result of the batch surfaces; the history has what there was."""

    @hook.on_tool_result
    def stop(context: HookContext, event: ToolResultEvent) -> Stop | None:
        return Stop("enough") if event.call.id == "c1" else None

    @tool(name="work")
    def ran(number: int) -> str:
        """Work."""
        return f"result {number}"

    agent = Agent(model(server(numbered(3))), tools=[ran], hooks=[stop])
    stream = agent.stream_prompt("Hi", live_results=live)
    items: list[MultiTurnStreamItem] = []
    with pytest.raises(PromptCancelled, match="enough") as caught:
        items.extend(stream)
    shown = [one for one in kinds(items) if one.startswith(("committed", "result"))]
    assert shown == (["committed c0", "result c0"] if live else [])
    first, second, third = results(caught.value.history)
    assert [first.text, second.text] == ["result 0", "result 1"]
    assert "not run" in third.text


def test_no_thread_is_left(
    server: ServerFactory, model: ModelFactory, hanging: threading.Event
) -> None:
    """After a run with late tools, their threads end when the tools do."""

    @tool(timeout=0.05)
    def slow(number: int) -> str:
        """Work slowly."""
        hanging.wait(30)
        return "late"

    Agent(model(server(numbered(2, "slow"), DONE)), tools=[slow]).prompt("Hi", tool_concurrency=2)
    hanging.set()
    settled(threads_gone, to=True)
