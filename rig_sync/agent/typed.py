"""A run whose answer is a value of some type, as it comes."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Generic, TypeAlias, TypeVar

from rig_sync._json import compact
from rig_sync.agent.driver import drive
from rig_sync.agent.items import (
    CompletionCall,
    MultiTurnStreamItem,
    StreamAssistantItem,
)
from rig_sync.agent.output import OutputCheck, Rejected
from rig_sync.agent.settings import Progress, RunSettings
from rig_sync.agent.stream import RunStream
from rig_sync.errors import PauseTimeout, StreamMisuse
from rig_sync.output import Misfit, OutputType, Partial, PartialJson
from rig_sync.streaming.handle import RaiseErrors
from rig_sync.streaming.items import (
    Delta,
    Name,
    StreamedAssistantContent,
    Text,
    ToolCall,
    ToolCallDelta,
)

__all__ = ["TypedItem", "TypedStream"]

T_co = TypeVar("T_co", covariant=True)

TypedItem: TypeAlias = MultiTurnStreamItem | Partial


class TypedStream(RunStream[TypedItem], Generic[T_co]):
    """What `agent.stream_typed` streams: `MultiTurnStreamItem`, and in between `Partial`.

    A `Partial` comes whenever more of the answer is there; see `RunStream` for the rest.

    The values of the partials only ever grow, until `ModelTurnRetried`: then the model has been
    told what does not fit, and begins again.
    """

    def __init__(
        self,
        progress: Progress,
        settings: RunSettings,
        kind: OutputType[T_co],
        check: OutputCheck,
        *,
        raise_errors: RaiseErrors,
    ) -> None:
        self._kind = kind
        super().__init__(
            _with_partials(drive(progress, settings), check, wrapped=kind.wrapped),
            progress,
            settings,
            raise_errors=raise_errors,
        )

    @property
    def output(self) -> T_co:
        """The answer.

        Raises:
            StreamMisuse: it has not come, or not yet: read the stream to its end first.
            OutputInvalid: the run that was gone on with had ended with an answer of another type.
        """
        final = self._progress.final
        if final is None:
            raise StreamMisuse(
                "the answer has not come: read the stream to its end first; a run that failed, "
                "was cancelled or waits for people has none"
            )
        try:
            return self._kind.parse(final.output)
        except Misfit as misfit:
            error = Rejected(str(misfit), final.output).error()
            error.history = final.messages
            raise error from None

    def partials(self) -> Iterator[Partial]:
        """Only the partials, as they come; closing this iterator closes the stream."""
        try:
            for item in self:
                if isinstance(item, Partial):
                    yield item
        except GeneratorExit:  # as a WSGI server does when the browser has gone
            self.close()
            raise


def _with_partials(
    items: Generator[MultiTurnStreamItem, None, None], check: OutputCheck, *, wrapped: bool
) -> Generator[TypedItem, None, None]:
    """`items`, each followed by what it makes visible of the answer."""
    growing = _Growing(check)
    late: PauseTimeout | None = None
    for item in items:
        try:
            yield item
            if type(item) is StreamAssistantItem:
                partial = growing.feed(item.content)
                if partial is not None and wrapped:
                    partial = partial.under("value")
                if partial is not None:
                    yield partial
            elif type(item) is CompletionCall:
                growing = _Growing(check)
        except PauseTimeout as error:  # noqa: PERF203 - thrown in by the stream
            late = error
            break
    if late is not None:
        try:
            item = items.throw(late)  # the run is to know
        except StopIteration:  # cancelled meanwhile
            return
        finally:
            del late  # or its traceback would have it refer to itself
        yield item
        yield from items


class _Growing:
    """The answer as it grows in one turn: in the text, or in the arguments of the answer's tool."""

    def __init__(self, check: OutputCheck) -> None:
        self._check = check
        self._json = PartialJson(find=True)
        self._call: str | None = None
        self._fed = False

    def feed(self, content: StreamedAssistantContent) -> Partial | None:
        """What more is there after `content`."""
        piece = self._piece(content)
        if not piece:
            return None
        self._fed = True
        return self._json.feed(piece)

    def _piece(self, content: StreamedAssistantContent) -> str | None:
        if type(content) is Text:
            return None if self._check.mode == "tool" else content.text
        if type(content) is ToolCallDelta:
            part = content.content
            if type(part) is Name and part.name == self._check.tool_name and self._call is None:
                self._call = content.internal_call_id
            elif type(part) is Delta and content.internal_call_id == self._call:
                return part.arguments
        elif type(content) is ToolCall and content.name == self._check.tool_name and not self._fed:
            return compact(content.arguments)
        return None
