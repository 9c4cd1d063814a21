"""Every example runs, against a scripted provider, and stays under 40 lines."""

from __future__ import annotations

import http.client
import importlib
import json
import os
import socket
import subprocess
import sys
import threading
import unittest
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
import django.conf
import pytest
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, StreamingHttpResponse
from django.test import Client as Browser
from django.urls import path

import examples
from examples import (
    django_view,
    embeddings,
    extract,
    flask_app,
    go_on,
    story,
    switch,
    team,
    test_with_stubs,
)
from rig_sync import Client, RetryPolicy, load_run
from rig_sync.agent.steps import DENIED
from rig_sync.providers import anthropic, openai, openai_compatible
from tests.conftest import ServerFactory
from tests.server import (
    Flood,
    Script,
    ScriptedServer,
    chat_chunk,
    chat_chunks,
    response,
    spawn,
    sse,
    sse_response,
)

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

ROOT = Path(examples.__file__).parents[1]
EXAMPLES = sorted(Path(examples.__file__).parent.glob("*.py"))
WORDS = sse_response(*chat_chunks("Once ", "upon a time."))
CLIENTS: list[Client] = []  # what the Django view under test talks to


def client_of(served: ScriptedServer) -> Client:
    return openai_compatible.Client("key", base_url=served.url, retries=RetryPolicy(attempts=1))


def served_story(request: HttpRequest) -> StreamingHttpResponse:
    return django_view.story(request, CLIENTS[-1])


urlpatterns = [path("story", served_story)]


@pytest.fixture(scope="module", autouse=True)
def django_ready() -> None:
    django.conf.settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="test")
    django.setup()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_is_short(example: Path) -> None:
    """Under 40 lines, and it imports."""
    assert example.read_text().count("\n") < 40
    importlib.import_module(
        f"examples.{example.stem}" if example.stem != "__init__" else "examples"
    )


def test_the_script(server: ServerFactory, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints the words and the tokens, by the Responses API."""
    events = [
        {"type": "response.output_text.delta", "output_index": 0, "delta": "Bolt woke."},
        {
            "type": "response.completed",
            "response": {"status": "completed", "output": [], "usage": {"output_tokens": 3}},
        },
    ]
    served = server(sse_response(*[sse(event) for event in events]))
    with openai.Client("key", base_url=served.url) as client:
        story.main(client)
    assert capsys.readouterr().out == "Bolt woke.\n(3 tokens)\n"


def test_the_search(server: ServerFactory, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints the sentence whose vector is closest to the question's."""
    vectors = [[1.0, 0.1], [0.0, 1.0], [-1.0, 0.0], [2.0, 0.0]]
    body = json.dumps({"data": [{"embedding": vector} for vector in vectors]}).encode()
    with openai.Client("key", base_url=server(response(body=body)).url) as client:
        embeddings.main(client)
    assert capsys.readouterr().out == "The robot watered the tomatoes at dawn.\n"


def test_the_switch(server: ServerFactory, capsys: pytest.CaptureFixture[str]) -> None:
    """The second provider is told what the first one said."""
    first = [
        {"type": "response.output_text.delta", "output_index": 0, "delta": "Bolt woke."},
        {"type": "response.completed", "response": {"status": "completed", "output": []}},
    ]
    second = [
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "It left."}},
        {"type": "message_stop"},
    ]
    one, other = (server(sse_response(*map(sse, events))) for events in (first, second))
    with (
        openai.Client("key", base_url=one.url) as opening,
        anthropic.Client("key", base_url=other.url) as ending,
    ):
        switch.main(opening, ending)
    assert capsys.readouterr().out == "Bolt woke.\nIt left.\n"
    assert b"Bolt woke." in other.requests[0].body


def test_going_on(server: ServerFactory, capsys: pytest.CaptureFixture[str]) -> None:
    """What was said before the line broke is told to the model, which says the rest."""
    delta = {"type": "response.output_text.delta", "output_index": 0}
    done = {"type": "response.completed", "response": {"status": "completed", "output": []}}
    served = server(
        sse_response(sse({**delta, "delta": "Bolt woke."}), framing="close"),
        sse_response(sse({**delta, "delta": " It left."}), sse(done)),
    )
    with openai.Client("key", base_url=served.url) as client:
        go_on.main(client)
    told = capsys.readouterr()
    assert told.out == "Bolt woke. It left.\n"
    assert "the body ended before the answer did" in told.err
    assert b"Bolt woke." in served.requests[1].body


def test_the_extraction(server: ServerFactory, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints the form as it fills, and at the end the person."""
    pieces = ('{"name": "Ada', ' Lovelace", "age": 36, ', '"city": "London"}')
    function = {"name": "final_answer", "arguments": ""}
    names: dict[str, object] = {"id": "c0", "type": "function", "function": function}
    rest: list[dict[str, object]] = [{"function": {"arguments": piece}} for piece in pieces]
    events = [chat_chunk({"tool_calls": [{"index": 0, **call}]}) for call in (names, *rest)]
    with client_of(server(sse_response(*events, *chat_chunks(finish="tool_calls")))) as client:
        extract.main(client)
    *growing, person = capsys.readouterr().out.splitlines()
    assert growing[0] == "{'name': 'Ada'}"
    assert growing[-1] == "{'name': 'Ada Lovelace', 'age': 36, 'city': 'London'}"
    assert person == "Person(name='Ada Lovelace', age=36, city='London')"


def test_the_unittest_suite() -> None:
    """It passes as `python -m unittest` runs it."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(test_with_stubs)
    result = unittest.TestResult()
    suite.run(result)
    assert (result.testsRun, result.failures, result.errors) == (2, [], [])


def responses_turn(**item: object) -> Script:
    """A turn by the Responses API that says or does one thing, streamed or whole."""
    event = {"type": "response.output_item.done", "output_index": 0, "item": item}
    done = {"status": "completed", "output": [], "usage": {"output_tokens": 3}}
    return sse_response(sse(event), sse({"type": "response.completed", "response": done}))


def responses_call(name: str, **arguments: object) -> Script:
    given = json.dumps(arguments)
    return responses_turn(type="function_call", call_id="c0", name=name, arguments=given)


def responses_words(text: str) -> Script:
    part = {"type": "output_text", "text": text}
    return responses_turn(type="message", role="assistant", content=[part])


def test_the_team(server: ServerFactory, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints who calls what, the guide's words and the editor's."""
    served = server(
        responses_call("guide", prompt="People in Rome?"),
        responses_call("population", city="Rome"),
        responses_words("2.75 million."),
        responses_words("Very large."),
    )
    with openai.Client("key", base_url=served.url) as client:
        team.main(client)
    assert capsys.readouterr().out == (
        "[editor calls guide with {'prompt': 'People in Rome?'}]\n"
        "[guide calls population with {'city': 'Rome'}]\n"
        "  the guide: 2.75 million.\n"
        "Very large.\n"
    )
    assert b"2750000" in served.requests[2].body


def in_a_process(served: ScriptedServer, *command: str) -> str:
    """What an example prints, run by itself."""
    environment = {**os.environ, "OPENAI_API_KEY": "key", "OPENAI_BASE_URL": served.url}
    ran = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-m", *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


@pytest.mark.parametrize(
    ("word", "told"), [("approve", b"paid 5 euros to Ada"), ("deny", DENIED.encode())]
)
def test_approval_over_two_processes(
    server: ServerFactory, tmp_path: Path, word: str, told: bytes
) -> None:
    """One process asks and ends with the run in a file; the other goes on as a person decided."""
    call = {"type": "function_call", "call_id": "c0", "name": "pay"}
    call["arguments"] = '{"to": "Ada", "euros": 5}'
    part = {"type": "output_text", "text": "Settled."}
    message = {"type": "message", "role": "assistant", "content": [part]}
    served = server(
        *(
            response(body=json.dumps({"status": "completed", "output": [item]}).encode())
            for item in (call, message)
        )
    )
    file = tmp_path / "run.json"
    asked = in_a_process(served, "examples.approval", "ask", str(file), "Pay Ada 5 euros.")
    assert asked == "waits: pay({'to': 'Ada', 'euros': 5})\n"
    assert load_run(file.read_bytes()).pending[0].state == "approval"
    assert len(served.requests) == 1
    assert in_a_process(served, "examples.approval", word, str(file)) == "Settled.\n"
    assert told in served.requests[1].body
    assert b"Pay Ada 5 euros." in served.requests[1].body


def test_flask_streams(server: ServerFactory) -> None:
    """The view's words come through Flask's own test client, piece by piece."""
    with client_of(server(WORDS)) as client:
        browser = flask_app.create_app(client).test_client()
        response = browser.post("/story", data={"about": "a robot"}, buffered=False)
        assert list(response.iter_encoded()) == [b"Once ", b"upon a time."]
        assert response.headers["X-Accel-Buffering"] == "no"
        response.close()


def test_flask_closes_what_nobody_reads(server: ServerFactory) -> None:
    """Closing the response after its first piece closes the provider's stream."""
    served = server(sse_response(Flood(chat_chunk({"content": "word "}))))
    with client_of(served) as client:
        browser = flask_app.create_app(client).test_client()
        response = browser.post("/story", data={"about": "a robot"}, buffered=False)
        assert next(iter(response.iter_encoded())) == b"word "
        response.close()
        assert served.disconnected.wait(10)


def test_django_streams(server: ServerFactory) -> None:
    """The view's words come through Django's own test client, piece by piece."""
    with client_of(server(WORDS)) as client:
        CLIENTS.append(client)
        response = Browser().post("/story", {"about": "a robot"})
        assert isinstance(response, StreamingHttpResponse)
        assert list(response) == [b"Once ", b"upon a time."]
        assert response["X-Accel-Buffering"] == "no"


def test_django_closes_what_nobody_reads(server: ServerFactory) -> None:
    """Closing the response after its first piece closes the provider's stream."""
    served = server(sse_response(Flood(chat_chunk({"content": "word "}))))
    with client_of(served) as client:
        CLIENTS.append(client)
        response = Browser().post("/story", {"about": "a robot"})
        assert isinstance(response, StreamingHttpResponse)
        assert next(iter(response)) == b"word "
        response.close()
        assert served.disconnected.wait(10)


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class _Silent(WSGIServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that leaves is expected here."""


@contextmanager
def web_server(app: WSGIApplication) -> Iterator[int]:
    """The port of a real server in front of `app`."""
    with make_server("127.0.0.1", 0, app, _Silent, _Quiet) as httpd:
        thread = spawn(lambda: httpd.serve_forever(poll_interval=0.01))
        try:
            yield httpd.server_port
        finally:
            httpd.shutdown()
            thread.join(10)


@pytest.mark.parametrize("framework", ["flask", "django"])
def test_a_browser_that_leaves_closes_the_provider(framework: str, server: ServerFactory) -> None:
    """Over real sockets: the browser goes, and so does the connection to the provider."""
    served = server(sse_response(Flood(chat_chunk({"content": "word "}))))
    with client_of(served) as client:
        CLIENTS.append(client)
        app: WSGIApplication = (
            flask_app.create_app(client) if framework == "flask" else get_wsgi_application()
        )
        with web_server(app) as port:
            with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as browser:
                form = b"about=a+robot"
                kind = b"application/x-www-form-urlencoded"
                browser.sendall(
                    b"POST /story HTTP/1.0\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
                    % (kind, len(form), form)
                )
                answer = http.client.HTTPResponse(browser)
                answer.begin()
                assert answer.status == 200
                assert answer.read(5) == b"word "
                answer.close()
            assert served.disconnected.wait(10)


def test_the_tests_leave_no_thread() -> None:
    """Nothing of the examples above still runs."""
    names = [thread.name for thread in threading.enumerate()]
    assert [name for name in names if name.startswith("rig_sync-")] == []
