"""The tool that enacts recordings again: it makes the same calls, and notices when it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig_sync._json import Json, JsonObject
from tests.agent.scenarios.command import Report, main, score
from tests.wire.corpus import ExpectedCall, ExpectedError
from tests.wire.frames import chat_chunk, chat_message, sse
from tests.wire.roundtrip.wires import READERS
from tests.wire.test_roundtrip import CALL, CALLED, HI, MORE, RESULT, exchange, folder

SHARED = Path(__file__).parents[4] / "shared" / "wire"


@pytest.mark.recordings
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"there are no recordings at {SHARED}")
@pytest.mark.parametrize("family", READERS)
def test_every_recorded_agent_is_enacted_again(family: str) -> None:
    """Our loop makes the requests that Rig's did, and ends as documented."""
    report = score(SHARED, family=family)
    assert report.lines == []
    assert report.total("different") == report.requests["different"] == 0
    assert report.total("conversations") > 0


# conversations of our own ---------------------------------------------------------------------

Step = tuple[JsonObject, Json, dict[str, object]]
"""A request, its answer, and what the answer says."""

TOOL: JsonObject = {
    "type": "function",
    "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object"}},
}
OTHER: JsonObject = {"type": "function", "function": {"name": "look", "parameters": {}}}
TURN: JsonObject = {"role": "assistant", "tool_calls": [CALL]}
TWO: JsonObject = {"role": "assistant", "content": "2"}
CALLING = chat_message({"content": None, "tool_calls": [CALL]}, "tool_calls")
SAYS_TWO: dict[str, object] = {"text": "2", "ids": ["chat-1"], "model": "m-1", "finish": "stop"}
CUT: dict[str, object] = {**SAYS_TWO, "finish": "length"}


def enacted(path: Path, *steps: Step) -> Report:
    """What comes of one chat conversation."""
    exchanges = [exchange("openai.chat", sent, answer) for sent, answer, _ in steps]
    return score(folder(path, exchanges, [dict(told) for _, _, told in steps]), prefix="")


def asked(*messages: Json, **settings: Json) -> JsonObject:
    """The body of a request with one tool."""
    return {"model": "m-1", "messages": [*messages], "tools": [TOOL], **settings}


def calls(body: JsonObject, answer: Json = CALLING) -> Step:
    """A step whose answer calls the tool."""
    return body, answer, CALLED


def says(body: JsonObject, answer: Json = None, told: dict[str, object] = SAYS_TWO) -> Step:
    """A step whose answer has words."""
    return body, answer or chat_message({"content": "2"}), told


def outcome(report: Report) -> dict[str, int]:
    """How many conversations there are of each sort."""
    words = ("re-enacted", "by hooks", "explained", "needs hooks", "ended", "different")
    return {word: report.total(word) for word in words if report.total(word)}


def test_a_tool_loop_is_one_run(tmp_path: Path) -> None:
    """The tool gives the recorded result, and the second request is the recorded one."""
    report = enacted(tmp_path, calls(asked(HI)), says(asked(HI, TURN, RESULT)))
    assert outcome(report) == {"re-enacted": 1}
    assert report.requests == {"first equal": 1, "equal": 1}
    assert report.endings == {"answer": 1}


def test_a_streamed_loop_is_streamed(tmp_path: Path) -> None:
    """Answers that were streamed are asked for as streams."""
    piece: JsonObject = {"index": 0, **CALL}
    streamed = sse(chat_chunk({"tool_calls": [piece]}), chat_chunk({}, "tool_calls")).decode()
    spoken = sse(chat_chunk({"content": "2"}), chat_chunk({}, "stop")).decode()
    first, second = asked(HI, stream=True), asked(HI, TURN, RESULT, stream=True)
    report = enacted(tmp_path, calls(first, streamed), says(second, spoken))
    assert outcome(report) == {"re-enacted": 1}


def test_what_the_user_adds_begins_a_new_run(tmp_path: Path) -> None:
    """With the history of the run before, also where that ended at its last turn."""
    report = enacted(
        tmp_path,
        says(asked(HI)),
        calls(asked(HI, TWO, MORE)),
        says(asked(HI, TWO, MORE, TURN, RESULT, MORE)),
    )
    assert outcome(report) == {"re-enacted": 1}
    assert report.requests["equal"] == 2


def test_another_request_than_the_recorded_one_is_a_difference(tmp_path: Path) -> None:
    """A history that our loop does not give back is told with its place."""
    changed: JsonObject = {**CALL, "function": {"name": "add", "arguments": '{"x":3}'}}
    turn: JsonObject = {"role": "assistant", "tool_calls": [changed]}
    report = enacted(tmp_path, calls(asked(HI)), says(asked(HI, turn, RESULT)))
    assert outcome(report) == {"different": 1}
    assert "arguments.x" in report.lines[0]
    assert "ours:     1" in report.lines[1]


def test_other_words_at_the_end_are_a_difference(tmp_path: Path) -> None:
    """The run has to end with what the last answer says."""
    report = enacted(tmp_path, says(asked(HI), told={**SAYS_TWO, "text": "3"}))
    assert outcome(report) == {"different": 1}
    assert "output '2' instead of '3'" in report.lines[0]


@pytest.mark.parametrize(
    ("body", "told", "kind"),
    [
        (chat_message({"content": "2"}), SAYS_TWO, "answer"),
        (chat_message({"content": "2"}, "length"), CUT, "answer cut by the token limit"),
        (
            chat_message({"content": None}, "length"),
            {**CUT, "text": ""},
            "tokens used up before a word",
        ),
        (
            chat_message({"content": None, "refusal": "No."}),
            {**SAYS_TWO, "text": "", "refusal": "No."},
            "refusal",
        ),
        (CALLING, CALLED, "recording stops at tool calls"),
    ],
)
def test_a_single_call_ends_as_documented(
    tmp_path: Path, body: Json, told: dict[str, object], kind: str
) -> None:
    """With the words, or with the error that there is for it."""
    report = enacted(tmp_path, says(asked(HI), body, told))
    assert (outcome(report), report.endings) == ({"ended": 1}, {kind: 1})


def test_an_error_of_the_provider_ends_the_run(tmp_path: Path) -> None:
    """It is raised; an answer in its place would be a difference."""
    failed = exchange("openai.chat", asked(HI), {"error": {"message": "Slow", "code": "busy"}})
    failed["response"] = {**failed["response"], "status": 429}  # type: ignore[dict-item] # an object
    path = folder(tmp_path, [failed], [{"error": ExpectedError("status", code="busy")}])
    report = score(path, prefix="")
    assert report.endings == {"error of the provider (status)": 1}


def test_a_patch_of_a_later_request_is_a_hook(tmp_path: Path) -> None:
    """Settings, tools and preamble that change from turn to turn."""
    first: JsonObject = {"role": "system", "content": "Be brief."}
    later: JsonObject = {"role": "system", "content": "Be long."}
    more: JsonObject = {**asked(later, HI, TURN, RESULT, temperature=0.5), "tools": [TOOL, OTHER]}
    report = enacted(tmp_path, calls(asked(first, HI, seed=1)), says(more))
    assert outcome(report) == {"re-enacted": 1, "by hooks": 1}
    assert report.reasons["a hook", "patched a request"] == 2


def test_a_recorded_result_answers_a_call_of_no_tool(tmp_path: Path) -> None:
    """A hook skips the call with it; without one the run ends there."""
    without: JsonObject = {"messages": [HI], "tools": [OTHER]}
    second: JsonObject = {"messages": [HI, TURN, RESULT], "tools": [OTHER]}
    report = enacted(tmp_path, calls(without), says(second))
    assert outcome(report) == {"re-enacted": 1, "by hooks": 1}
    assert outcome(enacted(tmp_path, calls(without))) == {"ended": 1}


def test_a_call_that_was_sent_back_needs_another_hook(tmp_path: Path) -> None:
    """The recording goes on, and says nothing that could be the call's result."""
    first: JsonObject = {"messages": [HI], "tools": [OTHER]}
    second: JsonObject = {"messages": [HI, TURN, MORE], "tools": [OTHER]}
    assert outcome(enacted(tmp_path, calls(first), says(second))) == {"needs hooks": 1}


def test_gemini_tells_errors_apart(tmp_path: Path) -> None:
    """A result that is nothing but an error is one, also when a hook gives it."""
    hi: JsonObject = {"role": "user", "parts": [{"text": "Hi"}]}
    call: JsonObject = {"functionCall": {"name": "add", "args": {"x": 1}, "id": "call-1"}}
    error: JsonObject = {"name": "add", "id": "call-1", "response": {"error": "No such tool."}}
    turn: JsonObject = {"role": "model", "parts": [call]}
    back: JsonObject = {"role": "user", "parts": [{"functionResponse": error}]}
    answer: JsonObject = {"candidates": [{"content": turn, "finishReason": "STOP"}]}
    spoken: JsonObject = {"role": "model", "parts": [{"text": "2"}]}
    last: JsonObject = {"candidates": [{"content": spoken, "finishReason": "STOP"}]}
    declared: Json = [{"functionDeclarations": [{"name": "look", "description": "Looks."}]}]
    first: JsonObject = {"contents": [hi], "tools": declared}
    second: JsonObject = {"contents": [hi, turn, back], "tools": declared}
    exchanges = [
        exchange("gemini.generate", first, answer),
        exchange("gemini.generate", second, last),
    ]
    told: dict[str, object] = {**CALLED, "finish": "STOP"}
    report = score(folder(tmp_path, exchanges, [told, {"text": "2", "finish": "STOP"}]), prefix="")
    assert outcome(report) == {"re-enacted": 1, "by hooks": 1}


def test_media_are_asked_about_as_they_were(tmp_path: Path) -> None:
    """How closely to look, and what of a video, in our words or the provider's."""
    look: JsonObject = {"type": "image_url"}
    look["image_url"] = {"url": "https://x.test/a.png", "detail": "low"}
    watch: JsonObject = {"fileData": {"fileUri": "https://x.test/a.mp4", "mimeType": "video/mp4"}}
    watch["videoMetadata"] = {"fps": 1}
    image: JsonObject = {"model": "m-1", "messages": [{"role": "user", "content": [look]}]}
    video: JsonObject = {"contents": [{"role": "user", "parts": [watch, {"text": "What?"}]}]}
    exchanges = [exchange("cohere.chat", image, {}), exchange("gemini.generate", video, {})]
    report = score(folder(tmp_path, exchanges, [{}, {}]), prefix="")
    assert report.requests == {"first equal": 2}


def test_the_same_question_with_more_tokens_is_a_repeated_turn(tmp_path: Path) -> None:
    """After an answer that the limit cut; otherwise it is a conversation of its own."""
    cut = chat_message({"content": "2"}, "length")
    one, two = asked(HI, max_tokens=1), asked(HI, max_tokens=9)
    repeated = enacted(tmp_path, says(one, cut, CUT), says(two))
    assert outcome(repeated) == {"re-enacted": 1, "by hooks": 1}
    assert outcome(enacted(tmp_path, says(one), says(two))) == {"ended": 1}


def test_a_forced_choice_that_stays_is_explained(tmp_path: Path) -> None:
    """Ours is for the first turn alone."""
    choice: JsonObject = {"tool_choice": "required"}
    report = enacted(tmp_path, calls(asked(HI, **choice)), says(asked(HI, TURN, RESULT, **choice)))
    assert outcome(report) == {"explained": 1}


def test_what_no_agent_asks_is_explained(tmp_path: Path) -> None:
    """A request that ends with the words of the model."""
    report = enacted(tmp_path, says(asked(HI, TWO)))
    assert outcome(report) == {"explained": 1}
    assert report.endings == {"not asked: see explained": 1}


def test_a_cut_call_does_not_run(tmp_path: Path) -> None:
    """And a result that is made up for it would be noticed."""
    half: JsonObject = {"id": "call-1", "type": "function"}
    half["function"] = {"name": "add", "arguments": '{"x":'}
    told = {**CALLED, "finish": "length"}
    told["tool_calls"] = [ExpectedCall("call-1", "add", {"__unparsed__": '{"x":'}, '{"x":')]
    body = chat_message({"content": None, "tool_calls": [half]}, "length")
    report = enacted(tmp_path, says(asked(HI), body, told))
    assert (outcome(report), report.endings) == ({"ended": 1}, {"cut tool call, not run": 1})


def test_the_command_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its last line has the figures, and its status says whether anything differs."""
    enacted(tmp_path, calls(asked(HI)), says(asked(HI, TURN, RESULT)))
    assert main([str(tmp_path), "--show", "made up"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert "made up [1] equal" in told
    assert told[-1] == "re-enacted 1 of 1 conversations, 1 requests equal, 0 different"
    assert main([str(tmp_path), "--only", "nothing of the kind"]) == 1
