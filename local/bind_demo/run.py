"""The whole demo: install, apply, wait, import and search, and print the next steps."""

from rich.console import Console

from bind_demo.client.demo import run_client_demo
from bind_demo.client.endpoint import Endpoint
from bind_demo.cluster import images
from bind_demo.cluster.current import current_cluster
from bind_demo.cluster.images import ImageChoice
from bind_demo.cluster.install import apply_sample, install_operator
from bind_demo.cluster.kube import Kube
from bind_demo.cluster.local import local_cluster, local_images, pushed_images
from bind_demo.cluster.next_steps import next_steps
from bind_demo.cluster.wait import wait_ready
from bind_demo.settings import Cluster, Settings
from bind_demo.steps import step

WEAVIATE_PORT = 80
GRPC_PORT = 50051
SETTLE_S = 5.0
"""A new operator reads each resource a second after its start; until then the old one's Ready stands."""


def run_demo(console: Console, settings: Settings) -> bool:
    """Run it all; return whether every search found what it should. Raises DemoError where a step fails."""
    kube, chosen = choose_cluster(console, settings)
    with step(console, f"install the operator into {settings.operator_namespace}"):
        is_new = install_operator(kube, settings.operator_namespace, chosen)
    with step(console, f"apply manifests/samples/tiny.yaml in {settings.namespace}"):
        apply_sample(kube, settings.namespace)
    with step(console, f"wait until BindVectorizer {settings.name} is Ready"):
        settle_s = SETTLE_S if is_new else 0
        wait_ready(console, lambda: read_resource(kube, settings), settings.ready_timeout_s, settle_s)
    with (
        kube.forward(settings.namespace, f"svc/{settings.name}-weaviate", WEAVIATE_PORT) as http_port,
        kube.forward(settings.namespace, f"svc/{settings.name}-weaviate-grpc", GRPC_PORT) as grpc_port,
    ):
        right = run_client_demo(console, Endpoint("127.0.0.1", http_port, grpc_port))
    for line in next_steps(kube, settings):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    return right


def choose_cluster(console: Console, settings: Settings) -> tuple[Kube, ImageChoice]:
    """Return the cluster and the images of this run, asking before a cluster of the user's is touched."""
    if settings.kube is Cluster.LOCAL:
        return local_cluster(), local_images()
    kube = current_cluster(lambda question: settings.assume_yes or _confirm(console, question))
    return kube, pushed_images(settings.registry) if settings.registry else images.published()


def read_resource(kube: Kube, settings: Settings) -> dict[str, object]:
    """Return the BindVectorizer as the API server has it, {} when it is gone."""
    return kube.get("bindvectorizers.bindvectorizer.dev", settings.name, "-n", settings.namespace)


def _confirm(console: Console, question: str) -> bool:
    try:
        return console.input(f"{question} [y/N] ", markup=False).strip().lower() in {"y", "yes"}
    except EOFError:  # no terminal: nobody said yes
        return False
