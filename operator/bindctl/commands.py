"""The commands of `bindctl`: each reads its arguments, has the work done, and ends with 0, 1 or 2."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from click.shell_completion import get_completion_class
from pydantic import ValidationError

from bind_operator.errors import OperatorError
from bind_operator.policy.profiles import ProfileBook, resolve
from bind_operator.settings import Settings
from bindctl.converting import convert_command
from bindctl.ending import REFUSED, end, statuses
from bindctl.imaging import images_command
from bindctl.judge import Outcome, Verdict, judge
from bindctl.rendering import Rendered, differences, render_all, write_below
from bindctl.report import Findings, as_json, as_text
from bindctl.sources import Broken, Manifest, SourceMissing, find_manifests

STATUSES = statuses()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="bindvectorizer", prog_name="bindctl")
def main() -> None:
    """Judge, render and translate BindVectorizer resources, without a cluster."""


main.add_command(convert_command)
main.add_command(images_command)


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    For bash: source <(bindctl completion bash)
    """
    kind = get_completion_class(shell)
    if kind is None:
        end(f"there is no completion for {shell}")
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
    found = _found(sources)
    findings = Findings(
        judged=[(one, _judged(one, book)) for one in found if isinstance(one, Manifest)],
        broken=[one for one in found if isinstance(one, Broken)],
    )
    click.echo((as_json if output == "json" else as_text)(findings), nl=False)
    if findings.refused or findings.broken:
        sys.exit(REFUSED)
    if not findings.resources and not allow_none:
        end("no BindVectorizer is in there; name a file or folder that holds one, or add --allow-none")


@main.command(epilog=STATUSES)
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option(
    "-d", "--output-dir", metavar="DIR", help="Write NAMESPACE/NAME-values.yaml below it, and print none."
)
@click.option(
    "--diff", "older", metavar="DIR", help="Print what differs from such a folder, and end with 1 if it does."
)
@click.option("--manifests", is_flag=True, help="The objects of the releases, by Helm, in place of values.")
@click.option("--profiles-dir", metavar="DIR", help="Folder of the operator's hardware profiles.")
@click.option(
    "--chart-dir", metavar="DIR", help="Folder of the chart weaviate-bind. Unset: the one that came along."
)
def render(
    sources: Sequence[str],
    output_dir: str | None,
    older: str | None,
    profiles_dir: str | None,
    chart_dir: str | None,
    *,
    manifests: bool,
) -> None:
    """Print the Helm values of each BindVectorizer, byte for byte as the operator renders them.

    SOURCE is a file, a folder, or - for standard input, as for `validate`. ConfigMaps that a resource's
    spec.valuesFrom names are looked for in all of them. Other settings of the operator, such as its images,
    are taken from its variables (BIND_OPERATOR_IMAGES …).
    """
    settings = _settings(profiles_dir, chart_dir)
    found = _found(sources)
    what = "manifests" if manifests else "values"
    results = list(render_all([one for one in found if isinstance(one, Manifest)], settings, what=what))
    broken = [one for one in (*found, *results) if isinstance(one, Broken)]
    rendered = [one for one in results if isinstance(one, Rendered)]
    for one in broken:
        click.echo(f"{one.source}:{one.line}: {one.message}", err=True)
    if broken:
        sys.exit(REFUSED)
    if not rendered:
        end("no BindVectorizer is in there; name a file or folder that holds one")
    try:
        if older is not None:
            changed = differences(_folder(older), rendered, what=what)
            click.echo(changed, nl=False)
            sys.exit(REFUSED if changed else 0)
        if output_dir is not None:
            write_below(Path(output_dir), rendered)
            return
    except OSError as error:
        end(f"{error.filename}: {error.strerror}; name a folder that can be used")
    click.echo(("" if manifests else "---\n").join(one.text for one in rendered), nl=False)


def _settings(profiles_dir: str | None, chart_dir: str | None) -> Settings:
    given = {"profiles_dir": profiles_dir, "chart_dir": chart_dir}
    try:
        chosen = {name: Path(value) for name, value in given.items() if value is not None}
        return Settings().model_copy(update=chosen)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        end(f"settings: {faults}")


def _folder(path: str) -> Path:
    if not Path(path).is_dir():
        end(f"--diff {path}: there is no such folder; make one with --output-dir")
    return Path(path)


def _found(sources: Sequence[str]) -> list[Manifest | Broken]:
    try:
        return list(find_manifests(sources))
    except SourceMissing as error:
        end(str(error))


def _judged(manifest: Manifest, book: ProfileBook | None) -> Verdict:
    """Return the verdict on a manifest, with its profile's values where there is a book of them."""
    verdict = judge(manifest.document, manifest.root)
    if verdict.outcome is not Outcome.VALID or book is None:
        return verdict
    try:
        resolve(manifest.data, book, is_stored=False)
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
        end(f"--profiles-dir {folder}: {error.strerror}; name the folder of the profiles")
