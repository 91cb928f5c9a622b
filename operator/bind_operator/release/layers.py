"""Layers of values are laid over those that the operator renders: maps merge, all else is replaced.

A layer may say what the spec has no field for. What the operator judges the release by, it may not reach.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema
import yaml

from bind_operator.api.rules.authentication import MCP_VARIABLES, VARIABLES
from bind_operator.api.rules.weaviate import ADDRESS_GUARD, CHART_ENV, WEAVIATE_ENV
from bind_operator.errors import InvalidValues
from bind_operator.policy.names import MODULE
from bind_operator.release.owned import is_owned, is_shared, remedy_for_path

Tree = dict[str, Any]
Path = tuple[str, ...]

LEAST_MASKED = 4
"""Shorter values of a Secret are too common to be told from other text: a 1, a true."""
MASK = "***"
DIGEST_LENGTH = 16
MAX_WORDS = 300


@dataclass(frozen=True)
class Layer:
    """It is what one source says, checked to be JSON."""

    place: str
    """Where it comes from, in words that begin with the field of the spec."""
    text: str
    """JSON."""
    is_secret: bool = False
    """Nothing of its values may be shown."""

    @property
    def values(self) -> Tree:
        """Return its values anew, so that a caller may keep them."""
        found: Tree = json.loads(self.text)
        return found


def read_layer(place: str, text: str, *, is_secret: bool = False) -> Layer:
    """Return the layer in the YAML `text`. Raises InvalidValues."""
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # Not in its own words, which quote the text.
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise InvalidValues(f"{place}: is not YAML{where}; write values as in a values.yaml") from error
    return build_layer(place, {} if content is None else content, is_secret=is_secret)


def build_layer(place: str, content: object, *, is_secret: bool = False) -> Layer:
    """Return the layer of parsed values. Raises InvalidValues if they are no map, or not JSON."""
    if not isinstance(content, Mapping):
        raise InvalidValues(f"{place}: is no map; write values as in a values.yaml")
    for path, value in _odd(content):
        raise InvalidValues(
            f"{place}: {_dotted(path)} holds what is neither text, number, list nor map ({value}); quote it"
        )
    return Layer(place, json.dumps(content, sort_keys=True, ensure_ascii=False), is_secret)


def _odd(value: object, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield what YAML has and JSON has not, such as dates, and keys that are no text."""
    match value:
        case Mapping():
            for key, child in value.items():
                if isinstance(key, str):
                    yield from _odd(child, (*path, key))
                else:
                    yield path, f"a key of type {type(key).__name__}"
        case list():
            for index, child in enumerate(value):
                yield from _odd(child, (*path, str(index)))
        case float() if not math.isfinite(value):
            yield path, "a number that is none"
        case str() | bool() | int() | float() | None:
            return
        case _:
            yield path, f"type {type(value).__name__}"


def lay_over(base: Tree, layers: Sequence[Layer], schema: Mapping[str, Any]) -> Tree:
    """Return `base`, the operator's values, with `layers` over it. Raises InvalidValues."""
    merged = base
    for layer in layers:
        values = layer.values
        _check_schema(layer, values, schema)
        _check_ownership(layer, values, base, schema)
        _check_environment(layer, values)
        merged = merge(merged, values)
    return merged


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> Tree:
    """Return a map of both: maps merge by key, all else is replaced, also by null."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = merge(old, value)
        else:
            result[key] = value
    return result


def digest_of(layers: Sequence[Layer]) -> str | None:
    """Return what tells one state of the layers from another; None if there are none."""
    if not layers:
        return None
    text = "\0".join(layer.text for layer in layers)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def secrets_of(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Return the values that came from Secrets, as texts, the longest first."""
    found = {text for layer in layers if layer.is_secret for text in _texts(layer.values)}
    return tuple(sorted(found, key=lambda text: (-len(text), text)))


def masked(message: str, secrets: Sequence[str]) -> str:
    """Return `message` without any of `secrets`, which are given the longest first."""
    for text in secrets:
        message = message.replace(text, MASK)
    return message


def _texts(value: object) -> Iterator[str]:
    match value:
        case Mapping():
            for child in value.values():
                yield from _texts(child)
        case list():
            for child in value:
                yield from _texts(child)
        case str() | int() | float() if not isinstance(value, bool):
            # Helm's words are on one line, so that each line of a text may stand alone there.
            pieces = (" ".join(line.split()) for line in [str(value), *str(value).splitlines()])
            yield from (piece for piece in pieces if len(piece) >= LEAST_MASKED)


def _check_schema(layer: Layer, values: Tree, schema: Mapping[str, Any]) -> None:
    validator = jsonschema.Draft7Validator(schema)
    error = jsonschema.exceptions.best_match(validator.iter_errors(values))
    if error is None:
        return
    path = _dotted([str(part) for part in error.absolute_path])
    words = _expectation(error) if layer.is_secret else error.message[:MAX_WORDS]
    raise InvalidValues(
        f"{layer.place}: the chart does not take {path}: {words}; correct it (the reference of chart "
        "weaviate-bind has all values)"
    )


def _expectation(error: jsonschema.ValidationError) -> str:
    """Return what the schema wants, and nothing of what it found but keys of maps."""
    found, schema = error.instance, error.schema
    if error.validator == "additionalProperties" and isinstance(found, dict) and isinstance(schema, dict):
        unknown = sorted(set(found) - set(schema.get("properties", {})))
        return f"it knows no {', '.join(unknown)}"[:MAX_WORDS]
    return f"it wants {error.validator} {json.dumps(error.validator_value)}"[:MAX_WORDS]


def _check_ownership(layer: Layer, values: Tree, base: Tree, schema: Mapping[str, Any]) -> None:
    for path in _places(values, schema):
        if is_shared(path):
            continue
        if is_owned(path) or _has(base, path):
            raise InvalidValues(f"{layer.place}: sets {_dotted(path)}, {remedy_for_path(path)}")


def _check_environment(layer: Layer, values: Tree) -> None:
    """Refuse variables of Weaviate that would go round the spec, as `env` has a field of its own there."""
    reserved = {*WEAVIATE_ENV, *CHART_ENV, ADDRESS_GUARD}
    named = {"envSecrets": values.get("envSecrets"), "extraEnv": values.get("extraEnv")}
    named |= dict(_switched_environment(values))
    for field, content in named.items():
        names = content if isinstance(content, Mapping) else [one["name"] for one in content or []]
        for name in sorted(names):
            place = f"{layer.place}: sets {field}.{name}"
            if name in reserved:
                raise InvalidValues(
                    f"{place}, by which Weaviate finds its data, its peers or the gate; remove it"
                )
            if re.match(VARIABLES, name) or re.match(MCP_VARIABLES, name):
                raise InvalidValues(
                    f"{place}, which says who may ask Weaviate; remove it, and set "
                    "spec.weaviate.authentication or spec.weaviate.mcp"
                )


def _switched_environment(values: Tree) -> Iterator[tuple[str, Any]]:
    """Yield each map by which other modules, and upstream's switches, give Weaviate variables."""
    switches = {
        f"{group}.{name}": one
        for group in ("modules", "offload", "usage")
        for name, one in (values.get(group) or {}).items()
        if name != MODULE
    } | {"collectionExport": values.get("collectionExport")}
    for path, switch in switches.items():
        for field in ("envSecrets", "envconfig"):
            if isinstance(switch, Mapping) and isinstance(switch.get(field), Mapping):
                yield f"{path}.{field}", switch[field]


def _places(node: Any, schema: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    """Yield the path of each value; maps whose keys the chart decides hold values, others are one."""
    if isinstance(node, Mapping) and "properties" in schema:
        for key, child in node.items():
            yield from _places(child, schema["properties"].get(key, {}), (*path, key))
    else:
        yield path


def _has(tree: Any, path: Path) -> bool:
    for key in path:
        if not isinstance(tree, Mapping) or key not in tree:
            return False
        tree = tree[key]
    return True


def _dotted(path: Sequence[str]) -> str:
    return ".".join(path) or "the values"
