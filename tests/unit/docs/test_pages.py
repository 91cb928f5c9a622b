"""What pages list is all that the code has."""

import re
from pathlib import Path

from bind_operator.reasons import Reason

DOCS = Path(__file__).parents[3] / "docs"


def listed(page: str) -> str:
    """Return the tables of a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if line.startswith("|"))


def test_every_reason_is_explained_and_no_other() -> None:
    found = re.findall(
        r"`([A-Z]\w+)`", "\n".join(re.findall(r"^\| [^|]*", listed("concepts/failure-modes.md"), re.M))
    )
    assert sorted(found) == sorted(Reason)


def test_every_decision_is_in_the_index() -> None:
    pages = sorted(page.name for page in (DOCS / "decisions").glob("*.md") if page.name != "README.md")
    assert sorted(re.findall(r"\]\(([\w-]+\.md)\)", listed("decisions/README.md"))) == pages


def test_every_page_is_in_the_index() -> None:
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} - {"README.md"}
    pages = {page for page in pages if not page.startswith("decisions/")} | {"decisions/README.md"}
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert pages - {"release.md"} <= set(re.findall(r"\]\(([\w/-]+\.md)\)", index))
