"""Where a provider is and how it knows us: all that a model needs to send requests there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import urlsplit

from rig_sync.errors import ConfigError, ProviderError, ResponseDecodeError
from rig_sync.transport.http import Http, HttpRequest, Reply

__all__ = ["Authorize", "Endpoint", "check_base_url"]

Authorize: TypeAlias = Callable[[HttpRequest], Mapping[str, str]]
"""The headers that prove a request to be ours, made anew for each try; may block."""

FRESH_SECRETS = 16


class Endpoint:
    """One provider at one address with one key.

    Args:
        provider: Named in every error.
        base_url: What every path is appended to; asked for at each request when it is a function.
        headers: Sent with every request, over ours.
        secrets: Never to be seen in a message.
        authorize: Asked for further headers at each try: signatures, and tokens that expire.
        http: The connections; shared by the models of one client.
    """

    def __init__(
        self,
        provider: str,
        base_url: str | Callable[[], str],
        *,
        headers: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        authorize: Authorize | None = None,
        http: Http | None = None,
    ) -> None:
        self.provider = provider
        self.http = Http() if http is None else http
        self._base_url = base_url if callable(base_url) else check_base_url(base_url)
        self._headers = dict(headers or {})
        self._secrets = tuple(secret for secret in secrets if secret)
        self._authorize = authorize
        self._fresh: deque[str] = deque(maxlen=FRESH_SECRETS)

    def __repr__(self) -> str:
        where = self._base_url if isinstance(self._base_url, str) else "on first use"
        return f"Endpoint({self.provider!r}, {where!r})"

    @property
    def base_url(self) -> str:
        """Where the provider is."""
        return self._base_url() if callable(self._base_url) else self._base_url

    def request(
        self, path: str, body: bytes | None, *, accept: str = "application/json"
    ) -> HttpRequest:
        """A request to `path`: a POST of that JSON, a GET without any."""
        headers = {
            "Accept": accept,
            "Accept-Encoding": "identity",  # a compressor at the other end would hold events back
            "User-Agent": "rig_sync",
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        headers.update(self._headers)
        method = "GET" if body is None else "POST"
        request = HttpRequest(self.base_url + path, headers, body, method)
        if self._authorize is not None:
            proof = self._authorize(request)
            words = (value.rpartition(" ")[2] for value in proof.values())
            self._fresh.extend(word for word in words if len(word) > 15)  # dates are no secrets
            headers.update(proof)
        return request

    def redact(self, text: str) -> str:
        """`text` without our keys in it."""
        for secret in (*self._secrets, *self._fresh):
            text = text.replace(secret, "[key]")
        return text

    def stamp(self, error: ProviderError, reply: Reply | None = None) -> ProviderError:
        """`error` with what is known of where it came from, and without keys."""
        error.provider = error.provider or self.provider
        error.args = (self.redact(error.message), *error.args[1:])
        error.body = self.redact(error.body)
        if reply is not None:
            error.request_id = error.request_id or reply.request_id
            error.code = error.code or reply.error_code
            if error.retry_after is None:
                error.retry_after = reply.retry_after()
            if isinstance(error, ResponseDecodeError):
                error.status = error.status or reply.status
        return error


def check_base_url(url: str) -> str:
    """`url` without a slash at its end.

    Raises:
        ConfigError: it is no http or https URL.

    >>> check_base_url("http://127.0.0.1:8080/v1/")
    'http://127.0.0.1:8080/v1'
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
        good = good and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or any(char.isspace() for char in url):
        raise ConfigError(
            f"base_url {url!r} is no URL: write it with its scheme, as https://api.openai.com/v1"
        )
    return url.rstrip("/")
