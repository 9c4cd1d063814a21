"""Finding the few tools among many that fit a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig_sync._json import JsonObject
from rig_sync.completion import ToolDefinition
from rig_sync.errors import ConfigError
from rig_sync.tools import Scorer, Tool, ToolContext, ToolIndex, ToolSet, embedding_scorer, tool
from rig_sync.tools.words import Bm25, words


class Named:
    """A tool of any name, description and schema."""

    def __init__(self, name: str, description: str, parameters: JsonObject | None = None) -> None:
        self.definition = ToolDefinition(name, description, parameters or {"type": "object"})

    def call(self, arguments: JsonObject, context: ToolContext) -> str:  # noqa: ARG002
        return ""


@tool
def get_weather(city: str) -> str:
    """Tell the weather of today."""
    return f"sunny in {city}"


@tool
def send_mail(text: str, to: Annotated[str, "an address, or the nickname of a colleague"]) -> str:
    """Send a letter."""
    return text + to


MANY: list[Tool] = [
    get_weather,
    send_mail,
    Named("listInvoices", "Show what customers owe."),
    Named("plan", "Fixe une réunion avec des collègues."),
    Named(
        "book",
        "Reserve a seat.",
        {
            "type": "object",
            "properties": {
                "trip": {
                    "type": "object",
                    "properties": {"railway": {"description": "Which train company"}},
                },
                "class": {"enum": ["bicycle"], "default": {"description": "wheelchair"}},
            },
        },
    ),
]
INDEX = ToolIndex(MANY)


def found(text: str, index: ToolIndex = INDEX, top: int | None = None) -> list[str]:
    return [one.definition.name for one in index.search(text, top)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("weather", ["get_weather"]),
        ("GET it", ["get_weather"]),
        ("my invoice", ["listInvoices"]),
        ("listinvoices", ["listInvoices"]),
        ("big cities", ["get_weather"]),
        ("their nicknames", ["send_mail"]),
        ("RAILWAY", ["book"]),
        ("which trains", ["book"]),
        ("bicycle wheelchair", []),
        ("une RÉUNION", ["plan"]),
        ("reunion", []),
        ("", []),
        (" \n", []),
        ("?!_", []),
        ("zebra", []),
    ],
)
def test_what_is_found(text: str, expected: list[str]) -> None:
    """Words of names, descriptions and parameters count; data in a schema does not."""
    index = ToolIndex([one for one in MANY if one.definition.name != "plan"])
    french = ToolIndex([MANY[3]])
    assert found(text, index) + found(text, french) == expected


def test_the_best_comes_first() -> None:
    """Rare words weigh more than common ones, and more words more than one."""
    tools = [
        Named("one", "files files files files"),
        Named("two", "files and archives"),
        Named("three", "files"),
        Named("four", "no such thing"),
    ]
    assert found("archives of files", ToolIndex(tools)) == ["two", "one", "three"]


@pytest.mark.parametrize("top", [1, 2, 4, 9])
def test_equals_stay_in_the_order_given(top: int) -> None:
    """So a search gives the same whenever it is asked, at most as many as wanted."""
    tools = [Named(f"t{number}", "The same words.") for number in range(6)]
    expected = [f"t{number}" for number in range(6)][:top]
    assert found("words", ToolIndex(tools, top=top)) == expected
    assert found("words", ToolIndex(tools), top) == expected
    assert found("words", ToolIndex(tools)) == ["t0", "t1", "t2", "t3"]


def test_an_index_has_all_its_tools() -> None:
    """They can be called whichever was found; later changes to the set given are not seen."""
    tools = ToolSet(MANY)
    index = ToolIndex(tools)
    tools.remove("book")
    assert repr(index.tools) == repr(INDEX.tools)
    assert index.search("weather") == (get_weather,)
    assert found("reserve", index) == ["book"]
    assert repr(index) == "ToolIndex(5 tools, top=4)"


def test_an_empty_index() -> None:
    """It finds nothing, and asks no scorer."""
    assert ToolIndex([]).search("anything") == ()
    assert ToolIndex([], score=refusing).search("anything") == ()
    assert ToolIndex(MANY, score=refusing).search(" ") == ()


def refusing(query: str, texts: Sequence[str]) -> list[float]:
    raise AssertionError(query)


def test_another_scorer() -> None:
    """It is given the words and the texts; what scores 0, less or nan does not fit."""
    asked: list[tuple[str, Sequence[str]]] = []

    def score(query: str, texts: Sequence[str]) -> list[float]:
        asked.append((query, texts))
        return [0.0, 0.5, -1.0, 2.0, float("nan")]

    assert found("Hello there", ToolIndex(MANY, score=score)) == ["plan", "send_mail"]
    [(query, texts)] = asked
    assert query == "Hello there"
    assert list(texts[:2]) == [
        "get_weather\nTell the weather of today.\ncity",
        "send_mail\nSend a letter.\ntext\nto\nan address, or the nickname of a colleague",
    ]


VECTORS = {"warm": (3.0, 0.0), "cold": (-1.0, 0.0), "mixed": (1.0, 1.0), "nothing": (0.0, 0.0)}


def test_embedding_scorer_asks_once_for_each_text() -> None:
    """Texts are embedded when first seen, together; a query each time; zero vectors fit nothing."""
    asked: list[list[str]] = []

    def embed(texts: Sequence[str]) -> list[Sequence[float]]:
        asked.append(list(texts))
        return [VECTORS[text] for text in texts]

    score = embedding_scorer(embed)
    assert score("warm", ["cold", "mixed", "nothing"]) == pytest.approx([-1, 0.5**0.5, 0])
    assert score("mixed", ["mixed", "cold", "warm"]) == pytest.approx([1, -(0.5**0.5), 0.5**0.5])
    assert asked == [["cold", "mixed", "nothing"], ["warm"], ["warm"], ["mixed"]]


def test_an_index_by_meaning() -> None:
    """An embedding model picks the tool though no word is shared."""

    def embed(texts: Sequence[str]) -> list[Sequence[float]]:
        return [(1.0, 0.2) if "weather" in text or "rain" in text else (0.0, 1.0) for text in texts]

    index = ToolIndex(MANY, top=1, score=embedding_scorer(embed))
    assert found("Will it rain?", index) == ["get_weather"]


def one_score(query: str, texts: Sequence[str]) -> list[float]:
    return [1.0]


def too_few(texts: Sequence[str]) -> list[Sequence[float]]:
    return [(1.0,)] * (len(texts) - 1)


def of_two_models(texts: Sequence[str]) -> list[Sequence[float]]:
    return [(1.0,) * len(texts)] * len(texts)


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (
            one_score,
            "the scorer gave 1 scores for 5 tools: return one for each text, in their order",
        ),
        (
            embedding_scorer(too_few),
            "`embed` gave 4 vectors for 5 texts: return one for each",
        ),
        (
            embedding_scorer(of_two_models),
            "`embed` gave vectors of 1 and 5 numbers: take one model for all",
        ),
    ],
    ids=["scores", "vectors", "dimensions"],
)
def test_a_scorer_that_does_not_fit(score: Scorer, message: str) -> None:
    """What goes wrong with it is said with what to return."""
    with pytest.raises(ConfigError) as caught:
        ToolIndex(MANY, score=score).search("words")
    assert str(caught.value) == message


@pytest.mark.parametrize("top", [0, -1, True, 1.5, "3"], ids=repr)
def test_top_is_a_number_of_tools(top: int) -> None:
    """Anything else is refused, when made and when asked."""
    with pytest.raises(ConfigError, match="give a whole number from 1"):
        ToolIndex(MANY, top=top)
    with pytest.raises(ConfigError, match="give a whole number from 1"):
        INDEX.search("weather", top)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "snake_case camelCase HTTPServer v2",
            "snake cas camel cas camelcas http server httpserver v2",
        ),
        ("status bus class gas analysis", "status bus class gas analysis"),
        ("caches databases releases matches", "cach databas releas match"),
        ("cache database release match", "cach databas releas match"),
        ("Straße ΣΊΣΥΦΟΣ 日本 naïve", "strass σίσυφοσ 日本 naïve"),
        ("a-b/c.d,e", "a b c d e"),
        ("", ""),
    ],
)
def test_words(text: str, expected: str) -> None:
    """Names come apart, plurals meet their singular, and every alphabet has words."""
    assert " ".join(words(text)) == expected


WORDS = st.sampled_from(["red", "green", "blue", "stone", "river"])
TEXTS = st.lists(st.lists(WORDS).map(" ".join))


@given(TEXTS, st.text() | st.sampled_from(["red river", "stones"]))
def test_scores_of_any_texts(texts: list[str], query: str) -> None:
    """One score for each, never negative, above 0 exactly where a word is shared."""
    scores = Bm25(texts).scores(query)
    shared = [bool(set(words(text)) & set(words(query))) for text in texts]
    assert [score > 0 for score in scores] == shared
    assert all(score >= 0 for score in scores)


@given(st.text())
def test_any_text_finds_itself(text: str) -> None:
    """Whatever has a word is found by it."""
    index = ToolIndex([Named("t", text), Named("other", "")])
    assert ("t" in found(text, index)) == any(True for _ in words(text))
