"""A new provider is one file: the row in the README of `providers/`, put there and used."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import rig_sync.providers
from rig_sync import ConfigError
from rig_sync.cli import main
from rig_sync.providers import client_class, provider_names
from tests.conftest import ServerFactory
from tests.server import chat_chunks, sse_response

FOLDER = Path(rig_sync.providers.__file__).parent
ROW = re.findall(r"```python\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)


@pytest.fixture
def touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """The files that it takes; they are part of the package while the test runs."""
    (row,) = ROW
    (tmp_path / "acme.py").write_text(row)
    monkeypatch.setattr(rig_sync.providers, "__path__", [str(FOLDER), str(tmp_path)])
    yield list(tmp_path.glob("*.py"))
    sys.modules.pop("rig_sync.providers.acme", None)
    vars(rig_sync.providers).pop("acme", None)


def test_one_file(
    touched: list[Path],
    server: ServerFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One file of a dozen lines: found, listed, asked for its key, and it streams."""
    assert len(touched) == 1
    assert "acme" in provider_names()
    with pytest.raises(ConfigError, match="set ACME_API_KEY"):
        client_class("acme").from_env()
    monkeypatch.setenv("ACME_API_KEY", "key")
    monkeypatch.setenv("ACME_BASE_URL", server(sse_response(*chat_chunks("Anvil."))).url)
    assert main(["--model", "acme:anvil-1", "What falls?"]) == 0
    assert main(["providers"]) == 0
    words, *lines = capsys.readouterr().out.splitlines()
    assert words == "Anvil."
    (line,) = [line for line in lines if line.startswith("acme ")]
    assert line.split()[1:4] == ["ACME_API_KEY", "https://api.acme.example/v1", "openai_chat"]
    assert {"completion", "embeddings", "listing"} <= set(line.split())


def test_nothing_imports_a_provider() -> None:
    """No module imports a provider, siblings no more than others; the package is walked."""
    for path in FOLDER.parent.rglob("*.py"):
        found = re.findall(r"(?m)^\s*(?:from|import) rig_sync\.providers\S*", path.read_text())
        assert all(line.split()[1] == "rig_sync.providers" for line in found), path
