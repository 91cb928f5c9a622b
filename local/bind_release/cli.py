"""The commands: write the version's copies, or make the tree of a release."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from bind_local import command
from bind_local.errors import LocalError
from bind_local.programs.modules import WEAVIATE
from bind_local.steps import Step, run_steps
from bind_release import changelog, weaviate_versions
from bind_release.version import COPIES, PROJECT, SOURCE, WEAVIATE_COPIES, current, parsed, updates

UNDO = "correct it in a commit of its own, after `git restore .`; then run this again"


def main(argv: Sequence[str], root: Path) -> int:
    """Run one command in the checkout `root`. Returns its status; errors are printed with their remedy."""
    parser = argparse.ArgumentParser(prog="python -m bind_release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("copies", help=f"write the version of {SOURCE}, and Weaviate's, where it is repeated")
    release = commands.add_parser("release", help="write a release into a clean tree; commits nothing")
    release.add_argument("version")
    args = parser.parse_args(argv)
    try:
        if args.command == "copies":
            _write_copies(root)
        else:
            _release(root, args.version, datetime.now(UTC).date())
    except LocalError as error:
        print(f"\nerror: {error}\nto do: {error.remedy}", file=sys.stderr)
        return 1
    return 0


def prepare(root: Path, version: str, today: date) -> None:
    """Write a version into pyproject.toml and the changelog. Raises LocalError, before anything is written.

    The version may be that of pyproject.toml, which the first release is, but not a lower one.
    """
    project = (root / SOURCE).read_text(encoding="utf-8")
    if parsed(version) < parsed(current(project)):
        raise LocalError(f"{version} is lower than the {current(project)} of {SOURCE}", "choose a higher one")
    changes = command.output(["git", "status", "--porcelain"], remedy="run this in a checkout", cwd=root)
    if changes:
        raise LocalError(f"the tree is not clean:\n{changes.rstrip()}", "commit it, or stash it")
    news = changelog.released((root / changelog.PATH).read_text(encoding="utf-8"), version, today)
    (root / changelog.PATH).write_text(news, encoding="utf-8")
    (root / SOURCE).write_text(PROJECT.rewritten(project, version), encoding="utf-8")


def next_commands(version: str) -> str:
    """Return what a person types after a release has been written and read."""
    return "\n".join(
        [
            "read `git diff`, then:",
            f"  git commit --all --message 'chore(release): {version}'",
            f"  git tag --annotate v{version} --message 'BindVectorizer {version}'",
            f"  git push origin HEAD v{version}",
        ]
    )


def texts(root: Path, pattern: str) -> dict[str, str]:
    """Return the text of each file of `root` that matches the pattern, by its path."""
    files = sorted(root.glob(pattern))
    return {str(file.relative_to(root)): file.read_text(encoding="utf-8") for file in files}


def _write_copies(root: Path) -> None:
    version = current((root / SOURCE).read_text(encoding="utf-8"))
    for copies, said in ((COPIES, version), (WEAVIATE_COPIES, WEAVIATE.version())):
        for path, text in updates(partial(texts, root), said, copies).items():
            (root / path).write_text(text, encoding="utf-8")
            print(f"{path}: written")
    seen = json.loads((root / weaviate_versions.RESULTS).read_text(encoding="utf-8"))
    text = weaviate_versions.page(seen, WEAVIATE.version())
    (root / weaviate_versions.PAGE).write_text(text, encoding="utf-8")


def _release(root: Path, version: str, today: date) -> None:
    log = root / "build/release.log"
    # A make above this one would hand its flags down.
    env = {"MAKEFLAGS": "", "MFLAGS": ""}

    def make(target: str) -> Step:
        run = partial(command.logged, ["make", target], log=log, remedy=UNDO, cwd=root, env=env)
        return Step(f"make {target}", run)

    run_steps(
        [
            Step(f"{SOURCE} and {changelog.PATH}", partial(prepare, root, version, today)),
            make("generate"),
            make("check"),
        ]
    )
    print(f"\n{next_commands(version)}")
