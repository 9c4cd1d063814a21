"""Runs that wait for people, are saved, break off, and go on; streamed and one-shot alike."""

from __future__ import annotations

import json

import pytest

from rig_sync import (
    Agent,
    CompletionCall,
    ConfigError,
    Defer,
    FinalResponse,
    HookContext,
    Image,
    Rewrite,
    RunPending,
    RunSuspended,
    Skip,
    StreamUserItem,
    Text,
    ToolCall,
    ToolCallEvent,
    ToolExecutionStarted,
    Usage,
    dump_item,
    dump_run,
    hook,
    load_item,
    load_run,
    tool,
)
from rig_sync.agent.events import RunFinished
from rig_sync.agent.hooks import ToolCallAction
from rig_sync.agent.steps import DENIED
from tests.agent.both_ways import calls, says
from tests.agent.scripting import (
    RAN,
    WAYS,
    Way,
    again,
    kinds,
    look,
    pay,
    results,
    told,
)
from tests.conftest import ModelFactory, ServerFactory

PIXEL = Image(media_type="image/png", data="aGk=")


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RAN.clear()


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@tool(deferred=True)
def ask_boss(question: str) -> str:
    """Ask the boss."""
    raise AssertionError(f"runs elsewhere: {question}")


MIXED = calls(("look", {"place": "up"}), ("pay", {"amount": 5}), ("look", {"place": "down"}))


def test_the_stream_of_a_suspended_run(server: ServerFactory, model: ModelFactory) -> None:
    """The others of the batch run; what waits is the last item, and there is no answer."""
    agent = Agent(model(server(MIXED)), tools=[pay, look, ask_boss])
    stream = agent.stream_prompt("Pay.")
    *before, last = stream
    assert kinds(before) == ["started c0", "started c2"]
    assert RAN == ["look up", "look down"]
    assert last == RunPending((ToolCall("c1", "pay", {"amount": 5}),))
    assert load_item(dump_item(last)) == last
    assert stream.final is None
    assert not any(isinstance(item, FinalResponse) for item in before)
    assert [one.text for one in results(stream.messages)][::2] == ["nothing up", "nothing down"]
    assert [one.call.id for one in stream.run.pending] == ["c1"]


def test_one_shot_raises_the_run(server: ServerFactory, model: ModelFactory) -> None:
    """`RunSuspended` names what waits, and has the run and a whole history."""
    agent = Agent(model(server(MIXED)), tools=[pay, look])
    with pytest.raises(RunSuspended, match="answer: pay") as caught:
        agent.prompt("Pay.")
    assert [one.call.name for one in caught.value.run.pending] == ["pay"]
    assert [one.id for one in results(caught.value.history)] == ["c0", "c1", "c2"]


@pytest.mark.parametrize(
    ("decide", "ran", "text", "is_error"),
    [
        ("approve", ["pay 5"], "paid 5", False),
        ("change", ["pay 3"], "paid 3", False),
        ("misfit", [], "arguments of pay do not fit", True),
        ("deny", [], DENIED, True),
        ("say why", [], "Too much.", True),
        ("answer", [], "paid in cash", False),
    ],
)
@pytest.mark.parametrize("concurrency", [1, 2])
def test_decided_in_another_process(
    server: ServerFactory,
    model: ModelFactory,
    way: Way,
    decide: str,
    ran: list[str],
    text: str,
    is_error: bool,
    concurrency: int,
) -> None:
    """The run goes on as decided; nothing runs twice, and results are in call order."""
    served = server(MIXED, says("Done."))
    agent = Agent(model(served), tools=[pay, look])
    run = again(way(agent, "Pay.", tool_concurrency=concurrency))
    assert sorted(RAN) == ["look down", "look up"]
    RAN.clear()
    if decide == "approve":
        run.approve("c1")
    elif decide == "change":
        run.approve("c1", {"amount": 3})
    elif decide == "misfit":
        run.approve("c1", {"amount": "all"})
    elif decide == "deny":
        run.deny("c1")
    elif decide == "say why":
        run.deny("c1", "Too much.")
    else:
        run.answer_call("c1", "paid in cash")
    other = Agent(model(served), tools=[pay, look])
    run = way(other, again(run), tool_concurrency=concurrency)
    assert ran == RAN
    assert run.response().output == "Done."
    found = results(run.messages)
    assert [one.id for one in found] == ["c0", "c1", "c2"]
    assert (text in found[1].text, found[1].is_error) == (True, is_error)
    assert list(told(served.requests[1])) == ["c0", "c1", "c2"]
    assert run.usage == Usage(input_tokens=20, output_tokens=6, total_tokens=26)


def test_what_a_resumed_stream_shows(server: ServerFactory, model: ModelFactory) -> None:
    """What runs now is started, all that ran is committed, all results come in call order."""
    served = server(MIXED, says("Done."))
    agent = Agent(model(served), tools=[pay, look])
    first = agent.stream_prompt("Pay.")
    before = list(first)
    run = again(first.run)
    run.approve("c1")
    stream = agent.stream_resume(run)
    items = list(stream)
    assert kinds(items) == [
        "started c1",
        *(f"{kind} c{number}" for number in range(3) for kind in ("committed", "result")),
    ]
    calls_made = [item.turn for item in items if isinstance(item, CompletionCall)]
    assert calls_made == [2]
    assert stream.final is not None
    assert [one.turn for one in stream.final.completion_calls] == [1, 2]
    ids = {
        item.tool_call.id: item.internal_call_id
        for item in before
        if isinstance(item, ToolExecutionStarted)
    }
    later = {item.content.id: item for item in items if isinstance(item, StreamUserItem)}
    assert {one: later[one].internal_call_id for one in ids} == ids


def test_live_results_are_not_shown_again(server: ServerFactory, model: ModelFactory) -> None:
    """What came out ahead of a suspension does not come out after it."""
    served = server(MIXED, says("Done."))
    agent = Agent(model(served), tools=[pay, look])
    first = agent.stream_prompt("Pay.", live_results=True)
    assert [one for one in kinds(list(first)) if "result" in one] == ["result c0", "result c2"]
    run = again(first.run)
    run.approve("c1")
    assert kinds(list(agent.stream_resume(run))) == ["started c1", "committed c1", "result c1"]


def test_nothing_decided_suspends_again(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """Nobody is asked, nothing runs, and the run is as it was."""
    served = server(MIXED, says("never"))
    agent = Agent(model(served), tools=[pay, look])
    run = again(way(agent, "Pay."))
    RAN.clear()
    before = dump_run(run)
    for _ in range(2):
        run = way(agent, run)
        assert [one.call.id for one in run.pending] == ["c1"]
    assert load_run(dump_run(run)) == load_run(before)
    assert (RAN, len(served.requests)) == ([], 1)
    assert list(agent.stream_resume(run)) == [RunPending((ToolCall("c1", "pay", {"amount": 5}),))]


def test_some_decided_suspends_for_the_rest(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """The approved one runs now, the other one still waits; the model hears of both together."""
    both = calls(("pay", {"amount": 1}), ("pay", {"amount": 2}))
    served = server(both, says("Done."))
    agent = Agent(model(served), tools=[pay])
    run = again(way(agent, "Pay twice."))
    run.approve("c1")
    run = again(way(agent, run))
    assert RAN == ["pay 2"]
    assert [one.call.id for one in run.pending] == ["c0"]
    run.deny("c0", "Not that one.")
    run = way(agent, run)
    assert RAN == ["pay 2"]
    assert told(served.requests[1]) == {"c0": "Not that one.", "c1": "paid 2"}


def test_suspended_again_in_a_later_turn(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """Ids that come again in the next turn are other calls, to be decided anew."""
    one = calls(("pay", {"amount": 1}))
    two = calls(("pay", {"amount": 2}))
    served = server(one, two, says("Done."))
    agent = Agent(model(served), tools=[pay])
    run = again(way(agent, "Pay."))
    run.approve("c0")
    run = again(way(agent, run))
    assert [one.call.arguments for one in run.pending] == [{"amount": 2}]
    run.deny("c0")
    run = way(agent, run)
    assert RAN == ["pay 1"]
    assert [one.text for one in results(run.messages)] == ["paid 1", DENIED]
    assert run.turn == 3


def test_a_hook_defers(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """A call of any tool waits when a hook wants it; once approved, the hook's word is past."""
    events: list[bool] = []

    @hook.on_tool_call
    def careful(context: HookContext, event: ToolCallEvent) -> ToolCallAction:
        events.append(event.approved)
        return Defer() if event.call.arguments["place"] == "down" else None

    asked = calls(("look", {"place": "up"}), ("look", {"place": "down"}))
    served = server(asked, says("Done."))
    agent = Agent(model(served), tools=[look], hooks=[careful])
    run = again(way(agent, "Look."))
    assert RAN == ["look up"]
    run.approve("c1")
    run = way(agent, run)
    assert RAN == ["look up", "look down"]
    assert events == [False, False, True]
    assert run.response().output == "Done."


def test_hooks_after_the_approval(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """Rewritten arguments are what is approved; a hook may still skip what was approved."""

    @hook.on_tool_call
    def halve(context: HookContext, event: ToolCallEvent) -> ToolCallAction:
        if event.approved:
            return Skip("The bank is closed.")
        return Rewrite({"amount": 2})

    served = server(calls(("pay", {"amount": 5})), says("Done."))
    agent = Agent(model(served), tools=[pay], hooks=[halve])
    run = again(way(agent, "Pay."))
    assert run.pending[0].call.arguments == {"amount": 2}
    run.approve("c0")
    run = way(agent, run)
    assert RAN == []
    assert told(served.requests[1]) == {"c0": "The bank is closed."}


def test_hooks_hear_of_the_suspension(server: ServerFactory, model: ModelFactory) -> None:
    """`on_run_finished` tells of neither answer nor error; then, of the answer."""
    heard: list[RunFinished] = []

    @hook.on_run_finished
    def listen(context: HookContext, event: RunFinished) -> None:
        heard.append(event)

    served = server(calls(("pay", {"amount": 5})), says("Done."))
    agent = Agent(model(served), tools=[pay], hooks=[listen])
    with pytest.raises(RunSuspended) as caught:
        agent.prompt("Pay.")
    assert heard == [RunFinished()]
    caught.value.run.approve("c0")
    final = agent.resume(caught.value.run)
    assert heard == [RunFinished(), RunFinished(final)]


def test_misfits_are_shown_to_nobody(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """Arguments that do not fit go back to the model; a person is asked about the next call."""
    served = server(
        calls(("pay", {"amount": "all"}), ("ask_boss", {})),
        calls(("pay", {"amount": 7})),
        says("Done."),
    )
    agent = Agent(model(served), tools=[pay, ask_boss])
    run = again(way(agent, "Pay."))
    assert [one.call.arguments for one in run.pending] == [{"amount": 7}]
    first, second = told(served.requests[1]).values()
    assert "arguments of pay do not fit" in str(first)
    assert "missing required argument `question`" in str(second)
    run.approve("c0")
    assert way(agent, run).response().output == "Done."
    assert RAN == ["pay 7"]


@pytest.mark.parametrize(
    ("output", "is_error", "wire"),
    [
        ("Buy it.", False, "Buy it."),
        ("He is away.", True, "He is away."),
        ({"buy": True}, False, '{"buy":true}'),
        (None, False, "null"),
        ([Text("See:"), PIXEL], False, "See:"),
    ],
)
def test_deferred_tools(
    server: ServerFactory,
    model: ModelFactory,
    way: Way,
    output: object,
    is_error: bool,
    wire: str,
) -> None:
    """The body never runs; the answer is text, JSON or images, and the model reads it."""
    asked = calls(("ask_boss", {"question": "Buy?"}), ("look", {"place": "up"}))
    served = server(asked, says("Done."))
    agent = Agent(model(served), tools=[ask_boss, look])
    run = again(way(agent, "Buy it?"))
    assert [(one.call.id, one.state) for one in run.pending] == [("c0", "deferred")]
    with pytest.raises(ConfigError, match=r"state approval; .* 'c0' \(deferred\)"):
        run.approve("c0")
    run.answer_call("c0", output, is_error=is_error)
    run = way(agent, again(run))
    first = results(run.messages)[0]
    assert (first.text, first.is_error) == (wire, is_error)
    assert first.media == ((PIXEL,) if isinstance(output, list) else ())
    assert wire in json.dumps(told(served.requests[1])["c0"]).replace('\\"', '"')
    assert b"aGk=" in served.requests[1].body or not first.media
    assert RAN == ["look up"]


def test_a_deferred_call_says_so(server: ServerFactory, model: ModelFactory) -> None:
    """`RunPending` tells approvals from answers that come from elsewhere."""
    asked = calls(("ask_boss", {"question": "Buy?"}), ("pay", {"amount": 1}))
    agent = Agent(model(server(asked)), tools=[ask_boss, pay])
    *_, last = agent.stream_prompt("Buy it?")
    assert isinstance(last, RunPending)
    assert [one.name for one in last.approvals] == ["pay"]
    assert [one.name for one in last.deferred] == ["ask_boss"]
