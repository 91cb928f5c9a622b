"""Manifests are found in files, in folders and on standard input."""

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bind_operator.goyaml import Document, Unreadable, read_documents
from bind_operator.goyaml import Path as DataPath
from bindctl.kustomizations import patch_files

STANDARD_INPUT = "-"
_ENDINGS = (".yaml", ".yml", ".json")
_MAX_BYTES = 16 * 1024 * 1024


class SourceMissing(Exception):
    """A source is not there or cannot be opened; the message says what to do."""


@dataclass(frozen=True)
class Manifest:
    """It is one object of a source."""

    source: str
    document: Document
    root: DataPath = ()
    """The object is at this place in the document, since a list holds several."""

    @property
    def data(self) -> Any:
        """The object itself."""
        return self.document.at(self.root)

    @property
    def line(self) -> int:
        """The object begins in this line."""
        return self.document.line_of(self.root)


@dataclass(frozen=True)
class Broken:
    """It is a text that kubectl would not read."""

    source: str
    line: int
    message: str


def find_manifests(sources: Iterable[str]) -> Iterator[Manifest | Broken]:
    """Yield each object of `sources`: paths of files and folders, and - for standard input.

    Raises SourceMissing.
    """
    for source in sources:
        for name, text in _texts(source):
            if isinstance(text, Broken):
                yield text
            else:
                yield from _objects(name, text)


def _objects(name: str, text: str) -> Iterator[Manifest | Broken]:
    try:
        for document in read_documents(text):
            for root in _roots(document):
                yield Manifest(name, document, root)
    except Unreadable as error:
        hint = (
            "; it looks like a template: render it first, and give what that prints" if "{{" in text else ""
        )
        yield Broken(name, error.line, f"{error}{hint}")


def _roots(document: Document) -> list[DataPath]:
    """Return the places of the objects in a document: of a list each item."""
    data = document.data
    is_list = (
        isinstance(data, dict)
        and str(data.get("kind")).endswith("List")
        and isinstance(data.get("items"), list)
    )
    return [("items", index) for index in range(len(data["items"]))] if is_list else [()]


def _texts(source: str) -> Iterator[tuple[str, str | Broken]]:
    if source == STANDARD_INPUT:
        yield _decoded("standard input", sys.stdin.buffer.read(_MAX_BYTES + 1))
        return
    path = Path(source)
    if not path.exists():
        raise SourceMissing(
            f"{source}: there is no such file or folder; give the path of one, or - to read standard input"
        )
    for file in _files_below(path) if path.is_dir() else [path]:
        try:
            with file.open("rb") as opened:
                content = opened.read(_MAX_BYTES + 1)
        except OSError as error:
            raise SourceMissing(f"{file}: cannot be read: {error.strerror}; give a file that can") from error
        yield _decoded(str(file), content)


def _decoded(name: str, content: bytes) -> tuple[str, str | Broken]:
    if len(content) > _MAX_BYTES:
        return name, Broken(name, 0, f"is larger than {_MAX_BYTES // 1024 // 1024} MiB; split it")
    try:
        return name, content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return name, Broken(name, line, "is not UTF-8; save it as UTF-8")


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield the manifests below `folder`, sorted; not hidden ones, templates of charts, or patches.

    A patch is found where a kustomization below `folder` names it.
    """
    found: list[Path] = []
    parts: set[Path] = set()
    for top, folders, files in os.walk(folder):
        hidden = [name for name in folders if name.startswith(".")]
        templates = ["templates"] if "Chart.yaml" in files else []
        folders[:] = sorted(set(folders) - {*hidden, *templates})
        found += [Path(top, name) for name in sorted(files) if name.endswith(_ENDINGS) and name[0] != "."]
        parts |= patch_files(Path(top))
    yield from (file for file in found if file.resolve() not in parts)
