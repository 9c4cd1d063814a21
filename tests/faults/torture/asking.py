"""What a client is asked, and what was seen of its answer; both go between processes as JSON.

Only the standard library: the interpreter of a peer imports this too.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

__all__ = [
    "DONE_WORDS",
    "KEPT",
    "PROMPT",
    "TOOLS",
    "Ask",
    "Call",
    "Failure",
    "Kind",
    "Seen",
    "schema_of",
]

Kind: TypeAlias = Literal["text", "tools", "run", "leave", "loop"]

PROMPT = "Go on."
DONE_WORDS = "done"  # what the second turn of a run says

KEPT: list[object] = []
"""Clients live on when a stream was left, as they do in a program; the worker lets go of them."""

TOOLS: dict[str, tuple[str, ...]] = {"add": ("x", "y"), "sub": ("z",), "now": ()}
"""The tools that are offered, and their parameters, all of them integers."""


def schema_of(name: str) -> dict[str, Any]:
    """The JSON Schema of a tool's arguments."""
    parameters = TOOLS[name]
    return {
        "type": "object",
        "properties": {parameter: {"type": "integer"} for parameter in parameters},
        "required": list(parameters),
        "additionalProperties": False,
    }


class Ask(NamedTuple):
    """One question.

    Attributes:
        url: The base URL.
        kind: `text`: read to the end; `tools`: the same, with tools to call; `run`: as an agent
            that runs them; `leave`: break out of the loop at the first words; `loop`: as `text`,
            by a caller that stands in a running event loop.
        first: Seconds to wait for the first content, where a client tells that apart.
        idle: Seconds to wait for anything more: the timeout of a client that has only one.
    """

    url: str
    kind: Kind
    first: float
    idle: float

    @property
    def leaves(self) -> bool:
        """Whether the loop is to be left at the first words."""
        return self.kind == "leave"


@dataclass
class Call:
    """A tool call, as the client hands it over; `arguments` may be their JSON text."""

    name: str | None
    arguments: Any
    id: str | None


@dataclass
class Failure:
    """An exception: its class, those above it, what it says."""

    kind: str
    tree: list[str]
    says: str


@dataclass
class Seen:
    """What a client made of one answer.

    Attributes:
        end: `end`, `error`, `hang` (killed), `crash` (its process died) or `unfit` (it has no such
            function).
        words: The pieces of text, as they came.
        calls: The tool calls; None when the client hands over pieces and leaves joining them to
            its caller.
        finish: The finish reason.
        usage: Tokens in and out; None when it was not told.
        defects: Errors that were told and did not end the stream.
        ran: The tools that were run.
        partial: The text on the error, where it has one.
        failure: What ended it.
        seconds: How long it took.
        closed: Whether the connection was closed soon after; None when nobody looked.
    """

    end: str = "end"
    words: list[str] = field(default_factory=list)
    calls: list[Call] | None = None
    finish: str | None = None
    usage: list[int | None] | None = None
    defects: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    partial: str | None = None
    failure: Failure | None = None
    seconds: float = 0.0
    closed: bool | None = None

    @property
    def text(self) -> str:
        """All the words."""
        return "".join(self.words)

    def say(self, text: Any) -> bool:
        """Note a piece of text, as code if it is none; whether there was any."""
        if text:
            self.words.append(text if isinstance(text, str) else repr(text))
        return bool(text)

    def call(self, name: str | None, arguments: Any, call_id: str | None) -> None:
        """Note a whole tool call."""
        self.calls = self.calls or []
        self.calls.append(Call(name, arguments, call_id))

    def count(self, into: int | None, out: int | None) -> None:
        """Note the usage; the last one counts."""
        self.usage = [into, out]

    def failed(self, error: BaseException) -> None:
        """Note what ended it."""
        kind = type(error)
        tree = [f"{one.__module__}.{one.__qualname__}" for one in kind.__mro__]
        self.end = "error"
        self.failure = Failure(tree[0], tree, str(error)[:1000])

    def to_json(self) -> str:
        """On one line."""
        return json.dumps(dataclasses.asdict(self), default=repr)

    @classmethod
    def from_json(cls, line: str | bytes) -> Seen:
        """What `to_json` wrote."""
        fields = json.loads(line)
        if fields["calls"] is not None:
            fields["calls"] = [Call(**call) for call in fields["calls"]]
        if fields["failure"] is not None:
            fields["failure"] = Failure(**fields["failure"])
        return cls(**fields)
