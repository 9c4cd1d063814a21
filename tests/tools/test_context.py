"""What a tool may ask of the run around it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from rig_sync.completion import Usage
from rig_sync.streaming.cancel import CancelToken
from rig_sync.streaming.pause import PauseControl
from rig_sync.tools import ToolContext, tool

if TYPE_CHECKING:
    from typing_extensions import assert_type


class Shop:
    """What the tools of a test depend on."""

    name = "corner shop"


@tool
def order(number: int, ctx: ToolContext[Shop]) -> str:
    """Look an order up."""
    return f"{number} at {ctx.deps.name}"


def as_a_type_checker_sees_it(any_context: ToolContext, shop: ToolContext[Shop]) -> None:
    """Never run, only type-checked."""
    assert_type(any_context.deps, object)
    assert_type(shop.deps, Shop)
    assert_type(ToolContext(), ToolContext[object])
    assert_type(ToolContext(deps=Shop()), ToolContext[Shop])
    as_a_type_checker_sees_it(shop, shop)  # every context is one of objects
    as_a_type_checker_sees_it(any_context, any_context)  # type: ignore[arg-type]
    order(3, any_context)  # type: ignore[arg-type]


def test_context_needs_no_arguments() -> None:
    """A tool's own tests build a context from nothing."""
    context = ToolContext()
    assert (context.run_id, context.call_id, context.turn, context.agent_name) == ("", "", 1, "")
    assert context.deps is None
    assert context.cancelled is False


def test_context_reads_an_event_and_a_callable() -> None:
    """`cancelled` is asked anew each time."""
    event = threading.Event()
    answers = iter([False, True])
    by_event = ToolContext(cancelled=event)
    by_callable = ToolContext(cancelled=lambda: next(answers))
    assert (by_event.cancelled, by_callable.cancelled) == (False, False)
    event.set()
    assert (by_event.cancelled, by_callable.cancelled) == (True, True)


def test_context_keeps_deps_out_of_its_repr() -> None:
    """Dependencies may hold secrets."""
    context = ToolContext(run_id="r", deps={"key": "sk-secret"})
    assert context.deps == {"key": "sk-secret"}
    assert repr(context) == (
        "ToolContext(run_id='r', call_id='', turn=1, agent_name='', cancelled=False)"
    )


def test_dependencies_are_typed() -> None:
    """`ToolContext[Shop]` is filled in like `ToolContext`, and has the caller's own object."""
    shop = Shop()
    context = ToolContext(deps=shop)
    assert context.deps is shop
    assert list(order.definition.parameters["properties"]) == ["number"]  # type: ignore[arg-type]
    assert order.call({"number": 3}, context) == order(3, context) == "3 at corner shop"
    assert ToolContext[Shop](deps=shop).deps is shop


def test_context_shares_the_token_of_the_run() -> None:
    """The token is the one given, and `cancelled` reads it beside the other source."""
    token, event = CancelToken(), threading.Event()
    context = ToolContext(cancel=token, cancelled=event)
    assert context.cancel is token
    seen = [context.cancelled]
    token.cancel()
    assert [*seen, context.cancelled] == [False, True]
    event.set()
    other = ToolContext(cancelled=event)
    assert (other.cancelled, other.cancel.cancelled) == (True, False)


def test_context_has_a_token_of_its_own() -> None:
    """Without a run around it, a tool can still hand a token on; no two share one."""
    one, other = ToolContext(), ToolContext()
    one.cancel.cancel()
    assert (one.cancelled, other.cancelled) == (True, False)


def test_context_carries_pause_and_approval() -> None:
    """Both are what the run says; blank without one."""
    pause = PauseControl()
    context = ToolContext(pause=pause, approved=True)
    assert (context.pause, context.approved) == (pause, True)
    assert (ToolContext().pause, ToolContext().approved) == (None, False)


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ([], Usage()),
        ([Usage(input_tokens=3)], Usage(input_tokens=3)),
        ([Usage(input_tokens=3), Usage(output_tokens=2), Usage(1, 1)], Usage(4, 3)),
    ],
    ids=["none", "one", "several"],
)
def test_reported_usage_adds_up(reported: list[Usage], expected: Usage) -> None:
    """What a tool reports is summed; nothing reported is no invented 0."""
    context = ToolContext()
    for usage in reported:
        context.report_usage(usage)
    assert context.usage == expected
