"""Renders charts with `helm`, for tests that read the objects."""

import functools
import subprocess
from pathlib import Path
from typing import Any

import yaml

from support.tools import binary

CHARTS = Path(__file__).parents[2] / "charts"
NAMESPACE = "space"
RELEASE = "shop"

Manifest = dict[str, Any]


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run helm; the caller judges the exit status."""
    return subprocess.run(
        [binary("helm"), *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@functools.cache
def render_text(chart: str, *arguments: str | Path) -> str:
    """Return what `helm template` prints for `chart` with more arguments; fail the test if it refuses."""
    done = helm("template", RELEASE, CHARTS / chart, "--namespace", NAMESPACE, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def render(chart: str, *arguments: str | Path) -> list[Manifest]:
    """Return the objects that `chart` renders with more arguments."""
    return [item for item in yaml.safe_load_all(render_text(chart, *arguments)) if item]


def refusal(chart: str, *arguments: str | Path) -> str:
    """Return why helm refuses to render `chart` with more arguments; fail the test if it does not."""
    done = helm("template", RELEASE, CHARTS / chart, "--namespace", NAMESPACE, *arguments)
    assert done.returncode != 0, "helm rendered what it should refuse"
    return done.stderr


def pick(manifests: list[Manifest], kind: str, name: str = "") -> Manifest:
    """Return the one object of `kind` (and `name`, without the release's prefix)."""
    found = [
        item
        for item in manifests
        if item["kind"] == kind and name in ("", item["metadata"]["name"].removeprefix(f"{RELEASE}-"))
    ]
    assert len(found) == 1, f"{len(found)} objects of kind {kind} and name {name!r}"
    return found[0]


def pod_specs(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Return the pod spec of every object that makes pods, by `Kind/name`."""
    specs = {}
    for item in manifests:
        spec = item if item["kind"] == "Pod" else item.get("spec", {}).get("template", {})
        if isinstance(spec, dict) and "containers" in spec.get("spec", {}):
            specs[f"{item['kind']}/{item['metadata']['name']}"] = spec["spec"]
    return specs


def containers(spec: Manifest) -> dict[str, Manifest]:
    """Return every container of a pod spec, init containers too, by name."""
    return {item["name"]: item for item in [*spec.get("initContainers", []), *spec["containers"]]}


def env(container: Manifest) -> dict[str, Any]:
    """Return a container's environment by name: the value, or where it comes from."""
    return {item["name"]: item.get("value", item.get("valueFrom")) for item in container["env"]}
