"""The programs and manifests that the pages show, as they stand there."""

import re
from pathlib import Path

PAGES = Path(__file__).parents[2] / "docs" / "how-to"


def snippets(page: str, language: str) -> list[str]:
    """Return the blocks of one language on a page of docs/how-to, in their order."""
    text = (PAGES / page).read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert found, f"{page} shows nothing in {language}"
    return found
