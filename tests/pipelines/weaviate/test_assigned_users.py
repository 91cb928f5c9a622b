"""Every container runs as a user that the cluster made up, with group 0, as OpenShift has it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bind_demo.cluster.kube import Kube
from bind_demo.cluster.local import local_images
from support.charts import CHARTS
from support.story import Story
from support.things import make_collection, make_thing

NAMESPACE = "assigned-users"
USER = "1000660000"
RELEASE, OPERATOR = "assigned", "assigned-operator"
OBJECTS = 20
SMALL = (
    *("modules.multi2vec-bind.model.name=Tiny", "storage.size=1Gi"),
    *(
        "modules.multi2vec-bind.resources.requests.cpu=50m",
        "modules.multi2vec-bind.resources.requests.memory=384Mi",
    ),
    *("modules.multi2vec-bind.resources.limits.memory=3Gi", "resources.requests.cpu=50m"),
)


def assigned(context: str) -> tuple[str, ...]:
    """Return what admission on OpenShift writes into a pod whose context names nobody."""
    return (f"{context}.runAsUser={USER}", f"{context}.runAsGroup=0", f"{context}.fsGroup={USER}")


def install(kube: Kube, release: str, chart: str, *settings: str) -> None:
    sets = [part for setting in settings for part in ("--set", setting)]
    where = ("--namespace", NAMESPACE, "--wait", "--timeout", "180s")
    command = kube.helm_args("install", release, str(CHARTS / chart), *where, *sets)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr + kube.run("get", "pods", "-n", NAMESPACE)


@pytest.fixture(scope="module")
def story(cluster: Kube) -> Iterator[Story]:
    story = Story(cluster, NAMESPACE, Path())
    story.open()
    yield story
    for release in (RELEASE, OPERATOR):
        command = cluster.helm_args("uninstall", release, "-n", NAMESPACE, "--ignore-not-found")
        subprocess.run(command, capture_output=True, check=False, timeout=120)
    story.close()


def users(story: Story, release: str) -> set[str]:
    """Return the user and group ids that the containers of a release run with."""
    found = story.kube.get("pods", "-n", NAMESPACE, "-l", f"app.kubernetes.io/instance={release}")["items"]
    return {
        f"{context['runAsUser']}:{context['runAsGroup']}"
        for context in (pod["spec"]["securityContext"] for pod in found)
    }


def test_weaviate_the_gate_and_the_server_work(story: Story) -> None:
    tag = local_images().values["images.inference.tag"]
    contexts = (*assigned("securityContext"), *assigned("modules.multi2vec-bind.securityContext"))
    install(story.kube, RELEASE, "weaviate-bind", *SMALL, *contexts, f"modules.multi2vec-bind.tag={tag}")
    assert users(story, RELEASE) == {f"{USER}:0"}
    with story.client(RELEASE) as client:
        collection = make_collection(client, "Thing")
        with collection.batch.fixed_size(batch_size=10) as batch:
            for number in range(OBJECTS):
                batch.add_object(make_thing(number))
        assert collection.batch.failed_objects == []
        assert len(collection.query.near_text("thing number 3", limit=5).objects) == 5


def test_the_operator_gets_ready(story: Story, operator: Kube) -> None:
    images = local_images().values
    alone = ("crds.enabled=false", "rbac.aggregateRoles=false", "rbac.finalize=false")
    settings = (*alone, f"watchNamespaces={{{NAMESPACE}}}", f"image.tag={images['image.tag']}")
    install(story.kube, OPERATOR, "bind-operator", *settings, *assigned("podSecurityContext"))
    assert users(story, OPERATOR) == {f"{USER}:0"}
