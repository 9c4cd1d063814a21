"""How providers list their models.

Sources: https://platform.openai.com/docs/api-reference/models, https://ai.google.dev/api/models,
https://docs.claude.com/en/api/models-list, https://docs.ollama.com/api/tags,
https://docs.cohere.com/reference/list-models
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from msgspec import Struct

from rig_sync._json import JsonObject
from rig_sync.catalog import ModelInfo
from rig_sync.errors import ResponseDecodeError
from rig_sync.wire.base import count

__all__ = ["ModelListing"]


class ModelListing(Struct, frozen=True):
    """One way to list models; the defaults are OpenAI's.

    Attributes:
        route: What follows the base URL.
        rows: The fields that may hold the list.
        ids: The fields that may hold what the model is called in requests.
        prefix: Taken off the front of an id.
        cursor: The field of an answer that says where the next page begins; None: one page.
        cursor_parameter: The query parameter that it goes back in.
    """

    route: str = "/models"
    rows: tuple[str, ...] = ("data", "models")
    ids: tuple[str, ...] = ("id", "name")
    prefix: str = ""
    cursor: str | None = None
    cursor_parameter: str = ""

    def path(self, cursor: str | None = None) -> str:
        """The path of the page that begins at `cursor`."""
        if cursor is None:
            return self.route
        joint = "&" if "?" in self.route else "?"
        return f"{self.route}{joint}{self.cursor_parameter}={quote(cursor, safe='')}"

    def decode(self, payload: JsonObject) -> list[ModelInfo]:
        """The models of one page, in the provider's order.

        Raises:
            ResponseDecodeError: there is no list.
        """
        for name in self.rows:
            rows = payload.get(name)
            if isinstance(rows, list):
                entries = [row for row in rows if isinstance(row, dict)]
                return [self._model(entry) for entry in entries if _word(entry, self.ids)]
        keys = ", ".join(payload) or "nothing"
        raise ResponseDecodeError(
            f"the answer has no list of models but: {keys}", recoverable=False
        )

    def next_page(self, payload: JsonObject) -> str | None:
        """Where the next page begins; None when this was the last."""
        if self.cursor is None or payload.get("has_more") is False:
            return None
        return _word(payload, (self.cursor,))

    def _model(self, entry: JsonObject) -> ModelInfo:
        return ModelInfo(
            id=(_word(entry, self.ids) or "").removeprefix(self.prefix),
            name=_word(entry, ("display_name", "displayName", "name")),
            owned_by=_word(entry, ("owned_by", "organization")),
            context_length=count(entry, *_CONTEXT),
            raw=entry,
        )


_CONTEXT = (
    "context_length",
    "context_window",
    "max_context_length",
    "max_model_len",
    "max_input_tokens",
    "inputTokenLimit",
)


def _word(entry: JsonObject, names: Sequence[str]) -> str | None:
    found = (entry.get(name) for name in names)
    return next((value for value in found if isinstance(value, str) and value), None)
