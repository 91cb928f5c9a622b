"""Keys are replaced as the pages say, by their own commands, while clients search and import: none fails."""

import base64
import itertools
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from bind_demo.cluster.kube import Kube
from bind_local.programs.modules import WEAVIATE
from support.pages import Shell, blocks
from support.searching import Report, Searching
from support.story import Story
from support.waiting import until

NAME = "search"
NODES, SERVERS, OBJECTS = 3, 2, 30
ROLLOUT_S = 300
KUBELET_S = 240
"""In this time the kubelet has brought a Secret to all pods, and the programs have seen it."""
COPIED = {
    "class": "Copied",
    "vectorizer": "multi2vec-bind",
    "moduleConfig": {"multi2vec-bind": {"textFields": ["text"]}},
    "properties": [{"name": "text", "dataType": ["text"]}],
    "replicationConfig": {"factor": NODES},
}


class Application:
    """It imports an object and searches by meaning, in turn, each time by a new connection."""

    def __init__(self, url: str, key: str, numbers: Iterator[int]) -> None:
        self.key = key
        self._url = url
        self._numbers = numbers

    def act(self) -> None:
        """Import one object and search once; raise RuntimeError where Weaviate says that it did not."""
        number = next(self._numbers)
        thing = {"class": "Copied", "properties": {"text": f"thing {number}"}}
        self.ask("POST", "/objects?consistency_level=QUORUM", thing)
        near = f'nearText: {{concepts: ["{number} of them"]}}, limit: 3, consistencyLevel: ONE'
        found = self.ask("POST", "/graphql", {"query": f"{{ Get {{ Copied({near}) {{ text }} }} }}"})
        if found.get("errors") or len(found["data"]["Get"]["Copied"]) != 3:
            raise RuntimeError(found)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Return Weaviate's answer to its key."""
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = httpx.request(method, f"{self._url}/v1{path}", headers=headers, json=body, timeout=60)
        if not answer.is_success:
            raise RuntimeError(f"{answer.status_code}: {answer.text}")
        return answer.json()


@contextmanager
def working(*applications: Application) -> Iterator[list[Searching]]:
    """Let applications work until the block ends."""
    with ExitStack() as stack:
        yield [stack.enter_context(Searching(one.act, pause_s=0.05)) for one in applications]


def none_failed(searching: list[Searching]) -> None:
    """Check what the applications met since the last time, and ten times more."""
    counts = [one.count + 10 for one in searching]
    until(lambda: all(one.count >= count for one, count in zip(searching, counts, strict=True)), 120, "work")
    reports: list[Report] = [one.take() for one in searching]
    assert [error for one in reports for error in one.errors] == []


@pytest.fixture(scope="module")
def story(operator: Kube, resource: str) -> Iterator[Story]:
    story = Story(operator, "weaviate-keys", Path())
    story.open()
    manifest = yaml.safe_load(resource.replace("VERSION", WEAVIATE.version()))
    manifest["metadata"]["name"] = NAME
    del manifest["spec"]["weaviate"]["authentication"]
    manifest["spec"]["weaviate"]["replicas"] = NODES
    manifest["spec"]["inference"]["replicas"] = SERVERS
    story.kube.run("apply", "-n", story.namespace, "-f", "-", stdin=yaml.safe_dump(manifest))
    story.wait_ready(NAME, ROLLOUT_S)
    yield story
    story.close()


@pytest.fixture(scope="module")
def shell(story: Story) -> Shell:
    return Shell(story.kube.kubectl_args("-n", story.namespace))


@pytest.fixture(scope="module")
def url(story: Story) -> str:
    service = story.kube.get("service", f"{NAME}-weaviate", "-n", story.namespace)["spec"]
    return f"http://{service['clusterIP']}:{service['ports'][0]['port']}"


@pytest.fixture(scope="module")
def admin(shell: Shell) -> str:
    """The key of the operator's Secret, as the page gets it."""
    return shell.run(blocks("authentication.md")[0].splitlines()[0]).strip()


def admin_key(story: Story) -> str:
    """Return a key of the admin, whichever is left."""
    found = secret(story, "-weaviate-keys")
    return found.get("admin") or found["admin-2"]


@pytest.fixture(scope="module")
def numbers(url: str, admin: str) -> Iterator[int]:
    """Numbers of things, once there are some with three copies."""
    first = Application(url, admin, itertools.count())
    first.ask("POST", "/schema", COPIED)
    for number in range(OBJECTS):
        thing = {"class": "Copied", "properties": {"text": f"thing {number}"}}
        first.ask("POST", "/objects?consistency_level=ALL", thing)
    return itertools.count(OBJECTS)


def secret(story: Story, suffix: str) -> dict[str, str]:
    data = story.kube.get("secret", f"{NAME}{suffix}", "-n", story.namespace)["data"]
    return {name: base64.b64decode(text).decode() for name, text in data.items()}


def rolled_out(story: Story) -> None:
    story.wait_ready(NAME, ROLLOUT_S)
    story.kubectl("rollout", "status", f"statefulset/{NAME}-weaviate", f"--timeout={ROLLOUT_S}s")


def test_an_agent_searches_with_the_key_of_the_page(
    story: Story, shell: Shell, url: str, admin: str, numbers: Iterator[int]
) -> None:
    (section,) = blocks("mcp.md", "yaml")
    story.patch(NAME, yaml.safe_load(section)["spec"])
    rolled_out(story)
    key = shell.run(blocks("mcp.md")[0]).strip()
    assert key == secret(story, "-weaviate-keys")["read-only"]
    accept = {"Accept": "application/json, text/event-stream", "Authorization": f"Bearer {key}"}
    hybrid = {"collection_name": "Copied", "query": "thing", "alpha": 0.5}
    call = {"name": "weaviate-query-hybrid", "arguments": hybrid}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    found = httpx.post(f"{url}/v1/mcp", headers=accept, json=message, timeout=60)
    assert found.status_code == 200, found.text
    assert "thing" in found.text


def test_weaviate_s_key_is_replaced_pod_by_pod(
    story: Story, shell: Shell, url: str, admin: str, numbers: Iterator[int]
) -> None:
    add, show, drop, forget = blocks("authentication.md", under="Replace a key")
    old, new = (Application(url, admin, numbers) for _ in range(2))
    with working(old, new) as searching:
        shell.run(add)
        rolled_out(story)
        none_failed(searching)
        new.key = shell.run(show).strip()
        assert new.key not in {"", admin}
        none_failed(searching)
        old.key = new.key
        shell.run(drop)
        rolled_out(story)
        shell.run(forget)
        none_failed(searching)
    assert "admin" not in secret(story, "-weaviate-keys")
    with pytest.raises(RuntimeError, match="401"):
        Application(url, admin, numbers).ask("GET", "/schema")
    (told,) = (story.resource(NAME)["status"]["authentication"]["keyCommand"],)
    assert ".data.admin-2" in told


def takes(story: Story, key: str) -> list[bool]:
    """Return of each inference server whether it takes a key, "" for none."""
    found = []
    for pod in story.pods(NAME, "inference"):
        address = f"http://{pod['status']['podIP']}:8080/vectorize"
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        status = httpx.post(address, json={"texts": ["x"]}, headers=headers, timeout=60).status_code
        found.append(status == 200)
    return found


def gates_show(key: str) -> bool:
    """Return whether the gates of all pods have the key, which they read for each request."""
    files = list(Path("/proc").glob("[0-9]*/root/etc/gate-key/key"))
    return len(files) >= NODES and {file.read_text().strip() for file in files} == {key}


@pytest.fixture(scope="module")
def wanting_servers(story: Story, shell: Shell, url: str, numbers: Iterator[int]) -> str:
    """The key without which the servers answer nobody any more: nobody was refused meanwhile."""
    key = admin_key(story)
    show, want = blocks("api-keys.md", under="Turn keys on where requests run")
    with working(*(Application(url, key, numbers) for _ in range(2))) as searching:
        shell.run(show)
        rolled_out(story)
        made = secret(story, "-inference-keys")["gate"]
        assert gates_show(made)
        assert takes(story, "") == [True] * SERVERS
        shell.run(want)
        rolled_out(story)
        none_failed(searching)
    return made


def test_keys_are_turned_on_while_requests_run(story: Story, wanting_servers: str) -> None:
    assert takes(story, wanting_servers) == [True] * SERVERS
    assert takes(story, "") == [False] * SERVERS


def brought(story: Story) -> None:
    """Have the kubelet bring changed Secrets to the pods now, and not in a minute or two."""
    story.kubectl("annotate", "--overwrite", "pods", "--all", f"test/brought={time.monotonic()}")


def test_the_key_between_gate_and_servers_is_replaced_with_nothing_restarted(
    story: Story, shell: Shell, url: str, wanting_servers: str, numbers: Iterator[int]
) -> None:
    key = admin_key(story)
    add, show, drop = blocks("api-keys.md", under="Replace a key")
    started = uids(story)
    with working(*(Application(url, key, numbers) for _ in range(2))) as searching:
        shell.run(add)
        brought(story)
        new = secret(story, "-inference-keys")["server"].splitlines()[1]
        until(lambda: takes(story, new) == [True] * SERVERS, KUBELET_S, "the servers take the new key")
        shell.run(show)
        brought(story)
        until(lambda: gates_show(new), KUBELET_S, "the gates show the new key")
        shell.run(drop)
        brought(story)
        until(lambda: takes(story, wanting_servers) == [False] * SERVERS, KUBELET_S, "the old key is void")
        none_failed(searching)
    assert uids(story) == started


def uids(story: Story) -> set[str]:
    pods = (*story.pods(NAME, "weaviate"), *story.pods(NAME, "inference"))
    return {pod["metadata"]["uid"] for pod in pods}
