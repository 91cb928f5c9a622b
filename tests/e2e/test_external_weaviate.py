"""A Weaviate that somebody else runs gets vectors: its owner sets what the status says, by the guide."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bind_demo.client.collection import ensure_collection
from bind_demo.client.endpoint import Endpoint
from bind_demo.client.importing import import_things
from bind_demo.client.searches import build_searches, run_search
from bind_demo.media.build import build_altered, build_media
from bind_demo.media.things import THINGS
from support.story import Story
from support.things import make_collection, make_thing
from support.waiting import until

NAME, BORROWER = "external-weaviate", "external-inference"
OTHERS = "e2e-external-weaviate-db"
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "external-weaviate.md"
FEW = THINGS[:3]
BATCH = 20
GONE_S = 70


@pytest.fixture(scope="module", autouse=True)
def others(story: Story) -> Iterator[Story]:
    """The namespace of the other team, with its Weaviate."""
    there = Story(story.kube, OTHERS, story.fixtures)
    _remove(there)
    story.kube.run("create", "namespace", OTHERS)
    there.apply("weaviate.yaml")
    story.apply("resource.yaml")
    yield there
    story.kube.run("delete", "namespace", OTHERS, "--wait=false")


def _remove(there: Story) -> None:
    if there.kube.get("namespace", there.namespace):
        there.kube.run("delete", "namespace", there.namespace, "--wait=true", "--timeout=110s")


@pytest.fixture(scope="module")
def shell(story: Story, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a shell whose kubectl is in the namespace of the resource."""
    folder = tmp_path_factory.mktemp("shell")
    kubectl, *flags = story.kube.kubectl_args("config", "view", "--raw", "--minify", "--flatten")
    config = subprocess.run([kubectl, *flags], check=True, capture_output=True, text=True).stdout
    (folder / "config").write_text(config)
    (folder / "kubectl").symlink_to(shutil.which(kubectl) or kubectl)
    env = os.environ | {"KUBECONFIG": str(folder / "config"), "PATH": f"{folder}:{os.environ['PATH']}"}
    command = ["kubectl", "config", "set-context", "--current", f"--namespace={story.namespace}"]
    subprocess.run(command, check=True, capture_output=True, env=env)
    return env


def guided(story: Story, shell: dict[str, str], section: str) -> str:
    """Run the commands of a section of the guide in the story's namespaces; return what they print."""
    text = GUIDE.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    for old, new in ((".default.svc", f".{story.namespace}.svc"), ("-n search", f"-n {OTHERS}")):
        block = block.replace(old, new)
    done = subprocess.run(
        ["bash", "-euc", block], env=shell, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, block + done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def endpoint(story: Story, others: Story) -> Iterator[Endpoint]:
    with (
        story.kube.forward(OTHERS, "svc/weaviate", 80) as http_port,
        story.kube.forward(OTHERS, "svc/weaviate-grpc", 50051) as grpc_port,
    ):
        yield Endpoint("127.0.0.1", http_port, grpc_port)


def test_only_gate_and_inference_run_and_the_status_says_what_to_set(
    story: Story, shell: dict[str, str]
) -> None:
    told = story.wait_reason(NAME, "ModuleAbsent", 120)
    assert f"BIND_INFERENCE_API=http://{NAME}-gate.{story.namespace}.svc" in told.message
    assert len(story.pods(NAME, "gate")) == 2
    assert story.pods(NAME, "weaviate") == []
    claims = story.kube.get("pvc", "-n", story.namespace, "-l", f"app.kubernetes.io/instance={NAME}")
    assert claims.get("items", []) == []
    printed = guided(story, shell, "See what to set")
    assert f"inferenceUrl: http://{NAME}-gate.{story.namespace}.svc" in printed
    assert "ENABLE_MODULES" in printed


def test_when_it_is_set_the_resource_is_ready(story: Story, others: Story, shell: dict[str, str]) -> None:
    assert "condition met" in guided(story, shell, "Set it")
    assert story.condition(NAME, "Verified").status == "True"
    assert story.condition(NAME, "WeaviateReady").reason == "Answers"
    assert "ModuleAbsent" in story.event_reasons(NAME)


def test_every_modality_is_imported_and_found(endpoint: Endpoint) -> None:
    searches = build_searches({thing: build_altered(thing) for thing in FEW}, FEW)
    with endpoint.client() as client:
        collection = ensure_collection(client, "External")
        import_things(collection, {thing: build_media(thing) for thing in FEW})
        answers = [run_search(collection, search) for search in searches]
    wrong = [
        f"{one.search.method} {one.search.asked}: {one.hits} {one.error}" for one in answers if not one.passed
    ]
    assert wrong == []


def test_a_gate_that_goes_in_the_middle_of_an_import_costs_no_object(
    story: Story, endpoint: Endpoint
) -> None:
    gate = story.pods(NAME, "gate")[0]["metadata"]["name"]
    started = time.monotonic()
    with endpoint.client() as client:
        collection = make_collection(client, "Moved")
        collection.data.insert(make_thing(0))
        story.kubectl("delete", "pod", gate, "--wait=false")
        count = 1
        while story.kube.get("pod", gate, "-n", story.namespace):
            assert time.monotonic() - started < GONE_S, "the gate goes"
            with collection.batch.fixed_size(batch_size=5, concurrent_requests=2) as batch:
                for number in range(count, count + BATCH):
                    batch.add_object(make_thing(number))
            assert [item.message for item in collection.batch.failed_objects] == []
            count += BATCH
        vectors = [item.vector["default"] for item in collection.iterator(include_vector=True)]
    assert len(vectors) == count
    assert all(any(vector) for vector in vectors)


def test_a_managed_weaviate_asks_a_server_that_is_there_already(story: Story) -> None:
    status = story.wait_ready(BORROWER)["status"]
    assert story.pods(BORROWER, "inference") == []
    assert "replicas" not in status
    assert story.condition(BORROWER, "InferenceReady").reason == "Answers"
    with story.client(BORROWER) as client:
        collection = make_collection(client, "Borrowed")
        collection.data.insert(make_thing(1))
        found = until(lambda: collection.query.near_text("thing number 1").objects, 30, "it is found")
    assert [item.properties["text"] for item in found] == ["thing number 1"]
