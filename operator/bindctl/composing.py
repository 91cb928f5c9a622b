"""The command `bindctl compose`."""

import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bindctl.choices import book_options, settings_of
from bindctl.compose.gaps import gaps_of
from bindctl.compose.pods import Helm, HelmMissing
from bindctl.compose.project import build_project
from bindctl.compose.told import Gap, as_json, as_lines
from bindctl.compose.writing import compose_text, env_text
from bindctl.ending import REFUSED, end, statuses
from bindctl.rendering import Rendered, is_resource, render_all
from bindctl.sources import Broken, Manifest, SourceMissing, find_manifests

EXAMPLES = """
\b
Examples:
  bindctl compose search.yaml > compose.yaml && docker compose up --detach --wait
  bindctl compose --keys .env search.yaml > compose.yaml
"""
FILES = """
\b
Files:
  .env   the keys that the compose file asks for, beside it; --keys makes it
"""


@click.command("compose", epilog=EXAMPLES + FILES + statuses("it is refused, or --strict and a gap"))
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option("--name", help="Which BindVectorizer it is, where SOURCE has several.")
@click.option(
    "--keys", metavar="FILE", help="Make the keys that the file asks for, unless FILE is there already."
)
@click.option("--strict", is_flag=True, help="End with 1 if docker compose cannot have a field that is set.")
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
@click.option("--helm", metavar="PROGRAM", help="Helm, which renders the chart. Unset: helm on the PATH.")
@book_options
def compose_command(
    sources: Sequence[str],
    name: str | None,
    keys: str | None,
    output: str,
    helm: str | None,
    profiles_dir: str | None,
    chart_dir: str | None,
    *,
    strict: bool,
) -> None:
    """Print a docker compose file with the configuration of a BindVectorizer, for one machine.

    SOURCE is as for `validate`. The services are those of the pods: weaviate, the gate (two processes) and
    inference, with the same images, variables, limits and health checks, and the GPU. The gate's
    configuration stands in the file. No key does: the file asks for them by variables, which docker compose
    reads from .env beside it. Weaviate listens on the loopback address; WEAVIATE_ADDRESS, WEAVIATE_HTTP_PORT
    and WEAVIATE_GRPC_PORT change that. Helm renders the pods.

    On standard error stands a line for each field of the resource that docker compose cannot have, and one
    for each key that is wanted. With -o json all is one document on standard output.
    """
    settings = settings_of(profiles_dir, chart_dir)
    try:
        found = list(find_manifests(sources))
    except SourceMissing as error:
        end(str(error))
    manifest, rendered = _chosen(found, list(render_all(_manifests(found), settings)), name)
    try:
        project = build_project(
            rendered.name, rendered.namespace, rendered.text, Helm(helm or settings.helm, settings.chart_dir)
        )
    except HelmMissing as error:
        end(str(error))
    told = [
        Gap(manifest.source, manifest.document.line_of((*manifest.root, *path)), ".".join(path), said)
        for path, said in gaps_of(manifest.data.get("spec") or {})
    ]
    gaps = told + [Gap(manifest.source, manifest.line, "spec", gap) for gap in project.gaps]
    text = compose_text(rendered.name, project)
    if output == "json":
        click.echo(as_json(text, project, gaps), nl=False)
    else:
        click.echo("".join(f"{line}\n" for line in as_lines(project, gaps)), nl=False, err=True)
        click.echo(text, nl=False)
    if keys is not None and project.variables:
        _write_keys(Path(keys), env_text("the compose file", project, lambda: secrets.token_urlsafe(32)))
    if strict and gaps:
        sys.exit(REFUSED)


def _manifests(found: Sequence[Manifest | Broken]) -> list[Manifest]:
    return [one for one in found if isinstance(one, Manifest)]


def _chosen(
    found: Sequence[Manifest | Broken], results: Sequence[Rendered | Broken], name: str | None
) -> tuple[Manifest, Rendered]:
    """Return the one resource that is meant, and its values."""
    broken = [one for one in (*found, *results) if isinstance(one, Broken)]
    for one in broken:
        click.echo(f"{one.source}:{one.line}: {one.message}", err=True)
    if broken:
        sys.exit(REFUSED)
    ours = [one for one in _manifests(found) if is_resource(one.data)]
    pairs = [
        (manifest, result)
        for manifest, result in zip(ours, results, strict=True)
        if isinstance(result, Rendered) and name in (None, result.name)
    ]
    if len(pairs) != 1:
        names = ", ".join(result.name for result in results if isinstance(result, Rendered)) or "none"
        end(f"give one BindVectorizer, or choose it by --name; there is {names}")
    return pairs[0]


def _write_keys(path: Path, text: str) -> None:
    """Write the keys for their owner's eyes alone; a file that is there keeps its keys."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        click.echo(f"{path} is there, and is left as it is", err=True)
        return
    except OSError as error:
        end(f"{path}: {error.strerror}; name a file that can be written")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
