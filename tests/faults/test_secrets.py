"""Keys are seen nowhere: a canary is planted wherever a key can be, and everything is searched."""

from __future__ import annotations

import base64
import copy
import html
import json
import logging
import os
import pickle
import subprocess
import sys
import traceback
import unittest
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import test_with_cassettes
from rig_sync import (
    Attempt,
    AuthenticationError,
    ConfigError,
    ConnectFailed,
    ResponseDecodeError,
    RetryPolicy,
    RigError,
    StreamError,
    StreamTruncated,
    Timeouts,
    dump_item,
    dump_run,
    tool,
)
from rig_sync._secrets import Secrets
from rig_sync.client import Client
from rig_sync.providers import copilot, openai, openai_compatible, vertex
from rig_sync.transport.aws import AwsKeys, SigV4
from tests.conftest import ServerFactory
from tests.faults.canary.echoing import BODIES, FRAMES, headers_of, refusing
from tests.faults.canary.planting import PLANTS, Plant, every_provider
from tests.faults.canary.seeking import CANARY, CORE, HARD, is_in, leaks, tellings
from tests.server import (
    Answer,
    Close,
    Drip,
    Request,
    Script,
    Send,
    Stall,
    call_chunks,
    chat_chunk,
    response,
    sse,
    sse_response,
)

REDIRECTS = (301, 302, 307, 308)
REFUSALS = (400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 500, 502, 503, 504, 529)
STATUSES = REDIRECTS + REFUSALS
KEYS = {"plain": CANARY, "hard": HARD}
ONCE = RetryPolicy(attempts=1)
HELLO = chat_chunk({"content": "Hello"})


class Heard(logging.Handler):
    """Keeps every record."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """No log record and no warning of any library has the key in it, at any level."""
    heard, root = Heard(), logging.getLogger()
    before = root.level
    root.addHandler(heard)
    root.setLevel(logging.DEBUG)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield
    root.setLevel(before)
    root.removeHandler(heard)
    for record in heard.records:
        told = f"{record.getMessage()} {record.args!r} {vars(record)!r}"
        if "Failed to parse headers" not in told:  # what urllib3 says of headers that are none
            assert not is_in(told), record.name
    assert not any(is_in(str(one.message)) for one in warned)


def clean(error: BaseException) -> None:
    """Nothing of the canary is in `error`, in whatever way one looks at it."""
    for way, text in tellings(error):
        assert not is_in(text), (way, text)
    assert leaks(error) == []


def errors_of(client: Client) -> Iterator[tuple[str, RigError]]:
    """What every way of asking raises, and the recoverable errors of streams; each by its way."""
    ways: dict[str, Callable[[], object]] = {}
    if client.capabilities.completion:
        model = client.completion_model("m")
        agent = client.agent("m").build()
        ways = {
            "stream": lambda: list(model.stream_completion("Hi").stream()),
            "one-shot": lambda: model.completion("Hi").send(),
            "agent": lambda: agent.prompt("Hi"),
            "streamed agent": lambda: list(agent.stream_prompt("Hi")),
        }
    if client.embeddings is not None:
        ways["embeddings"] = lambda: client.embedding_model("m").embed_text("Hi")
    if client.listing is not None:
        ways["listing"] = client.list_models
    for way, ask in ways.items():
        try:
            ask()
        except RigError as error:  # noqa: PERF203
            yield way, error


# the words alone -----------------------------------------------------------------------------

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": json.dumps,
    "JSON with letters": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON with slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "Python": repr,
    "ASCII": ascii,
    "HTML": html.escape,
    "URL": quote,
    "whole URL": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "URL in URL": lambda text: quote(quote(text, safe=""), safe=""),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 in a URL": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
}
LETTERS = st.characters(codec="latin-1", exclude_categories=("Cc", "Zs"))


@pytest.mark.parametrize("spelling", SPELLINGS)
@settings(deadline=None, max_examples=20)
@given(
    before=st.text(st.characters(codec="utf-8"), max_size=9),
    ahead=st.text(LETTERS, max_size=9),
    behind=st.text(LETTERS, max_size=9),
    after=st.text(st.characters(codec="utf-8"), max_size=9),
)
def test_no_spelling_hides_it(
    spelling: str, before: str, ahead: str, behind: str, after: str
) -> None:
    """Whatever the key is made of, and whatever stands around it in the same words."""
    secrets = Secrets([f"{ahead}{CORE}{behind}"])
    told = SPELLINGS[spelling](f"{before} {ahead}{CORE}{behind} {after}")
    assert is_in(told)
    assert not is_in(secrets.redact(told)), secrets.redact(told)
    for end in range(1, len(told), 7) if "\\" not in ahead else ():  # cut, it is ambiguous
        assert not is_in(secrets.redact(told[:end])), told[:end]


def test_other_words_stay() -> None:
    """A text without keys is the same text; keys that begin alike are told apart."""
    words = "The quick brown fox; sk- and Bearer and aGVsbG8gd29ybGQ= stay."
    one, two = "same-beginning-of-one", "same-beginning-of-another"
    secrets = Secrets([CANARY, one, two, "none", "x", ""])
    assert secrets.redact(words) == words
    assert secrets.redact(f"{two}, {one}.") == "[key], [key]."
    assert secrets.redact("none of nonesuch") == "[key] of nonesuch"


# servers that say it back --------------------------------------------------------------------


@pytest.mark.parametrize("body", BODIES)
def test_a_refusal_that_says_the_key(server: ServerFactory, body: str) -> None:
    """In every spelling, in the body and in the headers; with every status."""
    for key in KEYS.values():
        for status in STATUSES if body in ("error object", "text") else (301, 400, 500):
            served = server(refusing(status, body))
            with openai_compatible.Client(key, base_url=served.url, retries=ONCE) as client:
                with pytest.raises(RigError) as caught:
                    list(client.completion_model("m").stream_completion("Hi").stream())
                clean(caught.value)


@pytest.mark.parametrize("key", KEYS.values(), ids=list(KEYS))
@pytest.mark.parametrize("frame", FRAMES)
def test_a_broken_answer_that_says_the_key(server: ServerFactory, frame: str, key: str) -> None:
    """In errors inside of a 200, in frames that are none, in bytes that are no HTTP."""
    served = server(lambda request: FRAMES[frame](f"you sent: {headers_of(request)}"))
    with openai_compatible.Client(key, base_url=served.url, retries=ONCE) as client:
        model = client.completion_model("m")
        stream = model.stream_completion("Hi").stream(raise_errors="none")
        found = [item.error for item in stream if isinstance(item, StreamError)]
        with pytest.raises(RigError) as caught:
            model.completion("Hi").send()
        assert found
        for error in (*found, caught.value):
            clean(error)


MISHAPS = ((401, "error object"), (503, "text"), (400, "base64"), (302, "text"), (200, "cut json"))


@pytest.mark.parametrize("place", [*PLANTS, *every_provider()])
def test_wherever_it_is_planted(server: ServerFactory, place: str) -> None:
    """Every provider, every kind of key, every way of asking, tries in between included."""
    plant: Plant = {**PLANTS, **every_provider()}[place]
    mishaps = MISHAPS if place in PLANTS else MISHAPS[:2]
    for status, body in mishaps if place != "github" else MISHAPS[:1]:  # it has its own patience
        served = server(refusing(status, body))
        with plant(served.url) as client:
            found = dict(errors_of(client))
            assert found
            for error in found.values():
                clean(error)
            if status == 503:
                assert all(len(error.attempts) == 1 for error in found.values())
            assert not any(is_in(repr(vars(one))) for one in (client, client.endpoint))
        assert served.requests


def test_tries_and_hooks_tell_no_key(server: ServerFactory) -> None:
    """What is told of a try that failed is as clean as the error."""
    tried: list[Attempt] = []
    policy = RetryPolicy(attempts=3, initial=0, on_retry=tried.append)
    served = server(refusing(503, "error object"))
    with (
        openai_compatible.Client(CANARY, base_url=served.url, retries=policy) as client,
        pytest.raises(RigError) as caught,
    ):
        client.agent("m").build().prompt("Hi")
    assert len(tried) == len(caught.value.attempts) == 2
    assert not is_in(repr(tried))
    clean(caught.value)


def test_many_keys_of_a_function(server: ServerFactory) -> None:
    """A key that a function gave is known for as long as its request may be under way."""
    numbers = iter(range(1000))
    keys = [f"begins-alike-{number:03}-{CANARY}" for number in range(1000)]
    first: list[dict[str, str]] = []

    def answer(request: Request) -> Script:
        first.append(request.headers)
        return refusing(401, "text")(Request("POST", "/", first[0], b"", 0))

    served = server(answer)
    with openai_compatible.Client(lambda: keys[next(numbers)], base_url=served.url) as client:
        for _ in range(50):
            with pytest.raises(RigError) as caught:
                client.list_models()
            clean(caught.value)


# lines that break ----------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["key", "function", "basic", "bedrock secrets"])
def test_no_connection(place: str) -> None:
    """Who cannot be reached, whoever is asked."""
    for url in ("http://127.0.0.1:9", "https://nowhere.invalid"):
        with PLANTS[place](url) as client:
            for _, error in errors_of(client):
                assert isinstance(error, ConnectFailed)
                assert error.__cause__ is None or isinstance(error.__cause__, OSError)
                clean(error)


@pytest.mark.parametrize(
    "script",
    [
        [Close()],
        [Stall()],
        sse_response(HELLO, Stall()),
        sse_response(HELLO, Drip(b": hi\n\n")),
        [*sse_response(HELLO)[:-1], Close()],
    ],
    ids=["hang up", "silence", "silence in the middle", "comments", "cut"],
)
def test_time_and_breaks(server: ServerFactory, script: Script) -> None:
    """Deadlines and cut connections."""
    patience = Timeouts(first_event=0.2, idle=0.2)
    served = server(script)
    with (
        openai_compatible.Client(
            CANARY, base_url=served.url, retries=ONCE, timeouts=patience
        ) as client,
        pytest.raises(RigError) as caught,
    ):
        list(client.completion_model("m").stream_completion("Hi").stream())
    clean(caught.value)


def test_tls(server: ServerFactory, certificate: tuple[str, str]) -> None:
    """A certificate that nobody vouches for."""
    served = server([Close()], certificate=certificate)
    with openai_compatible.Client(CANARY, base_url=served.url, retries=ONCE) as client:
        for _, error in errors_of(client):
            assert isinstance(error, ConnectFailed)
            clean(error)


UNSENDABLE = [f"{CANARY}\nX-Other: 1", f"{CANARY}\r\n\r\n", f"{CANARY}\N{SNOWMAN}", f"{CANARY}\0"]


@pytest.mark.parametrize("key", UNSENDABLE)
def test_a_key_that_cannot_be_sent(server: ServerFactory, key: str) -> None:
    """A mistake of configuration, told without the key, and told at once where it is known."""
    served = server([Close()])
    fixed: list[Callable[[], Client]] = [
        lambda: openai_compatible.Client(f"{key}x", base_url=served.url),
        lambda: openai_compatible.Client("k", base_url=served.url, headers={"X-Api-Key": key}),
        lambda: openai_compatible.Client("k", base_url=served.url, headers={key: "x"}),
    ]
    for make in fixed:
        with pytest.raises(ConfigError, match="cannot be sent") as caught:
            make()
        clean(caught.value)
    with openai_compatible.Client(lambda: f"{key}x", base_url=served.url) as client:
        for _, error in errors_of(client):
            assert isinstance(error, ConfigError)
            clean(error)
    assert served.requests == []


def test_headers_of_another_type() -> None:
    """A value that is no text is refused before anything of it can be sent."""
    for value in (None, 3, CANARY.encode()):
        with pytest.raises(ConfigError, match="the header X-Key cannot be sent") as caught:
            openai.Client("key", headers={"X-Key": value})  # type: ignore[dict-item]  # the fault
        clean(caught.value)


# proxies -------------------------------------------------------------------------------------


def echoing_proxy(status: int) -> Answer:
    """A proxy that says what it was sent: in its words, its headers and its body."""

    def answer(request: Request) -> Script:
        word = request.headers.get("proxy-authorization", "none")
        plain = base64.b64decode(word.partition(" ")[2]).decode("latin-1")
        body = f"{headers_of(request)} {plain} {quote(plain)}".encode()
        head = f"HTTP/1.1 {status} {word}\r\nX-Request-Id: {word}\r\nContent-Length: {len(body)}"
        return [Send(f"{head}\r\n\r\n".encode() + body), Close()]

    return answer


@pytest.mark.filterwarnings("ignore::rig_sync.InsecureUrlWarning")
@pytest.mark.parametrize("url", ["https://api.invalid/v1", "http://api.invalid/v1"])
@pytest.mark.parametrize("status", [200, 403, 407, 502])
def test_a_proxy_that_says_its_password(
    server: ServerFactory, monkeypatch: pytest.MonkeyPatch, status: int, url: str
) -> None:
    """Asked to connect, or for the whole address."""
    for password in (CANARY, quote(HARD, safe="")):
        served = server(echoing_proxy(status))
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://user:{password}@127.0.0.1:{served.port}")
        with openai_compatible.Client("key", base_url=url, retries=ONCE) as client:
            found = dict(errors_of(client))
            assert found
            for error in found.values():
                clean(error)
        assert served.requests


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("http://user:{}@127.0.0.1:9", ConnectFailed),
        ("http://user:{}@nowhere.invalid:9", ConnectFailed),
        ("http://{}@127.0.0.1:9", ConnectFailed),
        ("http://user:{}@x@127.0.0.1:9", ConnectFailed),
        ("user:{}@127.0.0.1:9", ConfigError),
        ("http://user:{}@127.0.0.1:port", ConfigError),
        ("http://user:{}@127.0.0.1:99999", ConfigError),
        ("http://user:{}/x@127.0.0.1:9", ConfigError),
        ("http://user:{}@", ConfigError),
        ("http://user:{}@[::1", ConfigError),
        ("ftp://user:{}@127.0.0.1:9", ConfigError),
    ],
)
def test_a_proxy_that_is_none(
    monkeypatch: pytest.MonkeyPatch, address: str, kind: type[RigError]
) -> None:
    """One that cannot be reached, or whose address is wrong, is told of without its password."""
    monkeypatch.setenv("HTTPS_PROXY", address.format(CANARY))
    with openai_compatible.Client("k", base_url="https://api.invalid", retries=ONCE) as client:
        for _, error in errors_of(client):
            assert type(error) is kind, error
            clean(error)


# what shows a client, and what writes it -----------------------------------------------------


def holders(client: Client) -> Iterator[object]:
    """Everything that a user has in hand, and what is behind it."""
    yield from (client, client.endpoint, client.endpoint.http)
    yield client.endpoint.request("/x", b"{}")
    yield client.endpoint.request("/x", b"{}").headers
    if client.capabilities.completion:
        model = client.completion_model("m")
        yield from (model, model.completion("Hi"), model.stream_completion("Hi").stream())
        builder = client.agent("m")
        yield from (builder, builder.build(), builder.build().stream_prompt("Hi"))
    if client.embeddings is not None:
        yield client.embedding_model("m")


@pytest.mark.parametrize(
    "place", [*(name for name in PLANTS if name != "github"), *every_provider()]
)
def test_nothing_shows_it(place: str) -> None:
    """Neither `repr`, `str`, `format` nor `vars` of anything."""
    plant: Plant = {**PLANTS, **every_provider()}[place]
    with plant("http://127.0.0.1:9") as client:
        for one in holders(client):
            shown = f"{one!r} {one} {vars(one) if hasattr(one, '__dict__') else ''}"
            assert not is_in(shown), type(one)


def test_nothing_shows_what_proves() -> None:
    """Nor of what makes signatures and fetches keys."""
    keys = AwsKeys("AKIA0123456789ABCDEF", CANARY, CANARY)
    github = copilot.GitHubToken(CANARY)
    for one in (keys, SigV4("eu", "bedrock", keys=keys), github):
        assert not is_in(f"{one!r} {one} {vars(one) if hasattr(one, '__dict__') else ''}")
        for write in (pickle.dumps, copy.deepcopy):
            with pytest.raises(ConfigError, match="make one in each process"):
                write(one)


@pytest.mark.parametrize("place", [name for name in PLANTS if name != "github"])
def test_nothing_writes_it(place: str) -> None:
    """A client, and all that has one, is neither pickled nor copied with its key; it says why."""
    with PLANTS[place]("http://127.0.0.1:9") as client:
        ours = [one for one in holders(client) if "tream" not in type(one).__name__]
        for one in ours:
            for write in (pickle.dumps, copy.deepcopy):
                with pytest.raises(ConfigError, match="make one in each process"):
                    write(one)


def test_a_client_can_be_copied() -> None:
    """In the same process, where it shares its connections."""
    with openai.Client(CANARY) as client:
        other = copy.copy(client)
        assert other.endpoint is client.endpoint
        assert not is_in(repr(copy.copy(client.endpoint).request("/x", b"").headers))


def add(a: int) -> int:
    """Add, or fail."""
    if a > 1:
        raise ValueError("no such number")
    return a


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "one-shot"])
def test_what_a_run_leaves(server: ServerFactory, streamed: bool) -> None:
    """Items, runs, messages and errors that are stored have no key in them."""

    def answer(request: Request) -> Script:
        if b"no such number" in request.body:
            return refusing(500, "error object")(request)
        return sse_response(*call_chunks(("add", {"a": 1}), ("add", {"a": 2})))

    served = server(answer)
    with openai_compatible.Client(CANARY, base_url=served.url, retries=ONCE) as client:
        agent = client.agent("m").tools([tool(add)]).build()
        stream = agent.stream_prompt("Hi", raise_errors="none")
        items = list(stream)
        last = items[-1]
        assert isinstance(last, StreamError)
        clean(last.error)
        stored = [dump_item(item).decode() for item in items] + [repr(items)]
        stored += [pickle.dumps(items).decode("latin-1"), dump_run(stream.run).decode()]
        assert not any(map(is_in, stored))
        assert leaks(items) == leaks(stream.run) == leaks(stream.messages) == []


# tracebacks ----------------------------------------------------------------------------------


def with_locals(error: BaseException) -> str:
    """A traceback as those show it that collect errors: with the variables of our frames."""
    told: traceback.TracebackException | None
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    found: list[str] = []
    while told is not None:
        ours = (frame for frame in told.stack if f"{os.sep}rig_sync{os.sep}" in frame.filename)
        found += [str(frame.locals) for frame in ours]
        told = told.__cause__ or told.__context__
    return "\n".join(found)


def test_frames_of_ours_show_no_key(server: ServerFactory) -> None:
    """What fails while a client is used has no key among its local variables."""

    def broken() -> str:
        raise LookupError("the vault is closed")

    served = server(refusing(401, "text"))
    with openai_compatible.Client(CANARY, base_url=served.url, retries=ONCE) as client:
        for _, error in errors_of(client):
            assert not is_in(with_locals(error))
    headers = {"X-Secret": CANARY}
    for url in (served.url, "http://127.0.0.1:9"):
        with (
            openai_compatible.Client(broken, base_url=url, headers=headers) as client,
            pytest.raises(LookupError) as caught,
        ):
            client.list_models()
        assert not is_in(with_locals(caught.value))


# keys that are fetched -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        f'{{"token": "{CANARY}", "expires_at": "soon"}}',
        f'{{"token": "{CANARY}", "expires_at": 1',
        f'["{CANARY}"]',
        f'{{"token": ["{CANARY}"], "expires_at": 1}}',
        CANARY,
    ],
)
def test_a_key_in_an_answer_that_cannot_be_read(server: ServerFactory, body: str) -> None:
    """GitHub's answer is the key itself: no error quotes it."""
    served = server(response(200, {"Content-Type": "application/json"}, body.encode()))
    github = copilot.GitHubToken("ghu_0123456789abcdef", served.url)
    with (
        copilot.Client(github, base_url=served.url) as client,
        pytest.raises((ResponseDecodeError, StreamTruncated, AuthenticationError)) as caught,
    ):
        client.agent("m").build().prompt("Hi")
    clean(caught.value)


def test_the_fetched_key_is_a_key(server: ServerFactory) -> None:
    """It is taken out of errors, and not shown by what keeps it."""
    lease = {"token": CANARY, "expires_at": 1 << 40}

    def answer(request: Request) -> Script:
        if "token" in request.path:
            return response(200, {}, repr(lease).replace("'", '"').encode())
        assert CANARY in request.headers["authorization"]
        return refusing(401, "text")(request)

    served = server(answer)
    github = copilot.GitHubToken("ghu_0123456789abcdef", served.url)
    with copilot.Client(github, base_url=served.url, retries=ONCE) as client:
        for _, error in errors_of(client):
            clean(error)
    assert not is_in(f"{vars(github)}")


GOOGLE = {
    "__init__": f"""
from . import exceptions
def default(scopes):
    raise exceptions.GoogleAuthError("no access token", {{"refresh_token": "{CANARY}"}})
""",
    "exceptions": "class GoogleAuthError(Exception): ...",
    "transport/__init__": "",
    "transport/requests": "",
}


def test_what_google_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its library puts the whole answer into its errors: only the first words are told."""
    (tmp_path / "google").mkdir()
    (tmp_path / "google" / "__init__.py").touch()
    for name, source in GOOGLE.items():
        path = tmp_path / "google" / "auth" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    for name in [one for one in sys.modules if one.partition(".")[0] == "google"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        with (
            vertex.Client("p", base_url="http://127.0.0.1:9") as client,
            pytest.raises(ConfigError, match="can be used: no access token") as caught,
        ):
            client.agent("m").build().prompt("Hi")
        clean(caught.value)
    finally:
        for name in [one for one in sys.modules if one.partition(".")[0] == "google"]:
            del sys.modules[name]


# the command ---------------------------------------------------------------------------------


COMMAND = [sys.executable, "-X", "dev", "-m", "rig_sync.cli"]
ASKING = ["--model", "openai_compatible:m", "Hi"]
LISTING = ["models", "list", "openai_compatible"]


@pytest.mark.parametrize(
    "words",
    [ASKING, [*ASKING, "--debug"], [*ASKING, "--json", "--debug"], [*LISTING, "--debug"]],
    ids=["plain", "debug", "json", "list"],
)
def test_the_command(server: ServerFactory, words: list[str]) -> None:
    """Nothing that it prints has the key, tracebacks and Python's own complaints included."""
    later = sse_response(HELLO, sse({"error": {"message": CANARY, "code": CANARY}}))
    path = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, "PYTHONPATH": path, "OPENAI_COMPATIBLE_API_KEY": CANARY}
    for answer in (refusing(401, "error object"), later)[: 1 + (words == ASKING)]:
        ran = subprocess.run(
            [*COMMAND, *words, "--base-url", server(answer).url],
            env=environment,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert ran.returncode == 1, ran
        assert ran.stderr
        assert not is_in(ran.stdout + ran.stderr)


# cassettes -----------------------------------------------------------------------------------


def test_the_example_plays() -> None:
    """It is the one that users copy."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(test_with_cassettes)
    assert unittest.TextTestRunner(verbosity=0).run(suite).wasSuccessful()


@pytest.mark.parametrize("place", [name for name in PLANTS if name != "own header"])
def test_no_cassette_has_it(server: ServerFactory, tmp_path: Path, place: str) -> None:
    """With the headers filtered that our example filters, whatever the provider calls its own."""
    cassette = tmp_path / "cassette.yaml"
    lease = b'{"token": "tid=0123456789", "expires_at": 9999999999}'
    served = server(response(400, {"Content-Type": "application/json"}, lease))
    recorded = partial(test_with_cassettes.RECORDER.use_cassette, record_mode="once")
    with PLANTS[place](served.url) as client, recorded(str(cassette)):
        assert list(errors_of(client))
    assert "body:" in cassette.read_text()
    assert not is_in(cassette.read_text())
