"""The hardware profiles of the operator's chart, as the operator reads them."""

import functools
from pathlib import Path

import yaml

from bind_operator.policy.profiles import ProfileBook, read_book
from support.values import values


@functools.cache
def shipped_profiles() -> ProfileBook:
    """Return the profiles that the chart ships."""
    return read_book(_texts())


def write_shipped_profiles(folder: Path) -> None:
    """Write them as files, as the chart mounts them."""
    for name, text in _texts().items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def _texts() -> dict[str, str]:
    return {name: yaml.safe_dump(one) for name, one in values("bind-operator")["profiles"].items()}
