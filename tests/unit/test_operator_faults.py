"""What the stories of faults complain of: each complaint is made by one thing that is wrong."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from support.operator_faults.convergence import MARK, Namespace, complaints, complaints_of_gone, harm

Objects = list[dict[str, Any]]


def thing(kind: str, name: str, **rest: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/instance": "a"}
    return {"kind": kind, "metadata": {"name": name, "uid": name, "generation": 2, "labels": labels}, **rest}


def event(number: int, reason: str, message: str = "") -> dict[str, Any]:
    return {
        "kind": "Event",
        "metadata": {"name": f"a.{number}", "resourceVersion": str(number)},
        "involvedObject": {"name": "a"},
        "source": {"component": "bind-operator"},
        "reason": reason,
        "message": message,
    }


def record(number: int, status: str) -> dict[str, Any]:
    labels = {"owner": "helm", "name": "a", "version": str(number), "status": status}
    return {"kind": "ConfigMap", "metadata": {"name": f"a.v{number}", "labels": labels}}


def living() -> Objects:
    """Return a resource that is all right, in its second revision."""
    container = {"env": [{"name": MARK, "value": "1"}]}
    status = {
        "observedGeneration": 2,
        "conditions": [{"type": "Ready", "status": "True", "reason": "InSync"}],
        "release": {"revision": 2},
    }
    return [
        thing("BindVectorizer", "a", status=status),
        thing("Deployment", "a-inference", spec={"template": {"spec": {"containers": [container]}}}),
        thing("StatefulSet", "a-weaviate"),
        thing("Pod", "a-weaviate-0"),
        thing("PersistentVolumeClaim", "data"),
        record(1, "superseded"),
        record(2, "deployed"),
        # Names and times do not say what came first.
        event(9, "InSync"),
        event(5, "Installed", "installed as revision 1"),
        event(6, "InSync"),
        event(7, "Upgraded", "upgraded to revision 2, because it was OutOfSync"),
        event(8, "WeaviateNotReady"),
    ]


def remove(kind: str) -> Callable[[Objects], None]:
    def change(objects: Objects) -> None:
        objects[:] = [one for one in objects if one["kind"] != kind]

    return change


def set_status(**fields: Any) -> Callable[[Objects], None]:
    return lambda objects: objects[0]["status"].update(fields)


def add(*more: dict[str, Any]) -> Callable[[Objects], None]:
    return lambda objects: objects.extend(more)


WRONG: dict[str, tuple[Callable[[Objects], None], str]] = {
    "it is gone": (remove("BindVectorizer"), "a is not there"),
    "the newest spec was not seen": (set_status(observedGeneration=1), "newest spec"),
    "it is not ready": (
        set_status(conditions=[{"type": "Ready", "reason": "HelmFailed"}]),
        "Ready is {'type': 'Ready', 'reason': 'HelmFailed'}",
    ),
    "the status tells of an old revision": (set_status(release={"revision": 1}), "revision 2 is the newest"),
    "a release is pending": (add(record(3, "pending-upgrade")), "3: 'pending-upgrade'"),
    "the last revision failed": (add(record(3, "failed")), "3: 'failed'"),
    "there are too many revisions": (
        add(*(record(number, "deployed") for number in (3, 4, 5, 6))),
        "6 revisions",
    ),
    "the pods are of an old spec": (
        lambda objects: objects[1]["spec"]["template"]["spec"]["containers"][0].update(env=[]),
        f"{MARK} is not '1'",
    ),
    "a workload is gone": (remove("StatefulSet"), "StatefulSet is not there"),
    "the data is gone": (remove("PersistentVolumeClaim"), "PersistentVolumeClaim is not there"),
    "nothing is told": (remove("Event"), "Installed is not told"),
    "a revision is not told": (add(record(3, "deployed")), "revision 3 is deployed"),
    "a revision is told twice": (
        add(event(10, "Upgraded", "upgraded to revision 2"), event(11, "InSync")),
        "not told once each",
    ),
    "revisions are told out of order": (
        add(event(4, "Upgraded", "upgraded to revision 2"), event(11, "InSync")),
        "in order: [2, 1, 2]",
    ),
    "the end is not told": (add(event(10, "HelmFailed")), "HelmFailed, and it is InSync"),
}


def test_nothing_is_said_of_what_is_right() -> None:
    assert complaints(Namespace(living()), "a", mark="1") == []


@pytest.mark.parametrize("case", sorted(WRONG))
def test_each_wrong_is_told(case: str) -> None:
    change, words = WRONG[case]
    objects = living()
    change(objects)
    assert words in "\n".join(complaints(Namespace(objects), "a", mark="1"))


def gone() -> Objects:
    told = ("Installed", "InSync", "Deleting", "Uninstalled", "VolumesKept", "KeysKept")
    return [
        thing("PersistentVolumeClaim", "data"),
        *(event(number, reason, "revision 1") for number, reason in enumerate(told)),
    ]


LEFT: dict[str, tuple[Callable[[Objects], None], str]] = {
    "it is still there": (add(thing("BindVectorizer", "a")), "a is still there"),
    "Helm knows it still": (add(record(1, "uninstalling")), "still has records"),
    "a Service was left": (add(thing("Service", "a-weaviate")), "Service a-weaviate was left"),
    "the data is gone": (remove("PersistentVolumeClaim"), "its volume claim is gone"),
    "it is told twice": (add(event(9, "VolumesKept")), "VolumesKept is told 2 times"),
    "it is not told": (remove("Event"), "Uninstalled is told 0 times"),
    "something is told afterwards": (add(event(9, "Upgraded")), "not the last"),
}


def test_nothing_is_said_of_what_is_gone() -> None:
    assert complaints_of_gone(Namespace(gone()), "a") == []


@pytest.mark.parametrize("case", sorted(LEFT))
def test_each_thing_that_was_left_is_told(case: str) -> None:
    change, words = LEFT[case]
    objects = gone()
    change(objects)
    assert words in "\n".join(complaints_of_gone(Namespace(objects), "a"))


HARM: dict[str, Callable[[Objects], None]] = {
    "a pod was replaced": lambda objects: objects[3]["metadata"].update(uid="another"),
    "a workload was changed": lambda objects: objects[2]["metadata"].update(generation=3),
    "it was upgraded": add(record(3, "deployed")),
    "it was told of": add(event(10, "DriftCorrected")),
}


@pytest.mark.parametrize("case", sorted(HARM))
def test_what_nobody_asked_for_is_told(case: str) -> None:
    before = living()
    after = copy.deepcopy(before)
    assert harm(Namespace(before), Namespace(after), "a") == []
    HARM[case](after)
    assert len(harm(Namespace(before), Namespace(after), "a")) == 1


def test_a_live_check_that_had_no_answer_for_a_while_is_no_harm() -> None:
    after = [*living(), event(10, "Verifying"), event(11, "InSync")]
    assert harm(Namespace(living()), Namespace(after), "a") == []
