"""The loopback server of all tests in this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from rig_sync.wire.base import Wire
from tests.wire.asking import Outcome, ask
from tests.wire.loopback import Answer, Loopback


@pytest.fixture(scope="session")
def loopback() -> Iterator[Loopback]:
    with Loopback() as server:
        yield server


@pytest.fixture
def serve(loopback: Loopback) -> Callable[[bytes, Wire], Outcome]:
    """Streams a body over the loopback in pieces of seven bytes: a prime, and not one of ours."""

    def stream(body: bytes, wire: Wire) -> Outcome:
        pieces = (7,) * (len(body) // 7)
        return ask(loopback.add(Answer(body, sizes=pieces)), wire)

    return stream
