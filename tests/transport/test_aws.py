"""AWS event streams out of bytes, and the signatures of requests."""

from __future__ import annotations

import itertools
import json
import logging
import os
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.session import Session
from hypothesis import given, settings

from rig_sync.errors import ConfigError, ConnectFailed, ReadFailed, RigError, SSELimitError
from rig_sync.transport.aws import AwsEvents, AwsKeys, SigV4, configured_region
from rig_sync.transport.head import HttpRequest
from tests import strategies
from tests.conftest import ServerFactory
from tests.server import Request, Script, response
from tests.wire.aws_frames import aws_error, aws_event, aws_exception, aws_frame

BODY = (
    aws_event("messageStart", {"role": "assistant"})
    + aws_event("contentBlockDelta", {"delta": {"text": "caf\u00e9 \U0001f980"}})
    + aws_exception("throttlingException", {"message": "slow down"})
    + aws_error("InternalFailure", "no idea")
)
FRAMES = [
    ("messageStart", '{"role":"assistant"}'),
    ("contentBlockDelta", '{"delta":{"text":"caf\u00e9 \U0001f980"}}'),
    ("throttlingException", '{"message":"slow down"}'),
    ("error", '{"code":"InternalFailure","message":"no idea"}'),
]


def read(*chunks: bytes) -> list[tuple[str, str]]:
    return [(frame.event, frame.data) for frame in AwsEvents(chunks)]


# frames ------------------------------------------------------------------------------------------


def test_frames() -> None:
    """Events, exceptions and errors by their names; payloads as text."""
    assert read(BODY) == FRAMES
    assert read() == read(b"") == []


def test_every_cut_in_two() -> None:
    """At every place in the bytes, and byte by byte."""
    for at in range(len(BODY)):
        assert read(BODY[:at], b"", BODY[at:]) == FRAMES
    assert read(*(bytes([byte]) for byte in BODY)) == FRAMES


@settings(max_examples=50, deadline=None)
@given(strategies.cuts(BODY))
def test_many_cuts(chunks: list[bytes]) -> None:
    """In several places at once."""
    assert read(*chunks) == FRAMES


def test_prompt() -> None:
    """A frame is handed on as soon as it is whole; the next piece is asked for afterwards."""
    asked: list[int] = []
    pieces = [aws_event("a", {}) + aws_event("b", {}), aws_event("c", {})]

    def chunks() -> Iterator[bytes]:
        for number, piece in enumerate(pieces):
            asked.append(number)
            yield piece

    events = iter(AwsEvents(chunks()))
    assert [next(events).event, asked[:]] == ["a", [0]]
    assert [next(events).event, asked[:]] == ["b", [0]]
    assert [next(events).event, asked[:]] == ["c", [0, 1]]


def test_a_frame_that_breaks_off() -> None:
    """It is left out, wherever that is; it is nothing stray either."""
    first = len(aws_event("messageStart", {"role": "assistant"}))
    for end in range(first, len(BODY)):
        source = AwsEvents([BODY[:end]])
        told = [(frame.event, frame.data) for frame in source]
        assert told == FRAMES[: len(told)]
        assert (len(told) < len(FRAMES), source.stray, source.incomplete) == (True, b"", False)


@pytest.mark.parametrize(
    "body", [b'{"message": "no such model"}', b"<html>" + b" " * 5000, b"{}", b"\0" * 12]
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_no_event_stream(body: bytes, size: int) -> None:
    """Its beginning is kept for the error, and no frame comes of it."""
    source = AwsEvents(body[at : at + size] for at in range(0, len(body), size))
    assert list(source) == []
    assert source.stray == body[:4096]


def damaged(at: int) -> bytes:
    """Two frames, the second with one byte changed."""
    frame = bytearray(aws_event("b", {}))
    frame[at] ^= 1
    return aws_event("a", {}) + bytes(frame)


@pytest.mark.parametrize("at", [0, 5, 9, 14, -5, -1])
def test_checksums(at: int) -> None:
    """Nothing can be trusted behind a wrong one: the frames before it come, then the error."""
    events = iter(AwsEvents([damaged(at)]))
    assert next(events).event == "a"
    with pytest.raises(ReadFailed, match="damaged"):
        next(events)


def framed(fields: bytes, size_of_headers: int | None = None) -> bytes:
    size = len(fields) if size_of_headers is None else size_of_headers
    prelude = struct.pack(">II", 16 + len(fields), size)
    whole = prelude + struct.pack(">I", zlib.crc32(prelude)) + fields
    return whole + struct.pack(">I", zlib.crc32(whole))


@pytest.mark.parametrize(
    "frame",
    [
        framed(b"\x01a\x63"),  # a header of a type that there is not
        framed(b"\x01a\x07\x00\x02\xff\xfe"),  # one that is no UTF-8
        framed(b"\x01a\x07\x00"),  # one that breaks off
        framed(b"\x01a\x00\x01a\x00"),  # the same one twice
        framed(b"", 400),  # headers that are longer than the frame
    ],
)
def test_headers_that_cannot_be(frame: bytes) -> None:
    """A typed error, as for wrong checksums."""
    with pytest.raises(ReadFailed, match="damaged"):
        list(AwsEvents([frame]))


def test_nameless_frames() -> None:
    """A frame without the headers it should have is still handed on."""
    assert read(aws_frame({}, b"x")) == [("", "x")]
    assert read(aws_frame({":message-type": "exception"})) == [("Exception", "")]
    code = '{"code":"UnknownError","message":"UnknownError"}'
    assert read(aws_frame({":message-type": "error"})) == [("error", code)]


def test_limit() -> None:
    """A frame that says it is larger is refused before it is read."""
    frame = aws_event("a", {"x": "y" * 100})
    assert [one.event for one in AwsEvents([frame], max_frame_bytes=len(frame))] == ["a"]
    with pytest.raises(SSELimitError, match="event_bytes=50"):
        list(AwsEvents([frame[:12]], max_frame_bytes=50))


def test_large_frames_and_many_small_ones() -> None:
    """Work is linear: neither takes minutes."""
    large = aws_event("a", {"x": "y" * 2_000_000})
    assert len(read(*(large[at : at + 128] for at in range(0, len(large), 128)))) == 1
    assert len(read(aws_event("b", {}) * 20_000)) == 20_000


def test_without_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named, and how to get it."""
    monkeypatch.setitem(sys.modules, "botocore.eventstream", None)
    with pytest.raises(ConfigError, match=r'pip install "rig_sync\[bedrock\]"'):
        list(AwsEvents([BODY]))
    with pytest.raises(ConfigError, match="rig_sync"):
        SigV4("us-east-1", "bedrock", keys=KEYS)(REQUEST)


# signatures --------------------------------------------------------------------------------------

KEYS = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI", "session/token+of=mine")
URL = "https://bedrock-runtime.us-east-1.amazonaws.com/model/a.b-v1%3A0/converse"
REQUEST = HttpRequest(URL, {"Content-Type": "application/json", "Accept": "*/*"}, b"{}")


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing of the developer's account reaches a test; the folder for files of one."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


class _Nothing:
    """The body of an answer that nobody reads."""

    def stream(self) -> Iterator[bytes]:
        yield b"{}"


@pytest.mark.parametrize(
    "model",
    ["amazon.nova-lite-v1:0", "arn:aws:bedrock:us-east-1:012345678901:inference-profile/us.a-v1:0"],
)
@pytest.mark.parametrize("token", [None, "session/token+of=mine"])
def test_the_signature_is_that_of_botocore(model: str, token: str | None) -> None:
    """For the same request, key and time, also with colons and slashes in the model's id."""
    sent: list[AWSPreparedRequest] = []

    def catch(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        sent.append(request)
        return AWSResponse(URL, 200, {"content-type": "application/json"}, _Nothing())

    session = Session()
    session.set_credentials(KEYS.access_key, KEYS.secret_key, token)
    client = session.create_client("bedrock-runtime", region_name="us-east-1")
    client.meta.events.register("before-send.bedrock-runtime.*", catch)
    client.converse(modelId=model, messages=[{"role": "user", "content": [{"text": "Hi"}]}])
    client.close()
    theirs = sent[0]
    headers = {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in theirs.headers.items()
    }
    then = datetime.strptime(headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    keys = AwsKeys(KEYS.access_key, KEYS.secret_key, token)
    sign = SigV4("us-east-1", "bedrock", keys=keys, now=lambda: then)
    request = HttpRequest(
        theirs.url, {"Content-Type": headers["Content-Type"], "User-Agent": "x"}, theirs.body
    )
    proof = sign(request)
    assert "%3A" in theirs.url
    assert proof == {name: headers[name] for name in proof}
    assert ("X-Amz-Security-Token" in proof) == (token is not None)


def test_what_is_signed() -> None:
    """URL, body, content type and `x-amz-…`; not what a proxy may change."""
    sign = SigV4("us-east-1", "bedrock", keys=KEYS, now=lambda: datetime(2026, 1, 2, 3, 4, 5))

    def proof(url: str = URL, body: bytes = b"{}", header: str = "Accept", value: str = "") -> str:
        sent = {"Content-Type": "application/json", header: value}
        return sign(HttpRequest(url, sent, body))["Authorization"]

    plain = proof()
    assert "Credential=AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request" in plain
    assert proof(value="x") == plain
    others = [
        proof(url=URL + "-stream"),
        proof(body=b"[]"),
        proof(header="Content-Type", value="text/json"),
    ]
    others += [proof(header="X-Amz-Thing", value="x"), proof(url=URL.replace("%3A", "%3B"))]
    assert len({plain, *others}) == 6


def test_secrets_stay_secret(caplog: pytest.LogCaptureFixture) -> None:
    """Neither in a `repr` nor in a debug log."""
    caplog.set_level(logging.DEBUG)
    sign = SigV4("us-east-1", "bedrock", keys=KEYS)
    sign(REQUEST)
    told = f"{sign!r} {KEYS!r} {caplog.text}"
    assert "wJalrXUtnFEMI" not in told
    assert "session/token" not in told
    assert repr(sign) == "SigV4('us-east-1', 'bedrock')"


def test_keys_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by botocore, at the first request."""
    sign = SigV4("eu-west-1", "bedrock")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOUTSIDE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert "Credential=AKIDOUTSIDE/" in sign(REQUEST)["Authorization"]
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "Credential=AKIDOUTSIDE/" in sign(REQUEST)["Authorization"]


def test_a_profile(no_aws: Path) -> None:
    """Its keys, and its region."""
    (no_aws / "credentials").write_text(
        "[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = secret\n"
    )
    (no_aws / "config").write_text("[profile work]\nregion = eu-north-1\n")
    proof = SigV4("eu-north-1", "bedrock", profile="work")(REQUEST)
    assert "Credential=AKIDWORK/" in proof["Authorization"]
    assert configured_region("work") == "eu-north-1"
    assert configured_region() is None


def handed_out(expires_in: float) -> Callable[[Request], Script]:
    """A server of keys that expire so many seconds from now; each is another one."""
    numbers = itertools.count()

    def give(_: Request) -> Script:
        end = datetime.now(timezone.utc) + timedelta(seconds=expires_in)
        fields = {
            "AccessKeyId": f"AKID{next(numbers)}",
            "SecretAccessKey": "secret",
            "Token": "token",
            "Expiration": end.isoformat(),
        }
        return response(headers={"Connection": "close"}, body=json.dumps(fields).encode())

    return give


def test_keys_that_expire(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are renewed in time, and each request is signed with those of its time."""
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server(handed_out(300)).url)
    sign = SigV4("us-east-1", "bedrock")
    first, second = sign(REQUEST), sign(REQUEST)
    assert first["X-Amz-Security-Token"] == "token"
    assert first["Authorization"].split("/")[0] != second["Authorization"].split("/")[0]


def test_keys_that_have_expired(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gives out such is told of."""
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server(handed_out(-300)).url)
    with pytest.raises(ConfigError, match="cannot be used: Credentials were refreshed"):
        SigV4("us-east-1", "bedrock")(REQUEST)


PROFILES = """
[profile broken]
credential_process = false
[profile remote]
role_arn = arn:aws:iam::012345678901:role/any
source_profile = here
[profile here]
aws_access_key_id = AKIDHERE
aws_secret_access_key = secret
"""


@pytest.mark.parametrize(
    ("profile", "error", "says"),
    [
        (None, ConfigError, "there are no AWS credentials: give Client"),
        ("nobody", ConfigError, "nobody"),
        ("broken", ConfigError, "custom-process"),
        ("remote", ConnectFailed, "AWS credentials cannot be fetched"),
    ],
)
def test_no_keys(
    profile: str | None,
    error: type[RigError],
    says: str,
    no_aws: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What to set, or what is wrong."""
    (no_aws / "config").write_text(PROFILES)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(error, match=says):
        SigV4("us-east-1", "bedrock", profile=profile)(REQUEST)


def test_two_threads_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both get a signature."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOUTSIDE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    sign = SigV4("us-east-1", "bedrock")
    proofs: list[dict[str, str]] = []
    threads = [
        threading.Thread(target=lambda: proofs.append(sign(REQUEST)))  # noqa: TID251
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(proofs) == 4
