"""JSON that is no answer, on every wire: an error, never an empty answer."""

from __future__ import annotations

from codecs import BOM_UTF8

import pytest

from rig_sync._json import to_json
from rig_sync.errors import ResponseDecodeError, StreamTruncated
from rig_sync.wire.openai_chat import OpenAIChat
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


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("choices", [b"[]", b"null", b"[{}]", b"[null]"])
def test_a_chat_answer_without_a_choice(
    loopback: Loopback, choices: bytes, streaming: bool
) -> None:
    """As whole bodies; the same where a stream was asked for."""
    body = b'{"id": "1", "choices": %s, "usage": {"total_tokens": 1}}' % choices
    url = loopback.add(Answer(body, content_type="application/json"))
    outcome = ask(url, OpenAIChat(), streaming=streaming)
    assert isinstance(outcome.error, ResponseDecodeError)
    assert "no choice with a message" in str(outcome.error)


@pytest.mark.parametrize(
    "frames",
    [
        b"",
        b'data: {"id": "1", "choices": []}\n\n',
        b'data: {"choices": [{"index": 1}]}\n\n',
        b'data: {"choices": [{"del\n\n',
    ],
)
def test_the_end_of_nothing(loopback: Loopback, frames: bytes) -> None:
    """`[DONE]` proves the end of an answer, if there was one."""
    url = loopback.add(Answer(frames + b"data: [DONE]\n\n"))
    assert isinstance(ask(url, OpenAIChat(), streaming=True).error, StreamTruncated)


def test_a_finish_reason_that_says_null(loopback: Loopback) -> None:
    """As text, on every chunk: that proves nothing."""
    chunk = {"choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": "null"}]}
    url = loopback.add(Answer(b"data: %s\n\n" % to_json(chunk)))
    outcome = ask(url, OpenAIChat(), streaming=True)
    assert isinstance(outcome.error, StreamTruncated)
    assert outcome.text == "Hel"


def test_a_mark_of_byte_order(loopback: Loopback) -> None:
    """Ahead of an answer it is no part of it."""
    answer = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
    body = BOM_UTF8 + to_json(answer)
    url = loopback.add(Answer(body, content_type="application/json"))
    outcome = ask(url, OpenAIChat(), streaming=False)
    assert outcome.error is None
    assert outcome.text == "Hi"
