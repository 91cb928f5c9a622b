"""Deletion, with what fails and what cannot be deleted."""

import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from bind_operator.cluster.kube import Observed
from bind_operator.errors import HelmFailed
from bind_operator.policy.facts import Failure, Key
from bind_operator.reasons import Reason
from bind_operator.reconcile.deletion import Deletion
from bind_operator.release.storage import HelmDriver

KEY = Key("demo", "t")
FAILED = Failure(Reason.HELM_FAILED, "forbidden", is_final=False)
LIMIT_S = 300.0


@dataclass
class FakeKube:
    """Records what is written."""

    events: list[tuple[Reason, str, bool]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    finalizer_removed: bool = False

    async def record_event(self, resource: Any, reason: Reason, message: str, *, warning: bool) -> None:
        self.events.append((reason, message, warning))

    async def delete_claims(self, key: Key, claims: Any) -> None:
        self.deleted += [claim["metadata"]["name"] for claim in claims]

    async def apply_finalizer(self, resource: Any, *, present: bool) -> None:
        self.finalizer_removed = not present


@dataclass
class FakeHelm:
    """Uninstalls, or fails."""

    driver = HelmDriver.CONFIG_MAP
    error: HelmFailed | None = None
    runs: int = 0

    async def uninstall(self, key: Key) -> None:
        self.runs += 1
        if self.error:
            raise self.error


def raw(deleted_s_ago: float) -> dict[str, Any]:
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - deleted_s_ago))
    return {"metadata": {"name": "t", "namespace": "demo", "deletionTimestamp": when}}


def seen(*claims: str) -> Observed:
    items = tuple({"metadata": {"name": name}} for name in claims)
    return Observed((), None, None, None, (), items)


def make(helm: FakeHelm | None = None) -> tuple[Deletion, FakeKube, FakeHelm]:
    kube, helm = FakeKube(), helm or FakeHelm()
    return Deletion(kube, helm, LIMIT_S), kube, helm  # type: ignore[arg-type]


def only_event(kube: FakeKube, reason: Reason, *, warning: bool) -> str:
    """Return the message of the one event, which has this reason."""
    [(found, message, is_warning)] = kube.events
    assert (found, is_warning) == (reason, warning)
    return message


async def test_uninstall_is_reported_and_looks_again() -> None:
    deletion, kube, helm = make()
    assert await deletion.uninstall(KEY, raw(1), None) is False
    assert helm.runs == 1
    assert [event[0] for event in kube.events] == [Reason.UNINSTALLED]


async def test_uninstall_waits_after_a_failure() -> None:
    deletion, kube, helm = make()
    assert await deletion.uninstall(KEY, raw(1), FAILED) is False
    assert (helm.runs, kube.events) == (0, [])


async def test_uninstall_that_fails_is_the_callers() -> None:
    deletion, kube, _ = make(FakeHelm(HelmFailed("forbidden")))
    with pytest.raises(HelmFailed):
        await deletion.uninstall(KEY, raw(1), None)
    assert not kube.finalizer_removed


async def test_uninstall_gives_up_at_the_limit_and_says_how_to_go_on() -> None:
    deletion, kube, helm = make()
    assert await deletion.uninstall(KEY, raw(LIMIT_S + 1), FAILED) is True
    assert (helm.runs, kube.finalizer_removed) == (0, True)
    message = only_event(kube, Reason.UNINSTALL_GAVE_UP, warning=True)
    assert "forbidden" in message
    assert "HELM_DRIVER=configmap helm uninstall t -n demo" in message


async def test_retained_volumes_are_named_with_the_command_that_removes_them() -> None:
    deletion, kube, _ = make()
    assert await deletion.finish(KEY, raw(1), seen("data-0"), "Retain", owned=True) is True
    assert (kube.deleted, kube.finalizer_removed) == ([], True)
    message = only_event(kube, Reason.VOLUMES_KEPT, warning=False)
    assert "data-0" in message
    assert "kubectl delete pvc -n demo -l app.kubernetes.io/name=weaviate-bind" in message


async def test_deleted_volumes_are_waited_for_and_reported() -> None:
    deletion, kube, _ = make()
    assert await deletion.finish(KEY, raw(1), seen("data-0"), "Delete", owned=True) is False
    assert (kube.deleted, kube.finalizer_removed, kube.events) == (["data-0"], False, [])
    assert await deletion.finish(KEY, raw(2), seen(), "Delete", owned=True) is True
    assert kube.finalizer_removed
    assert kube.events == [(Reason.VOLUMES_DELETED, "volumes deleted: data-0", False)]


async def test_volumes_that_do_not_go_are_left_at_the_limit() -> None:
    deletion, kube, _ = make()
    assert await deletion.finish(KEY, raw(LIMIT_S + 1), seen("data-0"), "Delete", owned=True) is True
    assert kube.deleted == []
    message = only_event(kube, Reason.VOLUMES_LEFT, warning=True)
    assert "kubectl describe pvc -n demo data-0" in message


async def test_volumes_of_somebody_else_are_never_touched() -> None:
    deletion, kube, _ = make()
    assert await deletion.finish(KEY, raw(1), seen("data-0"), "Delete", owned=False) is True
    assert (kube.deleted, kube.events) == ([], [])


async def test_nothing_to_keep_says_nothing() -> None:
    deletion, kube, _ = make()
    assert await deletion.finish(KEY, raw(1), seen(), "Retain", owned=True) is True
    assert kube.events == []
