"""Write docs/reference/bind-load.md from the settings, or check that it is fresh.

`python -m bind_load.generate [--check]`, from the root of a checkout.
"""

import sys
from pathlib import Path
from typing import Final

from bind_inference.generate import MADE_BY, ROOT, write_page
from bind_inference.settings import ModelSettings
from bind_inference.settings.reference import build_page
from bind_load.settings import LoadSettings

PAGE: Final = "docs/reference/bind-load.md"


def render() -> str:
    """Return the page's text."""
    introduction = (
        "Of `bind-load SOURCE OUTPUT`, or environment variables; a flag wins. The "
        "[settings of the model](inference.md#the-model) are flags of this program too. "
        "[Loading a folder](../how-to/load.md) says how to use it."
    )
    section = ("The program", introduction, LoadSettings, set(ModelSettings.model_fields))
    return f"<!-- {MADE_BY} -->\n{build_page('Settings of bind-load', [section])}"


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Run the command; return its exit status: 1 if `--check` finds the page stale."""
    return write_page("bind_load.generate", PAGE, render(), arguments, root)


if __name__ == "__main__":
    sys.exit(main())
