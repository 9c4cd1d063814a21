"""Ways to make something hostile of something good; `chance` alone decides which."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from rig_sync._json import is_deeper, parse
from tests.faults.fuzz.values import HOSTILE_WORDS, Members, Raw, Tree, containers, hostile, tree
from tests.faults.fuzz.values import written as as_text

__all__ = ["cuts", "mutated_bytes", "mutated_json", "mutated_row", "mutated_text", "mutated_tree"]

T = TypeVar("T")

WALKED = 100  # levels
LARGE = 5_000


# JSON -------------------------------------------------------------------------------------------


def mutated_json(text: str, chance: random.Random, donors: Sequence[str] = ()) -> str:
    """JSON text with one to four things wrong in it; text that is no JSON, with wrong characters.

    Args:
        text: As a server would have sent it.
        chance: Decides.
        donors: Other such texts, of which parts may be taken.
    """
    whole = _tree(text)
    if whole is None:
        return mutated_text(text, chance)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        whole = mutated_tree(whole, chance, donors)
    text = as_text(whole)
    return mutated_text(text, chance) if chance.random() < 0.03 else text


def _tree(text: str) -> Tree | None:
    """None where it is no JSON, or too deep to walk through."""
    if is_deeper(text, WALKED):
        return None
    try:
        return tree(parse(text))
    except ValueError:
        return None


def mutated_tree(whole: Tree, chance: random.Random, donors: Sequence[str] = ()) -> Tree:
    """A tree with something else in one place; it may be changed itself."""
    places = list(containers(whole))
    if not places or chance.random() < 0.03:
        return hostile(chance)
    at = places[chance.randrange(len(places))]
    way = chance.choice(_WAYS)
    if isinstance(at, Members):
        number = chance.randrange(len(at.entries))
        name, value = at.entries[number]
        if way is _renamed:
            at.entries[number] = (chance.choice(_NAMES), value)
        else:
            at.entries[number : number + 1] = [
                (name, inner) for inner in way(value, chance, donors)
            ]
    else:
        number = chance.randrange(len(at))
        at[number : number + 1] = way(at[number], chance, donors)
    return whole


_Way = Callable[[Tree, random.Random, Sequence[str]], list[Tree]]


def _replaced(value: Tree, chance: random.Random, donors: Sequence[str]) -> list[Tree]:
    return [hostile(chance)]


def _dropped(value: Tree, chance: random.Random, donors: Sequence[str]) -> list[Tree]:
    return []


def _twice(value: Tree, chance: random.Random, donors: Sequence[str]) -> list[Tree]:
    return [value, hostile(chance)] if chance.random() < 0.5 else [hostile(chance), value]


def _retyped(value: Tree, chance: random.Random, donors: Sequence[str]) -> list[Tree]:
    """A list where one thing is due, an object where a list is, text where an object is."""
    if isinstance(value, list) and value:
        return [value[0]]
    if isinstance(value, Members) and value.entries and chance.random() < 0.5:
        return [value.entries[0][1]]
    wraps: tuple[Tree, ...] = (
        [value],
        Members([('"0"', value)]),
        Members([('"text"', value)]),
        tree(as_text(value)),
    )
    return [wraps[chance.randrange(len(wraps))]]


def _renamed(value: Tree, chance: random.Random, donors: Sequence[str]) -> list[Tree]:
    return [value]


def _many(value: Tree, chance: random.Random, donors: Sequence[str]) -> list[Tree]:
    once = Raw(as_text(value))  # what is changed later is not to change in all of them
    return [once] * (3 if len(once.text) > LARGE else chance.choice((2, 300)))


def _garbled(value: Tree, chance: random.Random, donors: Sequence[str]) -> list[Tree]:
    return [Raw(mutated_text(as_text(value), chance))]


def _borrowed(value: Tree, chance: random.Random, donors: Sequence[str]) -> list[Tree]:
    """A part of another sample."""
    if not donors:
        return [hostile(chance)]
    other = _tree(donors[chance.randrange(len(donors))])
    if other is None:
        return [hostile(chance)]
    places = list(containers(other))
    return [places[chance.randrange(len(places))] if places else other]


_WAYS: tuple[_Way, ...] = (
    *(_replaced,) * 6,
    *(_dropped, _retyped, _retyped, _renamed, _twice, _borrowed, _borrowed, _many, _garbled),
)
_NAMES = (
    *('""', '"type"', '"id"', '"index"', '"error"', '"text"', '"name"', '"content"', '"delta"'),
    *(
        '"message"',
        '"arguments"',
        '"__class__"',
        '"\\ud800"',
        '"a b"',
        '"\\u0000"',
        '"0"',
        '"usage"',
    ),
)


# rows, text and bytes ---------------------------------------------------------------------------


def mutated_row(
    row: Sequence[T],
    chance: random.Random,
    change: Callable[[T], T],
    donors: Sequence[T] = (),
) -> list[T]:
    """`row` with entries changed, dropped, repeated, moved and added; at times left as it is."""
    found = list(row)
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        if not found:
            break
        at = chance.randrange(len(found))
        match chance.randrange(8):
            case 0:
                del found[at]
            case 1:
                found.insert(at, found[at])
            case 2:
                found.insert(0, found.pop(at))  # the terminal one first, at times
            case 3:
                found.append(found.pop(at))
            case 4 if donors:
                found.insert(at, donors[chance.randrange(len(donors))])
            case 5:
                found += found[: at + 1]  # a second beginning
            case 6:
                found = found[: at + 1]
            case _:
                other = chance.randrange(len(found))
                found[at], found[other] = found[other], found[at]
    for _ in range(chance.choice((0, 1, 1, 1, 2, 5))):
        if found:
            at = chance.randrange(len(found))
            found[at] = change(found[at])
    return found


def mutated_text(text: str, chance: random.Random) -> str:
    """`text` with characters taken out, put in and exchanged; half a surrogate pair at most."""
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(text) + 1)
        size = chance.choice((0, 1, 1, 2, 20))
        new = chance.choice(("", *_MARKS, HOSTILE_WORDS[chance.randrange(len(HOSTILE_WORDS))]))
        text = text[:at] + new + text[at + size :]
    return text.encode("utf-8", "replace").decode()


_MARKS = (*'{}[]",:\\/-.0eE\n\r\t\x00\u2028', '\\"', "\\u", "\\ud83d", '":', ',"', "\n\n", "data: ")


def mutated_bytes(body: bytes, chance: random.Random) -> bytes:
    """`body` with bytes flipped, taken out and put in."""
    found = bytearray(body)
    for _ in range(chance.choice((1, 1, 2, 4, 10))):
        at = chance.randrange(len(found) + 1)
        match chance.randrange(5):
            case 0 if found:
                found[at % len(found)] ^= 1 << chance.randrange(8)
            case 1:
                del found[at : at + chance.choice((1, 2, 4, 50))]
            case 2:
                found[at:at] = found[: chance.choice((4, 50))]
            case 3:
                found[at : at + 4] = chance.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"))
            case _:
                found[at:at] = _BYTES[chance.randrange(len(_BYTES))]
    return bytes(found)


_BYTES = (
    *(
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\n\r\n",
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
    ),
    *(
        b"data",
        b"data:",
        b"data: \n",
        b"event: error\n",
        b"id: \x00\n",
        b": ",
        b"retry: 9999999999\n",
    ),
    *(
        b"\x1a",
        b"\x1a0",
        b"\x1a1",
        b"\xc3",
        b"\xf0\x9f\x98",
        b"\xe2\x80\xa8",
        b"{",
        b"}\n",
        b"null\n",
    ),
    b"retry: " + b"9" * 2000 + b"\n",
    b"x" * 5000,
)


def cuts(body: bytes, chance: random.Random) -> list[bytes]:
    """`body` in pieces: at random places, some of them empty, or byte by byte."""
    match chance.randrange(4):
        case 0:
            return [body]
        case 1 if len(body) < 3000:
            return [body[at : at + 1] for at in range(len(body))]
        case _:
            many = chance.choice((1, 3, 20))
            places = sorted(chance.randrange(len(body) + 1) for _ in range(many))
            ends = [*places, len(body)]
            return [body[a:b] for a, b in zip([0, *places], ends, strict=True)]
