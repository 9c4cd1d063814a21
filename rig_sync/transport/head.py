"""What comes ahead of a body: the status, and what the headers tell."""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from datetime import datetime, timezone

__all__ = ["ReplyHead"]


class ReplyHead:
    """Status and headers of an answer; `headers` takes names in any case."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        self.status = status
        self.headers = headers

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

    def retry_after(self, now: datetime | None = None) -> float | None:
        """Seconds the server asks us to wait, by `retry-after-ms` or `Retry-After`."""
        millis = self.headers.get("retry-after-ms", "")
        if millis.replace(".", "", 1).isdigit():
            return float(millis) / 1000
        value = self.headers.get("Retry-After", "").strip()
        if value.replace(".", "", 1).isdigit():
            return float(value)
        try:
            then = email.utils.parsedate_to_datetime(value)
        except (TypeError, ValueError):
            return None
        if then.tzinfo is None:
            then = then.replace(tzinfo=timezone.utc)
        return max(0.0, (then - (now or datetime.now(timezone.utc))).total_seconds())
