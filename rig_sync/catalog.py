"""What a provider offers: its capabilities, and its models."""

from __future__ import annotations

import re

from msgspec import Struct

from rig_sync._json import JsonObject

__all__ = ["Capabilities", "ModelInfo", "model_version"]


class Capabilities(Struct, frozen=True, kw_only=True, tag="capabilities"):
    """What may be asked of a model, or of all models of a provider, over its client's wire.

    False says that it cannot be had, and a request for it is refused before anything is sent. True
    says that it can, or for some models, or that nobody knows: the provider will tell.

    Attributes:
        completion: Chats at all; a provider of embeddings alone does not.
        tools: Calls tools.
        tool_choice: Can be made to call one.
        reasoning: Can be told how much to think.
        structured_output: Follows a JSON Schema that is sent beside the prompt.
        images: Sees images.
        audio: Hears.
        video: Watches.
        documents: Reads files, as PDF; a document that is plain text needs nothing.
        native_output_with_tools: Still calls tools when the request has a schema too. A hint for
            agents: nothing is refused for it. False: the provider refuses the two together, or
            the schema keeps the model from calling anything.

    Source of the last: rig-core `ProviderCapabilities`, and Rig's issue 1928.
    """

    completion: bool = True
    tools: bool = True
    tool_choice: bool = True
    reasoning: bool = True
    structured_output: bool = True
    images: bool = True
    audio: bool = True
    video: bool = True
    documents: bool = True
    native_output_with_tools: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """Those that are there, in the order above.

        >>> Capabilities(audio=False, video=False, documents=False, tool_choice=False).names
        ('completion', 'tools', 'reasoning', 'structured_output', 'images', \
'native_output_with_tools')
        """
        return tuple(name for name in self.__struct_fields__ if getattr(self, name))

    @property
    def lacking(self) -> tuple[str, ...]:
        """What is refused, in the order above.

        >>> Capabilities(audio=False, video=False).lacking
        ('audio', 'video')
        """
        return tuple(name for name in self.__struct_fields__ if not getattr(self, name))


class ModelInfo(Struct, frozen=True, tag="model_info", omit_defaults=True):
    """One model in a provider's list, as far as the provider describes it.

    Attributes:
        id: What `client.agent(...)` takes.
        name: For people to read.
        owned_by: Who made it.
        context_length: Tokens of a prompt and its answer together, or of the prompt alone.
        raw: The provider's own entry.
    """

    id: str
    name: str | None = None
    owned_by: str | None = None
    context_length: int | None = None
    raw: JsonObject = {}  # msgspec copies an empty default for every instance

    def __repr__(self) -> str:
        return f"ModelInfo({self.id!r})"


def model_version(model: str, family: str) -> tuple[int, ...]:
    """The version that stands behind `family` in a model's name; empty when there is none.

    Versions compare as tuples, and none is less than any.

    >>> model_version("models/gemini-3.1-pro-preview", "gemini-")
    (3, 1)
    >>> model_version("gpt-4o", "gpt-") < (5,), model_version("gemini-flash-latest", "gemini-")
    (True, ())
    """
    found = re.search(rf"{re.escape(family)}(\d+(?:\.\d+)*)", model)
    return tuple(map(int, found[1].split("."))) if found else ()
