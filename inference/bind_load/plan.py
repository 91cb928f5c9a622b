"""Decides which files are embedded, as what, and which are known already. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from wcmatch import glob

from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

AUTO: Final = "auto"
_BY_ENDING: Final = {ending: modality for modality in Modality for ending in modality.entry.endings.split()}
_LOOK_LIKE_IMAGES: Final = {modality.value: modality for modality in Modality if not modality.entry.endings}


@dataclass(frozen=True)
class Rule:
    """Files whose path below the folder matches `pattern` are of `modality`."""

    pattern: str
    modality: Modality

    def matches(self, path: str) -> bool:
        """Return whether `path` is meant; as in a shell `*` stays in one folder, and `**/` is any depth."""
        return glob.globmatch(path, self.pattern, flags=glob.GLOBSTAR | glob.DOTGLOB)


@dataclass(frozen=True)
class Source:
    """One thing to embed. `text` is the text of a line; None for a file, which is read in its turn.

    `file` is where that is below the folder if its name has bytes that `path` cannot have.
    """

    path: str
    modality: Modality
    size_bytes: int
    mtime_ns: int
    text: str | None = None
    sha256: str | None = None
    file: str | None = None


@dataclass(frozen=True)
class Known:
    """It is what an earlier run kept of a path."""

    modality: str
    size_bytes: int
    mtime_ns: int
    sha256: str
    failed: bool


@dataclass(frozen=True)
class Plan:
    """`todo` is to be looked at, `kept` holds the paths whose row stays, `removed` those that are no more."""

    todo: tuple[Source, ...]
    kept: frozenset[str]
    removed: frozenset[str]


def parse_rule(text: str) -> Rule:
    """Return the rule that `GLOB=MODALITY` stands for. Raises ValueError that says what is wrong."""
    pattern, separator, name = text.rpartition("=")
    if not separator or not pattern or name not in set(Modality):
        raise ValueError(f"must be GLOB=MODALITY, the modality one of {', '.join(Modality)}")
    return Rule(pattern, Modality(name))


def modality_of(path: str, rules: Sequence[Rule], default: str = AUTO) -> Modality | None:
    """Return what the file at `path` (below the folder, with /) is, None if that cannot be known.

    The first rule that matches wins; then `default` unless it is auto; then the extension, where a picture
    below a folder called thermal or depth is one of that kind (the nearest such folder).
    """
    for rule in rules:
        if rule.matches(path):
            return rule.modality
    if default != AUTO:
        return Modality(default)
    parts = PurePosixPath(path)
    found = _BY_ENDING.get(parts.suffix.casefold().removeprefix("."))
    if found is Modality.IMAGE:
        folders = [_LOOK_LIKE_IMAGES.get(part.casefold()) for part in reversed(parts.parts[:-1])]
        return next((folder for folder in folders if folder), found)
    return found


def plan(sources: Iterable[Source], known: Mapping[str, Known], *, retry_failed: bool) -> Plan:
    """Return what is left to do, and what becomes of the rows that are there.

    A file counts as unchanged if its size and time of change are, or its content if that is known; a changed
    time alone is settled when the file is read (`is_same`).
    """
    todo: list[Source] = []
    kept: set[str] = set()
    present: set[str] = set()
    for source in sources:
        present.add(source.path)
        row = known.get(source.path)
        if row and not (retry_failed and row.failed) and _unchanged(source, row):
            kept.add(source.path)
        else:
            todo.append(source)
    return Plan(tuple(todo), frozenset(kept), frozenset(known.keys() - present))


def is_same(source: Source, sha256: str, known: Mapping[str, Known], *, retry_failed: bool) -> bool:
    """Return whether the row of `source` still holds, now that its content is known."""
    row = known.get(source.path)
    return (
        row is not None
        and row.sha256 == sha256
        and row.modality == source.modality
        and not (retry_failed and row.failed)
    )


def _unchanged(source: Source, row: Known) -> bool:
    if row.modality != source.modality:
        return False
    if source.sha256 is not None:
        return source.sha256 == row.sha256
    return (source.size_bytes, source.mtime_ns) == (row.size_bytes, row.mtime_ns)
