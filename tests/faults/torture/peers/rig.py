"""rig_sync itself, by its public API."""

from __future__ import annotations

from rig_sync import FinalResponse, StreamAssistantItem, Timeouts, tool
from rig_sync.completion import FinishReason, ToolDefinition, Usage
from rig_sync.errors import RigError
from rig_sync.message import Text, ToolCall
from rig_sync.providers.openai_compatible import Client
from rig_sync.streaming.items import StreamError, StreamFinal
from rig_sync.transport.retry import NO_RETRIES
from tests.faults.torture.asking import KEPT, PROMPT, TOOLS, Ask, Seen, schema_of

__all__ = ["run", "text", "tools"]

DISTRIBUTION = ""
NEEDS = ("rig_sync",)
OWN = ("rig_sync",)
HOW = (
    "`model.stream_completion(...).stream()` of an `openai_compatible.Client`, "
    "`Timeouts(first_event=…, idle=…)`, `retries=NO_RETRIES`; runs: `agent.stream_prompt(...)`"
)


def text(ask: Ask, seen: Seen) -> None:
    """One model call; a defect is an item beside the words. Left by a plain `break`, no `with`."""
    _stream(ask, seen, [])


def tools(ask: Ask, seen: Seen) -> None:
    """The same, with tools offered."""
    definitions = [ToolDefinition(name, name, schema_of(name)) for name in TOOLS]
    seen.calls = []
    _stream(ask, seen, definitions)


def run(ask: Ask, seen: Seen) -> None:
    """An agent that runs the tools."""

    @tool
    def add(x: int, y: int) -> str:
        """Add."""
        seen.ran.append(f"add {x} {y}")
        return "3"

    agent = _client(ask).agent("torture").tool(add).build()
    try:
        for item in agent.stream_prompt(PROMPT):
            match item:
                case StreamAssistantItem(Text(words)):
                    seen.say(words)
                case FinalResponse(usage=usage):
                    _count(seen, usage)
                case _:
                    pass
    except RigError as error:
        seen.partial = None if error.partial is None else error.partial.text
        raise


def _stream(ask: Ask, seen: Seen, definitions: list[ToolDefinition]) -> None:
    model = _client(ask).completion_model("torture")
    try:
        for item in model.stream_completion(PROMPT).tools(*definitions).stream():
            match item:
                case Text(words):
                    if seen.say(words) and ask.leaves:
                        break
                case ToolCall():
                    seen.call(item.name, item.malformed or item.arguments, item.id)
                case StreamError(error):
                    seen.defects.append(str(error))
                case StreamFinal(usage, reason):
                    _count(seen, usage)
                    seen.finish = _word(reason)
                case _:
                    pass
    except RigError as error:
        seen.partial = None if error.partial is None else error.partial.text
        raise


def _client(ask: Ask) -> Client:
    timeouts = Timeouts(first_event=ask.first, idle=ask.idle)
    client = Client("sk-torture", base_url=ask.url, retries=NO_RETRIES, timeouts=timeouts)
    KEPT.append(client)
    return client


def _count(seen: Seen, usage: Usage) -> None:
    if usage:
        seen.count(usage.input_tokens, usage.output_tokens)


def _word(reason: FinishReason | None) -> str | None:
    return None if reason is None else reason.raw
