"""GitHub Copilot.

Source: Rig's `providers::copilot`; GitHub documents no API here and may change it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from rig_sync._json import parse_object
from rig_sync._secrets import Sealed
from rig_sync.client import ApiKey, ClientOptions, first_env
from rig_sync.client import Client as BaseClient
from rig_sync.errors import (
    AuthenticationError,
    ConfigError,
    ResponseDecodeError,
    StreamTruncated,
)
from rig_sync.transport.endpoint import Authorize, Endpoint
from rig_sync.transport.head import HttpRequest
from rig_sync.transport.retry import NO_RETRIES
from rig_sync.transport.timeouts import Timeouts
from rig_sync.unary import Caller
from rig_sync.wire.embeddings import OpenAIEmbeddings
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_responses import OpenAIResponses

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["CLAUDE_SONNET_4_6", "GPT_4O", "GPT_5_5", "Client", "GitHubToken"]

CLAUDE_SONNET_4_6 = "claude-sonnet-4.6"
GPT_4O = "gpt-4o"
GPT_5_5 = "gpt-5.5"

EDITOR = {  # the backend answers editors alone
    "Copilot-Integration-Id": "vscode-chat",
    "Editor-Version": "vscode/1.107.0",
    "Editor-Plugin-Version": "copilot-chat/0.35.0",
    "OpenAI-Intent": "conversation-panel",
}
EXPIRY_MARGIN = 60  # seconds


class _Lease(NamedTuple):
    """A key of Copilot, and when it ends."""

    key: str
    until: float

    def __repr__(self) -> str:
        return f"_Lease(until={self.until})"


class GitHubToken(Sealed):
    """Gives Copilot's short-lived keys for a GitHub token, to be a client's `api_key`.

    A key is kept until shortly before it expires. Threads that need a new one at the same moment
    each fetch their own. What fails is tried again with the request that needs the key.

    Args:
        token: Of a GitHub account with Copilot.
        base_url: Of GitHub's API.
    """

    def __init__(self, token: str, base_url: str = "https://api.github.com") -> None:
        headers = {**EDITOR, "Authorization": f"token {token}"}
        github = Endpoint("copilot", base_url, headers=headers, secrets=(token,))
        self._caller = Caller(github, Timeouts(first_event=30), NO_RETRIES)
        self._lease = _Lease("", 0.0)

    def __call__(self) -> str:
        """A key that is valid now.

        Raises:
            RigError: GitHub gave none.
        """
        lease = self._lease
        if time.time() > lease.until - EXPIRY_MARGIN:
            self._lease = lease = self._fetched()
        return lease.key

    def _fetched(self) -> _Lease:
        try:
            answer = self._caller.ask("/copilot_internal/v2/token", None)
        except (ResponseDecodeError, StreamTruncated) as error:
            error.args = ("GitHub's answer with the key cannot be read: try again",)
            vars(error).update(attempts=(), body="")  # they quote it, and so the key
            raise
        finally:
            self._caller.endpoint.http.close()  # the next one is wanted in half an hour
        key, until = answer.get("token"), answer.get("expires_at")
        if not isinstance(key, str) or not isinstance(until, (int, float)):
            raise AuthenticationError("GitHub gave no key for Copilot: is it on this account?")
        return _Lease(key, float(until))


class Client(BaseClient):
    """GitHub Copilot: chat completions by default, `responses_api()` for the Codex models.

    Args:
        api_key: Copilot's own key, or `GitHubToken("ghu_...")`, which fetches them.
        options: See `ClientOptions`.
    """

    name = "copilot"
    default_base_url = "https://api.githubcopilot.com"
    api_key_env = "GITHUB_COPILOT_API_KEY"
    base_url_env = "GITHUB_COPILOT_API_BASE"
    embeddings = OpenAIEmbeddings()
    listing = ModelListing()
    wire = OpenAIChat()

    def __init__(self, api_key: ApiKey | None = None, **options: Unpack[ClientOptions]) -> None:
        options["headers"] = {**EDITOR, **(options.get("headers") or {})}
        super().__init__(api_key, **options)

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Client:
        """A client from `GITHUB_COPILOT_API_KEY`, or from `COPILOT_GITHUB_ACCESS_TOKEN`.

        Raises:
            ConfigError: neither is set.
        """
        key = first_env("GITHUB_COPILOT_API_KEY", "COPILOT_API_KEY")
        token = first_env("COPILOT_GITHUB_ACCESS_TOKEN", "GITHUB_TOKEN")
        if key is None and token is None:
            raise ConfigError(
                "copilot needs a key: set GITHUB_COPILOT_API_KEY, or COPILOT_GITHUB_ACCESS_TOKEN"
            )
        given = key if key is not None else GitHubToken(token or "")
        return cls(given, **cls._with_env(options))

    def responses_api(self) -> Client:
        """The same client on the Responses API; the two share their connections."""
        return self._on(OpenAIResponses())

    def _authorize(self) -> Authorize:
        inherited = super()._authorize()

        def authorize(request: HttpRequest) -> Mapping[str, str]:
            proof = {} if inherited is None else inherited(request)
            return {**_of_body(request.body or b""), **proof}

        return authorize


def _of_body(body: bytes) -> dict[str, str]:
    """What the backend wants to know ahead: who speaks, and whether there is an image."""
    payload = parse_object(body) or {}
    items = payload.get("messages") or payload.get("input")
    last = items[-1] if isinstance(items, list) and items else None
    by_user = not isinstance(last, dict) or last.get("role") == "user"
    headers = {"X-Initiator": "user" if by_user else "agent"}
    if b'"image_url"' in body:
        headers["Copilot-Vision-Request"] = "true"
    return headers
