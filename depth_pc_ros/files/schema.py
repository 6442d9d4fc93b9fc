"""Checks of what was read against a JSON Schema, with messages that say what was expected and what came."""

import json
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from depth_pc_ros.errors import DepthPcError, FileError, shown

TEXT = {"type": "string", "maxLength": 4096}
NUMBER = {"type": "number"}
AMOUNT = {"type": "number", "minimum": 0}
COUNT = {"type": "integer", "minimum": 0, "maximum": 2**53}


def object_of(properties: dict, optional=()) -> dict:
    """Of an object with these keys and no others."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def array_of(items: dict, length: int | None = None, most: int | None = None) -> dict:
    """Of an array of exactly `length`, or at most `most`, items."""
    bounds = {"minItems": length, "maxItems": length if most is None else most}
    return {"type": "array", "items": items} | {key: value for key, value in bounds.items() if value is not None}


class Schema:
    """A JSON Schema, ready to check values."""

    def __init__(self, schema: dict):
        self._validator = Draft202012Validator(schema)

    def check(self, value: Any, where: str, error: type[DepthPcError] = FileError) -> None:
        """Raise `error` where the value does not fit. where: begins the message, as 'OPTION: FILE, line N'."""
        problem = best_match(self._validator.iter_errors(value))
        if problem is not None:
            key = problem.json_path.removeprefix("$").removeprefix(".")
            raise error(f"{where}: {shown_key(key)}{_complaint(problem)}")


def shown_key(key: str) -> str:
    """The start of a message about a key; empty for none."""
    return f"{shown(key)[1:-1]}: " if key else ""


def _complaint(problem) -> str:
    expected, got = problem.validator_value, problem.instance
    if problem.validator == "type":
        return f"expected {expected if isinstance(expected, str) else ' or '.join(expected)}, got {as_json(got)}"
    if problem.validator == "const":
        return f"expected {expected!r}, got {as_json(got)}"
    if problem.validator == "enum":
        return f"expected one of {', '.join(map(str, expected))}, got {as_json(got)}"
    if problem.validator == "required":
        return f"missing key {next(key for key in expected if key not in got)!r}"
    if problem.validator == "additionalProperties":
        known = problem.schema["properties"]
        unknown = next(key for key in got if key not in known)
        return f"unknown key {shown(unknown)}; known keys: {', '.join(known)}"
    return f"expected {problem.validator} {expected}, got {as_json(got)}"


def as_json(value: Any, limit: int = 80) -> str:
    """A JSON value for a message, cut off after `limit` characters."""
    text = json.dumps(value)
    return text if len(text) <= limit else f"{text[:limit]}..."
