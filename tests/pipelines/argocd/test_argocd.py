"""Argo CD and the operator on one resource: in sync for good, and neither takes back what the other does."""

import json
import time
from typing import Any

import pytest
import yaml

from bind_demo.cluster.local import local_images
from integration.operator_process import ROOT
from support.git_server import Repository
from support.gitops import NAME, small_search
from support.story import Story
from support.things import make_collection, make_thing
from support.waiting import until

from .processes import NAMESPACE

GITOPS = ROOT / "manifests/gitops/argocd"
APPS = "applications.argoproj.io"
GREEN_WITHIN_S = 180
QUIET_S = 90
"""So long every look at the application finds it in sync, while pods come and go."""
OVERLAY: dict[str, Any] = {
    "apiVersion": "kustomize.config.k8s.io/v1beta1",
    "kind": "Kustomization",
    "resources": ["../manifests/bases/search"],
    "patches": [{"path": "patch.yaml"}],
}
BASE = ROOT / "manifests/bases/search"

pytestmark = pytest.mark.usefixtures("argocd")


def files(spec: dict[str, Any]) -> dict[str, str]:
    """Return the files of a team's repository, with more of the spec."""
    patch = small_search()
    patch["spec"] |= spec
    return {
        "shop/kustomization.yaml": yaml.safe_dump(OVERLAY),
        "shop/patch.yaml": yaml.safe_dump(patch),
        **{f"manifests/bases/search/{one.name}": one.read_text(encoding="utf-8") for one in BASE.iterdir()},
    }


class App:
    """An application of Argo CD."""

    def __init__(self, story: Story, name: str) -> None:
        """Hold its name."""
        self.story, self.name = story, name

    def status(self) -> dict[str, Any]:
        """Return its status, {} while there is none."""
        found = self.story.kube.get(APPS, self.name, "-n", NAMESPACE).get("status", {})
        return dict(found)

    def summary(self) -> tuple[str, str]:
        """Return whether it is in sync, and its health."""
        status = self.status()
        return status.get("sync", {}).get("status", ""), status.get("health", {}).get("status", "")

    def wait(self, commit: str, *summary: str) -> None:
        """Tell it of a commit, as a webhook of the forge does, and wait until it is as said."""
        mark = "argocd.argoproj.io/refresh=normal"
        self.story.kube.run("annotate", "--overwrite", APPS, self.name, "-n", NAMESPACE, mark)

        def reached() -> bool:
            return (
                self.status().get("sync", {}).get("revision") == commit
                and self.summary()[: len(summary)] == summary
            )

        until(reached, GREEN_WITHIN_S, lambda: f"{summary} at {commit}: {json.dumps(self.status())[:3000]}")


@pytest.fixture(scope="module")
def app(story: Story, repository: Repository) -> App:
    """Return the application of our manifests, of a team's repository."""
    commit = repository.commit(files({}), "a search")
    manifest = yaml.safe_load((GITOPS / "search.yaml").read_text(encoding="utf-8"))
    manifest["spec"]["source"] = {"repoURL": repository.url, "targetRevision": "main", "path": "shop"}
    manifest["spec"]["destination"]["namespace"] = story.namespace
    story.kube.run("apply", "-f", "-", stdin=json.dumps(manifest))
    app = App(story, NAME)
    app.wait(commit, "Synced", "Healthy")
    return app


def uids(story: Story) -> dict[str, str]:
    """Return the uid of each object of the release that is not a pod."""
    kinds = "deployment,statefulset,service,configmap,pvc,poddisruptionbudget"
    found = story.kube.get(kinds, "-n", story.namespace, "-l", f"app.kubernetes.io/instance={NAME}")
    return {f"{one['kind']}/{one['metadata']['name']}": one["metadata"]["uid"] for one in found["items"]}


def test_a_commit_becomes_a_search(app: App, story: Story) -> None:
    assert story.condition(NAME).status == "True"
    with story.client(NAME) as client:
        collection = make_collection(client, "Things")
        collection.data.insert(make_thing(1))
        assert collection.query.near_text("thing number one", limit=1).objects


def test_only_the_resource_is_the_application_s(app: App) -> None:
    assert [one["kind"] for one in app.status()["resources"]] == ["BindVectorizer"]
    assert app.summary() == ("Synced", "Healthy")


def test_in_sync_while_the_operator_repairs_and_pods_come_and_go(app: App, story: Story) -> None:
    before = uids(story)
    seen, deadline, step = set(), time.monotonic() + QUIET_S, 0
    while time.monotonic() < deadline:
        seen.add(app.status()["sync"]["status"])
        if step == 5:
            story.kubectl("delete", "pod", "-l", "app.kubernetes.io/component=inference", "--wait=false")
        if step == 15:
            story.kubectl("scale", "deployment", f"{NAME}-inference", "--replicas=2")
        if step == 25:
            story.kubectl("delete", "service", f"{NAME}-inference", "--ignore-not-found")
        step += 1
        time.sleep(2)
    assert seen == {"Synced"}
    story.wait_ready(NAME)
    after = uids(story)
    assert after.keys() == before.keys()
    assert {name for name in before if before[name] != after[name]} <= {f"Service/{NAME}-inference"}


def test_a_field_edited_by_hand_is_as_in_git_again(app: App, story: Story) -> None:
    """A field that Git does not have is left to others, as by any server-side apply."""
    wanted = small_search()["spec"]["inference"]["resources"]["limits"]["memory"]
    story.patch(NAME, {"inference": {"resources": {"limits": {"memory": "2Gi"}}}})

    def memory() -> str:
        return str(story.resource(NAME)["spec"]["inference"]["resources"]["limits"]["memory"])

    until(lambda: memory() == wanted, 60, lambda: f"put back: {memory()}")


def test_a_bad_commit_is_degraded_with_our_words_and_a_revert_healthy(
    app: App, story: Story, repository: Repository
) -> None:
    inference = small_search()["spec"]["inference"] | {"image": {"tag": "no-such-tag"}}
    commit = repository.commit(files({"inference": inference}), "a tag that is not there")
    app.wait(commit, "Synced", "Degraded")
    assert story.condition(NAME).reason == "ImagePullFailed"
    app.wait(repository.revert(), "Synced", "Healthy")


def test_what_a_rule_refuses_is_told_with_the_rule_s_words(
    app: App, story: Story, repository: Repository
) -> None:
    commit = repository.commit(files({"gpu": {"count": 1}}), "a GPU for a CPU")
    until(
        lambda: "spec.device: CUDA" in json.dumps(app.status()),
        90,
        lambda: f"the rule is told: {json.dumps(app.status())[:3000]}",
    )
    assert commit in json.dumps(app.status())
    app.wait(repository.revert(), "Synced", "Healthy")


def test_a_suspended_resource_is_suspended(app: App, repository: Repository) -> None:
    app.wait(repository.commit(files({"suspend": True}), "a pause"), "Synced", "Suspended")
    app.wait(repository.revert(), "Synced", "Healthy")


def test_deleted_with_all_that_is_its_own(app: App, story: Story) -> None:
    story.kube.run("delete", APPS, NAME, "-n", NAMESPACE, "--timeout=120s")
    assert story.resource(NAME) == {}
    story.wait_gone("statefulset", f"{NAME}-weaviate")
    claims = story.kube.get("pvc", "-n", story.namespace)["items"]
    assert len(claims) == 1, "spec.deletionPolicy keeps it"


def test_the_chart_without_the_operator_is_in_sync_too(story: Story, repository: Repository) -> None:
    chart = ROOT / "charts/weaviate-bind"
    texts = {
        f"chart/{one.relative_to(chart)}": one.read_text(encoding="utf-8")
        for one in chart.rglob("*")
        if one.is_file()
    }
    commit = repository.commit(texts, "the chart")
    manifest = yaml.safe_load((GITOPS / "search.yaml").read_text(encoding="utf-8"))
    manifest["metadata"]["name"] = "plain"
    images = local_images().values
    module = {
        "model": {"name": "Tiny"},
        "tag": images["images.inference.tag"],
        "resources": {"requests": {"cpu": "50m", "memory": "384Mi"}, "limits": {"memory": "3Gi"}},
    }
    values = {"replicas": 1, "modules": {"multi2vec-bind": module}, "storage": {"size": "1Gi"}}
    manifest["spec"]["source"] = {
        "repoURL": repository.url,
        "targetRevision": "main",
        "path": "chart",
        "helm": {"releaseName": "plain", "valuesObject": values},
    }
    manifest["spec"]["destination"]["namespace"] = story.namespace
    story.kube.run("apply", "-f", "-", stdin=json.dumps(manifest))
    app = App(story, "plain")
    app.wait(commit, "Synced", "Healthy")
    seen = set()
    for _ in range(20):
        seen.add(app.summary()[0])
        time.sleep(1)
    assert seen == {"Synced"}
    story.kube.run("delete", APPS, "plain", "-n", NAMESPACE, "--timeout=120s")
