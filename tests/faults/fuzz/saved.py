"""What was saved, and may have been written by anybody: runs, items, histories, errors."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from rig_sync.agent.items import (
    CompletionCall,
    FinalResponse,
    MultiTurnStreamItem,
    RunPending,
    StreamAssistantItem,
    StreamUserItem,
    ToolExecutionStarted,
    dump_item,
    load_item,
)
from rig_sync.agent.run import AgentRun, dump_run, load_run
from rig_sync.agent.steps import PendingCall
from rig_sync.completion import FinishReason, ResponseIds, Usage
from rig_sync.errors import RateLimited, ResponseDecodeError, RigError
from rig_sync.message import (
    Document,
    Image,
    Message,
    ProviderBlock,
    Reasoning,
    ReasoningEncrypted,
    ReasoningSummary,
    ReasoningText,
    Text,
    ToolCall,
    ToolResult,
    assistant,
    dump_messages,
    load_messages,
    system,
    user,
)
from rig_sync.streaming.items import StreamError, StreamFinal, Unknown
from tests.faults.fuzz.holds import a_conversation, an_error
from tests.faults.fuzz.mutate import mutated_bytes, mutated_json, mutated_text
from tests.faults.fuzz.targets import Target, target

__all__ = ["saved_targets"]

T = TypeVar("T")

CALL = ToolCall("c", "add", {"a": 1}, item_id="i", provider_data={"x": 1})
RESULT = ToolResult("c", (Text("3"), Image(data="AAAA"), Document(text="d")), "add")
THOUGHT = Reasoning((ReasoningText("hm", "sig"), ReasoningSummary("s"), ReasoningEncrypted("A")))
HISTORY: list[Message] = [
    system("Be kind."),
    user("Hi", Image(url="https://x.test/a.png"), Document(data="AAAA")),
    assistant(
        THOUGHT,
        "Hello",
        CALL,
        ProviderBlock("k", {"type": "k"}, "anthropic_messages"),
    ),
    user(RESULT),
]
USAGE = Usage(1, 2, 3, 4, 5, 6)
FINISH = FinishReason("stop", "stop")
RUN = AgentRun(
    HISTORY[:3],
    3,
    id="r",
    prompt_at=1,
    turn=1,
    usage=USAGE,
    calls=[CompletionCall(1, USAGE, FINISH, ResponseIds("a"), "m")],
    defects=["x"],
    batch=[PendingCall(CALL, "approval"), PendingCall(CALL, "answered", RESULT, ran=True)],
    offered=("add",),
    failures={"add": 1},
    output_retries=1,
)
LATE = RateLimited("slow", provider="p", status=429, code="c", retry_after=2.0)
ITEMS = (
    StreamAssistantItem(Text("a")),
    StreamAssistantItem(CALL),
    StreamAssistantItem(StreamFinal(USAGE, FINISH, raw={"a": 1})),
    StreamAssistantItem(Unknown("k", {"a": 1})),
    StreamAssistantItem(THOUGHT),
    StreamUserItem(RESULT, "i"),
    ToolExecutionStarted(CALL, "i"),
    StreamError(LATE),
    StreamError(ResponseDecodeError("bad", body="x")),
    RunPending((CALL,), (CALL,)),
    FinalResponse("a", USAGE, tuple(HISTORY), tuple(RUN.calls), ("d",)),
)


def saved_targets() -> Iterator[Target]:
    """Runs, items and histories."""
    runs = [dump_run(RUN).decode(), dump_run(AgentRun(HISTORY, 1)).decode()]
    items = [dump_item(item).decode() for item in ITEMS]
    yield target("saved.run", _spoilt(runs), lambda data: _loads(data, load_run, _a_run))
    yield target("saved.item", _spoilt(items), lambda data: _loads(data, load_item, _an_item))
    yield target(
        "saved.messages",
        _spoilt([dump_messages(HISTORY).decode()]),
        lambda data: _loads(data, load_messages, _messages),
    )


def _spoilt(texts: list[str]) -> Callable[[random.Random], bytes | str]:
    def make(chance: random.Random) -> bytes | str:
        text = mutated_json(chance.choice(texts), chance, texts)
        match chance.randrange(6):
            case 0:
                return mutated_bytes(text.encode("utf-8", "replace"), chance)
            case 1:
                return mutated_text(text, chance)
            case 2:
                return text  # half a surrogate pair at times, as it may stand in a str
            case _:
                return text.encode("utf-8", "replace")

    return make


def _loads(data: bytes | str, load: Callable[[bytes | str], T], check: Callable[[T], None]) -> None:
    """Either it is refused as documented, or what was loaded can be used."""
    try:
        found = load(data)
    except msgspec.DecodeError:
        return
    assert repr(found)
    check(found)


def _a_run(run: AgentRun) -> None:
    """It goes on, or says why not, and a history comes of it."""
    assert load_run(dump_run(run)) == run
    with contextlib.suppress(RigError):
        run.next_step()
    for pending in run.pending:
        with contextlib.suppress(RigError):
            run.approve(pending.call.id)
    run.give_up_started()
    with contextlib.suppress(RigError):
        run.tool_results([ToolResult("c", (Text("3"),))])
    a_conversation(run.interrupted(), math.inf)
    a_conversation(run.response().messages, math.inf)


def _an_item(item: MultiTurnStreamItem) -> None:
    line = dump_item(item)
    assert dump_item(load_item(line)) == line  # errors inside are equal to none but themselves
    if isinstance(item, StreamError):
        an_error(item.error, math.inf)


def _messages(found: list[Message]) -> None:
    assert load_messages(dump_messages(found)) == found
    a_conversation(found, math.inf)
