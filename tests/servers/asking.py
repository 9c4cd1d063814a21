"""What every server is asked, whatever it speaks, and what has to come of it."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from rig_sync import (
    AgentBuilder,
    CompletionCall,
    CompletionModel,
    CompletionResponse,
    FinalResponse,
    StreamAssistantItem,
    StreamedAssistantContent,
    StreamError,
    StreamFinal,
    StreamUserItem,
    Text,
    ToolCall,
)
from rig_sync.client import ClientOptions
from rig_sync.errors import RigError
from rig_sync.message import AssistantContent, Reasoning
from rig_sync.transport.retry import NO_RETRIES, RetryPolicy
from rig_sync.transport.timeouts import Timeouts

__all__ = ["KEY", "MODEL", "Forecast", "Heard", "hear", "loop", "options", "whole"]

KEY = "sk-test-0123456789abcdef"
MODEL = "m-1"
TIMEOUTS = Timeouts(connect=10, first_event=30, idle=30)


def options(
    url: str, *, retries: RetryPolicy = NO_RETRIES, timeouts: Timeouts = TIMEOUTS
) -> ClientOptions:
    """Those of a client that tries once, and waits long."""
    return {"base_url": url, "retries": retries, "timeouts": timeouts}


# one answer ----------------------------------------------------------------------------------


class Heard(NamedTuple):
    """A streamed answer.

    Attributes:
        items: All items; an error that ended it is the last one.
        response: What they come to.
    """

    items: list[StreamedAssistantContent]
    response: CompletionResponse

    @property
    def texts(self) -> list[str]:
        """The pieces of the text, as they came."""
        return [item.text for item in self.items if isinstance(item, Text)]

    @property
    def errors(self) -> list[RigError]:
        """The errors, recoverable or not."""
        return [item.error for item in self.items if isinstance(item, StreamError)]

    @property
    def finals(self) -> list[StreamFinal]:
        """The terminal record, if it came."""
        return [item for item in self.items if isinstance(item, StreamFinal)]


def hear(model: CompletionModel, prompt: str, timeouts: Timeouts | None = None) -> Heard:
    """What `model` streams to `prompt`, errors included."""
    stream = model.stream_completion(prompt).stream(raise_errors="none", timeouts=timeouts)
    items = list(stream)
    return Heard(items, stream.response)


def contents(response: CompletionResponse) -> tuple[AssistantContent, ...]:
    """What a message says, without what the server makes anew for each answer: its ids."""
    return tuple(_anonymous(part) for part in response.message.content)


def _anonymous(part: AssistantContent) -> AssistantContent:
    match part:
        case Text():
            return replace(part, provider_data=None)
        case ToolCall():
            return replace(part, id="", item_id=None, internal_call_id=None, provider_data=None)
        case Reasoning():
            return replace(part, id=None, provider_data=None)
        case _:
            return part


def whole(heard: Heard, model: CompletionModel, prompt: str) -> CompletionResponse:
    """The one-shot answer to the same prompt, which has to say the same."""
    response = model.completion(prompt).send()
    assert contents(response) == contents(heard.response)
    assert response.finish_reason == heard.response.finish_reason
    return response


# the loop ------------------------------------------------------------------------------------


class Forecast:
    """A tool that remembers what it was asked.

    Attributes:
        cities: The arguments of all calls, in order.
    """

    def __init__(self) -> None:
        self.cities: list[str] = []

    def weather(self, city: str) -> str:
        """Tell the weather in a city."""
        self.cities.append(city)
        return f"Sunny in {city}."


def loop(builder: AgentBuilder, prompt: str, *cities: str) -> FinalResponse:
    """The end of a run whose first turn asks for the weather in `cities`; the second answers."""
    forecast = Forecast()
    items = list(builder.tool(forecast.weather).build().stream_prompt(prompt))
    assert forecast.cities == list(cities)
    said = [item.content for item in items if isinstance(item, StreamAssistantItem)]
    calls = [content for content in said if isinstance(content, ToolCall)]
    assert [(call.name, call.arguments) for call in calls] == [
        ("weather", {"city": city}) for city in cities
    ]
    results = [item.content for item in items if isinstance(item, StreamUserItem)]
    assert [(result.id, result.text) for result in results] == [
        (call.id, f"Sunny in {call.arguments['city']}.") for call in calls
    ]
    turns = [item for item in items if isinstance(item, CompletionCall)]
    assert [turn.turn for turn in turns] == [1, 2]
    final = items[-1]
    assert isinstance(final, FinalResponse)
    assert (final.completion_calls, final.defects) == (tuple(turns), ())
    assert final.usage.output_tokens == _sum([turn.usage.output_tokens for turn in turns])
    assert final.usage.input_tokens == _sum([turn.usage.input_tokens for turn in turns])
    return final


def _sum(counts: list[int | None]) -> int | None:
    """All of them; None if none was reported."""
    reported = [count for count in counts if count is not None]
    return sum(reported) if reported else None
