"""Options that several commands have: the profiles and the chart that the operator would have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from bind_operator.settings import Settings
from bindctl.ending import end

_PROFILES = click.option("--profiles-dir", metavar="DIR", help="Folder of the operator's hardware profiles.")
_CHART = click.option(
    "--chart-dir", metavar="DIR", help="Folder of the chart weaviate-bind. Unset: the one that came along."
)


def book_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options --profiles-dir and --chart-dir."""
    return _PROFILES(_CHART(command))


_KUBECONFIG = click.option("--kubeconfig", metavar="FILE", help="Kubeconfig, as kubectl has it.")
_CONTEXT = click.option("--context", metavar="NAME", help="Context of the kubeconfig.")


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options --kubeconfig and --context."""
    return _KUBECONFIG(_CONTEXT(command))


def settings_of(profiles_dir: str | None, chart_dir: str | None) -> Settings:
    """Return the operator's settings, with what was given in place of its variables."""
    given = {"profiles_dir": profiles_dir, "chart_dir": chart_dir}
    try:
        chosen = {name: Path(value) for name, value in given.items() if value is not None}
        return Settings().model_copy(update=chosen)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        end(f"settings: {faults}")
