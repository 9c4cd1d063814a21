"""What is there of a typed answer only ever grows, however the bytes come."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig_sync._json import Json
from rig_sync.agent.items import FinalResponse, ModelTurnRetried
from rig_sync.agent.output import OutputMode
from rig_sync.output import Partial
from tests.agent.properties import examples
from tests.agent.properties.answers import RETRIES, Entry, typed_scripts
from tests.agent.properties.scripts import Script
from tests.agent.properties.speakers import SPEAKERS
from tests.agent.properties.stage import staged


def grown(before: Json, after: Json) -> bool:
    """Whether `after` is `before`, or more of it.

    >>> grown({"a": ["x"]}, {"a": ["xy", 1], "b": None}), grown([1], [2])
    (True, False)
    """
    if isinstance(before, str) and isinstance(after, str):
        return after.startswith(before)
    if isinstance(before, list) and isinstance(after, list):
        pairs = zip(before, after, strict=False)
        return len(before) <= len(after) and all(grown(one, other) for one, other in pairs)
    if isinstance(before, dict) and isinstance(after, dict):
        return all(key in after and grown(value, after[key]) for key, value in before.items())
    return before == after


@pytest.mark.parametrize("mode", get_args(OutputMode))
@pytest.mark.parametrize("wire", SPEAKERS)
def test_partials_only_grow(wire: str, mode: OutputMode) -> None:
    """Until the turn is retried; the last one is the whole answer."""
    with staged(SPEAKERS[wire]) as stage:

        @examples(15)
        @given(typed_scripts(mode), st.lists(st.integers(1, 60), min_size=1, max_size=5))
        def hold(script: Script, sizes: list[int]) -> None:
            log = stage.set(script, tuple(sizes))
            stream = stage.bare.stream_typed(
                Entry, "Go.", output_mode=mode, output_retries=RETRIES, deps=log
            )
            last: Partial | None = None
            retried = 0
            for item in stream:
                if isinstance(item, Partial):
                    assert last is None or grown(last.value, item.value)
                    assert not (last is not None and last.complete)
                    last = item
                elif isinstance(item, ModelTurnRetried):
                    assert last is not None
                    last, retried = None, retried + 1
                elif isinstance(item, FinalResponse):
                    assert last is not None
                    assert last.complete
                    assert last.value == json.loads(item.output)
            assert retried == len(script.turns) - 1
            assert stream.final is not None

        hold()
