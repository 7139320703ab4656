"""JSON Schemas of requests and answers, and the check of a value against its schema."""

import re
from collections.abc import Sequence
from typing import Any

from embedtool.errors import QueryError
from embedtool.serving.limits import MAX_EXPRESSION_LENGTH, MAX_WORD_LENGTH

Schema = dict[str, Any]
"""The JSON Schema keywords of `check_value`: type, enum, bounds, lengths and items."""

JSON_TYPES: dict[str, tuple[type, str]] = {
    "integer": (int, "a whole number"),
    "boolean": (bool, "true or false"),
    "string": (str, "text"),
    "array": (list, "a list"),
}
INTEGER = re.compile(r"-?[0-9]{1,20}")
BOOLEANS = {"true": True, "false": False}

WORD: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_WORD_LENGTH}
EXPRESSION: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_EXPRESSION_LENGTH}
FROM_NGRAMS: Schema = {
    "type": "array", "items": {"type": "string"}, "minItems": 1,
    "description": "Words asked about that are not in the vocabulary, so that their vectors are "
                   "those of their character n-grams; left out where there is none.",
}  # fmt: skip
UNKNOWN: Schema = {
    "type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}},
    "description": "The words without a vector, each with its nearest spellings.",
}  # fmt: skip


def array_of(items: Schema, min_items: int, max_items: int) -> Schema:
    return {"type": "array", "items": items, "minItems": min_items, "maxItems": max_items}


def object_of(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def check_value(name: str, value: Any, schema: Schema) -> Any:
    """Return a value that conforms to its schema.

    As in JSON Schema, a float without a fraction is an integer.

    Raises
    ------
    QueryError
        If the value does not conform; the message says what is expected.
    """
    kind, type_name = JSON_TYPES[schema["type"]]
    if kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise QueryError(f"{name} must be {type_name}")
    if kind is int and not schema["minimum"] <= value <= schema["maximum"]:
        raise QueryError(f"{name} must be {schema['minimum']} to {schema['maximum']}")
    if isinstance(value, str) and "enum" in schema:
        if value not in schema["enum"]:
            raise QueryError(f"{name} must be {' or '.join(schema['enum'])}")
    elif isinstance(value, str):
        min_length, max_length = schema["minLength"], schema["maxLength"]
        if not min_length <= len(value) <= max_length:
            raise QueryError(
                f"{name} must be of {min_length} to {max_length} characters, not {len(value)}"
            )
    if isinstance(value, list):
        min_items, max_items = schema["minItems"], schema["maxItems"]
        if not min_items <= len(value) <= max_items:
            bounds = str(max_items) if min_items == max_items else f"{min_items} to {max_items}"
            raise QueryError(f"{name} must hold {bounds}, not {len(value)}")
        return [check_value(f"{name}[{i}]", item, schema["items"]) for i, item in enumerate(value)]
    return value


def parse_parameter(name: str, given: Sequence[str], schema: Schema) -> Any:
    """Return the values of a URL parameter, converted to its schema's type if possible."""
    if schema["type"] == "array":
        return list(given)
    if len(given) > 1:
        raise QueryError(f"{name} is given {len(given)} times; expected one")
    if schema["type"] == "integer" and INTEGER.fullmatch(given[0]):
        return int(given[0])
    if schema["type"] == "boolean":
        return BOOLEANS.get(given[0], given[0])
    return given[0]
