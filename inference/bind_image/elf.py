"""Reads what a shared library needs, imports and defines, as readelf (binutils) shows it."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bind_image.errors import Unknown

MAGIC = b"\x7fELF"
_NEEDED = re.compile(r"\(NEEDED\).*\[(?P<name>[^\]]+)\]")
_SECTION = re.compile(
    r"\s+\[\s*\d+\]\s+(?P<name>\S+)\s+(?P<type>[A-Z][A-Z0-9_]*)\s+[0-9a-f]+\s+(?P<offset>[0-9a-f]+)\s+"
    r"(?P<size>[0-9a-f]+)\s+[0-9a-f]+\s+(?P<flags>[A-Za-z]*)\s+\d+\s+\d+\s+\d+$"
)
_SYMBOL = re.compile(
    r"\s*\d+:\s+[0-9a-f]+\s+\S+\s+(?P<type>\S+)\s+(?P<bind>\S+)\s+\S+\s+(?:\[.*\]\s+)?(?P<place>\S+)\s+"
    r"(?P<name>[^\s@]+)(?:@@?(?P<version>\S+))?(?:\s+\((?P<index>\d+)\))?$"
)
_FILE = re.compile(r"\s+0x?[0-9a-f]+:\s+Version: \d+\s+File: (?P<name>\S+)\s+Cnt: \d+")
_VERSION = re.compile(r"\s+0x[0-9a-f]+:\s+Name: \S+\s+Flags: .*\s+Version: (?P<index>\d+)$")


@dataclass(frozen=True)
class Section:
    """A part of a file. is_loaded: whether it is part of the memory of a program; else only tools read it."""

    name: str
    offset: int
    size: int
    is_loaded: bool


@dataclass(frozen=True)
class Import:
    """A symbol that a library takes from another. file, version: "" where any library may have it."""

    name: str
    file: str = ""
    version: str = ""
    is_weak: bool = False
    is_data: bool = False


@dataclass(frozen=True)
class Library:
    """It is what one file says of itself. needed: the names of the libraries that are loaded with it."""

    path: Path
    needed: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    imports: tuple[Import, ...] = ()
    defined: frozenset[str] = frozenset()


def is_elf(path: Path) -> bool:
    """Say whether a file is a program or a library."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read(path: Path) -> Library:
    """Return what a file says of itself. Raises Unknown if readelf does not understand it."""
    shown = subprocess.run(
        ["readelf", "--wide", "--dynamic", "--section-headers", "--dyn-syms", "--version-info", path],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LC_ALL": "C"},
    )
    if shown.returncode:
        raise Unknown(f"readelf does not understand {path}: {shown.stderr.strip()}")
    return parse(path, shown.stdout)


def parse(path: Path, shown: str) -> Library:
    """Return what readelf's text says of a file."""
    lines = shown.splitlines()
    files = _files_of_versions(lines)
    symbols = [match for match in map(_SYMBOL.match, lines) if match]
    return Library(
        path,
        needed=tuple(match["name"] for match in map(_NEEDED.search, lines) if match),
        sections=tuple(
            Section(match["name"], int(match["offset"], 16), int(match["size"], 16), "A" in match["flags"])
            for match in map(_SECTION.match, lines)
            if match and match["type"] not in {"NULL", "NOBITS"}
        ),
        imports=tuple(_import(match, files) for match in symbols if match["place"] == "UND"),
        defined=frozenset(match["name"] for match in symbols if match["place"] != "UND"),
    )


def _files_of_versions(lines: list[str]) -> dict[str, str]:
    """Return which library has the versions, by the numbers that stand behind the symbols."""
    files: dict[str, str] = {}
    file = ""
    for line in lines:
        if match := _FILE.match(line):
            file = match["name"]
        elif match := _VERSION.match(line):
            files[match["index"]] = file
    return files


def _import(match: re.Match[str], files: dict[str, str]) -> Import:
    version = match["version"] or ""
    return Import(
        match["name"],
        files.get(match["index"] or "", "") if version else "",
        version,
        is_weak=match["bind"] == "WEAK",
        is_data=match["type"] in {"OBJECT", "TLS"},
    )
