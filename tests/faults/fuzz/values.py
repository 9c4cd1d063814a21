"""JSON as a tree that can say what no JSON library writes, and values that nobody expects."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import TypeAlias

from msgspec import Struct

from rig_sync._json import Json

__all__ = [
    "DEEP",
    "HOSTILE",
    "HOSTILE_WORDS",
    "Members",
    "Raw",
    "Tree",
    "containers",
    "hostile",
    "tree",
    "written",
]

Tree: TypeAlias = "Raw | Members | list[Tree]"


class Raw(Struct, frozen=True):
    """JSON text that is written as it is."""

    text: str


class Members(Struct):
    """An object: names as JSON text, which may come twice, and their values."""

    entries: list[tuple[str, Tree]]


def tree(value: Json) -> Tree:
    """`value` as a tree.

    >>> written(tree({"a": [1, None]}))
    '{"a":[1,null]}'
    """
    if isinstance(value, dict):
        return Members([(json.dumps(name), tree(inner)) for name, inner in value.items()])
    if isinstance(value, list):
        return [tree(inner) for inner in value]
    return Raw(json.dumps(value, ensure_ascii=False))


def written(value: Tree) -> str:
    """A tree as JSON text, or what is left of it."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, Members):
        return "{" + ",".join(f"{name}:{written(inner)}" for name, inner in value.entries) + "}"
    return "[" + ",".join(map(written, value)) + "]"


def containers(value: Tree) -> Iterator[Members | list[Tree]]:
    """`value` and all objects and lists inside it, those that are not empty."""
    if isinstance(value, Members):
        if value.entries:
            yield value
        for _, inner in value.entries:
            yield from containers(inner)
    elif isinstance(value, list):
        if value:
            yield value
        for inner in value:
            yield from containers(inner)


def _nested(begin: str, end: str, depth: int, inner: str = "") -> Raw:
    return Raw(begin * depth + inner + end * depth)


DEEP = 50_000

_NUMBERS = (
    *("-1", "0", "1", "2", "-0", "-0.0", "0.5", "1e400", "-1e400", "1e308", "1e-400", "1E5", "1.0"),
    *("NaN", "Infinity", "-Infinity", "00", "+1", "1.", ".5", "0x10", "1_000"),
    *map(str, (2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 2**64 + 1, 10**18, 499)),
    str(10**400),
    "-" + "9" * 400,
    "1" * 4301,
    "0." + "1" * 400,
)

HOSTILE_WORDS = (
    *(
        "",
        " ",
        "\n",
        "null",
        "[DONE]",
        "{}",
        "[]",
        "{",
        '"',
        "\\",
        "\x00",
        "\x1a",
        "\x7f",
        "\u2028",
    ),
    *("\u202e\u2066", "\ufeff", "\ufffd", "\ud800", "\udfff", "\ud83d", "\U0001f600", "a\ud800b"),
    *("²", "٣", "1e400", "inf", "nan", "-1", "9" * 400, "9" * 5000, "1" * 400 + "s", "²s", "٣s"),
    *("../../etc/passwd", "a b/c?d#e", "$.a", "$" + ".a" * 2000, "$.a" + "[0]" * 2000, "$.a[²]"),
    *(f"$.a[{'9' * 5000}]", "$.a[99999999999]", "__class__", "__proto__", "{0}", "%s%n", "<html>"),
    *("error", "ERROR", "stop", "length", "text", "tool_use", "function", "image", "thinking"),
    *("data:image/png;base64,AAAA", "image/png", "a" * 300, "é" * 200, "x" * 20_000),
    *('{"a": 1}', '{"a"', "[" * 300, "[" * 300 + "]" * 300, '{"a":' * 255 + "1" + "}" * 255),
    *("application/json", "user", "assistant", "system", "function_call", "null", "true"),
)

_BROKEN = (
    *("", "nul", "tru", "'a'", '"', '"\\', '"\\u12', '"\\x41"', '"\\ud83d\\u0041"', "{", "[", "}"),
    *("]", ",", "[1,]", '{"a":1,}', '{"a"}', "{a:1}", "//", "/**/1", "\x00", "\x0b", "\u00a0"),
    *('"\n"', '"\x00"', '"\\ud800\\ud800"', '"\\udc00"', "1 2", "{}{}", "\ufeff{}"),
)

HOSTILE: tuple[Raw, ...] = (
    *map(Raw, ("null", "true", "false", "[]", "{}", "[[]]", "[{}]", "[null]", '{"":null}')),
    *map(Raw, _NUMBERS),
    *(Raw(json.dumps(word)) for word in HOSTILE_WORDS),
    *(Raw(json.dumps(word, ensure_ascii=False)) for word in HOSTILE_WORDS if word.isprintable()),
    *map(Raw, _BROKEN),
    Raw('{"a":1,"a":[],"a":{"a":null}}'),
    Raw('{"type":"error","error":{"type":null,"message":[]}}'),
    Raw('{"type":[],"name":{},"id":0,"text":[],"index":"0","content":1}'),
    Raw("[" + "null," * 999 + "null]"),
    Raw("{" + ",".join(f'"k{n}":{n}' for n in range(300)) + "}"),
    *(_nested("[", "]", depth) for depth in (200, 255, 256, 257, 900, 3000, DEEP)),
    *(_nested('{"a":', "}", depth, "1") for depth in (200, 255, 257, 900, DEEP)),
    Raw("[" * DEEP),
    Raw('{"a":[' * 5000),
)
"""Any of these may stand where a value is due; some are no JSON."""


def hostile(chance: random.Random) -> Raw:
    """One of `HOSTILE`, or as deep as what can just be read and no more be written."""
    if chance.randrange(50):
        return HOSTILE[chance.randrange(len(HOSTILE))]
    depth = chance.randrange(150, 1050)
    nested = (
        '{"a":' * depth + "1" + "}" * depth if chance.random() < 0.5 else "[" * depth + "]" * depth
    )
    return Raw(json.dumps(nested) if chance.random() < 0.5 else nested)
