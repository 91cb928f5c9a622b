"""Of several operators one acts: each change once, a takeover in time, nothing by one that wakes up late."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.apiserver import ApiServer, write_kubeconfig
from integration.conftest import TENANT_TOKEN
from integration.installation import OPERATOR_TOKEN
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from support.api_proxy import ApiProxy, api_proxy
from support.charts import render
from support.tools import binary
from support.waiting import eventually

LEASE = ("lease", "bind-operator")
Start = Callable[..., OperatorProcess]


@pytest.fixture
def start(
    apiserver: ApiServer, shared_operator: OperatorProcess, operator_kubeconfig: Path, tmp_path: Path
) -> Iterator[Start]:
    """Starts operators by name, with settings; all are ended after the test."""
    shared_operator.stop()
    # It may still name a process of another test that was killed.
    apiserver.kubectl("delete", *LEASE, "-n", "kube-system", "--ignore-not-found")
    processes: list[OperatorProcess] = []

    def start(name: str, kubeconfig: Path = operator_kubeconfig, **settings: str) -> OperatorProcess:
        process = OperatorProcess(kubeconfig, tmp_path, {"LEASE_DURATION_S": "10"} | settings, name)
        processes.append(process)
        process.start()
        return process

    yield start
    for process in processes:
        if process.is_running:
            process.thaw()
            process.kill()


@pytest.fixture
def proxy(apiserver: ApiServer) -> Iterator[ApiProxy]:
    with api_proxy(apiserver.url, OPERATOR_TOKEN) as running:
        yield running


def holder(server: ApiServer, namespace: str = "kube-system") -> str:
    """Return the name of the pod that holds the Lease."""
    lease = server.get(*LEASE, namespace=namespace)
    return (lease or {}).get("spec", {}).get("holderIdentity", "").rpartition("_")[0]


def lead(server: ApiServer, process: OperatorProcess) -> None:
    eventually(f"{process.name} leads", lambda: holder(server) == process.name, within_s=30)


def logging_helm(folder: Path, name: str, then: str = "") -> dict[str, str]:
    """Return the setting of a Helm that notes "name pid" and its arguments, and then is `then` or Helm."""
    program = folder / f"helm-{name}"
    line = f'echo "{name} $$ $*" >> {folder}/runs'
    program.write_text(
        f"#!/bin/sh\n{line}\nexec {then or binary('helm')} {'' if then else chr(34) + '$@' + chr(34)}\n"
    )
    program.chmod(0o755)
    return {"HELM": str(program)}


def runs(folder: Path, instance: Instance, name: str = "") -> list[list[str]]:
    """Return the Helm runs for `instance` that `name`, or anybody, began, as words.

    Those for resources of other tests, which are being deleted, are left out.
    """
    file = folder / "runs"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    of_it = f"--namespace={instance.namespace}"
    return [line.split() for line in lines if line.startswith(name) and of_it in line.split()]


def lives(pid: int) -> bool:
    """Return whether a process runs; one that nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def replicas(instance: Instance) -> int | None:
    found: int | None = (instance.get("deployment", "-inference") or {"spec": {}})["spec"].get("replicas")
    return found


def edit(instance: Instance, count: int) -> None:
    instance.apply({"spec": {"inference": {"replicas": count}}})


def follows(instance: Instance, count: int, within_s: float) -> float:
    return eventually(f"{count} replicas are wanted", lambda: replicas(instance) == count, within_s)


def test_each_change_runs_helm_once(instance: Instance, start: Start, tmp_path: Path) -> None:
    for name in ("first", "second"):
        start(name, **logging_helm(tmp_path, name))
    instance.apply()
    follows(instance, 1, 30)
    for count in range(2, 10):
        eventually("reported", lambda: instance.condition("Released") == ("True", "Deployed"))
        edit(instance, count)
        follows(instance, count, 20)
    time.sleep(3)
    assert [run[2] for run in runs(tmp_path, instance)] == ["install"] + ["upgrade"] * 8
    assert instance.event_reasons().count("Upgraded") == 8


def test_a_killed_leader_is_followed_within_15_s(
    apiserver: ApiServer, instance: Instance, start: Start
) -> None:
    first = start("first")
    lead(apiserver, first)
    second = start("second")
    instance.apply()
    follows(instance, 1, 20)
    eventually("it stands by", lambda: "this one stands by" in second.log())
    assert first.metric("bind_operator_leader") == 1
    assert second.metric("bind_operator_leader") == 0
    first.kill()
    edit(instance, 2)
    took = follows(instance, 2, 15)
    assert took > 1, "the other one acted as well"
    assert holder(apiserver) == "second"
    assert second.metric("bind_operator_leader") == 1


@pytest.mark.long
def test_a_leader_that_stops_is_followed_at_once(
    apiserver: ApiServer, instance: Instance, start: Start
) -> None:
    first = start("first")
    lead(apiserver, first)
    second = start("second")
    instance.apply()
    follows(instance, 1, 20)
    eventually("it stands by", lambda: "this one stands by" in second.log())
    time.sleep(2)
    assert first.stop() == 0
    edit(instance, 2)
    follows(instance, 2, 5)


@pytest.mark.long
def test_a_helm_run_is_finished_before_the_operator_stops(
    instance: Instance, start: Start, tmp_path: Path
) -> None:
    slow = tmp_path / "slow"
    slow.write_text(f'#!/bin/sh\necho "only $$ $*" >> {tmp_path}/runs\nsleep 9\nexec {binary("helm")} "$@"\n')
    slow.chmod(0o755)
    operator = start("only", HELM=str(slow))
    instance.apply()
    eventually("its Helm runs", lambda: runs(tmp_path, instance))
    assert operator.stop() == 0
    assert len(runs(tmp_path, instance)) == 1
    assert instance.revisions() == {1: "deployed"}


@pytest.mark.long
def test_two_installations_with_other_images_do_not_fight(
    apiserver: ApiServer, instance: Instance, start: Start
) -> None:
    first = start("first", IMAGES__INFERENCE__TAG="1.0.0")
    lead(apiserver, first)
    start("second", IMAGES__INFERENCE__TAG="2.0.0")
    instance.apply()
    follows(instance, 1, 20)
    time.sleep(8)
    assert instance.revisions() == {1: "deployed"}
    first.stop()
    eventually("the other has its way", lambda: instance.revisions().get(2) == "deployed")
    time.sleep(5)
    assert instance.revisions() == {1: "superseded", 2: "deployed"}


def a_leader_whose_helm_hangs(
    name: str, apiserver: ApiServer, proxy: ApiProxy, instance: Instance, start: Start, tmp_path: Path
) -> tuple[OperatorProcess, int]:
    """Return an operator behind `proxy` with the process of its Helm; a second one stands by."""
    far = tmp_path / "far-kubeconfig"
    write_kubeconfig(far, proxy.url, OPERATOR_TOKEN)
    leader = start(name, far, **logging_helm(tmp_path, name, "sleep 300"))
    lead(apiserver, leader)
    start("second", **logging_helm(tmp_path, "second"))
    instance.apply()
    eventually("its Helm runs", lambda: runs(tmp_path, instance, name))
    ((_, pid, *_),) = runs(tmp_path, instance, name)
    return leader, int(pid)


def test_a_frozen_leader_is_cut_off_and_does_nothing_when_it_wakes(
    apiserver: ApiServer, proxy: ApiProxy, instance: Instance, start: Start, tmp_path: Path
) -> None:
    frozen, pid = a_leader_whose_helm_hangs("frozen", apiserver, proxy, instance, start, tmp_path)
    frozen.freeze()
    assert lives(pid)
    eventually("the other's Helm runs", lambda: runs(tmp_path, instance, "second"), within_s=20)
    assert not lives(pid), "two Helm runs on one release"
    follows(instance, 1, 20)
    edit(instance, 2)
    before = len(proxy.requests)
    frozen.thaw()
    follows(instance, 2, 20)
    time.sleep(5)
    written = [one for one in proxy.requests[before:] if not one.startswith("GET")]
    assert [one for one in written if "/leases" not in one] == []
    assert len(runs(tmp_path, instance, "frozen")) == 1
    eventually("it has noticed", lambda: "lease lost" in frozen.log())
    assert frozen.metric("bind_operator_leader") == 0


@pytest.mark.long
def test_a_leader_cut_off_from_the_api_server_ends_its_helm_before_another_leads(
    apiserver: ApiServer, proxy: ApiProxy, instance: Instance, start: Start, tmp_path: Path
) -> None:
    far_away, pid = a_leader_whose_helm_hangs("far", apiserver, proxy, instance, start, tmp_path)
    proxy.refuse(503)
    eventually("its Helm is killed", lambda: not lives(pid))
    assert holder(apiserver) == "far"
    follows(instance, 1, 20)
    assert holder(apiserver) == "second"
    proxy.heal()
    eventually("it stands by", lambda: "this one stands by" in far_away.log())
    assert len(runs(tmp_path, instance, "far")) == 1


def give_rights(server: ApiServer, namespace: str) -> None:
    """Give the tenant's operator the rights of the chart in a namespace."""
    objects = render("bind-operator", "--set", f"watchNamespaces={{{namespace}}}")
    subject = {"kind": "ServiceAccount", "name": "tenant-operator", "namespace": "tenant"}
    for item in objects:
        if item["kind"] in ("Role", "RoleBinding"):
            more = {"subjects": [subject]} if item["kind"] == "RoleBinding" else {}
            server.kubectl("apply", "-f", "-", manifest=item | more)


@pytest.mark.long
def test_named_namespaces_are_led_one_by_one(
    apiserver: ApiServer, instance: Instance, start: Start, tmp_path: Path
) -> None:
    tenant = tmp_path / "tenant-kubeconfig"
    write_kubeconfig(tenant, apiserver.url, TENANT_TOKEN)
    other = Instance(apiserver, instance.name, f"{instance.namespace}-other")
    apiserver.kubectl("create", "namespace", other.namespace)
    for namespace in (instance.namespace, other.namespace):
        give_rights(apiserver, namespace)
    # The first is forbidden, and must stop neither the others' watches nor their sweep.
    first = start("first", tenant, WATCH_NAMESPACES=json.dumps(["default", instance.namespace]), RESYNC_S="2")
    eventually("it leads", lambda: holder(apiserver, instance.namespace) == "first")
    both = json.dumps([instance.namespace, other.namespace])
    second = start("second", tenant, WATCH_NAMESPACES=both, IMAGES__INFERENCE__TAG="2.0.0")
    for one in (instance, other):
        one.apply()
        follows(one, 1, 20)
        edit(one, 2)
        follows(one, 2, 15)
    assert holder(apiserver, instance.namespace) == "first"
    assert holder(apiserver, other.namespace) == "second"
    assert instance.revisions() == {1: "superseded", 2: "deployed"}
    assert second.metric("bind_operator_leader") == 1
    assert first.is_running
    other.delete(wait_s=30)
