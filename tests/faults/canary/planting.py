"""Clients that hold the canary, in every place where one can be given a key."""

from __future__ import annotations

from collections.abc import Callable

from rig_sync.client import Client, ClientOptions
from rig_sync.providers import (
    azure,
    bedrock,
    chatgpt,
    client_class,
    copilot,
    gemini,
    openai,
    openai_compatible,
    provider_names,
    vertex,
)
from rig_sync.transport.retry import RetryPolicy
from tests.faults.canary.seeking import CANARY, HARD

__all__ = ["PLANTS", "Plant", "every_provider"]

Plant = Callable[[str], Client]

TWICE = RetryPolicy(attempts=2, initial=0)


def _options(url: str, **headers: str) -> ClientOptions:
    return {"base_url": url, "retries": TWICE, "headers": headers}


def _gemini(url: str) -> Client:
    return gemini.Client(CANARY, **_options(url)).interactions_api()


PLANTS: dict[str, Plant] = {
    "key": lambda url: openai_compatible.Client(CANARY, **_options(url)),
    "hard key": lambda url: openai_compatible.Client(HARD, **_options(url)),
    "function": lambda url: openai_compatible.Client(lambda: CANARY, **_options(url)),
    "hard function": lambda url: openai_compatible.Client(lambda: HARD, **_options(url)),
    "header": lambda url: openai_compatible.Client(
        **_options(url, Authorization=f"Bearer {CANARY}")
    ),
    "basic": lambda url: openai_compatible.Client(
        **_options(url, Authorization="Basic dXNlcjpjNG5hcnk3UTJ3OVp4NUxtM0t0OA==")
    ),
    "own header": lambda url: openai_compatible.Client("key", **_options(url, Fancy=CANARY)),
    "cookie": lambda url: openai_compatible.Client(**_options(url, Cookie=f"a=1; b={CANARY}")),
    "responses": lambda url: openai.Client(CANARY, **_options(url)),
    "azure key": lambda url: azure.Client(CANARY, **_options(url)),
    "azure token": lambda url: azure.Client(token=CANARY, **_options(url)),
    "azure function": lambda url: azure.Client(token=lambda: CANARY, **_options(url)),
    "bedrock key": lambda url: bedrock.Client(CANARY, **_options(url)),
    "bedrock secrets": lambda url: bedrock.Client(
        region="eu-west-1",
        access_key="AKIA0123456789ABCDEF",
        secret_key=CANARY,
        session_token=f"token+/={CANARY}",
        **_options(url),
    ),
    "vertex token": lambda url: vertex.Client("p", "eu", CANARY, **_options(url)),
    "vertex function": lambda url: vertex.Client("p", "eu", lambda: CANARY, **_options(url)),
    "interactions": _gemini,
    "chatgpt": lambda url: chatgpt.Client(CANARY, account_id="a", **_options(url)),
    "github": lambda url: copilot.Client(
        copilot.GitHubToken(CANARY, url + "/github"), **_options(url)
    ),
}
"""By the place; each makes a client of the server at a URL."""

OWN_WAY = {"azure", "bedrock", "local", "vertex"}


def every_provider() -> dict[str, Plant]:
    """All that take a key as such."""

    def plant(name: str) -> Plant:
        return lambda url: client_class(name)(CANARY, **_options(url))

    return {name: plant(name) for name in provider_names() if name not in OWN_WAY}
