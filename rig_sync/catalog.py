"""What a provider offers: its capabilities, and its models."""

from __future__ import annotations

from msgspec import Struct

from rig_sync._json import JsonObject

__all__ = ["Capabilities", "ModelInfo"]


class Capabilities(Struct, frozen=True, kw_only=True, tag="capabilities"):
    """What at least some models of a provider can do, over the wire that its client speaks.

    Attributes:
        completion: Chats at all; a provider of embeddings alone does not.
        tools: Calls tools.
        tool_choice: Can be made to call one.
        reasoning: Thinks, and tells something of it.
        structured_output: Follows a JSON Schema.
        images: Sees images.
        audio: Hears.
        video: Watches.
        documents: Reads PDF files.
    """

    completion: bool = True
    tools: bool = True
    tool_choice: bool = True
    reasoning: bool = True
    structured_output: bool = True
    images: bool = True
    audio: bool = False
    video: bool = False
    documents: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Those that are there, in the order above.

        >>> Capabilities(images=False, tool_choice=False, reasoning=False).names
        ('completion', 'tools', 'structured_output')
        """
        return tuple(name for name in self.__struct_fields__ if getattr(self, name))


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
