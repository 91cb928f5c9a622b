"""Values are written as YAML that reads the same for every parser: blocks of keys, and each value as JSON."""

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

_UNSAFE_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""JSON takes these characters as they are, but YAML refuses them or reads them as the end of a line."""
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""YAML reads these as something else than text, in any case of letters."""


def to_json(value: object) -> str:
    """Return `value` as JSON that YAML takes as it is; models become camelCase maps without unset fields."""
    text = json.dumps(value, default=_plain, ensure_ascii=False)
    return _UNSAFE_IN_YAML.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def to_yaml(tree: Mapping[str, Any], indent: str = "") -> str:
    """Return the lines of a map of JSON values, in its order."""
    lines = []
    for key, value in tree.items():
        is_plain = _PLAIN_KEY.fullmatch(key) and key.lower() not in _WORDS
        head = f"{indent}{key if is_plain else to_json(key)}:"
        if isinstance(value, Mapping) and value:
            lines.append(f"{head}\n{to_yaml(value, indent + '  ')}")
        else:
            lines.append(f"{head} {to_json(value)}\n")
    return "".join(lines)


def _plain(value: object) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    raise TypeError(f"{type(value).__name__} is not a value")
