"""What hooks may answer: patches of the request, stop, another try."""

from __future__ import annotations

import pytest

from rig_sync import (
    Agent,
    CompletionCall,
    CompletionRequest,
    CompletionResponse,
    Document,
    Feedback,
    HookContext,
    MaxTurnsExceeded,
    ModelTurnRetried,
    PromptCancelled,
    ReasoningOptions,
    Repeat,
    RequestPatch,
    RunFinished,
    Stop,
    StreamMisuse,
    StreamUserItem,
    Text,
    ToolCallEvent,
    ToolChoice,
    ToolExecutionStarted,
    UserMessage,
    assistant,
    hook,
    user,
)
from rig_sync.agent.steps import REJECTED
from tests.agent.both_ways import TOKENS, Way, body, calls, results, said, says
from tests.agent.counting import add, double, ran
from tests.conftest import ModelFactory, ServerFactory
from tests.server import Stall, chat_chunk, sse_response


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    """Each test counts for itself."""
    ran.clear()


def patching(*patches: RequestPatch | None) -> object:
    """Answers the nth model call with the nth of `patches`."""

    @hook.on_completion_call
    def patch(context: HookContext, event: CompletionRequest) -> RequestPatch | None:
        return patches[context.turn - 1] if context.turn <= len(patches) else None

    return patch


ADD = calls(("add", {"a": 1, "b": 2}))

# patches of the request ----------------------------------------------------------------------

PATCHES: dict[str, tuple[RequestPatch, object]] = {
    "temperature": (RequestPatch(temperature=0.0), 0.0),
    "max_tokens": (RequestPatch(max_tokens=7), 7),
    "top_p": (RequestPatch(top_p=0.5), 0.5),
    "stop": (RequestPatch(stop=("END",)), ["END"]),
    "seed": (RequestPatch(seed=0), 0),
    "reasoning_effort": (RequestPatch(reasoning=ReasoningOptions(effort="low")), "low"),
    "parallel_tool_calls": (RequestPatch(parallel_tool_calls=False), False),
    "tool_choice": (RequestPatch(tool_choice=ToolChoice("none")), "none"),
    "top_k": (RequestPatch(additional_params={"top_k": 3}), 3),
}


@pytest.mark.parametrize("field", PATCHES)
def test_a_patch_holds_for_one_turn(
    server: ServerFactory, model: ModelFactory, way: Way, field: str
) -> None:
    """Each field reaches the wire, for that turn alone."""
    patch, value = PATCHES[field]
    served = server(ADD, says("3"))
    way(Agent(model(served), tools=[add], hooks=[patching(patch)]))
    first, second = map(body, served.requests)
    assert first[field] == value
    assert field not in second


def test_words_of_a_patch(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """The preamble is replaced, documents add up with the agent's, for one turn."""
    served = server(ADD, says("3"))
    notes = [RequestPatch(extra_context=(Document(text=text),)) for text in ("beta", "gamma")]
    agent = Agent(
        model(served),
        tools=[add],
        preamble="Be brief.",
        context=["alpha"],
        hooks=[patching(RequestPatch(preamble="Be kind.")), *map(patching, notes)],
    )
    way(agent)
    first, second = map(said, served.requests)
    assert (first[0], second[0]) == (("system", "Be kind."), ("system", "Be brief."))
    found = [
        [str(content).count(text) for text in ("alpha", "beta", "gamma")]
        for content in (first, second)
    ]
    assert found == [[1, 1, 1], [1, 0, 0]]


def test_patches_merge(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """Later hooks see and win; parameters merge deep; tools are those that all name."""
    seen: list[tuple[float | None, int]] = []

    @hook.on_completion_call
    def last(context: HookContext, event: CompletionRequest) -> RequestPatch:
        seen.append((event.temperature, len(event.tools)))
        return RequestPatch(temperature=0.75, active_tools=("add", "nothing"))

    first = RequestPatch(
        temperature=0.5,
        seed=1,
        active_tools=("double", "add"),
        additional_params={"extra": {"a": 1, "b": 1}},
    )
    second = RequestPatch(active_tools=("add",), additional_params={"extra": {"b": 2}})
    served = server(says("Hi."))
    agent = Agent(model(served), tools=[add, double], hooks=[patching(first), patching(second)])
    way(agent, hooks=[last])
    sent = body(served.requests[0])
    assert (sent["temperature"], sent["seed"]) == (0.75, 1)
    assert sent["extra"] == {"a": 1, "b": 2}
    assert [one["function"]["name"] for one in sent["tools"]] == ["add"]  # type: ignore[attr-defined]  # JSON
    assert seen == [(0.5, 1)]


def test_a_shortened_history(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """The model reads what the hook gives it, the run keeps the whole."""

    @hook.on_completion_call
    def shorten(context: HookContext, event: CompletionRequest) -> RequestPatch:
        return RequestPatch(messages=event.messages[-1:])

    served = server(says("Hi."))
    agent = Agent(model(served), hooks=[shorten])
    final = agent.chat("Now?", [user("Before."), assistant("Yes.")], stream=way.streamed)
    assert said(served.requests[0]) == [("user", "Now?")]
    assert final.messages == (user("Before."), assistant("Yes."), user("Now?"), assistant("Hi."))


# stop ----------------------------------------------------------------------------------------

TWO = calls(("add", {"a": 1, "b": 2}), ("double", {"n": 2}), text="Let me see.")
STOPS: dict[str, tuple[object, int, list[tuple[int, int]]]] = {
    "on_completion_call": (says("Hi."), 0, []),
    "on_model_select": (says("Hi."), 0, []),
    "on_text_delta": (TWO, 1, []),
    "on_reasoning_delta": (says("Hi.", thinks=["Hm"]), 1, []),
    "on_tool_call_delta": (TWO, 1, []),
    "on_model_turn_finished": (TWO, 1, []),
    "on_invalid_tool_call": (calls(("add", {"a": 1, "b": 2}), ("subtract", {})), 1, []),
    "on_tool_call": (TWO, 1, [(1, 2)]),
    "on_tool_result": (TWO, 1, [(1, 2)]),
}
"""By event: the answer, how many requests go out, what has run when the last one is stopped."""


@pytest.mark.parametrize("event", STOPS)
def test_stop(server: ServerFactory, model: ModelFactory, way: Way, event: str) -> None:
    """The run ends there: reason, history, no further tool, no result; the end is told."""
    script, requests, run = STOPS[event]
    told: list[object] = []

    def stop(context: HookContext, value: object) -> Stop | None:
        if isinstance(value, ToolCallEvent) and value.call.name == "add":
            return None  # the second call is stopped when the first has run
        return Stop("enough")

    @hook.on_run_finished
    def end(context: HookContext, value: RunFinished) -> None:
        told.append(value.error)

    served = server(script, says("Never."))  # type: ignore[arg-type]  # an answer
    ended = way(Agent(model(served), tools=[add, double]), hooks=[getattr(hook, event)(stop), end])
    assert isinstance(ended.error, PromptCancelled)
    assert ended.error.reason == "enough"
    assert str(ended.error) == "a hook stopped the run: enough"
    assert told == [ended.error]
    assert len(served.requests) == requests
    assert ran == run
    assert not any(isinstance(item, StreamUserItem) for item in ended.items)
    assert ended.history[0] == user("Go.")
    Agent(model(server(says("Again.")))).chat("And?", ended.history)


def test_the_first_stop_wins(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """Later hooks are not asked."""
    asked: list[str] = []

    def stopping(name: str) -> object:
        @hook.on_text_delta
        def stop(context: HookContext, event: Text) -> Stop:
            asked.append(name)
            return Stop(name)

        return stop

    ended = way(Agent(model(server(says("Hi."))), hooks=[stopping("one"), stopping("two")]))
    assert isinstance(ended.error, PromptCancelled)
    assert (ended.error.reason, asked) == ("one", ["one"])


def test_stop_closes_the_connection(server: ServerFactory, model: ModelFactory) -> None:
    """The stream ends, and the server sees it, while the error is still held."""

    @hook.on_text_delta
    def stop(context: HookContext, event: Text) -> Stop:
        return Stop("enough")

    served = server(sse_response(chat_chunk({"content": "one"}), Stall()))
    stream = Agent(model(served), hooks=[stop]).stream_prompt("Hi")
    with pytest.raises(PromptCancelled) as caught:
        next(stream)
    assert served.disconnected.wait(1)
    with pytest.raises(StreamMisuse):
        iter(stream)
    assert caught.value.history == (user("Hi"), assistant("one"))


def test_tokens_of_a_stopped_answer_count(server: ServerFactory, model: ModelFactory) -> None:
    """A hook that guards a budget is the last to lose sight of them."""

    @hook.on_model_turn_finished
    def stop(context: HookContext, event: CompletionResponse) -> Stop:
        return Stop(f"{event.usage.total_tokens} tokens")

    stream = Agent(model(server(says("Hi."))), hooks=[stop]).stream_prompt("Hi")
    with pytest.raises(PromptCancelled, match=f"{TOKENS} tokens"):
        list(stream)
    assert stream.usage.total_tokens == TOKENS
    assert stream.run.turn == 1
    assert stream.messages == (user("Hi"), assistant("Hi."))


# another try ---------------------------------------------------------------------------------


def judging(*verdicts: Repeat | Feedback | None) -> object:
    """Judges the nth answer by the nth of `verdicts`, and takes all that follow."""

    @hook.on_model_turn_finished
    def judge(context: HookContext, event: CompletionResponse) -> Repeat | Feedback | None:
        return verdicts[context.turn - 1] if context.turn <= len(verdicts) else None

    return judge


def test_repeat_leaves_no_trace(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """The same is asked again; the tokens and the turn count, the words do not."""
    served = server(says("Bad."), says("Good."))
    ended = way(Agent(model(served), hooks=[judging(Repeat())]))
    assert ended.history == (user("Go."), assistant("Good."))
    assert served.requests[0].json == served.requests[1].json
    assert ended.final is not None
    assert ended.final.usage.total_tokens == 2 * TOKENS
    assert [call.turn for call in ended.final.completion_calls] == [1, 2]
    if way.streamed:
        retried = ended.items.index(ModelTurnRetried(1))
        assert isinstance(ended.items[retried - 1], CompletionCall)


def test_feedback_is_said(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """The answer stays, with what is wrong with it after it."""
    served = server(says("Bad."), says("Good."))
    ended = way(Agent(model(served), hooks=[judging(Feedback("Be good."))]))
    words = (user("Go."), assistant("Bad."), user("Be good."))
    assert ended.history == (*words, assistant("Good."))
    assert said(served.requests[1]) == [
        ("user", "Go."),
        ("assistant", "Bad."),
        ("user", "Be good."),
    ]


@pytest.mark.parametrize(
    "verdict", [Repeat(), Feedback("Think first.")], ids=["repeat", "feedback"]
)
def test_a_rejected_answer_with_calls(
    server: ServerFactory, model: ModelFactory, way: Way, verdict: Repeat | Feedback
) -> None:
    """None of its tools runs; with feedback, each call has a result that says so."""
    served = server(TWO, says("Good."))
    ended = way(Agent(model(served), tools=[add, double], hooks=[judging(verdict)]))
    assert ran == []
    assert ended.reply == "Good."
    rejected = [("c0", REJECTED, True), ("c1", REJECTED, True)]
    assert results(ended.history) == (rejected if isinstance(verdict, Feedback) else [])
    assert not any(isinstance(item, ToolExecutionStarted) for item in ended.items)
    if isinstance(verdict, Feedback):
        after = ended.history[2]
        assert isinstance(after, UserMessage)
        assert after.content[-1] == Text("Think first.")


@pytest.mark.parametrize("verdict", [Repeat(), Feedback("Again.")], ids=["repeat", "feedback"])
def test_retries_count_as_turns(
    server: ServerFactory, model: ModelFactory, way: Way, verdict: Repeat | Feedback
) -> None:
    """A hook that is never content ends at `max_turns`."""
    served = server(says("Bad."))
    ended = way(Agent(model(served), hooks=[judging(*[verdict] * 9)], max_turns=3))
    assert isinstance(ended.error, MaxTurnsExceeded)
    assert len(served.requests) == 3


def test_the_first_verdict_wins(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """Hooks after one that wants another try are not asked."""
    served = server(says("Bad."), says("Good."))
    agent = Agent(model(served), hooks=[judging(None), judging(Repeat()), judging(Feedback("x"))])
    assert way(agent).history == (user("Go."), assistant("Good."))
