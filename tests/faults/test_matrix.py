"""Every wire, every fault, every moment: the documented outcome, in bounded time, nothing left."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from rig_sync.client import ClientOptions
from rig_sync.errors import ConnectFailed, IdleTimeout, ReadFailed, StreamTruncated
from tests.conftest import ServerFactory
from tests.faults.matrix.answers import Form, good
from tests.faults.matrix.cases import Case, cases
from tests.faults.matrix.checking import problems
from tests.faults.matrix.expected import Rule
from tests.faults.matrix.faults import FAULTS
from tests.faults.matrix.moments import Moment
from tests.faults.matrix.running import RETRIES, TRIES, Board, Seen, ask
from tests.faults.matrix.table import page
from tests.faults.matrix.wires import SAMPLES

pytestmark = pytest.mark.long

BESIDE = 16  # cases at a time: most of them wait
GROUPS = {
    name: [fault for fault in FAULTS.values() if fault.group == name]
    for name in dict.fromkeys(fault.group for fault in FAULTS.values())
}
PAGE = Path(__file__).parents[2] / "docs" / "faults.md"

Look = Callable[[Case, Seen], Iterable[str]]


def looked_at(board: Board, todo: Iterable[Case], mended: bool, look: Look) -> list[str]:
    """What `look` finds in each of the cases, several at a time.

    Args:
        board: The server.
        todo: The cases.
        mended: The fault strikes once, and the next try is answered well; else it strikes at every
            try, and an agent's further turns are answered well.
        look: What is wrong, in words.
    """

    def one(pair: tuple[int, Case]) -> list[str]:
        number, case = pair
        strikes = [case.script] * (TRIES if case.rule.retried and not mended else 1)
        then = [good(case.sample, case.form.streamed)] if mended else []
        seen = ask(board, f"{number}", case, *strikes, *then, case.after)
        return [f"{case}: {what}" for what in look(case, seen)]

    with ThreadPoolExecutor(BESIDE) as pool:
        return [what for found in pool.map(one, enumerate(todo)) for what in found]


@pytest.mark.parametrize("wire", SAMPLES)
@pytest.mark.parametrize("group", GROUPS)
def test_the_matrix(server: ServerFactory, group: str, wire: str) -> None:
    """What is promised of a fault holds at every moment, streamed or not, alone or in an agent."""
    todo = (case for fault in GROUPS[group] for case in cases(wire, fault))
    found = looked_at(Board(server), todo, False, problems)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("wire", SAMPLES)
def test_another_try_mends_it(server: ServerFactory, wire: str) -> None:
    """What is retried comes whole from the second try, and nothing of the first is in it."""

    def unlike(case: Case, seen: Seen) -> Iterable[str]:
        turns = 1 + (case.form is Form.AGENT)
        words = "" if case.form is Form.SEND else "Hello" * turns
        if seen.error is not None or len(seen.requests) != 1 + turns:
            yield f"{seen.error!r} after {len(seen.requests)} requests"
        elif (seen.text, seen.defects) != (words, []):
            yield f"{seen.text!r}, {seen.defects}"
        elif seen.response is not None and seen.response.usage != case.sample.usage:
            yield f"{seen.response.usage}"

    todo = [
        replace(case, rule=Rule(keeps=None))
        for fault in FAULTS.values()
        for (_, form), case in {(one.moment, one.form): one for one in cases(wire, fault)}.items()
        if case.rule.retried and form is not Form.PROMPT
    ]
    found = looked_at(Board(server), todo, True, unlike)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("wire", SAMPLES)
def test_no_connection(wire: str) -> None:
    """A refused connection is tried again, and then told of with the address."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{nobody.getsockname()[1]}"
        options: ClientOptions = {"base_url": f"http://{where}", "retries": RETRIES}
        with SAMPLES[wire].connect(options) as client:
            request = client.completion_model("m-1").completion("Hello")
            for ask_it in (request.send, lambda: list(request.stream())):
                with pytest.raises(ConnectFailed, match=f"^{client.name}: .*{where}") as caught:
                    ask_it()
                assert len(caught.value.attempts) == TRIES - 1
                assert caught.value.partial is not None
                assert caught.value.partial.message.content == ()


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_its_rules(fault: str) -> None:
    """At every moment at which it can strike there is a case, on every wire that it is for."""
    wires = FAULTS[fault].wires or tuple(SAMPLES)
    for wire in wires:
        struck = {case.moment for case in cases(wire, FAULTS[fault])}
        moments = set(FAULTS[fault].moments)
        assert struck == (moments if SAMPLES[wire].finish else moments - {Moment.FINISH})


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (Rule(), "though the answer is whole"),
        (Rule(ReadFailed), "raised: 'StreamTruncated', not 'ReadFailed'"),
        (Rule(IdleTimeout), "raised"),
        (Rule(StreamTruncated, retried=True), "requests: 1, not 2"),
        (Rule(StreamTruncated, defects=1), "bad frames told: 0, not 1"),
        (Rule(StreamTruncated, keeps=True), "not kept"),
        (Rule(StreamTruncated, says="salt"), "does not say 'salt'"),
    ],
)
def test_the_matrix_notices(server: ServerFactory, rule: Rule, says: str) -> None:
    """A library that does something else than what a rule says does not pass."""
    (right,) = (
        case
        for case in cases("openai_chat", FAULTS["FIN"])
        if (case.moment, case.variant, case.form) == (Moment.TEXT, "chunked", Form.STREAM)
    )
    board = Board(server)
    assert looked_at(board, [right], False, problems) == []
    case = replace(right, rule=replace(rule, retried=False))
    seen = ask(board, "other", case, case.script)
    assert any(says in what for what in problems(replace(case, rule=rule), seen))


def test_the_page_is_up_to_date() -> None:
    """What users read is what the tests hold."""
    how = "run: python -m tests.faults.matrix --write docs/faults.md"
    assert PAGE.read_text(encoding="utf-8") == page(), how
