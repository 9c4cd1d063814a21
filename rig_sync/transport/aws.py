"""AWS: binary event streams, and requests signed with SigV4. The one place that imports botocore.

botocore parses the frames, but it copies what is left of a body for each of them. So it is given
one whole frame at a time: `_whole_frames` finds their ends by the length that each begins with.

Source: https://smithy.io/2.0/aws/amazon-eventstream.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from types import ModuleType
from typing import Protocol

from msgspec import Struct

from rig_sync._json import compact
from rig_sync._secrets import Sealed
from rig_sync.errors import ConfigError, ConnectFailed, ReadFailed
from rig_sync.limits import event_too_large
from rig_sync.transport.head import HttpRequest
from rig_sync.transport.sse import DEFAULT_MAX_EVENT_BYTES

__all__ = ["AwsEvents", "AwsFrame", "AwsKeys", "SigV4", "configured_region"]

INSTALL = 'install it with: pip install "rig_sync[bedrock]"'

_PRELUDE = struct.Struct(">III")  # bytes of the frame, bytes of its headers, checksum of the two
_OVERHEAD = _PRELUDE.size + 4
_STRAY_BYTES = 4096


class AwsFrame(Struct):
    """One frame: what it is, and its payload as text."""

    event: str
    data: str


class AwsEvents:
    r"""The frames of one response body, each handed on as soon as its last byte was read.

    Iterate once. Work and memory are linear in the bytes, however they are cut; what is buffered
    is one frame. A frame that the body breaks off in is left out.

    An exception is named by its type, as `throttlingException`. An error that the service has no
    model of is named `error`; its data is JSON with `code` and `message`.

    Args:
        chunks: The body in any pieces. Pulled one at a time, the next one only when every frame
            of those before has been handed on.
        max_frame_bytes: The longest frame that is accepted.

    Attributes:
        stray: The first 4 KiB of a body that is no event stream at all.
        incomplete: Always False.

    Raises:
        ConfigError: While iterating: botocore is not installed.
        ReadFailed: While iterating: a checksum is wrong; nothing after it can be trusted.
        SSELimitError: While iterating: `max_frame_bytes` is exceeded.
    """

    def __init__(
        self, chunks: Iterable[bytes], *, max_frame_bytes: int = DEFAULT_MAX_EVENT_BYTES
    ) -> None:
        self.stray = b""
        self.incomplete = False
        self._chunks = iter(chunks)
        self._limit = max_frame_bytes
        self._begun = False

    def __iter__(self) -> Iterator[AwsFrame]:
        """The frames; what reading the body raises passes through."""
        parse = _parser()
        for frame in self._whole_frames():
            yield parse(frame)

    def _whole_frames(self) -> Iterator[bytes]:
        buffer = bytearray()
        size: int | None = None
        for chunk in self._chunks:
            buffer += chunk
            at = 0
            while len(buffer) - at >= _PRELUDE.size:
                size = size or self._size(bytes(buffer[at : at + _PRELUDE.size]))
                if size is None:
                    self._keep_stray(buffer)
                    return
                if len(buffer) - at < size:
                    break
                self._begun = True
                yield bytes(buffer[at : at + size])
                at += size
                size = None
            del buffer[:at]
        if not self._begun and size is None:
            self._keep_stray(buffer)

    def _size(self, prelude: bytes) -> int | None:
        """The bytes of the frame that begins so; None when this is no event stream."""
        total, headers, checksum = _PRELUDE.unpack(prelude)
        if zlib.crc32(prelude[:8]) != checksum:
            if self._begun:
                raise _damaged("the checksum of a frame's length is wrong")
            return None
        if total > self._limit:
            raise event_too_large(
                f"a frame of the event stream has {total} bytes, more", self._limit
            )
        if total < _OVERHEAD + headers:
            raise _damaged("a frame is shorter than its headers")
        return int(total)

    def _keep_stray(self, start: bytearray) -> None:
        while len(start) < _STRAY_BYTES and (chunk := next(self._chunks, None)) is not None:
            start += chunk
        self.stray = bytes(start[:_STRAY_BYTES])


def _damaged(why: str) -> ReadFailed:
    return ReadFailed(f"the event stream is damaged: {why}. Try again")


def _parser() -> Callable[[bytes], AwsFrame]:
    """What makes a frame of the bytes of one, by botocore."""
    eventstream = _botocore().eventstream
    buffer = eventstream.EventStreamBuffer()
    broken = (eventstream.ParserError, struct.error, LookupError, UnicodeError)

    def parse(frame: bytes) -> AwsFrame:
        buffer.add_data(frame)
        try:
            message = next(buffer)
        except broken as error:
            raise _damaged(str(error)) from error
        return _frame(message.headers, message.payload.decode("utf-8", "replace"))

    return parse


def _frame(headers: Mapping[str, object], text: str) -> AwsFrame:
    kind = headers.get(":message-type")
    if kind == "error":
        code = str(headers.get(":error-code", "UnknownError"))
        message = str(headers.get(":error-message") or text or code)
        return AwsFrame("error", compact({"code": code, "message": message}))
    if kind == "exception":
        return AwsFrame(str(headers.get(":exception-type", "Exception")), text)
    return AwsFrame(str(headers.get(":event-type", "")), text)


# signatures ------------------------------------------------------------------------------------


class AwsKeys(Sealed, Struct, frozen=True):
    """What an AWS account is known by; `session_token` comes with keys that expire."""

    access_key: str
    secret_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return f"AwsKeys({self.access_key[:4]}...)"


class SigV4(Sealed):
    """Signs requests to one service of AWS: give it to `Endpoint` as `authorize`.

    Signed are the URL, the body, the host, the content type and what is called `x-amz-…`: all that
    no proxy on the way may change.

    Args:
        region: As `us-east-1`.
        service: As AWS calls it in signatures.
        keys: None: botocore finds them where all AWS tools look (environment, `~/.aws`, single
            sign-on, the machine's role), at the first request, and renews them when they expire.
        profile: Of `~/.aws/config`, if no `keys` are given.
        now: Tells the time, in UTC.

    Threads: may be shared; two that make the first request at once both look for the keys.
    """

    def __init__(
        self,
        region: str,
        service: str,
        *,
        keys: AwsKeys | None = None,
        profile: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._region = region
        self._service = service
        self._profile = profile
        self._now = now
        self._keys = keys
        self._found: _Credentials | None = None

    def __repr__(self) -> str:
        return f"SigV4({self._region!r}, {self._service!r})"

    def __call__(self, request: HttpRequest) -> dict[str, str]:
        """The headers that prove the request to be ours; may block while keys are looked for.

        Raises:
            ConfigError: there are no keys, or they cannot be renewed; botocore is not installed.
            ConnectFailed: whoever gives out the keys cannot be reached.
        """
        library = _botocore()
        keys = self._keys or self._current()
        stamp = self._now().strftime("%Y%m%dT%H%M%SZ")
        proof = {"X-Amz-Date": stamp}
        if keys.session_token:
            proof["X-Amz-Security-Token"] = keys.session_token
        signed = {k: v for k, v in request.headers.items() if _is_signed(k)}
        copy = library.awsrequest.AWSRequest(
            request.method, request.url, {**signed, **proof}, data=request.body
        )
        copy.context["timestamp"] = stamp
        signer = library.auth.SigV4Auth(keys, self._service, self._region)
        # step by step, for `add_auth` writes the session token to the debug log
        text = signer.string_to_sign(copy, signer.canonical_request(copy))
        names = signer.signed_headers(signer.headers_to_sign(copy))
        proof["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={signer.scope(copy)}, SignedHeaders={names}, "
            f"Signature={signer.signature(text, copy)}"
        )
        return proof

    def _current(self) -> AwsKeys:
        """The keys of now, out of botocore's chain."""
        with _translated():
            if self._found is None:
                session = _session(self._profile)
                session.set_config_variable("region", self._region)  # roles are asked for there
                self._found = session.get_credentials()
            if self._found is None:
                raise ConfigError(
                    "there are no AWS credentials: give Client(access_key=..., secret_key=...) or "
                    "api_key=..., set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run "
                    "`aws configure`"
                )
            frozen = self._found.get_frozen_credentials()
        return AwsKeys(frozen.access_key, frozen.secret_key, frozen.token)


def configured_region(profile: str | None = None) -> str | None:
    """The region of `~/.aws/config`, or of what botocore knows else; None when nobody says.

    Raises:
        ConfigError: there is no such profile; botocore is not installed.
    """
    with _translated():
        region = _session(profile).get_config_variable("region")
    return region if isinstance(region, str) else None


def _is_signed(name: str) -> bool:
    return name.lower() == "content-type" or name.lower().startswith("x-amz-")


class _Frozen(Protocol):
    """What is needed of `botocore.credentials.ReadOnlyCredentials`."""

    access_key: str
    secret_key: str
    token: str | None


class _Credentials(Protocol):
    """What is needed of `botocore.credentials.Credentials`."""

    def get_frozen_credentials(self) -> _Frozen:
        """Those that are good now; renews them first if they expire."""


class _Session(Protocol):
    """What is needed of `botocore.session.Session`."""

    def get_credentials(self) -> _Credentials | None:
        """Out of the default chain."""

    def set_config_variable(self, name: str, value: str) -> None:
        """Over what the environment and the files say."""

    def get_config_variable(self, name: str) -> object:
        """Out of the environment, or the configuration files."""


def _session(profile: str | None) -> _Session:
    found: _Session = _botocore().session.Session(profile=profile)
    return found


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Ours for what botocore raises while it looks for keys."""
    exceptions = _botocore().exceptions
    try:
        yield
    except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
        raise ConnectFailed(f"the AWS credentials cannot be fetched: {error}") from error
    except (exceptions.BotoCoreError, exceptions.ClientError, RuntimeError) as error:
        raise ConfigError(f"the AWS credentials cannot be used: {error}") from error


def _botocore() -> ModuleType:
    try:
        import botocore.auth  # noqa: PLC0415 - an extra, and slow to import
        import botocore.eventstream  # noqa: PLC0415
        import botocore.session  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(f"AWS needs botocore: {INSTALL} ({error})") from error
    library: ModuleType = botocore
    return library
