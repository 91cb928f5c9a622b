"""The command `bindctl images`."""

import json
import sys
from collections.abc import Iterator, Sequence

import click
import yaml

from bind_operator.settings import Settings
from bindctl.choices import book_options, settings_of
from bindctl.ending import REFUSED, end, statuses
from bindctl.image_list import Image, default_images, images_in, operator_image
from bindctl.rendering import Rendered, render_all
from bindctl.sources import Broken, Manifest, SourceMissing, find_manifests

EXAMPLES = """
\b
Examples:
  bindctl images
  bindctl images search.yaml --no-operator
  bindctl images manifests --to registry.example.com/mirror |
    while read -r from to; do skopeo copy --all docker://$from docker://$to; done
"""


@click.command("images", epilog=EXAMPLES + statuses("a resource cannot be rendered"))
@click.argument("sources", metavar="[SOURCE...]", nargs=-1)
@click.option(
    "--to", "registry", metavar="REGISTRY", help="Add each image's name in this registry, parted by a blank."
)
@book_options
@click.option("--no-operator", is_flag=True, help="Leave out the image of the operator itself.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def images_command(
    sources: Sequence[str],
    registry: str | None,
    profiles_dir: str | None,
    chart_dir: str | None,
    output: str,
    *,
    no_operator: bool,
) -> None:
    """List the images that a cluster has to be able to pull, to mirror or to scan them.

    SOURCE is a file, a folder, or - for standard input, as for `validate`; the list is that of their
    BindVectorizers. Without one it is what the operator gives to resources that name no images, for both
    devices. Images of volumes and containers that a resource adds by itself are not in it.
    """
    settings = settings_of(profiles_dir, chart_dir)
    found = set(_of_sources(sources, settings) if sources else default_images(settings.images))
    if not no_operator:
        found.add(operator_image(settings.images))
    rows = [(one.name, one.moved_to(registry) if registry else None) for one in sorted(found)]
    if output == "json":
        keys = ("from", "to") if registry else ("from",)
        click.echo(json.dumps([dict(zip(keys, row, strict=False)) for row in rows], indent=2))
        return
    for name, target in rows:
        click.echo(f"{name} {target}" if target else name)


def _of_sources(sources: Sequence[str], settings: Settings) -> Iterator[Image]:
    try:
        found = list(find_manifests(sources))
    except SourceMissing as error:
        end(str(error))
    results = list(render_all([one for one in found if isinstance(one, Manifest)], settings))
    broken = [one for one in (*found, *results) if isinstance(one, Broken)]
    for one in broken:
        click.echo(f"{one.source}:{one.line}: {one.message}", err=True)
    if broken:
        sys.exit(REFUSED)
    rendered = [one for one in results if isinstance(one, Rendered)]
    if not rendered:
        end("no BindVectorizer is in there; name a file or folder that holds one")
    for resource in rendered:
        yield from images_in(yaml.safe_load(resource.text))
