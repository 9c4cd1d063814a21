"""What is wrong with an answer, in words that a model can correct itself by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["Misfit", "at", "listed"]

MOST_PROBLEMS = 20
MOST_CHARACTERS = 400


class Misfit(ValueError):
    """An answer is not of the type asked for; `problems` lists everything that does not fit.

    The message has the first of them.

    >>> str(Misfit(["the key `name` is missing - at `$`"]))
    'the key `name` is missing - at `$`'
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(listed(self.problems))


def listed(problems: Sequence[str]) -> str:
    """The problems in one line: all of a few, the first of many, both ends of long ones.

    Whoever makes a model wrong a thousand times is not to fill its context with that.

    >>> listed(["a is wrong", "b is missing"])
    'a is wrong; b is missing'
    >>> listed(["x"] * 30)[-17:]
    'x; x; and 10 more'
    """
    shown = [_cut(problem) for problem in problems[:MOST_PROBLEMS]]
    more = len(problems) - len(shown)
    return "; ".join([*shown, f"and {more} more"] if more else shown)


def _cut(problem: str) -> str:
    if len(problem) <= MOST_CHARACTERS:
        return problem
    half = MOST_CHARACTERS // 2
    return f"{problem[:half]} … {problem[-half:]}"


def at(message: str, path: str) -> str:
    """A message of msgspec with its own path set behind `path`.

    >>> at("Expected `int`, got `str` - at `$[0]`", "$.a"), at("Invalid", "$.a")
    ('Expected `int`, got `str` - at `$.a[0]`', 'Invalid - at `$.a`')
    """
    head, found, inner = message.rpartition(" - at ")
    return f"{head} - at {inner.replace('$', path, 1)}" if found else f"{inner} - at `{path}`"
