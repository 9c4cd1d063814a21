"""One module per provider; each has a `Client`. Siblings never import each other.

The package is walked: a new module here is a new provider everywhere.
"""

from __future__ import annotations

import importlib
import pkgutil

from rig_sync.client import Client
from rig_sync.errors import ConfigError

__all__ = ["client_class", "provider_names"]


def provider_names() -> list[str]:
    """The names of all providers, sorted.

    >>> "openai" in provider_names()
    True
    """
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def client_class(name: str) -> type[Client]:
    """The client of the provider called `name`.

    Raises:
        ConfigError: there is none; the message has those that are.

    >>> client_class("openai").__name__
    'Client'
    """
    names = provider_names()
    if name not in names:
        raise ConfigError(f"there is no provider {name!r}; the providers are: {', '.join(names)}")
    found: type[Client] = importlib.import_module(f"rig_sync.providers.{name}").Client
    return found
