"""Deletion, with what fails and what cannot be deleted."""

import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from bind_operator.cluster.clock import ServerClock
from bind_operator.cluster.kube import Observed
from bind_operator.errors import ApiUnavailable, HelmFailed, OperatorError
from bind_operator.policy.claims import OWNER_ANNOTATION
from bind_operator.policy.facts import Failure, Key
from bind_operator.reasons import Reason
from bind_operator.reconcile.deletion import Deletion
from bind_operator.release.storage import HelmDriver

KEY = Key("demo", "t")
FAILED = Failure(Reason.HELM_FAILED, "forbidden", is_final=False)
LIMIT_S = 300.0
POD = {"metadata": {"labels": {"app.kubernetes.io/component": "weaviate"}}}
UID = "0c5e"
CREATED, EARLIER, LATER = "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-02T00:00:09Z"


@dataclass
class FakeSecrets:
    """It has made these."""

    kept: set[str] = field(default_factory=set)

    async def is_kept(self, key: Key, name: str) -> bool:
        return name in self.kept

    async def remove(self, key: Key, name: str) -> bool:
        self.kept.discard(name)
        return True


@dataclass
class FakeKube:
    """Records what is written."""

    secrets: FakeSecrets = field(default_factory=FakeSecrets)

    recorded: list[tuple[Reason, str, bool]] = field(default_factory=list)
    told_before: set[Reason] = field(default_factory=set)
    deleted: list[str] = field(default_factory=list)
    finalizer_removed: bool = False
    error: OperatorError | None = None
    """Events cannot be read."""
    clock: ServerClock = field(default_factory=ServerClock)

    @property
    def events(self) -> "FakeKube":
        return self

    async def has_told(self, resource: Any, reasons: Any) -> bool:
        if self.error:
            raise self.error
        return bool({*reasons} & self.told_before)

    async def record_event(self, resource: Any, reason: Reason, message: str, *, warning: bool) -> None:
        self.recorded.append((reason, message, warning))

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

    @property
    def helm(self) -> "FakeHelm":
        return self

    async def step(self, key: Key, observed: Observed) -> None:
        self.runs += 1
        if self.error:
            raise self.error


def raw(deleted_s_ago: float) -> dict[str, Any]:
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - deleted_s_ago))
    metadata = {"name": "t", "namespace": "demo", "uid": UID, "creationTimestamp": CREATED}
    return {"metadata": metadata | {"deletionTimestamp": when}}


def seen(*claims: str, owner: str | None = UID, pods: int = 0, created: str = LATER) -> Observed:
    """Return claims that the resource `owner` used, and pods that are still there."""
    annotations = {OWNER_ANNOTATION: owner} if owner else {}
    items = tuple(
        {"metadata": {"name": name, "creationTimestamp": created, "annotations": annotations}}
        for name in claims
    )
    return Observed((), None, None, None, (POD,) * pods, items)


def make(helm: FakeHelm | None = None) -> tuple[Deletion, FakeKube, FakeHelm]:
    kube, helm = FakeKube(), helm or FakeHelm()
    return Deletion(kube, helm, kube.secrets, LIMIT_S), kube, helm  # type: ignore[arg-type]


def only_event(kube: FakeKube, reason: Reason, *, warning: bool) -> str:
    """Return the message of the one event, which has this reason."""
    [(found, message, is_warning)] = kube.recorded
    assert (found, is_warning) == (reason, warning)
    return message


async def test_an_uninstall_is_told_once_the_release_is_seen_to_be_gone() -> None:
    deletion, kube, helm = make()
    assert await deletion.uninstall(KEY, raw(1), seen(), None) is False
    assert (helm.runs, kube.recorded) == (1, [])
    assert await deletion.finish(KEY, raw(1), seen(), "Retain", owned=True) is True
    assert [event[0] for event in kube.recorded] == [Reason.UNINSTALLED]


async def test_an_operator_that_lost_its_lease_meanwhile_tells_nothing_twice() -> None:
    deletion, kube, _ = make()
    resource = raw(1.0) | {"status": {"release": {"revision": 1}}}
    await deletion.uninstall(KEY, resource, seen(), None)
    assert await deletion.finish(KEY, resource, seen("data"), "Retain", owned=True)
    kube.told_before = {reason for reason, _, _ in kube.recorded}
    deletion.forget(KEY)
    await deletion.uninstall(KEY, resource, seen(), None)
    assert await deletion.finish(KEY, resource, seen("data"), "Retain", owned=True)
    assert [reason for reason, _, _ in kube.recorded] == [Reason.UNINSTALLED, Reason.VOLUMES_KEPT]


async def test_uninstall_waits_after_a_failure() -> None:
    deletion, kube, helm = make()
    assert await deletion.uninstall(KEY, raw(1), seen(), FAILED) is False
    assert (helm.runs, kube.recorded) == (0, [])


async def test_uninstall_that_fails_is_the_callers() -> None:
    deletion, kube, _ = make(FakeHelm(HelmFailed("forbidden")))
    with pytest.raises(HelmFailed):
        await deletion.uninstall(KEY, raw(1), seen(), None)
    assert not kube.finalizer_removed


async def test_uninstall_gives_up_at_the_limit_and_says_how_to_go_on() -> None:
    deletion, kube, helm = make()
    assert await deletion.uninstall(KEY, raw(LIMIT_S + 1), seen(), FAILED) is True
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
    assert (kube.deleted, kube.finalizer_removed, kube.recorded) == (["data-0"], False, [])
    assert await deletion.finish(KEY, raw(2), seen(), "Delete", owned=True) is True
    assert kube.finalizer_removed
    assert kube.recorded == [(Reason.VOLUMES_DELETED, "volumes deleted: data-0", False)]


@pytest.mark.parametrize("pods", [0, 1])
async def test_volumes_that_do_not_go_are_left_at_the_limit(pods: int) -> None:
    deletion, kube, _ = make()
    claims = seen("data-0", pods=pods)
    assert await deletion.finish(KEY, raw(LIMIT_S + 1), claims, "Delete", owned=True) is True
    assert kube.deleted == ["data-0"]
    message = only_event(kube, Reason.VOLUMES_LEFT, warning=True)
    assert "kubectl describe pvc -n demo data-0" in message


@pytest.mark.parametrize(("policy", "kept"), [("Retain", {"t-weaviate-keys"}), ("Delete", set())])
async def test_keys_stay_where_volumes_stay(policy: str, kept: set[str]) -> None:
    deletion, kube, _ = make()
    kube.secrets.kept = {"t-weaviate-keys"}
    assert await deletion.finish(KEY, raw(1), seen(), policy, owned=True) is True
    assert kube.secrets.kept == kept
    if kept:
        message = only_event(kube, Reason.KEYS_KEPT, warning=False)
        assert message.endswith("kubectl delete configmap -n demo t-weaviate-keys")
    else:
        assert kube.recorded == []


async def test_keys_of_somebody_else_are_left() -> None:
    deletion, kube, _ = make()
    kube.secrets.kept = {"t-weaviate-keys"}
    assert await deletion.finish(KEY, raw(1), seen(), "Delete", owned=False) is True
    assert kube.secrets.kept == {"t-weaviate-keys"}


async def test_volumes_of_somebody_else_are_never_touched() -> None:
    deletion, kube, _ = make()
    assert await deletion.finish(KEY, raw(1), seen("data-0"), "Delete", owned=False) is True
    assert (kube.deleted, kube.recorded) == ([], [])


async def test_volumes_are_deleted_only_when_no_pod_is_left_to_write() -> None:
    deletion, kube, _ = make()
    assert await deletion.finish(KEY, raw(1), seen("data-0", pods=1), "Delete", owned=True) is False
    assert kube.deleted == []
    assert await deletion.finish(KEY, raw(2), seen("data-0"), "Delete", owned=True) is False
    assert kube.deleted == ["data-0"]


@pytest.mark.parametrize("owner", [None, "of another"])
async def test_volumes_that_the_resource_never_used_are_kept(owner: str | None) -> None:
    deletion, kube, _ = make()
    claims = seen("data-0", owner=owner, created=EARLIER)
    assert await deletion.finish(KEY, raw(1), claims, "Delete", owned=True) is True
    assert kube.deleted == []
    assert "this resource never used them" in only_event(kube, Reason.VOLUMES_KEPT, warning=False)


async def test_a_volume_that_came_too_late_for_its_mark_goes_with_its_release() -> None:
    deletion, kube, _ = make()
    await deletion.uninstall(KEY, raw(1), seen(), None)
    assert await deletion.finish(KEY, raw(2), seen("data-0", owner=None), "Delete", owned=True) is False
    assert kube.deleted == ["data-0"]


async def test_nothing_to_keep_says_nothing() -> None:
    deletion, kube, _ = make()
    assert await deletion.finish(KEY, raw(1), seen(), "Retain", owned=True) is True
    assert kube.recorded == []


@pytest.mark.parametrize("told", [set(), {Reason.UNINSTALLED}, {Reason.UNINSTALLED, Reason.VOLUMES_KEPT}])
async def test_what_an_operator_that_died_had_told_is_told_once(told: set[Reason]) -> None:
    deletion, kube, _ = make()
    kube.told_before = told
    resource = raw(1.0) | {"status": {"release": {"revision": 1}}}
    assert await deletion.finish(KEY, resource, seen("data"), "Retain", owned=True)
    assert {reason for reason, _, _ in kube.recorded} == {Reason.UNINSTALLED, Reason.VOLUMES_KEPT} - told


async def test_an_uninstall_that_failed_and_has_done_its_work_is_told() -> None:
    deletion, kube, _ = make(FakeHelm(HelmFailed("the answer was lost")))
    with pytest.raises(HelmFailed):
        await deletion.uninstall(KEY, raw(1.0), seen(), None)
    assert await deletion.finish(KEY, raw(1.0), seen("data"), "Retain", owned=True)
    assert [reason for reason, _, _ in kube.recorded] == [Reason.UNINSTALLED, Reason.VOLUMES_KEPT]


async def test_what_cannot_be_told_now_is_told_by_the_next_look() -> None:
    deletion, kube, _ = make()
    kube.error = ApiUnavailable("503")
    with pytest.raises(ApiUnavailable):
        await deletion.finish(KEY, raw(1.0), seen("data"), "Retain", owned=True)
    kube.error = None
    assert await deletion.finish(KEY, raw(1.0), seen("data"), "Retain", owned=True)
    assert [reason for reason, _, _ in kube.recorded] == [Reason.VOLUMES_KEPT]
