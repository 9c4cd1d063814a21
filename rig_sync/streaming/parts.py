"""Raw events in; items for the consumer and the aggregated message out.

The one place that assembles: streamed and one-shot responses go through it, and so do partial ones
after a failure. It does no I/O and belongs to the thread that reads the stream.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator

import msgspec

from rig_sync._json import JsonObject
from rig_sync.completion import CompletionResponse, FinishReason, ResponseIds, Usage
from rig_sync.errors import ResponseDecodeError, RigError
from rig_sync.limits import Limits, exceeded
from rig_sync.message import (
    AssistantContent,
    AssistantMessage,
    Image,
    ProviderBlock,
    Reasoning,
    Text,
    ToolCall,
)
from rig_sync.streaming import raw
from rig_sync.streaming.calls import CallTable, OpenCall, finished
from rig_sync.streaming.items import (
    ReasoningDelta,
    StreamedAssistantContent,
    StreamError,
    StreamFinal,
    Unknown,
)
from rig_sync.streaming.written import OpenReasoning, OpenText, Written

__all__ = ["Parts"]

DEFAULT_LIMITS = Limits()
NO_USAGE = raw.UsageReport(Usage())


_Open = OpenText | OpenReasoning | OpenCall | Image | ProviderBlock


class Parts:
    """Assembles one response.

    Feed it every raw event in order; what `feed` yields is the consumer's. `response` can be asked
    for at any time and holds what has been fed so far.

    Attributes:
        error: The provider's own error, once it came.
        ended: The terminal proof has come.
        defects: The recoverable errors so far.
        open_text: The text that is being written, if one is. A reader in a hurry may add a delta
            to it itself, which is all that `feed` would do with it, and fold it now and then.
        counted: The last report of tokens, which is all that `feed` makes of one, too.
    """

    def __init__(
        self,
        origin: str | None = None,
        mint: Callable[[], str] = lambda: f"call_{secrets.token_hex(6)}",
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._origin = origin
        self._limits = limits
        self.error: RigError | None = None
        self.open_text: Written | None = None
        self.ended = False
        self.defects: list[RigError] = []
        self.counted = NO_USAGE
        self.finish: FinishReason | None = None
        self._ids = ResponseIds()
        self._model: str | None = None
        self._raw: JsonObject | None = None
        self._parts: list[_Open] = []
        self._thinking: dict[OpenReasoning, None] = {}  # those of the parts that are not done
        self._thoughts: dict[raw.Key, OpenReasoning] = {}  # the last of each key
        self._calls = CallTable(mint(), limits)
        self._delivered: dict[OpenCall, ToolCall | None] = {}

    def feed(self, event: raw.RawEvent) -> Iterator[StreamedAssistantContent]:
        """Take one event in; yields what the consumer gets of it.

        Raises:
            LimitExceeded: the answer goes beyond `limits`; what came before it stays.
        """
        if type(event) is Text:
            if self.open_text is None:
                return self._begin_text(event)
            self.open_text.add(event.text)
            return iter((event,))
        return _HANDLERS[type(event)](self, event)

    def feed_all(self, events: Iterable[raw.RawEvent]) -> Iterator[StreamedAssistantContent]:
        """Every event of a body that is already there."""
        for event in events:
            yield from self.feed(event)

    def flush(self) -> Iterator[StreamedAssistantContent]:
        """The stream broke: yields the tool calls that were complete by then."""
        yield from self._close_reasoning()
        yield from self._deliver_calls(cut=True)

    @property
    def usage(self) -> Usage:
        """The token counts so far."""
        return self.counted.usage

    def response(self) -> CompletionResponse:
        """What the events so far amount to."""
        return CompletionResponse(
            message=AssistantMessage(tuple(self._content()), self._ids.message),
            usage=self.usage,
            finish_reason=self._finish_reason(),
            ids=self._ids,
            model=self._model,
            raw=self._raw,
            defects=tuple(str(error) for error in self.defects),
        )

    # one method an event ---------------------------------------------------------------------

    def _begin_text(self, event: Text) -> Iterator[StreamedAssistantContent]:
        yield from self._close_reasoning(implicit=True)
        self._open_text().add(event.text)
        yield event

    def _on_call_fragment(self, event: raw.CallFragment) -> Iterator[StreamedAssistantContent]:
        yield from self._close_reasoning(implicit=True)
        for item in self._calls.add(event):
            if isinstance(item, OpenCall):
                self._append(item)
            else:
                yield item

    def _on_call_done(self, event: raw.CallDone) -> Iterator[StreamedAssistantContent]:
        for item in self._calls.close(event):
            if isinstance(item, OpenCall):
                self._append(item)
            else:
                yield item

    def _on_reasoning(self, event: raw.ReasoningFragment) -> Iterator[StreamedAssistantContent]:
        block = self._reasoning(event.key)
        block.add(event)
        if event.text and event.kind in ("text", "summary"):
            yield ReasoningDelta(event.text, block.id)

    def _on_reasoning_done(self, event: raw.ReasoningDone) -> Iterator[StreamedAssistantContent]:
        block = self._reasoning(event.key)
        yield self._close(block, event.block or block.build(event.provider_data))

    def _on_text_done(self, event: raw.TextDone) -> Iterator[StreamedAssistantContent]:
        if event.provider_data is not None:
            self._open_text()
            last = self._parts[-1]
            if isinstance(last, OpenText):
                last.provider_data = event.provider_data
        self.open_text = None
        return iter(())

    def _on_whole(self, event: raw.Whole) -> Iterator[StreamedAssistantContent]:
        yield from self._close_reasoning(implicit=True)
        part = event.part
        if isinstance(part, ProviderBlock):
            self._append(msgspec.structs.replace(part, origin=self._origin))
            yield Unknown(part.kind, part.payload)
        else:
            self._append(part)
            yield part

    def _on_meta(self, event: raw.Meta) -> Iterator[StreamedAssistantContent]:
        self._ids = ResponseIds(
            self._ids.response or event.response_id or None,
            self._ids.message or event.message_id or None,
            self._ids.request or event.request_id or None,
        )
        self._model = self._model or event.model or None
        return iter(())

    def _on_usage(self, event: raw.UsageReport) -> Iterator[StreamedAssistantContent]:
        self.counted = event
        return iter(())

    def _on_finish(self, event: raw.Finish) -> Iterator[StreamedAssistantContent]:
        self.finish = event.reason
        return iter(())

    def _on_end(self, event: raw.End) -> Iterator[StreamedAssistantContent]:
        yield from self._close_reasoning()
        reason = self.finish
        broke_off = reason is not None and reason.kind not in ("stop", "tool_calls")
        yield from self._deliver_calls(cut=broke_off)
        self.ended = True
        self._raw = event.raw
        final = self.response()
        yield StreamFinal(final.usage, final.finish_reason, final.ids, final.model, final.raw)

    def _on_retrying(self, event: raw.Retrying) -> Iterator[StreamedAssistantContent]:
        del event  # the next try begins anew; of the one before only this has been told
        self.counted, self._ids, self._model = NO_USAGE, ResponseIds(), None
        return iter(())

    def _on_unknown(self, event: Unknown) -> Iterator[StreamedAssistantContent]:
        return iter((event,))

    def _on_defect(self, event: raw.Defect) -> Iterator[StreamedAssistantContent]:
        self.defects.append(event.error)
        if len(self.defects) > self._limits.defects:
            raise exceeded(self._limits, "defects", "the answer has more defects")
        return iter((StreamError(event.error),))

    def _on_failed(self, event: raw.Failed) -> Iterator[StreamedAssistantContent]:
        self.error = event.error
        return self.flush()

    # assembling ------------------------------------------------------------------------------

    def _append(self, part: _Open) -> None:
        self._parts.append(part)
        self.open_text = None

    def _open_text(self) -> Written:
        if self.open_text is None:
            part = OpenText()
            self._append(part)
            self.open_text = part.written
        return self.open_text

    def _reasoning(self, key: raw.Key) -> OpenReasoning:
        """The open block of that key; a plain one (no key) ends where something else begins."""
        open_one = self._thoughts.get(key)
        if open_one in self._thinking and (key != "" or open_one is self._parts[-1]):
            return open_one
        block = self._thoughts[key] = OpenReasoning(key)
        self._append(block)
        self._thinking[block] = None
        return block

    def _close_reasoning(self, *, implicit: bool = False) -> Iterator[Reasoning]:
        for block in list(self._thinking):
            if not implicit or block.key == "":
                yield self._close(block, block.build())

    def _close(self, block: OpenReasoning, whole: Reasoning) -> Reasoning:
        del self._thinking[block]
        block.done = msgspec.structs.replace(whole, origin=self._origin)
        return block.done

    def _deliver_calls(self, *, cut: bool) -> Iterator[StreamedAssistantContent]:
        for call in self._calls.calls:
            if call in self._delivered:
                continue
            whole = self._delivered[call] = self._finished(call, cut=cut)
            if whole is not None:
                yield whole
            elif self.error is None and (self.finish is not None or not cut):
                error = _cut_call(call)
                self.defects.append(error)
                yield StreamError(error)

    def _finish_reason(self) -> FinishReason | None:
        reason = self.finish
        if reason is not None and reason.kind == "stop" and any(self._delivered.values()):
            return FinishReason("tool_calls", reason.raw)  # no wire but chat has a word for it
        return reason

    def _content(self) -> Iterator[AssistantContent]:
        for part in self._parts:
            built = self._built(part)
            if built is not None:
                yield built

    def _built(self, part: _Open) -> AssistantContent | None:
        if isinstance(part, OpenCall):
            return self._built_call(part)
        if isinstance(part, (Image, ProviderBlock)):
            return part
        return part.build()

    def _finished(self, call: OpenCall, *, cut: bool) -> ToolCall | None:
        depth = self._limits.json_depth
        return finished(call, self._calls.id_of(call), cut=cut, depth=depth)

    def _built_call(self, call: OpenCall) -> ToolCall | None:
        if call not in self._delivered:
            whole = self._finished(call, cut=True)
        else:
            whole = self._delivered[call]
        return None if whole is None else _without_internal_id(whole)


def _without_internal_id(call: ToolCall) -> ToolCall:
    return ToolCall(
        call.id,
        call.name,
        call.arguments,
        call.item_id,
        call.signature,
        call.malformed,
        call.provider_data,
    )


def _cut_call(call: OpenCall) -> ResponseDecodeError:
    name = call.name or "without a name"
    return ResponseDecodeError(
        f"the call of tool {name} was cut off and is dropped: it never ran. "
        "Raise max_tokens if this was the token limit",
        code="incomplete_tool_call",
        body=call.text[:4096],
    )


_HANDLERS: dict[type, Callable[..., Iterator[StreamedAssistantContent]]] = {
    raw.CallFragment: Parts._on_call_fragment,
    raw.CallDone: Parts._on_call_done,
    raw.ReasoningFragment: Parts._on_reasoning,
    raw.ReasoningDone: Parts._on_reasoning_done,
    raw.TextDone: Parts._on_text_done,
    raw.Whole: Parts._on_whole,
    raw.Meta: Parts._on_meta,
    raw.UsageReport: Parts._on_usage,
    raw.Finish: Parts._on_finish,
    raw.End: Parts._on_end,
    Unknown: Parts._on_unknown,
    raw.Retrying: Parts._on_retrying,
    raw.Defect: Parts._on_defect,
    raw.Failed: Parts._on_failed,
}
