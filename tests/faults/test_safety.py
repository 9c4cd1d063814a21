"""What a client does not do: go astray, trust anybody, fetch what a model names, tell tales."""

from __future__ import annotations

import inspect
import json
import logging
import pickle
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from rig_sync import (
    Agent,
    Audio,
    ConfigError,
    ConnectFailed,
    Document,
    Image,
    InsecureUrlWarning,
    Message,
    ProviderError,
    RetryPolicy,
    RigError,
    Text,
    ToolCall,
    ToolResult,
    UntrustedCertificate,
    UserMessage,
    Video,
    assistant,
    tool,
    user,
)
from rig_sync.cli import main
from rig_sync.client import Client
from rig_sync.providers import (
    azure,
    bedrock,
    copilot,
    gemini,
    ollama,
    openai,
    openai_compatible,
    snowflake,
    vertex,
)
from rig_sync.transport.address import is_loopback
from rig_sync.transport.endpoint import Endpoint
from tests.conftest import KEY, ModelFactory, ServerFactory
from tests.faults.canary.calling import WIRES
from tests.faults.canary.seeking import CANARY, is_in
from tests.server import (
    ScriptedServer,
    Step,
    call_chunks,
    chat_chunk,
    chat_chunks,
    error_response,
    response,
    sse,
    sse_response,
)

ONCE = RetryPolicy(attempts=1)
HELLO = sse_response(*chat_chunks("Hello"))
ELSEWHERE = "http://nowhere.invalid/v1"


# addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        (f"https://me:{CANARY}@api.example.com/v1", "give a key as api_key"),
        (f"https://{CANARY}@api.example.com/v1", "give a key as api_key"),
        (f"https://:{CANARY}@api.example.com", "give a key as api_key"),
        (f"https://me:{CANARY}/x@api.example.com/v1", "base_url"),
        ("https://@api.example.com", "write it without what is ahead of the @"),
        (f"me:{CANARY}@api.example.com", "give a key as api_key"),
        (f"https://api.example.com/v1?key={CANARY}", "write https://api.example.com/v1;"),
        (f"https://api.example.com/v1#{CANARY}", "write https://api.example.com/v1;"),
        ("https://api.example.com/v1?", "write https://api.example.com/v1;"),
        (CANARY, "write it with its scheme"),
        (f"https:/{CANARY}", "write it with its scheme"),
        (f"{CANARY}://api.example.com", "write it with its scheme"),
        ("api.example.com/v1", "'api.example.com/v1' is no URL: write it with its scheme"),
        ("https://", "write it with its scheme"),
        ("https:///v1", "write it with its scheme"),
        ("ftp://api.example.com", "'ftp://api.example.com' is no URL"),
        ("file:///etc/passwd", "is no URL"),
        ("https://api.example.com:99999", "is no URL"),
        ("https://api.example.com:port", "is no URL"),
        ("https://[::1", "is no URL"),
        ("https://api.exa mple.com", "is no URL"),
        ("https://api.example.com/\n", "is no URL"),
        ("https://api.example.com\t/v1", "is no URL"),
        ("https://api.example.com\0", "is no URL"),
        ("https://api.example.com\\@evil.example", "user or a password"),
        ("https://api.example.com\\v1", "is no URL"),
    ],
)
def test_an_address_that_cannot_be(url: str, remedy: str) -> None:
    """Refused at once, or as soon as a function gives it; no key that is in it is shown."""
    with pytest.raises(ConfigError, match=re.escape(remedy)) as caught:
        openai_compatible.Client("key", base_url=url)
    later = Endpoint("p", lambda: url)
    with pytest.raises(ConfigError, match=re.escape(remedy)) as caught_later:
        later.request("/x", b"")
    for error in (caught.value, caught_later.value):
        assert "base_url" in str(error)
        assert not is_in(str(error))
        assert not is_in(pickle.dumps(error).decode("latin-1"))


def test_an_address_of_another_type() -> None:
    """It is said what it is."""
    with pytest.raises(ConfigError, match="base_url is of type int: give a text"):
        openai.Client("key", base_url=3)  # type: ignore[arg-type]  # the fault


HERE = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "llama.localhost",
    "127.0.0.1",
    "127.8.9.1",
    "127.1",
]
HERE += ["[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::FFFF:7f00:1]", "0.0.0.0", "[::]"]
AWAY = ["api.example.com", "localhost.example.com", "notlocalhost", "127.0.0.1.example.com"]
AWAY += ["192.168.0.7", "10.0.0.1", "128.0.0.1", "[fe80::1]", "[::ffff:10.0.0.1]", "0.0.0.1"]
AWAY += ["127.example.com", "host.docker.internal", "localhost..", "xn--localhost", "1.127.0.0"]


@pytest.mark.parametrize("host", HERE)
def test_this_machine_needs_no_tls(host: str) -> None:
    """However it is spelled."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        openai_compatible.Client("key", base_url=f"http://{host}:8000/v1")
    assert is_loopback(host)


@pytest.mark.parametrize("host", AWAY)
def test_another_machine_without_tls(host: str) -> None:
    """A warning for the line that made the client; none with TLS."""
    with pytest.warns(InsecureUrlWarning, match="not encrypted.*Write https://") as warned:
        openai_compatible.Client("key", base_url=f"http://{host}:8000/v1")
    assert len(warned) == 1
    assert warned[0].filename == __file__
    assert warned[0].lineno == _line_of(
        "openai_compatible.Client(", test_another_machine_without_tls
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        openai_compatible.Client("key", base_url=f"https://{host}:8000/v1")


def _line_of(text: str, function: Callable[..., object]) -> int:
    """Where `text` is first in `function`."""
    lines, start = inspect.getsourcelines(function)
    return start + next(at for at, line in enumerate(lines) if text in line)


MAKERS: dict[str, Callable[[], object]] = {
    "by a function": lambda: openai_compatible.Client(lambda: "key", base_url=ELSEWHERE),
    "with more in between": lambda: azure.Client("key", base_url=ELSEWHERE),
    "from outside": lambda: openai.Client.from_env(),
    "with an address of its own": lambda: ollama.Client.from_env(),
    "of what fetches keys": lambda: copilot.GitHubToken("token", ELSEWHERE),
    "of a bare endpoint": lambda: Endpoint("p", ELSEWHERE),
}


@pytest.mark.parametrize("way", MAKERS)
def test_whoever_makes_it(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """The line is the user's, however deep the client is made."""
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    monkeypatch.setenv("OPENAI_BASE_URL", ELSEWHERE)
    monkeypatch.setenv("OLLAMA_HOST", "http://nowhere.invalid:80")
    with pytest.warns(InsecureUrlWarning) as warned:
        MAKERS[way]()
    (one,) = warned
    assert (one.filename, one.lineno) == (__file__, MAKERS[way].__code__.co_firstlineno)


def test_it_warns_once() -> None:
    """Not for each request, model or agent; and the copies on other wires do not warn again."""
    with pytest.warns(InsecureUrlWarning) as warned:
        client = openai.Client("key", base_url=ELSEWHERE, retries=ONCE)
    with client, warnings.catch_warnings():
        warnings.simplefilter("error")
        for one in (client, client.completions_api(), client):
            with pytest.raises(ConnectFailed):
                one.agent("m").build().prompt("Hi")
    assert len(warned) == 1


def test_an_address_that_is_found_later() -> None:
    """It warns when the function first gives it, for the line that made the client; once."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]  # there is one here
        endpoint = Endpoint("p", lambda: ELSEWHERE)
    with pytest.warns(InsecureUrlWarning) as warned:
        endpoint.request("/x", b"")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        endpoint.request("/x", b"")
    (one,) = warned
    assert (one.filename, one.lineno) == (__file__, line)


def test_as_an_error() -> None:
    """Who makes errors of warnings gets one ahead of any request."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", InsecureUrlWarning)
        with pytest.raises(InsecureUrlWarning):
            openai.Client("key", base_url=ELSEWHERE)


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "..", "./x", "a/..", "x?y=1", "x#y", "x\r\ny: z"]
)
@pytest.mark.parametrize("place", ["gemini", "vertex", "azure", "bedrock"])
def test_the_name_of_a_model_is_no_route(server: ServerFactory, place: str, name: str) -> None:
    """Where a name stands in the path, it leads nowhere else: it is quoted, or refused."""
    served = server(error_response(404))
    makers: dict[str, Callable[[], Client]] = {
        "gemini": lambda: gemini.Client(KEY, base_url=served.url),
        "vertex": lambda: vertex.Client("p", "eu", KEY, base_url=served.url),
        "azure": lambda: azure.Client(KEY, base_url=served.url),
        "bedrock": lambda: bedrock.Client(KEY, base_url=served.url),
    }
    with makers[place]() as client:
        model = client.completion_model(name)
        asked: list[Callable[[], object]] = [model.completion("Hi").send]
        if client.embeddings is not None:
            asked.append(lambda: client.embedding_model(name).embed_text("Hi"))
        for ask in asked:
            with pytest.raises((ConfigError, ProviderError)):
                ask()
    begins = ("/v1beta/models/", "/v1beta/a/", "/v1/projects/p/", "/openai/deployments/", "/model/")
    for request in served.requests:
        assert request.path.startswith(begins)
        assert not {"..", "."} & set(request.path.split("/"))
        assert request.path.partition("?")[2] in ("", "api-version=2024-10-21")
        assert "y" not in request.headers


@pytest.mark.parametrize(
    "part", ["evil.example/", "x@evil.example", "x#", "x?", "x:1", "é", " ", "\\"]
)
def test_part_of_a_host(part: str) -> None:
    """What a host's name is made with cannot name another host."""
    makers: list[Callable[[], object]] = [
        lambda: snowflake.Client(KEY, account=part),
        lambda: vertex.Client("p", part, KEY),
        lambda: bedrock.Client(KEY, region=part),
    ]
    for make in makers:
        with pytest.raises(ConfigError, match="is part of a host's name"):
            make()


# redirects -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
def test_a_redirect_is_refused(server: ServerFactory, status: int) -> None:
    """Of a POST and of a GET: nobody else sees the key, and what is secret in it is not shown."""
    other = server(HELLO)
    to = other.url.replace("://", f"://me:{CANARY}@") + f"/v1/{KEY}/there?token={CANARY}#{CANARY}"
    scripted = server(response(status, {"Location": to}))
    asked: dict[str, Callable[[Client], object]] = {
        "stream": lambda client: list(client.agent("m").build().stream_prompt("Hi")),
        "one-shot": lambda client: client.agent("m").build().prompt("Hi"),
        "listing": lambda client: client.list_models(),
        "embeddings": lambda client: client.embedding_model("m").embed_text("Hi"),
        "github": lambda _: copilot.GitHubToken(KEY, scripted.url)(),
    }
    with openai_compatible.Client(KEY, base_url=scripted.url) as client:
        for ask in asked.values():
            with pytest.raises(ProviderError, match="redirects are refused") as caught:
                ask(client)
            assert caught.value.status == status
            assert f"{other.port}/v1/[key]/there:" in str(caught.value)
            assert not is_in(str(caught.value))
    assert len(scripted.requests) == len(asked)  # nor was it tried again
    assert other.connections == 0


# certificates --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Certificates that signed themselves: a good one, one of another host, one that is over."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("certificates")
    made: dict[str, tuple[str, str]] = {}
    kinds = {"good": ("localhost", "2"), "other": ("example.com", "2"), "over": ("localhost", "-1")}
    for kind, (host, days) in kinds.items():
        cert, key, asked = (str(folder / f"{kind}.{end}") for end in ("pem", "key", "csr"))
        names = ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
        make = [openssl, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        sign = [openssl, "x509", "-req", "-in", asked, "-signkey", key, "-days", days]
        for command in (
            [*make, *names, "-keyout", key, "-out", asked],
            [*sign, "-copy_extensions", "copy", "-out", cert],
        ):
            ran = subprocess.run(command, capture_output=True, check=False)
            if ran.returncode:
                pytest.skip(f"this openssl makes no such certificate: {ran.stderr.decode()[:200]}")
        made[kind] = (cert, key)
    return made


REFUSED = {
    "nobody vouches": ("good", {}),
    "an empty CURL_CA_BUNDLE": ("good", {"CURL_CA_BUNDLE": ""}),
    "an empty REQUESTS_CA_BUNDLE": ("good", {"REQUESTS_CA_BUNDLE": ""}),
    "PYTHONHTTPSVERIFY": ("good", {"PYTHONHTTPSVERIFY": "0"}),
    "another host": ("other", {"REQUESTS_CA_BUNDLE": "other"}),
    "over": ("over", {"REQUESTS_CA_BUNDLE": "over"}),
    "another authority": ("good", {"REQUESTS_CA_BUNDLE": "other"}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_certificate_that_is_refused(
    server: ServerFactory,
    monkeypatch: pytest.MonkeyPatch,
    certificates: dict[str, tuple[str, str]],
    case: str,
) -> None:
    """Nothing in the environment turns the check off, and nothing is sent ahead of it."""
    kind, environment = REFUSED[case]
    for name, value in environment.items():
        monkeypatch.setenv(name, certificates[value][0] if value in certificates else value)
    scripted = server(HELLO, certificate=certificates[kind])
    with (
        openai_compatible.Client(KEY, base_url=scripted.url) as client,
        pytest.raises(UntrustedCertificate, match=r"no secure connection.*certificate") as caught,
    ):
        client.agent("m").build().prompt("Hi", stream=True)
    assert scripted.requests == []
    assert caught.value.attempts == ()  # the certificate will be the same


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_an_authority_of_ones_own(
    server: ServerFactory,
    monkeypatch: pytest.MonkeyPatch,
    certificates: dict[str, tuple[str, str]],
    name: str,
) -> None:
    """The environment may name certificates; what it names has to be there."""
    scripted = server(HELLO, certificate=certificates["good"])
    monkeypatch.setenv(name, certificates["good"][0])
    with openai_compatible.Client(KEY, base_url=scripted.url) as client:
        assert client.agent("m").build().prompt("Hi", stream=True).output == "Hello"
    for wrong in ("/nowhere.pem", "0", "false"):
        monkeypatch.setenv(name, wrong)
        with (
            openai_compatible.Client(KEY, base_url=scripted.url) as client,
            pytest.raises(ConfigError, match=f"no certificates at {wrong}: look at REQUESTS_CA"),
        ):
            client.agent("m").build().prompt("Hi")
    assert len(scripted.requests) == 1


@pytest.mark.parametrize("kind", ["good", "other", "over"])
def test_the_certificate_of_a_proxy(
    server: ServerFactory,
    monkeypatch: pytest.MonkeyPatch,
    certificates: dict[str, tuple[str, str]],
    kind: str,
) -> None:
    """A proxy that is spoken to by TLS is looked at as closely, ahead of its password."""
    proxy = server(error_response(502), certificate=certificates[kind])
    monkeypatch.setenv("HTTPS_PROXY", f"https://me:{CANARY}@localhost:{proxy.port}")
    with openai_compatible.Client(KEY, base_url="https://api.invalid", retries=ONCE) as client:
        for trusted in ("", certificates[kind][0]):
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", trusted)
            with pytest.raises(ConnectFailed) as caught:
                client.list_models()
            assert not is_in(str(caught.value))
        assert proxy.requests == []
    if kind == "good":
        with (
            openai_compatible.Client(KEY, base_url="https://api.invalid", retries=ONCE) as client,
            pytest.raises(ConnectFailed),
        ):
            client.list_models()
        assert [one.method for one in proxy.requests] == ["CONNECT"]


# what a model names --------------------------------------------------------------------------


def answers(url: str) -> list[list[Step]]:
    """Answers on the chat wire with addresses wherever there can be some."""
    image = {"type": "image_url", "image_url": {"url": f"{url}/i.png"}}
    cited = {"type": "url_citation", "url_citation": {"url": f"{url}/c", "title": "c"}}
    deltas = [
        {"content": f"![x]({url}/m.png) <img src='{url}/h.png'> [a]({url}/a) {url}/t file:///etc"},
        {"images": [image]},
        {"annotations": [cited]},
        {"citations": [f"{url}/p"]},
        {"audio": {"id": "a", "data": "", "url": f"{url}/s"}},
        {"content": [image]},
    ]
    more = {"citations": [f"{url}/q"], "search_results": [{"url": f"{url}/r"}]}
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], **more}
    return [sse_response(*map(chat_chunk, deltas), sse(last), *chat_chunks(".", finish="stop"))]


def test_what_a_model_names_is_not_fetched(server: ServerFactory, model: ModelFactory) -> None:
    """Images, links, citations and files of an answer stay addresses."""
    other = server(HELLO)
    scripted = server(*answers(f"http://127.0.0.1:{other.port}"))
    stream = Agent(model(scripted)).stream_prompt("Hi")
    items = list(stream)
    repr(items)
    again = Agent(model(scripted)).stream_chat("And?", stream.messages)
    list(again)
    assert len(scripted.requests) == 2
    assert other.connections == 0


def test_what_a_tool_names_is_not_fetched(server: ServerFactory, model: ModelFactory) -> None:
    """A picture that a tool gives by its address goes to the provider as an address."""
    other = server(HELLO)
    url = f"http://127.0.0.1:{other.port}/i.png"

    @tool
    def look() -> Image:
        """Look."""
        return Image(url=url)

    scripted = server(sse_response(*call_chunks(("look", {}))), HELLO)
    assert Agent(model(scripted), tools=[look]).prompt("Hi", stream=True).output == "Hello"
    assert url in scripted.requests[1].body.decode()
    assert other.connections == 0


@pytest.mark.parametrize("wire", WIRES)
def test_no_encoder_fetches(server: ServerFactory, tmp_path: Path, wire: str) -> None:
    """An address is sent as one, or refused; on every wire, in words and in results of tools."""
    secret = tmp_path / "secret.png"
    secret.write_text(CANARY)
    other, speaker = server(HELLO), WIRES[wire]
    scripted = server(speaker.done())
    urls = [f"{other.url}/a.png", secret.as_uri(), str(secret)]
    parts = [
        kind(url=url, media_type="image/png") for kind in (Image, Audio, Video) for url in urls
    ]
    asked: list[tuple[UserMessage, tuple[Message, ...]]] = [
        (user("Hi", part), ()) for part in parts
    ]
    for url in urls:
        image = Image(url=url, media_type="image/png")
        document = Document(url=url, media_type="application/pdf")
        asked.append((user("Hi", document), ()))
        for part in (image, document):
            result = user(ToolResult("c0", (Text("See."), part)))
            asked.append((result, (user("Hi"), assistant(ToolCall("c0", "look", {})))))
    sent = 0
    with speaker.at(scripted.url) as client:
        model = client.completion_model("gemini-3")
        for prompt, history in asked:
            try:
                list(model.stream_completion(prompt, history).stream())
            except ConfigError:
                continue
            sent += 1
            assert any(url in scripted.requests[-1].body.decode() for url in urls)
    assert sent == len(scripted.requests)
    assert not any(is_in(request.body.decode()) for request in scripted.requests)
    assert other.connections == 0


# logs ----------------------------------------------------------------------------------------


def test_logs_tell_no_content(server: ServerFactory, caplog: pytest.LogCaptureFixture) -> None:
    """At any level our loggers name who, what kind, how often: no words, no arguments, no key."""
    words = [f"w0rd-{name}" for name in ("system", "prompt", "answer", "thought", "argument")]
    words += [f"w0rd-{name}" for name in ("result", "failure", "error", "frame", "history")]
    system, prompt, answer, thought, argument, result, failure, error, frame, history = words

    @tool
    def find(a: str) -> str:
        """Find."""
        if a == failure:
            raise ValueError(failure)
        return result

    served = server(
        error_response(503, {"error": {"message": error, "code": error}}),
        sse_response(
            chat_chunk({"reasoning_content": thought}),
            f"data: {{{frame}\n\n".encode(),
            *call_chunks(("find", {"a": argument}), ("find", {"a": failure}), ("find", {"b": 1})),
        ),
        sse_response(*chat_chunks(answer)),
        sse_response(chat_chunk({"content": answer}), sse({"error": {"message": error}})),
    )
    caplog.set_level(logging.DEBUG)
    with openai_compatible.Client(
        CANARY, base_url=served.url, retries=RetryPolicy(initial=0)
    ) as client:
        agent = Agent(client.completion_model("m"), preamble=system, tools=[find])
        assert agent.prompt(prompt, stream=True).output == answer
        with pytest.raises(RigError):
            agent.chat(prompt, [user(history), assistant(history)], stream=True)
    ours = [one for one in caplog.records if one.name.partition(".")[0] == "rig_sync"]
    assert [one.levelname for one in ours] == ["INFO"]
    assert "Overloaded, status 503" in ours[0].getMessage()
    for record in caplog.records:
        told = f"{record.getMessage()} {record.args!r} {vars(record)!r}"
        assert not is_in(told)
        assert not any(word in told for word in words)


# the command on a terminal -------------------------------------------------------------------

STEERING = "\x1b]0;title\x07 \x9b31m \x7f \r now"


def is_plain(text: str) -> bool:
    """Whether nothing in it steers a terminal."""
    return not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def arguments(served: ScriptedServer, *more: str) -> list[str]:
    return ["--model", "openai_compatible:m", "--base-url", served.url, *more, "Hi"]


@pytest.mark.parametrize("more", [[], ["--debug"], ["--json"]], ids=["plain", "debug", "json"])
def test_errors_steer_no_terminal(
    server: ServerFactory, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    """What a server says of an error is shown without its controls."""
    served = server(error_response(400, {"error": {"message": STEERING, "code": STEERING}}))
    assert main(arguments(served, *more)) == 1
    out, err = capsys.readouterr()
    assert "title" in err
    assert is_plain(out)
    assert is_plain(err)


def test_lines_of_json_steer_no_terminal(
    server: ServerFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """All controls are escaped as JSON has it, so that the words are the same."""
    served = server(sse_response(*chat_chunks(STEERING + "\u202e\u2066")))
    assert main(arguments(served, "--json")) == 0
    out = capsys.readouterr().out
    assert is_plain(out)
    assert json.loads(out.splitlines()[-1])["messages"][-1]["content"][0]["text"].startswith(
        STEERING
    )


def test_names_of_models_steer_no_terminal(
    server: ServerFactory, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that comes from a server."""
    listing = json.dumps({"data": [{"id": f"m{STEERING}"}]}).encode()
    served = server(response(200, {"Content-Type": "application/json"}, listing))
    assert main(["models", "list", "openai_compatible", "--base-url", served.url]) == 0
    out = capsys.readouterr().out
    assert "title" in out
    assert is_plain(out)


def test_json_on_a_screen_without_letters(server: ServerFactory) -> None:
    """Standard output in ASCII gets the same JSON, escaped."""
    served = server(sse_response(*chat_chunks("na\u00efve \U0001f600")))
    ran = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-m", "rig_sync.cli", *arguments(served, "--json")],
        env={"PYTHONPATH": ":".join(filter(None, sys.path)), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=50,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[0])["content"]["text"] == "na\u00efve \U0001f600"


@pytest.mark.filterwarnings("default::rig_sync.InsecureUrlWarning")
def test_the_command_warns_in_its_own_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the lines of a program that nobody wrote."""
    assert main(["--model", "openai_compatible:m", "--base-url", ELSEWHERE, "Hi"]) == 1
    warned, failed = capsys.readouterr().err.splitlines()
    assert warned.startswith(f"rig-sync: base_url {ELSEWHERE} is not encrypted: ")
    assert failed.startswith("rig-sync: openai_compatible: no connection to nowhere.invalid")
