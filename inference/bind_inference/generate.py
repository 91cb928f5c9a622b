"""Write docs/reference/inference.md from the settings, or check that it is fresh.

`python -m bind_inference.generate [--check]`, from the root of a checkout.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bind_inference.convert.settings import ConvertSettings
from bind_inference.settings import ModelSettings, Settings, WeightsSettings
from bind_inference.settings.reference import build_page

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

ROOT = Path(__file__).resolve().parents[2]
PAGE = "docs/reference/inference.md"
MADE_BY = "made by `make generate`; do not edit"


def render() -> str:
    """Return the page's text."""
    shared = set(ModelSettings.model_fields)
    sections: list[tuple[str, str, type[BaseSettings], set[str]]] = [
        (
            "The model",
            "Flags of `python -m bind_inference` and of [`bind-load`](bind-load.md), or environment "
            "variables (the chart's `extraEnv`). A flag wins.",
            ModelSettings,
            set(),
        ),
        ("The server", "Of `python -m bind_inference` alone.", Settings, shared),
        (
            "The convert command",
            "Of `python -m bind_inference convert`, which also takes the first settings of the model, up to "
            "`--log-level`; see [Where the weights come from](../how-to/weights.md).",
            ConvertSettings,
            set(WeightsSettings.model_fields),
        ),
    ]
    return f"<!-- {MADE_BY} -->\n{build_page('Settings of the inference server', sections)}"


def write_page(module: str, page: str, text: str, arguments: list[str] | None, root: Path) -> int:
    """Write `text` to `page` below `root`; return the exit status, 1 if `--check` finds it stale.

    module: the one that is run, for `--help`.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=f"Write {page}.")
    parser.add_argument("--check", action="store_true", help="change nothing; say whether the page is stale")
    check: bool = parser.parse_args(arguments).check
    path = root / page
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return 0
    if not check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{page}: {'stale; run `make generate`' if check else 'written'}\n")
    return int(check)


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Run the command; return its exit status: 1 if `--check` finds the page stale."""
    return write_page("bind_inference.generate", PAGE, render(), arguments, root)


if __name__ == "__main__":
    sys.exit(main())
