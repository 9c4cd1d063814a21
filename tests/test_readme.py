"""The README's Python runs, block after block, as a reader would paste it."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest

from rig_sync import FinalResponse, __version__
from rig_sync.cli import build_parser
from tests.conftest import ServerFactory
from tests.server import Request, Script, chat_chunks, response, sse, sse_response

README = Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
COMMANDS = re.findall(r"^rig-sync .*$", README.read_text(), re.MULTILINE)
MESSAGE = {"type": "message", "content": [{"type": "output_text", "text": "Hello."}]}
DONE: dict[str, object] = {
    "status": "completed",
    "output": [MESSAGE],
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


REFUND = {"type": "function_call", "call_id": "c1", "name": "refund", "arguments": '{"order": 7}'}
TOWN = {"name": "Ulm", "people": 126000, "river": "Danube"}


def answer(request: Request) -> dict[str, object]:
    """Hello; a town, where that is asked for; a call of the one tool that needs approval."""
    body = request.json
    assert isinstance(body, dict)
    tools = [tool["name"] for tool in body.get("tools", [])]
    if tools == ["refund"] and len(body["input"]) == 1:
        return {**DONE, "output": [REFUND]}
    if "text" not in body:
        return DONE
    content = [{"type": "output_text", "text": json.dumps(TOWN)}]
    return {**DONE, "output": [{"type": "message", "content": content}]}


def provider(request: Request) -> Script:
    """Answers on either wire, streamed or not."""
    if request.path.endswith("/models"):
        return response(200, {}, b'{"data": [{"id": "gpt-5.5"}]}')
    if request.path.endswith("/embeddings"):
        return response(200, {}, b'{"data": [{"embedding": [1]}, {"embedding": [2]}]}')
    if request.path.endswith("/chat/completions"):
        return sse_response(*chat_chunks("Hello."))
    done = answer(request)
    if b'"stream":true' not in request.body:
        return response(200, {"Content-Type": "application/json"}, json.dumps(done).encode())
    item = done["output"][0]  # type: ignore[index] # a list, see above
    events = [sse({"type": "response.output_item.done", "output_index": 0, "item": item})]
    for part in item.get("content", ()):
        delta = {"type": "response.output_text.delta", "output_index": 0, "delta": part["text"]}
        events.insert(0, sse(delta))
    return sse_response(*events, sse({"type": "response.completed", "response": done}))


def test_the_python_runs(
    server: ServerFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every block in one namespace, against a server that says hello."""
    served = server(provider)
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{served.url}/v1")
    readme = ModuleType("readme")  # dataclasses look up the module that they are in
    monkeypatch.setitem(sys.modules, "readme", readme)
    names = vars(readme)
    for number, block in enumerate(BLOCKS):
        code = block.replace("http://localhost:8000/v1", f"{served.url}/v1")
        where = f"README.md, Python block {number}"
        exec(compile(code, where, "exec", dont_inherit=True), names)
    assert isinstance(names["final"], FinalResponse)
    printed = capsys.readouterr().out
    assert printed.count("Hello.") >= 7
    assert "Ulm 126000" in printed
    assert "refund {'order': 7}" in printed
    assert len(served.requests) == 18
    assert names.pop("agent")
    names.clear()  # and with them the clients


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_parse(command: str) -> None:
    """Every option that the README shows is one."""
    words = shlex.split(command.partition("|")[0])[1:]
    if words[:1] != ["models"]:
        build_parser().parse_args(words)


def test_the_first_commands_are_the_promised_ones() -> None:
    """The two commands that have to work stand at the top."""
    top = README.read_text()[:1200]
    assert '.venv/bin/pip install -q -e ".[local]" && .venv/bin/rig-sync "Tell me a short' in top
    assert '.venv/bin/pip install -q -e ".[test]" && .venv/bin/pytest' in top
    assert __version__ in (README.parent / "rig_sync" / "version.py").read_text()
