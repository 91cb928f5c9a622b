"""YAML is read as kubectl reads it (sigs.k8s.io/yaml), which is neither YAML 1.1 nor 1.2.

`y`, `on` and `no` are booleans, 1:30 and 2026-11-27 are texts, and keys become texts.
"""

import base64
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

Path = tuple[str | int, ...]
"""It leads from the root of a document to a value: names of maps and places in lists."""

_STRING, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
_BINARY = "tag:yaml.org,2002:binary"
_BOOL, _INT, _FLOAT, _NULL = (f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "null"))
_PLAIN = "plain"
"""Our own mark in place of a tag."""
_TRUE = re.compile(r"^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$")
_FALSE = re.compile(r"^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$")
_INTEGER = re.compile(r"^[-+]?(?:0[bB][01]+|0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$")
_NUMBER = re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$")
_NO_NUMBER = re.compile(r"^(?:\.nan|\.NaN|\.NAN|[-+]?\.(?:inf|Inf|INF))$")
_EMPTY = re.compile(r"^(?:~|null|Null|NULL|)$")
_EXPONENT_FROM = 1e21
_MAX_NODES = 200_000
"""A document of more nodes is refused: aliases of aliases make billions of a few lines."""


class Unreadable(Exception):
    """The text is not what kubectl reads: its line, 0 where there is none, and what to do."""

    def __init__(self, line: int, message: str) -> None:
        """Keep the place beside the message."""
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Document:
    """It is one document of a file, as JSON would hold it."""

    data: Any
    line: int
    """It begins in this line, counted from 1."""
    lines: dict[Path, int] = field(default_factory=dict)
    """Each value stands in this line; a field that is missing does not."""
    doubled: tuple[tuple[Path, int], ...] = ()
    """These keys stand twice in one map, the second time in this line."""

    def at(self, path: Path) -> Any:
        """Return the value at `path`, which is there."""
        data = self.data
        for part in path:
            data = data[part]
        return data

    def line_of(self, path: Path) -> int:
        """Return the line of the value at `path`, or of the nearest above it that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, self.line)


def read_documents(text: str) -> Iterator[Document]:
    """Yield the documents of `text`, YAML or JSON, but for empty ones. Raises Unreadable."""
    try:
        for node in yaml.compose_all(text, Loader=_PlainLoader):
            document = _Reader().read(node) if node is not None else None
            if document is not None and document.data is not None:
                yield document
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(filter(None, (error.context, error.problem)))
        raise Unreadable(mark.line + 1 if mark else 0, f"is not YAML: {said}; correct it") from error
    except yaml.YAMLError as error:
        raise Unreadable(0, f"is not YAML: {error}; correct it") from error
    except RecursionError as error:
        raise Unreadable(0, "is nested too deeply; make it flatter") from error


class _PlainLoader(yaml.SafeLoader):
    """It leaves scalars without quotes and tag as they are, because PyYAML's rules are YAML 1.1's."""

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        """Return the next node, which is a text where its tag is a bare `!`."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if event.tag == "!":
            event.tag = _STRING
        return super().compose_scalar_node(anchor)

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> Any:
        """Return the tag of a node that has none of its own."""
        if kind is yaml.ScalarNode and implicit[0]:
            return _PLAIN
        return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]


class _Reader:
    """It turns the nodes of one document into values, and remembers their lines."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._lines: dict[Path, int] = {}
        self._doubled: list[tuple[Path, int]] = []
        self._count = 0

    def read(self, node: yaml.Node) -> Document:
        """Return the document of the root `node`."""
        data = self._value(node, (), set())
        return Document(data, node.start_mark.line + 1, self._lines, tuple(self._doubled))

    def _value(self, node: yaml.Node, path: Path, above: set[int]) -> Any:
        line = node.start_mark.line + 1
        self._lines.setdefault(path, line)
        self._count += 1
        if self._count > _MAX_NODES:
            raise Unreadable(line, f"holds more than {_MAX_NODES:,} values; split it")
        if id(node) in above:
            raise Unreadable(line, "an anchor holds itself; write the value out")
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        above = above | {id(node)}
        if isinstance(node, yaml.SequenceNode):
            return [self._value(child, (*path, index), above) for index, child in enumerate(node.value)]
        return self._map(cast("yaml.MappingNode", node), path, above)

    def _map(self, node: yaml.MappingNode, path: Path, above: set[int]) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, child in node.value:
            line = key_node.start_mark.line + 1
            if _is_merge(key_node):
                merged = self._merged(child, path, above) | merged
                continue
            key = _key(key_node)
            if key in own:
                self._doubled.append(((*path, key), line))
            own[key] = self._value(child, (*path, key), above)
            self._lines[(*path, key)] = line
        return merged | own

    def _merged(self, node: yaml.Node, path: Path, above: set[int]) -> dict[str, Any]:
        """Return the map that `<<` brings in; of several the first counts."""
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        result: dict[str, Any] = {}
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                raise Unreadable(source.start_mark.line + 1, "`<<` must name a map; give it an anchor of one")
            result = self._value(source, path, above) | result
        return result


def _is_merge(node: yaml.Node) -> bool:
    return node.tag == _MERGE or (_is_plain(node) and node.value == "<<")


def _is_plain(node: yaml.Node) -> bool:
    """Return whether it is a scalar with neither quotes nor a tag of its own."""
    return bool(node.tag == _PLAIN)


def _key(node: yaml.Node) -> str:
    value = _scalar(node) if isinstance(node, yaml.ScalarNode) else None
    if value is None:
        raise Unreadable(
            node.start_mark.line + 1, "a key must be a text, a number or a boolean; put it in quotes"
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _scalar(node: yaml.ScalarNode) -> Any:
    text, tag = node.value, node.tag
    if _is_plain(node):
        return _resolved(text, node)
    if tag == _BINARY:
        return _decoded(text, node)
    if tag in (_BOOL, _INT, _FLOAT, _NULL):
        value = _resolved(text, node)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        kinds = {_BOOL: bool, _INT: int, _NULL: type(None)}
        if not (is_number if tag == _FLOAT else type(value) is kinds[tag]):
            raise Unreadable(
                node.start_mark.line + 1, f"{text!r} is no {tag.rsplit(':')[-1]}; remove the tag"
            )
        return value
    return text


def _decoded(text: str, node: yaml.ScalarNode) -> str:
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except ValueError as error:
        raise Unreadable(node.start_mark.line + 1, "is no base64; remove the tag !!binary") from error


def _resolved(text: str, node: yaml.ScalarNode) -> Any:
    if _EMPTY.match(text):
        return None
    if _TRUE.match(text) or _FALSE.match(text):
        return bool(_TRUE.match(text))
    if _NO_NUMBER.match(text):
        raise Unreadable(node.start_mark.line + 1, f"JSON has no {text}; put it in quotes if it is a text")
    plain = text.replace("_", "") if text[0] in "+-0123456789" else text
    if _INTEGER.match(plain):
        number = _integer(plain)
        if -(2**63) <= number < 2**64:
            return number
    if _NUMBER.match(plain):
        return _as_json(float(plain), text)
    return text


def _as_json(value: float, text: str) -> float | str:
    """Return a number as it is after Go has written it as JSON: 1.0 becomes 1, 1e400 stays a text."""
    if math.isinf(value):
        return text
    return int(value) if value.is_integer() and abs(value) < _EXPONENT_FROM else value


def _integer(digits: str) -> int:
    """Return the number in Go's notation: a leading 0 means base 8."""
    sign = -1 if digits[0] == "-" else 1
    digits = digits.lstrip("+-").lower()
    if len(digits) > 1 and digits[0] == "0" and digits[1] not in "box":
        return sign * int(digits, 8)
    return sign * int(digits, 0)
