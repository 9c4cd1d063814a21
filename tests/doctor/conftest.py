"""An endpoint to examine, and its report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import pytest

from rig_sync.doctor import Finding, Report, examine
from rig_sync.providers.openai_compatible import Client
from tests.conftest import ServerFactory
from tests.doctor.endpoint import KEY, Part, answering

TIMEOUT = 20.0


class Examined(Protocol):
    """Examines an endpoint that keeps every promise but some."""

    def __call__(
        self, changes: Mapping[str, Part] | None = None, *checks: str, key: str | None = KEY
    ) -> Report:
        """The report."""


class Found(Protocol):
    """What one check finds at an endpoint that keeps every promise but some."""

    def __call__(self, check: str, changes: Mapping[str, Part], *, timeout: float = ...) -> Finding:
        """The finding."""


@pytest.fixture
def examined(server: ServerFactory) -> Iterator[Examined]:
    """A factory of reports."""
    clients: list[Client] = []

    def make(
        changes: Mapping[str, Part] | None = None, *checks: str, key: str | None = KEY
    ) -> Report:
        client = Client(key, base_url=server(answering(changes)).url + "/v1")
        clients.append(client)
        return examine(client, timeout=TIMEOUT, checks=checks or None)

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def found(server: ServerFactory) -> Iterator[Found]:
    """A factory of findings."""
    clients: list[Client] = []

    def make(check: str, changes: Mapping[str, Part], *, timeout: float = TIMEOUT) -> Finding:
        client = Client(KEY, base_url=server(answering(changes)).url + "/v1")
        clients.append(client)
        return examine(client, timeout=timeout, checks=[check]).finding(check)

    yield make
    for client in clients:
        client.close()
