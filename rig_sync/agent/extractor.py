"""Structured data out of text (Rig: `rig::extractor`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec import Struct

from rig_sync.agent.agent import Agent
from rig_sync.agent.options import DEFAULT_OUTPUT_RETRIES, TypedOptions, at_least
from rig_sync.agent.output import OutputCheck, OutputMode
from rig_sync.agent.stream import fold
from rig_sync.agent.typed import TypedStream
from rig_sync.completion import ModelSettings, Usage
from rig_sync.message import BaseMessage, Document
from rig_sync.model import CompletionModel
from rig_sync.output import output_type
from rig_sync.request import Promptable

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Extraction", "Extractor", "ExtractorOptions"]

T = TypeVar("T")

PREAMBLE = (
    "Take the data that is asked for out of what the user gives you. Only what is said there "
    "counts: leave out what is not, and invent nothing."
)


class Extraction(Struct, Generic[T], frozen=True):
    """What was found, and the tokens of all tries."""

    value: T
    usage: Usage


class ExtractorOptions(ModelSettings, total=False):
    """What `client.extractor` takes; see `Extractor`, and `ModelSettings` for the other keys.

    Attributes:
        preamble: What to look for, after our own words on how to.
        context: Text or documents that every request carries.
        retries: How often the model may correct an answer that does not fit; 2 by default.
        output_mode: How the model is told of the type; see `TypedOptions`.
    """

    preamble: str | None
    context: Sequence[str | Document]
    retries: int
    output_mode: OutputMode | None


class Extractor(Generic[T]):
    """Finds a value of one type in texts; shared by threads.

    Args:
        model: What reads, as `client.completion_model(name)`.
        kind: A dataclass, TypedDict, Struct or pydantic model, or a plain type as `list[str]`.
        preamble, context, retries, output_mode: See `ExtractorOptions`.
        settings: See `ModelSettings`.

    Raises:
        ConfigError: the type or a setting cannot be.
    """

    def __init__(
        self,
        model: CompletionModel,
        kind: type[T],
        *,
        preamble: str | None = None,
        context: Iterable[str | Document] = (),
        retries: int = DEFAULT_OUTPUT_RETRIES,
        output_mode: OutputMode | None = None,
        **settings: Unpack[ModelSettings],
    ) -> None:
        OutputCheck(output_type(kind), output_mode)  # what cannot be is told of here
        self._kind = kind
        self._options = TypedOptions(output_retries=at_least(0, retries, "retries"))
        self._options["max_turns"] = retries + 1
        if output_mode is not None:
            self._options["output_mode"] = output_mode
        words = PREAMBLE if preamble is None else f"{PREAMBLE}\n\n{preamble}"
        self._agent = Agent(model, preamble=words, context=context, **settings)

    def __repr__(self) -> str:
        return f"Extractor({self._agent.model!r}, {self._kind!r})"

    def extract(self, text: Promptable, history: Iterable[BaseMessage] = ()) -> T:
        """What is found in `text`.

        Raises:
            OutputInvalid: no answer fits, after all retries; `.raw` has the last one.
            RigError: the model could not be asked.
        """
        return self._agent.prompt_typed(self._kind, text, history, **self._options)

    def extract_with_usage(
        self, text: Promptable, history: Iterable[BaseMessage] = ()
    ) -> Extraction[T]:
        """The same, with the tokens that it took, those of the retries included."""
        stream = self.stream(text, history)
        usage = fold(stream).usage
        return Extraction(stream.output, usage)

    def stream(self, text: Promptable, history: Iterable[BaseMessage] = ()) -> TypedStream[T]:
        """The same as it comes; see `Agent.stream_typed`."""
        return self._agent.stream_typed(self._kind, text, history, **self._options)
