"""Which texts fit some words: BM25, in plain Python.

Source: Robertson, Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with
Lucene's form of the weight of a word, which is never negative.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

__all__ = ["Bm25", "words"]

_SATURATION = 1.2  # how soon a word that comes again stops counting
_LENGTH = 0.75  # how much long texts are held back: 0 not at all, 1 in full

_RUN = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Bm25:
    """An index over `texts`: reads them once, and then scores queries against all of them.

    Threads: safe from any; never changed once made.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(words(text)) for text in texts]
        lengths = [sum(count.values()) for count in counts]
        usual = sum(lengths) / len(lengths) if any(lengths) else 1.0
        found: dict[str, list[tuple[int, int]]] = {}
        for number, count in enumerate(counts):
            for word, times in count.items():
                found.setdefault(word, []).append((number, times))
        self._size = len(texts)
        self._weights = {
            word: [
                (number, self._weight(times, lengths[number] / usual, len(places)))
                for number, times in places
            ]
            for word, places in found.items()
        }

    def scores(self, query: str) -> list[float]:
        """How well each text fits, in their order; 0 where it has no word of `query`.

        A word of the query counts once, however often it comes.

        >>> index = Bm25(["the weather in a city", "send a letter"])
        >>> [round(score, 2) for score in index.scores("letters, letters to the king")]
        [0.63, 0.77]
        """
        totals = [0.0] * self._size
        for word in dict.fromkeys(words(query)):
            for number, weight in self._weights.get(word, ()):
                totals[number] += weight
        return totals

    def _weight(self, times: int, length: float, places: int) -> float:
        """What a word adds to a text of `length` (1 is usual) that has it so many `times`."""
        rarity = math.log(1 + (self._size - places + 0.5) / (places + 0.5))
        damping = _SATURATION * (1 - _LENGTH + _LENGTH * length)
        return rarity * times * (_SATURATION + 1) / (times + damping)


def words(text: str) -> Iterator[str]:
    """The words of a text in lower case, the English plural folded; any alphabet.

    Names come apart at `_` and at humps, and a name with humps is also one word.

    >>> list(words("get_weather for BigCities: Zürich, GitHub"))
    ['get', 'weather', 'for', 'big', 'city', 'bigcity', 'zürich', 'git', 'hub', 'github']
    """
    for run in _RUN.findall(text):
        parts = _HUMP.split(run)
        for part in [*parts, run] if len(parts) > 1 else parts:
            yield _singular(part.casefold())


def _singular(word: str) -> str:
    """One spelling for a noun and its plural; not always a word.

    >>> [_singular(word) for word in ("cities", "boxes", "box", "movies", "movie", "class", "bus")]
    ['city', 'box', 'box', 'movy', 'movy', 'class', 'bus']
    """
    if len(word) > 3 and word.endswith("s") and word[-2] not in "sui":
        word = word[:-1]
    if len(word) > 3 and word.endswith("ie"):
        return f"{word[:-2]}y"
    if len(word) > 3 and word.endswith(("se", "xe", "ze", "che", "she")):
        return word[:-1]
    return word
