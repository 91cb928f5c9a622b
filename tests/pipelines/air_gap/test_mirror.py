"""The commands of docs/how-to/air-gap.md bring all images into a registry, from which everything runs."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest

import bind_operator
from bind_demo.cluster.install import install_operator
from bind_demo.cluster.local import local_images
from bind_local.topology import REGISTRY
from integration.operator_process import ROOT
from support.on_cluster import OPERATOR_NAMESPACE
from support.story import Story

PAGE = (ROOT / "docs/how-to/air-gap.md").read_text(encoding="utf-8")
COPY, INSTALL = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
NAME = "tiny"
SAMPLE = ROOT / "manifests/samples/tiny.yaml"
EXAMPLE = "registry.example.com/mirror"
PUBLISHED = "published"
"""Below this path of the local registry lies what is published, by the names and tags that users know."""


@pytest.fixture(scope="module")
def environment(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield the environment of a shell in which skopeo finds what is published, and bindctl is there."""
    folder = tmp_path_factory.mktemp("shell")
    registries = [("ghcr.io", f"{REGISTRY}/{PUBLISHED}"), (REGISTRY, REGISTRY)]
    # The other two the local registry has by their own names.
    registries += [("cr.weaviate.io", REGISTRY), ("docker.io", REGISTRY)]
    rows = [
        f'[[registry]]\nprefix = "{name}"\nlocation = "{where}"\ninsecure = true\n'
        for name, where in registries
    ]
    (folder / "registries.conf").write_text("\n".join(rows), encoding="utf-8")
    (folder / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    program = folder / "bindctl"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m bindctl "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    skopeo = folder / "skopeo"
    flags = f"--registries-conf {folder}/registries.conf --policy {folder}/policy.json"
    skopeo.write_text(f'#!/bin/sh\nexec /usr/bin/skopeo {flags} "$@"\n', encoding="utf-8")
    skopeo.chmod(0o755)
    yield os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "operator")}
    install_operator(story.kube, OPERATOR_NAMESPACE, local_images())


def shell(text: str, environment: dict[str, str]) -> None:
    """Run commands as they stand on the page."""
    done = subprocess.run(
        ["sh", "-euc", text], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def publish(environment: dict[str, str]) -> None:
    """Give this checkout's images the tags of its version."""
    values, version = local_images().values, bind_operator.__version__
    for name, built, tag in (
        ("bind-operator", values["image.tag"], version),
        ("bind-inference", values["images.inference.tag"], f"{version}-cpu"),
    ):
        repository = f"bindvectorizer/{name}"
        source = f"docker://{REGISTRY}/{repository}:{built}"
        target = f"docker://{REGISTRY}/{PUBLISHED}/{repository}:{tag}"
        shell(f"skopeo copy --quiet {source} {target}", environment)


def test_all_that_runs_is_from_the_mirror(environment: dict[str, str], story: Story) -> None:
    publish(environment)
    copy = COPY.replace("bindctl images", f"bindctl images {shlex.quote(str(SAMPLE))}")
    shell(copy.replace(EXAMPLE, f"{REGISTRY}/mirror"), environment)
    helm = shlex.join(story.kube.helm_args())
    install = INSTALL.replace(EXAMPLE, f"{REGISTRY}/mirror").replace("helm ", f"{helm} ", 1)
    # Beside the page: the values of the installation before, by which the tests name this checkout's images.
    shell(f"{install.rstrip()} --reset-values --wait --timeout 180s", environment)

    story.kubectl("apply", "-f", str(SAMPLE))
    story.wait_ready(NAME)
    pods = story.kube.get("pods", "-n", story.namespace)["items"]
    pods += story.kube.get("pods", "-n", OPERATOR_NAMESPACE, "--field-selector=status.phase=Running")["items"]
    images = {
        container["image"]
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        for container in pod["spec"]["containers"] + pod["spec"].get("initContainers", [])
    }
    assert [image for image in images if not image.startswith(f"{REGISTRY}/mirror/")] == []
    assert len(images) == 4, images
