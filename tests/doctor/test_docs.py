"""docs/doctor.md says what the doctor does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rig_sync.doctor.command import build_parser
from rig_sync.doctor.run import CHECKS
from rig_sync.doctor.spoken import SPOKEN
from tests.conftest import ServerFactory
from tests.doctor.endpoint import answering

PAGE = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")


def test_every_check_is_there() -> None:
    """In order, with what is promised."""
    rows = re.findall(r"^\| ([a-z -]+) \| (.+?) \| .+ \|$", PAGE, re.MULTILINE)
    chat = SPOKEN["openai_chat"]
    promised = [(check.name, check.promise.format(wire=chat)) for check in CHECKS]
    assert [row for row in rows if row in promised] == promised


def test_every_option_is_there() -> None:
    """And no other; every wire is named."""
    told = set(re.findall(r"^\| `(--[a-z-]+)", PAGE, re.MULTILINE))
    options = {word for word in build_parser().format_help().split() if word.startswith("--")}
    assert told | {"--help"} == {word.strip("[],.") for word in options}
    assert [wire for wire in SPOKEN if f"`{wire}`" not in PAGE] == []


def test_the_python_runs(server: ServerFactory, capsys: pytest.CaptureFixture[str]) -> None:
    """As it stands there, at an endpoint without fault."""
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    code = block.replace("http://localhost:8000/v1", f"{server(answering()).url}/v1")
    exec(compile(code, "docs/doctor.md", "exec", dont_inherit=True), {})
    assert "24 as documented" in capsys.readouterr().out  # no key is used
