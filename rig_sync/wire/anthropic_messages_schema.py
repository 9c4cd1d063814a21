"""JSON Schema as far as Anthropic's structured output knows it.

Source: https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs, its limitations.
"""

from __future__ import annotations

from rig_sync._json import Json, JsonObject, compact

__all__ = ["restricted"]

_REFUSED = (
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "maxItems", "uniqueItems", "minProperties", "maxProperties"),
)
_NAMED = ("properties", "$defs", "definitions")
_LISTED = ("anyOf", "allOf", "prefixItems")


def restricted(schema: JsonObject) -> JsonObject:
    """`schema` without what the API refuses, which becomes words to the model instead.

    Objects take no further properties, as the API wants it said of each.

    >>> restricted({"type": "integer", "minimum": 1, "description": "How many."})
    {'type': 'integer', 'description': 'How many. {"minimum":1}'}
    """
    one_of = schema.get("oneOf")
    kept = {name: value for name, value in schema.items() if name not in (*_REFUSED, "oneOf")}
    words = {name: schema[name] for name in _REFUSED if name in schema}
    least = schema.get("minItems")
    if isinstance(least, int) and least > 1:
        words["minItems"] = kept.pop("minItems")
    if words:
        before = kept.get("description")
        kept["description"] = " ".join([*([str(before)] if before else []), compact(words)])
    if isinstance(one_of, list):
        others = kept.get("anyOf")
        kept["anyOf"] = [*(others if isinstance(others, list) else []), *one_of]
    if kept.get("type") == "object" or "properties" in kept:
        kept["additionalProperties"] = False
    for name in _NAMED:
        inner = kept.get(name)
        if isinstance(inner, dict):
            kept[name] = {key: _inside(value) for key, value in inner.items()}
    for name in _LISTED:
        listed = kept.get(name)
        if isinstance(listed, list):
            kept[name] = [_inside(value) for value in listed]
    if "items" in kept:
        kept["items"] = _inside(kept["items"])
    return kept


def _inside(value: Json) -> Json:
    return restricted(value) if isinstance(value, dict) else value
