"""Users' stubs work unchanged: responses, requests-mock and vcrpy, with streamed bodies."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
import requests_mock
import responses
import vcr

from rig_sync import (
    Agent,
    ConnectFailed,
    FinalResponse,
    RateLimited,
    RetryPolicy,
    StreamTruncated,
    assistant,
    user,
)
from rig_sync.providers import openai, openai_compatible
from tests.conftest import ServerFactory
from tests.server import DONE, chat_chunk, chat_chunks, sse_response

URL = "https://api.openai.com/v1/chat/completions"
SSE = {"Content-Type": "text/event-stream"}
BODY = b"".join(chat_chunks("Once ", "upon."))


def agent(**policy: int) -> Agent:
    """An agent of OpenAI's real address; no test may reach it."""
    retries = RetryPolicy(attempts=policy.get("attempts", 1), initial=0)
    return openai.Client("key", retries=retries).completions_api().agent("gpt-5.5").build()


@responses.activate
def test_responses() -> None:
    """A body, an error status, a connection error and a cut stream, as users stub them."""
    responses.post(URL, body=BODY, content_type="text/event-stream")
    final = list(agent().stream_prompt("Hi"))[-1]
    assert isinstance(final, FinalResponse)
    assert final.messages == (user("Hi"), assistant("Once upon."))
    responses.replace(responses.POST, URL, status=429, json={"error": {"message": "slow down"}})
    with pytest.raises(RateLimited, match="slow down"):
        list(agent().stream_prompt("Hi"))
    responses.replace(responses.POST, URL, body=requests.ConnectionError("no route"))
    with pytest.raises(ConnectFailed, match="no route"):
        list(agent().stream_prompt("Hi"))
    responses.replace(responses.POST, URL, body=chat_chunk({"content": "Once"}), headers=SSE)
    with pytest.raises(StreamTruncated) as caught:
        list(agent().stream_prompt("Hi"))
    assert caught.value.partial is not None
    assert caught.value.partial.text == "Once"


@responses.activate
def test_responses_sees_every_retry() -> None:
    """Two answers in a row: the second serves the second try."""
    responses.post(URL, status=503, json={})
    responses.post(URL, body=BODY, content_type="text/event-stream")
    assert list(agent(attempts=2).stream_prompt("Hi").text_deltas()) == ["Once ", "upon."]
    assert len(responses.calls) == 2


@responses.activate
def test_responses_matches_the_request() -> None:
    """Matchers see the body and the key as they go out."""
    matching = [
        responses.matchers.header_matcher({"Authorization": "Bearer key"}),
        responses.matchers.json_params_matcher(
            {"model": "gpt-5.5", "messages": [{"role": "user", "content": "Hi"}]}
        ),
    ]
    answer = {"choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}]}
    responses.post(URL, json=answer, match=matching)
    assert agent().prompt("Hi").output == "Hello."


def test_requests_mock() -> None:
    """A body in one piece, a raw file, and an address that nobody registered."""
    with requests_mock.Mocker() as mocker:
        mocker.post(URL, content=BODY, headers=SSE)
        assert list(agent().stream_prompt("Hi").text_deltas()) == ["Once ", "upon."]
        assert mocker.last_request is not None
        assert mocker.last_request.json()["stream"] is True
    unknown = requests_mock.exceptions.NoMockAddress  # the stub's own complaint comes as it is
    with requests_mock.Mocker(), pytest.raises(unknown, match="No mock address"):
        list(agent().stream_prompt("Hi"))


def test_vcrpy(server: ServerFactory, tmp_path: Path) -> None:
    """What was recorded once plays again after the server has gone, without the key."""
    cassette = str(tmp_path / "cassette.yaml")
    recorder = vcr.VCR(filter_headers=["authorization"])
    served = server(sse_response(*chat_chunks("Once ", "upon.")))
    with openai_compatible.Client("sk-secret", base_url=served.url) as client:
        recording = client.agent("m").build()
        with recorder.use_cassette(cassette, record_mode="once"):
            first = recording.prompt("Hi", stream=True)
    served.close()
    with openai_compatible.Client("sk-secret", base_url=served.url) as client:
        playing = client.agent("m").build()
        with recorder.use_cassette(cassette, record_mode="none") as tape:
            again = playing.prompt("Hi", stream=True)
            assert tape.all_played
    assert again.messages == first.messages
    assert "sk-secret" not in Path(cassette).read_text()


def test_a_stub_may_leave_out_the_content_type() -> None:
    """A body that is an event stream is read as one, whatever it is called."""
    for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "text/html"}):
        with requests_mock.Mocker() as mocker:
            mocker.post(URL, content=b": hello\n\n" + BODY, headers=headers)
            words = list(agent().stream_prompt("Hi").text_deltas())
        assert words == ["Once ", "upon."]


def test_done_alone_is_an_empty_answer() -> None:
    """A stub that says nothing but the end is an answer without words."""
    with requests_mock.Mocker() as mocker:
        finish = chat_chunk(finish="stop")
        mocker.post(URL, content=finish + DONE, headers=SSE)
        assert agent().prompt("Hi", stream=True).output == ""
