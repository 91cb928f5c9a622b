"""A change that breaks data waits for its user's word; all else of the resource goes on."""

import contextlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from integration.instance import GATE_IP, GATE_PORT, TINY_META, TINY_VECTORS, Instance
from integration.operator_process import OperatorProcess
from support.http_server import listening
from support.waiting import eventually

HELD = ("False", "ChangeNeedsConsent")
INT8 = {"spec": {"inference": {"model": {"name": "Tiny", "precision": "int8"}}}}
CLASS = {"class": "Things", "vectorizer": "multi2vec-bind"}


def weaviate(**fields: Any) -> dict[str, Any]:
    return {"spec": {"weaviate": fields}}


def runs(instance: Instance, patch: dict[str, Any]) -> None:
    """Apply the resource and wait until the operator knows what Weaviate runs with."""
    instance.apply(patch)
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"))
    wanted = instance.get()["spec"]["weaviate"]

    def is_known() -> bool:
        instance.roll_out()  # an upgrade may still have been to come
        return known(instance) == (wanted["version"], wanted["replicas"])

    eventually("known", is_known)


def known(instance: Instance) -> tuple[str, int] | None:
    found = instance.status().get("weaviate")
    return (found["version"], found["replicas"]) if found else None


def token(instance: Instance) -> str:
    found = re.search(r"bindvectorizer\.dev/accept=(\w+)", instance.message("ChangesAccepted"))
    assert found, instance.message("ChangesAccepted")
    return found[1]


CHANGES = {
    "version-back": (weaviate(version="1.35.2"), weaviate(version="1.34.9"), "from 1.35.2 to 1.34.9"),
    "version-leap": (weaviate(version="1.35.2"), weaviate(version="1.37.0"), "more than one minor"),
    "replicas-down": (weaviate(replicas=3), weaviate(replicas=1), "RAFT"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_breaking_change_waits_for_consent(
    operator: OperatorProcess, instance: Instance, case: str
) -> None:
    before, after, words = CHANGES[case]
    runs(instance, before)
    instance.apply(after)
    eventually("held", lambda: instance.condition() == HELD)
    assert words in instance.message()
    assert instance.condition("ChangesAccepted") == HELD
    assert instance.condition("Stalled") == ("True", "ChangeNeedsConsent")
    instance.accept("0123456789")
    time.sleep(1.5)
    assert instance.condition() == HELD
    assert instance.revisions() == {1: "deployed"}
    instance.accept(token(instance))
    eventually("applied", lambda: instance.revisions() == {1: "superseded", 2: "deployed"})
    eventually("told", lambda: "ChangeAccepted" in instance.event_reasons())
    eventually("free", lambda: instance.condition("ChangesAccepted")[0] == "True")


def test_consent_holds_for_one_change_only(operator: OperatorProcess, instance: Instance) -> None:
    runs(instance, weaviate(version="1.35.2"))
    instance.apply(weaviate(version="1.34.0"))
    eventually("held", lambda: instance.condition() == HELD)
    first = token(instance)
    instance.accept(first)
    eventually("applied", lambda: len(instance.revisions()) == 2)
    runs(instance, weaviate(version="1.34.0"))
    runs(instance, weaviate(version="1.35.2"))
    instance.apply(weaviate(version="1.34.0"))
    eventually("held again", lambda: instance.condition() == HELD)
    assert token(instance) != first


def test_a_change_that_is_taken_back_needs_no_consent(operator: OperatorProcess, instance: Instance) -> None:
    runs(instance, weaviate(replicas=3))
    instance.apply(weaviate(replicas=2))
    eventually("held", lambda: instance.condition() == HELD)
    instance.apply(weaviate(replicas=3))
    eventually("free", lambda: instance.condition("ChangesAccepted") == ("True", "NoOpenChange"))
    assert instance.condition()[1] != "ChangeNeedsConsent"
    assert instance.revisions() == {1: "deployed"}


def test_patches_and_more_replicas_are_free(operator: OperatorProcess, instance: Instance) -> None:
    runs(instance, weaviate(version="1.35.2"))
    runs(instance, weaviate(version="1.35.1", replicas=3))
    runs(instance, weaviate(version="1.36.0", replicas=3))
    assert "ChangeAccepted" not in instance.event_reasons()


def test_what_is_deployed_is_kept_whole_meanwhile(operator: OperatorProcess, instance: Instance) -> None:
    runs(instance, weaviate(version="1.35.2"))
    instance.apply(weaviate(version="1.34.0"))
    eventually("held", lambda: instance.condition() == HELD)
    name = f"{instance.name}-weaviate"
    instance.server.kubectl("delete", "statefulset", name, "-n", instance.namespace)
    eventually("back", lambda: instance.get("statefulset", "-weaviate"))
    eventually("held still", lambda: instance.condition() == HELD)
    image = instance.get("statefulset", "-weaviate")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image.endswith(":1.35.2")
    assert instance.revisions() == {1: "superseded", 2: "deployed"}
    time.sleep(2)
    assert len(instance.revisions()) == 2


@dataclass
class FakeWeaviate:
    """What a Weaviate with the module answers, and its gate."""

    fingerprint: str = "Tiny-float32-00000000"
    classes: list[Any] = field(default_factory=list)
    objects: list[Any] = field(default_factory=list)

    def answer(self, path: str) -> Any:
        module = TINY_META | {"fingerprint": self.fingerprint}
        answers = {
            "/verify": TINY_VECTORS,
            "/v1/meta": {"modules": {"multi2vec-bind": module}},
            "/v1/schema": {"classes": self.classes},
            "/v1/graphql": {"data": {"Get": {one["class"]: self.objects for one in self.classes}}},
        }
        return answers.get(path)


@contextlib.contextmanager
def serving(instance: Instance, fake: FakeWeaviate) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = fake.answer(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

    service = instance.get("service", "-weaviate")["spec"]
    with (
        listening(Handler, service["clusterIP"], service["ports"][0]["port"]),
        listening(Handler, GATE_IP, GATE_PORT),
    ):
        yield


@contextlib.contextmanager
def verified(instance: Instance, fake: FakeWeaviate) -> Iterator[None]:
    """Let the resource be Ready with `fake` behind it, until the end of the block."""
    instance.apply()
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"))
    instance.create_weaviate_pod()
    with serving(instance, fake):
        instance.roll_out()
        eventually("ready", lambda: instance.condition() == ("True", "InSync"))
        eventually("remembered", lambda: instance.status().get("vectorSpace", {}).get("fingerprint"))
        yield


def test_another_precision_class_waits_while_collections_hold_vectors(
    operator: OperatorProcess, instance: Instance
) -> None:
    with verified(instance, FakeWeaviate(classes=[CLASS], objects=[{}])):
        assert instance.condition("VectorSpaceKept") == ("True", "SameVectorSpace")
        instance.apply(INT8)
        eventually("held", lambda: instance.condition() == HELD)
        assert "int8" in instance.message()
        operator.kill()
        operator.start()
        time.sleep(2)
        assert instance.condition() == HELD
        instance.accept(token(instance))
        eventually("applied", lambda: len(instance.revisions()) == 2)


@pytest.mark.parametrize("classes", [[], [CLASS], [{"class": "Plain", "vectorizer": "none"}]])
def test_an_empty_database_is_not_guarded(
    operator: OperatorProcess, instance: Instance, classes: list[Any]
) -> None:
    with verified(instance, FakeWeaviate(classes=classes)):
        instance.apply(INT8)
        eventually("applied", lambda: len(instance.revisions()) == 2)


def test_a_weaviate_that_does_not_answer_is_taken_for_filled(
    operator: OperatorProcess, instance: Instance
) -> None:
    with verified(instance, FakeWeaviate()):
        pass
    instance.apply(INT8)
    eventually("held", lambda: instance.condition() == HELD)


def test_a_server_with_other_vectors_is_told_and_can_be_accepted(
    operator: OperatorProcess, instance: Instance
) -> None:
    fake = FakeWeaviate(classes=[CLASS], objects=[{}])
    with verified(instance, fake):
        # Another precision of the class is the same space.
        fake.fingerprint = "Tiny-bfloat16-00000000"
        operator.kill()
        operator.start()
        time.sleep(3)
        assert instance.condition("VectorSpaceKept") == ("True", "SameVectorSpace")
        fake.fingerprint = "Tiny-float32-ffffffff"
        operator.kill()
        operator.start()
        eventually("told", lambda: instance.condition("VectorSpaceKept") == ("False", "VectorSpaceChanged"))
        assert instance.condition() == ("True", "InSync")
        assert instance.status()["vectorSpace"]["fingerprint"] == "Tiny-float32-00000000"
        assert instance.event_reasons().count("VectorSpaceChanged") == 1
        text = re.search(r"accept=(\w+)", instance.message("VectorSpaceKept"))
        assert text
        instance.accept(text[1])
        eventually("accepted", lambda: instance.condition("VectorSpaceKept")[0] == "True")
        assert instance.status()["vectorSpace"]["fingerprint"] == "Tiny-float32-ffffffff"


def test_kept_data_is_guarded_before_the_next_resource_installs(
    operator: OperatorProcess, instance: Instance
) -> None:
    small = weaviate(version="1.35.2", storage={"size": "1Gi"})
    instance.apply(small)
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"))
    claim = instance.create_claim()
    runs(instance, small)

    def marked() -> bool:
        found = instance.server.get("pvc", claim, namespace=instance.namespace)
        return "1.35.2" in found["metadata"].get("annotations", {}).get("bindvectorizer.dev/remembered", "")

    eventually("remembered on the claim", marked)
    instance.delete(wait_s=20)
    instance.apply(weaviate(version="1.33.0", storage={"size": "1Gi"}))
    eventually("held", lambda: instance.condition() == HELD)
    assert instance.revisions() == {}
    instance.apply(small)
    eventually("installed", lambda: instance.revisions() == {1: "deployed"})
