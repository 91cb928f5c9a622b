"""Where Helm's records lie: in ConfigMaps; in Secrets; moved; and never is a release taken for absent."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.apiserver import ApiServer
from integration.instance import Instance
from integration.operator_process import CHART, OperatorProcess
from integration.test_trouble import TINY, helm
from support.charts import CHARTS
from support.charts import helm as plain_helm
from support.waiting import eventually

Start = Callable[[str], OperatorProcess]


def use_rights(server: ApiServer, driver: str) -> None:
    """Give the operator the rights that the chart gives it with `driver`."""
    rendered = plain_helm(
        "template", "bind-operator", CHARTS / "bind-operator", "--namespace=bind-system",
        "--show-only=templates/clusterrole.yaml", f"--set=helm.driver={driver}",
    )  # fmt: skip
    assert rendered.returncode == 0, rendered.stderr
    path = server.kubeconfig.with_name(f"rights-{driver}.yaml")
    path.write_text(rendered.stdout)
    server.kubectl("replace", "-f", str(path))


@pytest.fixture
def start(
    apiserver: ApiServer, operator_kubeconfig: Path, shared_operator: OperatorProcess, tmp_path: Path
) -> Iterator[Start]:
    """Starts an operator with a driver, with its rights, in place of the one before."""
    shared_operator.stop()
    running: list[OperatorProcess] = []

    def begin(driver: str) -> OperatorProcess:
        for process in running:
            process.stop()
        use_rights(apiserver, driver)
        process = OperatorProcess(operator_kubeconfig, tmp_path, {"HELM_DRIVER": driver})
        process.start()
        running.append(process)
        return process

    yield begin
    for process in running:
        process.stop()
    use_rights(apiserver, "ConfigMap")
    assert "bug in the reconciler" not in running[0].log()
    assert "answers 403" not in running[0].log(), running[0].log()


def records(instance: Instance) -> dict[str, list[str]]:
    """Return the names of the release's records by kind."""
    selector = f"owner=helm,name={instance.name}"
    return {
        kind: sorted(
            item["metadata"]["name"].removeprefix(f"sh.helm.release.v1.{instance.name}.")
            for item in instance.server.get(kind, namespace=instance.namespace, selector=selector)
        )
        for kind in ("configmap", "secret")
    }


def released(instance: Instance) -> bool:
    return instance.condition("Released") == ("True", "Deployed")


def change(instance: Instance, replicas: int) -> None:
    instance.apply({"spec": {"inference": {"replicas": replicas}}})


def uid(instance: Instance) -> str:
    return str(instance.get("statefulset", "-weaviate")["metadata"]["uid"])


def test_records_lie_in_config_maps_and_no_secret_is_made_of_them(start: Start, instance: Instance) -> None:
    start("ConfigMap")
    instance.apply()
    eventually("released", lambda: released(instance))
    assert records(instance) == {"configmap": ["v1"], "secret": []}
    made = instance.server.get("secret", namespace=instance.namespace)
    assert [secret["metadata"]["name"] for secret in made] == [f"{instance.name}-weaviate-keys"]


def test_records_may_lie_in_secrets(start: Start, instance: Instance) -> None:
    start("Secret")
    instance.apply()
    eventually("released", lambda: released(instance))
    change(instance, 2)
    eventually("upgraded", lambda: records(instance) == {"configmap": [], "secret": ["v1", "v2"]})
    instance.delete(wait_s=60)
    assert records(instance) == {"configmap": [], "secret": []}


def test_records_are_moved_and_helm_goes_on_with_them(start: Start, instance: Instance) -> None:
    start("Secret")
    instance.apply()
    eventually("released", lambda: released(instance))
    before = uid(instance)
    start("Migrate")
    eventually("moved", lambda: records(instance) == {"configmap": ["v1"], "secret": []})
    change(instance, 2)
    eventually("upgraded", lambda: records(instance) == {"configmap": ["v1", "v2"], "secret": []})
    eventually("released", lambda: released(instance))
    assert uid(instance) == before
    assert instance.event_reasons().count("Installed") == 1
    start("ConfigMap")
    change(instance, 1)
    eventually("upgraded", lambda: records(instance) == {"configmap": ["v1", "v2", "v3"], "secret": []})
    assert helm(instance, "rollback", instance.name, "1").returncode == 0
    instance.delete(wait_s=60)
    assert records(instance) == {"configmap": [], "secret": []}


@pytest.mark.parametrize("moved", [pytest.param(0, marks=pytest.mark.long), 1])
def test_a_move_that_was_interrupted_is_finished(start: Start, instance: Instance, moved: int) -> None:
    """Of two records the first is moved, or copied but not deleted, when the operator dies."""
    start("Secret")
    instance.apply()
    eventually("released", lambda: released(instance))
    change(instance, 2)
    eventually("upgraded", lambda: records(instance)["secret"] == ["v1", "v2"])
    start("Secret").kill()
    name = f"sh.helm.release.v1.{instance.name}.v1"
    secret: Any = instance.server.get("secret", name, namespace=instance.namespace)
    copy = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {key: secret["metadata"][key] for key in ("name", "namespace", "labels")},
        "data": {"release": base64.b64decode(secret["data"]["release"]).decode()},
    }
    instance.server.kubectl("create", "-f", "-", manifest=copy)
    if moved:
        instance.server.kubectl("delete", "secret", name, "-n", instance.namespace)
    start("Migrate")
    eventually("moved", lambda: records(instance) == {"configmap": ["v1", "v2"], "secret": []})
    eventually("released", lambda: instance.revisions() == {1: "superseded", 2: "deployed"})


def test_a_release_whose_records_lie_in_secrets_is_not_taken_for_absent(
    start: Start, instance: Instance
) -> None:
    start("Secret")
    instance.apply()
    eventually("released", lambda: released(instance))
    before = uid(instance)
    start("ConfigMap")
    change(instance, 2)
    eventually("refused", lambda: instance.condition() == ("False", "ForeignOwner"))
    assert records(instance) == {"configmap": [], "secret": ["v1"]}
    assert uid(instance) == before
    start("Migrate")
    eventually("goes on", lambda: records(instance) == {"configmap": ["v1", "v2"], "secret": []})


def test_a_persons_release_in_secrets_is_refused_and_untouched(start: Start, instance: Instance) -> None:
    start("ConfigMap")
    assert helm(instance, "install", instance.name, CHART, TINY, driver="secret").returncode == 0
    before = instance.get("statefulset", "-weaviate")
    instance.apply()
    eventually("refused", lambda: instance.condition() == ("False", "ForeignOwner"))
    assert instance.get("statefulset", "-weaviate") == before
    assert records(instance) == {"configmap": [], "secret": ["v1"]}
    instance.delete(wait_s=60)
    assert records(instance)["secret"] == ["v1"]
    assert instance.get("statefulset", "-weaviate") == before
