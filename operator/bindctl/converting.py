"""The command `bindctl convert`."""

import sys
from collections.abc import Sequence

import click

from bindctl.convert.conversion import Choices, Unknown, convert
from bindctl.convert.told import as_json, notes_as_text
from bindctl.ending import REFUSED, end, statuses
from bindctl.sources import Broken, SourceMissing, find_manifests

EXAMPLES = """
\b
Examples:
  helm get values weaviate -o yaml | bindctl convert --accept-license -
  bindctl convert --accept-license docker-compose.yml > search.yaml
  bindctl convert --strict values.yaml values-prod.yaml
"""


@click.command("convert", epilog=EXAMPLES + statuses("the resource would be refused, or --strict and a loss"))
@click.argument("sources", metavar="FILE...", nargs=-1, required=True)
@click.option("--name", default="search", show_default=True, help="Name of the resource.")
@click.option("-n", "--namespace", metavar="NAME", help="Namespace of the resource. Unset: none is written.")
@click.option(
    "--accept-license",
    is_flag=True,
    help="Accept the licence of the ImageBind weights, CC BY-NC-SA 4.0 (no commercial use).",
)
@click.option("--tiny", is_flag=True, help="Take the model Tiny, to only try it: no weights, no licence.")
@click.option("--strict", is_flag=True, help="End with 1 if anything has no counterpart.")
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
def convert_command(
    sources: Sequence[str],
    name: str,
    namespace: str | None,
    output: str,
    *,
    accept_license: bool,
    tiny: bool,
    strict: bool,
) -> None:
    """Make a BindVectorizer of an installation that is there.

    FILE is a values file of upstream's chart weaviate-helm, or a docker compose file with Weaviate and
    multi2vec-bind; which of them is noticed. Several are one, later ones laid over earlier ones, as Helm and
    docker compose read them; - is standard input. What values leave out is as upstream's chart has it.

    The resource is written to standard output. On standard error stands a line for each value that is not
    simply taken over: `lost` has no counterpart, `advice` is done another way or needs you, such as a key,
    which never stands in a resource. With -o json both are one document on standard output.
    """
    try:
        found = list(find_manifests(sources))
    except SourceMissing as error:
        end(str(error))
    for one in found:
        if isinstance(one, Broken):
            click.echo(f"{one.source}:{one.line}: {one.message}", err=True)
            sys.exit(REFUSED)
    documents = [(one.source, one.document) for one in found if not isinstance(one, Broken)]
    if not documents:
        end("there is nothing in there; give a values file or a docker compose file")
    try:
        made = convert(documents, Choices(name, namespace, accept_license, tiny))
    except Unknown as error:
        end(str(error))
    if output == "json":
        click.echo(as_json(made), nl=False)
    else:
        click.echo(notes_as_text(made), nl=False, err=True)
        if not made.faults:
            click.echo(made.text, nl=False)
    for fault in made.faults:
        click.echo(f"the resource would be refused: {fault}", err=True)
    if any("licenseAccepted" in fault for fault in made.faults):
        click.echo("--accept-license accepts the licence", err=True)
    if made.faults or (strict and made.loses):
        sys.exit(REFUSED)
