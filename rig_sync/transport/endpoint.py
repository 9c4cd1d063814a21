"""Where a provider is and how it knows us: all that a model needs to send requests there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from rig_sync._secrets import HeaderFields, Sealed, Secrets
from rig_sync.errors import ConfigError, ProviderError, ResponseDecodeError, RigError
from rig_sync.transport.address import Place, check_base_url, warn_if_insecure
from rig_sync.transport.causes import system_error
from rig_sync.transport.head import HttpRequest
from rig_sync.transport.http import Http, Reply

__all__ = ["Authorize", "Endpoint"]

Authorize: TypeAlias = Callable[[HttpRequest], Mapping[str, str]]
"""The headers that prove a request to be ours, made anew for each try; may block."""

_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_CLIMBING = re.compile(r"/\.\.?(/|\?|$)")
_VALUE = re.compile(r"(?![ \t])[\t\x20-\x7e\x80-\xff]*(?<![ \t])")


class Endpoint(Sealed):
    """One provider at one address with one key.

    Args:
        provider: Named in every error.
        base_url: What every path is appended to; asked for at each request when it is a function.
        headers: Sent with every request, over ours.
        secrets: Never to be seen in a message.
        idempotency_header: Carries a value that is the same for all tries of one call.
        authorize: Asked for further headers at each try: signatures, and tokens that expire.
        http: The connections; shared by the models of one client.

    Raises:
        ConfigError: the address is none, or a header cannot be sent. From `request`: likewise, for
            what a function gave.

    Warns:
        InsecureUrlWarning: the address is of another machine, and without TLS. Once, for the line
            that made the client.
    """

    def __init__(
        self,
        provider: str,
        base_url: str | Callable[[], str],
        *,
        headers: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        idempotency_header: str | None = None,
        authorize: Authorize | None = None,
        http: Http | None = None,
    ) -> None:
        self.provider = provider
        self._base_url: str | Callable[[], str] = ""  # shown, should one of these lines fail
        self.idempotency_header = idempotency_header
        self.http = Http() if http is None else http
        self._headers = _checked_headers(headers or {})
        self._secrets = Secrets(secrets, self._headers)
        self._authorize = authorize
        self._warned = False
        self._maker = Place.of_caller()
        self._base_url = base_url if callable(base_url) else self._checked(base_url)

    def __repr__(self) -> str:
        where = self._base_url if isinstance(self._base_url, str) else "on first use"
        return f"Endpoint({self.provider!r}, {where!r})"

    @property
    def base_url(self) -> str:
        """Where the provider is."""
        return self._checked(self._base_url()) if callable(self._base_url) else self._base_url

    def request(
        self,
        path: str,
        body: bytes | None,
        *,
        accept: str = "application/json",
        more: Mapping[str, str] | None = None,
    ) -> HttpRequest:
        """A request to `path`: a POST of that JSON, a GET without any; `more` are headers."""
        headers = HeaderFields({"Accept": accept, "User-Agent": "rig_sync"})
        headers["Accept-Encoding"] = "identity"  # a compressor there would hold events back
        if body is not None:
            headers["Content-Type"] = "application/json"
        headers.update(more or {})
        headers.update(self._headers)
        method = "GET" if body is None else "POST"
        if _CLIMBING.search(path):
            raise ConfigError(f"{path!r} leads to another route: look at the model's name")
        request = HttpRequest(self.base_url + path, headers, body, method)
        if self._authorize is not None:
            proof = _checked_headers(self._authorize(request))
            self._secrets.learn(proof)
            headers.update(proof)
        return request

    def redact(self, text: str) -> str:
        """`text` without our keys in it, nor the passwords of proxies."""
        return self._secrets.redact(text, self.http.secrets)

    def clean(self, error: RigError) -> None:
        """Name the provider in `error`, and leave no key in it nor in what it came of."""
        said, name = str(error), f"{self.provider}: "
        error.args = (self.redact(said if said.startswith(name) else name + said),)
        cause = system_error(error)
        silent = cause is None or self.redact(str(cause)) != str(cause)
        error.__cause__ = error.__context__ = None if silent else cause

    def stamp(self, error: ProviderError, reply: Reply | None = None) -> ProviderError:
        """`error` with what is known of where it came from, and without keys."""
        error.provider = error.provider or self.provider
        error.args = (self.redact(error.message), *error.args[1:])
        error.body = self.redact(error.body)
        if reply is not None:
            error.request_id = error.request_id or reply.request_id
            error.code = error.code or reply.error_code
            if error.should_retry is None:
                error.should_retry = reply.should_retry
            if error.retry_after is None:
                error.retry_after = reply.retry_after()
            if isinstance(error, ResponseDecodeError):
                error.status = error.status or reply.status
        for name in ("code", "request_id"):
            said = getattr(error, name)
            setattr(error, name, said and self.redact(said))
        error.__cause__ = error.__context__ = None  # where a body could not be read, it is in there
        return error

    def _checked(self, url: str) -> str:
        """`url`, if it can be one; warns of one that is not encrypted, once."""
        url = check_base_url(url)
        self._warned = self._warned or warn_if_insecure(url, self._maker)
        return url


def _checked_headers(headers: Mapping[str, str]) -> HeaderFields:
    fields: Iterable[tuple[object, object]] = headers.items()
    for name, value in fields:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigError("a header's name cannot be sent: write letters, digits and hyphens")
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise ConfigError(
                f"the header {name} cannot be sent: look in the key and the headers for a line "
                "break, a control character or one beyond Latin-1, and for space around it"
            )
    return HeaderFields(headers)
