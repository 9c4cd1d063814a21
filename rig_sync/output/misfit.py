"""What is wrong with an answer, in words that a model can correct itself by."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Misfit", "at"]


class Misfit(ValueError):
    """An answer is not of the type asked for; `problems` lists everything that does not fit.

    >>> str(Misfit(["the key `name` is missing - at `$`"]))
    'the key `name` is missing - at `$`'
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


def at(message: str, path: str) -> str:
    """A message of msgspec with its own path set behind `path`.

    >>> at("Expected `int`, got `str` - at `$[0]`", "$.a"), at("Invalid", "$.a")
    ('Expected `int`, got `str` - at `$.a[0]`', 'Invalid - at `$.a`')
    """
    head, found, inner = message.rpartition(" - at ")
    return f"{head} - at {inner.replace('$', path, 1)}" if found else f"{inner} - at `{path}`"
