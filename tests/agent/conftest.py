"""Fixtures of the agent's tests."""

from __future__ import annotations

import pytest

from tests.agent.both_ways import WAYS, Way


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    """Streamed or one-shot."""
    found = request.param
    assert isinstance(found, Way)
    return found
