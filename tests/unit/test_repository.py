"""What the pages for contributors say of this repository is so, and the hooks run what the check runs."""

import re
from functools import partial
from pathlib import Path

import pytest
import yaml

from bind_local.checks import check_steps
from bind_local.paths import Paths
from bind_local.steps import Step

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


@pytest.mark.parametrize("step", check_steps(Paths(ROOT), unit_tests=True), ids=lambda step: step.title)
def test_a_hook_runs_what_its_step_runs(step: Step) -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (entry,) = (
        hook["entry"] for repo in config["repos"] for hook in repo["hooks"] if hook["name"] == step.title
    )
    assert isinstance(step.run, partial)
    program, *arguments = map(str, step.run.args[0])
    # A hook is given files in place of the dot, and an environment in its line.
    hook = re.sub(r"^env (\w+=\S+ )+", "", entry).replace(" --force-exclude", "").split()
    names = [Path(path).name.rstrip("0123456789.") for path in (hook[0], program)]
    assert names[0] == names[1]
    assert hook[1:] == [word for word in arguments if word != "."]


def test_make_help_shows_every_target_below_its_purpose() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY:((?:.*\\\n)*.*)$", text, re.MULTILINE)
    shown = re.findall(r"^([a-z0-9-]+):.*## ", text.partition("##@ ")[2], re.MULTILINE)
    inner = {"help", "room-demo", "room-test", "room-pipelines"}
    assert shown == [name for name in phony.replace("\\", "").split() if name not in inner]
    road = ("venv", "check", "demo", "test", "bench", "release", "clean")
    assert [name for name in shown if name in road] == list(road)


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


def test_make_test_runs_every_folder_of_tests() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    halves = re.findall(r"^(?:first|second) := (.*)$", text, re.MULTILINE)
    folders = {file.relative_to(ROOT / "tests").parts[0] for file in (ROOT / "tests").rglob("test_*.py")}
    # By unittest, on a machine with a card; by make test-pipelines, which builds what make test does without.
    others = {"gpu", "pipelines"}
    assert {f"tests/{folder}" for folder in folders - others} == {
        word for word in " ".join(halves).split() if word.startswith("tests/")
    }
    # What the first leaves out, the second has.
    assert [re.findall(r"\$\(decoders\)", half) for half in halves] == [["$(decoders)"]] * 2
    assert all(f"$({half})" in text for half in ("first", "second"))
