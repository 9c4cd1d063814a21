"""What a tool is, and how what it returns becomes content that a model can read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import msgspec

from rig_sync._json import JsonObject
from rig_sync.completion import ToolDefinition
from rig_sync.errors import ToolError
from rig_sync.message import Document, Image, ProviderBlock, Text, ToolResultContent
from rig_sync.tools.context import ToolContext

__all__ = ["Tool", "ToolOutput", "to_content"]

# str | Text | Image | a sequence of those | anything that msgspec writes as JSON; the last makes
# it every object, and `to_content` says which ones it cannot take.
ToolOutput: TypeAlias = object


@runtime_checkable
class Tool(Protocol):
    """Something that a model can call: any class with these two is one.

    Most tools are functions, see `rig_sync.tools.tool`.
    """

    @property
    def definition(self) -> ToolDefinition:
        """What the model is told; the same whenever it is asked."""
        ...

    def call(self, arguments: JsonObject, context: ToolContext) -> ToolOutput:
        """Run the tool once.

        Args:
            arguments: As the model wrote them: checking them is the tool's own business.
            context: The run around the call.

        Returns:
            What `to_content` takes.

        Raises:
            ToolError: To tell the model what to do differently. Any other exception reaches the
                model as its type and message.

        Threads: may be called from several threads at once when the run has
            `tool_concurrency > 1`.
        """
        ...


def to_content(value: ToolOutput) -> tuple[ToolResultContent, ...]:
    """What a tool returned, as content of a `ToolResult`: never empty.

    A `str` is taken as it is, `Text`, `Image`, `Document` and `ProviderBlock` likewise, alone or
    in a list or tuple (where strings and other values may stand beside them). Everything else
    becomes JSON: dataclasses, Structs, datetimes, enums and sets as msgspec writes them, and None
    is `null`, since some providers refuse an empty result and a model takes one for a failure.

    Raises:
        ToolError: `value` cannot be written as JSON; return something that can, or a `str`.

    >>> to_content("sunny")
    (Text(text='sunny', provider_data=None),)
    >>> [part.text for part in to_content([Text("a"), {"b": None}])]
    ['a', '{"b":null}']
    >>> to_content(None)[0].text
    'null'
    """
    if isinstance(value, Text | Image | Document | ProviderBlock):
        return (value,)
    if isinstance(value, str):
        return (Text(_encodable(value)),)
    parts = (Text, Image, Document, ProviderBlock)
    if isinstance(value, list | tuple) and any(isinstance(part, parts) for part in value):
        return _flatten(value)
    return (Text(_as_json(value)),)


def _flatten(parts: Sequence[object]) -> tuple[ToolResultContent, ...]:
    return tuple(content for part in parts for content in to_content(part))


def _encodable(text: str) -> str:
    """`text` with lone surrogates replaced: one of them would fail every later request."""
    return text.encode("utf-8", "replace").decode()


def _as_json(value: object) -> str:
    # the order of a set changes from run to run, and with it caches and recordings
    order: Literal["deterministic"] | None = (
        "deterministic" if isinstance(value, set | frozenset) else None
    )
    try:
        return msgspec.json.encode(value, order=order).decode()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        kind = type(value).__name__
        raise ToolError(f"the tool's result ({kind}) cannot be written as JSON: {error}") from error
