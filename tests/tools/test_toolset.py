"""Tool sets, and how a call becomes a result."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from rig_sync._json import JsonObject
from rig_sync.completion import ToolDefinition
from rig_sync.errors import ConfigError, ToolError
from rig_sync.message import Image, Text, ToolCall, ToolResult
from rig_sync.tools import Tool, ToolContext, ToolSet, run_tool, tool

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


def call(name: str, **arguments: int | str) -> ToolCall:
    return ToolCall("c1", name, dict(arguments))


def test_a_set_keeps_order_and_finds_by_name() -> None:
    """Tools, functions and objects are taken together, in order."""
    tools = ToolSet([add, shout, Failing(ValueError())])
    assert len(tools) == 3
    assert [one.definition.name for one in tools] == ["add", "shout", "fail"]
    assert [definition.name for definition in tools.definitions] == ["add", "shout", "fail"]
    assert tools.get("shout") is shout
    assert tools.get("other") is None
    assert "add" in tools
    assert "other" not in tools
    assert repr(tools) == "ToolSet(add, shout, fail)"


def test_an_empty_set() -> None:
    """No tools is a set too, and false."""
    assert not ToolSet()
    assert ToolSet().definitions == ()


def test_with_tools_leaves_the_set_as_it_was() -> None:
    """A new set has the tools of the old one first."""
    old = ToolSet([add])
    new = old.with_tools(shout)
    assert repr(old) == "ToolSet(add)"
    assert repr(new) == "ToolSet(add, shout)"
    assert new.get("add") is old.get("add")


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        (
            [add, shout, add],
            'two tools are named `add`: take one out, or rename it with `@tool(name="...")`',
        ),
        (shout, "FunctionTool(shout) is not a list of tools: write `[...]` around it"),
        ("add", "'add' is not a list of tools: write `[...]` around it"),
        (
            [3],
            "3 is not a tool: pass a function with type hints and a docstring, or an object with "
            "`definition` and `call(arguments, context)`",
        ),
    ],
    ids=["twice", "one", "text", "number"],
)
def test_what_is_no_set(tools: Iterable[object], message: str) -> None:
    """A set that cannot be used is refused when made."""
    with pytest.raises(ConfigError) as caught:
        ToolSet(tools)
    assert str(caught.value) == message


def test_with_tools_refuses_a_name_twice() -> None:
    """The same check holds when tools are added."""
    with pytest.raises(ConfigError, match="two tools are named `add`"):
        ToolSet([add]).with_tools(add)


@pytest.mark.parametrize("tools", [ToolSet([add, shout]), shout], ids=["set", "tool"])
def test_a_call_is_answered(tools: ToolSet | Tool) -> None:
    """The result has the id and name of the call, and is no error."""
    assert run_tool(tools, call("shout", text="hi"), CONTEXT) == ToolResult(
        "c1", (Text("HI"),), "shout"
    )


def test_the_context_reaches_the_tool() -> None:
    """A tool sees the context that the driver made."""

    @tool
    def look(context: ToolContext) -> list[object]:
        """Look."""
        return [Image(url="https://example.com/a.png"), str(context.deps)]

    result = run_tool(look, call("look"), CONTEXT)
    assert result.content == (Image(url="https://example.com/a.png"), Text("the deps"))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ToolError("try a city"), "try a city"),
        (ToolError(), "ToolError"),
        (ValueError("bad value"), "ValueError: bad value"),
        (KeyError("k"), "KeyError: 'k'"),
        (RuntimeError(), "RuntimeError"),
        (ConfigError("no key"), "ConfigError: no key"),
        (OSError("caf\udce9"), "OSError: caf?"),
    ],
    ids=repr,
)
def test_an_exception_becomes_a_result(error: Exception, message: str) -> None:
    """The model reads a ToolError's message alone, of others the type too, and no traceback."""
    assert run_tool(Failing(error), call("fail"), CONTEXT) == ToolResult(
        "c1", (Text(message),), "fail", is_error=True
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(2), GeneratorExit()], ids=repr)
def test_the_way_out_stays_open(error: BaseException) -> None:
    """What ends the program is not the model's business."""
    with pytest.raises(type(error)):
        run_tool(Failing(error), call("fail"), CONTEXT)


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
