"""The providers that are rows: where they send what, and what they read from outside."""

from __future__ import annotations

import base64
import importlib

import pytest

from rig_sync import (
    AuthenticationError,
    Client,
    CompletionRequest,
    ConfigError,
    Image,
    ReasoningOptions,
    StreamTruncated,
    Text,
    ToolCall,
    ToolChoice,
    ToolDefinition,
    ToolResult,
    assistant,
    system,
    user,
)
from rig_sync._json import JsonObject, compact
from rig_sync.providers import (
    azure,
    chatgpt,
    client_class,
    copilot,
    llamacpp,
    openai,
    openai_compatible,
    provider_names,
    snowflake,
    xai,
)
from tests.conftest import ServerFactory
from tests.server import Request, Script, chat_chunks, response, sse, sse_response

END = {"type": "response.completed", "response": {"status": "completed", "output": []}}


def answer(request: Request) -> Script:
    """The end of an answer, on either wire."""
    if "/chat/completions" in request.path:
        return sse_response(*chat_chunks("Hi."))
    delta = {"type": "response.output_text.delta", "output_index": 0, "delta": "Hi."}
    return sse_response(sse(delta), sse(END))


def ask(client: Client) -> None:
    with client:
        assert client.agent("m").max_tokens(9).build().prompt("Hello", stream=True).output == "Hi."


def test_openai_from_outside(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key, address, organisation and project; Responses by default, chat when asked for."""
    served = server(answer)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-outside")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{served.url}/v1/")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    client = openai.Client.from_env()
    assert "sk-outside" not in repr(client)
    ask(client)
    ask(client.completions_api())
    first, second = served.requests
    assert (first.path, second.path) == ("/v1/responses", "/v1/chat/completions")
    assert b'"max_output_tokens":9' in first.body
    assert b'"max_completion_tokens":9' in second.body
    for request in served.requests:
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert headers["authorization"] == "Bearer sk-outside"
        assert headers["openai-organization"] == "org-1"
        assert headers["openai-project"] == "proj-1"
        assert headers["accept"] == "text/event-stream"


def test_what_is_given_counts_more(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument of `from_env` is not looked up outside; headers of the user's win."""
    served = server(answer)
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")
    ask(openai.Client.from_env(base_url=served.url, headers={"User-Agent": "mine"}))
    headers = {name.lower(): value for name, value in served.requests[0].headers.items()}
    assert headers["user-agent"] == "mine"


def test_servers_without_a_key(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """llama.cpp and any compatible server: a key is sent only if there is one."""
    served = server(answer)
    monkeypatch.setenv("LLAMACPP_API_BASE_URL", f"{served.url}/v1")
    monkeypatch.setenv("OPENAI_COMPATIBLE_BASE_URL", f"{served.url}/v1")
    ask(llamacpp.Client.from_env())
    ask(openai_compatible.Client.from_env())
    ask(openai_compatible.Client.from_env().responses_api())
    monkeypatch.setenv("OPENAI_COMPATIBLE_API_KEY", "key")
    ask(openai_compatible.Client.from_env())
    keys = [
        {name.lower(): value for name, value in request.headers.items()}.get("authorization")
        for request in served.requests
    ]
    assert keys == [None, None, None, "Bearer key"]
    assert [request.path for request in served.requests][2] == "/v1/responses"


# every row -----------------------------------------------------------------------------------

OWN_WAY = {"azure", "bedrock", "copilot", "local", "openai_compatible", "snowflake", "vertex"}
"""Those that want other things than a key; each has tests of its own."""
ROWS = [name for name in provider_names() if name not in OWN_WAY]
CHAT = [
    name
    for name in ROWS
    if client_class(name).wire.name == "openai_chat" and client_class(name).capabilities.completion
]
TOOL = ToolDefinition("add", "Adds.", {"type": "object", "properties": {}})


def body_of(client: Client, **changes: object) -> JsonObject:
    """What a model of `client` would be asked."""
    with client:
        builder = client.completion_model("m").completion("Hello")
        for name, value in changes.items():
            builder = getattr(builder, name)(value)
        return client.wire.encode(builder.build(), stream=False)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_from_outside(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is looked up under one name, which the error tells; so is the address."""
    kind = client_class(name)
    assert kind.api_key_env is not None
    assert kind.base_url_env is not None
    if kind.key_required:
        with pytest.raises(ConfigError, match=f"set {kind.api_key_env}"):
            kind.from_env()
        with pytest.raises(ConfigError, match=name):
            kind(" ")
    monkeypatch.setenv(kind.api_key_env, "s3cret")
    with kind.from_env() as client:
        assert client.endpoint.base_url == kind.default_base_url
        assert "s3cret" not in repr(client)
    monkeypatch.setenv(kind.base_url_env, "http://127.0.0.1:9/elsewhere/")
    with kind.from_env() as client:
        assert client.endpoint.base_url == "http://127.0.0.1:9/elsewhere"


@pytest.mark.parametrize("name", provider_names())
def test_a_row_is_documented(name: str) -> None:
    """A module says what it is; its constants are names of models, and all are exported."""
    module = importlib.import_module(f"rig_sync.providers.{name}")
    assert module.__doc__
    assert client_class(name).__doc__
    listed = {entry: getattr(module, entry) for entry in module.__all__ if entry.isupper()}
    assert all(isinstance(value, str) and value for value in listed.values())


@pytest.mark.parametrize("name", CHAT)
def test_a_chat_row_asks(server: ServerFactory, name: str) -> None:
    """Every chat row streams a prompt, and sends the key as a bearer token."""
    served = server(lambda _: sse_response(*chat_chunks("Hi.")))
    with client_class(name)("s3cret", base_url=served.url) as client:
        agent = client.agent("m").preamble("Be brief.").max_tokens(9).build()
        assert agent.prompt("Hello", stream=True).output == "Hi."
    (request,) = served.requests
    assert request.headers["authorization"] == "Bearer s3cret"
    assert b'"max_tokens":9' in request.body or b'"max_completion_tokens":9' in request.body


def test_a_key_that_changes(server: ServerFactory) -> None:
    """A function in place of a key is asked at each request; its keys stay out of messages."""
    keys = iter(["first-long-secret-key", "second-long-secret-key"])
    body = b'{"error": {"message": "bad key second-long-secret-key"}}'
    served = server(sse_response(*chat_chunks("Hi.")), response(401, {}, body))
    with openai_compatible.Client(lambda: next(keys), base_url=served.url) as client:
        agent = client.agent("m").build()
        assert agent.prompt("Hello", stream=True).output == "Hi."
        with pytest.raises(AuthenticationError, match=r"bad key \[key\]") as caught:
            agent.prompt("Hello")
    assert "second-long" not in caught.value.body
    sent = [request.headers["authorization"] for request in served.requests]
    assert sent == ["Bearer first-long-secret-key", "Bearer second-long-secret-key"]


@pytest.mark.parametrize(("given", "told"), [(None, "NoneType"), (b"k", "bytes"), (7, "int")])
def test_a_function_without_a_key(server: ServerFactory, given: str, told: str) -> None:
    """Nothing is sent with what is no key."""
    served = server()
    with (
        openai_compatible.Client(lambda: given, base_url=served.url) as client,
        pytest.raises(ConfigError, match=f"what api_key gives has to be a text, not {told}"),
    ):
        client.agent("m").build().prompt("Hello")
    assert served.requests == []


@pytest.mark.parametrize(
    ("client", "kept"),
    [
        (openai.Client("key").completions_api(), False),
        (azure.Client("key", base_url="http://127.0.0.1:9"), False),
        (openai_compatible.Client(base_url="http://127.0.0.1:9"), True),
    ],
    ids=["openai", "azure", "openai_compatible"],
)
def test_what_google_attaches_to_calls(client: Client, kept: bool) -> None:
    """It goes back to any server but OpenAI's, which refuses fields that it does not know."""
    attached: JsonObject = {"extra_content": {"google": {"thought_signature": "sig"}}}
    call = ToolCall("a", "add", provider_data=attached)
    history = (user("Hi"), assistant(call), user(ToolResult("a", (Text("3"),))))
    body = client.wire.encode(CompletionRequest("m", history), stream=False)
    assert ('"extra_content"' in compact(body)) is kept


# what is special about one -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "fields"),
    [
        ("groq", ReasoningOptions(effort="low"), {"reasoning_effort": "low"}),
        (
            "deepseek",
            ReasoningOptions(effort="high"),
            {"thinking": {"type": "enabled"}, "reasoning_effort": "high"},
        ),
        ("zai", ReasoningOptions(effort="none"), {"thinking": {"type": "disabled"}}),
        ("openrouter", ReasoningOptions(budget=2000), {"reasoning": {"max_tokens": 2000}}),
        ("snowflake", ReasoningOptions(effort="low"), {"reasoning": {"effort": "low"}}),
        (
            "alibaba",
            ReasoningOptions(budget=100),
            {"enable_thinking": True, "thinking_budget": 100},
        ),
        ("alibaba", ReasoningOptions(effort="none"), {"enable_thinking": False}),
    ],
)
def test_thinking(name: str, options: ReasoningOptions, fields: JsonObject) -> None:
    """How much to think is said in each provider's words."""
    body = body_of(client_class(name)("key", base_url="http://127.0.0.1:9"), reasoning=options)
    plain = body_of(client_class(name)("key", base_url="http://127.0.0.1:9"))
    assert body == {**plain, **fields}


def test_a_budget_where_there_is_none() -> None:
    """Servers that take efforts alone refuse a budget before anything is sent."""
    with pytest.raises(ConfigError, match="no token budget"):
        body_of(client_class("groq")("key"), reasoning=ReasoningOptions(budget=9))


def test_mistral() -> None:
    """A seed and a forced tool have other names there."""
    client = client_class("mistral")("key")
    body = body_of(client, seed=7, tools=TOOL, tool_choice=ToolChoice("required"))
    assert (body["random_seed"], body["tool_choice"]) == (7, "any")
    assert "seed" not in body


def test_minimax() -> None:
    """Thoughts are asked for beside the answer."""
    assert body_of(client_class("minimax")("key"))["reasoning_split"] is True


def test_azure(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment stands in the path, the version in the query; a key or a token."""
    served = server(answer)
    with azure.Client("key", base_url=served.url, api_version="2025-01-01") as client:
        assert client.agent("my gpt").build().prompt("Hello", stream=True).output == "Hi."
        ask(client.responses_api())
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", served.url)
    monkeypatch.setenv("AZURE_TOKEN", "token")
    with azure.Client.from_env() as client:
        assert client.agent("m").build().prompt("Hello", stream=True).output == "Hi."
    paths = [request.path for request in served.requests]
    assert paths == [
        "/openai/deployments/my%20gpt/chat/completions?api-version=2025-01-01",
        "/openai/v1/responses",
        f"/openai/deployments/m/chat/completions?api-version={azure.API_VERSION}",
    ]
    first, _, last = (request.headers for request in served.requests)
    assert (first["api-key"], "authorization" in first) == ("key", False)
    assert (last["authorization"], "api-key" in last) == ("Bearer token", False)


def test_azure_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address, and one proof; what is missing is named."""
    with pytest.raises(ConfigError, match="RESOURCE"):
        azure.Client("key")
    with pytest.raises(ConfigError, match="not both"):
        azure.Client("key", token="token", base_url="http://127.0.0.1:9")
    monkeypatch.setenv("AZURE_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ConfigError, match="AZURE_API_KEY"):
        azure.Client.from_env()


def test_chatgpt(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend streams alone, stores nothing, and has the system prompt in one place."""
    served = server(answer)
    monkeypatch.setenv("CHATGPT_ACCESS_TOKEN", "token")
    monkeypatch.setenv("CHATGPT_ACCOUNT_ID", "acc")
    with chatgpt.Client.from_env(base_url=served.url) as client:
        agent = client.agent("m").preamble("Be brief.").build()
        assert agent.chat("Hello", [system("Be kind."), user("Hm.")]).output == "Hi."
        assert client.agent("m").build().prompt("Hello").output == "Hi."
        for builder in (client.agent("m").temperature(1), client.agent("m").max_tokens(9)):
            with pytest.raises(ConfigError, match=r"chatgpt: .*leave them out"):
                builder.build().prompt("Hello")
    first, second = served.requests
    assert first.headers["chatgpt-account-id"] == "acc"
    assert first.headers["originator"] == "rig_sync"
    assert first.json == {
        "model": "m",
        "input": [{"role": "user", "content": "Hm."}, {"role": "user", "content": "Hello"}],
        "instructions": "Be brief.\n\nBe kind.",
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
    }
    assert b"You are ChatGPT" in second.body


def test_copilot(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, or a GitHub token that fetches keys, once for as long as they last."""
    github = server(response(body=b'{"token": "short-lived-copilot-key", "expires_at": 4e9}'))
    served = server(answer)
    token = copilot.GitHubToken("ghu_1", base_url=github.url)
    with copilot.Client(token, base_url=served.url) as client:
        ask(client)
        ask(client.responses_api())
        picture = user(Image(data=base64.b64encode(b"png").decode(), media_type="image/png"))
        assert client.agent("m").build().prompt(picture, stream=True).output == "Hi."
    assert [request.path for request in github.requests] == ["/copilot_internal/v2/token"]
    assert github.requests[0].headers["authorization"] == "token ghu_1"
    for request in served.requests:
        assert request.headers["authorization"] == "Bearer short-lived-copilot-key"
        assert request.headers["copilot-integration-id"] == "vscode-chat"
        assert request.headers["x-initiator"] == "user"
    assert "copilot-vision-request" not in served.requests[0].headers
    assert served.requests[2].headers["copilot-vision-request"] == "true"
    with pytest.raises(ConfigError, match="COPILOT_GITHUB_ACCESS_TOKEN"):
        copilot.Client.from_env()
    monkeypatch.setenv("COPILOT_API_KEY", "key")
    ask(copilot.Client.from_env(base_url=served.url))
    assert served.requests[-1].headers["authorization"] == "Bearer key"


def test_copilot_without_copilot(server: ServerFactory) -> None:
    """An account without Copilot is told so."""
    github = server(response(body=b'{"message": "hm"}'))
    token = copilot.GitHubToken("ghu_1", base_url=github.url)
    client = copilot.Client(token, base_url=github.url)
    with client, pytest.raises(AuthenticationError, match="is it on this account"):
        client.agent("m").build().prompt("Hello")


def test_snowflake(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account says where; there is no finish reason, and `[DONE]` is proof enough."""
    with snowflake.Client("key", account="me") as client:
        where = "https://me.snowflakecomputing.com/api/v2/cortex/v1"
        assert client.endpoint.base_url == where
    with pytest.raises(ConfigError, match="account"):
        snowflake.Client("key")
    words = chat_chunks("Hi.", finish=None, done=False)
    served = server(sse_response(*words, b"data: [DONE]\n\n"), sse_response(*words))
    monkeypatch.setenv("SNOWFLAKE_TOKEN", "token")
    monkeypatch.setenv("SNOWFLAKE_BASE_URL", served.url)
    with snowflake.Client.from_env() as client:
        agent = client.agent("m").build()
        assert agent.prompt("Hello", stream=True).output == "Hi."
        with pytest.raises(StreamTruncated):
            agent.prompt("Hello", stream=True)


def test_xai(server: ServerFactory) -> None:
    """Responses by default, chat when asked for."""
    served = server(answer)
    with xai.Client("key", base_url=served.url) as client:
        ask(client)
    ask(xai.Client("key", base_url=served.url).completions_api())
    assert [request.path for request in served.requests] == ["/responses", "/chat/completions"]
