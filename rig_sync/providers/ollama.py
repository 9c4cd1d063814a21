"""Ollama: models on one's own machine, or behind https://ollama.com with a key.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md, and its `envconfig` for OLLAMA_HOST
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rig_sync.catalog import Capabilities
from rig_sync.client import Client as BaseClient
from rig_sync.client import ClientOptions, env
from rig_sync.wire.embeddings import OllamaEmbeddings
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.ollama_chat import OllamaChat

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["ALL_MINILM", "LLAMA3_2", "LLAVA", "MISTRAL", "NOMIC_EMBED_TEXT", "Client"]

LLAMA3_2 = "llama3.2"
LLAVA = "llava"
MISTRAL = "mistral"
ALL_MINILM = "all-minilm"
NOMIC_EMBED_TEXT = "nomic-embed-text"

_PORTS = {"http": 80, "https": 443}
_HERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}


class Client(BaseClient):
    """Ollama's own API, by default at http://localhost:11434; a key only if there is one."""

    name = "ollama"
    default_base_url = "http://localhost:11434"
    api_key_env = "OLLAMA_API_KEY"
    base_url_env = "OLLAMA_API_BASE_URL"
    key_required = False
    capabilities = Capabilities(
        tool_choice=False,
        audio=False,
        video=False,
        documents=False,
        native_output_with_tools=False,
    )
    embeddings = OllamaEmbeddings()
    listing = ModelListing(route="/api/tags", ids=("model", "name"))
    wire = OllamaChat()

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Client:
        """A client from `OLLAMA_API_BASE_URL` or `OLLAMA_HOST`, and `OLLAMA_API_KEY`, each if set.

        `OLLAMA_HOST` is what Ollama itself reads: the scheme and the port may be left out.
        """
        found = cls._with_env(options)
        host = env("OLLAMA_HOST")
        if found["base_url"] is None and host is not None:
            found["base_url"] = _url_of(host)
        return cls(cls._key_from_env(), **found)


def _url_of(host: str) -> str:
    """The address that Ollama takes `host` for.

    An address to listen on everywhere is this machine's, for one who asks.

    >>> _url_of("0.0.0.0"), _url_of("https://example.com"), _url_of(":8080")
    ('http://127.0.0.1:11434', 'https://example.com:443', 'http://127.0.0.1:8080')
    """
    with_scheme = "://" in host
    parts = urlsplit(host if with_scheme else f"http://{host}")
    address = parts.netloc.rpartition("@")[2]
    name, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        name, port = address, ""
    default = _PORTS.get(parts.scheme, 11434) if with_scheme else 11434
    return f"{parts.scheme}://{_HERE.get(name, name)}:{port or default}{parts.path.rstrip('/')}"
