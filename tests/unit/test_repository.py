"""What the pages for contributors say of this repository is so, and the hooks run what the check runs."""

import re
from pathlib import Path

import pytest
import yaml

from bind_local.checks import PACKAGES, check_steps
from bind_local.paths import Paths

ROOT = Path(__file__).parents[2]
PAGES = ("CONTRIBUTING.md", "SECURITY.md", "docs/release.md")
FOLDERS = {"charts", "docs", "inference", "local", "manifests", "operator", "tests"}


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_is_there(page: str) -> None:
    named = re.findall(r"`([\w./-]+/[\w./-]+)`", (ROOT / page).read_text(encoding="utf-8"))
    ours = [path for path in named if path.partition("/")[0] in FOLDERS]
    assert ours
    assert [path for path in ours if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_target_that_a_page_names_is_one_of_make_s(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    said = re.findall(
        r"(?:^|`)make ([a-z][a-z0-9 -]*)", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE
    )
    targets = {target for words in said for target in words.split()}
    assert [name for name in targets if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


def test_the_hooks_are_the_steps_of_the_check() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = {hook["name"]: hook for repo in config["repos"] for hook in repo["hooks"]}
    assert list(hooks) == [step.title for step in check_steps(Paths(ROOT), unit_tests=True)]
    assert {hook["language"] for hook in hooks.values()} == {"system"}, "they use the programs of .venv"
    assert set(PACKAGES) <= set(hooks["mypy strict"]["entry"].split())


def test_the_issue_forms_have_what_a_form_needs() -> None:
    forms = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
    for form in (yaml.safe_load(path.read_text(encoding="utf-8")) for path in forms):
        if "blank_issues_enabled" in form:
            continue
        assert {"name", "description", "body"} <= set(form)
        ids = [part["id"] for part in form["body"] if part["type"] != "markdown"]
        assert len(ids) == len(set(ids))
        assert all(part["attributes"] for part in form["body"])
    assert len(forms) == 3
