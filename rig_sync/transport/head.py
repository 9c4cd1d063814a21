"""What comes ahead of a body: the request, and status and headers of its answer."""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from datetime import datetime, timezone

from msgspec import Struct

from rig_sync.wire.errors import seconds_in

__all__ = ["HttpRequest", "ReplyHead"]


_TRUTH = {"true": True, "false": False}


class HttpRequest(Struct, frozen=True):
    """One request, ready to go."""

    url: str
    headers: dict[str, str]
    body: bytes | None = None
    method: str = "POST"

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {self.url})"


class ReplyHead:
    """Status and headers of an answer; `headers` takes names in any case."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        self.status = status
        self.headers = headers

    @property
    def head_bytes(self) -> int:
        """What the headers take on the wire, all together."""
        return sum(len(name) + len(value) + 4 for name, value in self.headers.items())

    @property
    def content_type(self) -> str:
        """The media type alone, in small letters; empty when there is none."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def request_id(self) -> str | None:
        """The provider's id of the request, to quote to its support."""
        for name in ("x-request-id", "request-id", "x-amzn-requestid", "cf-ray"):
            if value := self.headers.get(name):
                return value
        return None

    @property
    def error_code(self) -> str | None:
        """The provider's word for what went wrong, where it is not in the body (AWS)."""
        return self.headers.get("x-amzn-errortype", "").partition(":")[0] or None

    @property
    def should_retry(self) -> bool | None:
        """What `x-should-retry` says of the same request, as OpenAI and Anthropic send it."""
        return _TRUTH.get(self.headers.get("x-should-retry", "").strip().lower())

    def retry_after(self, now: datetime | None = None) -> float | None:
        """Seconds the server asks us to wait, by `retry-after-ms` or `Retry-After`."""
        millis = seconds_in(self.headers.get("retry-after-ms", "").strip())
        if millis is not None:
            return millis / 1000
        value = self.headers.get("Retry-After", "").strip()
        if (seconds := seconds_in(value)) is not None:
            return seconds
        try:
            then = email.utils.parsedate_to_datetime(value)
        except (TypeError, ValueError, OverflowError):
            return None
        if then.tzinfo is None:
            then = then.replace(tzinfo=timezone.utc)
        return max(0.0, (then - (now or datetime.now(timezone.utc))).total_seconds())
