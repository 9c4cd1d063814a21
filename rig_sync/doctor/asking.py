"""How an endpoint is asked: over tapped connections, once, and with a deadline."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable

from rig_sync._closing import Closing
from rig_sync.client import Client
from rig_sync.doctor.frames import Cut, cut_frames
from rig_sync.doctor.probe import Probe
from rig_sync.doctor.spoken import SPOKEN, Spoken
from rig_sync.doctor.tap import HELD_SECONDS, Exchange, TappedHttp
from rig_sync.errors import RigError
from rig_sync.message import BaseMessage, Text, ToolCall
from rig_sync.model import CallOptions, CompletionModel, RequestBuilder
from rig_sync.request import Promptable
from rig_sync.streaming.items import (
    ReasoningDelta,
    StreamedAssistantContent,
    StreamError,
    ToolCallDelta,
)
from rig_sync.transport.endpoint import Endpoint
from rig_sync.transport.retry import NO_RETRIES
from rig_sync.transport.timeouts import Timeouts
from rig_sync.wire.base import Wire

__all__ = ["Asking"]

CONNECT_SECONDS = 10.0
MOST_ITEMS = 20_000
CONTENT = (Text, ReasoningDelta, ToolCall, ToolCallDelta)


class Asking(Closing):
    """Asks one model behind one endpoint, over connections of its own.

    Args:
        subject: Whose endpoint; a model names itself.
        model: The model's name, where it is no model already. None: the first that is listed.
        timeout: Seconds for one answer.

    Attributes:
        tap: What came over the wire.
        endpoint: Where it is.
        model: Who is asked; None as long as nobody knows a name.
        refused: Fields that were not taken, and what was said to them; they are left out since.
        tokens: What all answers used, as far as reported.
    """

    def __init__(
        self, subject: Client | CompletionModel, model: str | None, timeout: float
    ) -> None:
        found = subject.endpoint if isinstance(subject, Client) else subject._endpoint
        self.tap = TappedHttp(found)
        self.endpoint: Endpoint = copy.copy(found)
        self.endpoint.http = self.tap
        self.timeouts = Timeouts(
            connect=min(CONNECT_SECONDS, timeout), first_event=timeout, idle=timeout, total=timeout
        )
        self.model = subject.name if isinstance(subject, CompletionModel) else model
        self.refused: dict[str, str] = {}
        self.tokens: int | None = None
        self._subject = copy.copy(subject)
        if isinstance(self._subject, Client):
            self._subject.endpoint = self.endpoint
            self._subject.retries = NO_RETRIES
        else:
            self._subject._endpoint = self.endpoint
            self._subject._retries = NO_RETRIES

    def close(self) -> None:
        """Let the connections go."""
        self.tap.close()

    @property
    def client(self) -> Client | None:
        """With tapped connections; None when only a model was given."""
        return self._subject if isinstance(self._subject, Client) else None

    @property
    def wire(self) -> Wire:
        """What is spoken."""
        return self._subject.wire

    @wire.setter
    def wire(self, wire: Wire) -> None:
        self._subject.wire = wire

    @property
    def spoken(self) -> Spoken:
        """What is promised of that."""
        return SPOKEN[self.wire.name]

    @property
    def streams_only(self) -> bool:
        """Whole answers are refused."""
        subject = self._subject
        return subject.streams_only if isinstance(subject, Client) else subject._streams_only

    @property
    def keyed(self) -> bool:
        """A key went along with a request."""
        return any(exchange.with_key for exchange in self.tap.exchanges)

    def redact(self, text: str) -> str:
        """`text` without our keys."""
        return self.endpoint.redact(text)

    def cut(self, probe: Probe) -> Cut:
        """The frames that came."""
        if probe.exchange is None:
            return Cut()
        return cut_frames(probe.exchange.pieces, self.wire.framing)

    # how it is asked ---------------------------------------------------------------------------

    def question(
        self,
        prompt: Promptable,
        history: Iterable[BaseMessage] = (),
        *,
        room: int | None,
        model: str | None = None,
    ) -> RequestBuilder:
        """A request for an answer of at most `room` tokens.

        Raises:
            ConfigError: the client has no model of that name.
        """
        name = model or self.model or ""
        if isinstance(self._subject, Client):
            asked = self._subject.completion_model(name)
        else:
            asked = copy.copy(self._subject)
            asked.name = name
        builder = asked.stream_completion(prompt, history)
        return builder if room is None else builder.max_tokens(room)

    def ask(
        self,
        builder: RequestBuilder,
        *,
        unary: bool = False,
        to_the_end: bool = False,
        enough: float = float("inf"),
    ) -> Probe:
        """What comes of one request.

        Args:
            builder: It.
            unary: Ask for the whole answer at once.
            to_the_end: Wait for the end of the body too.
            enough: Leave after so many items of content.
        """
        items: list[StreamedAssistantContent] = []
        error: Exception | None = None
        response, first, contents = None, None, 0
        before = len(self.tap.exchanges)
        self.tap.to_the_end = to_the_end
        began = time.monotonic()
        try:
            options = CallOptions(timeouts=self.timeouts)
            stream = builder.model.stream(
                builder.request, options, raise_errors="none", unary=unary
            )
            with stream:
                for item in stream:
                    if isinstance(item, StreamError) and not item.error.recoverable:
                        error = item.error
                        continue
                    items.append(item)
                    if isinstance(item, CONTENT):
                        contents += 1
                        first = first or time.monotonic() - began
                    if contents >= enough:
                        break
                    if len(items) >= MOST_ITEMS:
                        error = RigError(f"more than {MOST_ITEMS} pieces came, and no end")
                        break
                response = stream.response
        except Exception as failure:  # noqa: BLE001 - told as a row of the table
            error = failure
        seconds = time.monotonic() - began
        exchange = self._exchange_since(before)
        probe = Probe(exchange, tuple(items), response, error, seconds, first)
        self._count(probe)
        return probe

    def try_out(self, run: Callable[[], object]) -> Probe:
        """What comes of a call that is no question to a model."""
        error: Exception | None = None
        before = len(self.tap.exchanges)
        began = time.monotonic()
        try:
            run()
        except Exception as failure:  # noqa: BLE001 - told as a row of the table
            error = failure
        seconds = time.monotonic() - began
        return Probe(self._exchange_since(before), error=error, seconds=seconds)

    def _exchange_since(self, before: int) -> Exchange | None:
        made = self.tap.exchanges[before:]
        if not made:
            return None
        made[-1].over.wait(HELD_SECONDS + 1)
        return made[-1]

    def _count(self, probe: Probe) -> None:
        usage = probe.usage
        counts = [n for n in (usage.input_tokens, usage.output_tokens) if n is not None]
        if counts:
            self.tokens = (self.tokens or 0) + sum(counts)
