"""The servers, each started once for all tests, and only when a test asks for it."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rig_sync._json import JsonObject
from rig_sync.modelfile import SMOLLM2, find
from rig_sync.providers import local
from tests.servers.process import Server, serving

HERE = Path(__file__).parent


def installed(variable: str, name: str) -> str:
    """The server's program; without one the test is skipped."""
    program = os.environ.get(variable)
    if not program:
        pytest.skip(f"no {name}: set {variable} to its program, as .ci/run does")
    return program


class Llmock:
    """llmock, and what it is told to do next.

    Attributes:
        url: Where it is.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def script(self, *behaviors: JsonObject) -> None:
        """The next requests are answered like this, one behaviour of a kind each."""
        self.ask("POST", "/_llmock/scenario", {"behaviors": list(behaviors)})

    def ask(self, method: str, path: str, body: JsonObject | None = None) -> JsonObject:
        """What its own interface answers."""
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.netloc, timeout=10)
        try:
            connection.request(method, path, json.dumps(body))
            response = connection.getresponse()
            answer: JsonObject = json.loads(response.read())
        finally:
            connection.close()
        assert response.status < 300, answer
        return answer


@pytest.fixture(scope="session")
def llmock_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server `llmock` 0.2.2; every answer is the same words."""
    program = installed("RIG_SYNC_LLMOCK", "llmock")
    command = [program, "serve", "--host", "127.0.0.1", "--port", "0"]
    command += ["--response-style", "static"]
    with serving(command, tmp_path_factory.mktemp("llmock") / "log") as server:
        yield server


@pytest.fixture
def llmock(llmock_server: Server) -> Llmock:
    """llmock, which remembers nothing of earlier tests."""
    server = Llmock(llmock_server.url)
    server.ask("POST", "/_llmock/reset")
    return server


@pytest.fixture(scope="session")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of aimock 1.43.0, which answers as `aimock.json` says."""
    program = installed("RIG_SYNC_AIMOCK", "aimock")
    command = [program, "-p", "0", "-f", str(HERE / "aimock.json"), "--validate-on-load"]
    with serving(command, tmp_path_factory.mktemp("aimock") / "log") as server:
        yield server.url


@pytest.fixture(scope="session")
def llama_command() -> list[str]:
    """What starts llama.cpp's server with the built-in model."""
    model = find(SMOLLM2)
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip('no xllamacpp: install ".[local]"')
    if model is None:
        pytest.skip("no model: rig-sync models pull")
    return [sys.executable, str(HERE / "llama.py"), str(model), str(local.TEMPLATE)]


@pytest.fixture(scope="session")
def llama(llama_command: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of llama.cpp's server."""
    with serving(llama_command, tmp_path_factory.mktemp("llama") / "log") as server:
        yield server.url
