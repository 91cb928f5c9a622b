"""Whatever is deleted by hand comes back with its data, and no change of the spec loses any unasked."""

import os
import subprocess

import pytest
import weaviate
from weaviate.classes.config import Configure

from bind_demo.cluster.kube import Kube
from support.story import Story
from support.waiting import until

NAME = "healed"
OBJECTS = 60


@pytest.fixture(scope="module", autouse=True)
def filled(story: Story) -> None:
    story.apply("resource.yaml")
    story.wait_ready(NAME)
    with story.client(NAME) as client:
        plain = client.collections.create("Healed", vector_config=Configure.Vectors.self_provided())
        with plain.batch.fixed_size(20) as batch:
            for number in range(OBJECTS):
                batch.add_object({"number": number}, vector=[1.0, float(number)])


def _count(client: weaviate.WeaviateClient) -> int:
    return client.collections.get("Healed").aggregate.over_all(total_count=True).total_count or 0


def _wait_back(story: Story, uid: str) -> None:
    """Wait until another StatefulSet than `uid` is there and all is Ready again."""

    def back() -> bool:
        found = story.kube.get("statefulset", f"{NAME}-weaviate", "-n", story.namespace)
        return bool(found) and found["metadata"]["uid"] != uid

    until(back, 90, lambda: f"the StatefulSet is made again; conditions: {story.conditions_line(NAME)}")
    story.wait_ready(NAME)
    with story.client(NAME) as client:
        assert _count(client) == OBJECTS


def _uid(story: Story) -> str:
    found = story.kube.get("statefulset", f"{NAME}-weaviate", "-n", story.namespace)
    return str(found["metadata"]["uid"])


def test_a_stateful_set_deleted_by_hand_comes_back_with_its_objects(story: Story) -> None:
    uid = _uid(story)
    story.kubectl("delete", "statefulset", f"{NAME}-weaviate", "--wait=true", "--timeout=60s")
    _wait_back(story, uid)


def test_a_release_uninstalled_by_hand_comes_back_with_its_objects(story: Story, cluster: Kube) -> None:
    uid = _uid(story)
    command = cluster.helm_args("uninstall", NAME, "-n", story.namespace)
    environment = os.environ | {"HELM_DRIVER": "configmap"}
    subprocess.run(command, check=True, capture_output=True, timeout=60, env=environment)
    _wait_back(story, uid)


def test_one_weaviate_becomes_three_and_loses_none_unasked(story: Story) -> None:
    story.patch(NAME, {"weaviate": {"replicas": 3}})
    story.wait_ready(NAME)
    with story.client(NAME) as client:
        assert _count(client) == OBJECTS

    story.patch(NAME, {"weaviate": {"replicas": 1}})
    condition = story.wait_reason(NAME, "ChangeNeedsConsent", timeout_s=30)
    assert "RAFT" in condition.message
    assert len(story.pods(NAME, "weaviate")) == 3
    with story.client(NAME) as client:
        assert _count(client) == OBJECTS

    story.patch(NAME, {"weaviate": {"replicas": 3}})
    story.wait_ready(NAME)


def test_the_data_goes_with_the_resource(story: Story) -> None:
    story.kubectl("delete", "bv", NAME, "--wait=true", "--timeout=110s")
    assert story.kube.get("pvc", "-n", story.namespace).get("items", []) == []
