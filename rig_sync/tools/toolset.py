"""The tools of an agent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from typing import NamedTuple

from rig_sync.completion import ToolDefinition
from rig_sync.errors import ConfigError
from rig_sync.streaming.threads import Mutex
from rig_sync.tools.base import Tool
from rig_sync.tools.function import as_tool

__all__ = ["ToolSet"]

# one for all sets, so that a snapshot is cheap; held for the copy of a dict, never around a tool
_CHANGING = Mutex()


class _Shelf(NamedTuple):
    """The tools of a set at one time; neither is ever changed."""

    by_name: dict[str, Tool]
    definitions: tuple[ToolDefinition, ...]

    def having(self, more: Iterable[tuple[Tool, ToolDefinition]]) -> _Shelf:
        by_name, definitions = dict(self.by_name), list(self.definitions)
        for one, definition in more:
            if definition.name in by_name:
                raise ConfigError(
                    f"two tools are named `{definition.name}`: take one out, or rename it with "
                    '`@tool(name="...")`'
                )
            by_name[definition.name] = one
            definitions.append(definition)
        return _Shelf(by_name, tuple(definitions))

    def keeping(self, names: Set[str]) -> _Shelf:
        return _Shelf(
            {name: one for name, one in self.by_name.items() if name in names},
            tuple(one for one in self.definitions if one.name in names),
        )

    def check_known(self, names: Set[str]) -> None:
        unknown = sorted(names - self.by_name.keys())
        if unknown:
            raise ConfigError(
                f"there is no tool `{unknown[0]}` in the set; its tools are: {self.listed}"
            )

    @property
    def listed(self) -> str:
        return ", ".join(self.by_name) or "none"


_EMPTY = _Shelf({}, ())


class ToolSet:
    """Tools by name, in the order given. Each turn of a run works with a snapshot.

    Args:
        tools: Whatever `as_tool` takes: tools, functions, agents, another `ToolSet`'s items.

    Raises:
        ConfigError: Something is no tool, or two have one name.

    Threads: safe from any; whoever reads sees the set before or after a change, never between.

    >>> def add(a: int, b: int) -> int:
    ...     '''Add two numbers.'''
    ...     return a + b
    >>> tools = ToolSet([add])
    >>> before = tools.snapshot()
    >>> tools.remove("add"), before, tools
    (FunctionTool(add), ToolSet(add), ToolSet())
    """

    __slots__ = ("_shelf",)

    def __init__(self, tools: Iterable[object] = ()) -> None:
        if not hasattr(tools, "__iter__") or isinstance(tools, str):
            raise ConfigError(f"{tools!r} is not a list of tools: write `[...]` around it")
        self._shelf = _EMPTY.having(_read(tools))

    @property
    def definitions(self) -> tuple[ToolDefinition, ...]:
        """What the model is told of each, in order."""
        return self._shelf.definitions

    @property
    def listed(self) -> str:
        """The names, as a message lists them."""
        return self._shelf.listed

    def get(self, name: str) -> Tool | None:
        """The tool called `name`, or None."""
        return self._shelf.by_name.get(name)

    def add(self, tool: object) -> None:
        """Take one more tool in, as the last; turns under way do not see it.

        Args:
            tool: Whatever `as_tool` takes.

        Raises:
            ConfigError: It is no tool, or its name is taken.
        """
        read = _read([tool])
        self._change(lambda shelf: shelf.having(read))

    def remove(self, name: str) -> Tool:
        """Take the tool called `name` out, and return it; turns under way keep it.

        Raises:
            ConfigError: There is none of that name.
        """

        def without(shelf: _Shelf) -> _Shelf:
            shelf.check_known({name})
            return shelf.keeping(shelf.by_name.keys() - {name})

        return self._change(without).by_name[name]

    def snapshot(self) -> ToolSet:
        """A set of what is there now, which changes to this one never reach; costs next to nothing.

        >>> tools = ToolSet()
        >>> tools.snapshot() is tools
        False
        """
        return _holding(self._shelf)

    def only(self, names: Iterable[str]) -> ToolSet:
        """A new set of the tools called `names`, in the order of this set.

        Raises:
            ConfigError: There is none of one of the names.
        """
        if isinstance(names, str):
            raise ConfigError(f"{names!r} is not a list of names: write `[{names!r}]`")
        shelf, wanted = self._shelf, set(names)
        shelf.check_known(wanted)
        return _holding(shelf.keeping(wanted))

    def with_tools(self, *more: object) -> ToolSet:
        """A new set of these tools and then `more`.

        Raises:
            ConfigError: As the constructor does.
        """
        return _holding(self._shelf.having(_read(more)))

    def _change(self, change: Callable[[_Shelf], _Shelf]) -> _Shelf:
        """Put `change` of what is there in its place; what was there before."""
        with _CHANGING:
            before = self._shelf
            self._shelf = change(before)
        return before

    def __contains__(self, name: object) -> bool:
        return name in self._shelf.by_name

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._shelf.by_name.values())

    def __len__(self) -> int:
        return len(self._shelf.by_name)

    def __repr__(self) -> str:
        return f"ToolSet({', '.join(self._shelf.by_name)})"


def _read(values: Iterable[object]) -> list[tuple[Tool, ToolDefinition]]:
    return [(one, one.definition) for one in map(as_tool, values)]


def _holding(shelf: _Shelf) -> ToolSet:
    made = ToolSet()
    made._shelf = shelf
    return made
