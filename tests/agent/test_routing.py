"""Which model is asked: the agent's, the run's, the one a hook chooses, one that still answers."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator

import pytest

from rig_sync import (
    Agent,
    AuthenticationError,
    CancelToken,
    Capabilities,
    CompletionModel,
    CompletionRequest,
    ConfigError,
    ConnectFailed,
    FirstEventTimeout,
    HookContext,
    HookFailed,
    ModelSelection,
    PromptCancelled,
    RateLimited,
    RequestPatch,
    RigError,
    ServerError,
    Stop,
    StreamAssistantItem,
    StreamError,
    StreamTruncated,
    Text,
    Timeouts,
    UseModel,
    assistant,
    hook,
    tool,
    user,
)
from rig_sync.message import AssistantMessage
from rig_sync.providers import anthropic
from rig_sync.providers.openai_compatible import Client
from rig_sync.transport.retry import NO_RETRIES, RetryPolicy
from tests.agent.both_ways import WAYS, Way, body, calls, results, said, says
from tests.conftest import KEY, ModelFactory, ServerFactory
from tests.server import (
    Close,
    Request,
    Reset,
    Script,
    ScriptedServer,
    Stall,
    chat_chunk,
    error_response,
    response,
    sse,
    sse_response,
)


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.fixture
def refused() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


@pytest.fixture
def claude() -> Iterator[Callable[[ScriptedServer], CompletionModel]]:
    """A factory of models on another wire."""
    clients: list[anthropic.Client] = []

    def make(server: ScriptedServer) -> CompletionModel:
        client = anthropic.Client(KEY, base_url=server.url, retries=NO_RETRIES)
        clients.append(client)
        return client.completion_model("claude-haiku-4-5")

    yield make
    for client in clients:
        client.close()


def claude_says(text: str) -> Callable[[Request], Script]:
    """An answer on Anthropic's wire, as it is asked for."""
    usage = {"input_tokens": 10, "output_tokens": 3}
    start = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "usage": usage,
    }
    block = {"type": "text", "text": text}

    def answer(request: Request) -> Script:
        if not body(request).get("stream"):
            end = {"stop_reason": "end_turn", "stop_sequence": None}
            data = json.dumps({**start, **end, "content": [block]}).encode()
            return response(200, {"Content-Type": "application/json"}, data)
        events: list[dict[str, object]] = [
            {"type": "message_start", "message": {**start, "content": []}},
            {"type": "content_block_start", "index": 0, "content_block": {**block, "text": ""}},
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": text},
            },
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage},
            {"type": "message_stop"},
        ]
        named = [b"event: %s\n" % str(one["type"]).encode() + sse(one) for one in events]
        return sse_response(*named)

    return answer


# choosing ------------------------------------------------------------------------------------


def test_using_model(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """This run asks another model, under its own name; the next run the agent's again."""
    mine, other = server(says("Mine.")), server(says("Other."))
    agent = Agent(model(mine))
    assert way(agent, using_model=model(other)).reply == "Other."
    assert way(agent).reply == "Mine."
    assert len(mine.requests) == len(other.requests) == 1


NO_MODELS = ["gpt-5.5", 5, None]


@pytest.mark.parametrize("wrong", NO_MODELS)
def test_what_is_no_model(server: ServerFactory, model: ModelFactory, wrong: object) -> None:
    """It is refused where it is given, and nothing is sent."""
    served = server()
    agent = Agent(model(served))
    with pytest.raises(
        ConfigError, match=r"using_model: .* is no model: write client\.completion_"
    ):
        agent.stream_prompt("Hi", using_model=wrong)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(ConfigError, match=r"fallbacks: .* is no model"):
        Agent(model(served), fallbacks=[wrong])  # type: ignore[list-item]  # on purpose
    with pytest.raises(ConfigError, match=r"UseModel: .* is no model"):
        UseModel(wrong)  # type: ignore[arg-type]  # on purpose


def choosing(*models: CompletionModel | None, log: list[ModelSelection] | None = None) -> object:
    """Chooses the nth of `models` for the nth turn."""

    @hook.on_model_select
    def choose(context: HookContext, event: ModelSelection) -> UseModel | None:
        if log is not None:
            log.append(event)
        model = models[context.turn - 1] if context.turn <= len(models) else None
        return None if model is None else UseModel(model)

    return choose


def test_a_hook_chooses(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """The last choice wins; each hook sees the one before, the default and who was asked last."""
    log: list[ModelSelection] = []
    unasked = server()
    a, b = model(server(says("Three."))), model(unasked)
    c = model(server(calls(("add", {"a": 1, "b": 2}))))
    hooks = [choosing(b), choosing(c), choosing(None, log=log)]
    ended = way(Agent(a, tools=[add], hooks=hooks))
    assert ended.reply == "Three."
    assert unasked.requests == []
    first, second = log
    assert (first.default, first.selected, first.previous) == (a, c, None)
    assert (second.default, second.selected, second.previous) == (a, a, c)


def test_the_request_is_the_patched_one(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """A model is chosen for what it will be asked."""
    log: list[ModelSelection] = []

    @hook.on_completion_call
    def patch(context: HookContext, event: CompletionRequest) -> RequestPatch:
        return RequestPatch(seed=5)

    way(Agent(model(server(says("Hi."))), hooks=[choosing(None, log=log), patch]))
    assert log[0].request.seed == 5
    assert log[0].request.messages == (user("Go."),)


def test_a_chosen_model_is_the_runs_default(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """`using_model` is what the hooks see as default."""
    log: list[ModelSelection] = []
    other = model(server(says("Other.")))
    way(Agent(model(server()), hooks=[choosing(None, log=log)]), using_model=other)
    assert log[0].default is other


def test_from_one_wire_to_another(
    server: ServerFactory,
    model: ModelFactory,
    claude: Callable[[ScriptedServer], CompletionModel],
    way: Way,
) -> None:
    """The second model reads what the first has said and called, in its own words."""
    chat = server(calls(("add", {"a": 1, "b": 2}), text="Let me see."))
    messages = server(claude_says("Three."))
    second = claude(messages)
    ended = way(Agent(model(chat), tools=[add], hooks=[choosing(None, second)]))
    assert ended.reply == "Three."
    sent = body(messages.requests[0])
    assert sent["model"] == "claude-haiku-4-5"
    assert sent["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Go."}]},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me see."},
                {"type": "tool_use", "id": "c0", "name": "add", "input": {"a": 1, "b": 2}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c0", "content": "3"},
            ],
        },
    ]
    assert results(ended.history) == [("c0", "3", False)]


def test_stop_before_a_model_is_asked(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """Nothing is sent, to no fallback either."""
    served = server()

    @hook.on_model_select
    def stop(context: HookContext, event: ModelSelection) -> Stop:
        return Stop("too dear")

    ended = way(Agent(model(served), hooks=[stop], fallbacks=[model(served)]))
    assert isinstance(ended.error, PromptCancelled)
    assert served.requests == []


# falling back --------------------------------------------------------------------------------

HEAD = {"Content-Type": "text/event-stream", "Content-Length": "500"}
OVERLOADED = {"error": {"message": "busy", "type": "server_error", "code": "server_error"}}


def inside(request: Request) -> Script:
    """An error within a response of status 200, before any content."""
    if body(request).get("stream"):
        return sse_response(chat_chunk({"role": "assistant"}), sse(OVERLOADED))
    return error_response(200, OVERLOADED)


def cut(request: Request) -> Script:
    """A body that ends before any content."""
    if body(request).get("stream"):
        return sse_response(chat_chunk({"role": "assistant"}), framing="close")
    return [*response(200, {**HEAD, "Content-Type": "application/json"}, b"{"), Close()]


def reset(request: Request) -> Script:
    """The connection is torn before the headers."""
    return [Reset()]


PATIENT = Timeouts(first_event=2.0)  # for those that do answer, on a busy machine

FAILURES: dict[str, tuple[Script | Callable[[Request], Script], type[RigError]]] = {
    "429": (error_response(429), RateLimited),
    "500": (error_response(500), ServerError),
    "401": (error_response(401), AuthenticationError),
    "an error in a 200": (inside, RigError),
    "a body that is cut": (cut, RigError),
    "a torn connection": (reset, RigError),
    "silence": ([Stall()], FirstEventTimeout),
}


@pytest.mark.parametrize("what", [*FAILURES, "nobody listens"])
def test_a_failure_before_content(
    server: ServerFactory, model: ModelFactory, way: Way, what: str, refused: str
) -> None:
    """The next model is asked the same, and the answer says so in its defects."""
    script, _ = FAILURES.get(what, (error_response(500), RigError))
    broken = server(script)
    good = server(says("Good."))
    first = model(refused if what == "nobody listens" else broken)
    agent = Agent(first, fallbacks=[model(good)])
    ended = way(agent, timeouts=PATIENT)
    assert ended.reply == "Good."
    assert ended.history == (user("Go."), assistant("Good."))
    assert ended.final is not None
    (defect,) = ended.final.defects[-1:]
    assert f"{first!r} did not answer, so another was asked: " in defect
    assert said(good.requests[0]) == [("user", "Go.")]
    assert not any(isinstance(one, StreamError) for one in ended.items)


@pytest.mark.parametrize("what", [*FAILURES, "nobody listens"])
def test_all_of_them_fail(
    server: ServerFactory, model: ModelFactory, way: Way, what: str, refused: str
) -> None:
    """The last error, with the attempts of all before it, oldest first."""
    script, kind = FAILURES.get(what, (error_response(500), ConnectFailed))
    last = model(refused if what == "nobody listens" else server(script))
    agent = Agent(
        model(server(error_response(500))), fallbacks=[model(server(error_response(429))), last]
    )
    ended = way(agent, timeouts=PATIENT)
    assert isinstance(ended.error, kind)
    assert [one.status for one in ended.error.attempts] == [500, 429]
    assert ended.history[0] == user("Go.")


@pytest.fixture
def toolless() -> Iterator[Callable[[ScriptedServer], CompletionModel]]:
    """A factory of models that cannot call tools."""
    clients: list[Client] = []

    def make(server: ScriptedServer) -> CompletionModel:
        client = Client(KEY, base_url=server.url + "/v1", retries=NO_RETRIES)
        clients.append(client)
        return client.completion_model("plain", capabilities=Capabilities(tools=False))

    yield make
    for client in clients:
        client.close()


def test_each_that_was_silent_is_named(
    server: ServerFactory,
    model: ModelFactory,
    claude: Callable[[ScriptedServer], CompletionModel],
    toolless: Callable[[ScriptedServer], CompletionModel],
    way: Way,
) -> None:
    """Two fail, one cannot be asked, the last answers: two defects, each with its own model."""
    first, second = model(server(error_response(500))), claude(server(error_response(429)))
    fallbacks = [second, toolless(server()), model(server(says("Good.")))]
    ended = way(Agent(first, tools=[add], fallbacks=fallbacks))
    assert ended.final is not None
    one, two = ended.final.defects
    assert (repr(first) in one, "scripted 500" in one) == (True, True)
    assert (repr(second) in two, "scripted 429" in two) == (True, True)


def test_after_the_first_content_it_is_too_late(server: ServerFactory, model: ModelFactory) -> None:
    """What was said cannot be taken back: the error is the caller's, with what came."""
    spare = server(says("Never."))
    broken = server(sse_response(chat_chunk({"content": "Once "}), framing="close"))
    stream = Agent(model(broken), fallbacks=[model(spare)]).stream_prompt("A story.")
    with pytest.raises(StreamTruncated) as caught:
        list(stream)
    assert spare.requests == []
    assert caught.value.history == (user("A story."), assistant("Once "))


def test_a_mistake_is_no_failure(
    server: ServerFactory,
    model: ModelFactory,
    toolless: Callable[[ScriptedServer], CompletionModel],
    way: Way,
) -> None:
    """What the first model cannot do is the caller's to mend: `ConfigError`, nobody is asked."""
    served = server(says("Never."))
    ended = way(Agent(toolless(served), tools=[add], fallbacks=[model(served)]))
    assert isinstance(ended.error, ConfigError)
    assert "plain cannot call tools" in str(ended.error)
    assert served.requests == []


@pytest.mark.parametrize("third", [True, False])
def test_a_fallback_that_cannot_is_passed_over(
    server: ServerFactory,
    model: ModelFactory,
    toolless: Callable[[ScriptedServer], CompletionModel],
    way: Way,
    third: bool,
) -> None:
    """The next one is asked; without one, the first failure stands."""
    never, good = server(), model(server(says("Good.")))
    first = model(server(error_response(500)))
    fallbacks = [toolless(never), *([good] if third else [])]
    ended = way(Agent(first, tools=[add], fallbacks=fallbacks))
    assert never.requests == []
    if third:
        assert ended.reply == "Good."
    else:
        assert isinstance(ended.error, ServerError)


def test_retries_come_first(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """A model's own retries are used up before the next model is asked, and all are told."""
    policy = RetryPolicy(attempts=3, initial=0.001, maximum=0.002)
    first, second = server(error_response(503)), server(error_response(500))
    agent = Agent(model(first, retries=policy), fallbacks=[model(second)])
    ended = way(agent)
    assert len(first.requests) == 3
    assert len(second.requests) == 1
    assert ended.error is not None
    assert [one.status for one in ended.error.attempts] == [503, 503, 503]


def test_cancelled_while_it_fails(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """Nobody else is asked."""
    token = CancelToken()
    spare = server(says("Never."))

    def fails(request: Request) -> Script:
        token.cancel()
        return error_response(500)

    ended = way(Agent(model(server(fails)), fallbacks=[model(spare)]), cancel=token)
    assert ended.final is None
    assert way.streamed or isinstance(ended.error, PromptCancelled)
    assert spare.requests == []


def test_a_hook_that_fails_is_no_failure_of_the_model(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """No fallback is asked because a hook raised."""
    spare = server(says("Never."))

    @hook.on_text_delta
    def clumsy(context: HookContext, event: Text) -> None:
        raise ZeroDivisionError

    agent = Agent(model(server(says("Hi."))), fallbacks=[model(spare)], hooks=[clumsy])
    assert isinstance(way(agent).error, HookFailed)
    assert spare.requests == []


def test_each_turn_begins_with_the_first(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """A model that failed once is asked again in the next turn; hooks see who answered last."""
    log: list[ModelSelection] = []
    first = server(error_response(500), says("Three."))
    second = server(calls(("add", {"a": 1, "b": 2})))
    a, b = model(first), model(second)
    ended = way(Agent(a, tools=[add], fallbacks=[b], hooks=[choosing(None, log=log)]))
    assert ended.reply == "Three."
    assert (len(first.requests), len(second.requests)) == (2, 1)
    assert [one.previous for one in log] == [None, b]


def test_a_fallback_on_another_wire(
    server: ServerFactory,
    model: ModelFactory,
    claude: Callable[[ScriptedServer], CompletionModel],
    way: Way,
) -> None:
    """The wire does not matter; the chosen model's failure falls back like the agent's own."""
    other = server(claude_says("Hi."))
    broken = model(server(error_response(500)))
    agent = Agent(model(server()), hooks=[choosing(broken)], fallbacks=[claude(other)])
    ended = way(agent)
    assert ended.reply == "Hi."
    assert isinstance(ended.history[-1], AssistantMessage)
    assert body(other.requests[0])["model"] == "claude-haiku-4-5"


def test_silence_is_seen_by_nobody(server: ServerFactory, model: ModelFactory) -> None:
    """The caller's stream has the items of the answer alone, and one end."""
    good = server(says("Go", "od."))
    agent = Agent(model(server(error_response(429))), fallbacks=[model(good)])
    items = list(agent.stream_prompt("Hi"))
    words = [i.content for i in items if isinstance(i, StreamAssistantItem)]
    assert words[:2] == [Text("Go"), Text("od.")]
    assert [type(item).__name__ for item in items[-2:]] == ["CompletionCall", "FinalResponse"]


def test_both_ways_end_equal(server: ServerFactory, model: ModelFactory) -> None:
    """Streamed and one-shot: equal histories and answers, also in what they say of the failure."""
    ends = []
    for way in WAYS:
        broken, good = server(error_response(500)), server(says("Good."))
        ended = way(Agent(model(broken), fallbacks=[model(good)]))
        ends.append((ended.history, ended.final))
    assert ends[0] == ends[1]
