"""What a run streams does not depend on how the bytes came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig_sync.agent.items import dump_item
from tests.agent.properties import examples
from tests.agent.properties.scripts import Script, scripts
from tests.agent.properties.speakers import SPEAKERS
from tests.agent.properties.stage import Stage, Steering, normal, staged

WHOLE = (1 << 20,)
sizes = st.lists(st.integers(1, 200), min_size=1, max_size=8).map(tuple)


def streamed(stage: Stage, script: Script, cut: tuple[int, ...]) -> list[bytes]:
    """Every item as JSON, our ids made equal; of a run that waits for people, up to there."""
    log = stage.set(script, cut)
    stream = stage.agent.stream_prompt(
        "Go.",
        hooks=[Steering(log)],
        deps=log,
        max_turns=script.max_turns,
        live_results=script.live_results,
        raise_errors="none",
    )
    lines = b"\n".join(dump_item(item) for item in stream)
    return normal(lines).splitlines()


@pytest.mark.parametrize("wire", SPEAKERS)
def test_items_do_not_depend_on_the_cuts(wire: str) -> None:
    """Over all turns, ours and the model's; the last is the response or the failure."""
    speaker = SPEAKERS[wire]
    with staged(speaker) as stage:

        @examples(25)
        @given(scripts(malformed=speaker.malformed, ends=("stop", "length", "truncated")), sizes)
        def hold(script: Script, cut: tuple[int, ...]) -> None:
            assert streamed(stage, script, cut) == streamed(stage, script, WHOLE)

        hold()


@pytest.mark.parametrize("wire", SPEAKERS)
def test_items_do_not_depend_on_single_bytes(wire: str) -> None:
    """Every byte in a chunk of its own."""
    speaker = SPEAKERS[wire]
    with staged(speaker) as stage:

        @examples(4)
        @given(scripts(malformed=speaker.malformed))
        def hold(script: Script) -> None:
            assert streamed(stage, script, (1,)) == streamed(stage, script, WHOLE)

        hold()
