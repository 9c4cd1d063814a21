"""One chain through our agent loop."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from rig_sync._json import JsonObject
from rig_sync.agent.agent import Agent
from rig_sync.agent.items import FinalResponse
from rig_sync.errors import RigError
from rig_sync.message import BaseMessage, ToolResult, UserMessage
from rig_sync.providers.openai_compatible import Client
from rig_sync.transport.retry import NO_RETRIES
from rig_sync.transport.timeouts import Timeouts
from rig_sync.wire.base import Wire
from tests.agent.scenarios.chains import Link, Run, runs_in
from tests.agent.scenarios.openings import Opening, message_of, opening_of
from tests.agent.scenarios.playback import Playback, RecordedTool, Results, answer_of
from tests.agent.scenarios.steering import Steering
from tests.wire.roundtrip.reader import Reader

__all__ = ["Enacted", "Ending", "NoPrompt", "enact"]

TIMEOUTS = Timeouts(connect=10, first_event=30, idle=30)

Ending: TypeAlias = FinalResponse | Exception


class Enacted(NamedTuple):
    """What came of one run.

    Attributes:
        run: The recording of it.
        opening: What the agent was made of.
        asked: The bodies of our requests.
        ending: The last item, or what was raised.
        ran: Ids of the calls whose tools were run.
        steered: What the hook did.
    """

    run: Run
    opening: Opening
    asked: list[JsonObject]
    ending: Ending
    ran: list[str]
    steered: list[str]


def enact(
    reader: Reader, wire: Wire, chain: Sequence[Link], server: Playback, chance: random.Random
) -> list[Enacted]:
    """What comes of the runs of a chain, each with the history that the one before gave back."""
    done: list[Enacted] = []
    runs = runs_in(reader, chain)
    history: Sequence[BaseMessage] = ()
    for number, run in enumerate(runs):
        opening = opening_of(reader, wire, [link.recording for link in run.links])
        messages = opening.messages if not number else [*history, *_said(reader, run.links[0])]
        following = [*run.links[1:], *(after.links[0] for after in runs[number + 1 : number + 2])]
        results = Results(reader, following)
        steering = Steering(reader, wire, run, opening, results)
        base_url = server.play([answer_of(x.recording.exchange, wire, chance) for x in run.links])
        try:
            ending = _run(wire, base_url, run, opening, messages, results, steering)
        finally:
            asked = server.stop(base_url)
        done.append(Enacted(run, opening, asked, ending, results.ran, steering.did))
        history = ending.messages if isinstance(ending, FinalResponse) else _kept(ending)
    return done


def _said(reader: Reader, link: Link) -> list[BaseMessage]:
    """What is new beside results: those are in the history of the run that asked for them."""
    said: list[BaseMessage] = []
    for message in (message_of(reader, item) for item in link.added):
        if isinstance(message, UserMessage):
            rest = tuple(part for part in message.content if not isinstance(part, ToolResult))
            said += [UserMessage(rest)] if rest else []
        else:
            said.append(message)
    return said


def _kept(ending: Exception) -> Sequence[BaseMessage]:
    return ending.history if isinstance(ending, RigError) else ()


def _run(
    wire: Wire,
    base_url: str,
    run: Run,
    opening: Opening,
    messages: Sequence[BaseMessage],
    results: Results,
    steering: Steering,
) -> Ending:
    """One run; there are as many turns as were recorded."""
    *history, prompt = messages or [UserMessage(())]
    if not isinstance(prompt, UserMessage):
        return NoPrompt("the request does not end with the user: prefill, pause_turn")
    with Client(base_url=base_url, retries=NO_RETRIES, timeouts=TIMEOUTS) as client:
        client.wire = wire
        try:
            agent = Agent(
                client.completion_model(opening.model),
                preamble=opening.preamble,
                tools=[RecordedTool(definition, results) for definition in opening.tools],
                tool_choice=opening.tool_choice,
                hooks=[steering],
                max_turns=len(run.links),
                **opening.settings,
            )
            if not run.first.exchange.streaming:
                return agent.chat(prompt, history)
            with agent.stream_chat(prompt, history) as stream:
                for _ in stream:
                    pass
                return stream.response
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            return error


class NoPrompt(Exception):
    """The recorded request does not end with a message of the user's."""
