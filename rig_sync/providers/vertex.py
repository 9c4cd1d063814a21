"""Gemini on Google Cloud's Vertex AI.

Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar, Protocol
from urllib.parse import quote

from msgspec import structs

from rig_sync.catalog import Capabilities, model_version
from rig_sync.client import ApiKey, ClientOptions, env
from rig_sync.client import Client as BaseClient
from rig_sync.errors import ConfigError
from rig_sync.streaming.threads import Mutex
from rig_sync.transport.address import host_part
from rig_sync.wire.base import Wire
from rig_sync.wire.gemini_generate import GeminiGenerate

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["GEMINI_2_5_FLASH", "GEMINI_2_5_PRO", "GEMINI_3_FLASH_PREVIEW", "Client"]

GEMINI_3_FLASH_PREVIEW = "gemini-3-flash-preview"
GEMINI_2_5_PRO = "gemini-2.5-pro"
GEMINI_2_5_FLASH = "gemini-2.5-flash"

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
NO_TOKEN = (
    "vertex needs an access token: set VERTEX_ACCESS_TOKEN, give Client(token=...), a text or a "
    'function, or install the library that finds credentials: pip install "google-auth[requests]"'
)


class Client(BaseClient):
    """Vertex AI, in one project and location.

    Models are named as `gemini-2.5-flash`; others with what stands before them, as
    `publishers/meta/models/x` or `endpoints/x`.

    Args:
        project: The id of the Google Cloud project.
        location: As `europe-west4`; `global` is wherever there is room.
        token: An access token, or a function that is asked for one at each try. None: Google's
            application default credentials, by the `google-auth` library.
        options: See `ClientOptions`.

    Raises:
        ConfigError: no project; no token, and no `google-auth` to get one.
    """

    name: ClassVar[str] = "vertex"
    base_url_env: ClassVar[str | None] = "GOOGLE_VERTEX_BASE_URL"
    capabilities: ClassVar[Capabilities] = Capabilities()
    wire: Wire = GeminiGenerate(collection="publishers/google/models")

    def __init__(
        self,
        project: str,
        location: str = "global",
        token: ApiKey | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        if not project or not location:
            raise ConfigError(
                "vertex needs a project and a location: give Client(project, location), "
                "or set GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION and use Client.from_env()"
            )
        options["base_url"] = options.get("base_url") or _host(location)
        super().__init__(token or _default_credentials(), **options)
        place = f"/v1/projects/{quote(project, safe='')}/locations/{quote(location, safe='')}"
        self.wire = GeminiGenerate(
            route=f"{place}/{{model}}:{{method}}", collection="publishers/google/models"
        )

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Client:
        """A client from `GOOGLE_CLOUD_PROJECT`, `GOOGLE_CLOUD_LOCATION`, `VERTEX_ACCESS_TOKEN`.

        Without a location it is `global`; without a token Google's application default credentials
        are used. `GOOGLE_VERTEX_BASE_URL` may name another address.

        Raises:
            ConfigError: no project; no token, and no `google-auth` to get one.
        """
        project = env("GOOGLE_CLOUD_PROJECT")
        if project is None:
            raise ConfigError("set GOOGLE_CLOUD_PROJECT, or use vertex.Client(project, location)")
        location = env("GOOGLE_CLOUD_LOCATION") or "global"
        return cls(project, location, env("VERTEX_ACCESS_TOKEN"), **cls._with_env(options))

    @classmethod
    def capabilities_of(cls, model: str) -> Capabilities:
        """Before Gemini 3 a schema and tools together are refused."""
        third = model_version(model, "gemini-") >= (3,)
        return structs.replace(cls.capabilities, native_output_with_tools=third)


class _Credentials(Protocol):
    """What is needed of `google.auth`'s."""

    token: str
    valid: bool

    def refresh(self, request: object) -> None:
        """Get a new token."""


def _host(location: str) -> str:
    if location == "global":
        return "https://aiplatform.googleapis.com"
    if location in ("eu", "us"):
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{host_part(location, 'location')}-aiplatform.googleapis.com"


def _default_credentials() -> Callable[[], str]:
    """A function that gives the token of the application default credentials, fresh when asked.

    Raises:
        ConfigError: `google-auth` is not installed. From the function: there are no credentials.
    """
    try:
        import google.auth  # noqa: PLC0415 - only those who have no token need it
        import google.auth.transport.requests  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(NO_TOKEN) from error
    auth: ModuleType = google.auth
    transport: ModuleType = google.auth.transport.requests
    lock = Mutex()
    found: list[_Credentials] = []

    def token() -> str:
        with lock:
            try:
                if not found:
                    found.append(auth.default(scopes=[SCOPE])[0])
                if not found[0].valid:
                    found[0].refresh(transport.Request())
            except auth.exceptions.GoogleAuthError as error:
                why = error.args[0] if error.args else error  # the rest may have tokens in it
                raise ConfigError(f"no Google credentials can be used: {why}") from None
            return found[0].token

    return token
