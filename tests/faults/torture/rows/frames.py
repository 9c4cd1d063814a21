"""Events that are not as documented, in an answer that is whole all the same."""

from __future__ import annotations

import json

from tests.faults.torture.judging import answers, tells_of_defect
from tests.faults.torture.rows.base import HEL, LO, STOP, USAGE, Row, body, chunk, delta, frame
from tests.server import DONE, response, sse_response

__all__ = ["ROWS"]

ANSWER = "the answer"
MESSAGE = {"role": "assistant", "content": "Hello"}
WHOLE = {
    **chunk([{"index": 0, "message": MESSAGE, "finish_reason": "stop"}], usage=dict(USAGE)),
    "object": "chat.completion",
}


def _between(name: str, *frames: bytes) -> Row:
    return Row(name, ANSWER, body(HEL, *frames, LO), answers())


def _bare(text: str, finish: str | None = None) -> bytes:
    return frame({"choices": [{"delta": {"content": text}, "finish_reason": finish}]})


ROWS = (
    Row(
        "one frame of bad JSON",
        "all other words, and word of the defect",
        body(HEL, frame('{"id": "chatcmpl-1", "choices": [{"del'), LO),
        tells_of_defect(),
    ),
    Row(
        "one frame that is a list",
        "all other words, and word of the defect",
        body(HEL, frame("[]"), LO),
        tells_of_defect(),
    ),
    _between("`data: null`", frame("null")),
    _between("`data:` and nothing else", frame("")),
    _between("`choices: null`", frame(chunk(None))),
    _between("`choices: []`", frame(chunk([]))),
    _between(
        "no `choices` but `prompt_filter_results` first (Azure)",
        frame({"id": "", "prompt_filter_results": [{"prompt_index": 0}]}),
    ),
    _between("`delta: null`", delta(None)),
    _between("no `delta`", frame(chunk([{"index": 0, "finish_reason": None}]))),
    _between("`content: null`, `tool_calls: null`", delta({"content": None, "tool_calls": None})),
    _between("`tool_calls: []`", delta({"content": "", "tool_calls": []})),
    _between("`error: null`", delta({}, error=None)),
    _between("`event: ping` with an object of its own", b"event: ping\n" + frame({"type": "ping"})),
    Row(
        "no `delta` beside the finish reason",
        ANSWER,
        sse_response(HEL, LO, frame(chunk([{"index": 0, "finish_reason": "stop"}])), DONE),
        answers(),
    ),
    Row(
        "chunks without id, object, created, model and index",
        ANSWER,
        sse_response(_bare("Hel"), _bare("lo"), _bare("", "stop"), DONE),
        answers(),
    ),
    Row(
        '`finish_reason: ""` until the end',
        ANSWER,
        sse_response(delta({"content": "Hel"}, ""), delta({"content": "lo"}, ""), STOP, DONE),
        answers(),
    ),
    Row(
        '`finish_reason: "stop"` from the first words on',
        ANSWER,
        sse_response(delta({"content": "Hel"}, "stop"), delta({"content": "lo"}, "stop"), DONE),
        answers(),
    ),
    Row(
        "more words after `[DONE]`",
        "the answer, and no more",
        sse_response(HEL, LO, STOP, DONE, LO, STOP, DONE),
        answers(),
    ),
    Row(
        "`content` is a list of parts (Mistral)",
        ANSWER,
        body(delta({"content": [{"type": "text", "text": "Hel"}]}), LO),
        answers(),
    ),
    Row(
        "half a surrogate pair in the text",
        "printable text",
        body(frame('{"choices": [{"index": 0, "delta": {"content": "Hel\\ud83d"}}]}'), LO),
        answers("Hel\ufffdlo"),
    ),
    Row(
        "a whole answer as JSON, though a stream was asked for",
        ANSWER,
        response(200, {"Content-Type": "application/json"}, json.dumps(WHOLE).encode()),
        answers(),
    ),
    Row(
        "`message` where `delta` should be",
        ANSWER,
        sse_response(
            frame(chunk([{"index": 0, "message": MESSAGE, "finish_reason": "stop"}])), DONE
        ),
        answers(),
    ),
    Row(
        "a second answer (`index: 1`) between the pieces of the first",
        "the first answer, unmixed",
        body(HEL, frame(chunk([{"index": 1, "delta": {"content": "Bye"}}])), LO),
        answers(),
    ),
)
