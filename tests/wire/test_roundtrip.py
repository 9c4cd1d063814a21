"""The tool that rebuilds recorded histories: it notices everything, and excuses with proof only."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from rig_sync._json import Json, JsonObject, compact
from tests.wire.corpus import Exchange, Expected, ExpectedBlock, ExpectedCall, Recording
from tests.wire.frames import chat_chunk, chat_message, sse
from tests.wire.roundtrip.command import main, score
from tests.wire.roundtrip.excuses import Evidence, judge
from tests.wire.roundtrip.pairs import Pair, Told, pairs_in
from tests.wire.roundtrip.reader import cut, parts_of
from tests.wire.roundtrip.wires import READERS, wire_of

SHARED = Path(__file__).parents[3] / "shared" / "wire"


@pytest.mark.recordings
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"there are no recordings at {SHARED}")
@pytest.mark.parametrize("family", READERS)
def test_every_recorded_history_is_rebuilt_or_explained(family: str) -> None:
    """What differs is the client's doing, by name."""
    report, _ = score(SHARED, family=family)
    assert report.lines == []
    assert report.total("rebuilt") + sum(report.apart.values()) > 0


# conversations of our own ---------------------------------------------------------------------

HI: JsonObject = {"role": "user", "content": "Hi"}
MORE: JsonObject = {"role": "user", "content": "More"}


def exchange(family: str, sent: Json, body: Json, provider: str = "nobody") -> JsonObject:
    """A recorded exchange; the answer is a stream where `body` is one."""
    streaming = isinstance(body, str)
    response: JsonObject = {
        "status": 200,
        "content_type": "text/event-stream" if streaming else "application/json",
        "body": body if isinstance(body, str) else compact(body),
    }
    request: JsonObject = {"path": "/v1/models/m-1:ask", "json": sent}
    names: JsonObject = {"family": family, "provider": provider, "streaming": streaming}
    return {**names, "request": request, "response": response}


def folder(path: Path, exchanges: list[JsonObject], told: list[dict[str, object]]) -> Path:
    """A folder of one conversation; `told` is what each answer says."""
    lines = []
    for index, (one, fields) in enumerate(zip(exchanges, told, strict=True)):
        expected = Expected(
            *("made up", index, str(one["family"]), str(one["provider"])),
            streaming=bool(one["streaming"]),
            status=200,
            complete=True,
        )
        for name, value in fields.items():
            setattr(expected, name, value)
        lines.append(msgspec.json.encode(expected))
    conversation = {"name": "made up", "exchanges": exchanges}
    (path / "one.jsonl").write_bytes(msgspec.json.encode(conversation))
    (path / "index.json").write_text('[{"name": "made up", "file": "one.jsonl"}]')
    (path / "expected.jsonl.gz").write_bytes(gzip.compress(b"\n".join(lines)))
    return path


CALL: JsonObject = {
    "id": "call-1",
    "type": "function",
    "function": {"name": "add", "arguments": '{"x":1}'},
}
CALLED: dict[str, object] = {
    "ids": ["chat-1"],
    "model": "m-1",
    "tool_calls": [ExpectedCall("call-1", "add", {"x": 1}, '{"x":1}')],
    "finish": "tool_calls",
}
SPACED: JsonObject = {**CALL, "function": {"name": "add", "arguments": '{ "x": 1 }'}}
RESULT: JsonObject = {"role": "tool", "tool_call_id": "call-1", "content": "2"}


def chat(
    path: Path, turn: JsonObject, *, thought: str = "", provider: str = "nobody", result: Json = "2"
) -> Path:
    """Two exchanges: a call, and the request with its result in which the client sent `turn`."""
    message: JsonObject = {"content": None, "tool_calls": [CALL]}
    if thought:
        message["reasoning_content"] = thought
    body = chat_message(message, "tool_calls")
    answer = chat_message({"content": "2"})
    sent: JsonObject = {"messages": [HI, turn, {**RESULT, "content": result}]}
    exchanges = [
        exchange("openai.chat", {"messages": [HI]}, body, provider),
        exchange("openai.chat", sent, answer, provider),
    ]
    said = {**CALLED, "reasoning": thought, "blocks": [ExpectedBlock()] if thought else []}
    return folder(path, exchanges, [said, {"text": "2", "ids": ["chat-1"], "model": "m-1"}])


def counts(path: Path) -> tuple[int, int, int]:
    """How many pairs were rebuilt, explained, different."""
    report, _ = score(path)
    rebuilt, explained, different = map(report.total, ("rebuilt", "explained", "different"))
    return rebuilt, explained, different


TURN: JsonObject = {"role": "assistant", "tool_calls": [SPACED]}


def test_equal_but_for_what_does_not_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """White space in arguments, null, the shape of a single text."""
    turn: JsonObject = {**TURN, "content": None, "refusal": None, "name": "bolt"}
    result: Json = [{"type": "text", "text": "2"}]
    assert main([str(chat(tmp_path, turn, result=result))]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "rebuilt 1 of 1"


def test_thoughts_go_back_where_the_row_says(tmp_path: Path) -> None:
    """The wire of the provider's row is the one that encodes."""
    turn: JsonObject = {**TURN, "reasoning_content": "I see"}
    assert counts(chat(tmp_path, turn, thought="I see", provider="deepseek")) == (1, 0, 0)
    assert counts(chat(tmp_path, turn, thought="I see")) == (0, 0, 1)


def test_what_the_client_left_out_is_told_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counted, but never as rebuilt."""
    path = chat(tmp_path, TURN, thought="I see", provider="deepseek")
    assert main([str(path), "--family", "openai.chat", "--provider", "deepseek"]) == 0
    told = capsys.readouterr().out
    assert "client left out reasoning" in told
    assert told.splitlines()[-2:] == ["explained 1, different 0", "rebuilt 0 of 1"]


DIFFERENT: dict[str, tuple[JsonObject, str]] = {
    "arguments": (
        {"tool_calls": [{**CALL, "function": {"name": "add", "arguments": '{"x":2}'}}]},
        "[1].function.arguments.x",
    ),
    "name": (
        {"tool_calls": [{**CALL, "function": {"name": "sub", "arguments": '{"x":1}'}}]},
        "[1]",
    ),
    "one call more": ({"tool_calls": [CALL, {**CALL, "id": "call-2"}]}, "[2]"),
    "words": ({"content": "Well", "tool_calls": [CALL]}, "[1]"),
    "an unknown field": ({"tool_calls": [CALL], "mood": "good"}, "[1]"),
}


@pytest.mark.parametrize(("fields", "where"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_differences_are_told_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fields: JsonObject, where: str
) -> None:
    """Name and index of the request, path, ours and theirs; the status is 1."""
    assert main([str(chat(tmp_path, {"role": "assistant", **fields}))]) == 1
    told = capsys.readouterr().out
    assert any(line.startswith(f"made up [1] {where}") for line in told.splitlines())
    assert told.splitlines()[-1] == "rebuilt 0 of 1"


def test_an_answer_that_we_misread_excuses_nothing(tmp_path: Path) -> None:
    """Only where ours is what the response said can the client have left something out."""
    path = chat(tmp_path, TURN, thought="I see", provider="deepseek")
    lines = gzip.decompress((path / "expected.jsonl.gz").read_bytes()).replace(b"I see", b"I saw")
    (path / "expected.jsonl.gz").write_bytes(gzip.compress(lines))
    assert counts(path) == (0, 0, 1)


def test_results_that_our_values_have_no_place_for_are_not_rebuilt(tmp_path: Path) -> None:
    """The rest of the pair is compared all the same."""
    sound: JsonObject = {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}
    path = chat(tmp_path, TURN, result=[sound])
    report, _ = score(path)
    assert (report.total("explained"), list(report.dropped)) == (
        1,
        [("openai.chat", "tool input_audio")],
    )


def test_parts_that_only_the_provider_knows_are_rebuilt(tmp_path: Path) -> None:
    """They go through a block of the user's, in their place; and `developer` is a system."""
    new: JsonObject = {"type": "hologram", "hologram": {"file_id": "h-1"}}
    told: JsonObject = {"role": "user", "content": [{"type": "text", "text": "See"}, new]}
    asked: list[Json] = [{"role": "developer", "content": "Be brief."}, told]
    said: JsonObject = {"role": "assistant", "content": "Yes"}
    other: JsonObject = {"role": "function", "name": "add", "content": "2"}
    histories: list[list[Json]] = [asked, [*asked, said, other]]
    exchanges = [
        exchange("openai.chat", {"messages": history}, chat_message({"content": "Yes"}))
        for history in histories
    ]
    known: dict[str, object] = {"ids": ["chat-1"], "model": "m-1", "finish": "stop", "text": "Yes"}
    path = folder(tmp_path, exchanges, [known, known])
    report, _ = score(path)
    assert (report.lines, report.dropped, report.total("rebuilt")) == ([], {}, 1)


def test_a_stream_is_rebuilt_too(tmp_path: Path) -> None:
    """And the history of the third request has both answers in it."""
    first = sse(chat_chunk({"content": "Hel"}), chat_chunk({"content": "lo"}, "stop")).decode()
    second = chat_message({"content": "Yes"})
    hello: JsonObject = {"role": "assistant", "content": "Hello"}
    yes: JsonObject = {"role": "assistant", "content": [{"type": "text", "text": "Yes"}]}
    histories: list[list[Json]] = [[HI], [HI, hello, MORE], [HI, hello, MORE, yes, MORE]]
    bodies: list[Json] = [first, second, second]
    exchanges = [
        exchange("openai.chat", {"messages": history}, body)
        for history, body in zip(histories, bodies, strict=True)
    ]
    known: dict[str, object] = {"ids": ["chat-1"], "model": "m-1", "finish": "stop"}
    told = [{**known, "text": text} for text in ("Hello", "Yes", "Yes")]
    assert counts(folder(tmp_path, exchanges, told)) == (2, 0, 0)


# every family ---------------------------------------------------------------------------------


class Talk(Struct):
    """An answer of one family with a call, and the request that followed."""

    family: str
    asked: JsonObject
    answer: JsonObject
    followed: JsonObject
    call_id: str | None = "call-1"


BEDROCK_CALL: Json = {"toolUse": {"toolUseId": "call-1", "name": "add", "input": {"x": 1}}}
BLOCK: Json = {"type": "tool_use", "id": "call-1", "name": "add", "input": {"x": 1}}
ITEM: JsonObject = {
    "type": "function_call",
    "id": "fc-1",
    "call_id": "call-1",
    "name": "add",
    "arguments": '{"x":1}',
}
GEMINI_ASKED: JsonObject = {"role": "user", "parts": [{"text": "Hi"}]}
SIGNED: JsonObject = {"functionCall": {"name": "add", "args": {"x": 1}}, "thoughtSignature": "a+/="}
RESIGNED: JsonObject = {
    "function_call": {"name": "add", "args": {"x": 1}, "id": "made up"},
    "thought_signature": "a-_=",
}
ANSWERED: JsonObject = {
    "name": "add",
    "id": "made up",
    "response": {"result": "2"},
    "parts": [{"videoMetadata": {"fps": 1}}],
}
REFERENCE: Json = {"type": "tool_reference", "tool_name": "add"}
SOURCE: Json = {"type": "text", "media_type": "text/plain", "data": "Bolt"}
CITED: Json = {"type": "document", "source": SOURCE, "citations": {"enabled": True}}
S3: Json = {"document": {"name": "a", "format": "pdf", "source": {"s3Location": {"uri": "s3://a"}}}}
SEARCH: JsonObject = {"type": "tool_search_call", "id": "ts-1", "call_id": "ts-call-1"}
FOUND: JsonObject = {"type": "tool_search_output", "call_id": "ts-call-1", "execution": "client"}
TOOLS: JsonObject = {"type": "additional_tools", "role": "developer", "tools": []}
MIDWAY: Json = {"role": "system", "content": [{"type": "tool_addition", "tool": REFERENCE}]}
OLLAMA_CALL: JsonObject = {"function": {"name": "add", "arguments": {"x": 1}}}
STEP: JsonObject = {"type": "function_call", "id": "call-1", "name": "add", "arguments": {"x": 1}}
STEP_RESULT: JsonObject = {"type": "function_result", "call_id": "call-1", "result": "2"}
TALKS = [
    Talk(
        "openai.responses",
        {"input": "Hi"},
        {"id": "r-1", "status": "completed", "output": [ITEM]},
        {
            "input": [
                {"type": "message", "role": "user", "content": "Hi"},
                {"role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
                {**ITEM, "status": "completed"},
                {"type": "function_call_output", "call_id": "call-1", "output": [REFERENCE]},
                TOOLS,
                SEARCH,
                FOUND,
                {"role": "user", "content": [{"type": "input_audio", "data": "AA"}]},
            ]
        },
    ),
    Talk(
        "anthropic.messages",
        {"messages": [HI]},
        {"id": "r-1", "content": [BLOCK], "stop_reason": "tool_use"},
        {
            "messages": [
                HI,
                {"role": "assistant", "content": [BLOCK]},
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "call-1",
                            "content": [REFERENCE, CITED],
                        },
                        {"type": "container_upload", "file_id": "file-1"},
                    ],
                },
                MIDWAY,
            ]
        },
    ),
    Talk(
        "bedrock.converse",
        {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]},
        {"output": {"message": {"content": [BEDROCK_CALL]}}, "stopReason": "tool_use"},
        {
            "messages": [
                {"role": "user", "content": [{"text": "Hi"}]},
                {"role": "assistant", "content": [BEDROCK_CALL]},
                {
                    "role": "user",
                    "content": [
                        {"toolResult": {"toolUseId": "call-1", "content": [{"json": 2}, S3]}},
                        {"searchResult": {"title": "a"}},
                    ],
                },
            ]
        },
    ),
    Talk(
        "cohere.chat",
        {"messages": [HI]},
        {"id": "r-1", "message": {"tool_calls": [CALL]}, "finish_reason": "TOOL_CALL"},
        {
            "messages": [
                HI,
                {"role": "assistant", "tool_calls": [SPACED]},
                {**RESULT, "content": [{"type": "document", "document": {"data": {"a": 1}}}]},
            ]
        },
    ),
    Talk(
        "ollama.chat",
        {"messages": [HI]},
        {"message": {"content": "", "tool_calls": [OLLAMA_CALL]}, "done": True},
        {
            "messages": [
                HI,
                {"role": "assistant", "content": "", "tool_calls": [OLLAMA_CALL]},
                {"role": "tool", "tool_name": "add", "content": "2"},
            ]
        },
        None,
    ),
    Talk(
        "gemini.generate",
        {"contents": [GEMINI_ASKED]},
        {"candidates": [{"content": {"parts": [SIGNED]}, "finishReason": "STOP"}]},
        {
            "contents": [
                GEMINI_ASKED,
                {"role": "model", "parts": [RESIGNED]},
                {
                    "role": "user",
                    "parts": [
                        {"function_response": ANSWERED, "text": None},
                        {"executable_code": {"code": "1"}},
                    ],
                },
            ]
        },
        None,
    ),
    Talk(
        "gemini.interactions",
        {"input": "Hi"},
        {"id": "r-1", "status": "requires_action", "steps": [STEP]},
        {
            "input": [
                {"type": "user_input", "content": [{"type": "text", "text": "Hi"}]},
                STEP,
                {
                    "type": "user_input",
                    "content": [{**STEP_RESULT, "name": "add", "result": [REFERENCE]}, REFERENCE],
                },
            ]
        },
    ),
]


@pytest.mark.parametrize("talk", TALKS, ids=lambda talk: talk.family)
def test_a_call_and_its_result_in_every_family(tmp_path: Path, talk: Talk) -> None:
    """Equal, in whatever spelling, and with what only the provider has words for."""
    exchanges = [
        exchange(talk.family, talk.asked, talk.answer),
        exchange(talk.family, talk.followed, talk.answer),
    ]
    call = ExpectedCall(talk.call_id, "add", {"x": 1}, '{"x":1}')
    told: list[dict[str, object]] = [{"tool_calls": [call]}, {"tool_calls": [call]}]
    path = folder(tmp_path, exchanges, told)
    report, _ = score(path)
    assert report.lines == []
    assert (report.total("rebuilt"), report.dropped) == (1, {})


def test_every_family_with_a_wire_has_a_reader() -> None:
    """A new wire is measured, too."""
    for family in READERS:
        assert wire_of(family, "nobody").name == family.replace(".", "_")


# which turn is whose --------------------------------------------------------------------------


def recording(
    index: int, sent: Json, said: dict[str, object] | None = None, body: Json = None
) -> Recording:
    """One exchange of a made-up conversation."""
    one = msgspec.convert(exchange("openai.chat", sent, body or {}), Exchange)
    expected = Expected(
        *("made up", index, "openai.chat", "nobody"), streaming=False, status=200, complete=True
    )
    for name, value in (said or {}).items():
        setattr(expected, name, value)
    return Recording("made up", index, one, expected)


def pair_of(*conversation: Recording) -> Pair | Told:
    """What comes of the last request."""
    return list(pairs_in(READERS["openai.chat"], conversation))[-1]


ASKED: JsonObject = {"messages": [HI]}


def test_the_turn_of_an_interleaved_chat_is_found() -> None:
    """By what it says, wherever the response is; of two alike that of the right history."""
    other: JsonObject = {"messages": [MORE]}
    said: JsonObject = {"role": "assistant", "content": "Yes"}
    later: JsonObject = {"messages": [HI, said, MORE]}
    yes: dict[str, object] = {"text": "Yes"}
    found = pair_of(recording(0, ASKED, yes), recording(1, other, yes), recording(2, later))
    assert isinstance(found, Pair)
    assert [known.response.index for known in found.known] == [0]


def test_an_empty_message_belongs_to_the_next_one() -> None:
    """Some clients send one ahead of the calls."""
    empty: JsonObject = {"role": "assistant", "content": ""}
    turns = list(cut(READERS["openai.chat"], [HI, empty, TURN, RESULT]))
    assert [(turn.start, turn.stop) for turn in turns] == [(1, 3)]


TOLD: dict[str, tuple[Json, dict[str, object]]] = {
    "a new conversation": ({"messages": [MORE]}, {"text": "Yes"}),
    "the request is not known": (None, {"text": "Yes"}),
    "nothing was answered before": ({"messages": [HI]}, {"status": 400}),
    "the server keeps the history": (
        {"messages": [MORE], "previous_response_id": "r-1"},
        {"text": "Yes"},
    ),
    "the client put another turn in its place": (
        {"messages": [HI, {"role": "assistant", "content": "No"}, MORE]},
        {"text": "Yes"},
    ),
    "the history came from elsewhere": (
        {"messages": [MORE, {"role": "assistant", "content": "No"}, MORE]},
        {"text": "Yes"},
    ),
}


@pytest.mark.parametrize("reason", TOLD)
def test_requests_without_such_a_turn_are_told_apart(reason: str) -> None:
    """With the reason; they are no pairs."""
    sent, fields = TOLD[reason]
    found = pair_of(recording(0, ASKED, fields), recording(1, sent))
    assert isinstance(found, Told)
    assert found.reason == reason


# excuses --------------------------------------------------------------------------------------

SAID: JsonObject = {"role": "assistant", "content": "Yes \u2013 \u201cyes\u201d"}
ITEMS: JsonObject = {"type": "web_search_call", "id": "ws-1", "action": {"query": "a"}}
MESSAGE: JsonObject = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Yes"}],
}


class Excuse(Struct):
    """Two turns, and what the difference is called; None: it has no excuse."""

    ours: JsonObject | None
    recorded: JsonObject | None
    name: str | None
    family: str = "openai.chat"
    said: dict[str, object] = {}
    body: Json = None


EXCUSES = {
    "quotes": Excuse(
        SAID,
        {**SAID, "content": 'Yes - "yes"'},
        "client or recorder changed quotation marks",
    ),
    "white space": Excuse(
        {**SAID, "content": "a  b"}, {**SAID, "content": "a b\n"}, "client changed white space"
    ),
    "other words": Excuse(SAID, {**SAID, "content": "No"}, None),
    "thoughts in": Excuse(
        {**SAID, "content": "Yes"},
        {**SAID, "content": "<think>\nHm\n</think>\nYes"},
        "client wrote the thoughts into the text",
        said={"reasoning": "Hm"},
    ),
    "other thoughts in": Excuse(
        {**SAID, "content": "Yes"},
        {**SAID, "content": "<think>Ha</think>Yes"},
        None,
        said={"reasoning": "Hm"},
    ),
    "thoughts out": Excuse(
        {**SAID, "content": "<think>Hm</think>Yes"},
        {**SAID, "content": "Yes"},
        "client took the thoughts out of the text",
    ),
    "thoughts apart": Excuse(
        None,
        {"role": "assistant", "reasoning": "Hm", "content": None},
        "client took the thoughts out of the text",
        said={"text": "Hm</think>Yes"},
    ),
    "thoughts of its own": Excuse(
        None, {"role": "assistant", "reasoning": "Hm"}, None, said={"text": "<think>Ha</think>"}
    ),
    "an empty text": Excuse(None, {**SAID, "content": ""}, "client added an empty text"),
    "a text": Excuse(None, SAID, None),
    "the user's": Excuse(HI, None, None),
    "another id": Excuse(
        {**TURN, "tool_calls": [CALL]},
        {**TURN, "tool_calls": [{**CALL, "id": "0"}]},
        "client changed the id of a call",
    ),
    "another id of a result": Excuse(
        RESULT,
        {**RESULT, "tool_call_id": "0"},
        "client changed the id of a call",
        said={"tool_calls": [ExpectedCall("call-1")]},
    ),
    "a result under an id of ours": Excuse(RESULT, {**RESULT, "tool_call_id": "0"}, None),
    "reasoning details": Excuse(
        {"role": "assistant", "reasoning_details": [{"text": "a"}, {"data": "b"}]},
        {"role": "assistant", "reasoning_details": [{"data": "b"}]},
        "client left out reasoning",
    ),
    "other reasoning details": Excuse(
        {"role": "assistant", "reasoning_details": [{"data": "b"}]},
        {"role": "assistant", "reasoning_details": [{"data": "c"}]},
        None,
    ),
    "hosted": Excuse(ITEMS, None, "client left out hosted tools", "openai.responses"),
    "hosted, rewritten": Excuse(
        ITEMS,
        {**ITEMS, "action": {}},
        "client rewrote a hosted tool",
        "openai.responses",
        body={"output": [ITEMS]},
    ),
    "hosted, rewritten by us": Excuse(ITEMS, {**ITEMS, "action": {}}, None, "openai.responses"),
    "phase": Excuse(
        {**MESSAGE, "phase": "commentary"},
        MESSAGE,
        "client left out phase, citations or the like",
        "openai.responses",
    ),
    "namespace": Excuse(
        ITEM, {**ITEM, "namespace": "n"}, "client added a namespace", "openai.responses"
    ),
    "namespace, lost by us": Excuse(
        ITEM,
        {**ITEM, "namespace": "n"},
        None,
        "openai.responses",
        body={"output": [{**ITEM, "namespace": "n"}]},
    ),
}


@pytest.mark.parametrize("case", EXCUSES.values(), ids=EXCUSES.keys())
def test_excuses(case: Excuse) -> None:
    """Only what the recorded response proves; and nothing at all when ours is not faithful."""
    reader = READERS[case.family]
    ours, recorded = (
        parts_of(reader, [] if item is None else [item]) for item in (case.ours, case.recorded)
    )
    response = recording(0, ASKED, case.said, case.body)
    verdict = judge(ours, recorded, Evidence([response], faithful=True))
    assert verdict.excuses == ([] if case.name is None else [case.name])
    assert bool(verdict.differences) == (case.name is None)
    assert judge(ours, recorded, Evidence([response], faithful=False)).differences


def test_another_order_is_the_clients() -> None:
    """The same results, the other way round."""
    second: JsonObject = {**RESULT, "tool_call_id": "call-2", "content": "3"}
    reader = READERS["openai.chat"]
    ours, recorded = parts_of(reader, [RESULT, HI]), parts_of(reader, [HI, RESULT])
    evidence = Evidence([], faithful=True)
    name = "client put its parts in another order"
    assert judge(ours, recorded, evidence).excuses == [name]
    assert judge(ours, parts_of(reader, [HI, second]), evidence).differences
