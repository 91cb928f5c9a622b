"""What the audit log shows used is what the chart grants, and a planted secret is found nowhere."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bind_operator.policy.watching import CHILDREN
from integration.apiserver import ApiServer
from integration.gateway_api import serving_gateway_api
from integration.installation import OPERATOR_USER, ROOT
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from integration.test_autoscaling import installed_keda
from integration.test_deletion import are_deleted, free_claims
from integration.test_trouble import helm, mark
from support.charts import CHARTS
from support.charts import helm as plain_helm
from support.waiting import eventually

Right = tuple[str, str, str]
WATCH_VERBS = ("list", "watch")

PLANTED = "planted-7f3b9c"
"""It lies in a Secret that the resource names; no word of the operator may hold it."""
LITERAL = "literal-2d8e41"
"""It is the value of a variable in the resource: rendered, and told nobody."""
ENV = [
    {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "token"}}},
    {"name": "NOTE", "value": LITERAL},
]
EXPOSED = {
    "ingress": {"http": {"host": "search.example.com"}},
    "gateway": {"parentRefs": [{"name": "public"}], "httpHost": "a.b", "grpcHost": "b.b"},
}
UNSEEN: set[Right] = {
    ("create", "", "services"),
    ("create", "", "persistentvolumeclaims"),
    ("create", "apps", "deployments"),
    ("create", "apps", "statefulsets"),
    ("create", "batch", "cronjobs"),
    ("create", "policy", "poddisruptionbudgets"),
    ("create", "autoscaling", "horizontalpodautoscalers"),
    ("create", "keda.sh", "scaledobjects"),
    ("create", "", "serviceaccounts"),
    ("create", "networking.k8s.io", "networkpolicies"),
    ("create", "networking.k8s.io", "ingresses"),
    ("create", "gateway.networking.k8s.io", "grpcroutes"),
    ("create", "gateway.networking.k8s.io", "httproutes"),
}
"""Helm makes these by server-side apply: a patch in the log, for which the API server asks `create` too."""


@pytest.fixture(scope="module", autouse=True)
def _gateway_api(apiserver: ApiServer) -> Iterator[None]:
    """Let the API server know all kinds that a resource can ask for."""
    with serving_gateway_api(apiserver):
        yield


def granted() -> set[Right]:
    """Return the rights of the operator in the manifest that the API server of the tests was given."""
    documents = yaml.safe_load_all((ROOT / "manifests/install.yaml").read_text(encoding="utf-8"))
    names = {("ClusterRole", "bind-operator"), ("Role", "bind-operator-leader")}
    roles = [item for item in documents if item and (item["kind"], item["metadata"]["name"]) in names]
    assert len(roles) == len(names)
    return {
        (verb, group, resource)
        for role in roles
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def released(instance: Instance, revision: int) -> None:
    def done() -> bool:
        return instance.condition("Released") == ("True", "Deployed") and revision in instance.revisions()

    eventually(f"revision {revision} is deployed", done, within_s=60)


def live_a_life(operator: OperatorProcess, instance: Instance) -> None:
    """Install, fail, unlock, change, repair and delete a release of all that a resource can ask for."""
    huge = {"name": "ImageBindHuge", "licenseAccepted": True}
    spec: Any = {"weaviate": {"storage": {"size": "1Gi"}}, "deletionPolicy": "Delete"}
    spec["weaviate"]["serviceAccount"] = {"create": True}
    spec["networkPolicy"] = {}
    spec["weaviate"]["backup"] = {"s3": {"bucket": "b"}, "retention": {"keepLast": 7}}
    spec["weaviate"]["expose"] = EXPOSED
    instance.apply({"spec": spec | {"inference": {"model": huge}}})
    released(instance, 1)
    instance.create_pod("inference", {"phase": "Pending"})
    instance.create_claim()
    operator.stop()
    mark(instance, 1, "pending-upgrade")
    operator.start()
    released(instance, 2)
    instance.apply(
        {"spec": spec | {"inference": {"model": huge | {"cache": {"scope": "Shared"}}, "replicas": 2}}}
    )
    released(instance, 3)
    instance.server.kubectl("delete", "deployment", f"{instance.name}-inference", "-n", instance.namespace)
    eventually("repaired", lambda: instance.get("deployment", "-inference"))
    instance.apply({"spec": spec | {"inference": {"model": huge}}})
    released(instance, 4)
    scaling: dict[str, Any] = {"maxReplicas": 4, "target": {"cpuUtilization": 80}}
    for revision, target in enumerate(({"cpuUtilization": 80}, {"queueDepth": 8}), 5):
        scaling |= {"target": target}
        instance.apply({"spec": spec | {"inference": {"model": huge, "autoscaling": scaling}}})
        released(instance, revision)
    instance.apply({"spec": spec | {"inference": {"model": huge}}})
    released(instance, 7)
    instance.delete()
    eventually("uninstalled", lambda: instance.revisions() == {}, within_s=60)
    instance.remove_pod("inference")
    eventually("claims are being deleted", lambda: are_deleted(instance), within_s=60)
    free_claims(instance)
    eventually("gone", lambda: instance.get() is None, within_s=60)


def test_what_is_granted_is_used_and_what_is_used_is_granted(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    since = apiserver.audit_lines()
    operator.stop()
    # The first operator of a cluster makes it.
    apiserver.kubectl("delete", "lease", "bind-operator", "-n", "kube-system", "--ignore-not-found")
    operator.start()
    with installed_keda(apiserver):
        live_a_life(operator, instance)
    used = apiserver.rights_used(OPERATOR_USER, since)
    rights = granted()
    # Kinds that the operator makes none of are watched where somebody grants it.
    tried = {(verb, kind.group, kind.plural) for kind in CHILDREN if kind.is_optional for verb in WATCH_VERBS}
    assert used - rights - tried == set(), "used and not granted"
    assert rights - used == UNSEEN, "granted and not used"


def everything(instance: Instance, operator: OperatorProcess) -> dict[str, str]:
    """Return what the operator and Helm have written about the resource, by where it is."""

    def objects(kind: str) -> str:
        return json.dumps(instance.server.get(kind, namespace=instance.namespace))

    resource: Any = instance.get() or {}
    shown = helm(instance, "get", "all", instance.name).stdout
    return {
        "log": operator.log(),
        "events": objects("events"),
        "status": json.dumps(resource.get("status", {})),
        "metadata": json.dumps(resource.get("metadata", {}).get("annotations", {})),
        "config maps": objects("configmaps"),
        "records": shown,
        "workloads": objects("deployments") + objects("statefulsets"),
    }


def test_a_planted_secret_is_found_nowhere(operator: OperatorProcess, instance: Instance) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "token", "namespace": instance.namespace},
        "stringData": {"token": PLANTED},
    }
    instance.server.kubectl("create", "-f", "-", manifest=secret)
    instance.apply({"spec": {"inference": {"extraEnv": ENV}}})
    released(instance, 1)
    shown = [everything(instance, operator)]
    instance.apply({"spec": {"inference": {"extraEnv": ENV, "replicas": 2}}})
    released(instance, 2)
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": instance.namespace},
        "spec": {"hard": {"services": "0"}},
    }
    instance.server.kubectl("create", "-f", "-", manifest=quota)
    instance.apply({"spec": {"inference": {"extraEnv": [*ENV, {"name": "A", "value": LITERAL + "x" * 300}]}}})
    eventually("tried", lambda: 3 in instance.revisions())
    shown.append(everything(instance, operator))
    instance.delete(wait_s=60)
    shown.append(everything(instance, operator))
    places = {place for each in shown for place, text in each.items() if PLANTED in text}
    assert places == set()
    literal = {place for each in shown for place, text in each.items() if LITERAL in text}
    # What is rendered holds it: the workload, and the values in Helm's record (packed, in the ConfigMap).
    assert literal <= {"workloads", "records", "metadata"}
    assert "workloads" in literal


@pytest.fixture
def operator_of_one_namespace(
    apiserver: ApiServer,
    operator_kubeconfig: Path,
    shared_operator: OperatorProcess,
    instance: Instance,
    tmp_path: Path,
) -> Iterator[OperatorProcess]:
    """An operator that has rights in the namespace of the instance alone."""
    shared_operator.stop()
    rendered = plain_helm(
        "template", "bind-operator", CHARTS / "bind-operator", "--namespace=bind-system",
        f"--set=watchNamespaces={{{instance.namespace}}}",
        *(f"--show-only=templates/{a}role{b}.yaml" for a in ("", "leader") for b in ("", "binding")),
    )  # fmt: skip
    assert rendered.returncode == 0, rendered.stderr
    (tmp_path / "roles.yaml").write_text(rendered.stdout)
    binding = apiserver.get("clusterrolebinding", "bind-operator")
    apiserver.kubectl("delete", "clusterrolebinding", "bind-operator")
    apiserver.kubectl("apply", "-f", str(tmp_path / "roles.yaml"))
    watched = json.dumps([instance.namespace])
    process = OperatorProcess(operator_kubeconfig, tmp_path, {"WATCH_NAMESPACES": watched})
    process.start()
    yield process
    process.stop()
    for name in ("uid", "resourceVersion", "creationTimestamp"):
        del binding["metadata"][name]
    apiserver.kubectl("create", "-f", "-", manifest=binding)


def test_rights_in_one_namespace_are_enough(
    operator_of_one_namespace: OperatorProcess, instance: Instance
) -> None:
    assert "no" in instance.server.kubectl(
        "auth", "can-i", "list", "pods", "-A", f"--as={OPERATOR_USER}", check=False
    )
    with installed_keda(instance.server):
        live_a_life(operator_of_one_namespace, instance)
    log = operator_of_one_namespace.log()
    assert "bug in the reconciler" not in log
    assert "answers 403" not in log, log
    forbidden = {json.loads(line).get("watch") for line in log.splitlines() if "Forbidden" in line}
    # Kinds that the operator makes none of by itself; it can do without seeing them.
    optional = {"horizontalpodautoscalers"}
    assert forbidden <= {f"{kind} in {instance.namespace}" for kind in optional}, log
