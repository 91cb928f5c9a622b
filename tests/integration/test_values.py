"""Values of the user's on a real API server: merged, refused, waited for, and kept secret."""

import base64
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.apiserver import ApiServer
from integration.installation import OPERATOR_USER
from integration.instance import Instance
from integration.operator_process import ROOT, OperatorProcess
from support.charts import RELEASE, pick, render
from support.pages import PAGES, block_with, blocks, run_block
from support.waiting import until

PAGE = "values.md"
SCENARIO = ROOT / "charts/weaviate-bind/ci/customized-values.yaml"
SOURCE = {"kind": "ConfigMap", "name": "team-values"}


@pytest.fixture
def operator(
    operator_kubeconfig: Path, shared_operator: OperatorProcess, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """A running operator that looks at sources all the time."""
    shared_operator.stop()
    process = OperatorProcess(operator_kubeconfig, tmp_path, {"VALUES_INTERVAL_S": "0.3"})
    process.start()
    yield process
    process.stop()
    assert "bug in the reconciler" not in process.log()


def put(
    instance: Instance, values: dict[str, Any], kind: str = "ConfigMap", name: str = "team-values"
) -> None:
    text = yaml.safe_dump(values)
    data = text if kind == "ConfigMap" else base64.b64encode(text.encode()).decode()
    manifest = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": {"values.yaml": data}}
    instance.kubectl("apply", "-f", "-", manifest=manifest)


def pod(instance: Instance, kind: str, suffix: str) -> Any:
    return (instance.get(kind, suffix) or {}).get("spec", {}).get("template", {})


def says(instance: Instance, reason: str, words: str = "") -> None:
    until(
        lambda: instance.condition()[1] == reason and words in instance.message(),
        30,
        lambda: f"{reason} {words}: {instance.condition()} {instance.message()}",
    )


def deployed(instance: Instance, number: int) -> None:
    until(
        lambda: instance.revisions().get(number) == "deployed",
        30,
        lambda: f"revision {number}: {instance.revisions()} {instance.message()}",
    )


def test_a_source_is_waited_for_merged_and_followed(operator: OperatorProcess, instance: Instance) -> None:
    own = {"podLabels": {"a": "own"}, "args": ["--host", "localhost"]}
    instance.apply({"spec": {"valuesFrom": [SOURCE], "values": own, "commonLabels": {"team": "search"}}})
    says(instance, "ValuesSourceMissing", "ConfigMap team-values, key values.yaml): is not in namespace")
    assert instance.condition("Stalled") == ("True", "ValuesSourceMissing")
    put(instance, {"podLabels": {"a": "team", "b": "team"}, "args": ["x"]})
    deployed(instance, 1)
    template = pod(instance, "statefulset", "-weaviate")
    labels = template["metadata"]["labels"]
    assert (labels["a"], labels["b"], labels["team"]) == ("own", "team", "search")
    assert template["spec"]["containers"][0]["args"] == own["args"]
    assert instance.get("service", "-weaviate")["metadata"]["labels"]["team"] == "search"

    put(instance, {"podLabels": {"b": "other"}})
    deployed(instance, 2)
    assert pod(instance, "statefulset", "-weaviate")["metadata"]["labels"]["b"] == "other"
    until(lambda: len(instance.status()["history"]) == 2, 30, lambda: str(instance.status()["history"]))
    assert instance.status()["history"][0]["cause"] == "ValuesChanged"

    put(instance, {"replicas": 3})
    says(
        instance, "InvalidValues", "sets replicas, which follows from the spec; remove it, and set spec.weav"
    )
    assert instance.condition("Stalled") == ("True", "InvalidValues")
    assert instance.revisions() == {1: "superseded", 2: "deployed"}
    put(instance, {"podLabels": {"b": "other"}})
    until(lambda: instance.condition("Stalled")[0] == "False", 30, lambda: instance.message())
    assert instance.revisions() == {1: "superseded", 2: "deployed"}


def test_the_examples_of_the_page_are_taken(
    operator: OperatorProcess, instance: Instance, tmp_path: Path
) -> None:
    shown = [yaml.safe_load(block) for block in blocks(PAGE, "yaml")]
    assert len(shown) == 4
    (tmp_path / "values.yaml").write_text("gate: {retries: 12}", encoding="utf-8")
    text = (PAGES / PAGE).read_text(encoding="utf-8")
    (command,) = re.findall(r"^kubectl (create configmap .*)$", text, re.MULTILINE)
    instance.kubectl(*shlex.split(command.replace("=values", f"={tmp_path}/values")))
    for number, block in enumerate(shown, 1):
        instance.kubectl("delete", "bv", "search", "--ignore-not-found", "--timeout=30s")
        instance.apply(block)
        deployed(instance, 1)
        # Helm's record is there a moment before the status.
        until(
            lambda: instance.message("Released").startswith("revision 1 "),
            30,
            lambda number=number: f"example {number}: {instance.message()}",
        )
        if "valuesFrom" in block["spec"]:
            sources = instance.server.get("configmap", "team-values", namespace=instance.namespace)
            manifests = yaml.safe_dump_all([instance.manifest(block), sources])
            (tmp_path / "search.yaml").write_text(manifests, encoding="utf-8")
            script = block_with(PAGE, "sh", "helm get values").replace(" default", f" {instance.namespace}")
            printed = run_block(script, instance.server.kubeconfig, tmp_path, HELM_DRIVER="configmap")
            supplied, _, rendered = printed.partition("# Values of chart")
            values = yaml.safe_load(supplied.removeprefix("USER-SUPPLIED VALUES:"))
            del values["helmDriver"]
            assert values["gate"]["retries"] == 12
            assert yaml.safe_load(rendered.partition("\n")[2]) == values
    spec = pod(instance, "statefulset", "-weaviate")["spec"]
    names = {one["name"] for one in spec["containers"][0]["env"]}
    assert "OPENAI_APIKEY" in names


def test_all_that_pods_may_have_is_taken_by_the_api_server(
    operator: OperatorProcess, instance: Instance
) -> None:
    values = yaml.safe_load(SCENARIO.read_text(encoding="utf-8"))
    bind = values["modules"]["multi2vec-bind"]
    # The spec has fields for these.
    del values["service"], bind["model"]
    instance.apply({"spec": {"values": values}})
    deployed(instance, 1)
    for own, kind, suffix in ((values, "statefulset", "-weaviate"), (bind, "deployment", "-inference")):
        template = pod(instance, kind, suffix)
        assert template["metadata"]["labels"]["billing"] == own["podLabels"]["billing"]
        spec = template["spec"]
        assert {"mesh", "logs"} <= {one["name"] for one in [*spec["initContainers"], *spec["containers"]]}
        assert spec["dnsPolicy"] == own["dnsPolicy"]
        assert own["extraVolumes"][0]["name"] in {one["name"] for one in spec["volumes"]}


def test_a_check_of_the_chart_refuses_what_no_schema_does(
    operator: OperatorProcess, instance: Instance
) -> None:
    instance.apply({"spec": {"values": {"extraContainers": [{"name": "gate", "image": "x"}]}}})
    says(instance, "SpecRefused", "extraContainers or its init containers have gate")


def test_a_secret_needs_an_operator_with_records_in_secrets(
    operator: OperatorProcess, instance: Instance
) -> None:
    put(instance, {"podLabels": {"a": "b"}}, kind="Secret")
    instance.apply({"spec": {"valuesFrom": [{"kind": "Secret", "name": "team-values"}]}})
    says(instance, "InvalidValues", "who runs the operator sets helm.driver: Secret")
    assert instance.revisions() == {}


PASSWORD = "correct-horse-battery-staple"  # noqa: S105  (of a test)


@pytest.fixture
def secret_operator(
    apiserver: ApiServer, operator_kubeconfig: Path, shared_operator: OperatorProcess, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """A running operator whose records are Secrets, with the rights that the chart gives it for that."""
    shared_operator.stop()
    role = pick(render("bind-operator", "--set", "helm.driver=Secret"), "ClusterRole", RELEASE)
    role["metadata"] = {"name": "records-in-secrets"}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": role["metadata"],
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "records-in-secrets",
        },
        "subjects": [{"kind": "User", "name": OPERATOR_USER}],
    }
    for manifest in (role, binding):
        apiserver.kubectl("apply", "-f", "-", manifest=manifest)
    settings = {"VALUES_INTERVAL_S": "0.3", "HELM_DRIVER": "Secret"}
    process = OperatorProcess(operator_kubeconfig, tmp_path, settings)
    process.start()
    yield process
    process.stop()
    for manifest in (role, binding):
        apiserver.kubectl("delete", "-f", "-", manifest=manifest)
    assert "bug in the reconciler" not in process.log()


def test_what_a_secret_says_is_shown_nowhere(secret_operator: OperatorProcess, instance: Instance) -> None:
    wrong = [
        ({"gate": {"retries": PASSWORD}}, "InvalidValues", "the chart does not take gate.retries"),
        ({"replicas": PASSWORD}, "InvalidValues", "does not take replicas"),
        # The API server quotes what it refuses.
        ({"hostAliases": [{"ip": PASSWORD, "hostnames": ["a"]}]}, "SpecRefused", "***"),
    ]
    source = {"kind": "Secret", "name": "team-values"}
    put(instance, wrong[0][0], kind="Secret")
    instance.apply({"spec": {"valuesFrom": [source]}})
    for values, reason, words in wrong:
        put(instance, values, kind="Secret")
        says(instance, reason, words)
    put(instance, {"envSecrets": {}, "extraEnv": [{"name": "TOKEN", "value": PASSWORD}]}, kind="Secret")
    until(
        lambda: PASSWORD in json.dumps(pod(instance, "statefulset", "-weaviate")),
        30,
        lambda: instance.message(),
    )
    until(lambda: instance.condition("Released")[0] == "True", 30, lambda: instance.message())
    assert PASSWORD not in json.dumps(instance.get())
    events = instance.server.get("events", namespace=instance.namespace)
    assert PASSWORD not in json.dumps(events)
    assert PASSWORD not in json.dumps(instance.server.get("configmaps", namespace=instance.namespace))
    assert PASSWORD not in secret_operator.log()
