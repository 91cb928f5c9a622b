"""Interrupted, failed and foreign releases with the real Helm."""

import base64
import gzip
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from integration.apiserver import ApiServer
from integration.conftest import OPERATOR_USER
from integration.instance import Instance
from integration.operator_process import CHART, OperatorProcess
from support.api_proxy import NO_HARM, ApiProxy, Harm
from support.tools import binary
from support.waiting import eventually

TINY = "--set=modules.multi2vec-bind.model.name=Tiny"


def mark(instance: Instance, revision: int, status: str) -> None:
    """Give a revision the status that an interrupted Helm leaves behind."""
    kept: Any = instance.server.get(
        "configmap", f"sh.helm.release.v1.{instance.name}.v{revision}", namespace=instance.namespace
    )
    record = json.loads(gzip.decompress(base64.b64decode(kept["data"]["release"])))
    record["info"]["status"] = status
    kept["data"]["release"] = base64.b64encode(gzip.compress(json.dumps(record).encode())).decode()
    kept["metadata"]["labels"]["status"] = status
    instance.server.kubectl("replace", "-f", "-", manifest=kept)


def release_labels(instance: Instance, revision: int) -> dict[str, str]:
    name = f"sh.helm.release.v1.{instance.name}.v{revision}"
    kept: Any = instance.server.get("configmap", name, namespace=instance.namespace)
    labels: dict[str, str] = kept["metadata"]["labels"]
    return labels


def helm(instance: Instance, *arguments: str, driver: str = "configmap") -> subprocess.CompletedProcess[str]:
    """Run Helm as a person would who looks where the operator keeps its records, or with another `driver`."""
    where = [f"--kubeconfig={instance.server.kubeconfig}", f"--namespace={instance.namespace}"]
    return subprocess.run(
        [str(binary("helm")), *arguments, *where],
        env=os.environ | {"HELM_DRIVER": driver},
        capture_output=True,
        text=True,
        check=False,
    )


def installed(instance: Instance) -> None:
    instance.apply()
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"))


@pytest.mark.long
@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback"])
def test_an_interrupted_release_is_unlocked_once(
    operator: OperatorProcess, instance: Instance, status: str
) -> None:
    installed(instance)
    operator.stop()
    mark(instance, 1, status)
    assert "another operation" in helm(instance, "upgrade", instance.name, CHART, TINY).stderr
    operator.start()
    eventually("repaired", lambda: instance.revisions().get(2) == "deployed")
    eventually("reported", lambda: instance.condition("Released") == ("True", "Deployed"))
    assert instance.event_reasons().count("Unlocked") == 1


def test_an_interrupted_uninstall_is_finished_and_installed_again(
    operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    operator.stop()
    mark(instance, 1, "uninstalling")
    operator.start()
    eventually("installed again", lambda: instance.revisions() == {1: "deployed"})


def test_a_resource_deleted_while_its_release_is_locked_leaves_nothing(
    operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    operator.stop()
    mark(instance, 1, "pending-install")
    instance.delete()
    operator.start()
    eventually("gone", lambda: instance.get() is None)
    assert instance.revisions() == {}
    assert instance.get("statefulset", "-weaviate") is None
    assert instance.get("deployment", "-inference") is None


def helm_children(pid: int) -> list[int]:
    """Return the process ids of Helm runs that `pid` started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(child) for child in found if _program(child) == "helm"]


def _program(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


@pytest.mark.long
@pytest.mark.parametrize("delay_s", [0.0, 0.15])
def test_an_operator_killed_in_an_install_converges(
    operator: OperatorProcess, instance: Instance, delay_s: float
) -> None:
    instance.apply()
    eventually("helm runs", lambda: helm_children(operator.pid), within_s=10)
    time.sleep(delay_s)
    children = helm_children(operator.pid)
    operator.kill()
    for child in children:
        eventually("helm died with it", lambda child=child: not is_alive(child), within_s=5)
    operator.start()
    eventually("deployed", lambda: "deployed" in instance.revisions().values(), within_s=30)
    eventually("reported", lambda: instance.condition("Released") == ("True", "Deployed"))
    assert not [status for status in instance.revisions().values() if status.startswith("pending")]
    assert instance.get("statefulset", "-weaviate")
    assert instance.get("deployment", "-inference")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_foreign_release_is_refused_and_untouched(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    by_hand = helm(instance, "install", instance.name, CHART, TINY)
    assert by_hand.returncode == 0, by_hand.stderr
    before = instance.get("deployment", "-inference")
    lines = apiserver.audit_lines()
    instance.apply()
    eventually("refused", lambda: instance.condition() == ("False", "ForeignOwner"))
    assert instance.condition("Stalled") == ("True", "ForeignOwner")
    assert "was not made by this operator" in instance.message()
    instance.delete(wait_s=20)
    assert instance.get("deployment", "-inference") == before
    assert instance.revisions() == {1: "deployed"}
    writes = apiserver.writes(OPERATOR_USER, instance.namespace, since=lines)
    assert {write.split()[1].split("/")[0] for write in writes} == {"bindvectorizers", "events"}


def test_a_foreign_workload_is_refused_and_untouched(operator: OperatorProcess, instance: Instance) -> None:
    name = f"{instance.name}-inference"
    instance.server.kubectl("create", "deployment", name, "-n", instance.namespace, "--image=x")
    before = instance.get("deployment", "-inference")
    instance.apply()
    eventually("refused", lambda: instance.condition() == ("False", "ForeignOwner"))
    assert instance.get("deployment", "-inference") == before
    assert instance.revisions() == {}


def block(instance: Instance) -> None:
    """Put an object of somebody else where the release has one."""
    name = f"{instance.name}-gate"
    foreign = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": instance.namespace},
    }
    instance.server.kubectl("create", "-f", "-", manifest=foreign)


def unblock(instance: Instance) -> None:
    instance.server.kubectl("delete", "configmap", f"{instance.name}-gate", "-n", instance.namespace)


@pytest.mark.long
def test_a_fault_that_passes_is_retried_until_it_has_passed(
    operator: OperatorProcess, instance: Instance
) -> None:
    block(instance)
    instance.apply()
    eventually("many failures", lambda: "failed 6 times" in instance.message(), within_s=60)
    assert instance.condition() == ("False", "HelmFailed")
    assert instance.condition("Stalled")[0] == "False"
    assert instance.condition("Reconciling") == ("True", "Retrying")
    assert f"{instance.name}-gate" in instance.message()
    assert instance.event_reasons().count("HelmFailed") == 1
    unblock(instance)
    eventually("freed", lambda: instance.condition("Released") == ("True", "Deployed"), within_s=60)


def test_an_annotation_tries_at_once(
    apiserver: ApiServer, patient_operator: OperatorProcess, instance: Instance
) -> None:
    """The next attempt of its own would be in five minutes."""
    block(instance)
    instance.apply()
    eventually("failed", lambda: instance.condition() == ("False", "HelmFailed"))
    assert "tried again in 300 s" in instance.message()
    unblock(instance)
    lines = apiserver.audit_lines()
    time.sleep(2)
    assert apiserver.writes(OPERATOR_USER, instance.namespace, since=lines) == []
    for value in ("first", "second"):
        note = f"bindvectorizer.dev/reconcile={value}"
        arguments = ("annotate", "--overwrite", "bv", instance.name, note, "-n", instance.namespace)
        apiserver.kubectl(*arguments)
        eventually(
            "handled", lambda value=value: instance.status().get("lastHandledReconcile") == value, within_s=20
        )
        assert instance.condition("Released") == ("True", "Deployed")


def test_what_only_another_spec_can_mend_is_stalled_and_a_change_frees_it(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    instance.apply({"spec": {"inference": {"topologySpreadConstraints": [{"maxSkew": 1}]}}})
    eventually("stalled", lambda: instance.condition("Stalled") == ("True", "SpecRefused"), within_s=20)
    assert instance.condition() == ("False", "SpecRefused")
    assert "topologySpreadConstraints" in instance.message()
    lines = apiserver.audit_lines()
    time.sleep(3)
    assert apiserver.writes(OPERATOR_USER, instance.namespace, since=lines) == []
    instance.apply({"spec": {"inference": {"topologySpreadConstraints": []}}})
    eventually("freed", lambda: instance.condition("Released") == ("True", "Deployed"))
    assert instance.condition("Stalled")[0] == "False"


def test_a_name_that_becomes_free_is_taken_at_the_resync(
    restless_operator: OperatorProcess, instance: Instance
) -> None:
    by_hand = helm(instance, "install", instance.name, CHART, TINY)
    assert by_hand.returncode == 0, by_hand.stderr
    instance.apply()
    eventually("refused", lambda: instance.condition("Stalled") == ("True", "ForeignOwner"))
    status = instance.status()
    assert not {"release", "endpoints", "replicas"} & set(status), status
    assert status["history"] == []
    assert helm(instance, "uninstall", instance.name).returncode == 0
    eventually("freed", lambda: instance.condition("Released") == ("True", "Deployed"), within_s=20)


def test_a_field_of_a_newer_definition_is_ignored_and_told(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    crd: Any = apiserver.get("crd", "bindvectorizers.bindvectorizer.dev")
    newer = {"type": "object", "default": {}, "properties": {"depth": {"type": "integer", "default": 3}}}
    spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/future"
    assert "future" not in str(crd["spec"])
    change = [{"op": "add", "path": spec, "value": newer}]
    patch = ("patch", "crd", "bindvectorizers.bindvectorizer.dev", "--type=json", "-p")
    apiserver.kubectl(*patch, json.dumps(change))
    try:
        eventually("served", lambda: "depth" in apiserver.kubectl("explain", "bv.spec.future", check=False))
        instance.apply()
        assert instance.get()["spec"]["future"] == {"depth": 3}
        eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"))
        assert "spec.future" in instance.message("Released")
        instance.apply({"spec": {"inference": {"replicas": 2}}})
        eventually("changed", lambda: instance.get("deployment", "-inference")["spec"]["replicas"] == 2)
        eventually("told", lambda: instance.event_reasons().count("UnknownFields") == 1)
    finally:
        apiserver.kubectl(*patch, json.dumps([{"op": "remove", "path": spec}]))


def test_an_object_that_the_api_server_refuses_is_told_in_its_words(
    operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    instance.apply({"spec": {"inference": {"affinity": {"nodeAffinty": {}}}}})
    eventually("told", lambda: instance.condition() == ("False", "SpecRefused"))
    assert "nodeAffinty" in instance.message()
    instance.apply({"spec": {"inference": {"affinity": {"nodeAffinity": {}}}}})
    eventually("freed", lambda: instance.condition("Released") == ("True", "Deployed"))


def test_a_definition_that_is_older_lacks_fields_and_gets_the_defaults(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    fields = ("properties/spec/properties/deletionPolicy", "properties/spec/properties/suspend")
    fields += ("properties/spec/properties/weaviate", "properties/status/properties/lastHandledReconcile")
    root = "/spec/versions/0/schema/openAPIV3Schema"
    crd: Any = apiserver.get("crd", "bindvectorizers.bindvectorizer.dev")
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    rules = schema["properties"]["spec"]["x-kubernetes-validations"]
    # A definition without the field has no rule about it either.
    (about,) = (number for number, rule in enumerate(rules) if "self.weaviate" in rule["rule"])
    fields += (f"properties/spec/x-kubernetes-validations/{about}",)
    change = [{"op": "remove", "path": f"{root}/{field}"} for field in fields]
    patch = ("patch", "crd", "bindvectorizers.bindvectorizer.dev", "--type=json", "-p")
    apiserver.kubectl(*patch, json.dumps(change))
    try:
        text = ("explain", "bv.spec")
        eventually("served", lambda: "deletionPolicy" not in apiserver.kubectl(*text, check=False))
        instance.apply()
        assert "weaviate" not in instance.get()["spec"]
        eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"))
        instance.delete(wait_s=20)
    finally:
        spec = json.dumps([{"op": "replace", "path": "/spec", "value": crd["spec"]}])
        apiserver.kubectl(*patch, spec)
        eventually("served", lambda: "deletionPolicy" in apiserver.kubectl("explain", "bv.spec", check=False))


def test_helms_labels_tell_the_release_apart(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance)
    labels = release_labels(instance, 1)
    assert labels["bindvectorizer.dev/managed-by"] == "bind-operator"
    assert labels["bindvectorizer.dev/digest"] == instance.status()["release"]["digest"]


def test_an_install_of_which_helm_could_not_write_the_end_is_told_once(
    proxy: ApiProxy, far_operator: OperatorProcess, instance: Instance
) -> None:
    """Helm ends well all the same, and leaves the record pending."""
    record = f"sh.helm.release.v1.{instance.name}.v1"
    proxy.harm(lambda method, path: Harm(503) if method == "PUT" and record in path else NO_HARM)
    instance.apply()
    eventually("helm is through", lambda: '"helm ran"' in far_operator.log(), within_s=30)
    assert instance.revisions() == {1: "pending-install"}, "helm could write it, so nothing is shown here"
    proxy.heal()
    eventually("deployed", lambda: "deployed" in instance.revisions().values(), within_s=30)
    eventually("told", lambda: instance.event_messages("Installed") != [], within_s=30)
    assert len(instance.event_messages("Installed")) == 1
