"""The local cluster, which is found through its own command line (`python -m bind_local`)."""

import json
import subprocess
import sys
from pathlib import Path

from bind_demo.cluster import images
from bind_demo.cluster.images import ImageChoice
from bind_demo.cluster.kube import Kube
from bind_demo.errors import DemoError


def local_cluster() -> Kube:
    """Return the local cluster. Raises DemoError when it does not run."""
    kubeconfig = Path(_bind_local("kubeconfig"))
    kube = Kube(_bind_local("path", "kubectl"), _bind_local("path", "helm"), kubeconfig)
    try:
        kube.run("get", "--raw", "/readyz", "--request-timeout=5s")
    except DemoError as error:
        raise DemoError(f"the local cluster does not answer: {error}", "run `make cluster`") from error
    return kube


def local_images() -> ImageChoice:
    """Return the images that were built from this checkout and are in the local registry."""
    tags = json.loads(_bind_local("images", "--json"))
    return images.tagged(tags)


def pushed_images(registry: str) -> ImageChoice:
    """Return the images of this checkout as `make images REGISTRY=…` pushed them."""
    tags = json.loads(_bind_local("images", "--json", "--registry", registry))
    return images.from_registry(registry, tags)


def _bind_local(*args: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "bind_local", *args],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise DemoError(_after(done.stderr, "error: "), _after(done.stderr, "to do: "))
    return done.stdout.strip()


def _after(output: str, prefix: str) -> str:
    """Return the rest of the first line that begins with `prefix`, or all of the output."""
    found = [line.removeprefix(prefix) for line in output.splitlines() if line.startswith(prefix)]
    return found[0] if found else output.strip()
