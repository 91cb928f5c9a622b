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
    return [int(child) for child in found]


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.1, 0.15, 0.2, 0.3])
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


def test_a_release_that_cannot_be_made_is_stalled_and_a_change_frees_it(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{instance.name}-gate", "namespace": instance.namespace},
    }
    apiserver.kubectl("create", "-f", "-", manifest=quota)
    instance.apply()
    eventually("stalled", lambda: instance.condition() == ("False", "RetriesExceeded"), within_s=40)
    assert instance.condition("Stalled") == ("True", "RetriesExceeded")
    assert f"{instance.name}-gate" in instance.message()
    lines = apiserver.audit_lines()
    time.sleep(3)
    assert apiserver.writes(OPERATOR_USER, instance.namespace, since=lines) == []
    apiserver.kubectl("delete", "configmap", f"{instance.name}-gate", "-n", instance.namespace)
    instance.apply({"spec": {"inference": {"replicas": 2}}})
    eventually("freed", lambda: instance.condition("Released") == ("True", "Deployed"))
    assert instance.condition("Stalled")[0] == "False"


def test_helms_labels_tell_the_release_apart(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance)
    labels = release_labels(instance, 1)
    assert labels["bindvectorizer.dev/managed-by"] == "bind-operator"
    assert labels["bindvectorizer.dev/digest"] == instance.status()["release"]["digest"]
