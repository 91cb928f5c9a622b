"""Fields of API objects: their paths, who wrote them, and where two objects differ. All are parsed JSON."""

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bind_operator.policy.objects import Object


class _Missing:
    """It stands for what is not there, since null is a value."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
_ANY: Final = _Missing()
"""It stands for a part that cannot be told from its siblings: all below it counts as set."""

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Item:
    """It is an item of a list: by its name where all of the list have one, else by its index."""

    index: int
    name: str | None = None


Path = tuple[str | Item, ...]
"""It leads from an object to one of its fields, by keys of maps and items of lists."""


def describe_path(path: Path) -> str:
    """Return `path` for people to read: `spec.template.spec.containers[gate].env[HOME].value`."""
    text = ""
    for token in path:
        if isinstance(token, Item):
            text += f"[{token.index if token.name is None else token.name}]"
        else:
            text += f".{token}" if _PLAIN.fullmatch(token) else f"[{token}]"
    return text.removeprefix(".") or "the object"


def matches_pointer(path: Path, pointer: str) -> bool:
    """Return whether the JSON pointer names the field at `path`, or one that it is part of."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    return len(parts) <= len(path) and all(map(_matches, path, parts))


def _matches(token: str | Item, part: str) -> bool:
    if part == "*":
        return True
    return part in (str(token.index), token.name) if isinstance(token, Item) else part == token


def build_pointer(path: Path) -> str:
    """Return `path` as a JSON pointer, items by their index."""
    parts = (str(token.index) if isinstance(token, Item) else token for token in path)
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def value_at(value: Any, path: Path) -> Any:
    """Return what is at `path` below `value`, MISSING if nothing is."""
    for token in path:
        value = _child(value, token)
    return value


def with_value(value: Any, path: Path, new: Any) -> Any:
    """Return a copy of `value` with `new` at `path`, or without that field if `new` is MISSING.

    Where `value` has no place for it, it is the same.
    """
    result = copy.deepcopy(value)
    parent = value_at(result, path[:-1])
    match path[-1], parent:
        case str(key), dict():
            parent.pop(key, None)
            if new is not MISSING:
                parent[key] = new
        case Item() as item, list():
            old = _child(parent, item)
            place = next((index for index, one in enumerate(parent) if one is old), None)
            if place is not None:
                parent[place : place + 1] = [] if new is MISSING else [new]
            elif new is not MISSING:
                parent.append(new)
    return result


def _child(value: Any, token: str | Item) -> Any:
    match value, token:
        case (_Missing(), _):
            return value
        case dict(), str(key):
            return value.get(key, MISSING)
        case list(), Item(_, str(name)):
            named = _by_name(value)
            return _ANY if named is None else named.get(name, MISSING)
        case list(), Item(index, None):
            return value[index] if index < len(value) else MISSING
    return MISSING


def _by_name(items: Sequence[Any]) -> dict[str, Any] | None:
    """Return the items of a list by their names, None if they are not told apart by them."""
    named = {item["name"]: item for item in items if isinstance(item, dict) and "name" in item}
    return named if len(named) == len(items) else None


def is_covered(wanted: Any, found: Any) -> bool:
    """Return whether everything in `wanted` is in `found` as it stands, so that applying it changes nothing.

    False where the server would have to say: `1000m` is another text than `1`.
    """
    match wanted, found:
        case None, _:
            return True
        case dict(), dict():
            return all(is_covered(value, found.get(key)) for key, value in wanted.items())
        case list(), list() if wanted:
            names, others = _by_name(wanted), _by_name(found)
            if names is not None and others is not None:
                return all(is_covered(value, others.get(name)) for name, value in names.items())
            return len(wanted) == len(found) and all(map(is_covered, wanted, found))
    return wanted in ({}, []) if found is None else type(wanted) is type(found) and bool(wanted == found)


def find_differences(found: Any, expected: Any, wanted: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of each field that `wanted` sets, in whole or in part, and that is not as `expected`.

    found: the object as it is. expected: as the API server would leave it if `wanted` were applied.
    """
    if found == expected or wanted is MISSING:
        return
    match found, expected:
        case dict(), dict():
            tokens: list[str | Item] = list({**found, **expected})
        case list(), list():
            one, other = _by_name(found), _by_name(expected)
            if one is not None and other is not None:
                tokens = [Item(index, name) for index, name in enumerate({**one, **other})]
            elif len(found) == len(expected):
                tokens = [Item(index) for index in range(len(found))]
            else:
                yield path
                return
        case _:
            yield path
            return
    for token in tokens:
        below = _child(found, token), _child(expected, token), _child_wanted(wanted, token)
        yield from find_differences(*below, (*path, token))


def _child_wanted(wanted: Any, token: str | Item) -> Any:
    if isinstance(token, Item) and token.name is None and isinstance(wanted, list):
        return wanted[token.index] if token.index < len(wanted) else _ANY
    return _child(wanted, token)


def writer_of(item: Object, path: Path) -> str:
    """Return the field manager that wrote the field at `path` last, "" if nobody is known to have."""
    entries = [entry for entry in item["metadata"].get("managedFields", []) if _owns(entry, item, path)]
    latest = max(entries, key=lambda entry: str(entry.get("time", "")), default=None)
    return str(latest["manager"]) if latest else ""


def _owns(entry: Mapping[str, Any], item: Object, path: Path) -> bool:
    node, value = entry.get("fieldsV1", {}), item
    for token in path:
        key = next((key for key in node if _token_of(key, value) == token), None)
        if key is None:
            return False
        node, value = node[key], _child(value, token)
        if not node:  # a leaf, or a list that is owned as a whole
            return True
    return True


def _token_of(key: str, value: Any) -> str | Item | None:
    """Return which part of `value` the key of a fieldsV1 names, None if it is not there."""
    kind, _, rest = key.partition(":")
    if kind == "f":
        return rest if isinstance(value, dict) and rest in value else None
    if kind != "k" or not isinstance(value, list):
        return None
    keys = json.loads(rest)
    named = _by_name(value)
    for index, one in enumerate(value):
        if isinstance(one, dict) and all(one.get(name) == wanted for name, wanted in keys.items()):
            return Item(index, one["name"] if named is not None else None)
    return None


HAND = "kubectl"
"""A person's tool: its managers are called kubectl-edit, kubectl-set and so on. What it applies by the server
(operation Apply) is a declared share in the object, and no edit."""

POD_SPEC = ("spec", "template", "spec")


def find_additions(item: Object, wanted: Object) -> Iterator[Path]:
    """Yield the path of each field of a workload's pods that a person added by kubectl and `wanted` lacks.

    Applying `wanted` leaves such fields where they are, though they change what runs. What others add, such
    as a controller or a webhook, is theirs.
    """
    entries = [e for e in item["metadata"].get("managedFields", []) if not e.get("subresource")]
    hands = [_below_pods(entry) for entry in entries if _is_by_hand(entry)]
    others = [_below_pods(entry) for entry in entries if not _is_by_hand(entry)]
    found, set_ = value_at(item, POD_SPEC), value_at(wanted, POD_SPEC)
    seen: set[Path] = set()
    for node in hands:
        for path in _added(node, [other for other in others if other], found, set_, POD_SPEC):
            if path not in seen:
                seen.add(path)
                yield path


def _is_by_hand(entry: Mapping[str, Any]) -> bool:
    return str(entry.get("manager", "")).startswith(HAND) and entry.get("operation") == "Update"


def _below_pods(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    node = entry.get("fieldsV1", {})
    for name in POD_SPEC:
        node = node.get(f"f:{name}", {})
    return dict(node)


def _added(
    node: Mapping[str, Any], others: Sequence[Mapping[str, Any]], found: Any, wanted: Any, path: Path
) -> Iterator[Path]:
    for key, below in node.items():
        token = _token_of(key, found)
        if token is None:
            continue
        value, set_ = _child(found, token), _child_wanted(wanted, token)
        sharing = [other[key] for other in others if key in other]
        if set_ is MISSING and not sharing:
            yield (*path, token)
        elif below:
            yield from _added(below, [one for one in sharing if one], value, set_, (*path, token))
