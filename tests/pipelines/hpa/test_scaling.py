"""A HorizontalPodAutoscaler scales the inference pods by their CPU, and no request fails by it."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import httpx
import pytest
import weaviate

from support.pages import block_with, blocks
from support.picture_load import asking, assert_none_failed
from support.searching import Searching
from support.story import Object, Story
from support.things import fill_collection
from support.waiting import until

NAME = "search"
CLASS = "Scaled"
OBJECTS = 10
CLIENTS = 12
SCALED_WITHIN_S = 180
FIGURES_WITHIN_S = 90
"""metrics-server needs two looks at a pod, and the autoscaler looks every 15 s."""
BODY_S = 12
"""A request takes so long to arrive: less than a pod has from its end's beginning to its end."""
PAGE = "autoscaling.md"


def ready(story: Story) -> str:
    return str(story.resource(NAME)["status"]["replicas"])


def becomes(story: Story, replicas: str) -> None:
    until(lambda: ready(story) == replicas, SCALED_WITHIN_S, lambda: f"{replicas}, not {ready(story)}")


def commands() -> list[list[str]]:
    """Return what the page shows of an autoscaler: for the autoscaler itself, and for its pods."""
    block = block_with(PAGE, "sh", "kubectl get hpa")
    lines = [line.partition("#")[0].split() for line in block.splitlines()]
    return [words[1 : words.index("-n")] for words in lines]


def figures(story: Story) -> list[str]:
    """Run what the page shows, and return what each command prints."""
    return [story.kubectl(*words) for words in commands()]


def test_without_metrics_server_the_resource_works_and_says_what_to_install(story: Story) -> None:
    story.apply("resource.yaml")
    story.wait_ready(NAME)

    def said() -> bool:
        return "the autoscaler cannot scale: FailedGetResourceMetric" in story.condition(NAME).message

    until(said, FIGURES_WITHIN_S, lambda: f"the fault is told: {story.condition(NAME).message}")
    condition = story.condition(NAME)
    assert "install metrics-server" in condition.message
    assert condition.status == "True"
    assert "<unknown>/80%" in story.kubectl(*commands()[0])


@pytest.fixture(scope="module")
def url(story: Story, metrics_server: None) -> str:
    """Return Weaviate's address, once the autoscaler has figures and Weaviate some objects."""
    story.wait_ready(NAME)
    until(
        lambda: "cannot scale" not in story.condition(NAME).message,
        FIGURES_WITHIN_S,
        lambda: f"it can scale: {story.condition(NAME).message}; {story.kubectl('describe', 'hpa')}",
    )
    with story.client(NAME) as client:
        fill_collection(client, CLASS, OBJECTS)
    return story.url(NAME)


def test_kubectl_shows_what_pods_use(story: Story, url: str) -> None:
    (pod,) = [one["metadata"]["name"] for one in story.pods(NAME, "inference")]

    def shown() -> bool:
        autoscaler, pods = figures(story)
        used = re.search(rf"^{pod}\s+(\d+)m\s+(\d+)Mi", pods, re.M)
        return bool(re.search(r"\d+%/80%", autoscaler) and used and int(used[2]) > 0)

    until(shown, FIGURES_WITHIN_S, lambda: f"figures: {figures(story)}")


class SlowRequests:
    """One after the other goes to a pod itself, each taking BODY_S to arrive, until the pod goes."""

    def __init__(self, story: Story, pod: Object) -> None:
        """pod: as the API server shows it."""
        self.story, self.name = story, pod["metadata"]["name"]
        self.address = f"http://{pod['status']['podIP']}:8080/vectorize"
        self.met_the_end = False
        """A request that had begun before the pod was to go was answered after that."""

    def is_going(self) -> bool:
        """Say whether the pod is to go, or gone."""
        return self.name not in {one["metadata"]["name"] for one in self.story.pods(NAME, "inference")}

    def ask(self) -> None:
        """Send one request; none to a pod that is to go."""
        if self.is_going():
            time.sleep(1)
            return
        answer = httpx.post(self.address, content=self.body(), timeout=2 * BODY_S)
        answer.raise_for_status()
        assert len(answer.json()["textVectors"]) == 1
        self.met_the_end = self.met_the_end or self.is_going()

    @staticmethod
    def body() -> Iterator[bytes]:
        """Yield a text, slowly."""
        yield b'{"texts": ["a'
        for _ in range(BODY_S):
            time.sleep(1)
            yield b" slow"
        yield b' text"]}'


def test_it_scales_from_one_to_three_and_back_and_no_request_fails(story: Story, url: str) -> None:
    assert ready(story) == "1/1"
    with asking(url, CLASS, CLIENTS) as clients:
        becomes(story, "3/3")
        assert story.condition(NAME).status == "True"
        assert_none_failed([one.take() for one in clients])
    slow = [SlowRequests(story, pod) for pod in story.pods(NAME, "inference")]
    with ExitStack() as stack:
        clients = stack.enter_context(asking(url, CLASS, 1, pause_s=3.0))
        clients += [stack.enter_context(Searching(one.ask)) for one in slow]
        becomes(story, "1/1")
        until(lambda: sum(one.met_the_end for one in slow) == 2, 60, "what was in flight is answered")
        assert_none_failed([one.take() for one in clients])
        assert sorted(one.is_going() for one in slow) == [False, True, True]


@contextmanager
def client_of_the_page(story: Story, monkeypatch: pytest.MonkeyPatch) -> Iterator[weaviate.WeaviateClient]:
    """Yield the client that the page makes, which waits for an answer as long as a start may take."""
    (code,) = blocks(PAGE, "python")
    with (
        story.kube.forward(story.namespace, f"svc/{NAME}-weaviate", 80) as port,
        story.kube.forward(story.namespace, f"svc/{NAME}-weaviate-grpc", 50051) as grpc_port,
    ):
        here = partial(weaviate.connect_to_local, port=port, grpc_port=grpc_port)
        monkeypatch.setattr(weaviate, "connect_to_local", here)
        names: dict[str, Any] = {}
        exec(compile(code, PAGE, "exec"), names)  # noqa: S102  (our own page)
        with names["client"] as client:
            yield client


def test_asleep_woken_and_then_scaled_above_one(
    story: Story, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.patch(NAME, {"inference": {"autoscaling": {"minReplicas": 0, "sleepAfterSeconds": 10}}})
    story.wait_reason(NAME, "Asleep", SCALED_WITHIN_S)
    story.wait_no_pod(NAME, "inference")
    assert "cannot scale" not in story.condition(NAME).message
    with client_of_the_page(story, monkeypatch) as client:
        assert client.collections.get(CLASS).query.near_text("thing number one", limit=1).objects
    with asking(url, CLASS, CLIENTS) as clients:
        becomes(story, "3/3")
        assert_none_failed([one.take() for one in clients])
    story.wait_reason(NAME, "Asleep", SCALED_WITHIN_S)
