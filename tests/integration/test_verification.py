"""The live check in the operator's own process: what its answers make of the status, and what they cost."""

import contextlib
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from integration.apiserver import ApiServer
from integration.conftest import OPERATOR_USER
from integration.instance import GATE_IP, GATE_PORT, TINY_VECTORS, Instance, LiveAnswers, answering_checks
from integration.operator_process import OperatorProcess
from support.deaf import deaf_address
from support.waiting import eventually

Start = Callable[..., OperatorProcess]


@pytest.fixture
def start(operator_kubeconfig: Path, shared_operator: OperatorProcess, tmp_path: Path) -> Iterator[Start]:
    """Start an operator with settings of its own, in the place of the shared one."""
    shared_operator.stop()
    with contextlib.ExitStack() as stack:

        def started(**settings: str) -> OperatorProcess:
            process = OperatorProcess(operator_kubeconfig, tmp_path, settings)
            stack.callback(process.stop)
            process.start()
            return process

        yield started


def installed(instance: Instance) -> None:
    instance.apply()
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"), within_s=30)


@contextlib.contextmanager
def verified(instance: Instance) -> Iterator[LiveAnswers]:
    installed(instance)
    with answering_checks(instance) as live:
        instance.roll_out()
        eventually("ready", lambda: instance.condition() == ("True", "InSync"), within_s=20)
        yield live


def test_a_module_that_reports_an_error_is_not_verified(
    operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    with answering_checks(instance) as live:
        live.entry = {"error": "no ImageBind server is ready"}
        instance.roll_out()
        eventually("reported", lambda: instance.condition() == ("Unknown", "Verifying"))
        assert "reports: no ImageBind server is ready" in instance.message()
        live.entry = {"model": "Tiny", "dimension": 32}
        eventually("ready", lambda: instance.condition() == ("True", "InSync"), within_s=30)


def test_the_status_tells_when_and_what_was_verified(operator: OperatorProcess, instance: Instance) -> None:
    with verified(instance) as live:
        status = instance.status()
        assert status["verifiedVectors"]["fingerprint"] == "Tiny-test-1"
        assert status["lastVerifiedTime"] > "2026"
        assert (set(live.asked), live.asked.count("/verify")) == ({"/v1/meta", "/verify"}, 1)
        assert operator.metric("bind_operator_verified_timestamp_seconds") > time.time() - 600
        ready = {"type": "Ready", "name": instance.name}
        assert operator.metric("bind_operator_resource_condition", **ready) == 1
        assert operator.metric("bind_operator_resource_condition", **ready, reason="InSync") == 1
        assert operator.metric("bind_operator_resource_ready_pods", name=instance.name) == 2


def test_a_system_that_is_well_is_checked_once_more_when_asked(
    operator: OperatorProcess, instance: Instance
) -> None:
    with verified(instance) as live:
        asked = live.asked.count("/verify")
        instance.kubectl("annotate", "bv", instance.name, "bindvectorizer.dev/reconcile=1")
        eventually("handled", lambda: instance.status().get("lastHandledReconcile") == "1", within_s=20)
        assert instance.condition() == ("True", "InSync")
        assert live.asked.count("/verify") == asked + 1


def test_other_weights_under_the_same_name_are_noticed(operator: OperatorProcess, instance: Instance) -> None:
    with verified(instance) as live:
        live.vectors = TINY_VECTORS | {"imageVectors": [[-1.0, 3.0] * 16]}
        instance.remove_pod("weaviate")
        instance.create_weaviate_pod(container="2")
        eventually("noticed", lambda: instance.condition() == ("False", "VerificationFailed"))
        assert "not those of its fingerprint Tiny-test-1 (cosine of picture -0." in instance.message()
        patch = '[{"op": "remove", "path": "/status/verifiedVectors"}]'
        where = ("-n", instance.namespace, "--subresource=status", "--type=json", "-p", patch)
        instance.server.kubectl("patch", "bv", instance.name, *where)
        eventually("accepted", lambda: instance.condition() == ("True", "InSync"), within_s=60)


def test_an_operator_waits_for_no_network(apiserver: ApiServer, start: Start, instance: Instance) -> None:
    operator = start(WORKERS="1", VERIFY_TIMEOUT_S="30", NAMESPACE="bind-system", SETTLE_S="1")
    installed(instance)
    instance.create_weaviate_pod()
    other = Instance(apiserver, "other", instance.namespace)
    with deaf_address(GATE_IP, GATE_PORT):
        instance.roll_out()
        eventually("checking", lambda: instance.condition() == ("Unknown", "Verifying"))
        other.apply()
        # One worker, and a check that takes 30 s.
        eventually("released", lambda: other.condition("Released") == ("True", "Deployed"), within_s=20)
    other.delete(wait_s=20)
    assert operator.is_running


def test_a_policy_that_drops_packets_is_told_by_the_rule_that_is_missing(
    start: Start, instance: Instance
) -> None:
    start(NAMESPACE="bind-system", POD_LABELS='{"a": "b"}')
    installed(instance)
    instance.create_weaviate_pod()
    service = instance.get("service", "-weaviate")["spec"]
    with deaf_address(service["clusterIP"], service["ports"][0]["port"]), deaf_address(GATE_IP, GATE_PORT):
        instance.roll_out()
        eventually("failed", lambda: instance.condition() == ("False", "VerificationFailed"), within_s=20)
        # In its first seconds a server may not listen yet, and no policy is suspected.
        assert instance.event_reasons()[-2:] == ["Verifying", "VerificationFailed"]
        assert "NetworkPolicy" not in instance.event_messages("Verifying")[-1]
        rule = "it must allow ingress from the operator (namespace bind-system, pods with the labels a=b)"
        assert rule in instance.message()
        assert rule in instance.event_messages("VerificationFailed")[-1]


def test_checks_without_news_write_nothing(apiserver: ApiServer, start: Start, instance: Instance) -> None:
    start(RESYNC_S="1", VERIFY_INTERVAL_S="1")
    with verified(instance) as live:
        time.sleep(1)
        lines, asked = apiserver.audit_lines(), len(live.asked)
        eventually("three more checks", lambda: len(live.asked) >= asked + 6, within_s=20)
        assert apiserver.writes(OPERATOR_USER, instance.namespace, since=lines) == []


@pytest.mark.long
def test_a_failing_check_is_repeated_ever_more_slowly(
    apiserver: ApiServer, start: Start, instance: Instance
) -> None:
    start()
    with verified(instance) as live:
        live.vectors = {"error": "the model broke"}
        live.status = HTTPStatus.INTERNAL_SERVER_ERROR
        instance.remove_pod("weaviate")
        instance.create_weaviate_pod(container="2")
        eventually("failed", lambda: instance.condition() == ("False", "VerificationFailed"))
        lines, asked = apiserver.audit_lines(), live.asked.count("/verify")
        time.sleep(8)
        # After 1, 3 and 7 s; once a second before.
        assert 1 <= live.asked.count("/verify") - asked <= 3
        assert apiserver.writes(OPERATOR_USER, instance.namespace, since=lines) == []


def test_a_new_operator_keeps_the_word_while_the_servers_are_busy(
    apiserver: ApiServer, start: Start, instance: Instance
) -> None:
    first = start()
    with verified(instance) as live:
        time.sleep(1)
        first.kill()
        live.status = HTTPStatus.TOO_MANY_REQUESTS
        live.vectors = {"error": "another check is under way"}
        lines, asked = apiserver.audit_lines(), len(live.asked)
        start()
        eventually("asked again", lambda: len(live.asked) >= asked + 4, within_s=30)
        assert apiserver.writes(OPERATOR_USER, instance.namespace, since=lines) == []
        assert instance.condition() == ("True", "InSync")
