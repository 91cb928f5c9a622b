"""A Weaviate or an inference server that is there already: what is made, what is told, and what waits."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from integration.instance import GATE_PORT, TINY_META, TINY_VECTORS, Instance, answering, answering_checks
from integration.operator_process import OperatorProcess
from integration.test_consent import HELD, known, runs, token
from support.waiting import eventually

URL = "http://weaviate.search.svc"
SERVER = "http://imagebind.models.svc:8080"


def external(**fields: Any) -> dict[str, Any]:
    return {"spec": {"weaviate": {"external": {"url": URL} | fields}}}


def elsewhere(**fields: Any) -> dict[str, Any]:
    inference = {"external": {"url": SERVER} | fields, "model": {"name": "ImageBindHuge"}}
    return {"spec": {"inference": inference}}


@dataclass
class Gate:
    """What the gate answers of the Weaviate elsewhere, and of the servers behind it."""

    status: int = HTTPStatus.OK
    modules: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def weaviate(self) -> tuple[int, object]:
        if self.status != HTTPStatus.OK:
            return self.status, {"error": "why"}
        return self.status, {"version": "1.35.2", "modules": self.modules}


@contextlib.contextmanager
def answering_gate(instance: Instance) -> Iterator[Gate]:
    """Answer at the address of the gate's Service, as the gate's pods would."""
    gate = Gate()
    answers = {
        "/weaviate/v1/meta": gate.weaviate,
        "/meta": lambda: (HTTPStatus.OK, named(instance)),
        "/verify": lambda: (HTTPStatus.OK, TINY_VECTORS),
    }
    address = instance.get("service", "-gate")["spec"]["clusterIP"]
    with answering(address, GATE_PORT, gate.asked, answers):
        yield gate


def named(instance: Instance) -> dict[str, Any]:
    return TINY_META | {"gate": f"{instance.namespace}/{instance.name}"}


def released(instance: Instance) -> None:
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"), within_s=30)


def workloads(instance: Instance) -> set[str]:
    kinds = {"weaviate": "statefulset", "inference": "deployment", "gate": "deployment"}
    return {name for name, kind in kinds.items() if instance.get(kind, f"-{name}")}


def test_a_weaviate_elsewhere_is_asked_until_it_has_the_module(
    operator: OperatorProcess, instance: Instance
) -> None:
    instance.apply(external(apiKey={"name": "keys", "key": "reader"}))
    released(instance)
    assert workloads(instance) == {"inference", "gate"}
    assert instance.claims() == []
    address = f"http://{instance.name}-gate.{instance.namespace}.svc"
    status = instance.status()
    assert status["weaviateSettings"]["env"] == {
        "ENABLE_MODULES": "multi2vec-bind",
        "BIND_INFERENCE_API": address,
    }
    assert status["endpoints"] == {
        "http": URL,
        "gate": address,
        "inference": f"http://{instance.name}-inference.{instance.namespace}.svc:8080",
    }
    with answering_gate(instance) as gate:
        instance.roll_out()
        eventually("told", lambda: instance.condition() == ("False", "ModuleAbsent"), within_s=20)
        words = f"ENABLE_MODULES has to hold multi2vec-bind, and BIND_INFERENCE_API={address}"
        assert words in instance.message()
        assert instance.condition("WeaviateReady") == ("False", "ModuleAbsent")
        assert instance.condition("InferenceReady") == ("True", "AllReady")
        assert address in instance.event_messages("ModuleAbsent")[-1]
        gate.modules = {"multi2vec-bind": TINY_META}
        eventually("past the gate", lambda: instance.condition() == ("False", "ModuleElsewhere"), within_s=20)
        gate.modules = {"multi2vec-bind": named(instance)}
        eventually("ready", lambda: instance.condition() == ("True", "InSync"), within_s=30)
        assert instance.condition("WeaviateReady") == ("True", "Answers")
        assert instance.condition("Verified") == ("True", "Verified")
        assert set(gate.asked) == {"/weaviate/v1/meta", "/meta", "/verify"}
    instance.delete(wait_s=30)
    assert workloads(instance) == set()


def test_a_key_and_an_address_that_do_not_serve_are_told(
    operator: OperatorProcess, instance: Instance
) -> None:
    instance.apply(external(apiKey={"name": "keys", "key": "reader"}))
    released(instance)
    with answering_gate(instance) as gate:
        gate.status = HTTPStatus.FAILED_DEPENDENCY
        instance.roll_out()
        eventually("missing", lambda: instance.condition() == ("False", "WeaviateKeyMissing"), within_s=20)
        assert "the entry reader of the Secret keys" in instance.message()
        gate.status = HTTPStatus.UNAUTHORIZED
        eventually("refused", lambda: instance.condition() == ("False", "WeaviateKeyRefused"), within_s=20)
        gate.status = HTTPStatus.BAD_GATEWAY
        # It may only be restarting; three in a row would make it False.
        eventually("away", lambda: instance.condition() == ("Unknown", "WeaviateUnreachable"), within_s=20)
        assert "spec.weaviate.external.url" in instance.message()


def test_gates_are_workloads_as_others_are(operator: OperatorProcess, instance: Instance) -> None:
    instance.apply(external())
    released(instance)
    eventually("waits", lambda: instance.condition()[1] in ("GateNotReady", "RollingOut"))
    instance.server.kubectl("delete", "deployment", f"{instance.name}-gate", "-n", instance.namespace)
    eventually("back", lambda: "gate" in workloads(instance))
    eventually("told", lambda: "DriftCorrected" in instance.event_reasons())
    assert instance.revisions() == {1: "deployed"}


def test_a_weaviate_that_runs_does_not_go_without_consent(
    operator: OperatorProcess, instance: Instance
) -> None:
    runs(instance, {})
    claim = instance.create_claim("32Gi")
    instance.apply(external())
    eventually("held", lambda: instance.condition() == HELD)
    for words in ("would be deleted", URL, "volumes stay", "resource of another name"):
        assert words in instance.message()
    assert workloads(instance) == {"weaviate", "inference"}
    # What is deployed is kept whole meanwhile.
    name = f"{instance.name}-weaviate"
    instance.server.kubectl("delete", "statefulset", name, "-n", instance.namespace)
    eventually("back", lambda: "weaviate" in workloads(instance))
    eventually("held still", lambda: instance.condition() == HELD)
    before = len(instance.revisions())
    instance.accept(token(instance))
    eventually("applied", lambda: workloads(instance) == {"inference", "gate"}, within_s=30)
    assert instance.claims() == [claim]
    assert len(instance.revisions()) == before + 1
    eventually("forgotten", lambda: known(instance) is None)
    # Another change needs no consent, and the way back finds the claim.
    instance.apply(external(gateReplicas=3))
    eventually("free", lambda: instance.get("deployment", "-gate")["spec"]["replicas"] == 3, within_s=30)
    instance.apply()
    eventually("managed", lambda: workloads(instance) == {"weaviate", "inference"}, within_s=30)
    assert instance.claims() == [claim]


def test_an_inference_server_elsewhere_is_asked_through_the_gate(
    operator: OperatorProcess, instance: Instance
) -> None:
    instance.apply(elsewhere())
    released(instance)
    assert workloads(instance) == {"weaviate"}
    config = instance.get("configmap", "-gate")["data"]["Caddyfile"]
    assert "dynamic a imagebind.models.svc 8080" in config
    with answering_checks(instance) as live:
        instance.roll_out("statefulset")
        eventually("ready", lambda: instance.condition() == ("True", "InSync"), within_s=20)
        assert instance.condition("InferenceReady") == ("True", "Answers")
        status = instance.status()
        assert status["endpoints"]["inference"] == SERVER
        assert not {"replicas", "device", "weaviateSettings"} & set(status)
        assert status["vectorSpace"]["weights"] == SERVER
        live.status = HTTPStatus.SERVICE_UNAVAILABLE
        live.vectors = live.entry = {"error": "no ImageBind server is ready"}
        instance.kubectl("annotate", "bv", instance.name, "bindvectorizer.dev/reconcile=1")
        eventually("away", lambda: instance.condition() == ("False", "InferenceUnreachable"), within_s=60)
        assert instance.condition("InferenceReady") == ("False", "InferenceUnreachable")
        assert "spec.inference.external.url" in instance.message()


def test_another_server_needs_consent(operator: OperatorProcess, instance: Instance) -> None:
    instance.apply(elsewhere())
    released(instance)
    with answering_checks(instance):
        instance.roll_out("statefulset")
        eventually("ready", lambda: instance.condition() == ("True", "InSync"), within_s=20)
        instance.apply(elsewhere(url="http://other.models.svc:8080"))
        eventually("held", lambda: instance.condition() == HELD)
        assert "the server at http://other.models.svc:8080" in instance.message()
        assert workloads(instance) == {"weaviate"}
