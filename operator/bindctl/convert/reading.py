"""Files are read as one, later ones laid over earlier ones, and each value that is used is ticked off."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bind_operator.api.parse import dotted
from bind_operator.goyaml import Document, Path
from bind_operator.release.layers import merge


class Level(StrEnum):
    """It says how much a note matters."""

    LOST = "lost"
    """What stood there has no counterpart."""
    ADVICE = "advice"
    """It is taken another way, or somebody has something to do."""


@dataclass(frozen=True)
class Note:
    """It is said of one value: where it stands, and what to do."""

    source: str
    line: int
    field: str
    level: Level
    message: str


class Reading:
    """It holds the values of all files, and which of them were used."""

    def __init__(self, documents: Sequence[tuple[str, Document]]) -> None:
        """Lay the documents over each other. documents: each with the name of its file."""
        self.data: dict[str, Any] = {}
        self.notes: list[Note] = []
        self._places: dict[Path, tuple[str, int]] = {}
        self._used: set[Path] = set()
        for name, document in documents:
            self.data = merge(self.data, document.data)
            self._places |= {path: (name, line) for path, line in document.lines.items()}

    def take(self, *path: str | int, default: Any = None) -> Any:
        """Return the value at `path` and tick it off with all below it; `default` if it is not set."""
        found = self.peek(*path)
        if found is None:
            return default
        self.tick(*path)
        return found

    def peek(self, *path: str | int) -> Any:
        """Return the value at `path`, or None if there is none."""
        node: Any = self.data
        for part in path:
            try:
                node = node[part]
            except (KeyError, IndexError, TypeError):
                return None
        return node

    def section(self, *path: str | int) -> Mapping[str, Any]:
        """Return the map at `path`; an empty one if there is none, and if it is something else."""
        found = self.peek(*path)
        if isinstance(found, Mapping):
            return found
        if found not in (None, [], ""):
            self.lose(path, "is no map; correct it")
        return {}

    def items(self, *path: str | int) -> Sequence[Any]:
        """Return the list at `path`; an empty one if there is none, which is said likewise."""
        found = self.peek(*path)
        if isinstance(found, list):
            return found
        if found not in (None, {}, ""):
            self.lose(path, "is no list; correct it")
        return ()

    def tick(self, *path: str | int) -> None:
        """Tick off what is at `path`, because it is used or says nothing."""
        self._used.add(path)

    def lose(self, path: Path, message: str) -> None:
        """Say that what is at `path` has no counterpart."""
        self._say(path, Level.LOST, message)

    def advise(self, path: Path, message: str) -> None:
        """Say what is different, or what somebody has to do."""
        self._say(path, Level.ADVICE, message)

    def lose_the_rest(self) -> None:
        """Say it of each value that was not used; an empty one or false says nothing."""
        for path in list(self._unused(self.data, ())):
            self.lose(
                path, "has no counterpart; do without it, or see which value of the chart does the same"
            )

    def sorted_notes(self) -> list[Note]:
        """Return what was said, in the order of the files."""
        return sorted(self.notes, key=lambda note: (note.source, note.line, note.field, note.message))

    def _unused(self, node: Any, path: Path) -> Iterator[Path]:
        if path in self._used:
            return
        if isinstance(node, Mapping) and node:
            for key, child in node.items():
                yield from self._unused(child, (*path, key))
        elif isinstance(node, list) and any(used[: len(path)] == path for used in self._used):
            for index, child in enumerate(node):
                yield from self._unused(child, (*path, index))
        elif node not in (None, False, "", {}, []):
            yield path

    def _say(self, path: Path, level: Level, message: str) -> None:
        self.tick(*path)
        near = path
        while near and near not in self._places:
            near = near[:-1]
        source, line = self._places.get(near, ("", 0))
        self.notes.append(Note(source, line, dotted(path) or "the file", level, message))
