"""Upstream's own files against our chart: `WEAVIATE_HELM=<its checkout>`, as nothing of it is kept here."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bind_operator.api import parse_resource
from bind_operator.docs.generate import read_upstream
from bind_operator.docs.upstream_check import differences
from bind_operator.docs.upstream_values import Upstream
from bind_operator.release.chart import load_chart
from bind_operator.release.values import render_values
from bind_operator.settings import Images
from support.charts import CHARTS, NAMESPACE, RELEASE, containers, env, helm, pick
from support.resources import merged, tiny_resource

VARIABLE = "WEAVIATE_HELM"
MODULE = ("--set", "modules.multi2vec-bind.enabled=true")


@pytest.fixture(scope="module")
def checkout() -> Path:
    if not os.environ.get(VARIABLE):
        pytest.skip(f"set {VARIABLE} to a checkout of github.com/weaviate/weaviate-helm")
    return Path(os.environ[VARIABLE])


@pytest.fixture(scope="module")
def upstream() -> Upstream:
    found = read_upstream("weaviate-bind")
    assert found is not None
    return found


def test_the_list_of_keys_is_upstream_s(checkout: Path, upstream: Upstream) -> None:
    assert differences(checkout, upstream) == []


def test_its_own_values_install_with_our_chart_as_they_are(checkout: Path) -> None:
    values = ("--values", checkout / "weaviate" / "values.yaml", *MODULE)
    for command in (("template",), ("install", "--dry-run=client")):
        done = helm(*command, RELEASE, CHARTS / "weaviate-bind", "--namespace", NAMESPACE, *values)
        assert done.returncode == 0, done.stderr


def test_its_own_values_give_the_same_weaviate_and_inference(checkout: Path) -> None:
    values = ("--values", checkout / "weaviate" / "values.yaml", *MODULE)
    ours = _pods(CHARTS / "weaviate-bind", ("weaviate", "inference"), *values)
    theirs = _pods(checkout / "weaviate", ("weaviate", "bind-inference"), *values)
    for one, other in zip(ours, theirs, strict=True):
        assert one["image"] == other["image"]
        assert one.get("args") == other.get("args")
        assert one.get("command") == other.get("command")
        assert dict(_differing(env(one), env(other))) == {}
    probes = ("livenessProbe", "readinessProbe", "startupProbe")
    assert {name: ours[0].get(name) for name in probes} == {name: theirs[0].get(name) for name in probes}


UPSTREAM_IMAGE = {
    "registry": "cr.weaviate.io",
    "repository": "semitechnologies/multi2vec-bind",
    "tag": "imagebind",
}
RESOURCES: dict[str, dict[str, Any]] = {
    "three nodes": {"weaviate": {"replicas": 3, "env": {"LOG_LEVEL": "debug"}}},
    "mcp": {"weaviate": {"mcp": {"enabled": True, "writeAccess": True}}},
    "backups to S3": {"weaviate": {"backup": {"s3": {"bucket": "b", "credentialsSecret": "keys"}}}},
    "backups to Google": {
        "weaviate": {
            "backup": {
                "gcs": {"bucket": "b", "credentials": {"name": "k", "key": "GOOGLE_APPLICATION_CREDENTIALS"}}
            }
        }
    },
    "a module": {"weaviate": {"modules": [{"name": "generative-ollama"}]}},
    "a GPU": {"device": "CUDA", "gpu": {"count": 2}},
}


@pytest.mark.parametrize("spec", RESOURCES.values(), ids=list(RESOURCES))
def test_what_the_operator_renders_gives_the_same_with_upstream_s_chart(
    checkout: Path, tmp_path: Path, spec: dict[str, Any]
) -> None:
    ours, theirs = _rendered(checkout, tmp_path, spec)
    for one, other in zip(ours, theirs, strict=True):
        assert one["image"] == other["image"]
        assert one["resources"] == other["resources"]
        assert dict(_differing(env(one), env(other), also=UPSTREAM_DEFAULTS)) == {}
    without_file = [one for one in theirs[0]["args"] if "config" not in one]
    assert ours[0]["args"] == without_file


def _rendered(checkout: Path, folder: Path, spec: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Return the containers of Weaviate and inference of a resource, with our chart and with upstream's."""
    common = {
        "inference": {"image": UPSTREAM_IMAGE, "model": {"licenseAccepted": True}},
        "weaviate": {"authentication": {"anonymousAccess": True, "apiKeys": {"enabled": False}}},
    }
    resource = parse_resource(merged(tiny_resource(RELEASE), merged({"spec": common}, {"spec": spec})))
    file = folder / "values.yaml"
    file.write_text(render_values(resource, Images(), load_chart(CHARTS / "weaviate-bind")).text)
    return [
        _pods(CHARTS / "weaviate-bind", ("weaviate", "inference"), "--values", file),
        _pods(checkout / "weaviate", ("weaviate", "bind-inference"), "--values", file),
    ]


UPSTREAM_DEFAULTS = (
    "GOGC",
    "LD_LIBRARY_PATH",
    "NVIDIA_VISIBLE_DEVICES",
    "PROMETHEUS_MONITORING_",
    "QUERY_MAXIMUM_RESULTS",
    "REINDEX_VECTOR_DIMENSIONS_AT_STARTUP",
    "TRACK_VECTOR_DIMENSIONS",
)
"""Upstream's own values set these, and the operator's do not: docs/how-to/gitops-render.md says so."""

OWN = {
    "BIND_INFERENCE_API": "the gate, and not the server",
    "CLUSTER_ADVERTISE_ADDR": "upstream leaves it to Weaviate",
    "CLUSTER_BASIC_AUTH_PASSWORD": "its nodes know each other by a random password",
    "CLUSTER_BASIC_AUTH_USERNAME": "the same",
    "CLUSTER_HOSTNAME": "upstream leaves it to Weaviate",
    "CLUSTER_JOIN": "names begin with the release's",
    "DISABLE_TELEMETRY": "upstream's Weaviate sends usage data",
    "GOOGLE_APPLICATION_CREDENTIALS": "the same file at another path",
    "GOMEMLIMIT": "made of the memory limit",
    "RAFT_JOIN": "names begin with the release's",
}
"""These differ, and why."""

IN_ITS_FILE = ("AUTHENTICATION_", "AUTHORIZATION_", "QUERY_DEFAULTS_LIMIT")
"""Upstream writes these into a file, conf.yaml."""

OF_OUR_SERVER = ("BIND_", "HOME", "TMPDIR")
"""Upstream's server reads none of these."""


def _differing(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], also: tuple[str, ...] = ()
) -> Iterator[tuple[str, Any]]:
    for name in sorted({*ours, *theirs}):
        mine, its = ours.get(name), theirs.get(name)
        if name == "ENABLE_MODULES" and set(mine.split(",")) == set(its.split(",")):
            continue
        if name in OWN or name.startswith((*IN_ITS_FILE, *OF_OUR_SERVER, *also)) or mine == its:
            continue
        # What is turned off there is left out here.
        if name.startswith("RUNTIME_OVERRIDES_") and theirs["RUNTIME_OVERRIDES_ENABLED"] == "false":
            continue
        yield name, (mine, its)


def _pods(chart: Path, names: tuple[str, str], *arguments: Any) -> list[dict[str, Any]]:
    """Return the containers of Weaviate and of the inference server."""
    done = helm("template", RELEASE, chart, "--namespace", NAMESPACE, *arguments)
    assert done.returncode == 0, done.stderr
    objects = [item for item in yaml.safe_load_all(done.stdout) if item]
    kinds = ("StatefulSet", "Deployment")
    return [
        containers(pick(objects, kind, name)["spec"]["template"]["spec"])[name]
        for kind, name in zip(kinds, names, strict=True)
    ]
