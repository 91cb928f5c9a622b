"""An object is held to a structural schema as by the API server: unknown fields, defaults, values.

Source: the packages `pruning`, `defaulting` and `validation` of k8s.io/apiextensions-apiserver.
"""

import copy
import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError

from bind_operator.goyaml import Path

Schema = Mapping[str, Any]

INT_OR_STRING, OPEN = "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"
_EMBEDDED = ("apiVersion", "kind", "metadata")
_LONGEST_SHOWN = 60


@dataclass(frozen=True, order=True)
class Fault:
    """It is what the API server refuses an object for: the field, and what to do."""

    path: Path
    message: str


def unknown_fields(value: Any, schema: Schema) -> Iterator[Fault]:
    """Yield the fields of `value` that `schema` does not have, which kubectl refuses."""
    if schema.get(OPEN):
        return
    for key, child, below in _children(value, schema):
        if below is None:
            near = difflib.get_close_matches(str(key), schema.get("properties", {}), n=1)
            remedy = f"did you mean {near[0]}?" if near else "remove it or check its spelling"
            yield Fault((key,), f"no such field; {remedy}")
        else:
            for fault in unknown_fields(child, below):
                yield Fault((key, *fault.path), fault.message)


def fill_defaults(value: Any, schema: Schema) -> Any:
    """Return `value` with its defaults, and without the nulls of fields that have none."""
    if isinstance(value, list):
        items = schema.get("items", {})
        return [
            fill_defaults(copy.deepcopy(items.get("default")) if item is None else item, items)
            for item in value
        ]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    filled = {
        name: copy.deepcopy(child["default"])
        for name, child in properties.items()
        if "default" in child and value.get(name) is None
    }
    result = {}
    for key, child, below in _children({**value, **filled}, schema):
        if below is None:
            result[key] = child
        elif child is not None:
            result[key] = fill_defaults(child, below)
    return result


def wrong_values(value: Any, schema: Schema) -> Iterator[Fault]:
    """Yield what in `value`, which has its defaults, does not fit `schema`."""
    for error in _VALIDATOR(_plain(schema)).iter_errors(value):
        yield Fault(tuple(error.absolute_path), _said(error))
    yield from _doubled_items(value, schema)


def _children(value: Any, schema: Schema) -> Iterator[tuple[str | int, Any, Schema | None]]:
    """Yield the values right in `value`, each with its key and its schema, None where it has none."""
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for key, child in value.items():
            yield key, child, properties.get(key, schema.get("additionalProperties"))
    elif isinstance(value, list) and "items" in schema:
        for index, child in enumerate(value):
            yield index, child, schema["items"]


def _doubled_items(value: Any, schema: Schema) -> Iterator[Fault]:
    """Yield items of a list with the same keys, where the schema wants them unlike."""
    keys = schema.get("x-kubernetes-list-map-keys", ())
    if keys and isinstance(value, list):
        seen: set[tuple[Any, ...]] = set()
        for index, item in enumerate(value):
            name = tuple(item.get(key) for key in keys) if isinstance(item, dict) else (index,)
            if name in seen:
                yield Fault((index,), f"stands twice in the list, by {', '.join(keys)}; remove one")
            seen.add(name)
    for key, child, below in _children(value, schema):
        if below is not None:
            for fault in _doubled_items(child, below):
                yield Fault((key, *fault.path), fault.message)


def _plain(schema: Schema) -> dict[str, Any]:
    """Return the part of `schema` that JSON Schema has too; a number or a text is either of them there."""
    plain = {key: child for key, child in schema.items() if not key.startswith("x-") and key != "default"}
    if schema.get(INT_OR_STRING):
        plain["type"] = ["integer", "string"]
    if "properties" in schema:
        plain["properties"] = {name: _plain(child) for name, child in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if key in schema:
            plain[key] = _plain(schema[key])
    return plain


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    # In Go `$` is the end of the text; in Python a line feed may follow.
    if isinstance(value, str) and not re.search(re.sub(r"(?<!\\)\$", r"\\Z", pattern), value):
        yield ValidationError(f"must match {pattern}")


def _is_integer(_checker: Any, value: Any) -> bool:
    """Return whether the API server can hold `value` as an integer: 64 bits, with a sign."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


_VALIDATOR = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft7Validator,
    {"pattern": _pattern},
    type_checker=jsonschema.Draft7Validator.TYPE_CHECKER.redefine("integer", _is_integer),
    format_checker=jsonschema.FormatChecker(()),
)


def _said(error: ValidationError) -> str:
    """Return what is wrong, and what to do, for one error of JSON Schema."""
    bound: Any = error.validator_value
    instance: Any = error.instance
    given = _shown(instance)
    match error.validator:
        case "required":
            missing = [name for name in bound if name not in instance]
            return f"needs {' and '.join(missing)}; set {'it' if len(missing) == 1 else 'them'}"
        case "type":
            return f"must be {_kind(bound)}, not {given}{_type_remedy(bound, instance)}"
        case "enum":
            near = difflib.get_close_matches(str(instance), [str(one) for one in bound], n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else ""
            return f"must be one of {', '.join(map(str, bound))}, not {given}{hint}"
        case "minimum":
            return f"must be at least {bound}, not {given}"
        case "maximum":
            return f"must be at most {bound}, not {given}"
        case "maxLength":
            return f"must have at most {bound} characters, not {len(instance)}"
        case "maxItems" | "maxProperties":
            return f"must have at most {bound} entries, not {len(instance)}"
        case "minItems" | "minProperties":
            return f"must have at least {bound} entries, not {len(instance)}"
        case "pattern":
            return f"{error.message}, which {given} does not"
        case _:
            return error.message[:300]


def _kind(types: str | list[str]) -> str:
    words = {
        "object": "a map",
        "array": "a list",
        "string": "a text",
        "integer": "a whole number",
        "number": "a number",
    }
    words["boolean"] = "true or false"
    return " or ".join(words.get(one, one) for one in ([types] if isinstance(types, str) else types))


def _type_remedy(types: str | list[str], value: Any) -> str:
    if types == "string" and isinstance(value, int | float):
        return "; put it in quotes"
    if types in ("integer", "boolean", "number") and isinstance(value, str):
        return "; remove the quotes, or write another value"
    return ""


def _shown(value: Any) -> str:
    """Return `value` in few words, so that no line is long, and a text in quotes."""
    if isinstance(value, dict | list):
        return "a map" if isinstance(value, dict) else "a list"
    text = (
        {None: "null", True: "true", False: "false"}.get(value)
        if value is None or isinstance(value, bool)
        else None
    )
    text = text or (f'"{value}"' if isinstance(value, str) else str(value))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
