"""Bad input gets a clear error early: what was wrong, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

import pytest

from rig_sync import (
    Agent,
    CancelToken,
    CompletionModel,
    CompletionRequest,
    ConfigError,
    RetryPolicy,
    Text,
    Timeouts,
    ToolCall,
    ToolChoice,
    ToolDefinition,
    ToolError,
    assistant,
    tool,
    user,
)
from rig_sync.agent.options import RunOptions
from rig_sync.providers import client_class, openai, openai_compatible
from rig_sync.tools import ToolContext

NAMED = ToolDefinition("same", "Does it.", {"type": "object"})


def good() -> CompletionModel:
    return openai_compatible.Client(base_url="http://127.0.0.1:9/v1").completion_model("m")


def add(a: int) -> int:
    """Add."""
    return a


def bare(a, b):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - the fault
    """Add."""
    return a + b


OPEN_CALL = [user("Hi"), assistant(ToolCall("c7", "add", {"a": 1}))]
WRONG_OPTION: RunOptions = {"max_turn": 3}  # type: ignore[typeddict-unknown-key]

CASES: dict[str, tuple[Callable[[], object], str]] = {
    "no key": (lambda: openai.Client(), "give Client(api_key=...), or set OPENAI_API_KEY"),
    "blank key": (lambda: openai.Client(" "), "set OPENAI_API_KEY"),
    "no key outside": (openai.Client.from_env, "set OPENAI_API_KEY"),
    "no address": (openai_compatible.Client.from_env, "set OPENAI_COMPATIBLE_BASE_URL"),
    "unknown provider": (lambda: client_class("opnai"), "the providers are: "),
    "base_url without a scheme": (
        lambda: openai.Client("k", base_url="api.openai.com/v1"),
        "write it with its scheme, as https://api.openai.com/v1",
    ),
    "base_url of another scheme": (lambda: openai.Client("k", base_url="ftp://x"), "is no URL"),
    "base_url with a bad port": (
        lambda: openai.Client("k", base_url="http://x:99999"),
        "is no URL",
    ),
    "unknown client option": (
        lambda: openai.Client("k", timeout=3),  # type: ignore[call-arg]
        "no option 'timeout'; the options are: base_url, headers, timeouts, retries",
    ),
    "empty model name": (lambda: openai.Client("k").agent(" "), "the model's name is empty"),
    "empty prompt": (lambda: Agent(good()).stream_prompt(" \n"), "write what the model should"),
    "empty message": (lambda: Agent(good()).stream_prompt(user()), "give the message some content"),
    "prompt of another type": (
        lambda: Agent(good()).prompt(3),  # type: ignore[arg-type]
        "a string or rig_sync.user(...), not 3",
    ),
    "unanswered call": (
        lambda: Agent(good()).stream_chat("Go on", OPEN_CALL),
        "(add, id 'c7'): append rig_sync.user(ToolResult('c7', ...))",
    ),
    "history of another type": (
        lambda: Agent(good()).stream_chat("Hi", [{"role": "user"}]),  # type: ignore[list-item]
        "{'role': 'user'}, which is no message: write rig_sync.user(...)",
    ),
    "negative temperature": (lambda: Agent(good(), temperature=-1), "give a number, 0 or above"),
    "temperature in words": (
        lambda: Agent(good(), temperature=cast("float", "hot")),
        "temperature='hot': give a number, 0 or above",
    ),
    "tokens in words": (
        lambda: Agent(good(), max_tokens=cast("int", "many")),
        "max_tokens='many': give 1 or more",
    ),
    "temperature is no number": (
        lambda: Agent(good(), temperature=float("nan")),
        "give a number, 0 or above",
    ),
    "nothing to send": (
        lambda: good().stream(CompletionRequest("m", ())),
        "there is nothing to send: give a prompt",
    ),
    "two definitions of one name": (
        lambda: good().completion("Hi").tools(NAMED, NAMED).send(),
        "two tools are named 'same': rename one",
    ),
    "no words at all": (lambda: Agent(good(), top_p=0), "top_p=0: give a share, above 0"),
    "stop is one word": (
        lambda: Agent(good(), stop="END"),  # type: ignore[arg-type]
        "stop='END': give the words in a tuple, as ('END',)",
    ),
    "unknown setting": (
        lambda: Agent(good(), top_k=3),  # type: ignore[call-arg]
        "no option 'top_k'; the options are: temperature, max_tokens",
    ),
    "no tokens": (lambda: Agent(good(), max_tokens=0), "give 1 or more, or leave it out"),
    "no turns": (lambda: Agent(good(), max_turns=0), "max_turns=0: give a whole number, 1 or more"),
    "negative turns of a run": (
        lambda: Agent(good()).prompt("Hi", max_turns=-1),
        "max_turns=-1: give a whole number",
    ),
    "no concurrency": (
        lambda: Agent(good()).prompt("Hi", tool_concurrency=0),
        "tool_concurrency=0: give a whole number",
    ),
    "unknown run option": (
        lambda: Agent(good()).stream_prompt("Hi", **WRONG_OPTION),
        "no option 'max_turn'; the options are: max_turns, ",
    ),
    "raise_errors": (
        lambda: Agent(good()).stream_prompt("Hi", raise_errors="some"),  # type: ignore[arg-type]
        "write 'terminal', 'all' or 'none'",
    ),
    "context of another type": (
        lambda: Agent(good(), context=[3]),  # type: ignore[list-item]
        "context is text or a Document, not 3",
    ),
    "tool without hints": (lambda: Agent(good(), tools=[bare]), "`a`"),
    "tool of another type": (lambda: Agent(good(), tools=[3]), "3"),
    "two tools of one name": (lambda: Agent(good(), tools=[add, add]), "two tools are named `add`"),
    "forced without tools": (
        lambda: Agent(good(), tool_choice=ToolChoice("required")),
        "tool_choice 'required' without tools: give a tool",
    ),
    "forced to an unknown tool": (
        lambda: Agent(good(), tools=[add], tool_choice=ToolChoice("specific", ("sub",))),
        "'sub', which is none of the tools: add",
    ),
    "a timeout that never comes": (
        lambda: Timeouts(connect=float("inf")),
        "Timeouts(connect=inf): give a number of seconds above 0 and up to 1,000,000, or None",
    ),
    "a key of bytes": (
        lambda: openai.Client(b"key"),  # type: ignore[arg-type]  # the fault
        "openai: what api_key gives has to be a text, not bytes",
    ),
    "a timeout of nothing": (
        lambda: Timeouts(idle=0),
        "Timeouts(idle=0): give a number of seconds",
    ),
    "a timeout that is a switch": (
        lambda: Timeouts(idle=True),
        "Timeouts(idle=True): give a number of seconds",
    ),
    "no attempts": (
        lambda: RetryPolicy(attempts=0),
        "RetryPolicy(attempts=0): give a whole number, 1 or more",
    ),
    "half an attempt": (
        lambda: RetryPolicy(attempts=2.5),  # type: ignore[arg-type]  # the fault
        "RetryPolicy(attempts=2.5): give a whole number, 1 or more",
    ),
    "attempts as text": (
        lambda: RetryPolicy(attempts="3"),  # type: ignore[arg-type]  # the fault
        "RetryPolicy(attempts='3'): give a whole number, 1 or more",
    ),
    "a wait into the past": (
        lambda: RetryPolicy(initial=-1),
        "RetryPolicy(initial=-1): give seconds, 0 or more",
    ),
    "no end of retries": (
        lambda: RetryPolicy(total=None),  # type: ignore[arg-type]  # the fault
        "RetryPolicy(total=None): give seconds, 0 or more",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_config_error(name: str) -> None:
    """The error comes from the call itself, before anything is sent."""
    act, message = CASES[name]
    with pytest.raises(ConfigError, match=re.escape(message)):
        act()


def test_arguments_that_do_not_fit() -> None:
    """What a model gets wrong is a ToolError that it can act on."""

    @tool
    def halve(number: int) -> float:
        """Halve a number."""
        return number / 2

    with pytest.raises(ToolError, match=r"arguments of halve do not fit: .*number"):
        halve.call({"number": "many"}, ToolContext())


def test_starting_a_stream_never_fails() -> None:
    """Nobody listens there: the error comes with the first `next()`, not before."""
    stream = Agent(good()).stream_prompt("Hi", cancel=CancelToken())
    stream.cancel()
    assert list(stream) == []
    assert stream.messages == (user(Text("Hi")),)
