"""How a call becomes a result, live and at once."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from rig_sync._json import JsonObject
from rig_sync.completion import ToolDefinition, Usage
from rig_sync.errors import ConfigError, ModelRetry, PromptCancelled, ToolError
from rig_sync.message import Document, Image, Text, ToolCall, ToolResult
from rig_sync.streaming.cancel import CancelToken
from rig_sync.tools import (
    StreamingTool,
    Tool,
    ToolContext,
    ToolOutput,
    ToolSet,
    check_call,
    run_streaming,
    run_tool,
    start_tool,
    tool,
)

CONTEXT = ToolContext(deps="the deps")


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def shout(text: str) -> str:
    """Make it loud."""
    return text.upper()


class Failing:
    """A tool that raises what it is given."""

    definition = ToolDefinition("fail", "Fail.", {"type": "object"})

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def call(self, arguments: JsonObject, context: ToolContext) -> str:  # noqa: ARG002
        raise self.error


class Counting:
    """A tool that shows how far it is, and fails in the end when told."""

    definition = ToolDefinition("count", "Count up.", {"type": "object"})

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.ended_by: list[str] = []

    def call(self, arguments: JsonObject, context: ToolContext) -> str:  # noqa: ARG002
        raise AssertionError("a run streams")

    def stream(
        self, arguments: JsonObject, context: ToolContext
    ) -> Generator[object, None, ToolOutput]:
        try:
            for number in range(int(str(arguments["to"]))):
                context.report_usage(Usage(output_tokens=1))
                yield number
            if self.error is not None:
                raise self.error
            return {"counted": arguments.pop("to")}
        except BaseException as error:
            self.ended_by.append(type(error).__name__)
            raise


def call(name: str, **arguments: int | str) -> ToolCall:
    return ToolCall("c1", name, dict(arguments))


def watch(
    tools: ToolSet | Tool, asked: ToolCall, context: ToolContext = CONTEXT
) -> tuple[list[object], ToolResult]:
    """What was shown, and the result."""
    seen: list[object] = []
    results: list[ToolResult] = []

    def steps() -> Generator[object, None, None]:
        results.append((yield from start_tool(tools, asked, context)))

    seen.extend(steps())
    return seen, results[0]


@pytest.mark.parametrize("tools", [ToolSet([add, shout]), shout], ids=["set", "tool"])
def test_a_call_is_answered(tools: ToolSet | Tool) -> None:
    """The result has the id and name of the call, is no error, and nothing is shown before."""
    expected = ToolResult("c1", (Text("HI"),), "shout")
    assert run_tool(tools, call("shout", text="hi"), CONTEXT) == expected
    assert watch(tools, call("shout", text="hi")) == ([], expected)


def test_the_context_reaches_the_tool() -> None:
    """A tool sees the context that the driver made, and its media stay what they are."""
    image = Image(url="https://example.com/a.png")
    document = Document(url="https://example.com/a.pdf", media_type="application/pdf")

    @tool
    def look(context: ToolContext) -> list[object]:
        """Look."""
        return [image, document, str(context.deps), {"k": 1}]

    result = run_tool(look, call("look"), CONTEXT)
    assert result.content == (image, document, Text("the deps"), Text('{"k":1}'))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ToolError("try a city"), "try a city"),
        (ToolError(), "ToolError"),
        (ModelRetry("no such city"), "no such city\nCorrect the call and try again."),
        (ModelRetry(), "Correct the call and try again."),
        (ValueError("bad value"), "ValueError: bad value"),
        (KeyError("k"), "KeyError: 'k'"),
        (RuntimeError(), "RuntimeError"),
        (ConfigError("no key"), "ConfigError: no key"),
        (PromptCancelled("another run was"), "PromptCancelled: another run was"),
        (StopIteration(3), "StopIteration: 3"),
        (OSError("caf\udce9"), "OSError: caf?"),
    ],
    ids=repr,
)
def test_an_exception_becomes_a_result(error: Exception, message: str) -> None:
    """The model reads a ToolError's message alone, of others the type too, and no traceback."""
    expected = ToolResult("c1", (Text(message),), "fail", is_error=True)
    assert run_tool(Failing(error), call("fail"), CONTEXT) == expected
    if not isinstance(error, StopIteration):  # a generator cannot raise it
        shown, result = watch(Counting(error), call("count", to=1))
        assert (shown, result.text, result.is_error) == ([0], message, True)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(2), GeneratorExit()], ids=repr)
def test_the_way_out_stays_open(error: BaseException) -> None:
    """What ends the program is not the model's business."""
    with pytest.raises(type(error)):
        run_tool(Failing(error), call("fail"), CONTEXT)
    with pytest.raises(type(error)):
        watch(Counting(error), call("count", to=1))


@pytest.mark.parametrize("tools", [Failing, Counting])
def test_a_cancelled_run_ends_inside_a_tool(
    tools: type[Failing] | type[Counting],
) -> None:
    """`PromptCancelled` passes through when it is this run that was cancelled."""
    token = CancelToken()
    token.cancel()
    one = tools(PromptCancelled("stop"))
    with pytest.raises(PromptCancelled, match="stop"):
        run_tool(one, call(one.definition.name, to=0), ToolContext(cancel=token))


def test_a_streaming_tool_shows_and_answers() -> None:
    """Its items come out in order, then its output as the result; its usage is in the context."""
    counting, context = Counting(), ToolContext()
    assert isinstance(counting, StreamingTool)
    assert not isinstance(shout, StreamingTool)
    asked = call("count", to=3)
    shown, result = watch(ToolSet([counting]), asked, context)
    assert shown == [0, 1, 2]
    assert result == ToolResult("c1", (Text('{"counted":3}'),), "count")
    assert context.usage == Usage(output_tokens=3)
    assert asked.arguments == {"to": 3}  # the tool changed a copy
    assert run_tool(counting, asked, ToolContext()) == result


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_between_two_items_reaches_the_tool(interrupt: type[BaseException]) -> None:
    """The tool's own generator is over before the interrupt goes on."""
    counting = Counting()
    steps = start_tool(counting, call("count", to=9), CONTEXT)
    assert next(steps) == 0
    with pytest.raises(interrupt):
        steps.throw(interrupt())
    assert counting.ended_by == [interrupt.__name__]


@pytest.mark.parametrize("way", ["close", "forget"])
def test_a_streaming_tool_left_in_the_middle_cleans_up(way: str) -> None:
    """Closing what `start_tool` gave closes the tool; so does dropping it."""
    counting = Counting()
    steps = start_tool(counting, call("count", to=9), CONTEXT)
    assert [next(steps), next(steps)] == [0, 1]
    if way == "close":
        steps.close()
    else:
        del steps
    assert counting.ended_by == ["GeneratorExit"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            call("add", a=1, b="x", c=2),
            "arguments of add do not fit: unknown argument `c`; "
            "Expected `int`, got `str` - at `$.b`",
        ),
        (call("sub"), "there is no tool sub; the tools are: add, shout"),
        (
            ToolCall("c1", "add", malformed='{"a": 1, "b"' + "x" * 300),
            "the arguments of add were no JSON object, so it did not run: call it again with one. "
            'They began: {"a": 1, "b"' + "x" * 188,
        ),
        (
            ToolCall("c1", "add", malformed=""),
            "the arguments of add were no JSON object, so it did not run: call it again with one. "
            "They began: ",
        ),
    ],
    ids=["unfit", "unknown", "malformed", "empty"],
)
def test_a_call_that_cannot_run(asked: ToolCall, message: str) -> None:
    """The model is told what to do differently."""
    result = run_tool(ToolSet([add, shout]), asked, CONTEXT)
    assert (result.text, result.is_error, result.id) == (message, True, "c1")


def test_no_tool_at_all() -> None:
    """An empty set says so."""
    assert run_tool(ToolSet(), call("x"), CONTEXT).text == (
        "there is no tool x; the tools are: none"
    )


def test_a_malformed_call_never_reaches_a_tool() -> None:
    """Not even when the tool is given itself."""
    asked = ToolCall("c1", "fail", malformed="[1]")
    assert "no JSON object" in run_tool(Failing(SystemExit()), asked, CONTEXT).text


def test_a_tool_that_needs_approval() -> None:
    """It runs once a person agreed, and never before."""
    ran: list[int] = []

    @tool(approval=True)
    def pay(amount: int) -> str:
        """Pay."""
        ran.append(amount)
        return "paid"

    refused = run_tool(pay, call("pay", amount=3), ToolContext())
    assert (refused.text, refused.is_error) == (
        "pay did not run: nobody has agreed to this call",
        True,
    )
    assert ran == []
    agreed = run_tool(pay, call("pay", amount=3), ToolContext(approved=True))
    assert (agreed.text, ran) == ("paid", [3])


def test_a_deferred_tool_never_runs() -> None:
    """Not even with approval: its answer comes from elsewhere."""

    @tool(deferred=True)
    def ask(question: str) -> None:
        """Ask a person."""
        raise SystemExit

    result = run_tool(ToolSet([ask]), call("ask", question="?"), ToolContext(approved=True))
    assert result.is_error
    assert result.text == "ask did not run: its answer comes later, from elsewhere"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (call("pay", amount=3), None),
        (call("pay", amount="much"), "arguments of pay do not fit: Expected `int`, got `str`"),
        (call("owe"), "there is no tool owe; the tools are: pay, fail"),
        (ToolCall("c1", "pay", malformed="{"), "the arguments of pay were no JSON object"),
        (call("fail", anything=1), None),
    ],
    ids=["fits", "unfit", "unknown", "malformed", "unchecked"],
)
def test_a_call_is_checked_before_anybody_is_asked(asked: ToolCall, message: str | None) -> None:
    """What could not run is answered at once; nothing runs in either case."""

    @tool(deferred=True)
    def pay(amount: int) -> None:
        """Pay."""
        raise SystemExit

    refused = check_call(ToolSet([pay, Failing(SystemExit())]), asked)
    if message is None:
        assert refused is None
    else:
        assert refused is not None
        assert (refused.id, refused.name, refused.is_error) == ("c1", asked.name, True)
        assert refused.text.startswith(message)


def test_a_check_that_breaks_is_told_to_the_model() -> None:
    """As when the call runs: it is the tool's fault, and not the end of the run."""

    class Broken(Failing):
        def check(self, arguments: JsonObject) -> None:
            raise KeyError(*arguments)

    refused = check_call(Broken(SystemExit()), call("fail", amount=1))
    assert refused is not None
    assert (refused.text, refused.is_error) == ("KeyError: 'amount'", True)


def test_the_output_of_a_streaming_tool_alone() -> None:
    """`run_streaming` gives what a generator returns, and passes on what it raises."""
    counting = Counting()
    assert run_streaming(counting.stream({"to": 2}, ToolContext())) == {"counted": 2}
    with pytest.raises(KeyError):
        run_streaming(Counting(KeyError()).stream({"to": 2}, ToolContext()))


def test_a_tool_cannot_change_the_history() -> None:
    """What a tool does to its arguments leaves the call as the model made it."""

    @tool
    def grow(items: list[object]) -> list[object]:
        """Grow."""
        items[0].append(1)  # type: ignore[attr-defined]
        return items

    asked = ToolCall("c1", "grow", {"items": [[]]})
    assert run_tool(grow, asked, CONTEXT).text == "[[1]]"
    assert asked.arguments == {"items": [[]]}


def test_a_result_that_json_cannot_carry() -> None:
    """A tool that returns an unknown object answers with an error."""

    @tool
    def opaque() -> object:
        """Return something odd."""
        return object()

    result = run_tool(opaque, call("opaque"), CONTEXT)
    assert result.is_error
    assert "(object) cannot be written as JSON" in result.text
