"""Every link from one of our pages to another, or to a file, leads somewhere; anchors too."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ELSEWHERE = re.compile(r"[a-z]+:")
SKIPPED = {"node_modules", "build", "dist"}


def our_pages(root: Path) -> list[Path]:
    """Return the Markdown files of a checkout, without those that tools put there."""
    pages = []
    for page in root.rglob("*.md"):
        folders = page.relative_to(root).parts[:-1]
        if not any(folder in SKIPPED or folder.startswith(".") for folder in folders):
            pages.append(page)
    return sorted(pages)


def prose_of(page: Path) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def links_of(page: Path) -> list[str]:
    """Return the targets of links and pictures."""
    prose = re.sub(r"`[^`\n]*`", "", prose_of(page))
    return re.findall(r"\]\(([^)\s]+)\)", prose) + re.findall(r'(?:src|href)="([^"]+)"', prose)


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    seen: dict[str, int] = {}
    anchors = set()
    for heading in re.findall(r"^#{1,6} (.+)$", prose_of(page), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        anchors.add(f"{slug}-{count}" if count else slug)
    return anchors


def faults_of(page: Path) -> list[str]:
    """Return a line for each link of a page that leads nowhere."""
    faults = []
    for link in links_of(page):
        if ELSEWHERE.match(link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            faults.append(f"{link}: there is no such file")
        elif anchor and target.suffix == ".md" and anchor not in anchors_of(target):
            faults.append(f"{link}: there is no such heading")
    return faults


@pytest.mark.parametrize("page", our_pages(ROOT), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert faults_of(page) == []


def test_the_pages_are_found() -> None:
    found = {str(page.relative_to(ROOT)) for page in our_pages(ROOT)}
    assert {"README.md", "docs/README.md", "docs/benchmarks.md", "charts/weaviate-bind/README.md"} <= found


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# Two words, and `code`\n# Two words\n# Two words\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md#two-words-and-code) [b](other.md#two-words-1) [c](https://example.org/x)\n"
        '[d](gone.md) [e](other.md#gone) [f](#gone) <img src="gone.png">\n'
        "```\n[g](not-a-link)\n```\n`[h](not-a-link)`\n"
    )
    assert faults_of(page) == [
        "gone.md: there is no such file",
        "other.md#gone: there is no such heading",
        "#gone: there is no such heading",
        "gone.png: there is no such file",
    ]
