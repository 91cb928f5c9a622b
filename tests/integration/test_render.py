"""Values for somebody else on a real API server: the ConfigMap, the command, and who owns the release."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.apiserver import ApiServer
from integration.instance import Instance
from integration.operator_process import ROOT, OperatorProcess
from support.pages import PAGES, block_with, blocks, run_block
from support.tools import binary
from support.waiting import until

PAGE = "gitops-render.md"
RENDER = {"spec": {"delivery": "Render"}}


def says(instance: Instance, reason: str, status: str = "") -> None:
    until(
        lambda: instance.condition()[1] == reason and status in ("", instance.condition()[0]),
        30,
        lambda: f"{reason}: {instance.condition()} {instance.message()}",
    )


def rendered(instance: Instance) -> str:
    """Return the text of the ConfigMap, which has to be there."""
    text: str = instance.get("configmap", "-values")["data"]["values.yaml"]
    return text


def offline(*manifests: Any, folder: Path) -> str:
    """Return what the command prints of manifests."""
    (folder / "search.yaml").write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "bind_operator", "render", str(folder / "search.yaml")],
        env=os.environ | {"PYTHONPATH": str(ROOT / "operator")},
        capture_output=True,
        check=True,
    )
    return done.stdout.decode()


def helm(apiserver: ApiServer, *arguments: str) -> str:
    """Run Helm as Flux does, with records in Secrets; return what it prints."""
    environment = os.environ | {"HELM_DRIVER": "secret", "KUBECONFIG": str(apiserver.kubeconfig)}
    done = subprocess.run(
        [str(binary("helm")), *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects(apiserver: ApiServer, release: str, namespace: str, driver: str) -> dict[str, Any]:
    """Return the objects of a release's manifest, without the mark of where its records lie."""
    environment = os.environ | {"HELM_DRIVER": driver, "KUBECONFIG": str(apiserver.kubeconfig)}
    text = subprocess.run(
        [str(binary("helm")), "get", "manifest", release, "-n", namespace],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = {}
    for item in yaml.safe_load_all(text):
        item["metadata"]["labels"].pop("bindvectorizer.dev/helm-driver", None)
        found[f"{item['kind']}/{item['metadata']['name']}"] = item
    return found


def test_bytes_are_those_of_the_command_and_follow_the_resource(
    operator: OperatorProcess, instance: Instance, tmp_path: Path
) -> None:
    team = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "team"},
        "data": {"values.yaml": "podLabels: {on: 'yes', x: '1e3'}\n".replace("on:", '"on":')},
    }
    instance.kubectl("apply", "-f", "-", manifest=team)
    patch = {
        "spec": {
            "delivery": "Render",
            "valuesFrom": [{"kind": "ConfigMap", "name": "team"}],
            "values": {"gate": {"retries": 12}},
            "weaviate": {"env": {"A": "b: \u2028 ü"}},
        }
    }
    instance.apply(patch)
    says(instance, "Rendered", "True")
    assert rendered(instance) == offline(instance.manifest(patch), team, folder=tmp_path)
    status = instance.status()
    config_map = instance.get("configmap", "-values")["metadata"]
    assert status["rendered"]["configMap"] == config_map["name"] == "search-values"
    assert status["rendered"]["digest"] == config_map["annotations"]["bindvectorizer.dev/digest"]
    assert "release" not in status
    for type_ in ("Released", "Verified", "Drifted"):
        assert instance.condition(type_) == ("Unknown", "Rendered")
    assert instance.condition("Reconciling")[0] == instance.condition("Stalled")[0] == "False"
    assert instance.revisions() == {}
    assert instance.get("statefulset", "-weaviate") is None
    keys = yaml.safe_load(rendered(instance))["authentication"]["apikey"]["existingSecret"]
    assert instance.server.get("secret", keys, namespace=instance.namespace), "values name it"
    assert config_map["ownerReferences"][0]["uid"] == instance.get()["metadata"]["uid"]

    plain = {"spec": {"delivery": "Render", "valuesFrom": [], "values": None}}
    instance.kubectl("patch", "bv", "search", "--type=merge", "-p", yaml.safe_dump(plain))
    until(lambda: "retries" not in rendered(instance), 30, lambda: rendered(instance))
    instance.kubectl(
        "patch", "configmap", "search-values", "--type=merge", "-p", '{"data":{"values.yaml":"a: 1"}}'
    )
    until(lambda: rendered(instance) != "a: 1", 30, lambda: rendered(instance))


def test_the_page_installs_what_the_operator_would(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance, tmp_path: Path
) -> None:
    other = Instance(apiserver, "search", f"{instance.namespace}-applied")
    apiserver.kubectl("create", "namespace", other.namespace)
    manifest = next(one for one in blocks(PAGE, "yaml") if "delivery: Render" in one)
    patch = {"spec": yaml.safe_load(manifest)["spec"]}
    instance.apply({"spec": patch["spec"] | {"render": {"output": "Manifests"}}})
    other.apply({"spec": patch["spec"] | {"delivery": "Apply"}})
    says(instance, "Rendered", "True")
    commands = block_with(PAGE, "sh", "kubectl get configmap search-values")
    script = commands.replace("-n shop", f"-n {instance.namespace}")
    run_block(script, apiserver.kubeconfig, tmp_path, HELM_DRIVER="secret")
    assert (tmp_path / "values.yaml").read_text(encoding="utf-8") == rendered(instance)

    until(lambda: other.revisions().get(1) == "deployed", 30, lambda: other.message())
    until(lambda: "manifests" in instance.status().get("rendered", {}), 30, lambda: instance.message())
    got = helm(apiserver, "get", "manifest", "search", "-n", instance.namespace)
    assert list(yaml.safe_load_all(manifests(instance))) == list(yaml.safe_load_all(got))
    theirs = objects(apiserver, "search", instance.namespace, "secret")
    ours = objects(apiserver, "search", other.namespace, "configmap")
    text = yaml.safe_dump(ours).replace(other.namespace, instance.namespace)
    assert _without_checksums(yaml.safe_load(text)) == _without_checksums(theirs)
    assert instance.condition() == ("True", "Rendered"), "whoever owns the release"

    apply = '{"spec":{"delivery":"Apply","render":null}}'
    instance.kubectl("patch", "bv", "search", "--type=merge", "-p", apply)
    says(instance, "ForeignOwner", "False")
    assert rendered(instance), "somebody reads it"
    assert manifests(instance), "somebody reads it"
    helm(apiserver, "uninstall", "search", "-n", instance.namespace)
    instance.kubectl("annotate", "bv", "search", "bindvectorizer.dev/reconcile=now")
    until(lambda: instance.revisions().get(1) == "deployed", 30, lambda: instance.message())
    for suffix in ("-values", "-manifests"):
        until(lambda of=suffix: instance.get("configmap", of) is None, 30, lambda: "the ConfigMap is gone")
    until(lambda: "rendered" not in instance.status(), 30, lambda: str(instance.status()))
    other.delete(wait_s=60)


def _without_checksums(found: dict[str, Any]) -> dict[str, Any]:
    """Return objects without what has the namespace in it, or the Secret of keys that was made there."""
    for item in found.values():
        annotations = item.get("spec", {}).get("template", {}).get("metadata", {}).get("annotations", {})
        for name in ("checksum/gate", "bindvectorizer.dev/keys"):
            annotations.pop(name, None)
    return found


def test_manifests_are_those_of_helm_and_of_the_commands_and_can_be_applied(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance, tmp_path: Path
) -> None:
    manifest = yaml.safe_load(block_with(PAGE, "yaml", "output: Manifests"))
    patch = {"spec": manifest["spec"]}
    instance.apply(patch)
    until(lambda: "manifests" in instance.status().get("rendered", {}), 30, lambda: instance.message())
    assert instance.condition() == ("True", "Rendered")
    assert "its manifests in ConfigMap search-manifests" in instance.message()
    text = manifests(instance)

    (tmp_path / "search.yaml").write_text(yaml.safe_dump(instance.manifest(patch)), encoding="utf-8")
    printed = run_block(block_with(PAGE, "sh", "bindctl render --manifests"), apiserver.kubeconfig, tmp_path)
    assert printed == text
    assert (tmp_path / "search-manifests.yaml").read_text(encoding="utf-8") == text

    values = block_with(PAGE, "sh", "bind-operator render search.yaml > values.yaml")
    run_block(values, apiserver.kubeconfig, tmp_path)
    assert (tmp_path / "values.yaml").read_text(encoding="utf-8") == rendered(instance)
    flags = ("-n", instance.namespace, "--skip-tests", "--values", f"{tmp_path}/values.yaml")
    assert helm(apiserver, "template", "search", "charts/weaviate-bind", *flags) == text

    commands = block_with(PAGE, "sh", "kubectl get configmap search-manifests")
    commands = commands.replace("-n shop", f"-n {instance.namespace}")
    run_block(commands, apiserver.kubeconfig, tmp_path)
    names = [f"{item['kind']}/{item['metadata']['name']}" for item in yaml.safe_load_all(text)]
    instance.kubectl("get", *names)

    edit = '{"data":{"manifests.yaml":"kind: Edited"}}'
    instance.kubectl("patch", "configmap", "search-manifests", "--type=merge", "-p", edit)
    until(lambda: manifests(instance) == text, 30, lambda: manifests(instance))
    instance.kubectl("patch", "bv", "search", "--type=merge", "-p", '{"spec":{"render":null}}')
    until(lambda: instance.get("configmap", "-manifests") is None, 30, lambda: instance.message())
    until(lambda: "manifests" not in instance.status()["rendered"], 30, lambda: str(instance.status()))
    assert rendered(instance)


def manifests(instance: Instance) -> str:
    """Return the text of the ConfigMap with manifests, which has to be there."""
    text: str = instance.get("configmap", "-manifests")["data"]["manifests.yaml"]
    return text


def test_a_release_of_before_is_left_and_can_be_taken_over(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance, tmp_path: Path
) -> None:
    instance.apply()
    until(lambda: instance.revisions() == {1: "deployed"}, 30, lambda: instance.message())
    uid = instance.get("statefulset", "-weaviate")["metadata"]["uid"]
    instance.apply({"spec": {"delivery": "Render", "inference": {"replicas": 2}}})
    says(instance, "Rendered", "True")
    assert "the release that the operator made before is left to them" in instance.message()
    assert instance.get("deployment", "-inference")["spec"]["replicas"] == 1
    instance.kubectl("scale", "deployment", "search-inference", "--replicas=3")
    values = tmp_path / "values.yaml"
    values.write_text(rendered(instance), encoding="utf-8")
    flags = ("-n", instance.namespace, "--values", str(values), "--server-side=true", "--force-conflicts")
    helm(apiserver, "upgrade", "--install", "search", "charts/weaviate-bind", *flags)
    assert instance.get("statefulset", "-weaviate")["metadata"]["uid"] == uid
    assert instance.get("deployment", "-inference")["spec"]["replicas"] == 2

    text = (PAGES / PAGE).read_text(encoding="utf-8")
    (command,) = re.findall(r"^kubectl (delete configmap.*)$", text, re.MULTILINE)
    instance.kubectl(*command.replace("-n shop ", "").split())
    assert instance.revisions() == {}
    instance.delete(wait_s=30)
    assert instance.get("statefulset", "-weaviate")["metadata"]["uid"] == uid
    assert instance.event_messages("ReleaseLeft") == []


def test_a_config_map_of_somebody_else_is_left(operator: OperatorProcess, instance: Instance) -> None:
    instance.kubectl("create", "configmap", "search-values", "--from-literal=values.yaml=mine")
    instance.apply(RENDER)
    says(instance, "ForeignOwner", "False")
    assert "ConfigMap search-values was not made by this operator" in instance.message()
    assert rendered(instance) == "mine"


def test_a_secret_is_not_rendered(apiserver: ApiServer, instance: Instance) -> None:
    manifest = instance.manifest(
        {"spec": {"delivery": "Render", "valuesFrom": [{"kind": "Secret", "name": "a"}]}}
    )
    message = apiserver.refusal("create", "--dry-run=server", "-f", "-", manifest=manifest)
    assert "spec.valuesFrom must not name a Secret with delivery Render" in message


@pytest.mark.parametrize("suspended", [True, False])
def test_what_is_suspended_is_not_written(
    operator: OperatorProcess, instance: Instance, suspended: bool
) -> None:
    instance.apply({"spec": {"delivery": "Render", "suspend": suspended}})
    says(instance, "Suspended" if suspended else "Rendered")
    assert (instance.get("configmap", "-values") is None) is suspended
