"""The torture table: the column of rig_sync is right in every row, and the page says so."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.torture.asking import Call, Failure, Seen
from tests.faults.torture.clients import CLIENTS, OURS
from tests.faults.torture.judging import (
    WORDS,
    Judge,
    answers,
    calls,
    counts,
    ends_in_error,
    expires,
    lets_go,
    never_runs,
    reports,
    runs,
    tells_of_defect,
)
from tests.faults.torture.page import Column, read_page, to_page
from tests.faults.torture.rows import GROUPS, ROWS
from tests.faults.torture.rows.base import SHORT
from tests.faults.torture.running import Found, ask_all, find

PAGE = Path(__file__).parents[2] / "docs" / "torture.md"
SLICES = 6  # processes side by side: nearly all of the time is waiting for silent servers
KEYS = {f"{group}: {row.name}": row for group, rows in GROUPS.items() for row in rows}
SLACK = 5.0  # seconds that tell a hang from a busy machine

Measured = Mapping[str, Seen]


@pytest.fixture(scope="module")
def measured() -> Measured:
    """What rig_sync makes of every row, each asked in a process beside this one."""
    keys = list(KEYS)
    ours = Found(OURS.module, sys.executable, "")

    def ask(part: int) -> dict[str, Seen]:
        mine = keys[part::SLICES]
        asked = ask_all(ours, [KEYS[key] for key in mine])
        return {key: seen for key, (_, seen) in zip(mine, asked, strict=True)}

    with ThreadPoolExecutor(SLICES) as pool:
        return {key: seen for part in pool.map(ask, range(SLICES)) for key, seen in part.items()}


def test_every_row_has_a_name_of_its_own() -> None:
    """A row cannot hide another one."""
    assert len(KEYS) == len(ROWS)


@pytest.mark.parametrize("key", KEYS)
def test_row(measured: Measured, key: str) -> None:
    """What DEMANDS.md asks of this wire."""
    seen, row = measured[key], KEYS[key]
    verdict = row.judge(seen, OURS.own)
    assert verdict.right, f"{verdict.word}: {seen}"


@pytest.mark.parametrize("key", [key for key, row in KEYS.items() if row.idle == SHORT])
def test_silence_ends_in_time(measured: Measured, key: str) -> None:
    """A silent server is left after the timeout, not before it and not much later."""
    assert SHORT - 0.05 <= measured[key].seconds <= SHORT + SLACK


@pytest.mark.parametrize("key", KEYS)
def test_what_came_is_on_the_error(measured: Measured, key: str) -> None:
    """An error is one of rig_sync's, and its `.partial` has the words that were streamed."""
    seen = measured[key]
    if seen.failure is not None:
        assert seen.failure.kind.startswith("rig_sync.errors.")
        if KEYS[key].kind == "text":
            assert seen.partial == seen.text


def test_the_page_is_in_step(measured: Measured) -> None:
    """docs/torture.md has these rows, these words and this column; the peers' as last measured."""
    text = PAGE.read_text(encoding="utf-8")
    ours = [row.judge(measured[key], OURS.own) for key, row in KEYS.items()]
    columns = [
        Column(OURS, "", ours) if column.client is OURS else column for column in read_page(text)
    ]
    assert [column.client for column in columns] == list(CLIENTS)
    assert all(len(column.verdicts) in (0, len(ROWS)) for column in columns)
    assert to_page(columns) == text, (
        "write it anew: python -m tests.faults.torture --peers PYTHON ... --write docs/torture.md"
    )


# the judges, and the harness: neither can be right whatever comes ----------------------------

WHOLE = Seen(words=["Hel", "lo"], finish="stop", usage=[3, 2])
SILENT_EOF = Seen(words=["Hel", "lo"])
HANG, CRASH, UNFIT = Seen(end="hang"), Seen(end="crash"), Seen(end="unfit")


def _failed(kind: str, *words: str, says: str = "", above: str = "builtins.Exception") -> Seen:
    return Seen(end="error", words=list(words), failure=Failure(kind, [kind, above], says))


OWN = _failed("sdk.Broken", "Hello", says="the model is overloaded")
FOREIGN = _failed("json.JSONDecodeError", "Hello")
EARLY = _failed("sdk.Broken", "Hel")
TIMEOUT = _failed("sdk.Slow", "Hello", above="builtins.TimeoutError")
ADD = Call("add", '{"x": 1}', "a")

JUDGED: list[tuple[Judge, Seen, str, bool | None]] = [
    (answers(), WHOLE, "ok", True),
    (answers(), OWN, "dies", False),
    (answers(), Seen(words=["Hel"]), "text lost", False),
    (answers(), Seen(words=["Hello!"]), "garbled", False),
    (answers(within=1), Seen(words=["Hello"], seconds=2), "late", False),
    (answers(), HANG, "hang", False),
    (answers(), CRASH, "crash", False),
    (answers(), UNFIT, "n/a", None),
    (tells_of_defect(), WHOLE, "silent", False),
    (tells_of_defect(), Seen(words=["Hello"], defects=["a frame"]), "told", True),
    (tells_of_defect(), OWN, "dies", False),
    (expires(), TIMEOUT, "timeout", True),
    (expires(), FOREIGN, "error", True),
    (expires(), EARLY, "text lost", False),
    (expires(), HANG, "hang", False),
    (expires(), SILENT_EOF, "clean end", False),
    (ends_in_error(), OWN, "typed", True),
    (ends_in_error(), FOREIGN, "error", True),
    (ends_in_error(), EARLY, "text lost", False),
    (ends_in_error(None), EARLY, "typed", True),
    (ends_in_error(), SILENT_EOF, "clean end", False),
    (ends_in_error(), WHOLE, "fake finish", False),
    (reports("overloaded", "Hello"), OWN, "typed", True),
    (reports("another", "Hello"), OWN, "error", False),
    (reports("overloaded", "Hello"), FOREIGN, "error", False),
    (reports("overloaded", "Hel"), OWN, "text lost", False),
    (reports("overloaded", "Hello"), SILENT_EOF, "clean end", False),
    (calls(("add", {"x": 1})), Seen(calls=[ADD]), "ok", True),
    (calls(("add", {"x": 1})), Seen(), "pieces", None),
    (calls(("add", {"x": 1})), Seen(calls=[]), "lost", False),
    (calls(("add", {"x": 1})), Seen(calls=[ADD, ADD]), "split", False),
    (calls(("add", {"x": 1}), ("add", {"x": 1})), Seen(calls=[ADD]), "merged", False),
    (calls(("add", {"x": 1}), ("add", {"x": 1})), Seen(calls=[ADD, ADD]), "no id", False),
    (calls(("add", {"x": 1})), Seen(calls=[Call("add", {"x": 1}, None)]), "no id", False),
    (calls(("add", {"x": 1}), ids=("b",)), Seen(calls=[ADD]), "no id", False),
    (calls(("add", {"x": 2})), Seen(calls=[ADD]), "wrong", False),
    (calls(("add", {})), Seen(calls=[Call("add", "", "a")]), "wrong", False),
    (calls(("add", {"x": 1})), OWN, "dies", False),
    (counts(3, 2), WHOLE, "ok", True),
    (counts(3, 2), SILENT_EOF, "lost", False),
    (counts(3, 2), Seen(words=["Hello"], usage=[6, 4]), "wrong", False),
    (counts(None, None), SILENT_EOF, "ok", True),
    (counts(None, None), Seen(words=["Hello"], usage=[0, 0]), "invented", False),
    (never_runs(), OWN, "not run", True),
    (never_runs(), Seen(ran=["add 1"]), "ran", False),
    (never_runs(), Seen(end="hang", ran=["add 1"]), "ran", False),
    (never_runs(), HANG, "hang", False),
    (runs("add 1"), Seen(ran=["add 1"]), "ok", True),
    (runs("add 1"), Seen(ran=["add 1", "add 1"]), "wrong", False),
    (runs("add 1"), Seen(), "lost", False),
    (runs("add 1"), OWN, "dies", False),
    (lets_go(), Seen(closed=True), "closed", True),
    (lets_go(), Seen(closed=False), "left open", False),
    (lets_go(), OWN, "dies", False),
]


@pytest.mark.parametrize(("judge", "seen", "word", "right"), JUDGED)
def test_judges(judge: Judge, seen: Seen, word: str, right: bool | None) -> None:
    """Each word is earned."""
    assert judge(seen, ("sdk",)) == (word, right)


def test_every_word_is_explained_and_earned() -> None:
    """The legend of the page has the words that there are, and no others."""
    assert {word for _, _, word, _ in JUDGED} == set(WORDS)


NAIVE: dict[str, str] = {
    "Ends: as documented": "ok",
    "Silence: silent in the text, keep-alive comments go on": "hang",
    "Ends: EOF without finish reason and without `[DONE]`": "clean end",
    "Errors inside a 200: `event: error` without an `error` key": "error",
    "Frames: one frame of bad JSON": "dies",
    "Framing: `data:` without a space": "text lost",
    "Tool calls: as documented": "n/a",
    "Callers: `break` while the server is silent": "closed",
}


def test_a_naive_loop_is_found_out() -> None:
    """The harness tells what a loop of tutorials does; one that hangs is killed and goes on."""
    naive = find("naive", [sys.executable])
    assert naive is not None
    rows = [KEYS[key] for key in NAIVE]
    words = [row.judge(seen, ("http",)).word for row, seen in ask_all(naive, rows, over=2.0)]
    assert dict(zip(NAIVE, words, strict=True)) == NAIVE


def test_a_peer_that_is_not_there() -> None:
    """Its column says so, and is not judged."""
    assert find("no_such_client", [sys.executable]) is None
    absent = Column(CLIENTS[-1], "", [])
    page = to_page([Column(OURS, "", [row.judge(WHOLE, ()) for row in ROWS]), absent])
    assert "| aisuite | aisuite | not installed | | |" in page
    assert read_page(page)[-1] == absent


def test_seen_goes_between_processes() -> None:
    """What a client made of an answer is the same on both sides."""
    seen = Seen(words=["\u2028é"], calls=[ADD], failure=OWN.failure, usage=[1, None], closed=True)
    assert Seen.from_json(seen.to_json()) == seen
