"""What a model cannot do is refused before anything is sent; what it may can be overridden."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

import msgspec
import pytest

from rig_sync import (
    Audio,
    CompletionRequest,
    ConfigError,
    Document,
    Image,
    ReasoningOptions,
    ToolCall,
    ToolChoice,
    ToolDefinition,
    ToolResult,
    Video,
    assistant,
    user,
)
from rig_sync._json import Json, JsonObject, compact
from rig_sync.catalog import Capabilities
from rig_sync.completion import OutputSchema
from rig_sync.message import ProviderBlock, Text, UserContent
from rig_sync.model import CompletionModel
from rig_sync.providers import client_class, openai_compatible, provider_names
from rig_sync.request import check_capabilities, needs
from rig_sync.transport.endpoint import Endpoint
from rig_sync.transport.retry import NO_RETRIES
from rig_sync.transport.timeouts import Timeouts
from rig_sync.wire.openai_chat import OpenAIChat
from tests.conftest import ServerFactory
from tests.server import chat_chunks, sse_response
from tests.wire.corpus import Exchange, read_corpus
from tests.wire.fidelity import WIRES
from tests.wire.test_fidelity import SHARED

TOOL = ToolDefinition("add", "Adds.", {"type": "object", "properties": {}})
PICTURE = Image(url="https://x.test/a.png")
PDF = Document(data="JVBERg==", media_type="application/pdf")
UNASKED = {"completion", "native_output_with_tools"}
PLAIN = CompletionRequest("m", (user("Hi"),))


def asking(**changes: object) -> CompletionRequest:
    """A request that says `Hi` and asks for more."""
    return msgspec.structs.replace(PLAIN, **changes)


def showing(*parts: UserContent) -> CompletionRequest:
    """A request with more than words."""
    return asking(messages=(user("Look:", *parts),))


def answering(*parts: Text | Image | Document) -> CompletionRequest:
    """A request whose history has the result of a tool."""
    call = assistant(ToolCall("c", "look"))
    return asking(messages=(user("Look."), call, user(ToolResult("c", parts))))


# what is refused: the flag, a request that needs it, words of the message
REFUSED: list[tuple[str, CompletionRequest, str]] = [
    ("tools", asking(tools=(TOOL,)), "m cannot call tools: leave the tools out"),
    (
        "tool_choice",
        asking(tools=(TOOL,), tool_choice=ToolChoice("required")),
        "m cannot be made to call a tool: leave tool_choice out",
    ),
    (
        "tool_choice",
        asking(tools=(TOOL,), tool_choice=ToolChoice("specific", ("add",))),
        "m cannot be made to call a tool",
    ),
    ("reasoning", asking(reasoning=ReasoningOptions(effort="low")), "leave the reasoning options"),
    ("structured_output", asking(output_schema=OutputSchema("o", {})), "leave output_schema out"),
    ("images", showing(PICTURE), "m sees no images: describe them"),
    ("images", answering(PICTURE), "m sees no images"),
    ("audio", showing(Audio(data="UklG", media_type="audio/wav")), "give a transcript"),
    ("video", showing(Video(url="https://x.test/a.mp4")), "m watches no video"),
    ("documents", showing(PDF), "give what they say as Document(text=...)"),
    ("documents", answering(PDF), "m reads no files"),
    ("documents", asking(documents=(PDF,)), "m reads no files"),
]

# what needs nothing
PASSES: list[CompletionRequest] = [
    PLAIN,
    asking(tool_choice=ToolChoice("none")),
    asking(documents=(Document(text="All is well."),)),
    showing(Document(text="All is well.", name="a.txt")),
    showing(Document(data="SGk=", media_type="text/plain")),
    showing(ProviderBlock("image", {"type": "image"})),
    answering(Text("3")),
    asking(additional_params={"tools": [], "reasoning_effort": "low"}),
]
NOTHING = Capabilities(**dict.fromkeys(Capabilities().names, False))


@pytest.mark.parametrize(("flag", "request_", "words"), REFUSED)
def test_refused(flag: str, request_: CompletionRequest, words: str) -> None:
    """A model without the capability is told apart from all others, and what to do is said."""
    assert flag in needs(request_)
    check_capabilities(request_, Capabilities())
    without = Capabilities(**{flag: False})
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        check_capabilities(request_, without)
    assert "completion_model('m', capabilities=Capabilities())" in str(caught.value)


@pytest.mark.parametrize("request_", PASSES)
def test_passes(request_: CompletionRequest) -> None:
    """Words, plain text, and what the caller answers for go to every model."""
    assert needs(request_) == ()
    check_capabilities(request_, NOTHING)


def test_a_hint_refuses_nothing() -> None:
    """A schema beside tools is the provider's to judge, whatever agents are advised."""
    both = asking(tools=(TOOL,), output_schema=OutputSchema("o", {}))
    check_capabilities(both, Capabilities(native_output_with_tools=False))


def test_nothing_is_sent(server: ServerFactory) -> None:
    """Streamed or not, the error comes from the call itself and names the provider."""
    served = server(sse_response(*chat_chunks("Hi.")))
    with openai_compatible.Client(base_url=served.url) as client:
        odd = client.completion_model("m", capabilities=Capabilities(tools=False))
        for act in (odd.stream, odd.send):
            with pytest.raises(ConfigError, match="openai_compatible: m cannot call tools"):
                act(asking(tools=(TOOL,)))
        assert served.requests == []
        agent = client.agent("m", capabilities=Capabilities(images=False)).build()
        with pytest.raises(ConfigError, match="m sees no images"):
            agent.prompt(user(PICTURE))
        assert agent.prompt("Hello", stream=True).output == "Hi."


def test_what_the_user_says_counts(server: ServerFactory) -> None:
    """A model that has learnt more than its provider's row knows can be asked."""
    served = server(sse_response(*chat_chunks("Hi.")))
    with client_class("perplexity")("key", base_url=served.url) as client:
        with pytest.raises(ConfigError, match="perplexity: m cannot call tools"):
            client.completion_model("m").stream(asking(tools=(TOOL,)))
        able = client.completion_model("m", capabilities=Capabilities())
        with able.stream(asking(tools=(TOOL,))) as stream:
            assert [*stream]
    assert b'"tools":' in served.requests[0].body


def test_a_client_tells_its_models() -> None:
    """A model's family decides, unless the user does."""
    with client_class("openai")("key") as client:
        assert client.completion_model("gpt-5.5").capabilities.reasoning
        assert not client.completion_model("gpt-4o").capabilities.reasoning
        able = client.completion_model("gpt-4o", capabilities=Capabilities())
        assert able.capabilities == Capabilities()


def test_every_capability_is_looked_at() -> None:
    """There is no flag that nothing is refused for, but for those that no request needs."""
    assert {flag for flag, _, _ in REFUSED} == set(Capabilities().names) - UNASKED


def test_a_model_made_by_hand() -> None:
    """Nothing is known of it, so everything may be asked."""
    endpoint = Endpoint("mine", "http://127.0.0.1:9")
    model = CompletionModel(endpoint, OpenAIChat(), "m", timeouts=Timeouts(), retries=NO_RETRIES)
    assert model.capabilities == Capabilities()


# rows ----------------------------------------------------------------------------------------

FAMILIES: list[tuple[str, str, dict[str, bool]]] = [
    ("openai", "gpt-5.5", {"reasoning": True, "structured_output": True, "video": False}),
    ("openai", "o4-mini", {"reasoning": True, "structured_output": True}),
    ("openai", "gpt-4.1-nano", {"reasoning": False, "structured_output": True}),
    ("openai", "ft:gpt-4o-mini:me", {"reasoning": False, "native_output_with_tools": True}),
    ("openai", "gpt-4-turbo", {"structured_output": False, "native_output_with_tools": False}),
    ("openai", "gpt-3.5-turbo", {"structured_output": False, "tools": True}),
    ("gemini", "gemini-2.5-flash", {"structured_output": True, "native_output_with_tools": False}),
    ("gemini", "gemini-3-flash-preview", {"native_output_with_tools": True}),
    ("gemini", "gemini-flash-latest", {"native_output_with_tools": False}),
    ("vertex", "publishers/google/models/gemini-3.1-pro", {"native_output_with_tools": True}),
    ("vertex", "publishers/meta/models/x", {"native_output_with_tools": False}),
    ("anthropic", "claude-sonnet-4-5", {"structured_output": True, "audio": False}),
    ("anthropic", "claude-opus-4-1-20250805", {"structured_output": True}),
    ("anthropic", "claude-sonnet-4-20250514", {"structured_output": False}),
    ("anthropic", "claude-3-7-sonnet-latest", {"structured_output": False, "reasoning": True}),
    ("bedrock", "us.anthropic.claude-sonnet-5", {"native_output_with_tools": True}),
    ("bedrock", "amazon.nova-pro-v1:0", {"structured_output": False, "video": True}),
    ("bedrock", "us.meta.llama3-3-70b-instruct-v1:0", {"structured_output": False}),
    ("openrouter", "openai/gpt-5.5", {"native_output_with_tools": True}),
    ("openrouter", "qwen/qwq-32b", {"native_output_with_tools": False, "video": True}),
    ("xai", "grok-4", {"structured_output": True, "native_output_with_tools": False}),
    ("ollama", "qwen3", {"structured_output": True, "native_output_with_tools": False}),
]


@pytest.mark.parametrize(("provider", "model", "flags"), FAMILIES)
def test_families(provider: str, model: str, flags: dict[str, bool]) -> None:
    """Where a family differs from the other models of a provider, it is known by its name."""
    found = client_class(provider).capabilities_of(model)
    assert {name: getattr(found, name) for name in flags} == flags


def test_who_composes() -> None:
    """A schema beside tools is relied on where that is known to work, and nowhere else."""
    known = {name for name in provider_names() if _composes(name)}
    assert known == {"anthropic", "azure", "bedrock", "chatgpt", "openai"}


def _composes(name: str) -> bool:
    return client_class(name).capabilities_of("m").native_output_with_tools


@pytest.mark.parametrize("name", provider_names())
def test_flags_agree(name: str) -> None:
    """What cannot call tools cannot be forced to, nor call them beside a schema."""
    found = client_class(name).capabilities
    assert found.tools or not found.tool_choice
    assert (found.tools and found.structured_output) or not found.native_output_with_tools


# recorded requests ---------------------------------------------------------------------------

SOUND, FILM = Audio(data="UklG"), Video(url="https://x.test/a.mp4")
PARTS: dict[str, UserContent] = {
    "image": PICTURE,
    "image_url": PICTURE,
    "input_image": PICTURE,
    "input_audio": SOUND,
    "video": FILM,
    "video_url": FILM,
    "file": PDF,
    "input_file": PDF,
    "document_url": PDF,
    "document": PDF,
}
"""A part by its `type`; Bedrock's by its one key."""
HALVES: dict[str, UserContent] = {"image": PICTURE, "audio": SOUND, "video": FILM}
"""Google's by the first half of the media type."""

TOOLS = (("tools",), ("toolConfig", "tools"))
CHOICES = (
    ("tool_choice",),
    ("toolConfig", "toolChoice"),
    ("toolConfig", "functionCallingConfig", "mode"),
    ("generation_config", "tool_choice"),
)
SCHEMAS = (
    ("response_format", "json_schema"),
    ("text", "format", "schema"),
    ("output_config", "format"),
    ("output_format",),
    ("outputConfig", "textFormat"),
    ("generationConfig", "responseSchema"),
    ("generationConfig", "responseJsonSchema"),
    ("format", "type"),
)
THOUGHTS = (
    ("reasoning",),
    ("reasoning_effort",),
    ("thinking",),
    ("think",),
    ("output_config", "effort"),
    ("generationConfig", "thinkingConfig"),
    ("generation_config", "thinking_level"),
    ("additionalModelRequestFields", "thinking"),
)


def at(body: Json, *path: str) -> Json:
    """What is at the end of `path`, or None."""
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body


def any_at(body: JsonObject, paths: Iterable[tuple[str, ...]]) -> list[Json]:
    """What is at the ends of those paths that lead somewhere."""
    return [found for path in paths if (found := at(body, *path))]


def objects_in(value: Json) -> Iterator[JsonObject]:
    """Every object in `value`, at any depth."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        yield from objects_in(inner)


def media(body: JsonObject) -> Iterator[UserContent]:
    """What of the conversation is more than words."""
    for part in objects_in([body.get(name) for name in ("messages", "input", "contents")]):
        kind, source = part.get("type"), part.get("source")
        words = at(source, "type") == "text" or at(part, "document", "data")
        if kind in PARTS and not words:
            yield PARTS[str(kind)]
        for name in PARTS.keys() & part.keys():
            if at(part, name, "source", "bytes"):
                yield PARTS[name]
        for mime in any_at(part, [("inlineData", "mimeType"), ("fileData", "mimeType")]):
            yield HALVES.get(str(mime).partition("/")[0], PDF)
        if part.get("images"):
            yield PICTURE


def wanted(body: JsonObject, model: str) -> CompletionRequest:
    """A request that asks for what the recorded `body` asked for."""
    choices = [compact(choice).lower() for choice in any_at(body, CHOICES)]
    forced = [text for text in choices if not re.search('"(auto|none)"', text)]
    return CompletionRequest(
        model,
        (user("Hi", *media(body)),),
        tools=(TOOL,) if any_at(body, TOOLS) else (),
        tool_choice=ToolChoice("required") if forced else None,
        reasoning=ReasoningOptions() if any_at(body, THOUGHTS) else None,
        output_schema=OutputSchema("o", {}) if any_at(body, SCHEMAS) else None,
    )


def model_of(exchange: Exchange) -> str:
    """The model that was asked, in the body or in the path."""
    in_path = re.search(r"/models?/([^/:]+)", unquote(exchange.request.path))
    return in_path[1] if in_path else exchange.request.model


@pytest.mark.recordings
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"there are no recordings at {SHARED}")
def test_what_providers_took_is_not_refused() -> None:
    """No recorded request that was answered asks for what a row rules out."""
    names, seen, flags = set(provider_names()), 0, Counter[str]()
    for recording in read_corpus(SHARED, WIRES)[0]:
        exchange = recording.exchange
        body, answered = exchange.request.json, exchange.response.status < 300
        if exchange.provider in names and isinstance(body, dict) and answered:
            request = wanted(body, model_of(exchange))
            check_capabilities(
                request, client_class(exchange.provider).capabilities_of(request.model)
            )
            seen += 1
            flags.update(needs(request))
    assert seen > 0
    assert set(flags) == set(Capabilities().names) - UNASKED
