"""Healing keeps the data: claims outlive their StatefulSet, whoever deletes it. With the real controllers."""

import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from integration.apiserver import ApiServer, running_apiserver
from integration.controllers import running_controllers
from integration.installation import OPERATOR_TOKEN, OPERATOR_USER, grant_rights, install_definitions
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from support.tools import binary
from support.waiting import eventually

CONTROLLERS = ("statefulset-controller", "garbage-collector-controller")
"""They make the claims and pods of StatefulSets, and delete what nobody owns any more."""
DELETE = {"spec": {"deletionPolicy": "Delete"}}
OLDER = {"driftDetection": {"mode": "Disabled"}}
"""An older chart's release had the policy that `give_away` sets: it was no drift, which would be put back."""
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server of its own, since its controllers would take the pods of other tests in hand."""
    folder = tmp_path_factory.mktemp("controlled")
    with running_apiserver(folder, {OPERATOR_TOKEN: OPERATOR_USER}) as server:
        install_definitions(server)
        with running_controllers(server.kubeconfig, folder, *CONTROLLERS):
            yield server


@pytest.fixture(scope="module")
def operator(server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    process = OperatorProcess(grant_rights(server), tmp_path_factory.mktemp("operator"))
    process.start()
    yield process
    process.stop()
    assert "bug in the reconciler" not in process.log()
    assert "answers 403" not in process.log()


@pytest.fixture
def instance(server: ApiServer, operator: OperatorProcess) -> Instance:
    namespace = f"hv-{next(_numbers)}"
    server.kubectl("create", "namespace", namespace)
    return Instance(server, "search", namespace)


def claims(instance: Instance) -> dict[str, Any]:
    """Return the living claims by name."""
    items = instance.server.get("pvc", namespace=instance.namespace)
    return {c["metadata"]["name"]: c for c in items if "deletionTimestamp" not in c["metadata"]}


def owners(instance: Instance) -> list[str]:
    found = claims(instance).values()
    return [ref["kind"] for claim in found for ref in claim["metadata"].get("ownerReferences", [])]


def uids(instance: Instance) -> set[str]:
    return {claim["metadata"]["uid"] for claim in claims(instance).values()}


def installed(instance: Instance, patch: dict[str, Any]) -> None:
    instance.apply(patch)
    eventually("claim", lambda: len(claims(instance)) == 1, within_s=30)
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"))


def test_a_stateful_set_deleted_by_hand_comes_back_with_its_claim(instance: Instance) -> None:
    installed(instance, DELETE)
    before, stateful_set = uids(instance), instance.get("statefulset", "-weaviate")
    instance.server.kubectl("delete", "statefulset", "search-weaviate", "-n", instance.namespace)

    def back() -> bool:
        found = instance.get("statefulset", "-weaviate")
        return found is not None and found["metadata"]["uid"] != stateful_set["metadata"]["uid"]

    eventually("back", back, within_s=30)
    eventually("pod", lambda: instance.server.get("pod", namespace=instance.namespace), within_s=30)
    assert uids(instance) == before


def test_a_release_uninstalled_by_hand_comes_back_with_its_claim(instance: Instance) -> None:
    installed(instance, DELETE)
    before = uids(instance)
    helm = [str(binary("helm")), "uninstall", "search", "-n", instance.namespace]
    kubeconfig = f"--kubeconfig={instance.server.kubeconfig}"
    subprocess.run([*helm, kubeconfig], check=True, capture_output=True, timeout=60)
    eventually("back", lambda: instance.revisions() == {1: "deployed"}, within_s=30)
    eventually("stateful set", lambda: instance.get("statefulset", "-weaviate"), within_s=30)
    assert uids(instance) == before


def test_claims_that_an_older_chart_gave_away_are_freed_by_the_upgrade(instance: Instance) -> None:
    spec = DELETE["spec"] | OLDER
    installed(instance, {"spec": spec})
    give_away(instance)
    instance.apply({"spec": spec | {"weaviate": {"env": {"QUERY_DEFAULTS_LIMIT": "7"}}}})
    eventually("freed", lambda: owners(instance) == [], within_s=30)
    assert instance.get("statefulset", "-weaviate")["metadata"]["generation"] > 1


def test_a_kept_claim_is_taken_from_an_older_charts_stateful_set_before_it_goes(instance: Instance) -> None:
    installed(instance, {"spec": {"suspend": False}})
    before = uids(instance)
    instance.apply({"spec": {"suspend": True}})
    eventually("suspended", lambda: instance.condition()[1] == "Suspended")
    give_away(instance)
    instance.delete(wait_s=60)
    assert uids(instance) == before
    assert owners(instance) == []


def test_claims_are_kept_while_a_change_waits_for_consent(instance: Instance) -> None:
    installed(instance, {"spec": OLDER | {"weaviate": {"storage": {"size": "2Gi"}}}})
    give_away(instance)
    instance.apply({"spec": OLDER | {"weaviate": {"storage": {"size": "1Gi"}}}})
    eventually("refused", lambda: instance.condition() == ("False", "ChangeRefused"))
    eventually("freed", lambda: owners(instance) == [], within_s=30)


def test_a_claim_that_somebody_deleted_is_told(instance: Instance) -> None:
    installed(instance, {})
    (name,) = claims(instance)
    eventually("pod", lambda: pods(instance), within_s=30)
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    where = ("-n", instance.namespace, "--subresource=status", "--type=merge", "-p")
    pod = f"{instance.name}-weaviate-0"
    instance.server.kubectl("patch", "pod", pod, *where, json.dumps({"status": ready}))
    eventually("served", lambda: instance.status().get("weaviate"))
    time.sleep(1.1)  # creation times are whole seconds
    patch = ("--type=merge", "-p", json.dumps({"metadata": {"finalizers": None}}))
    instance.server.kubectl("patch", "pvc", name, "-n", instance.namespace, *patch)
    for kind, one in (("pvc", name), ("pod", pod)):
        instance.server.kubectl("delete", kind, one, "-n", instance.namespace, "--wait=false")
    eventually("told", lambda: "ClaimReplaced" in instance.event_reasons(), within_s=40)


def test_the_claim_goes_with_its_resource(instance: Instance) -> None:
    installed(instance, DELETE)
    # No controller of these lifts the protection that the API server puts on a claim.
    patch = ("--type=merge", "-p", json.dumps({"metadata": {"finalizers": None}}))
    (name,) = claims(instance)
    instance.server.kubectl("patch", "pvc", name, "-n", instance.namespace, *patch)
    instance.delete(wait_s=60)
    assert claims(instance) == {}
    assert instance.event_reasons()[-1] == "VolumesDeleted"


@pytest.mark.parametrize("given_away", [False, True])
def test_a_stateful_set_is_replaced_around_its_pods(instance: Instance, *, given_away: bool) -> None:
    instance.create_class("grows", expands=True)
    storage = {"size": "1Gi", "storageClassName": "grows"}
    installed(instance, {"spec": OLDER | {"weaviate": {"storage": storage}}})
    eventually("pod", lambda: pods(instance), within_s=30)
    bind(instance)
    before, before_set = pods(instance), instance.get("statefulset", "-weaviate")
    if given_away:
        give_away(instance)
    instance.apply({"spec": OLDER | {"weaviate": {"storage": storage | {"size": "2Gi"}}}})

    def replaced() -> bool:
        found = instance.get("statefulset", "-weaviate")
        return found is not None and found["metadata"]["uid"] != before_set["metadata"]["uid"]

    eventually("replaced", replaced, within_s=40)
    (claim,) = claims(instance).values()
    assert claim["spec"]["resources"]["requests"]["storage"] == "2Gi"
    after = instance.get("statefulset", "-weaviate")["metadata"]["uid"]
    eventually("taken over", lambda: controllers(instance) == [after], within_s=30)
    assert pods(instance) == before


def pods(instance: Instance) -> set[str]:
    return {pod["metadata"]["uid"] for pod in instance.server.get("pod", namespace=instance.namespace)}


def controllers(instance: Instance) -> list[str]:
    found = instance.server.get("pod", namespace=instance.namespace)
    return [ref["uid"] for pod in found for ref in pod["metadata"].get("ownerReferences", [])]


def bind(instance: Instance) -> None:
    """Say of the claim that it has its volume, as a provisioner would."""
    (name,) = claims(instance)
    where = ("-n", instance.namespace, "--type=merge", "-p")
    volume = json.dumps({"spec": {"volumeName": f"pv-{instance.namespace}"}})
    instance.server.kubectl("patch", "pvc", name, *where, volume)
    bound = {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}
    instance.server.kubectl(
        "patch", "pvc", name, "--subresource=status", *where, json.dumps({"status": bound})
    )


def give_away(instance: Instance) -> None:
    """Let the claims belong to the StatefulSet, as the chart's earlier versions did for `Delete`."""
    policy = {"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}}
    patch = ("--type=merge", "-p", json.dumps(policy))
    instance.server.kubectl("patch", "statefulset", "search-weaviate", "-n", instance.namespace, *patch)
    eventually("given away", lambda: owners(instance) == ["StatefulSet"], within_s=30)
