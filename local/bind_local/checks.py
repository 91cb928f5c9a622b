"""The fast checks that every change passes before it is worth a cluster."""

import sys
from functools import partial
from pathlib import Path

from bind_local import command
from bind_local.paths import REPO, Paths
from bind_local.programs.modules import HELM
from bind_local.steps import Step

PACKAGES = (
    *("operator/bind_operator", "operator/bindctl"),
    *("inference/bind_inference", "inference/bind_load", "inference/bind_image"),
    *("local/bind_local", "local/bind_demo", "local/bind_bench", "local/bind_gpu", "local/bind_release"),
)
PYTHON_PATH = ":".join(str(REPO / folder) for folder in ("operator", "inference", "local"))


def check_steps(paths: Paths, *, unit_tests: bool) -> list[Step]:
    """Return a step for each check, the quickest first. unit_tests: with tests/unit."""
    programs = Path(sys.executable).parent
    python = sys.executable
    env = {"PYTHONPATH": PYTHON_PATH, "HELM": str(HELM.home(paths) / "helm")}

    def step(title: str, argv: list[str | Path], remedy: str) -> Step:
        log = paths.logs / f"check-{title.split()[0]}.log"
        run = partial(command.logged, argv, log=log, remedy=remedy, cwd=REPO, env=env)
        return Step(title, run)

    steps = [
        step(
            "ruff check",
            [programs / "ruff", "check", "."],
            "correct it, or run `.venv/bin/ruff check --fix .`",
        ),
        step("format", [programs / "ruff", "format", "--check", "."], "run `.venv/bin/ruff format .`"),
        step(
            "imports",
            [programs / "lint-imports"],
            "the rule in pyproject.toml says which import is not allowed",
        ),
        step(
            "generated files", [python, "-m", "bind_operator.docs.generate", "--check"], "run `make generate`"
        ),
        step("settings page", [python, "-m", "bind_inference.generate", "--check"], "run `make generate`"),
        step("bind-load's page", [python, "-m", "bind_load.generate", "--check"], "run `make generate`"),
        step("bindctl's page", [python, "-m", "bindctl.reference", "--check"], "run `make generate`"),
        step("mypy strict", [programs / "mypy", *PACKAGES], "correct the types it names"),
    ]
    if unit_tests:
        run: list[str | Path] = [programs / "pytest", "-q", "tests/unit"]
        steps.append(step("unit tests", run, "correct it, then `.venv/bin/pytest tests/unit`"))
    return steps
