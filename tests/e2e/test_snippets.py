"""The programs of the README, as they stand there, against a Weaviate of the local cluster."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bind_demo.client import node_client
from bind_demo.cluster.kube import Kube
from bind_demo.media import photos
from bind_demo.media.things import THINGS
from support.story import Story

ROOT = Path(__file__).parents[2]
SNIPPETS = ROOT / "docs" / "snippets"
TINY = ROOT / "manifests" / "samples" / "tiny.yaml"
PORTS = {"svc/tiny-weaviate": "8080:80", "svc/tiny-weaviate-grpc": "50051:50051"}
"""What the README has forwarded: the clients' own default ports."""
TIMEOUT_S = 120


@pytest.fixture(scope="module")
def story(operator: Kube) -> Iterator[Story]:
    story = Story(operator, "e2e-snippets", TINY.parent)
    story.open()
    story.apply(TINY.name)
    story.wait_ready("tiny")
    yield story
    story.close()


@pytest.fixture(scope="module")
def forwarded(story: Story) -> Iterator[None]:
    """The commands of the README; each says so when its port is open."""
    running = []
    try:
        for target, ports in PORTS.items():
            command = story.kube.kubectl_args("port-forward", "-n", story.namespace, target, ports)
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            running.append(process)
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said.startswith("Forwarding from 127.0.0.1"), said
        yield
    finally:
        for process in running:
            process.terminate()
            process.wait()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the demo's photos in `photos`, under the names of what they show."""
    (tmp_path / "photos").mkdir()
    for thing in THINGS:
        photo = photos.encode(photos.open_photo(thing), "JPEG", quality=90)
        (tmp_path / "photos" / f"{thing.slug}.jpg").write_bytes(photo)
    return tmp_path


def run(command: list[str], folder: Path) -> list[str]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.usefixtures("forwarded")
def test_the_python_program(folder: Path) -> None:
    stored, by_text, by_image = run([sys.executable, str(SNIPPETS / "first_search.py")], folder)
    assert stored == "all are stored"
    assert by_text.count(".jpg") == 3
    assert by_image.startswith("['astronaut.jpg'")  # the first of the photos finds itself


@pytest.mark.usefixtures("forwarded")
def test_the_typescript_program(folder: Path) -> None:
    """Node 20 reads no TypeScript, but this program is plain JavaScript too: its types are all inferred."""
    node_client.install_packages()
    (folder / "node_modules").symlink_to(node_client.FOLDER / "node_modules")
    shutil.copy(SNIPPETS / "first_search.ts", folder / "first_search.mjs")
    stored, *found = run(["node", "first_search.mjs"], folder)
    assert stored == "all are stored"
    by_text, by_image = "".join(found).split("],")
    assert by_text.count(".jpg") == 3
    assert by_image.strip().startswith("[ 'astronaut.jpg'")
