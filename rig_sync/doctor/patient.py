"""The endpoint under examination: all that it is asked, and each question only once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from msgspec import structs

from rig_sync.client import Client
from rig_sync.completion import OutputSchema, ReasoningOptions, ToolChoice, ToolDefinition
from rig_sync.doctor.asking import Asking
from rig_sync.doctor.probe import Probe, told
from rig_sync.errors import BadRequest, ConfigError, ProviderError
from rig_sync.message import BaseMessage, Text, ToolCall, ToolResult, assistant, user
from rig_sync.model import CompletionModel, RequestBuilder
from rig_sync.request import Promptable
from rig_sync.transport.retry import NO_RETRIES
from rig_sync.unary import Caller
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = ["NOWHERE", "RICH", "WORDS", "Patient"]

COUNT = "Count from 1 to 20, separated by commas."
COUNT_LONG = "Count from 1 to 200, separated by commas."
PARIS = "What is the weather in Paris? Call the tool."
BOTH = "What is the weather in Paris, and in Rome? Call the tool for both cities at once."
RICH = "caf\u00e9, Gr\u00fc\u00dfe, \u4f60\u597d, \U0001f980"
REPEAT = f"Repeat exactly these words, and nothing else: {RICH}"
TOWN = "Name a town in Germany, and how many people live there. Answer as JSON."
RIDDLE = "A bat and a ball cost 110 together, the bat costs 100 more than the ball. The ball costs?"
WORDS = 2000
LONG = f"{'word ' * WORDS}\n\nWhat was said again and again? Answer in one word."
NOWHERE = "rig-sync-doctor-no-such"

ROOM = 64  # tokens of an answer
MORE_ROOM = 2048  # of one that takes thought
MUCH_ROOM = 512  # of a long one
LITTLE_ROOM = 16  # of one that is to be cut off

WEATHER = ToolDefinition(
    "weather",
    "The weather in a city, now.",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
)
SCHEMA = OutputSchema(
    "town",
    {
        "type": "object",
        "properties": {"name": {"type": "string"}, "people": {"type": "integer"}},
        "required": ["name", "people"],
        "additionalProperties": False,
    },
)


class Patient(Asking):
    """All the questions; the answer to each is kept.

    Attributes:
        models: What the endpoint lists.
        forced: It takes that a tool has to be called.
    """

    def __init__(
        self, subject: Client | CompletionModel, model: str | None, timeout: float
    ) -> None:
        super().__init__(subject, model, timeout)
        self.models: list[str] = []
        self.forced = True

    def request(
        self, prompt: Promptable, history: Iterable[BaseMessage] = (), *, model: str | None = None
    ) -> RequestBuilder:
        """A request for an answer with all the room that it needs; see `question`."""
        room = self._whole_and_room[1]
        return self.question(prompt, history, room=room, model=model)

    @cached_property
    def listing(self) -> Probe | None:
        """The list of models; names the model if nobody did. None: there is no such route."""
        client = self.client
        if client is None or client.listing is None:
            return None

        def fetch() -> None:
            self.models = [one.id for one in client.list_models(timeouts=self.timeouts)]

        probe = self.try_out(fetch)
        if self.model is None and self.models:
            self.model = self.models[0]
        return probe

    @cached_property
    def first(self) -> Probe:
        """The first request of all."""
        if self.listing is not None:
            return self.listing
        return self.no_route if self.model is None else self.one_shot

    @property
    def one_shot(self) -> Probe:
        """A whole answer."""
        return self._whole_and_room[0]

    @cached_property
    def _whole_and_room(self) -> tuple[Probe, int | None]:
        """A whole answer, and the tokens that answers need; None where no limit is taken."""
        probe = self.ask(self.question(COUNT, room=ROOM), unary=True)
        if isinstance(probe.error, (BadRequest, ConfigError)):
            again = self.ask(self.question(COUNT, room=None), unary=True)
            if again.whole:
                self._refuse("max_tokens", probe)
                return again, None
        elif probe.whole and not probe.text:
            return self.ask(self.question(COUNT, room=MORE_ROOM), unary=True), MORE_ROOM
        return probe, ROOM

    @cached_property
    def stream(self) -> Probe:
        """The same answer, streamed."""
        probe = self.ask(self.request(COUNT), to_the_end=True)
        wire = self.wire
        if isinstance(probe.error, BadRequest) and isinstance(wire, OpenAIChat):
            self.wire = structs.replace(wire, include_usage=False)
            again = self.ask(self.request(COUNT), to_the_end=True)
            if again.whole:
                self._refuse("stream_options", probe)
                return again
            self.wire = wire
        return probe

    @cached_property
    def long_stream(self) -> Probe:
        """A longer one, where the first left a doubt."""
        room = self._whole_and_room[1]
        return self.ask(self.question(COUNT_LONG, room=room and max(room, MUCH_ROOM)))

    @cached_property
    def calling(self) -> Probe:
        """An answer that has to be a call, where that can be asked for."""
        builder = self.request(PARIS).tools(WEATHER)
        probe = self.ask(builder.tool_choice(ToolChoice("required")))
        if isinstance(probe.error, (ProviderError, ConfigError)):
            again = self.ask(builder)
            if again.whole:
                self.forced = False
                self._refuse("tool_choice", probe)
                return again
        return probe

    @cached_property
    def both(self) -> Probe:
        """An answer that should be two calls."""
        return self.ask(self._with_tool(BOTH))

    @cached_property
    def one_at_a_time(self) -> Probe:
        """The same with the field that forbids it."""
        return self.ask(self._with_tool(BOTH).parallel_tool_calls(False))

    @cached_property
    def answered(self) -> Probe:
        """The answer to the result of a call: the model's own, or one of ours if it made none."""
        response = self.calling.response
        message = None if response is None else response.message
        if message is None or not message.tool_calls:
            message = assistant(ToolCall("call_1", "weather", {"city": "Paris"}))
        sunny = (Text("Sunny, 18 degrees."),)
        results = [ToolResult(call.id, sunny, call.name) for call in message.tool_calls]
        history = (user(PARIS), message)
        return self.ask(self.request(user(*results), history).tools(WEATHER))

    @cached_property
    def thinking(self) -> Probe:
        """A streamed answer to something to think about, with the field for it."""
        return self.ask(self.request(RIDDLE).reasoning(ReasoningOptions(effort="low")))

    @cached_property
    def cut_short(self) -> Probe:
        """A streamed answer without the room that it needs."""
        return self.ask(self.request(COUNT_LONG).max_tokens(LITTLE_ROOM))

    @cached_property
    def unknown_model(self) -> Probe:
        """A streamed answer of a model that there is not."""
        try:
            return self.ask(self.request("Hello.", model=f"{NOWHERE}-model"))
        except ConfigError as error:  # a client that knows all its models
            return Probe(error=error)

    @cached_property
    def bad_request(self) -> Probe:
        """A streamed answer to what is no request."""
        return self.ask(self.request("Hello.").additional_params(self.spoken.bad))

    @cached_property
    def wrong_key(self) -> Probe:
        """A streamed answer to somebody without the right key."""
        self.tap.wrong_key = True
        try:
            return self.ask(self.request("Hello."))
        finally:
            self.tap.wrong_key = False

    @cached_property
    def no_route(self) -> Probe:
        """A route that there is not."""
        caller = Caller(self.endpoint, self.timeouts, NO_RETRIES)
        return self.try_out(lambda: caller.ask(f"/{NOWHERE}-route", None))

    @cached_property
    def left(self) -> Probe:
        """A long streamed answer, left after its first piece."""
        return self.ask(self.request(COUNT_LONG), enough=1)

    @cached_property
    def after_leaving(self) -> Probe:
        """The answer to the next question, asked at once."""
        return self.ask(self.request(COUNT), enough=1) if self.left.first else Probe()

    @cached_property
    def rich(self) -> Probe:
        """A streamed answer with letters of two, three and four bytes."""
        return self.ask(self.request(REPEAT))

    @cached_property
    def long(self) -> Probe:
        """A streamed answer to a prompt of 2,000 words."""
        return self.ask(self.request(LONG))

    @cached_property
    def formed(self) -> Probe:
        """A streamed answer that has to follow a schema."""
        return self.ask(self.request(TOWN).output_schema(SCHEMA))

    def _with_tool(self, prompt: str) -> RequestBuilder:
        builder = self.request(prompt).tools(WEATHER)
        return builder.tool_choice(ToolChoice("required")) if self.forced else builder

    def _refuse(self, field: str, probe: Probe) -> None:
        """Note that the endpoint, not we, refused `field`."""
        if isinstance(probe.error, ProviderError):
            self.refused[field] = told(probe.error)
