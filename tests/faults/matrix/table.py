"""The rules of `expected`, written down for users: `docs/faults.md`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from tests.faults.matrix.bodies import BODIES
from tests.faults.matrix.expected import (
    DIFFERENCES,
    ONE_SHOT,
    STATUS_RULES,
    STREAMED,
    Difference,
    Rule,
    rule_for,
)
from tests.faults.matrix.faults import FAULTS
from tests.faults.matrix.inband import IN_BAND
from tests.faults.matrix.moments import Moment
from tests.faults.matrix.wires import SAMPLES

__all__ = ["page"]

WIDTH = 100
TITLES = {
    "openai_chat": "OpenAI chat completions",
    "openai_responses": "OpenAI Responses",
    "anthropic_messages": "Anthropic Messages",
    "gemini_generate": "Gemini",
    "gemini_interactions": "Gemini interactions",
    "cohere_chat": "Cohere v2",
    "ollama_chat": "Ollama",
    "bedrock_converse": "Bedrock Converse",
}

INTRODUCTION = """# When the wire breaks

A stream is many failures waiting. This page says what comes of each: what `next()` raises, whether
the request was made again before that, and what is still in hand. It is written by the tests that
hold it (`python -m tests.faults.matrix --write docs/faults.md`): they put every line of it on a
real connection, on every wire, streamed and not, alone and inside an agent; each ends in bounded
time and leaves no thread and no socket behind.

What holds always:

- Everything that came before the failure is delivered before it is raised. A tool call is delivered
  when it is whole, and never before; one that broke off is never delivered, and no tool runs.
- The terminal record (`StreamFinal`, and `FinalResponse` of an agent) comes only when the provider
  said that it was done. A cut answer is never a short answer.
- The error names the provider and says what arrived. `.body` of a `ProviderError` has the first
  4 KiB of it, and no key is in it.
- Of an agent, `stream.messages` and `error.history` are a history that every provider accepts: a
  call that did not run is answered by a result that says so.
- *Retried* means: made again, with the same bytes, as `RetryPolicy` says, before the error is
  raised; `error.attempts` has the tries before the last. Nothing is made again after the first
  content has reached you.
"""

IN_HAND = """## What is in hand

| the fault strikes | was delivered | `.partial` | what an agent's history ends with |
|---|---|---|---|
| before headers | nothing | nothing | your prompt |
| before first content | nothing | no content; ids and usage as far as reported | your prompt |
| in text | the text so far | that text; ids and usage as far as reported | that text |
| in a tool call | the text, and every call that was whole | the same | the same, and a result for \
each call: it did not run |
| after the finish reason | the whole answer, its usage as far as reported | there is no error | \
the run goes on |
| after the terminal event | the whole answer | there is no error | the run goes on |

Of a one-shot call nothing is delivered before all of it is there, so its `.partial` is empty.
"""

NOTES = """Where there is no connection at all, it is `ConnectFailed` or `ConnectTimeout`, retried;
a certificate that is not trusted is `UntrustedCertificate`, at once.

*The finish reason* is a proof too, where it comes ahead of the terminal event (chat
completions, Anthropic, Bedrock): what is still missing is waited for no longer than
`Timeouts.idle`, and 5 seconds at most. An event of a type that nobody knows is an `Unknown` item.
It is no content to a deadline, but once you have seen one the request is not made again (only what
says by its name that it keeps the line alive is held back).

A body that was read to its end gives its connection back; every other connection is closed at once.
"""


def page() -> str:
    """All of `docs/faults.md`."""
    return "\n".join(
        [
            INTRODUCTION,
            "## Streams\n",
            *_moments(STREAMED, tuple(Moment)),
            "",
            NOTES,
            IN_HAND,
            "## One-shot calls\n",
            "`model.send` and `agent.prompt` read one JSON body: its end proves it whole.\n",
            *_moments(ONE_SHOT, ONE_SHOT_MOMENTS),
            "",
            "## Another body than was due\n",
            "The status is 200, but the body is not what was asked for. Labels are not believed: "
            "what the body\nbegins with decides.\n",
            *_bodies(),
            "",
            "## Statuses\n",
            "Whatever the body: JSON, HTML, nothing, or one that breaks off or stalls. The same "
            "for streams and\none-shot calls.\n",
            *_statuses(),
            "",
            "A provider's own code in the body may say more: `context_length_exceeded` is a "
            "`ContextLengthExceeded`,\n`insufficient_quota` is never retried.\n",
            "## Errors inside a stream\n",
            "The status was 200, and the provider tells an error in the stream. It is raised as "
            "what the provider\nsays it is. After the terminal event it counts no more, but for "
            "Gemini's streams, which have none.\n",
            *_in_band(),
            "",
            "## Where wires differ\n",
            *_differences(),
            "",
        ]
    )


ONE_SHOT_MOMENTS = (Moment.HEADERS, Moment.CONTENT, Moment.TEXT, Moment.END)
ONE_SHOT_NAMES = ("before headers", "before the body", "in the body", "after the JSON")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _head(*names: str) -> list[str]:
    return [_row(names), "|" + "---|" * len(names)]


def _told(rule: Rule | None) -> str:
    """A rule in a cell."""
    if rule is None:
        return ""
    if rule.error is not None:
        name = f"`{rule.error.__name__}`"
        return f"{name}, retried" if rule.retried else name
    if rule.defects:
        return "whole, and a `StreamError` item"
    if rule.extra:
        return "whole, with U+FFFD"
    return "whole"


def _moments(rules: dict[str, dict[Moment, Rule]], moments: Sequence[Moment]) -> Iterator[str]:
    streamed = rules is STREAMED
    names = [moment.value for moment in moments] if streamed else ONE_SHOT_NAMES
    yield from _head("what happens", *names)
    for name, by_moment in rules.items():
        if name in BODIES:
            continue
        fault = FAULTS[name]
        struck = [by_moment.get(one) if one in fault.moments else None for one in moments]
        yield _row([fault.meaning, *map(_told, struck)])


def _bodies() -> Iterator[str]:
    yield from _head("what came", "event streams", "Ollama", "Bedrock", "one-shot")
    for name in BODIES:
        wires = ("openai_chat", "ollama_chat", "bedrock_converse")
        cells = [rule_for(name, wire, Moment.CONTENT, "", streamed=True) for wire in wires]
        cells.append(rule_for(name, "openai_chat", Moment.CONTENT, "", streamed=False))
        yield _row([name, *map(_told, cells)])


def _statuses() -> Iterator[str]:
    yield from _head("status", "what is raised")
    by_rule: dict[str, list[int]] = {}
    for status, rule in STATUS_RULES.items():
        by_rule.setdefault(_told(rule), []).append(status)
    for told, statuses in by_rule.items():
        yield _row([", ".join(map(str, statuses)), told])


def _in_band() -> Iterator[str]:
    yield from _head("wire", "what comes", "what is raised", "before first content")
    for wire, shapes in IN_BAND.items():
        for one in shapes:
            retried = "retried" if one.mends else "raised"
            yield _row([TITLES[wire], one.shape, f"`{one.kind.__name__}`", retried])


def _differences() -> Iterator[str]:
    by_why: dict[str, list[Difference]] = {}
    for one in DIFFERENCES:
        if one.why:
            by_why.setdefault(one.why, []).append(one)
    for why, those in by_why.items():
        wires = dict.fromkeys(wire for one in those for wire in one.wires)
        who = (
            "Every wire"
            if len(wires) == len(SAMPLES)
            else ", ".join(map(TITLES.__getitem__, wires))
        )
        told = dict.fromkeys(f"{_where(one)}: {_told(one.rule)}" for one in those)
        line = f"- {who}: {'; '.join(told)}. {why[0].upper()}{why[1:]}."
        yield textwrap.fill(
            line, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )


def _where(one: Difference) -> str:
    what = " / ".join(FAULTS[name].meaning for name in one.faults)
    when = ", ".join(moment.value for moment in one.moments)
    form = {True: "streamed", False: "one-shot", None: ""}[one.streamed]
    more = ", ".join(part for part in (one.variant or "", when, form) if part)
    return f"{what} ({more})" if more else what
