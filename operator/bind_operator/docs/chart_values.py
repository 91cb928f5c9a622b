"""A chart's values.yaml is the one author of its values: their names, defaults, types and descriptions.

The comment above a value describes it: `# -- (type) Text`, over as many lines as it takes. Without a type it
is what the default shows. What is below a described value is its default, and a map above it is a group.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

_DESCRIPTION = re.compile(r"(?:\((?P<type>[^)]+)\) )?(?P<text>\S.*)")


class UnclearValue(Exception):
    """A value has no description, or no type; the message names it and says what to write."""


@dataclass(frozen=True)
class ChartValue:
    """It is one value of a chart, as its values.yaml declares it."""

    path: tuple[str, ...]
    default: Any
    type: str
    """It is a word of `chart_types`; empty where the default shows it."""
    description: str

    @property
    def name(self) -> str:
        """Its path, as `helm --set` takes it."""
        return ".".join(self.path)


def read_values(text: str) -> tuple[ChartValue, ...]:
    """Return the values that the text of a values.yaml declares, in its order. Raises UnclearValue."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return tuple(_below((), root, yaml.safe_load(text), text.splitlines()))


def _below(path: tuple[str, ...], node: Any, content: Any, lines: Sequence[str]) -> Iterator[ChartValue]:
    for key, child in node.value:
        place, default = (*path, str(key.value)), content[key.value]
        comment = _comment_above(lines, key.start_mark.line)
        if comment:
            yield _described(place, default, comment)
        elif isinstance(default, dict) and default:
            yield from _below(place, child, default, lines)
        else:
            raise UnclearValue(f"{'.'.join(place)} is not described; write a line `# -- …` above it")


def _comment_above(lines: Sequence[str], number: int) -> str:
    """Return what the comment that ends above line `number` says from its mark `--` on; "" without a mark."""
    first = number
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    comment = [line.strip().removeprefix("#").strip() for line in lines[first:number]]
    mark = next((index for index, line in enumerate(comment) if line.startswith("-- ")), None)
    return "" if mark is None else " ".join(comment[mark:]).removeprefix("-- ")


def _described(path: tuple[str, ...], default: Any, comment: str) -> ChartValue:
    found = _DESCRIPTION.fullmatch(comment)
    if found is None:
        raise UnclearValue(f"{'.'.join(path)} is not described; write a text after its `# --`")
    return ChartValue(path, default, found["type"] or "", found["text"])
