"""Reads settings from a command line and the environment, or says in one line what is wrong with them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings
from pydantic_settings.exceptions import SettingsError

from bind_inference.settings.fields import FOREIGN_NAMES, PROGRAM, VARIABLES_ONLY, ModelSettings, Settings
from bind_inference.settings.reference import build_help

if TYPE_CHECKING:
    from collections.abc import Sequence

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class InvalidSetting(Exception):
    """A setting has a value that cannot be; the message is one line that names it and what it takes."""


def read_settings(arguments: Sequence[str]) -> Settings:
    """Return the server's settings; see `parse_settings`."""
    return parse_settings(Settings, arguments, PROGRAM)


def parse_settings(kind: type[SettingsT], arguments: Sequence[str], program: str) -> SettingsT:
    """Return the settings of the command line and the environment; print them and exit for `--help`.

    Raises InvalidSetting with one line that names each wrong setting and what it takes.
    """
    if not {"-h", "--help"}.isdisjoint(arguments):
        sys.stdout.write(build_help(kind, program))
        sys.exit(0)
    _refuse_secrets(arguments)
    try:
        return _build(kind, _cli_parse_args=list(arguments), _cli_exit_on_error=False)
    except SettingsError as error:
        message = str(error).removeprefix("error parsing CLI: ")
        raise InvalidSetting(f"{message}; `{program} --help` tells what is known") from error


def server_settings(model: ModelSettings) -> Settings:
    """Return `model` with the server's other settings, which come from the environment.

    Raises InvalidSetting as `parse_settings` does.
    """
    return _build(Settings, **{name: getattr(model, name) for name in ModelSettings.model_fields})


def _refuse_secrets(arguments: Sequence[str]) -> None:
    """Raise InvalidSetting if a setting is given as a flag that is a variable only."""
    for argument in arguments:
        flag = argument.partition("=")[0]
        name = flag.removeprefix("--").replace("-", "_")
        if flag.startswith("--") and name in VARIABLES_ONLY:
            raise InvalidSetting(
                f"{flag}: everybody on the machine may read a command line; use {VARIABLES_ONLY[name]}"
            )


def _build(kind: type[SettingsT], **values: Any) -> SettingsT:
    try:
        return kind(**values)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise InvalidSetting("; ".join(_explain(problem) for problem in problems)) from error


def _explain(problem: Any) -> str:
    if not problem["loc"]:
        return str(problem["msg"]).removeprefix("Value error, ")
    name = str(problem["loc"][0]).casefold().removeprefix("bind_").replace("otel_exporter_otlp", "otlp")
    variable = FOREIGN_NAMES.get(name, f"BIND_{name.upper()}")
    limits = problem.get("ctx", {})
    match problem["type"]:
        case "literal_error":
            takes = f"must be one of {limits['expected'].replace(' or ', ', ')}".replace("'", "")
        case "bool_parsing" | "bool_type":
            takes = "must be 0, 1, true or false"
        case "string_pattern_mismatch" if name == "weights_sha256":
            takes = "must be 64 hexadecimal digits"
        case "string_pattern_mismatch" if name == "allow_urls":
            takes = "must be hosts with commas between, such as images.example.com,*.cdn.example.com"
        case "string_pattern_mismatch" if name.startswith("otlp"):
            takes = "must be a URL that starts with http:// or https://"
        case "string_pattern_mismatch":
            schemes = ", http:// or file://" if "file" in limits["pattern"] else " or http://"
            takes = f"must be a URL that starts with https://{schemes}"
        case "int_parsing" | "int_type" | "int_from_float":
            takes = "must be a whole number"
        case "float_parsing" | "float_type":
            takes = "must be a number"
        case "greater_than_equal":
            takes = f"must be {limits['ge']} or more"
        case "greater_than":
            takes = f"must be more than {limits['gt']}"
        case "less_than_equal":
            takes = f"must be {limits['le']} or less"
        case _:
            takes = str(problem["msg"]).removeprefix("Value error, ")
    return f"--{name.replace('_', '-')} ({variable}): {takes}, not {problem['input']!r}"
