"""Runs the client half of the demo through the Python and the TypeScript client: import, search, report."""

from rich.console import Console

from bind_demo.client import node_client
from bind_demo.client.collection import MODULE, ensure_collection, fingerprint
from bind_demo.client.endpoint import Endpoint
from bind_demo.client.importing import import_things
from bind_demo.client.report import TINY_NOTE, print_table
from bind_demo.client.searches import build_searches, run_search
from bind_demo.errors import DemoError
from bind_demo.media.build import build_altered, build_media
from bind_demo.media.things import THINGS
from bind_demo.steps import step

PYTHON_COLLECTION = "DemoPython"
NODE_COLLECTION = "DemoTypeScript"


def run_client_demo(console: Console, endpoint: Endpoint) -> bool:
    """Import and search through both clients, print a table for each, return whether all rows passed."""
    with step(console, f"make photos, speech, videos and recordings of {len(THINGS)} things"):
        originals = {thing: build_media(thing) for thing in THINGS}
        searches = build_searches({thing: build_altered(thing) for thing in THINGS}, THINGS)
    with endpoint.client() as client:
        if MODULE not in client.get_meta().get("modules", {}):
            raise DemoError(
                f"this Weaviate runs without {MODULE}", "point the demo at a BindVectorizer's Weaviate"
            )
        with step(console, "Python client: import them in batches"):
            collection = ensure_collection(client, PYTHON_COLLECTION)
            import_things(collection, originals)
        with step(console, f"Python client: run {len(searches)} searches"):
            python = [run_search(collection, search) for search in searches]
        description = fingerprint(client)
    with step(console, "TypeScript client: npm packages"):
        node_client.install_packages()
    with step(console, f"TypeScript client: import them and run {len(searches)} searches"):
        job = node_client.build_job(endpoint, NODE_COLLECTION, description, originals, searches)
        node = node_client.run_job(job, searches)
    right = print_table(console, "\nPython: weaviate-client v4", python)
    right &= print_table(console, "\nTypeScript: weaviate-client v3 (nearVideo and nearIMU by GraphQL)", node)
    console.print(TINY_NOTE, style="dim")
    return right
