"""What Bedrock answers, over a real connection; the scenarios of all wires are in `conformance`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import Usage
from rig_sync.errors import (
    BadRequest,
    ContextLengthExceeded,
    NotFound,
    Overloaded,
    PermissionDenied,
    ProviderError,
    RateLimited,
    ReadFailed,
    ResponseDecodeError,
    ServerError,
    StreamTruncated,
)
from rig_sync.message import (
    Image,
    ProviderBlock,
    Reasoning,
    ReasoningRedacted,
    ReasoningText,
    Text,
    ToolCall,
)
from rig_sync.streaming.items import StreamError, StreamFinal, Unknown
from rig_sync.wire.bedrock_converse import BedrockConverse
from tests.wire.asking import Outcome, ask
from tests.wire.aws_frames import aws_error, aws_event, aws_exception, converse
from tests.wire.conformance.bedrock_converse import (
    COUNTED,
    COUNTS,
    HEL,
    LO,
    START,
    begin,
    delta,
    finish,
    metadata,
    said,
    stop,
    thinking,
    told,
    whole,
)
from tests.wire.loopback import Answer, Loopback

WIRE = BedrockConverse()
STREAM = "application/vnd.amazon.eventstream"
JSON = "application/json"
Ask = Callable[..., Outcome]


@pytest.fixture
def serve(loopback: Loopback) -> Ask:
    """Streams a body in pieces of seven bytes; asks for a whole answer with `streaming=False`."""

    def answer(
        body: bytes,
        status: int = 200,
        kind: str = STREAM,
        headers: dict[str, str] | None = None,
        *,
        streaming: bool = True,
    ) -> Outcome:
        sizes = (7,) * (len(body) // 7)
        url = loopback.add(Answer(body, status, kind, headers or {}, sizes))
        return ask(url, WIRE, streaming=streaming)

    return answer


def both(serve: Ask, streamed: bytes, one_shot: bytes) -> Outcome:
    """What comes of a stream; the whole answer has to give the same message."""
    outcome = serve(streamed)
    other = serve(one_shot, kind=JSON, streaming=False)
    assert other.answer.message == outcome.answer.message
    assert other.answer.finish_reason == outcome.answer.finish_reason
    assert outcome.answer.defects == other.answer.defects == ()
    return outcome


# blocks ------------------------------------------------------------------------------------------


def test_blocks_of_text_stay_apart(serve: Ask) -> None:
    """Each block is a part of its own, so that the turn goes back as it came."""
    outcome = both(
        serve,
        converse(START, said("One."), stop(), said("Two.", 1), stop(1), finish(), metadata()),
        whole([{"text": "One."}, {"text": "Two."}]),
    )
    assert outcome.answer.message.content == (Text("One."), Text("Two."))
    assert outcome.text == "One.Two."


def test_citations(serve: Ask) -> None:
    """A block with citations keeps them, for the way back."""
    cited: JsonObject = {"title": "policy", "location": {"documentChunk": {"start": 0, "end": 1}}}
    outcome = both(
        serve,
        converse(
            *(START, said("They get "), stop(), said("20 ", 1), said("days", 1)),
            *(delta({"citation": cited}, 1), stop(1), said(".", 2), stop(2), finish(), metadata()),
        ),
        whole(
            [
                {"text": "They get "},
                {"citationsContent": {"content": [{"text": "20 days"}], "citations": [cited]}},
                {"text": "."},
            ]
        ),
    )
    kept = Text("20 days", {"citationsContent": [cited]})
    assert outcome.answer.message.content == (Text("They get "), kept, Text("."))


def test_redacted_thoughts(serve: Ask) -> None:
    """They are kept as they are; pieces of base64 become one."""
    outcome = both(
        serve,
        converse(
            *(START, thinking("Hm"), delta({"reasoningContent": {"signature": "sig"}}), stop()),
            *(
                delta({"reasoningContent": {"redactedContent": blob}}, 1)
                for blob in ("YQ==", "Yg==")
            ),
            *(stop(1), said("Hi", 2), stop(2), finish(), metadata()),
        ),
        whole(
            [
                {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "sig"}}},
                {"reasoningContent": {"redactedContent": "YWI="}},
                {"text": "Hi"},
            ]
        ),
    )
    assert outcome.answer.message.content == (
        Reasoning((ReasoningText("Hm", "sig"),), origin="bedrock_converse"),
        Reasoning((ReasoningRedacted("YWI="),), origin="bedrock_converse"),
        Text("Hi"),
    )


def test_a_signature_alone(serve: Ask) -> None:
    """Models that decide themselves how long to think may show nothing of it, and sign that."""
    body = converse(START, delta({"reasoningContent": {"signature": "sig"}}), stop(), HEL, finish())
    (block, _) = serve(body).answer.message.content
    assert block == Reasoning((ReasoningText("", "sig"),), origin="bedrock_converse")


def test_thoughts_without_an_end(serve: Ask) -> None:
    """A block that no event closes is whole at the end of the answer."""
    outcome = serve(converse(thinking("Hm"), said("Hi", 1), finish(), metadata()))
    assert outcome.answer.message.text == "Hi"
    assert [block.text for block in outcome.answer.message.reasoning] == ["Hm"]


RESULT: list[Json] = [{"text": "23"}, {"json": {}}]


def test_tools_that_run_at_amazon(serve: Ask) -> None:
    """Their calls and results are the provider's own: nobody here runs them, they go back."""
    call: JsonObject = {"toolUseId": "s", "name": "code", "type": "server_tool_use"}
    result: JsonObject = {"toolUseId": "s", "status": "success"}
    start: Json = {"contentBlockIndex": 1, "start": {"toolResult": result}}
    outcome = both(
        serve,
        converse(
            *(START, begin(0, call), told(0, '{"x":'), told(0, "1}"), stop(0)),
            ("contentBlockStart", start),
            *(
                delta({"toolResult": [{"text": "2"}, {"text": "3"}]}, 1),
                delta({"toolResult": [{"json": {}}]}, 1),
                stop(1),
                said("2", 2),
                stop(2),
            ),
            *(finish(), metadata()),
        ),
        whole(
            [
                {"toolUse": {**call, "input": {"x": 1}}},
                {"toolResult": {**result, "content": RESULT}},
                {"text": "2"},
            ]
        ),
    )
    assert outcome.answer.message.content == (
        ProviderBlock("toolUse", {"toolUse": {**call, "input": {"x": 1}}}, "bedrock_converse"),
        ProviderBlock(
            "toolResult", {"toolResult": {**result, "content": RESULT}}, "bedrock_converse"
        ),
        Text("2"),
    )
    assert outcome.tool_items == []
    assert [item.kind for item in outcome.of(Unknown)] == ["toolUse", "toolResult"]


def test_images(serve: Ask) -> None:
    """One that the model made is a part of the message; one without bytes goes back as it is."""
    first: Json = {"source": {"bytes": "iVA="}}
    second: Json = {"source": {"bytes": "TkcN"}}
    elsewhere: Json = {"format": "png", "source": {"s3Location": {"uri": "s3://b/a.png"}}}
    start: Json = {"contentBlockIndex": 0, "start": {"image": {"format": "png"}}}
    outcome = both(
        serve,
        converse(
            ("contentBlockStart", start),
            delta({"image": first}),
            delta({"image": second}),
            stop(),
            finish(),
            metadata(),
        ),
        whole([{"image": {"format": "png", "source": {"bytes": "iVBORw0="}}}]),
    )
    assert outcome.answer.message.content == (Image(data="iVBORw0=", media_type="image/png"),)
    (part,) = serve(
        whole([{"image": elsewhere}]), kind=JSON, streaming=False
    ).answer.message.content
    assert part == ProviderBlock("image", {"image": elsewhere}, "bedrock_converse")


@pytest.mark.parametrize("start", [{}, None])
def test_the_start_of_a_block_that_says_nothing(serve: Ask, start: Json) -> None:
    """A text block may have one too: there is nothing to tell of it."""
    begun: Json = {"contentBlockIndex": 0, "start": start}
    events = (START, ("contentBlockStart", begun), said("Hi"), stop(), finish(), metadata())
    outcome = serve(converse(*events))
    assert (outcome.text, outcome.of(Unknown), outcome.errors) == ("Hi", [], [])


def test_a_foreign_block_without_an_end(serve: Ask) -> None:
    """It is whole at the end of the answer."""
    call: JsonObject = {"toolUseId": "s", "name": "code", "type": "server_tool_use"}
    (part,) = serve(converse(begin(0, call), finish(), metadata())).answer.message.content
    assert part == ProviderBlock("toolUse", {"toolUse": {**call, "input": {}}}, "bedrock_converse")


def test_blocks_nobody_knows(serve: Ask) -> None:
    """A new kind of block keeps its place and goes back; what is no block is told."""
    body = whole([{"fresh": {"x": 1}}, "text", {"text": 7}, {"text": "Hi"}])
    answer = serve(body, kind=JSON, streaming=False).answer
    assert answer.message.content == (
        ProviderBlock("fresh", {"fresh": {"x": 1}}, "bedrock_converse"),
        Text("Hi"),
    )
    assert ["content[1]" in answer.defects[0], "text: Expected" in answer.defects[1]] == [True] * 2


@pytest.mark.parametrize("value", ["1", 7, [1], True])
def test_input_that_is_no_object(serve: Ask, value: Json) -> None:
    """The call never runs as something else than what the model wrote."""
    body = whole([{"toolUse": {"toolUseId": "a", "name": "add", "input": value}}], "tool_use")
    answer = serve(body, kind=JSON, streaming=False).answer
    assert all(call.malformed or call.arguments == {} for call in answer.message.tool_calls)
    assert answer.defects or answer.message.tool_calls[0].malformed


def test_input_that_is_an_object_in_a_stream(serve: Ask) -> None:
    """A gateway may send it whole."""
    body = converse(
        begin(0, {"toolUseId": "a", "name": "add"}),
        delta({"toolUse": {"input": {"x": 1}}}),
        *(stop(), finish("tool_use"), metadata()),
    )
    assert serve(body).calls == [("add", {"x": 1})]


def test_events_without_an_index(serve: Ask) -> None:
    """One block after the other can still be read."""
    body = converse(
        ("contentBlockDelta", {"delta": {"reasoningContent": {"text": "Hm"}}}),
        ("contentBlockStop", {}),
        ("contentBlockDelta", {"delta": {"text": "Hi"}}),
        ("contentBlockStart", {"start": {"toolUse": {"toolUseId": "a", "name": "add"}}}),
        ("contentBlockDelta", {"delta": {"toolUse": {"input": '{"x":1}'}}}),
        *(("contentBlockStop", {}), finish("tool_use"), metadata()),
    )
    outcome = serve(body)
    assert [type(part) for part in outcome.answer.message.content] == [Reasoning, Text, ToolCall]
    assert outcome.calls == [("add", {"x": 1})]


# the end -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_tool_use", "other"),
        ("something_new", "other"),
    ],
)
def test_why_it_stopped(serve: Ask, word: str, kind: str) -> None:
    """In our words and in the provider's."""
    outcome = both(
        serve,
        converse(START, HEL, stop(), finish(word), metadata()),
        whole([{"text": "Hel"}], word),
    )
    reason = outcome.answer.finish_reason
    assert reason is not None
    assert (reason.kind, reason.raw) == (kind, word)


def test_the_terminal_record(serve: Ask) -> None:
    """Both last events in one, without padding; the request's id is in a header."""
    body = converse(
        HEL,
        ("messageStop", {"stopReason": "end_turn", "p": "abc"}),
        ("metadata", {"usage": COUNTS, "trace": {"guardrail": {}}, "p": "abcdef"}),
    )
    outcome = serve(body, headers={"x-amzn-RequestId": "req-1"})
    assert outcome.final is not None
    assert outcome.final.raw == {
        "stopReason": "end_turn",
        "usage": COUNTS,
        "trace": {"guardrail": {}},
    }
    assert outcome.answer.ids.request == "req-1"
    assert (outcome.answer.ids.response, outcome.answer.model) == (None, None)
    assert outcome.answer.usage == COUNTED


def test_what_follows_the_end_is_not_read(serve: Ask) -> None:
    """The stream is over once why it stopped and what it took are told."""
    body = converse(HEL, LO, finish(), metadata(), said("!"), ("metadata", "{"))
    assert [type(item) for item in serve(body).items or ()] == [Text, Text, StreamFinal]


def test_older_names_of_the_counts(serve: Ask) -> None:
    """`…TokenCount` is read where the newer name is missing."""
    counts: JsonObject = {
        "inputTokens": 3,
        "outputTokens": 2,
        "cacheReadInputTokenCount": 4,
        "cacheWriteInputTokenCount": 0,
    }
    answer = serve(whole([], usage=counts), kind=JSON, streaming=False).answer
    assert answer.usage == Usage(7, 2, None, 4, 0)


@pytest.mark.parametrize("body", [b"{}", b'{"inputTokens":12}', b'{"output":{}}', b'{"output":7}'])
def test_whole_answers_of_nothing(serve: Ask, body: bytes) -> None:
    """No message in it is an empty one, and no crash."""
    assert serve(body, kind=JSON, streaming=False).answer.message.content == ()


@pytest.mark.parametrize("body", [b"[]", b"<html>", b'{"output":1]'])
def test_whole_answers_that_are_none(serve: Ask, body: bytes) -> None:
    """A typed error, that does not recover."""
    error = serve(body, kind=JSON, streaming=False).error
    assert isinstance(error, ResponseDecodeError)
    assert not error.recoverable


# errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("accessDeniedException", PermissionDenied),
        ("internalServerException", ServerError),
        ("modelErrorException", ServerError),
        ("modelNotReadyException", Overloaded),
        ("modelStreamErrorException", ServerError),
        ("modelTimeoutException", ServerError),
        ("resourceNotFoundException", NotFound),
        ("serviceQuotaExceededException", RateLimited),
        ("serviceUnavailableException", Overloaded),
        ("throttlingException", RateLimited),
        ("validationException", BadRequest),
        ("somethingNewException", ProviderError),
    ],
)
@pytest.mark.parametrize("message", ["message", "Message", "originalMessage", "nothing"])
def test_exceptions(serve: Ask, name: str, kind: type[ProviderError], message: str) -> None:
    """Typed by their name, which is the code; what came before is there."""
    payload: Json = {} if message == "nothing" else {message: "No."}
    outcome = serve(converse(HEL, aws_exception(name, payload)))
    assert type(outcome.error) is kind
    assert isinstance(outcome.error, ProviderError)
    assert (outcome.error.code, outcome.error.status) == (name, 200)
    assert outcome.error.message == (name if message == "nothing" else "No.")
    assert outcome.text == "Hel"
    assert outcome.final is None


def test_errors_without_a_model(serve: Ask) -> None:
    """Their code is in the frame; it is written large."""
    for code, kind in (("ThrottlingException", RateLimited), ("InternalFailure", ProviderError)):
        error = serve(converse(HEL, aws_error(code, "No."))).error
        assert type(error) is kind
        assert isinstance(error, ProviderError)
        assert (error.code, error.message) == (code, "No.")


def test_an_exception_that_is_no_json(serve: Ask) -> None:
    """Its text is the message."""
    error = serve(aws_event("throttlingException", "slow down")).error
    assert type(error) is RateLimited
    assert error.message == "slow down"


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "ValidationException", BadRequest),
        (403, "AccessDeniedException", PermissionDenied),
        (403, "UnrecognizedClientException", PermissionDenied),
        (404, "ResourceNotFoundException", NotFound),
        (408, "ModelTimeoutException", ServerError),
        (424, "ModelErrorException", ServerError),
        (429, "ThrottlingException", RateLimited),
        (500, "InternalServerException", ServerError),
        (503, "ServiceUnavailableException", Overloaded),
    ],
)
@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("message", ["message", "Message"])
def test_statuses(
    serve: Ask,
    status: int,
    name: str,
    kind: type[ProviderError],
    streaming: bool,
    message: str,
) -> None:
    """The name is in a header, with an address behind it; the body has the message alone."""
    headers = {
        "x-amzn-ErrorType": f"{name}:http://internal.amazon.com/coral/",
        "x-amzn-requestid": "r",
    }
    body = compact({message: "No."}).encode()
    error = serve(body, status, JSON, headers, streaming=streaming).error
    assert type(error) is kind
    assert isinstance(error, ProviderError)
    assert (error.message, error.code, error.status) == ("No.", name, status)
    assert error.request_id == "r"


def test_a_prompt_that_is_too_long(serve: Ask) -> None:
    """It has an error of its own, by the sentence alone: a name there is none."""
    payload: Json = {"message": "Input is too long for requested model."}
    headers = {"x-amzn-errortype": "ValidationException"}
    for error in (
        serve(compact(payload).encode(), 400, JSON, headers).error,
        serve(aws_exception("ValidationException", payload)).error,
    ):
        assert type(error) is ContextLengthExceeded
        assert error.code == "ValidationException"


def test_no_name_in_the_headers(serve: Ask) -> None:
    """There is no code then."""
    error = serve(b'{"message":"No."}', 400, JSON).error
    assert isinstance(error, BadRequest)
    assert error.code is None


@pytest.mark.parametrize("kind", [JSON, STREAM, "text/plain"])
@pytest.mark.parametrize("streaming", [True, False])
def test_an_error_in_place_of_an_answer(serve: Ask, kind: str, streaming: bool) -> None:
    """JSON of another shape after a good status, whatever its media type."""
    error = serve(b'{"message":"No such operation."}', 200, kind, streaming=streaming).error
    assert isinstance(error, ProviderError)
    assert error.message == "No such operation."


def test_a_page_in_place_of_a_stream(serve: Ask) -> None:
    """What a proxy says is quoted."""
    error = serve(b"<html>Sign in first</html>", kind="text/html").error
    assert isinstance(error, ResponseDecodeError)
    assert "Sign in first" in str(error)


def test_damage(serve: Ask) -> None:
    """A wrong checksum ends the stream: whole calls first, then the error."""
    call = (begin(1, {"toolUseId": "a", "name": "add"}), told(1, '{"x":1}'), stop(1))
    damaged = bytearray(converse(LO, finish()))
    damaged[40] ^= 1
    outcome = serve(converse(HEL, *call) + bytes(damaged))
    assert type(outcome.error) is ReadFailed
    assert outcome.text == "Hel"
    assert outcome.calls == [("add", {"x": 1})]
    assert [call.name for call in outcome.tool_items] == ["add"]


def test_nothing_at_all(serve: Ask) -> None:
    """An empty body is no answer."""
    assert type(serve(b"").error) is StreamTruncated


def test_defects_do_not_end_it(serve: Ask) -> None:
    """What cannot be read is told in its place, the first 4 KiB of it."""
    bad = "{" * 5000
    outcome = serve(converse(HEL, ("metadata", bad), LO, finish(), metadata()))
    (item,) = outcome.of(StreamError)
    assert isinstance(item.error, ResponseDecodeError)
    assert item.error.body == bad[:4096]
    assert outcome.text == "Hello"
