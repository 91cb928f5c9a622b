"""CHANGELOG.md: what is unreleased becomes a version's. Pure."""

import re
from datetime import date

from bind_local.errors import LocalError

PATH = "CHANGELOG.md"
UNRELEASED = "## [Unreleased]"


def released(text: str, version: str, today: date) -> str:
    """Return the changelog after a release: an empty Unreleased, and below it the version with its date.

    Raises LocalError if there is no such section, if it says nothing, or if the version is there already.
    """
    if f"## [{version}]" in text:
        raise LocalError(f"{PATH} has {version} already", "choose a higher version")
    before, heading, after = text.partition(f"{UNRELEASED}\n")
    if not heading:
        raise LocalError(f"{PATH} has no line `{UNRELEASED}`", "add it above the newest version")
    section = re.split(r"^## ", after, maxsplit=1, flags=re.MULTILINE)[0]
    if not any(line.strip() and not line.startswith("#") for line in section.splitlines()):
        raise LocalError(
            f"{PATH} says nothing under Unreleased", "write there what this release brings, and commit it"
        )
    return f"{before}{heading}\n## [{version}] - {today.isoformat()}\n{after}"
