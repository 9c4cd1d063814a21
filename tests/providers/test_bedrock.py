"""Amazon Bedrock as a client: who asks, where, and that its streams are streams like all others."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rig_sync.agent.items import FinalResponse
from rig_sync.client import ApiKey
from rig_sync.errors import ConfigError, PermissionDenied
from rig_sync.message import Text, ToolCall
from rig_sync.providers import bedrock
from rig_sync.streaming.pause import PauseControl
from rig_sync.tools import tool
from rig_sync.transport.aws import AwsKeys, SigV4
from rig_sync.transport.head import HttpRequest
from rig_sync.transport.retry import NO_RETRIES
from tests.conftest import ServerFactory
from tests.server import (
    Request,
    Script,
    Stall,
    Step,
    WaitFor,
    error_response,
    response,
    spawn,
    sse_response,
)
from tests.wire.aws_frames import converse
from tests.wire.conformance.bedrock_converse import begin, finish, metadata, said, stop, told, whole

HEADERS = {"Content-Type": "application/vnd.amazon.eventstream"}
MODEL = "amazon.nova-lite-v1:0"
END = (stop(), finish(), metadata({"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}))
TOKEN = "session-token-0123456789+/="
KEYS = AwsKeys("AKIDEXAMPLE", "secret-0123456789", TOKEN)


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing of the developer's account reaches a test; the folder for files of one."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


def streamed(*pieces: bytes | Step) -> list[Step]:
    """The script of a stream."""
    return sse_response(*pieces, headers=HEADERS)


def answer(request: Request) -> Script:
    """A short answer, streamed or whole, as asked."""
    if request.path.endswith("/converse-stream"):
        return streamed(converse(said("Hi."), *END))
    return response(headers={"Content-Type": "application/json"}, body=whole([{"text": "Hi."}]))


def client(url: str) -> bedrock.Client:
    """One that signs."""
    return bedrock.Client(
        region="us-west-2",
        access_key=KEYS.access_key,
        secret_key=KEYS.secret_key,
        session_token=KEYS.session_token,
        base_url=url,
        retries=NO_RETRIES,
    )


# who asks, and where -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model", [MODEL, "arn:aws:bedrock:us-west-2:012345678901:inference-profile/us.a-v1:0"]
)
@pytest.mark.parametrize("stream", [True, False])
def test_signed_requests(server: ServerFactory, model: str, stream: bool) -> None:
    """The signature is of what really went over the connection: path, host, type and body."""
    served = server(answer)
    with client(served.url) as ours:
        assert ours.agent(model).build().prompt("Hello", stream=stream).output == "Hi."
    (request,) = served.requests
    assert ":" not in request.path
    assert request.path.count("/") == 3
    stamp = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
    sign = SigV4("us-west-2", "bedrock", keys=KEYS, now=lambda: stamp.replace(tzinfo=timezone.utc))
    sent = HttpRequest(
        f"http://{request.headers['host']}{request.path}",
        {"Content-Type": request.headers["content-type"]},
        request.body,
        request.method,
    )
    assert request.headers["host"] == urlsplit(served.url).netloc
    assert {name.lower(): value for name, value in sign(sent).items()}.items() <= (
        request.headers.items()
    )
    accept = HEADERS["Content-Type"] if stream else "application/json"
    assert request.headers["accept"] == accept


def test_signed_anew_at_each_try(server: ServerFactory) -> None:
    """What is tried again has its own signature."""
    served = server(error_response(503), answer)
    with bedrock.Client(
        region="us-west-2", access_key="AKID", secret_key="secret", base_url=served.url
    ) as ours:
        assert ours.agent(MODEL).build().prompt("Hello").output == "Hi."
    assert [request.headers["authorization"][:16] for request in served.requests] == [
        "AWS4-HMAC-SHA256"
    ] * 2
    assert "x-amz-security-token" not in served.requests[0].headers


@pytest.mark.parametrize("key", ["bedrock-api-key-1", lambda: "bedrock-api-key-1"])
def test_an_api_key(server: ServerFactory, key: ApiKey) -> None:
    """It is sent as it is, and nothing is signed; an address of one's own has no region."""
    served = server(answer)
    with bedrock.Client(key, base_url=served.url) as ours:
        assert ours.agent(MODEL).build().prompt("Hello").output == "Hi."
    (request,) = served.requests
    assert request.headers["authorization"] == "Bearer bedrock-api-key-1"
    assert "x-amz-date" not in request.headers


def test_from_outside(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API key first; else the account, as botocore finds it."""
    served = server(answer)
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", served.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOUTSIDE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with bedrock.Client.from_env() as ours:
        ours.agent(MODEL).build().prompt("Hello")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with bedrock.Client.from_env() as ours:
        ours.agent(MODEL).build().prompt("Hello")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-2")
    with bedrock.Client.from_env() as ours:
        ours.agent(MODEL).build().prompt("Hello")
    first, second, third = (request.headers["authorization"] for request in served.requests)
    assert "AKIDOUTSIDE/" in first
    assert "/eu-central-1/bedrock/" in first
    assert "/eu-west-1/bedrock/" in second
    assert third == "Bearer bedrock-api-key-2"


def test_a_profile(server: ServerFactory, monkeypatch: pytest.MonkeyPatch, no_aws: Path) -> None:
    """Its keys and its region, also when there is an API key outside."""
    (no_aws / "config").write_text(
        "[profile work]\nregion = eu-north-1\n"
        "aws_access_key_id = AKIDWORK\naws_secret_access_key = secret\n"
    )
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-2")
    served = server(answer)
    with bedrock.Client.from_env(profile="work", base_url=served.url) as ours:
        ours.agent(MODEL).build().prompt("Hello")
    assert "AKIDWORK/" in served.requests[0].headers["authorization"]
    assert "/eu-north-1/bedrock/" in served.requests[0].headers["authorization"]
    assert bedrock.Client.from_env(profile="work").endpoint.base_url == (
        "https://bedrock-runtime.eu-north-1.amazonaws.com"
    )


def test_addresses() -> None:
    """One for each region."""
    for region in ("us-east-1", "ap-northeast-1"):
        found = bedrock.Client(region=region, access_key="a", secret_key="b").endpoint.base_url
        assert found == f"https://bedrock-runtime.{region}.amazonaws.com"
    assert "us-east-1" in repr(bedrock.Client("key-0123456789", region="us-east-1"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"access_key": "a", "secret_key": "b"}, "region='us-east-1'"),
        ({"api_key": "a"}, "region='us-east-1'"),
        ({"region": "us-east-1", "access_key": "a"}, "give both"),
        ({"region": "us-east-1", "session_token": "a"}, "give both"),
        ({"region": "us-east-1", "api_key": "a", "profile": "b"}, "give one of"),
        ({"region": "us-east-1", "profile": "b", "access_key": "a", "secret_key": "b"}, "give one"),
    ],
)
def test_what_is_missing(options: dict[str, str], says: str) -> None:
    """Told at once."""
    with pytest.raises(ConfigError, match=says):
        bedrock.Client(**options)  # type: ignore[arg-type]  # keys of several types


def test_no_region_outside() -> None:
    """Nobody says which."""
    with pytest.raises(ConfigError, match="set AWS_REGION"):
        bedrock.Client.from_env()


def test_no_account(server: ServerFactory) -> None:
    """The first request says what to do; nothing was sent."""
    served = server(answer)
    with (
        bedrock.Client(region="us-east-1", base_url=served.url) as ours,
        pytest.raises(ConfigError, match="bedrock: there are no AWS credentials"),
    ):
        ours.agent(MODEL).build().prompt("Hello")
    assert served.requests == []


def test_secrets_stay_secret(server: ServerFactory) -> None:
    """A refusal that quotes the request has no token in it; the secret key is nowhere."""
    message = f"The canonical request should have been: x-amz-security-token:{TOKEN}"
    served = server(error_response(403, {"message": message}, {"x-amzn-errortype": "InvalidSig"}))
    with client(served.url) as ours, pytest.raises(PermissionDenied) as caught:
        ours.agent(MODEL).build().prompt("Hello")
    told = f"{caught.value} {caught.value.body} {ours!r} {vars(ours)!r}"
    assert "x-amz-security-token:[key]" in told
    assert TOKEN not in told
    assert KEYS.secret_key not in told
    assert caught.value.code == "InvalidSig"


# a stream like all others --------------------------------------------------------------------


def pairs() -> Iterator[bytes]:
    """Words, one a frame."""
    return (converse(said(f"{number} ")) for number in range(3))


def test_every_frame_at_once(server: ServerFactory) -> None:
    """A frame is delivered before the server says one byte more."""
    seen = [threading.Event() for _ in range(3)]
    pieces: list[bytes | Step] = []
    for frame, event in zip(pairs(), seen, strict=True):
        pieces += [frame, WaitFor(event)]
    with client(server(streamed(*pieces, converse(*END))).url) as ours:
        words = []
        for word in ours.completion_model(MODEL).stream_completion("Hi").stream().text_deltas():
            words.append(word)
            seen[len(words) - 1].set()
    assert words == ["0 ", "1 ", "2 "]


def test_pause(server: ServerFactory) -> None:
    """While it is paused nothing comes, though it is there; afterwards everything does."""
    pause = PauseControl()
    with client(server(streamed(*pairs(), converse(*END))).url) as ours:
        stream = ours.completion_model(MODEL).stream_completion("Hi").stream(pause=pause)
        words = stream.text_deltas()
        got = [next(words)]
        pause.pause()
        reader = spawn(lambda: got.extend(words))
        assert not threading.Event().wait(0.1)
        assert got == ["0 "]
        pause.resume()
        reader.join(5)
        assert got == ["0 ", "1 ", "2 "]
        assert stream.usage.total_tokens == 5


@pytest.mark.parametrize("paused", [True, False])
def test_cancel(server: ServerFactory, paused: bool) -> None:
    """From another thread, also in a pause and in the middle of a frame: the connection goes."""
    first, *_ = pairs()
    pause = PauseControl()
    served = server(streamed(first, first[:20], Stall()))
    with client(served.url) as ours:
        stream = ours.completion_model(MODEL).stream_completion("Hi").stream(pause=pause)
        assert next(stream) == Text("0 ")
        if paused:
            pause.pause()
        got: list[object] = []
        reader = spawn(lambda: got.extend(stream))
        stream.cancel()
        reader.join(5)
        assert (got, stream.cancelled) == ([], True)
        assert served.disconnected.wait(1)
        assert stream.message.text == "0 "


@tool
def add(x: int, y: int) -> int:
    """Adds."""
    return x + y


def test_an_agent_with_a_tool(server: ServerFactory) -> None:
    """Two turns: the call, its result, the answer."""
    arguments = '{"x":2,"y":3}'
    call = (begin(0, {"toolUseId": "t-1", "name": "add"}), told(0, arguments), stop())
    served = server(
        streamed(converse(*call, finish("tool_use"), metadata())),
        streamed(converse(said("Five."), *END)),
    )
    with client(served.url) as ours:
        items = list(ours.agent(MODEL).tool(add).build().stream_prompt("2 + 3?"))
    final = items[-1]
    assert isinstance(final, FinalResponse)
    assert final.output == "Five."
    body = served.requests[1].json
    assert isinstance(body, dict)
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"toolUse": {"toolUseId": "t-1", "name": "add", "input": {"x": 2, "y": 3}}}
            ],
        },
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": "t-1", "content": [{"text": "5"}]}}],
        },
    ]
    assert ToolCall("t-1", "add", {"x": 2, "y": 3}) in final.messages[1].content
