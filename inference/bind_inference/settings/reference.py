"""Writes the settings down for readers: `--help`, and the pages in docs/reference. Pure."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from enum import Enum
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic_settings import CliPositionalArg

from bind_inference.settings.fields import FOREIGN_NAMES, VARIABLES_ONLY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings

_UNITS = {
    "_bytes": "BYTES",
    "_s": "SECONDS",
    "url": "URL",
    "_endpoint": "URL",
    "_gflop": "GFLOP",
    "_threads": "THREADS",
    "_items": "ITEMS",
}
_, POSITIONAL = get_args(CliPositionalArg[Path])  # the mark itself has no public name
_PLAIN = {int: "N", float: "N", str: "TEXT", SecretStr: "TEXT"}


@dataclass(frozen=True)
class Option:
    """A setting has a flag, followed by what it `takes`; flag and default are empty where there is none."""

    flag: str
    variable: str
    takes: str
    default: str
    description: str
    positional: bool


def options_of(kind: type[BaseSettings]) -> list[Option]:
    """Return the settings of `kind` in their order."""
    return [_option(name, field) for name, field in kind.model_fields.items()]


def build_help(kind: type[BaseSettings], program: str) -> str:
    """Return what `--help` prints: the class's docstring, then each setting with its variable and default."""
    known = options_of(kind)
    positional = [option for option in known if option.positional]
    words = " ".join(option.flag for option in positional)
    lines = [
        f"usage: {program} [--flag value …]{' ' * bool(words)}{words}",
        "",
        *cleandoc(kind.__doc__ or "").splitlines(),
        "",
    ]
    for option in known:
        name = option.flag or f"{option.variable} (a variable only)"
        lines.append(f"  {name}" if option.positional else f"  {name} {option.takes}")
        default = f"; default: {option.default}" if option.default else ""
        text = f"{option.description} [{option.variable}{default}]"
        # A variable's name is for copying: it must not be broken at a hyphen or in its middle.
        lines += textwrap.wrap(
            text, 98, initial_indent=" " * 6, subsequent_indent=" " * 6, break_on_hyphens=False
        )
    lines += ["", "  -h, --help", "      show this and exit"]
    return "\n".join(lines) + "\n"


def build_page(title: str, sections: Iterable[tuple[str, str, type[BaseSettings], set[str]]]) -> str:
    """Return a reference page in Markdown.

    sections: heading, introduction, the settings, and the names of those that another section has.
    """
    text = f"# {title}\n"
    for heading, introduction, kind, elsewhere in sections:
        text += f"\n## {heading}\n\n{introduction}\n\n| Flag | Variable | Takes | Default | Description |\n"
        text += "| --- | --- | --- | --- | --- |\n"
        for name, field in kind.model_fields.items():
            if name not in elsewhere:
                option = _option(name, field)
                cells = [
                    f"`{option.flag}`" if option.flag else "",
                    f"`{option.variable}`",
                    option.takes,
                    option.default,
                    option.description,
                ]
                text += f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"
    return text


def _option(name: str, field: FieldInfo) -> Option:
    positional = POSITIONAL in field.metadata
    flag = "" if name in VARIABLES_ONLY else f"--{name.replace('_', '-')}"
    return Option(
        flag=name.upper() if positional else flag,
        variable=FOREIGN_NAMES.get(name, f"BIND_{name.upper()}"),
        takes=_takes(name, field.annotation),
        default="" if field.is_required() else _default(name, field.get_default(call_default_factory=True)),
        description=field.description or "",
        positional=positional,
    )


def _takes(name: str, annotation: Any) -> str:
    plain = next((part for part in get_args(annotation) if part is not type(None)), annotation)
    if get_origin(annotation) is Literal:
        return "|".join(str(value) for value in get_args(annotation))
    if get_origin(annotation) is list:
        return "TEXT"
    if isinstance(plain, type) and issubclass(plain, Enum):
        return "|".join(str(member.value) for member in plain)
    if plain is bool:
        return "true|false"
    if unit := next((unit for end, unit in _UNITS.items() if name.endswith(end)), None):
        return unit
    return _PLAIN.get(plain, "PATH")


def _default(name: str, value: object) -> str:
    if value is None or value == []:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if name.endswith("_bytes") and isinstance(value, int) and value and value % 1024 == 0:
        return _bytes(value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _bytes(value: int) -> str:
    size = value // 1024
    return f"{value} ({size // 1024} MiB)" if size % 1024 == 0 else f"{value} ({size} KiB)"
