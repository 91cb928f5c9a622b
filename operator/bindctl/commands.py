"""The commands of `bindctl`: each reads its arguments, has the work done, and ends with 0, 1 or 2."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click
from click.shell_completion import get_completion_class

from bind_operator.errors import OperatorError
from bind_operator.policy.profiles import ProfileBook, resolve
from bindctl.judge import Outcome, Verdict, judge
from bindctl.report import Findings, as_json, as_text
from bindctl.sources import Broken, Manifest, SourceMissing, find_manifests

REFUSED = 1
UNANSWERED = 2

STATUSES = """
\b
Exit status:
  0  all is well
  1  something is refused
  2  the question could not be answered: a wrong option, a file that is not there
"""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="bindvectorizer", prog_name="bindctl")
def main() -> None:
    """Judge, render and translate BindVectorizer resources, without a cluster."""


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    For bash: source <(bindctl completion bash)
    """
    kind = get_completion_class(shell)
    if kind is None:
        _end(f"there is no completion for {shell}")
    click.echo(kind(main, {}, "bindctl", "_BINDCTL_COMPLETE").source())


@main.command(epilog=STATUSES)
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--profiles-dir", metavar="DIR", help="Folder of hardware profiles: spec.profile is judged by them."
)
@click.option("--allow-none", is_flag=True, help="End with 0 where the sources hold no BindVectorizer.")
def validate(sources: Sequence[str], output: str, profiles_dir: str | None, *, allow_none: bool) -> None:
    """Tell for each BindVectorizer whether the API server takes it, and if not why.

    SOURCE is a file, a folder (all .yaml, .yml and .json below it, but for hidden ones and the templates of
    charts), or - for standard input. Fields, values, metadata and every rule of the definition are judged as
    on `kubectl apply` of a new object; what needs the object that is there (a volume that would shrink) is
    not. Objects of other kinds are counted, and not judged.
    """
    book = _book(profiles_dir)
    try:
        found = list(find_manifests(sources))
    except SourceMissing as error:
        _end(str(error))
    findings = Findings(
        judged=[(one, _judged(one, book)) for one in found if isinstance(one, Manifest)],
        broken=[one for one in found if isinstance(one, Broken)],
    )
    click.echo((as_json if output == "json" else as_text)(findings), nl=False)
    if findings.refused or findings.broken:
        sys.exit(REFUSED)
    if not findings.resources and not allow_none:
        _end("no BindVectorizer is in there; name a file or folder that holds one, or add --allow-none")


def _judged(manifest: Manifest, book: ProfileBook | None) -> Verdict:
    """Return the verdict on a manifest, with its profile's values where there is a book of them."""
    verdict = judge(manifest.document, manifest.root)
    if verdict.outcome is not Outcome.VALID or book is None:
        return verdict
    data = manifest.document.data
    for part in manifest.root:
        data = data[part]
    try:
        resolve(data, book, is_stored=False)
    except OperatorError as error:
        line = manifest.document.line_of((*manifest.root, "spec", "profile"))
        faults = tuple((line, "spec.profile", said) for said in str(error).splitlines())
        return Verdict(Outcome.REFUSED, verdict.name, faults)
    return verdict


def _book(folder: str | None) -> ProfileBook | None:
    if folder is None:
        return None
    from bind_operator.cluster.profiles import load_book

    try:
        return load_book(Path(folder))
    except OSError as error:
        _end(f"--profiles-dir {folder}: {error.strerror}; name the folder of the profiles")


def _end(message: str) -> NoReturn:
    """End the program, because the question could not be answered."""
    click.echo(f"error: {message}", err=True)
    sys.exit(UNANSWERED)
