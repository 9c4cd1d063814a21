"""The tools of an agent, and the one place where a tool call becomes a result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy

from rig_sync.completion import ToolDefinition
from rig_sync.errors import ConfigError, ToolError
from rig_sync.message import ToolCall, ToolResult
from rig_sync.tools.base import Tool, to_content
from rig_sync.tools.context import ToolContext
from rig_sync.tools.function import as_tool

__all__ = ["ToolSet", "run_tool"]

_SHOWN = 200  # characters of malformed arguments that the model gets to see again


class ToolSet:
    """Tools by name, in the order given; never changed once made.

    Args:
        tools: Whatever `as_tool` takes: tools, functions, another `ToolSet`'s items.

    Raises:
        ConfigError: Something is no tool, or two have one name.

    Threads: safe from any.

    >>> def add(a: int, b: int) -> int:
    ...     '''Add two numbers.'''
    ...     return a + b
    >>> ToolSet([add])
    ToolSet(add)
    """

    __slots__ = ("_by_name", "definitions")

    definitions: tuple[ToolDefinition, ...]

    def __init__(self, tools: Iterable[object] = ()) -> None:
        if not hasattr(tools, "__iter__") or isinstance(tools, str):
            raise ConfigError(f"{tools!r} is not a list of tools: write `[...]` around it")
        self._by_name: dict[str, Tool] = {}
        definitions: list[ToolDefinition] = []
        for one in map(as_tool, tools):
            definition = one.definition
            if definition.name in self._by_name:
                raise ConfigError(
                    f"two tools are named `{definition.name}`: take one out, or rename it with "
                    '`@tool(name="...")`'
                )
            self._by_name[definition.name] = one
            definitions.append(definition)
        self.definitions = tuple(definitions)

    @property
    def listed(self) -> str:
        """The names, as a message lists them."""
        return ", ".join(self._by_name) or "none"

    def get(self, name: str) -> Tool | None:
        """The tool called `name`, or None."""
        return self._by_name.get(name)

    def with_tools(self, *more: object) -> ToolSet:
        """A new set of these tools and then `more`.

        Raises:
            ConfigError: As the constructor does.
        """
        return ToolSet([*self, *more])

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __repr__(self) -> str:
        return f"ToolSet({', '.join(self._by_name)})"


def run_tool(tools: ToolSet | Tool, call: ToolCall, context: ToolContext) -> ToolResult:
    """Answer one call: whatever goes wrong becomes a result that the model can read.

    Args:
        tools: Where the tool is looked up by `call.name`; or the tool itself.
        call: What the model asked for. A malformed one never reaches the tool.
        context: Given to the tool.

    Returns:
        The result with the call's id and name; `is_error` tells a failure from an answer.

    Raises:
        KeyboardInterrupt, SystemExit: The tool raised them; they are not the model's business.

    Threads: starts none; the tool runs in the calling thread.

    >>> def halve(n: int) -> float:
    ...     '''Halve a number.'''
    ...     return n / 2
    >>> run_tool(ToolSet([halve]), ToolCall("c1", "halve", {"n": 3}), ToolContext()).text
    '1.5'
    >>> run_tool(ToolSet([halve]), ToolCall("c2", "halve", {}), ToolContext()).text
    'arguments of halve do not fit: missing required argument `n`'
    """
    try:
        found = _find(tools, call)
        arguments = deepcopy(call.arguments)  # the call is history: a tool may change only a copy
        return ToolResult(call.id, to_content(found.call(arguments, context)), call.name)
    except ToolError as error:
        message = str(error) or type(error).__name__
    except Exception as error:  # noqa: BLE001 - a tool's bug is told to the model, the run goes on
        message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return ToolResult(call.id, to_content(message), call.name, is_error=True)


def _find(tools: ToolSet | Tool, call: ToolCall) -> Tool:
    if call.malformed is not None:
        raise ToolError(
            f"the arguments of {call.name} were no JSON object, so it did not run: call it again "
            f"with one. They began: {call.malformed[:_SHOWN]}"
        )
    if not isinstance(tools, ToolSet):
        return tools
    found = tools.get(call.name)
    if found is None:
        raise ToolError(f"there is no tool {call.name}; the tools are: {tools.listed}")
    return found
