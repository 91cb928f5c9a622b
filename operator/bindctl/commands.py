"""The commands of `bindctl`: each reads its arguments, has the work done, and ends with 0, 1 or 2."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click
from click.shell_completion import get_completion_class

from bind_operator.errors import OperatorError
from bind_operator.policy.profiles import ProfileBook, resolve
from bind_operator.settings import Settings
from bindctl.choices import book_options, cluster_options, settings_of
from bindctl.composing import compose_command
from bindctl.converting import convert_command
from bindctl.ending import REFUSED, end, statuses
from bindctl.imaging import images_command
from bindctl.judge import Outcome, Verdict, judge
from bindctl.live import compare
from bindctl.rendered_output import difference_output, diffs_output, rendered_output
from bindctl.rendering import Rendered, differences, is_resource, render_all, write_below
from bindctl.report import Findings, as_json, as_text
from bindctl.sources import Broken, Manifest, SourceMissing, find_manifests

VALIDATE_EXAMPLES = """
\b
Examples:
  bindctl validate manifests/
  kustomize build . | bindctl validate -
  bindctl validate -o json --profiles-dir profiles search.yaml
"""
RENDER_EXAMPLES = """
\b
Examples:
  bindctl render search.yaml
  bindctl render --output-dir rendered manifests/
  bindctl render --diff rendered manifests/
  bindctl render --diff-cluster --context staging search.yaml
"""
RENDER_FILES = """
\b
Files:
  DIR/NAMESPACE/NAME-values.yaml   the values of one resource, of --output-dir and --diff
  ~/.kube/config                   the kubeconfig of --diff-cluster, unless KUBECONFIG names another
"""
COMPLETION_EXAMPLES = """
\b
Examples:
  source <(bindctl completion bash)
  bindctl completion zsh > "${fpath[1]}/_bindctl"
  bindctl completion fish > ~/.config/fish/completions/bindctl.fish
"""
EVERYWHERE = """
`bindctl COMMAND --help` tells more of each, with examples and exit statuses. `kubectl bind` is the same
program.
"""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, epilog=EVERYWHERE
)
@click.version_option(package_name="bindvectorizer", prog_name="bindctl")
def main() -> None:
    """Judge, render and translate BindVectorizer resources, without a cluster."""


main.add_command(convert_command)
main.add_command(images_command)
main.add_command(compose_command)


@main.command(epilog=COMPLETION_EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script by which a shell completes commands and options."""
    kind = get_completion_class(shell)
    if kind is None:
        end(f"there is no completion for {shell}")
    click.echo(kind(main, {}, "bindctl", "_BINDCTL_COMPLETE").source())


@main.command(epilog=VALIDATE_EXAMPLES + statuses("a resource is refused, or a file cannot be read"))
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--profiles-dir", metavar="DIR", help="Folder of hardware profiles: spec.profile is judged by them."
)
@click.option("--allow-none", is_flag=True, help="End with 0 where the sources hold no BindVectorizer.")
def validate(sources: Sequence[str], output: str, profiles_dir: str | None, *, allow_none: bool) -> None:
    """Tell for each BindVectorizer whether the API server takes it, and if not why.

    SOURCE is a file, a folder (all .yaml, .yml and .json below it, but for hidden ones, the templates of
    charts, and what a kustomization there calls a patch), or - for standard input. Fields, values, metadata
    and every rule of the definition are judged as on `kubectl apply` of a new object; what needs the object
    that is there (a volume that would shrink) is not. Objects of other kinds are counted, and not judged.
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


@main.command(epilog=RENDER_EXAMPLES + RENDER_FILES + statuses("a resource is refused, or something differs"))
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option(
    "-d", "--output-dir", metavar="DIR", help="Write NAMESPACE/NAME-values.yaml below it, and print none."
)
@click.option(
    "--diff", "older", metavar="DIR", help="Print what differs from such a folder, and end with 1 if it does."
)
@click.option("--diff-cluster", is_flag=True, help="The same, from the values that a cluster has.")
@cluster_options
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@book_options
@click.option("--manifests", is_flag=True, help="The objects of the releases, by Helm, in place of values.")
def render(
    sources: Sequence[str],
    output_dir: str | None,
    older: str | None,
    kubeconfig: str | None,
    context: str | None,
    output: str,
    profiles_dir: str | None,
    chart_dir: str | None,
    *,
    diff_cluster: bool,
    manifests: bool,
) -> None:
    """Print the Helm values of each BindVectorizer, byte for byte as the operator renders them.

    SOURCE is a file, a folder, or - for standard input, as for `validate`. ConfigMaps that a resource's
    spec.valuesFrom names are looked for in all of them. Other settings of the operator, such as its images,
    are taken from its variables (BIND_OPERATOR_IMAGES …).

    --diff-cluster reads the ConfigMap NAME-values of a resource with delivery Render, else the values of its
    Helm release, by the kubeconfig as kubectl does. Where spec.valuesFrom names a Secret, each value that
    may come from it is shown as ***.
    """
    if diff_cluster and manifests:
        end("--diff-cluster compares values; leave --manifests out")
    settings = settings_of(profiles_dir, chart_dir)
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
    if diff_cluster:
        _tell_of_cluster(found, rendered, settings, (kubeconfig, context), output)
    try:
        if older is not None:
            changed = differences(_folder(older), rendered, what=what)
            click.echo(diffs_output(changed, output), nl=False)
            sys.exit(REFUSED if changed else 0)
        if output_dir is not None:
            write_below(Path(output_dir), rendered)
            return
    except OSError as error:
        end(f"{error.filename}: {error.strerror}; name a folder that can be used")
    click.echo(rendered_output(rendered, output), nl=False)


def _tell_of_cluster(
    found: Sequence[Manifest | Broken],
    rendered: Sequence[Rendered],
    settings: Settings,
    access: tuple[str | None, str | None],
    output: str,
) -> NoReturn:
    """Print what differs from a cluster, and end. access: kubeconfig and context."""
    # Its client takes a second to import.
    from bindctl.cluster import Cluster, ClusterUnanswered

    ours = [one.data for one in found if isinstance(one, Manifest) and is_resource(one.data)]
    try:
        cluster = Cluster.connect(*access)
        pairs = zip(ours, rendered, strict=True)
        differing = [compare(manifest, one, cluster, settings) for manifest, one in pairs]
    except ClusterUnanswered as error:
        end(str(error))
    click.echo(difference_output(differing, output), nl=False)
    sys.exit(REFUSED if any(one.text for one in differing) else 0)


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
