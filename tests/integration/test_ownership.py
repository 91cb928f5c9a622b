"""Revisions that somebody else makes of the operator's release are known as theirs, and answered."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from integration.apiserver import ApiServer
from integration.conftest import OPERATOR_USER
from integration.instance import Instance
from integration.operator_process import CHART, OperatorProcess
from support.tools import binary
from support.waiting import eventually

STAND_BACK = {"spec": {"takeoverPolicy": "StandBack"}}
TWO = ("--reuse-values", "--set=modules.multi2vec-bind.replicas=2")


def installed(instance: Instance, patch: dict[str, Any] | None = None) -> None:
    instance.apply(patch)
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"))


def command(instance: Instance, *arguments: str) -> list[str]:
    where = [f"--kubeconfig={instance.server.kubeconfig}", f"--namespace={instance.namespace}"]
    return [str(binary("helm")), *arguments, *where]


def helm(instance: Instance, *arguments: str) -> None:
    """Run Helm as a person would; it must succeed."""
    result = subprocess.run(command(instance, *arguments), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def upgrade(instance: Instance, *more: str) -> None:
    helm(instance, "upgrade", instance.name, CHART, *more)


def replicas(instance: Instance) -> int:
    return int(instance.get("deployment", "-inference")["spec"]["replicas"])


@pytest.mark.parametrize("flags", [TWO, ("--reuse-values",)], ids=["other values", "same values"])
def test_an_upgrade_by_hand_is_taken_back_and_told(
    operator: OperatorProcess, instance: Instance, flags: tuple[str, ...]
) -> None:
    installed(instance)
    upgrade(instance, *flags)
    eventually("taken back", lambda: instance.revisions().get(3) == "deployed")
    assert replicas(instance) == 1
    eventually("told", lambda: instance.event_messages("ReleaseTakenBack"))
    [message] = instance.event_messages("ReleaseTakenBack")
    assert "revision 2 " in message
    eventually("reported", lambda: instance.condition("Released") == ("True", "Deployed"))
    time.sleep(2)
    assert max(instance.revisions()) == 3


def test_an_upgrade_by_hand_is_left_where_the_policy_says_so(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance, STAND_BACK)
    upgrade(instance, *TWO)
    eventually("stands back", lambda: instance.condition() == ("False", "ForeignRevision"))
    assert instance.condition("Stalled") == ("True", "ForeignRevision")
    assert "revision 2 " in instance.message()
    lines = apiserver.audit_lines()
    instance.kubectl("scale", "deployment", f"{instance.name}-inference", "--replicas=5")
    time.sleep(2)
    assert replicas(instance) == 5
    # Nothing but the status, which counts the replicas.
    assert set(apiserver.writes(OPERATOR_USER, instance.namespace, since=lines)) <= {
        f"patch bindvectorizers/{instance.name}"
    }
    instance.apply({"spec": {"takeoverPolicy": "TakeBack"}})
    eventually("taken back", lambda: replicas(instance) == 1)


def test_standing_back_ends_with_a_rollback_by_hand(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance, STAND_BACK)
    upgrade(instance, *TWO)
    eventually("stands back", lambda: instance.condition() == ("False", "ForeignRevision"))
    helm(instance, "rollback", instance.name, "1")
    eventually("goes on", lambda: instance.condition("Released") == ("True", "Deployed"))
    assert max(instance.revisions()) == 3
    assert replicas(instance) == 1


def test_a_release_that_was_left_outlives_its_resource(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance, STAND_BACK)
    upgrade(instance, *TWO)
    eventually("stands back", lambda: instance.condition() == ("False", "ForeignRevision"))
    instance.delete(wait_s=20)
    assert instance.revisions() == {1: "superseded", 2: "deployed"}
    [message] = instance.event_messages("ReleaseLeft")
    assert f"helm uninstall {instance.name}" in message


@contextlib.contextmanager
def hanging_upgrade(instance: Instance) -> Iterator[subprocess.Popen[bytes]]:
    """Run somebody's upgrade that waits for pods which nobody starts."""
    process = subprocess.Popen(
        command(instance, "upgrade", instance.name, CHART, *TWO, "--wait", "--timeout=60s"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_pending_upgrade_of_a_living_helm_is_not_marked_failed(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    with hanging_upgrade(instance) as process:
        eventually("pending", lambda: instance.revisions().get(2) == "pending-upgrade")
        eventually("told", lambda: "somebody else" in instance.message())
        assert instance.condition() == ("Unknown", "ReleaseLocked")
        lines = apiserver.audit_lines()
        time.sleep(4)  # the operator's own would have been unlocked after 1 s
        assert process.poll() is None
        assert instance.revisions()[2] == "pending-upgrade"
        assert apiserver.writes(OPERATOR_USER, instance.namespace, since=lines) == []
        instance.delete()  # a deletion waits too, and not for ever: see the next test


def test_a_pending_upgrade_of_a_dead_helm_is_unlocked_in_the_end(
    operator_kubeconfig: Any, shared_operator: OperatorProcess, instance: Instance, tmp_path: Any
) -> None:
    shared_operator.stop()
    process = OperatorProcess(operator_kubeconfig, tmp_path, {"FOREIGN_UNLOCK_AFTER_S": "4"})
    process.start()
    try:
        installed(instance)
        with hanging_upgrade(instance):
            eventually("pending", lambda: instance.revisions().get(2) == "pending-upgrade")
        eventually("taken back", lambda: instance.revisions().get(3) == "deployed")
        assert instance.event_reasons().count("Unlocked") == 1
        assert replicas(instance) == 1
    finally:
        process.stop()


def test_a_deletion_does_not_wait_for_ever_for_somebody_elses_helm(
    impatient_operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    with hanging_upgrade(instance):
        eventually("pending", lambda: instance.revisions().get(2) == "pending-upgrade")
        instance.delete(wait_s=20)
        assert instance.revisions() == {}
        assert instance.get("deployment", "-inference") is None


@pytest.mark.parametrize("policy", ["TakeBack", "StandBack"])
def test_a_rollback_by_hand_is_followed_by_an_upgrade(
    operator: OperatorProcess, instance: Instance, policy: str
) -> None:
    spec = {"takeoverPolicy": policy}
    installed(instance, {"spec": spec})
    instance.apply({"spec": spec | {"inference": {"replicas": 2}}})
    eventually("upgraded", lambda: instance.revisions().get(2) == "deployed")
    helm(instance, "rollback", instance.name, "1")
    eventually("upgraded again", lambda: instance.revisions().get(4) == "deployed")
    assert replicas(instance) == 2
    assert instance.event_messages("ReleaseTakenBack") == []


@pytest.mark.parametrize("policy", ["TakeBack", "StandBack"])
def test_a_release_uninstalled_by_hand_is_installed_again(
    operator: OperatorProcess, instance: Instance, policy: str
) -> None:
    installed(instance, {"spec": {"takeoverPolicy": policy}})
    uid = instance.get("deployment", "-inference")["metadata"]["uid"]
    helm(instance, "uninstall", instance.name)
    eventually("installed", lambda: instance.revisions() == {1: "deployed"})
    eventually("again", lambda: (instance.get("deployment", "-inference") or {})["metadata"]["uid"] != uid)


def test_two_who_upgrade_in_turn_do_not_do_so_for_ever(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance)
    for number in (2, 4, 6):
        upgrade(instance, *TWO)
        eventually("taken back", lambda n=number: instance.revisions().get(n + 1) == "deployed")
    upgrade(instance, *TWO)
    eventually("left", lambda: instance.condition() == ("False", "ForeignRevision"))
    assert "taken back 3 times" in instance.message()
    assert replicas(instance) == 2
    instance.delete(wait_s=20)
    assert instance.revisions() == {}
