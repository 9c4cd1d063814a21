"""What comes of each fault: the rules, and the wires that differ, each with its reason.

The rules are what is promised, not what was seen: the tests hold the library to them, and the docs
tell them.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from rig_sync.errors import (
    AuthenticationError,
    BadRequest,
    FirstEventTimeout,
    IdleTimeout,
    LimitExceeded,
    NotFound,
    Overloaded,
    PermissionDenied,
    ProviderError,
    RateLimited,
    ReadFailed,
    ResponseDecodeError,
    RigError,
    ServerError,
    StreamTruncated,
)
from tests.faults.matrix.bodies import STATUSES
from tests.faults.matrix.inband import IN_BAND
from tests.faults.matrix.moments import Moment
from tests.faults.matrix.wires import SAMPLES

__all__ = ["DIFFERENCES", "ONE_SHOT", "STATUS_RULES", "STREAMED", "Difference", "Rule", "rule_for"]


class Rule(Struct, frozen=True):
    """What a caller gets.

    Attributes:
        error: What is raised; None: the answer is whole.
        retried: The request is made again first, as often as `RetryPolicy` says.
        keeps: The connection serves the next request; None: it may.
        defects: Bad frames that are told on the way; None: any number.
        extra: Words beside those of the answer.
        says: What the message has in it.
    """

    error: type[RigError] | None = None
    retried: bool = False
    keeps: bool | None = False
    defects: int | None = 0
    extra: str = ""
    says: str = ""


class Difference(Struct, frozen=True):
    """Where a rule does not hold as it stands.

    Attributes:
        faults: In these.
        wires: On these.
        rule: What holds instead.
        why: The reason, for users.
        moments: Then; empty: always.
        variant: In that one alone; None: in all.
        streamed: For streams, for whole answers; None: for both.
    """

    faults: tuple[str, ...]
    wires: tuple[str, ...]
    rule: Rule
    why: str
    moments: tuple[Moment, ...] = ()
    variant: str | None = None
    streamed: bool | None = None


HEADERS, CONTENT, TEXT, CALL, FINISH, END = Moment
WHOLE = Rule()
KEPT = Rule(keeps=None)
CUT, CUT_EARLY = Rule(StreamTruncated), Rule(StreamTruncated, retried=True)
BROKEN, BROKEN_EARLY = Rule(ReadFailed), Rule(ReadFailed, retried=True)
NOT_UNDERSTOOD = Rule(ResponseDecodeError, keeps=None)
REFUSED = Rule(ProviderError, keeps=None, says="scripted: [key]")
NO_HTTP = Rule(ReadFailed, retried=True, says="\\r\\n'")
SILENT, SILENT_EARLY = Rule(IdleTimeout), Rule(FirstEventTimeout)

Rules = dict[str, dict[Moment, Rule]]


def _from(headers: Rule, content: Rule, later: Rule, end: Rule) -> dict[Moment, Rule]:
    return {
        HEADERS: headers,
        CONTENT: content,
        TEXT: later,
        CALL: later,
        FINISH: end,
        END: end,
    }


def _goes_on(rule: Rule, end: Rule = KEPT) -> dict[Moment, Rule]:
    return {CONTENT: rule, TEXT: rule, END: end}


STREAMED: Rules = {
    "FIN": _from(BROKEN_EARLY, CUT_EARLY, CUT, WHOLE),
    "RST": _from(BROKEN_EARLY, BROKEN_EARLY, BROKEN, WHOLE),
    "stall": _from(SILENT_EARLY, SILENT_EARLY, SILENT, WHOLE),
    "trickle": _from(SILENT_EARLY, SILENT_EARLY, SILENT, WHOLE),
    "unknown events": {CONTENT: SILENT_EARLY, TEXT: SILENT, CALL: SILENT},
    "truncation": _from(
        BROKEN_EARLY,
        Rule(StreamTruncated, retried=True, keeps=True),
        Rule(StreamTruncated, keeps=True),
        KEPT,
    ),
    "no HTTP": {HEADERS: NO_HTTP},
    "bad frame": _goes_on(Rule(keeps=None, defects=1)),
    "bad words": _goes_on(Rule(keeps=None, extra="\ufffd")),
    "noise": _goes_on(KEPT),
    "broken chunks": _from(CUT_EARLY, CUT_EARLY, CUT, WHOLE),
    "broken compression": {CONTENT: BROKEN_EARLY},
    "a stream with another label": {CONTENT: KEPT},
    "the answer, not streamed": {CONTENT: KEPT},
    "the answer, not streamed, with another label": {CONTENT: KEPT},
    "server-sent events": {CONTENT: KEPT},
    "lines of JSON": {CONTENT: NOT_UNDERSTOOD},
    "an array of the frames": {CONTENT: NOT_UNDERSTOOD},
    "an array of the frames, in lines": {CONTENT: NOT_UNDERSTOOD},
    "AWS frames": {CONTENT: NOT_UNDERSTOOD},
    "an error as JSON": {CONTENT: REFUSED},
    "an HTML page": {CONTENT: NOT_UNDERSTOOD},
    "plain words": {CONTENT: NOT_UNDERSTOOD},
    "nothing": {CONTENT: Rule(StreamTruncated, retried=True, keeps=True)},
}
"""By fault and moment, for an answer that is streamed."""

ONE_SHOT: Rules = {
    "FIN": {HEADERS: BROKEN_EARLY, CONTENT: CUT_EARLY, TEXT: CUT_EARLY, END: WHOLE},
    "RST": dict.fromkeys((HEADERS, CONTENT, TEXT, END), BROKEN_EARLY),
    "stall": dict.fromkeys((HEADERS, CONTENT, TEXT, END), SILENT_EARLY),
    "trickle": dict.fromkeys((HEADERS, CONTENT, TEXT, END), SILENT_EARLY),
    "truncation": {
        CONTENT: Rule(StreamTruncated, retried=True, keeps=True),
        TEXT: Rule(StreamTruncated, retried=True, keeps=True),
        END: Rule(keeps=True),
    },
    "no HTTP": {HEADERS: NO_HTTP},
    "bad words": {CONTENT: Rule(keeps=True, extra="\ufffd")},
    "noise": {
        CONTENT: Rule(ResponseDecodeError, keeps=True),
        TEXT: Rule(ResponseDecodeError, keeps=True),
        END: Rule(ResponseDecodeError, keeps=True),
    },
    "broken chunks": {CONTENT: CUT_EARLY, TEXT: CUT_EARLY, END: WHOLE},
    "broken compression": {CONTENT: BROKEN_EARLY},
    "a stream with another label": {CONTENT: KEPT},
    "the answer, not streamed": {CONTENT: KEPT},
    "the answer, not streamed, with another label": {CONTENT: KEPT},
    "server-sent events": {CONTENT: NOT_UNDERSTOOD},
    "lines of JSON": {CONTENT: NOT_UNDERSTOOD},
    "an array of the frames": {CONTENT: NOT_UNDERSTOOD},
    "an array of the frames, in lines": {CONTENT: NOT_UNDERSTOOD},
    "AWS frames": {CONTENT: NOT_UNDERSTOOD},
    "an error as JSON": {CONTENT: REFUSED},
    "an HTML page": {CONTENT: NOT_UNDERSTOOD},
    "plain words": {CONTENT: NOT_UNDERSTOOD},
    "nothing": {CONTENT: Rule(StreamTruncated, retried=True, keeps=True)},
}
"""The same for a whole answer: what is `in text` there is the middle of the body."""

_STATUS_ERRORS: dict[int, tuple[type[ProviderError], bool]] = {
    **dict.fromkeys((301, 302, 307, 308), (ProviderError, False)),
    **dict.fromkeys((400, 413, 422), (BadRequest, False)),
    401: (AuthenticationError, False),
    403: (PermissionDenied, False),
    404: (NotFound, False),
    **dict.fromkeys((408, 409, 500, 502, 504), (ServerError, True)),
    429: (RateLimited, True),
    **dict.fromkeys((503, 529), (Overloaded, True)),
}
STATUS_RULES: dict[int, Rule] = {
    status: Rule(*_STATUS_ERRORS[status], keeps=None if status < 400 else True)
    for status in STATUSES
}
"""What a status means, whatever the body; streamed or not."""


# the wires that differ -----------------------------------------------------------------------

ALL = tuple(SAMPLES)
ENDLESS = ("gemini_generate",)
NO_END = "its streams have no word for their end: what follows a finish reason still counts"
SSE = tuple(name for name, sample in SAMPLES.items() if sample.framing == "sse")

DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        ("FIN",),
        ALL,
        CUT_EARLY,
        "an end within the headers looks like the end of the headers, so the body is what is cut",
        (HEADERS,),
        "within the headers",
    ),
    Difference(
        ("no HTTP",),
        ALL,
        Rule(LimitExceeded, says="headers"),
        "nothing is read beyond `Limits`, and more of the same would not help",
        (HEADERS,),
        "a line without end",
    ),
    Difference(("truncation",), ALL, CUT_EARLY, "", (CONTENT,), "close"),
    Difference(("truncation",), ALL, CUT, "", (TEXT, CALL), "close", True),
    Difference(("truncation",), ALL, CUT_EARLY, "", (TEXT,), "close", False),
    Difference(("truncation",), ALL, WHOLE, "", (FINISH, END), "close"),
    Difference(("bad frame",), ENDLESS, Rule(keeps=None, defects=1), NO_END, (END,)),
    Difference(("bad words",), ENDLESS, Rule(keeps=None, extra="\ufffd"), NO_END, (END,)),
    Difference(("trickle",), ENDLESS, Rule(defects=None), "", (END,), "bad frames"),
    Difference(("trickle",), ALL, Rule(IdleTimeout, defects=None), "", (TEXT, CALL), "bad frames"),
    Difference(("trickle",), ALL, Rule(defects=None), "", (FINISH,), "bad frames"),
    Difference(
        ("noise",),
        ("ollama_chat",),
        Rule(keeps=None, defects=1),
        "of lines of JSON each has to be an object; event streams pass over what is no field",
        (CONTENT, TEXT),
        streamed=True,
    ),
    Difference(
        ("noise",),
        ("bedrock_converse",),
        BROKEN_EARLY,
        "AWS frames have checksums: after a wrong one nothing can be trusted",
        (CONTENT,),
        streamed=True,
    ),
    Difference(
        ("noise",),
        ("bedrock_converse",),
        BROKEN,
        "AWS frames have checksums: after a wrong one nothing can be trusted",
        (TEXT,),
        streamed=True,
    ),
    Difference(
        ("server-sent events",),
        ("ollama_chat", "bedrock_converse"),
        NOT_UNDERSTOOD,
        "they do not stream that way",
        streamed=True,
    ),
    Difference(
        ("noise",),
        ("ollama_chat",),
        Rule(keeps=True),
        "a body of several lines is read as its stream: what follows the last one counts no more",
        (END,),
        streamed=False,
    ),
    Difference(
        ("lines of JSON",),
        ("ollama_chat",),
        KEPT,
        "that is how it streams; where one answer is due, a stream of one will do",
    ),
    Difference(
        ("AWS frames",),
        ("bedrock_converse",),
        KEPT,
        "that is how it streams",
        streamed=True,
    ),
    Difference(
        ("an array of the frames", "an array of the frames, in lines"),
        ("gemini_generate",),
        KEPT,
        "Google streams so when `?alt=sse` gets lost on the way",
    ),
)
"""The last one that fits counts."""


def rule_for(fault: str, wire: str, moment: Moment, variant: str, *, streamed: bool) -> Rule | None:
    """What is promised; None where there is no such case."""
    rule = _rule(fault, wire, moment, variant, streamed=streamed)
    if rule is None:
        return None
    for one in DIFFERENCES:
        if (
            fault in one.faults
            and wire in one.wires
            and (not one.moments or moment in one.moments)
            and one.variant in (None, variant)
            and one.streamed in (None, streamed)
        ):
            rule = one.rule
    return rule


def _rule(fault: str, wire: str, moment: Moment, variant: str, *, streamed: bool) -> Rule | None:
    if fault.isdigit():
        return STATUS_RULES[int(fault)]
    if fault.startswith("status, "):
        status = STATUS_RULES[int(variant.partition(",")[0])]
        return msgspec.structs.replace(status, keeps=False)
    if fault == "in-band error":
        return _in_band(wire, moment, variant)
    return (STREAMED if streamed else ONE_SHOT).get(fault, {}).get(moment)


def _in_band(wire: str, moment: Moment, variant: str) -> Rule:
    (one,) = (one for one in IN_BAND[wire] if one.shape == variant)
    if moment is END and wire not in ENDLESS:
        return KEPT
    retried = one.mends and moment is CONTENT
    return Rule(one.kind, retried=retried, keeps=None, says=one.says)
