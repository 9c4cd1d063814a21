"""JSON that is no answer, on every wire: an error, never an empty answer."""

from __future__ import annotations

import pytest

from rig_sync.errors import ResponseDecodeError
from tests.wire.asking import ask
from tests.wire.conformance.scenarios import suite, wires
from tests.wire.loopback import Answer, Loopback


@pytest.mark.parametrize("body", [b"{}", b'{"hello": "you"}', b'{"data": {"choices": []}}'])
@pytest.mark.parametrize("wire", wires())
def test_an_object_that_is_no_answer(loopback: Loopback, wire: str, body: bytes) -> None:
    """A proxy's greeting, or an answer inside of something else; the error shows its beginning."""
    url = loopback.add(Answer(body, content_type="application/json"))
    outcome = ask(url, suite(wire).WIRE, streaming=False)
    assert isinstance(outcome.error, ResponseDecodeError)
    assert not outcome.error.recoverable
    assert outcome.error.body == body.decode()
