"""What is measured: each stack as its documentation shows it, synchronous, no retries.

A stack is a module with a function `open(url)` per way of using it. It returns a function that
makes one stream, as an iterator of its pieces of text. Whatever is imported, is imported in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

__all__ = ["LOOP", "OURS", "STACKS", "Stack", "Words"]

Words: TypeAlias = Callable[[], Iterator[str]]
"""Makes one stream."""


class Stack(NamedTuple):
    """One row of the tables.

    Attributes:
        name: For people.
        module: In this package.
        function: In it.
        installs: What pip is told.
        imports: The module that users import.
        wire: Whose feeds it reads.
    """

    name: str
    module: str
    function: str
    installs: tuple[str, ...]
    imports: str
    wire: str = "chat"

    @property
    def venv(self) -> str:
        """The folder of its venv."""
        return self.module

    @property
    def distribution(self) -> str:
        """Whose version is told.

        >>> STACKS[1].distribution, STACKS[4].distribution
        ('rig_sync', 'smolagents')
        """
        return self.imports if self.installs == RIG else self.installs[0].partition("[")[0]


OPENAI = ("openai",)
ANTHROPIC = ("anthropic",)
BY_HAND = ("requests", "sseclient-py")
RIG = (".",)

LOOP = "the loop"
OURS = "rig_sync"

STACKS = (
    Stack(LOOP, "by_hand", "chat", BY_HAND, "requests"),
    Stack(OURS, "rig", "chat", RIG, "rig_sync"),
    Stack("openai create", "openai_sdk", "create", OPENAI, "openai"),
    Stack("openai stream", "openai_sdk", "stream", OPENAI, "openai"),
    Stack("smolagents", "smolagents", "chat", ("smolagents[openai]",), "smolagents"),
    Stack("mirascope", "mirascope", "chat", ("mirascope[openai]",), "mirascope.llm"),
    Stack("any-llm", "any_llm", "chat", ("any-llm-sdk[openai]",), "any_llm"),
    Stack("llm", "llm", "chat", ("llm",), "llm"),
    Stack("langchain-openai", "langchain", "chat", ("langchain-openai",), "langchain_openai"),
    Stack("pydantic-ai", "pydantic_ai", "chat", ("pydantic-ai-slim[openai]",), "pydantic_ai"),
    Stack("litellm", "litellm", "chat", ("litellm",), "litellm"),
    Stack(LOOP, "by_hand", "responses", BY_HAND, "requests", "responses"),
    Stack(OURS, "rig", "responses", RIG, "rig_sync", "responses"),
    Stack("openai", "openai_sdk", "responses", OPENAI, "openai", "responses"),
    Stack(LOOP, "by_hand", "anthropic", BY_HAND, "requests", "anthropic"),
    Stack(OURS, "rig", "anthropic", RIG, "rig_sync", "anthropic"),
    Stack("anthropic create", "anthropic_sdk", "create", ANTHROPIC, "anthropic", "anthropic"),
    Stack("anthropic stream", "anthropic_sdk", "stream", ANTHROPIC, "anthropic", "anthropic"),
    Stack(LOOP, "by_hand", "gemini", BY_HAND, "requests", "gemini"),
    Stack(OURS, "rig", "gemini", RIG, "rig_sync", "gemini"),
)
"""In the order of the tables; the first of a wire is what the others are compared with."""
