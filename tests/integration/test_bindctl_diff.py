"""`bindctl render --diff-cluster` reads what is in a real API server: a ConfigMap, and a release of Helm."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from bindctl.commands import main
from integration.apiserver import ApiServer
from support.charts import CHARTS
from support.resources import merged, tiny_resource
from support.tools import binary

NAMESPACE = "bindctl-diff"
PAGE = (Path(__file__).parents[2] / "docs/how-to/check.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def namespace(apiserver: ApiServer) -> str:
    apiserver.kubectl("create", "namespace", NAMESPACE)
    return NAMESPACE


def render(apiserver: ApiServer, manifest: Any, *arguments: str) -> Result:
    access = ["--kubeconfig", str(apiserver.kubeconfig)] if "--diff-cluster" in arguments else []
    return CliRunner().invoke(main, ["render", *arguments, *access, "-"], input=yaml.safe_dump(manifest))


def test_rendered_values_are_found_in_their_configmap(apiserver: ApiServer, namespace: str) -> None:
    manifest = merged(tiny_resource("gitops", namespace), {"spec": {"delivery": "Render"}})
    assert render(apiserver, manifest, "--diff-cluster").exit_code == 1
    data = {"values.yaml": render(apiserver, manifest).stdout}
    metadata = {"name": "gitops-values", "namespace": namespace}
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    apiserver.kubectl("create", "-f", "-", manifest=made)
    same = render(apiserver, manifest, "--diff-cluster")
    assert (same.exit_code, same.output) == (0, "")


@pytest.mark.parametrize("driver", ["configmap", "secret"])
def test_a_release_s_values_are_found_in_its_record(
    apiserver: ApiServer, namespace: str, tmp_path: Path, driver: str
) -> None:
    manifest = tiny_resource(f"release-{driver}", namespace)
    values = tmp_path / "values.yaml"
    values.write_text(render(apiserver, manifest).stdout, encoding="utf-8")
    name, chart = manifest["metadata"]["name"], str(CHARTS / "weaviate-bind")
    subprocess.run(
        [str(binary("helm")), "install", name, chart, "--namespace", namespace, "--values", str(values)],
        env=os.environ | {"HELM_DRIVER": driver, "KUBECONFIG": str(apiserver.kubeconfig)},
        capture_output=True,
        check=True,
    )
    same = render(apiserver, manifest, "--diff-cluster")
    assert (same.exit_code, same.output) == (0, "")
    changed = merged(manifest, {"spec": {"inference": {"replicas": 3}}})
    result = render(apiserver, changed, "--diff-cluster")
    assert result.exit_code == 1
    told = [line.strip() for line in result.stdout.splitlines() if line[0] in "+-" and "replicas" in line]
    assert [line.split() for line in told] == [["-", "replicas:", "1"], ["+", "replicas:", "3"]]


def test_the_page_s_command_tells_what_the_page_shows(
    apiserver: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, block = re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    command, *shown = block.splitlines()
    made = CliRunner().invoke(main, ["render", "-"], input=yaml.safe_dump(tiny_resource("search")))
    metadata = {"name": "search-values", "namespace": "default"}
    data = {"values.yaml": made.stdout}
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    apiserver.kubectl("create", "-f", "-", manifest=manifest)
    changed = {"spec": {"delivery": "Render", "inference": {"replicas": 3}}}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(apiserver.kubeconfig))
    Path("search.yaml").write_text(yaml.safe_dump(merged(tiny_resource("search"), changed)), encoding="utf-8")
    result = CliRunner().invoke(main, shlex.split(command[2:], comments=True)[1:])
    apiserver.kubectl("delete", "configmap", "search-values")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:2] == shown[:2]


def test_an_api_server_that_is_not_there_is_told(apiserver: ApiServer, tmp_path: Path) -> None:
    text = apiserver.kubeconfig.read_text(encoding="utf-8").replace(apiserver.url, "https://127.0.0.1:1")
    (tmp_path / "config").write_text(text, encoding="utf-8")
    access = ["--diff-cluster", "--kubeconfig", str(tmp_path / "config"), "-"]
    result = CliRunner().invoke(main, ["render", *access], input=yaml.safe_dump(tiny_resource("a")))
    assert result.exit_code == 2
    assert "is not reached" in result.stderr
