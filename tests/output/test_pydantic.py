"""Pydantic models as types of an answer; they validate by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from rig_sync.errors import ConfigError
from rig_sync.output import Misfit, output_type
from tests.output.test_types import held

pytest.importorskip("pydantic")

from pydantic import BaseModel, Field, field_validator


class Part(BaseModel):
    """A part.

    Of something.
    """

    name: str = Field(min_length=1)
    count: int = Field(default=1, ge=1)
    parts: list[Part] = []
    note: str | None = None

    @field_validator("name")
    @classmethod
    def _lower(cls, name: str) -> str:
        if name != name.lower():
            raise ValueError("write it in lower case")
        return name


@dataclass
class Holder:
    part: Part


def test_the_schema_is_strict() -> None:
    """Its schema is in the shape of all others: the root in place, everything required."""
    made = output_type(Part)
    assert (made.name, made.description, made.wrapped) == ("Part", "A part.", False)
    assert made.schema.strict
    assert made.schema.schema["required"] == ["name", "count", "parts", "note"]
    held(made.schema.schema)
    held(output_type(list[Part]).schema.schema)


def test_answers_that_are_taken() -> None:
    """Null for a field with a default is not given, at any depth; lists of models are wrapped."""
    text = '{"name": "a", "count": null, "parts": [{"name": "b", "count": "2", "parts": null}]}'
    assert output_type(Part).parse(text) == Part(name="a", parts=[Part(name="b", count=2)])
    assert output_type(list[Part]).parse('{"value": [{"name": "a"}]}') == [Part(name="a")]


def test_answers_that_do_not_fit() -> None:
    """All that pydantic finds is listed, with where it stands."""
    with pytest.raises(Misfit) as caught:
        output_type(Part).parse('{"name": "A", "parts": [{"count": 0}], "count": null}')
    assert caught.value.problems == (
        "Value error, write it in lower case - at `$.name`",
        "Input should be a valid integer - at `$.count`",
        "Field required - at `$.parts[0].name`",
        "Input should be greater than or equal to 1 - at `$.parts[0].count`",
    )
    with pytest.raises(Misfit, match=r"at `\$\.value\[1\]\.name`; .*at `\$\.value\[2\]`"):
        output_type(list[Part]).parse('{"value": [{"name": "a"}, {}, 3]}')
    with pytest.raises(Misfit, match="Expected `array`"):
        output_type(list[Part]).parse("3")


@pytest.mark.parametrize("kind", [Holder, dict[str, Part], Part | None, list[list[Part]]])
def test_models_among_other_types(kind: Any) -> None:
    """A model inside anything but a list is refused, with what to write."""
    with pytest.raises(ConfigError, match="pydantic model"):
        output_type(kind)
