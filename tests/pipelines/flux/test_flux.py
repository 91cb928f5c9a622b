"""A commit becomes a Ready resource by Flux; a bad one turns it red with our words, and a revert green."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from integration.operator_process import ROOT
from support.git_server import Repository
from support.gitops import NAME, small_search
from support.story import Story
from support.things import make_collection, make_thing
from support.waiting import until

from .processes import NAMESPACE

GITOPS = ROOT / "manifests/gitops/flux"
RED_WITHIN_S = 60
GREEN_WITHIN_S = 180

pytestmark = pytest.mark.usefixtures("flux")


class Flux:
    """What is seen of Flux, and what a team does with it: commits."""

    def __init__(self, story: Story, repository: Repository) -> None:
        """Hold both."""
        self.story, self.repository = story, repository

    def commit(self, change: Callable[[dict[str, Any]], None], message: str) -> str:
        """Commit the resource with a change of its spec; return the commit's hash."""
        resource = small_search()
        change(resource["spec"])
        return self.repository.commit({"shop/search.yaml": yaml.safe_dump(resource)}, message)

    def ready(self) -> tuple[str, str, str]:
        """Return status, reason and message of the Kustomization's Ready, of the newest spec."""
        conditions = self._kustomization().get("status", {}).get("conditions", [])
        found = [one for one in conditions if one["type"] == "Ready"]
        return (found[0]["status"], found[0]["reason"], found[0]["message"]) if found else ("", "", "")

    def wait_green(self, commit: str) -> None:
        """Wait until Flux says that this commit is applied and healthy."""

        def green() -> bool:
            applied = self._kustomization().get("status", {}).get("lastAppliedRevision", "")
            return bool(applied.endswith(commit)) and self.ready()[0] == "True"

        until(green, GREEN_WITHIN_S, lambda: f"green at {commit}: {self.ready()} {self._of_the_resource()}")

    def wait_red(self, commit: str, within_s: float = RED_WITHIN_S) -> str:
        """Wait until Flux says that this commit does not do; return its message."""

        def red() -> bool:
            attempted = self._kustomization().get("status", {}).get("lastAttemptedRevision", "")
            return bool(attempted.endswith(commit)) and self.ready()[0] == "False"

        until(red, within_s, lambda: f"red at {commit}: {self.ready()} {self._of_the_resource()}")
        return self.ready()[2]

    def _of_the_resource(self) -> str:
        return self.story.conditions_line(NAME)

    def _kustomization(self) -> dict[str, Any]:
        return self.story.kube.get("kustomizations.kustomize.toolkit.fluxcd.io", NAME, "-n", NAMESPACE)


@pytest.fixture(scope="module")
def team(story: Story, repository: Repository) -> Flux:
    """Return a team that has committed the resource, and told Flux of the repository by our manifests."""
    team = Flux(story, repository)
    team.commit(lambda spec: None, "a search")
    source = yaml.safe_load((GITOPS / "source.yaml").read_text(encoding="utf-8"))
    source["spec"] = {"interval": "2s", "url": repository.url, "ref": {"branch": "main"}}
    search = yaml.safe_load((GITOPS / "search.yaml").read_text(encoding="utf-8"))
    # The operator is installed by its chart here, with the images of this checkout.
    del search["spec"]["dependsOn"]
    search["spec"] |= {
        "path": "./shop",
        "targetNamespace": story.namespace,
        "retryInterval": "5s",
        "timeout": "3m",
    }
    for manifest in (source, search):
        story.kube.run("apply", "-f", "-", stdin=json.dumps(manifest))
    return team


def test_a_commit_becomes_a_search(team: Flux, story: Story) -> None:
    commit = team.commit(lambda spec: spec.update(podUser="Fixed"), "said aloud")
    team.wait_green(commit)
    assert story.condition(NAME).status == "True"
    with story.client(NAME) as client:
        collection = make_collection(client, "Things")
        collection.data.insert(make_thing(1))
        assert collection.query.near_text("thing number one", limit=1).objects


def test_what_a_rule_refuses_is_red_with_the_rule_s_words(team: Flux, story: Story) -> None:
    before = story.resource(NAME)["spec"]
    commit = team.commit(lambda spec: spec.update(gpu={"count": 1}), "a GPU for a CPU")
    message = team.wait_red(commit)
    assert "spec.gpu" in message
    assert "spec.device: CUDA" in message
    assert story.resource(NAME)["spec"] == before
    team.wait_green(team.repository.revert())


def test_an_image_that_cannot_be_pulled_is_red_and_a_revert_green(team: Flux, story: Story) -> None:
    def missing(spec: dict[str, Any]) -> None:
        spec["inference"]["image"] = {"tag": "no-such-tag"}

    message = team.wait_red(team.commit(missing, "a tag that is not there"))
    assert f"BindVectorizer/{story.namespace}/{NAME}" in message
    # Flux names the object that is Failed. Why, in the words of the registry, is in its status.
    assert "Failed" in message
    assert story.condition(NAME).reason == "ImagePullFailed"
    team.wait_green(team.repository.revert())


def test_weights_of_another_sum_are_red(team: Flux, story: Story) -> None:
    def other(spec: dict[str, Any]) -> None:
        # The server of the repository stands for a mirror: what it answers is not the file.
        weights = {"url": f"{team.repository.url}/HEAD", "sha256": "0" * 64}
        spec["inference"]["model"] = {"name": "ImageBindHuge", "licenseAccepted": True, "weights": weights}

    commit = team.commit(other, "another model, from a mirror")
    # It holds vectors of another model: the resource waits for consent first.
    message = team.wait_red(commit)
    assert "Failed" in message
    assert story.condition(NAME).reason == "ChangeNeedsConsent"
    story.accept_change(NAME)
    condition = story.wait_reason(NAME, "CrashLooping", 90)
    assert "0" * 64 in condition.message
    team.wait_green(team.repository.revert())


def test_a_suspended_resource_does_not_hold_flux_up(team: Flux, story: Story) -> None:
    commit = team.commit(lambda spec: spec.update(suspend=True, podUser="Fixed"), "a pause")
    team.wait_green(commit)
    assert story.condition(NAME).reason == "Suspended"
    team.wait_green(team.repository.revert())


def test_what_is_removed_is_pruned_and_its_volume_kept(team: Flux, story: Story) -> None:
    def claims() -> set[str]:
        items = story.kube.get("pvc", "-n", story.namespace, "-l", "app.kubernetes.io/component=weaviate")
        return {one["metadata"]["uid"] for one in items["items"]}

    before = claims()
    assert len(before) == 1
    team.repository.commit({"shop/search.yaml": None, "shop/README.md": "nothing is here now\n"}, "the end")
    story.wait_gone("bindvectorizer", NAME, 120)
    story.wait_gone("statefulset", f"{NAME}-weaviate")
    assert claims() == before
