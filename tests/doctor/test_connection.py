"""Endpoints that cannot be reached, hang, or break rig_sync: each is a row, in bounded time."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from rig_sync import ConfigError
from rig_sync._json import JsonObject
from rig_sync.completion import CompletionRequest
from rig_sync.doctor import Examination, Report, examine
from rig_sync.providers import perplexity
from rig_sync.providers.openai_compatible import Client
from rig_sync.wire.openai_chat import OpenAIChat
from tests.conftest import ServerFactory
from tests.doctor.conftest import Found
from tests.doctor.endpoint import ANSWER, KEY, MODEL, Part, answering, error, said, whole
from tests.server import Drip, Request, Reset, Script, Send, Stall, response, sse, sse_response

BOUND = 20.0  # seconds: tells a hang from a delay


def report_of(url: str, *checks: str, timeout: float = BOUND, model: str | None = MODEL) -> Report:
    """What is found at `url`."""
    with Client(KEY, base_url=url) as client:
        return examine(client, model=model, timeout=timeout, checks=checks or None)


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("http://127.0.0.1:9/v1", "ConnectFailed"),
        ("https://nowhere.invalid/v1", "ConnectFailed"),
        ("http://[::1]:9/v1", "ConnectFailed"),
    ],
)
def test_nobody_is_there(url: str, what: str) -> None:
    """One row says so, all others that there is no connection; nothing else is asked."""
    report = report_of(url)
    first, *rest = report.findings
    assert (first.check, first.verdict, first.copes) == ("connection", "broken", "no")
    assert what in first.seen
    assert {(one.verdict, one.words) for one in rest} == {("not seen", "there is no connection")}
    assert report.requests == 1
    assert not report.copes


def test_a_certificate_that_nobody_knows(
    server: ServerFactory, certificate: tuple[str, str]
) -> None:
    """It is refused, and the words say what to do if the authority is one's own."""
    report = report_of(server(answering(), certificate=certificate).url + "/v1", "connection")
    (finding,) = report.findings
    assert finding.verdict == "broken"
    assert "certificate" in finding.seen
    assert "REQUESTS_CA_BUNDLE" in finding.words


def test_a_certificate_that_is_trusted(
    server: ServerFactory, certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row says that it is."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate[0])
    report = report_of(server(answering(), certificate=certificate).url + "/v1", "connection")
    assert report.findings[0].verdict == "ok"
    assert "TLS, trusted" in report.findings[0].seen


SILENT: Mapping[str, Part] = {
    "in the list": [Stall()],
    "after the headers": [*response(200, {"Content-Length": "9"})[:1], Stall()],
    "in the headers": [Send(b"HTTP/1.1 200 OK\r\n"), Drip(b"X-More: 1\r\n", 0.05)],
    "but for comments": sse_response(Drip(b": ping\n\n", 0.05)),
    "not HTTP": [Send(b"SSH-2.0-OpenSSH_9.2\r\n"), Stall()],
    "but for a reset": [Reset()],
}


@pytest.mark.parametrize("part", SILENT.values(), ids=SILENT)
def test_a_server_that_never_answers(server: ServerFactory, part: Part) -> None:
    """Every request ends at its deadline, and most are not made any more."""

    def answer(request: Request) -> Script:
        return part(request) if callable(part) else part

    began = time.monotonic()
    report = report_of(server(answer).url + "/v1", timeout=0.3)
    assert time.monotonic() - began < BOUND
    assert not report.copes
    assert {one.verdict for one in report.findings} <= {"ok", "broken", "not seen"}
    assert report.requests <= 4  # the list, an answer whole and streamed, an unknown route


def test_a_stream_that_hangs(found: Found) -> None:
    """The row says which deadline passed, and how to move it."""
    finding = found("streaming", {"stream": [*said("1, ")[:3], Stall()]}, timeout=3.0)
    assert finding.verdict == "ok"  # what came, came as it should
    finding = found("terminal record", {"stream": [*said("1, ")[:3], Stall()]}, timeout=3.0)
    assert (finding.verdict, finding.copes) == ("not seen", "n.a.")
    assert "still answering" in finding.seen
    assert "--timeout" in finding.words


def test_what_we_cut_is_no_fault_of_the_endpoint(found: Found) -> None:
    """An event that was not waited for is not said to lack its end."""
    finding = found("framing", {"stream": [*said("1, ")[:4], Send(b"data: {"), Stall()]}, timeout=3)
    assert (finding.verdict, finding.copes) == ("ok", "n.a.")


def test_what_is_odd_in_a_stream_that_broke_off(found: Found) -> None:
    """Each row tells its own: that the end is missing, that a field is."""
    bare = sse_response(*map(sse, [{"choices": [{"delta": {"content": "1, 2"}}]}]))
    finding = found("text deltas", {"stream": bare})
    assert (finding.verdict, finding.copes) == ("deviates", "yes")
    finding = found("terminal record", {"stream": bare})
    assert (finding.verdict, finding.copes) == ("broken", "no")


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, "invalid_api_key", "give the right key"),
        (403, "forbidden", "give the right key"),
        (429, "rate_limit_exceeded", "try again later"),
        (404, "not_found", "name the model: --model"),
    ],
)
def test_a_list_that_is_refused(server: ServerFactory, status: int, kind: str, words: str) -> None:
    """What there is to do depends on why."""
    served = server(answering({"list": error(status, "No", kind)}))
    report = report_of(served.url + "/v1", "list of models", model=None)
    assert words in report.findings[0].words


def test_a_model_without_a_limit(found: Found) -> None:
    """An answer that does not end is left in time."""
    finding = found("cancel", {"stream": said(*["word "] * 21_000)})
    assert finding.verdict == "not seen"
    finding = found("terminal record", {"stream": said(*["word "] * 21_000)})
    assert "more than 20000 pieces came" in finding.seen


def test_a_fault_of_ours_is_a_row(server: ServerFactory) -> None:
    """What is no error of ours ends one check, and says that it is to be reported."""

    def adapt(request: CompletionRequest, body: JsonObject) -> JsonObject:
        raise ZeroDivisionError("no error of ours")

    with Client(KEY, base_url=server(answering()).url + "/v1") as client:
        client.wire = OpenAIChat(adapt=adapt)
        report = examine(client, timeout=5)
    finding = report.finding("one-shot answer")
    assert (finding.verdict, finding.copes) == ("broken", "no")
    assert "ZeroDivisionError: no error of ours" in finding.seen
    assert "please report it" in finding.words
    assert report.finding("list of models").verdict == "ok"


def test_a_model_that_thinks_first(server: ServerFactory) -> None:
    """When all the room goes into thoughts, more of it is given from then on."""

    def answer(request: Request) -> Script:
        body = request.json
        assert isinstance(body, dict)
        if body["max_tokens"] < 1000:
            message: JsonObject = {"role": "assistant", "reasoning_content": "Hm.", "content": None}
            choice: JsonObject = {"index": 0, "message": message, "finish_reason": "length"}
            return whole({**ANSWER, "choices": [choice]})
        return whole(ANSWER)

    served = server(answering({"one-shot": answer}))
    report = report_of(served.url + "/v1", "one-shot answer", "streaming")
    assert [one.verdict for one in report.findings] == ["ok", "ok"]
    assert b'"max_tokens":2048' in served.requests[-1].body


def test_an_examination_that_is_left(server: ServerFactory) -> None:
    """What was found so far is in the report; going on takes up where it was left."""
    with (
        Client(KEY, base_url=server(answering()).url + "/v1") as client,
        Examination(client, checks=["connection", "list of models", "usage"]) as examination,
    ):
        next(iter(examination))
        assert examination.next_check == "list of models"
        before = examination.report
        assert [one.check for one in examination] == ["list of models", "usage"]
        after = examination.report
    assert (len(before.findings), before.complete) == (1, False)
    assert (len(after.findings), after.complete) == (3, True)


def test_a_model_is_a_subject_too(server: ServerFactory) -> None:
    """It names itself, and there is no list; it is not changed, nor is its client."""
    with Client(KEY, base_url=server(answering()).url + "/v1") as client:
        model = client.completion_model(MODEL)
        http = client.endpoint.http
        report = examine(model, timeout=10)
        assert client.endpoint.http is http
        assert model.completion("Hello.").send().text == "1, 2, 3"
    assert report.model == MODEL
    assert report.finding("list of models").verdict == "not seen"
    assert report.finding("unknown model").verdict == "ok"
    assert report.copes


def test_what_cannot_be_examined() -> None:
    """Mistakes are told at once, with what to write instead."""
    with Client(base_url="http://127.0.0.1:9") as client:
        with pytest.raises(
            ConfigError, match="there is no check 'usge'; the checks are: connection"
        ):
            examine(client, checks=["usge"])
        with pytest.raises(ConfigError, match=r"give the names in a tuple, as \('usage',\)"):
            examine(client, checks="usage")
        for timeout in (0, -1.0, float("nan"), float("inf")):
            with pytest.raises(ConfigError, match=f"timeout={timeout}: give a number of seconds"):
                examine(client, timeout=timeout)
        client.wire = Foreign()
        with pytest.raises(ConfigError, match="the wire 'foreign' cannot be examined, only: "):
            examine(client)


class Foreign(OpenAIChat, frozen=True):
    """A wire of somebody's own."""

    @property
    def name(self) -> str:
        """Of no wire that is known."""
        return "foreign"


def test_a_client_without_a_list_needs_a_name() -> None:
    """Nobody can guess it."""
    with (
        perplexity.Client(KEY, base_url="http://127.0.0.1:9") as client,
        pytest.raises(ConfigError, match="perplexity lists no models: name one"),
    ):
        examine(client)


def test_fields_of_the_wire_are_kept(server: ServerFactory) -> None:
    """The client's own wire is spoken, with what its server wants otherwise."""
    served = server(answering())
    with Client(KEY, base_url=served.url + "/v1") as client:
        client.wire = replace(OpenAIChat(), max_tokens_field="max_completion_tokens")
        examine(client, checks=["one-shot answer"])
        assert client.wire.include_usage
    assert b'"max_completion_tokens":64' in served.requests[-1].body
