"""JSON Schemas in the shape that the strict modes of providers take.

OpenAI's strict mode is the narrowest: every object lists all its properties as required and takes
no others, there are no defaults, free-form objects or tuples, and a `$ref` stands alone.
"""

from __future__ import annotations

from rig_sync._json import Json, JsonObject, compact

__all__ = ["tidied"]

_KEPT = frozenset(
    (
        *("type", "enum", "const", "description", "format", "pattern"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minItems", "maxItems", "additionalProperties", "required"),
    )
)
_IN_WORDS = ("minLength", "maxLength", "uniqueItems", "contentEncoding", "examples")
_DROPPED = frozenset(("title", "discriminator", "default", "$schema", "deprecated"))
_INSIDE = frozenset(("properties", "$defs", "items", "anyOf", "oneOf", "$ref"))
_FORMATS = frozenset(
    ("date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
)


class _NotStrict(Exception):
    """The schema says something that strict modes cannot."""


def tidied(schema: JsonObject) -> tuple[JsonObject, bool]:
    """`schema` for a provider, and whether it is one for strict modes.

    In a strict one every property is required. Those that need not be given, and do not take null
    anyway, become nullable, where null stands for "not given"; their description names the
    default. Constraints that strict modes do not know become words. A schema with free-form
    objects, tuples or "anything" is not strict: it stays as it is, but for titles.

    >>> tidied({"type": "object", "properties": {"a": {"type": "integer", "default": 3}}})[0]
    {'type': 'object', 'properties': {'a': {'type': ['integer', 'null'], 'description': \
'null: the default, 3'}}, 'required': ['a'], 'additionalProperties': False}
    """
    try:
        return _strict(schema), True
    except _NotStrict:
        return _loose(schema), False


def _strict(schema: JsonObject) -> JsonObject:
    known = _KEPT | _DROPPED | _INSIDE | frozenset(_IN_WORDS)
    if not (schema.keys() & {"type", "enum", "const", "anyOf", "oneOf", "$ref", "$defs"}):
        raise _NotStrict
    if schema.keys() - known:
        raise _NotStrict
    kept = {name: value for name, value in schema.items() if name in _KEPT}
    _describe(kept, schema)
    if kept.get("format") not in _FORMATS:
        kept.pop("format", None)
    for name in ("anyOf", "oneOf"):
        options = schema.get(name)
        if isinstance(options, list):
            kept["anyOf"] = [_strict_value(option) for option in options]
    if "items" in schema:
        kept["items"] = _strict_value(schema["items"])
    elif schema.get("type") == "array":
        raise _NotStrict
    if "type" not in kept and isinstance(values := _values(schema), list):
        kept["type"] = _type_of(values)
    if kept.get("type") == "object":
        kept |= _strict_object(schema)
    definitions = schema.get("$defs")
    if isinstance(definitions, dict):
        kept["$defs"] = {name: _strict_value(value) for name, value in definitions.items()}
    return _with_ref(kept, schema)


def _strict_value(schema: Json) -> Json:
    if not isinstance(schema, dict):
        raise _NotStrict
    return _strict(schema)


def _strict_object(schema: JsonObject) -> JsonObject:
    properties = schema.get("properties")
    if not isinstance(properties, dict) or schema.get("additionalProperties", False) is not False:
        raise _NotStrict
    required = schema.get("required")
    given = required if isinstance(required, list) else []
    whole: dict[str, Json] = {}
    for name, value in properties.items():
        inner = _strict_value(value)
        if name not in given and isinstance(inner, dict) and isinstance(value, dict):
            inner = _nullable(inner, value)
        whole[name] = inner
    return {"properties": whole, "required": [*whole], "additionalProperties": False}


def _nullable(schema: JsonObject, before: JsonObject) -> JsonObject:
    """`schema`, or null for "not given"."""
    if _takes_null(schema):
        return schema
    default = f", {compact(before['default'])}" if before.get("default") is not None else ""
    meaning = f"null: the default{default}" if default else "null: not given"
    text = schema.get("description")
    words = f"{text} ({meaning})" if text else meaning
    kind = schema.get("type")
    if isinstance(kind, str) and kind != "object" and not schema.keys() & {"enum", "const"}:
        return {**schema, "type": [kind, "null"], "description": words}
    inner = {name: value for name, value in schema.items() if name != "description"}
    options = inner.get("anyOf") if inner.keys() == {"anyOf"} else None
    listed = options if isinstance(options, list) else [inner]
    return {"anyOf": [*listed, {"type": "null"}], "description": words}


def _takes_null(schema: Json) -> bool:
    if not isinstance(schema, dict):
        return False
    kind, options = schema.get("type"), schema.get("anyOf")
    if isinstance(options, list):
        return any(map(_takes_null, options))
    return kind == "null" or (isinstance(kind, list) and "null" in kind)


def _describe(kept: JsonObject, schema: JsonObject) -> None:
    """What strict modes do not know is said in the description."""
    words = {name: schema[name] for name in _IN_WORDS if name in schema}
    if "format" in schema and schema["format"] not in _FORMATS:
        words["format"] = schema["format"]
    if words:
        before = schema.get("description")
        kept["description"] = f"{before} {compact(words)}" if before else compact(words)


def _with_ref(kept: JsonObject, schema: JsonObject) -> JsonObject:
    if "$ref" not in schema:
        return kept
    ref: JsonObject = {"$ref": schema["$ref"]}
    return {"anyOf": [ref], **kept} if kept else ref


def _values(schema: JsonObject) -> Json:
    return [schema["const"]] if "const" in schema else schema.get("enum")


_TYPES = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"))


def _type_of(values: list[Json]) -> Json:
    kinds: list[Json] = []
    for value in values:
        name = next((name for kind, name in _TYPES if isinstance(value, kind)), "null")
        if name not in kinds:
            kinds.append(name)
    return kinds[0] if len(kinds) == 1 else kinds


def _loose(schema: JsonObject) -> JsonObject:
    """`schema` without titles, which repeat the names of properties."""
    kept: JsonObject = {}
    for name, value in schema.items():
        if name in ("properties", "$defs") and isinstance(value, dict):
            kept[name] = {key: _loose_value(inner) for key, inner in value.items()}
        elif name not in ("title", "default", "enum", "const", "examples", "discriminator"):
            kept[name] = _loose_value(value)
        elif name not in ("title", "discriminator"):
            kept[name] = value
    if "properties" in kept:
        kept.setdefault("additionalProperties", False)
    return kept


def _loose_value(value: Json) -> Json:
    if isinstance(value, list):
        return [_loose_value(inner) for inner in value]
    return _loose(value) if isinstance(value, dict) else value
